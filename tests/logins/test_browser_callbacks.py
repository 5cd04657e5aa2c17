"""What browsers bring to the callback that no honest identity provider has given them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.gateway.browser.markup import Markup, faults
from tests.logins.browsing import Browser, query_of
from tests.logins.identity import CHALLENGE, RETURN, brought_by
from tests.logins.scenes import Scene, two_issuers
from tests.logins.site import words
from tests.servers.gateway import Reply, post
from tests.servers.oidc_keys import ABSENT
from tests.servers.redis_server import RedisServer

ASKED: Final[dict[str, Any]] = {"return_url": RETURN, "code_challenge": CHALLENGE}
HTML: Final = "<script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, shared_redis: RedisServer) -> Iterator[Scene]:
    with two_issuers(tmp_path_factory, shared_redis) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    yield running
    for each in (running.idp, running.quiet, running.other):
        each.callback = {}


class Return:
    """A browser on its way back from an identity provider, with ``url``."""

    def __init__(self, scene: Scene, provider: str = "idp") -> None:
        self.scene = scene
        self.browser = Browser(scene.site)
        self.challenge = scene.site.start(provider, **ASKED)
        self.url = self.browser.sign_in_there(self.browser.depart(self.challenge["url"]))

    def changed(self, **changes: str | None) -> str:
        """Return the URL with other parameters; None: without."""
        query = {**query_of(self.url), **changes}
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self.url.partition('?')[0]}?{urlencode(given)}"

    def lands(self) -> bool:
        """Whether the browser signs in, after all, by the URL that is the right one."""
        return words([self.scene.site.redeem(brought_by(self.browser.get(self.url)))]) == ["OK"]

    def audited(self) -> dict[str, Any]:
        """Return what the audit says of the browser."""
        (line,) = self.scene.site.audit(self.browser.client)
        return line


def reads_well(reply: Reply) -> Markup:
    page = Markup(reply.body.decode())
    assert list(faults(page)) == []
    return page


# O2, A101: state


@pytest.mark.parametrize("state", ["missing", "empty", "guessed", "cut", "other", "huge"])
def test_a101_state_that_was_never_given(scene: Scene, state: str) -> None:
    back = Return(scene)
    trip, once, binding = query_of(back.url)["state"].split(".")
    word = secrets.token_urlsafe(16)
    states = {
        "missing": None,
        "empty": "",
        "guessed": f"{word}.{word}.{secrets.token_urlsafe(32)}",
        "cut": f"{trip}.{once}",
        "other": f"{trip}.{word}.{binding}",
        "huge": "x" * 8000,
    }
    reply = scene.turned_away(back.browser, back.changed(state=states[state]))
    assert reply.status in (400, 403)
    reads_well(reply)
    assert back.audited()["action"] == "sequence_fail"
    assert back.lands()


def test_a101_state_comes_back_once(scene: Scene) -> None:
    back = Return(scene)
    assert back.lands()
    assert scene.turned_away(back.browser, back.url).status == 410
    again = scene.turned_away(back.browser, back.changed(code="another"))
    assert again.status == 410


def test_a101_state_comes_back_once_even_in_vain(scene: Scene) -> None:
    back = Return(scene)
    scene.turned_away(back.browser, back.changed(iss="https://evil.example"))
    assert scene.turned_away(back.browser, back.url).status == 410
    # The person may go there again, with a state of its own.
    assert brought_by(back.browser.sign_in(back.challenge["url"]))


def test_o8_a101_state_of_another_provider(scene: Scene) -> None:
    for one, another in ("other", "idp"), ("idp", "other"), ("posting", "idp"), ("idp", "posting"):
        back = Return(scene, one)
        swapped = back.url.replace(f"/callback/{one}?", f"/callback/{another}?")
        assert scene.turned_away(back.browser, swapped).status == 403
        assert back.audited()["action"] == "sequence_fail"
        assert back.lands()


def test_o2_a101_browsers_without_the_cookie(scene: Scene) -> None:
    back = Return(scene)
    stranger, traveller = Browser(scene.site), Browser(scene.site)
    traveller.depart(scene.site.start("idp", **ASKED)["url"])
    traveller.depart(back.challenge["url"])  # the same trip, with a state of its own
    for other in (stranger, traveller):
        reply = scene.turned_away(other, back.url)
        assert reply.status == 403
        reads_well(reply)
    assert back.lands()


@pytest.mark.parametrize(
    "cookie",
    [
        "__Host-signin=",
        "__Host-signin=guessed",
        f"__Host-signin={'A' * 22}",
        f"__Secure-signin={{}}; signin={{}}; __Host-signin={'A' * 22}",
        "__host-signin={}",
        "__Host-signin-post=; __Host-signin=x{}",
        f"__Host-signin={'A' * 22}; __Host-signin={{}}; __Host-signin={'B' * 22}",
    ],
)
def test_o2_cookies_that_are_no_proof(scene: Scene, cookie: str) -> None:
    back = Return(scene)
    (own,) = back.browser.cookies.values()
    stranger = Browser(scene.site)
    headers = {"Cookie": cookie.replace("{}", own.value)}
    before = scene.redeemed
    assert stranger.get(back.url, headers).status == 403
    assert scene.redeemed == before
    assert back.lands()


# O8, A103: issuer


@pytest.mark.parametrize(
    ("provider", "iss"),
    [
        pytest.param("idp", None, id="a103 missing although announced"),
        pytest.param("idp", "", id="a103 empty"),
        pytest.param("idp", "{other}", id="a103 of the other provider"),
        pytest.param("idp", "{idp}/", id="a103 with a slash"),
        pytest.param("quiet", "{other}", id="a103 wrong where none is announced"),
        pytest.param("quiet", "", id="a103 empty where none is announced"),
    ],
)
def test_issuer_of_the_answer(scene: Scene, provider: str, iss: str | None) -> None:
    back = Return(scene, provider)
    wrong = iss and iss.format(other=scene.other.issuer, idp=scene.idp.issuer)
    before = scene.redeemed
    reply = back.browser.get(back.changed(iss=wrong))
    assert reply.status == 403
    assert scene.redeemed == before
    assert "iss" in back.audited()["detail"]
    assert scene.turned_away(back.browser, back.url).status == 410


def test_o8_issuer_is_not_needed_where_none_is_announced(scene: Scene) -> None:
    back = Return(scene, "quiet")
    assert "iss" not in query_of(back.url)
    assert back.lands()


def test_a103_mix_up_of_two_identity_providers(scene: Scene) -> None:
    """The other one sends people on to the first one, to get hold of its code."""
    browser = Browser(scene.site)
    state = query_of(browser.depart(scene.site.start("other", **ASKED)["url"]))["state"]
    honest = query_of(browser.depart(scene.site.start("idp", **ASKED)["url"]))
    there = f"{scene.idp.url}/authorize?{urlencode({**honest, 'state': state})}"
    back = browser.sign_in_there(there)
    assert back.startswith(f"{scene.site.public_url}/callback/idp?")
    assert scene.turned_away(browser, back).status == 403
    moved = back.replace("/callback/idp?", "/callback/other?")
    assert scene.turned_away(browser, moved).status == 403  # by the name in it


def test_o1_code_of_another_trip(scene: Scene) -> None:
    """Whose verifier and nonce are others, although browser and provider are the same."""
    thief, victim = Return(scene), Return(scene)
    stolen = thief.changed(code=query_of(victim.url)["code"])
    reply = thief.browser.get(stolen)
    assert (reply.status, reply.header("Location")) == (403, None)
    assert "code is refused" in thief.audited()["detail"]


def test_o3_token_with_the_nonce_of_another_trip(scene: Scene) -> None:
    for nonce in ("another", ABSENT, None, ""):
        scene.idp.claims = {"nonce": nonce}
        try:
            back = Return(scene)
            reply = back.browser.get(back.url)
        finally:
            scene.idp.claims = {}
        assert (reply.status, reply.header("Location")) == (403, None)
        assert "nonce" in back.audited()["detail"]


# A113 and other answers that are none


@pytest.mark.parametrize(
    "more",
    [
        "code=another",
        "state=another",
        "iss=https%3A%2F%2Fevil.example",
        "session_state=1&session_state=1",
        "code=",
        "co%64e=another",
        "&".join(f"p{i}=1" for i in range(70)),
    ],
)
def test_a113_parameters_come_once_and_are_few(scene: Scene, more: str) -> None:
    back = Return(scene)
    for url in (
        f"{back.url}&{more}",
        f"{back.url.partition('?')[0]}?{more}&{urlsplit(back.url).query}",
    ):
        assert scene.turned_away(back.browser, url).status == 400
    posted = back.browser.post(
        back.url.partition("?")[0], f"{urlsplit(back.url).query}&{more}", cross_site=False
    )
    assert posted.status == 400
    assert back.lands()


@pytest.mark.parametrize(
    "changes",
    [
        {"code": None},
        {"code": ""},
        {"code": None, "id_token": "eyJhbGciOiJub25lIn0.e30.", "access_token": "x"},
        {"code": None, "response": "eyJhbGciOiJub25lIn0.e30."},
        {"code": "line\nbreak"},
        {"code": "\N{BLACK HEART SUIT}"},
        {"code": "x" * 5000},
    ],
)
def test_answers_without_a_code(scene: Scene, changes: dict[str, str | None]) -> None:
    back = Return(scene)
    before = scene.redeemed
    reply = back.browser.get(back.changed(**changes))
    assert (reply.status, reply.header("Location")) == (403, None)
    assert scene.redeemed == before
    reads_well(reply)


@pytest.mark.parametrize(
    "changes",
    [
        {"error": "access_denied", "error_description": HTML},
        {"error": HTML, "error_description": HTML, "error_uri": f"javascript:{HTML}"},
        {"error": "server_error", "error_description": HTML},
        {"error": "login_required\r\nSet-Cookie: a=b", "error_description": "\r\nX-Evil: 1"},
        {"error": "access_denied", "error_description": "call ann@example.test +18005551234"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_o13_words_of_identity_providers_are_never_shown(
    scene: Scene, changes: dict[str, str], method: str
) -> None:
    back = Return(scene, "idp" if method == "GET" else "posting")
    url, _, query = back.changed(code=None, **changes).partition("?")
    if method == "GET":
        reply = back.browser.get(f"{url}?{query}")
    else:
        reply = back.browser.post(url, query, cross_site=True)
    said = reply.body.decode() + str(reply.headers)
    for word in ("alert", "onerror", "Evil", "Set-Cookie: a", "javascript", "ann@", "1800555"):
        assert word not in said
    page = reads_well(reply)
    (link,) = [a["href"] for a in page.all("a") if a["href"].startswith(RETURN)]
    assert query_of(link)["error"] in ("BADLOGIN", "UNAVAILABLE")
    assert "ann@" not in str(back.audited())


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("GET", "/callback/nobody", "", 404),
        ("GET", "/callback/phone", "", 404),  # has no site of its own
        ("GET", "/callback/", "", 404),
        ("GET", "/callback/idp/", "", 404),
        ("GET", "/callback/../callback/idp", "", 404),
        ("GET", f"/callback/{quote('https://evil.example', safe='')}", "", 404),
        ("HEAD", "/callback/idp", "", 405),
        ("PUT", "/callback/idp", "", 405),
        ("POST", "/callback/idp", "application/json", 415),
        ("POST", "/callback/idp", "text/plain", 415),
        ("POST", "/callback/idp", "multipart/form-data; boundary=x", 415),
    ],
)
def test_requests_that_no_identity_provider_makes(
    scene: Scene, method: str, path: str, content_type: str, status: int
) -> None:
    back = Return(scene)
    query = urlsplit(back.url).query
    cookies = "; ".join(f"{c.key}={c.value}" for c in back.browser.cookies.values())
    headers = {"Cookie": cookies, **({"Content-Type": content_type} if content_type else {})}
    before = scene.redeemed
    reply = post(
        scene.site.next_url(),
        query if method == "POST" else b"",
        headers,
        path if method == "POST" else f"{path}?{query}",
        method,
        tls=scene.site.trust,
    )
    assert reply.status == status
    assert scene.redeemed == before
    assert back.lands()


def test_o2_form_posted_across_sites_where_none_is_expected(scene: Scene) -> None:
    """The cookie of a provider that answers by query stays at home then."""
    back = Return(scene)
    url, _, query = back.url.partition("?")
    assert back.browser.post(url, query, cross_site=True).status == 403
    assert back.lands()


def test_a49_host_header_changes_nothing(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    for name in ("Host", "X-Forwarded-Host", "Forwarded"):
        evil = {name: "host=evil.example" if name == "Forwarded" else "evil.example"}
        body = {"op": "login", "appid": "com.example.messenger", "provider": "idp", "dt": 1}
        answer = post(site.next_url(), body, evil, tls=site.trust).json
        url = answer["challenge"]["url"]
        assert url.startswith(f"{site.public_url}/signin/")
        there = browser.get(url, evil).header("Location")
        assert query_of(str(there))["redirect_uri"] == f"{site.public_url}/callback/idp"
        back = browser.sign_in_there(str(there))
        reply = browser.get(back, evil)
        assert reply.status == 200
        assert b"evil" not in reply.body
