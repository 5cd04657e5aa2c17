"""Whatever becomes of a sign-in with an identity provider, nothing secret gets out of the gateway.

Everything happens once before the tests, with logs as talkative as they can be. The identity
provider repeats what it was sent, wherever it can write something.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.logins.browsing import Browser, query_of
from tests.logins.identity import (
    APP,
    CHALLENGE,
    CLIENT,
    CLIENT_SECRET,
    RETURN,
    STORE_SECRET,
    VERIFIER,
    SignInSite,
    brought_by,
    by_issuer,
    clients,
    fresh_public_url,
    serving,
)
from tests.logins.site import Answer, until
from tests.servers.gateway import Reply as Got
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import AUTHORIZE, JWKS, TOKEN, USERINFO, OidcFake
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_keys import ABSENT, Key, Unsigned
from tests.servers.tls import Authority

SUBJECT: Final = "subject-4711-of-ann"
EMAIL: Final = "ann.secret@example.test"
PHONE: Final = "+447700900123"
PERSON: Final = {
    "sub": SUBJECT,
    "name": "Ann Secretname",
    "preferred_username": "ann-secret-name",
    "email": EMAIL,
    "email_verified": True,
    "phone_number": PHONE,
    "phone_number_verified": True,
}
ASKED: Final[dict[str, Any]] = {"return_url": RETURN, "code_challenge": CHALLENGE}
ECHO: Final = ("http500", "html", "json400", "not_utf8", "array", "truncated_json", "redirect")


@dataclass
class Story:
    """What happened, and the secrets in it."""

    site: SignInSite
    idp: OidcFake
    secrets: set[str] = field(default_factory=set)
    logins: int = 0
    refused: list[Any] = field(default_factory=list)
    before: set[str] = field(default_factory=set)  # series of metrics

    def ask(self, provider: str, **fields: Any) -> Answer:
        self.logins += 1
        self.secrets |= {
            str(fields[name])
            for name in ("id_token", "nonce", "access_token", "code", "code_verifier", "otp")
            if len(str(fields.get(name) or "")) > 7
        }
        answer = self.site.ask(provider, **fields)
        if answer["result"] == "FAIL":
            self.refused.append(answer)
        return answer

    def token(self, changes: Mapping[str, Any] | None = None, **more: Any) -> str:
        return self.idp.token({"jti": secrets.token_hex(8), **(changes or {})}, **more)

    def came_back(self, browser: Browser, url: str, *, posted: bool = False) -> Got:
        """Open a callback URL."""
        self.logins += 1
        self.secrets |= {value for value in query_of(url).values() if len(value) > 20}
        self.secrets |= {cookie.value for cookie in browser.cookies.values()}
        if not posted:
            reply = browser.get(url)
        else:
            there, _, query = url.partition("?")
            reply = browser.post(there, query, cross_site=True)
        if reply.status >= 400:
            self.refused.append(reply.body.decode())
        return reply


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    public_url = fresh_public_url()
    known = clients(public_url, "idp", "posting", "staff", "mail", "wrong")
    with OidcFake(authority.server(), known) as idp:
        idp.person = dict(PERSON)
        one = by_issuer(idp.issuer, authority)
        providers = {
            "idp": one,
            "posting": by_issuer(idp.issuer, authority, response_mode="form_post"),
            "staff": by_issuer(idp.issuer, authority, require={"groups": "staff"}),
            "mail": {**one, "address": "{email}"},
            "wrong": by_issuer(idp.issuer, authority, client_secret=f"{CLIENT_SECRET}x"),
        }
        logging = {"format": "json", "level": "debug"}
        folder = tmp_path_factory.mktemp("site")
        with serving(folder, authority, providers, public_url=public_url, logging=logging) as site:
            told = Story(site, idp)
            for tell in (tokens, codes, browsers, refusals, hostile):
                tell(told)
                idp.sound()
            (metrics,) = site.metrics()
            told.before = series(metrics)
            hostile(told)
            gather(told)
            yield told


def tokens(story: Story) -> None:
    good = story.token({"nonce": "nonce-of-the-app-1"})
    story.ask("idp", id_token=good, nonce="nonce-of-the-wrong")
    story.site.mesibo.fail("http503", times=2)  # it is tried twice
    story.ask("idp", id_token=good, nonce="nonce-of-the-app-1")
    story.site.mesibo.ok()
    assert story.ask("idp", id_token=good, nonce="nonce-of-the-app-1")["result"] == "OK"
    story.ask("idp", id_token=good, nonce="nonce-of-the-app-1")
    assert story.ask("mail", id_token=story.token())["address"] == EMAIL
    for changes in (
        *({"aud": "x"}, {"azp": "x"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": ""}),
        *({"iat": 4_000_000_000, "exp": 4_000_000_300}, {"nonce": "nonce-of-nobody"}),
        {"email_verified": False},
    ):
        story.ask("mail", id_token=story.token(changes))
    evil = Key("RS256", kid="kid-of-the-evil-one")
    for header in ({}, {"typ": "at+jwt"}, {"crit": ["x"]}, {"jku": "https://evil.example"}):
        story.ask("idp", id_token=story.token(header=header, by=evil))
    story.ask("idp", id_token=story.token(by=Unsigned()))
    story.ask("idp", id_token="not-a-token-but-long-enough")
    story.ask("idp", id_token=story.token(), access_token="access-token-of-the-app")
    for fault in ECHO:
        story.idp.script(JWKS, fault, times=1)
        story.ask("staff", id_token=story.token(by=evil), access_token="access-token-2")


def got(story: Story) -> dict[str, str]:
    code = ""
    while not any(map(str.isdigit, code)):  # one without could be a word, for all anybody knows
        flow = Flow(CLIENT, RETURN)
        back = Browser(story.site).sign_in_there(flow.start(story.idp.url + AUTHORIZE))
        code = query_of(back)["code"]
    proof = {"code_verifier": flow.verifier, "redirect_uri": RETURN, "nonce": flow.nonce}
    return {"code": code, **proof}


def codes(story: Story) -> None:
    assert story.ask("idp", **got(story))["result"] == "OK"
    story.ask("idp", **{**got(story), "code_verifier": "verifier-" * 6})
    story.ask("idp", **{**got(story), "nonce": "nonce-of-another-one"})
    story.ask("idp", **{**got(story), "redirect_uri": "https://evil.example/secret-path"})
    story.ask("wrong", **got(story))
    for fault in ECHO:
        story.idp.script(TOKEN, fault)
        story.ask("idp", **got(story))
    for word in ("invalid_grant", "invalid_client", "invalid_request", "server_error", "odd"):
        brought = got(story)
        said = f"code {brought['code']} of {EMAIL} {PHONE} by {brought['code_verifier']}"
        echo = {"error": word, "error_description": said, "error_uri": said}
        story.idp.script(TOKEN, Reply(echo, 400))
        story.ask("idp", **brought)
    for junk in ({"access_token": "a b", "token_type": EMAIL}, {"id_token": 7}, {"error": [EMAIL]}):
        story.idp.script(TOKEN, Reply(junk))
        story.ask("idp", **got(story))
    story.idp.sound()
    story.idp.claims = dict.fromkeys(("name", "email", "groups"), ABSENT)
    for answer in (
        "http500",
        Reply({"sub": "other", "email": EMAIL}),
        Reply({"error": EMAIL}, 401),
    ):
        for provider in ("idp", "staff"):
            story.idp.script(USERINFO, answer)
            story.ask(provider, **got(story))
    story.idp.claims = {}


def browsers(story: Story) -> None:
    site, idp = story.site, story.idp
    for provider in ("idp", "posting"):
        browser = Browser(site)
        story.logins += 1
        back = browser.sign_in_there(browser.depart(site.start(provider, **ASKED)["url"]))
        reply = story.came_back(browser, back, posted=provider == "posting")
        brought = brought_by(reply)
        given = {"challenge": brought["challenge"], "otp": brought["code"]}
        story.ask(provider, **given, code_verifier=VERIFIER)
        story.ask(provider, **given, code_verifier=VERIFIER)
        story.came_back(browser, back)
        story.came_back(Browser(site), back)
    said = f"{EMAIL} {PHONE} {secrets.token_urlsafe(40)}"
    for answer in (
        {"error": "access_denied", "error_description": said, "code": ABSENT},
        {"error": "server_error", "error_description": said, "code": ABSENT},
        {"error": said, "error_description": said, "code": ABSENT},
        {"iss": f"https://{EMAIL}"},
        {"code": ABSENT, "id_token": story.token()},
    ):
        idp.callback = answer
        browser = Browser(site)
        story.logins += 1
        back = browser.sign_in_there(browser.depart(site.start("idp", **ASKED)["url"]))
        story.came_back(browser, back)
    idp.callback = {}
    browser = Browser(site)
    story.logins += 1
    back = browser.sign_in_there(browser.depart(site.start("idp")["url"]))
    page = story.came_back(browser, back).body.decode()
    story.secrets |= set(re.findall(r'data-copy="([0-9]{8})"', page))


def refusals(story: Story) -> None:
    """In a browser, after the identity provider has told who it is."""
    for claims in ({"nonce": "x"}, {"aud": "x"}, {"sub": 7}):
        story.idp.claims = claims
        browser = Browser(story.site)
        story.logins += 1
        back = browser.sign_in_there(browser.depart(story.site.start("idp", **ASKED)["url"]))
        story.came_back(browser, back)
    story.idp.claims = {}


def hostile(story: Story) -> None:
    """Words that would like to be labels."""
    for _ in range(10):
        word = secrets.token_hex(8)
        story.ask(secrets.token_hex(8), id_token=secrets.token_hex(32))
        story.ask("idp", appid=word, id_token=story.token())
        story.ask("idp", id_token=story.token({"iss": f"https://{word}.example", "azp": word}))
        story.ask("idp", id_token=story.token(header={"alg": word, "kid": word}))
        story.ask("idp", return_url=f"https://{word}.example")
        browser = Browser(story.site)
        url = f"{story.site.public_url}/callback"
        browser.get(f"{url}/{word}?state={word}")  # no login: there is no such provider
        state = {"state": secrets.token_hex(32), "error": word}
        story.came_back(browser, f"{url}/idp?{urlencode(state)}")


def gather(story: Story) -> None:
    """Add what the identity provider knows."""
    for visit in story.idp.visits(TOKEN):
        story.secrets |= {visit.form["code"], visit.form["code_verifier"]}
        story.secrets.add((visit.header("Authorization") or "").partition(" ")[2])
    for visit in story.idp.visits(USERINFO):
        story.secrets.add((visit.header("Authorization") or "").partition(" ")[2])
    for visit in story.idp.visits(AUTHORIZE):
        story.secrets |= {visit.parameters["state"], visit.parameters["nonce"]}
    story.secrets |= story.idp.state.tokens.keys() | story.idp.state.used.keys()
    story.secrets |= {token.token for token in story.site.mesibo.minted}
    story.secrets -= {""}


def series(metrics: str) -> set[str]:
    """Return what is counted, without the figures."""
    lines = [line for line in metrics.splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0] for line in lines}


@pytest.fixture(scope="module")
def said(story: Story) -> str:
    """All that the gateway printed, and its metrics, once every login is in its log."""
    (gateway,) = story.site.gateways
    until(lambda: gateway.stderr.count('"event":"login"') >= story.logins)
    return gateway.stdout + gateway.stderr + "".join(story.site.metrics())


def found_in(text: str, words: Iterable[str]) -> list[str]:
    """Return which of these are in a text, as they are or as they may be written."""
    return [word for word in words if any(form in text for form in forms(word))]


def forms(word: str) -> set[str]:
    in_base64 = base64.b64encode(word.encode()).decode()
    return {word, json.dumps(word)[1:-1], repr(word)[1:-1], quote(word, safe=""), in_base64}


def test_everything_happened(story: Story) -> None:
    words = {answer["error"] for answer in story.refused if isinstance(answer, dict)}
    assert words >= {"BADLOGIN", "UNAVAILABLE", "BADOTP", "BADREQUEST", "BADAPP", "BADPROVIDER"}
    assert len(story.secrets) > 150
    assert len(story.site.mesibo.minted) >= 5


def test_c13_tokens_codes_verifiers_and_cookies_are_nowhere(story: Story, said: str) -> None:
    assert found_in(said, story.secrets) == []
    parts = {part for word in story.secrets if word.count(".") == 2 for part in word.split(".")}
    assert found_in(said, {part for part in parts if len(part) > 30}) == []


def test_c13_who_it_was_is_masked(story: Story, said: str) -> None:
    person = (SUBJECT, EMAIL, PHONE, PHONE[1:], "Ann Secretname", "ann-secret-name", "ann.secret")
    assert found_in(said, person) == []


def test_c13_secrets_of_the_configuration_are_nowhere(story: Story, said: str) -> None:
    words = (CLIENT_SECRET, STORE_SECRET, story.site.mesibo.app_token)
    assert found_in(said + str(story.refused), (*words, f"{CLIENT}:{CLIENT_SECRET}")) == []


def test_c13_refusals_repeat_nothing(story: Story) -> None:
    own = {word for word in story.secrets if len(word) > 22}  # a page names its own challenge
    assert found_in(str(story.refused), own) == []
    assert found_in(str(story.refused), (EMAIL, PHONE, SUBJECT, "evil.example")) == []


def test_o13_lines_are_short_and_single(story: Story, said: str) -> None:
    details = re.findall(r'"(?:detail|answer)":"([^"]*)"', said)
    assert len(details) > 50
    assert [detail for detail in details if len(detail) > 200] == []


def test_labels_of_metrics_are_of_the_configuration(story: Story, said: str) -> None:
    (metrics,) = story.site.metrics()
    assert series(metrics) == story.before
    names = {"idp", "posting", "staff", "mail", "wrong"}
    assert set(re.findall('provider="([^"]*)"', metrics)) <= names | {"", "phone"}
    assert set(re.findall('upstream="([^"]*)"', metrics)) <= names | {"issuer"}
    assert set(re.findall('app="([^"]*)"', metrics)) <= {APP, "com.example.other", ""}


def test_paths_of_browsers_are_not_logged(story: Story, said: str) -> None:
    assert urlsplit(story.site.public_url).netloc not in said.replace("listening on", "")
    assert "/callback/" not in said
    assert "/signin" not in said


def test_secrets_are_in_no_url_of_the_identity_provider(story: Story) -> None:
    for visit in story.idp.visits():
        assert visit.query == "" or visit.path == AUTHORIZE
