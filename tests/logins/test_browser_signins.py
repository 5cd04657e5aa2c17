"""People who sign in with a browser, where each request may go to another gateway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.gateway.browser.markup import Markup, faults
from tests.logins.browsing import Browser, query_of
from tests.logins.identity import (
    APP,
    CHALLENGE,
    LOOPBACK,
    NAME,
    RETURN,
    VERIFIER,
    WEB_RETURN,
    SignInSite,
    brought_by,
    by_issuer,
    clients,
    fresh_public_url,
    serving,
)
from tests.logins.site import words
from tests.servers.oidc_fake import TOKEN, OidcFake
from tests.servers.oidc_grants import s256
from tests.servers.redis_server import RedisServer
from tests.servers.tls import Authority
from tests.servers.visitor import find_form

ASKED: dict[str, Any] = {"return_url": RETURN, "code_challenge": CHALLENGE}


@dataclass(frozen=True)
class Scene:
    site: SignInSite
    idp: OidcFake


@pytest.fixture(scope="module", params=["memory", "redis"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """One gateway, or two on one Redis."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    public_url = fresh_public_url()
    store, count = "memory://", 1
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("shared_redis")
        store, count = redis.url, 2
    known = clients(public_url, "idp", "posting")
    with OidcFake(authority.server(), known) as idp:
        providers = {
            "idp": by_issuer(idp.issuer, authority),
            "posting": by_issuer(idp.issuer, authority, response_mode="form_post"),
        }
        folder = tmp_path_factory.mktemp("site")
        with serving(
            folder, authority, providers, count=count, public_url=public_url, store={"url": store}
        ) as site:
            yield Scene(site, idp)


def test_from_the_app_to_the_identity_provider_and_back_with_a_code(scene: Scene) -> None:
    site = scene.site
    challenge = site.start("idp", **ASKED)
    assert challenge["kind"] == "redirect"
    assert challenge["provider"] == "idp"
    assert challenge["url"] == f"{site.public_url}/signin/{challenge['id']}"
    assert 0 < challenge["expires_in"] <= 600
    minted = len(site.mesibo.minted)
    brought = brought_by(reply := Browser(site).sign_in(challenge["url"]))
    assert str(reply.header("Location")).startswith(f"{RETURN}?")
    assert brought.keys() == {"challenge", "code"}
    assert brought["challenge"] == challenge["id"]
    assert len(site.mesibo.minted) == minted  # the token is made when the app asks for it
    answer = site.redeem(brought)
    assert (answer["result"], answer["address"], answer["name"]) == (
        "OK",
        "idp:ann-1",
        "Ann Example",
    )
    assert answer["token"] == site.mesibo.minted[-1].token


def test_o1_o2_o3_what_the_identity_provider_is_asked(scene: Scene) -> None:
    asked = []
    for _ in range(2):
        browser = Browser(scene.site)
        there = browser.depart(scene.site.start("idp", **ASKED)["url"])
        assert there.startswith(f"{scene.idp.url}/authorize?")
        asked.append(query_of(there))
        (cookie,) = browser.cookies.values()
        assert cookie.key == "__Host-signin"
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
        assert cookie["path"] == "/"
    for name in ("state", "nonce", "code_challenge"):
        one, other = (each.pop(name) for each in asked)
        assert one != other
        assert len(one) >= 43
        assert CHALLENGE not in (one, other)  # that is the app's, this is the gateway's
    assert asked[0] == asked[1]
    assert asked[0] == {
        "response_type": "code",
        "client_id": "gateway-client",
        "redirect_uri": f"{scene.site.public_url}/callback/idp",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
        "ui_locales": "en",
    }


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(RETURN, id="o10 scheme of the app"),
        pytest.param(WEB_RETURN, id="o10 claimed https with a query of its own"),
        pytest.param(LOOPBACK, id="o10 loopback"),
        pytest.param("http://127.0.0.1:49152/signed-in", id="o10 loopback at another port"),
    ],
)
def test_listed_return_urls(scene: Scene, url: str) -> None:
    challenge = scene.site.start("idp", return_url=url, code_challenge=CHALLENGE)
    reply = Browser(scene.site).sign_in(challenge["url"])
    mark = "&" if "?" in url else "?"
    assert str(reply.header("Location")).startswith(f"{url}{mark}challenge=")
    assert words([scene.site.redeem(brought_by(reply))]) == ["OK"]


def test_without_a_return_url_the_code_is_shown_and_typed(scene: Scene) -> None:
    site = scene.site
    challenge = site.start("idp", code_challenge=CHALLENGE)
    reply = Browser(site).sign_in(challenge["url"])
    assert (reply.status, reply.header("Location")) == (200, None)
    page = Markup(reply.body.decode())
    assert list(faults(page)) == []
    assert NAME in page.one("h1").text
    code = page.one("p", class_="code").text
    assert len(code) == 8
    assert code.isdigit()
    typed = f"{code[:4]} {code[4:]}"
    answer = site.login(challenge=challenge["id"], otp=typed, code_verifier=VERIFIER)
    assert answer["address"] == "idp:ann-1"


def test_o12_o13_pages_keep_to_themselves(scene: Scene) -> None:
    challenge = scene.site.start("idp")
    reply = Browser(scene.site).sign_in(challenge["url"])
    policy = str(reply.header("Content-Security-Policy"))
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for name, value in {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }.items():
        assert reply.header(name) == value


def test_o17_answer_that_is_posted_across_sites(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    there = browser.depart(site.start("posting", **ASKED)["url"])
    assert query_of(there)["response_mode"] == "form_post"
    posted = {cookie.key: cookie["samesite"] for cookie in browser.cookies.values()}
    assert posted == {"__Host-signin-post": "None"}
    back = browser.sign_in_there(there)
    url = back.partition("?")[0]
    reply = browser.post(url, urlsplit(back).query, cross_site=True)
    assert reply.status == 303  # with 307 the browser would post the code on to the app's site
    assert site.redeem(brought_by(reply))["address"] == "posting:ann-1"


def test_sign_in_page_leads_there_and_back(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    asked = {"appid": APP, "return_url": WEB_RETURN, "code_challenge": CHALLENGE}
    page = Markup(browser.get(f"{site.public_url}/signin?{urlencode(asked)}").body.decode())
    assert list(faults(page)) == []
    (link,) = [a["href"] for a in page.all("a") if "provider=idp" in a["href"]]
    chosen = browser.get(site.public_url + link)
    assert chosen.status == 303
    brought = brought_by(browser.sign_in(str(chosen.header("Location"))))
    assert brought["from"] == "idp"  # of the return URL itself
    assert site.redeem(brought)["address"] == "idp:ann-1"


def test_o17_code_that_is_typed_into_the_page(scene: Scene, number: str) -> None:
    """What was posted goes no further: the browser leaves with GET."""
    site, browser = scene.site, Browser(scene.site)
    asked = {"appid": APP, "provider": "phone", "return_url": RETURN, "code_challenge": CHALLENGE}
    url = f"{site.public_url}/signin?{urlencode(asked)}"
    shown = browser.get(url)
    for typed in ({"phone": number}, {"otp": ""}):
        form = find_form(shown.body.decode(), url)
        assert form is not None
        if "otp" in typed:
            typed = {"otp": site.sms.code_for(number)}
        step = next(iter(form.buttons.values()))
        shown = browser.post(form.action, form.fields | step | typed, cross_site=False)
    assert site.redeem(brought_by(shown))["address"] == number


def test_somebody_who_turns_back_is_not_counted_and_may_try_again(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    challenge = site.start("idp", **ASKED)
    for _ in range(7):  # more than failures_per_identity
        scene.idp.cancels = True
        reply = browser.sign_in(challenge["url"])
        scene.idp.cancels = False
        assert reply.status == 200
        page = Markup(reply.body.decode())
        links = {a["href"] for a in page.all("a")}
        assert f"/signin/{challenge['id']}" in links
        (back,) = [link for link in links if link.startswith(RETURN)]
        assert query_of(back).keys() == {"challenge", "error"}
    lines = [line for line in site.audit(browser.client, 7) if line["event"] == "login"]
    assert {(line["outcome"], line["action"]) for line in lines} == {
        ("cancelled", "authn_login_cancelled")
    }
    assert words([site.redeem(brought_by(browser.sign_in(challenge["url"])))]) == ["OK"]


def test_many_people_at_once(scene: Scene) -> None:
    site = scene.site
    challenges = [site.start("idp", **ASKED) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda each: Browser(site).sign_in(each["url"]), challenges))
    brought = [brought_by(reply) for reply in replies]
    assert [each["challenge"] for each in brought] == [each["id"] for each in challenges]
    assert len({each["code"] for each in brought}) == 20
    assert set(words(site.redeem(each) for each in brought)) == {"OK"}


def test_c19_parallel_returns_of_one_browser_hand_over_once(scene: Scene) -> None:
    site, browser = scene.site, Browser(scene.site)
    challenge = site.start("idp", **ASKED)
    back = browser.sign_in_there(browser.depart(challenge["url"]))
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: browser.get(back), range(20)))
    statuses = Counter(reply.status for reply in replies)
    assert statuses[303] == 1
    assert statuses.keys() <= {303, 410, 503}
    (landed,) = [reply for reply in replies if reply.status == 303]
    assert words([site.redeem(brought_by(landed))]) == ["OK"]


def test_c19_parallel_redemptions_give_one_token(scene: Scene) -> None:
    site = scene.site
    brought = brought_by(Browser(site).sign_in(site.start("idp", **ASKED)["url"]))
    minted = len(site.mesibo.minted)
    fields = {"challenge": brought["challenge"], "otp": brought["code"], "code_verifier": VERIFIER}
    answers = Counter(words(site.at_once([fields] * 20)))
    assert answers["OK"] == 1
    assert answers.keys() <= {"OK", "BADOTP", "UNAVAILABLE"}
    assert len(site.mesibo.minted) == minted + 1
    assert words([site.redeem(brought)]) == ["BADOTP"]


def test_c22_mesibo_is_down_and_the_code_works_afterwards(scene: Scene) -> None:
    site = scene.site
    brought = brought_by(Browser(site).sign_in(site.start("idp", **ASKED)["url"]))
    site.mesibo.fail("http503")
    for _ in range(3):
        assert words([site.redeem(brought)]) == ["UNAVAILABLE"]
    site.mesibo.ok()
    assert words([site.redeem(brought)]) == ["OK"]
    assert words([site.redeem(brought)]) == ["BADOTP"]


def test_a111_identity_provider_fails_at_the_return_and_the_person_tries_again(
    scene: Scene,
) -> None:
    site, browser = scene.site, Browser(scene.site)
    challenge = site.start("idp", **ASKED)
    scene.idp.script(TOKEN, "http503", times=1)
    reply = browser.sign_in(challenge["url"])
    assert reply.status == 503
    page = Markup(reply.body.decode())
    assert f"/signin/{challenge['id']}" in {a["href"] for a in page.all("a")}
    assert words([site.redeem(brought_by(browser.sign_in(challenge["url"])))]) == ["OK"]


def test_o20_code_of_the_identity_provider_is_redeemed_with_the_verifier_of_the_trip(
    scene: Scene,
) -> None:
    scene.idp.forget()
    site, browser = scene.site, Browser(scene.site)
    there = browser.depart(site.start("idp", **ASKED)["url"])
    brought_by(browser.get(browser.sign_in_there(there)))
    (visit,) = scene.idp.visits(TOKEN)
    assert s256(visit.form["code_verifier"]) == query_of(there)["code_challenge"]
    assert visit.form["redirect_uri"] == query_of(there)["redirect_uri"]
    assert visit.form["grant_type"] == "authorization_code"  # o16: never password
