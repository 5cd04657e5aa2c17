"""Identity providers that fail, each in its own way and all at once, and come back."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.logins.browsing import Browser, query_of
from tests.logins.directories import timed
from tests.logins.identity import CLIENT, RETURN, SignInSite, by_issuer, clients, serving
from tests.logins.site import Answer, fresh_client, until
from tests.servers.gateway import post
from tests.servers.http_faults import REDIRECTED
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import AUTHORIZE, DISCOVERY, JWKS, TOKEN, OidcFake
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_keys import Key
from tests.servers.tls import Authority

TIMEOUT: Final = 2  # seconds, of the providers
SLACK: Final = 3  # seconds: all of this happens at once
FAILURES: Final = 2  # of one identity: none of these is one
KEY: Final = Key("RS256")
METADATA: Final = "http://169.254.169.254/latest/meta-data/"  # of clouds: not for outsiders


@dataclass(frozen=True)
class Fault:
    """What goes wrong at a path; ``detail`` is in the audit.

    ``mends``: it can be put right, and is noticed in time.
    """

    path: str
    what: Reply | str
    detail: str
    mends: bool = True


def at(path: str, name: str) -> dict[str, Fault]:
    """Ways in which any of the endpoints fails."""
    away = Reply(b"", 302, {"Location": METADATA})
    flood = Reply(b"{", blanks=50_000_000)
    told: dict[str, tuple[Reply | str, str]] = {
        "hang": ("hang", f"within {TIMEOUT}"),
        "trickle": ("drip", f"within {TIMEOUT}"),
        "500": ("http500", "HTTP status 500"),
        "html": ("html", "web page"),
        "redirect": ("redirect", "redirect"),
        "metadata": (away, "redirect"),
        "flood": (flood, "too long"),
        "cut": ("cut", ""),
        "half": ("truncated_json", ""),
        "empty": ("empty", ""),
        "array": ("array", ""),
        "deep": ("deep", ""),
    }
    return {f"{name}-{fault}": Fault(path, what, why) for fault, (what, why) in told.items()}


CASES: Final[Mapping[str, Fault]] = {
    **at(DISCOVERY, "discovery"),
    **at(JWKS, "jwks"),
    **at(TOKEN, "token"),
    "discovery-issuer": Fault(DISCOVERY, "wrong issuer", "another issuer"),
    "discovery-404": Fault(DISCOVERY, "http404", "HTTP status 404"),
    "jwks-none": Fault(JWKS, Reply({"keys": []}), "no keys", mends=False),
    "jwks-odd": Fault(JWKS, Reply({"keys": 7}), "no list of keys"),
    "down": Fault(DISCOVERY, "down", "no connection"),
    "tls-expired": Fault(DISCOVERY, "expired", "certificate", mends=False),
    "tls-name": Fault(DISCOVERY, "other_name", "certificate", mends=False),
    "tls-authority": Fault(DISCOVERY, "other authority", "certificate", mends=False),
}
WRONG_TLS: Final = ("expired", "other_name", "other authority")
# The request has reached it, and whether its code was used there nobody knows.
SPENT: Final = ("token-hang", "token-trickle", "token-cut", "token-half")


@dataclass
class Story:
    """What became of whoever came to a provider."""

    provider: str
    proof: Mapping[str, str]
    client: str = field(default_factory=fresh_client)
    answers: list[tuple[Answer, float]] = field(default_factory=list)
    afterwards: Answer = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    site: SignInSite
    idps: Mapping[str, OidcFake]
    stories: Mapping[str, Story]
    grown: int  # kB of memory that the gateway has used at most, beyond what it began with


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority, stranger = (Authority(tmp_path_factory.mktemp(name)) for name in ("tls", "other"))
    contexts = {
        "expired": authority.server("expired"),
        "other_name": authority.server("other_name"),
        "other authority": stranger.server(),
    }
    sound = authority.server()
    known = clients("https://unused.example")
    with contextlib.ExitStack() as stack:
        idps = {}
        for name, fault in CASES.items():
            tls = contexts.get(str(fault.what), sound)
            idps[name] = idp = stack.enter_context(OidcFake(tls, known))
            idp.keys = [KEY]
        providers = {
            name: by_issuer(idp.issuer, authority, timeout=f"{TIMEOUT}s")
            for name, idp in idps.items()
        }
        codes = {name: got(idps[name], authority) for name in CASES if name.startswith("token")}
        limits = {"per_ip": ["1000000/hour"], "failures_per_identity": [f"{FAILURES}/hour"]}
        folder = tmp_path_factory.mktemp("site")
        for name, idp in idps.items():
            break_(idp, CASES[name])
        site = stack.enter_context(serving(folder, authority, providers, limits=limits))

        stories = {}
        for name, idp in idps.items():
            fresh = {"id_token": idp.token({"jti": secrets.token_hex(8)})}
            stories[name] = Story(name, codes.get(name) or fresh)
        began = memory(site, "VmRSS")
        with ThreadPoolExecutor(len(CASES)) as pool:
            list(pool.map(lambda story: come_too_often(site, story), stories.values()))
            for name in CASES:
                mend(idps[name], CASES[name])
            list(pool.map(lambda story: come_again(site, story), stories.values()))
        yield Scene(site, idps, stories, memory(site, "VmHWM") - began)


def got(idp: OidcFake, authority: Authority) -> dict[str, str]:
    """Return what an app has brought from there while it was well."""
    flow = Flow(CLIENT, RETURN)
    path = flow.start(AUTHORIZE)
    reply = post(idp.url, path=path, method="GET", tls=authority.client())
    code = query_of(str(reply.header("Location")))["code"]
    return {"code": code, "code_verifier": flow.verifier, "redirect_uri": RETURN}


def break_(idp: OidcFake, fault: Fault) -> None:
    if fault.what == "wrong issuer":
        idp.metadata["issuer"] = "https://evil.example"
    elif fault.what == "down":
        idp.stop()
    elif fault.what not in WRONG_TLS:
        idp.script(fault.path, fault.what)


def mend(idp: OidcFake, fault: Fault) -> None:
    idp.metadata.clear()
    idp.sound()
    if fault.what == "down":
        idp.start()


def come_too_often(site: SignInSite, story: Story) -> None:
    for _ in range(FAILURES + 1):
        ask = partial(site.ask, story.provider, client=story.client, **story.proof)
        story.answers.append(timed(ask))


def come_again(site: SignInSite, story: Story) -> None:
    """With the same proof, until the gateway has noticed that all is well."""

    def is_over() -> bool:
        story.afterwards = site.ask(story.provider, **story.proof)
        return story.afterwards.get("error") != "UNAVAILABLE"

    if CASES[story.provider].mends:
        with contextlib.suppress(AssertionError):  # the test of this one tells
            until(is_over, within=15.0)


def memory(site: SignInSite, name: str) -> int:
    """Return a figure of proc(5), in kB."""
    status = Path(f"/proc/{site.gateways[0].pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


@pytest.mark.parametrize("name", CASES)
def test_a99_a111_fault_of_the_identity_provider(scene: Scene, name: str) -> None:
    story = scene.stories[name]
    assert {answer["error"] for answer, _ in story.answers} == {"UNAVAILABLE"}
    assert max(seconds for _, seconds in story.answers) < TIMEOUT + SLACK
    lines = scene.site.audit(story.client, FAILURES + 1)
    assert {(line["outcome"], line["level"]) for line in lines} == {("unavailable", "warning")}
    details = [line["detail"] for line in lines]
    assert [each for each in details if CASES[name].detail in each] != [], details


@pytest.mark.parametrize("name", [name for name, fault in CASES.items() if fault.mends])
def test_c22_the_same_proof_works_afterwards(scene: Scene, name: str) -> None:
    """So nothing was counted, either."""
    word = scene.stories[name].afterwards.get("error", "OK")
    assert word == "OK" or (name in SPENT and word == "BADLOGIN")


def test_o14_no_redirect_is_followed(scene: Scene) -> None:
    assert [idp.url for idp in scene.idps.values() if idp.visits(REDIRECTED)] == []


def test_o14_a99_floods_are_not_kept(scene: Scene) -> None:
    assert scene.grown < 40_000  # one of them alone is 50,000, and there are three


def test_operator_is_told_what_only_the_operator_can_mend(scene: Scene) -> None:
    said = [json.loads(line) for line in scene.site.gateways[0].stderr.splitlines()]
    errors = [line for line in said if line["level"] == "error"]
    assert {line.get("provider") for line in errors} <= {"discovery-issuer", "jwks-none"}
    assert [line for line in errors if line.get("provider") == "discovery-issuer"] != []
    assert "evil.example" not in str(errors)


# -- one after the other


@dataclass(frozen=True)
class Pair:
    """Two identity providers: ``bad`` is the one to do things to."""

    site: SignInSite
    bad: OidcFake
    good: OidcFake


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    authority = Authority(tmp_path)
    tls, known = authority.server(), clients("https://unused.example")
    with OidcFake(tls, known) as bad, OidcFake(tls, known) as good:
        bad.keys = [KEY]
        providers = {
            "bad": by_issuer(bad.issuer, authority, timeout="3s"),
            "good": by_issuer(good.issuer, authority),
        }
        with serving(tmp_path, authority, providers) as site:
            yield Pair(site, bad, good)


def test_a111_others_are_not_held_up_by_an_identity_provider_that_hangs(
    pair: Pair, number: str
) -> None:
    site = pair.site
    assert site.ask("good", id_token=pair.good.token())["result"] == "OK"
    pair.bad.script(DISCOVERY, "hang")
    pair.bad.script(JWKS, "hang")
    with ThreadPoolExecutor(50) as pool:
        crowd = [
            pool.submit(site.ask, "bad", id_token=pair.bad.token({"jti": str(i)}))
            for i in range(50)
        ]
        pair.bad.wait_visits(1)
        for i in range(5):
            token = pair.good.token({"jti": str(i)})
            assert site.ask("good", id_token=token)["result"] == "OK"
        assert site.sign_in(number, provider="phone")["result"] == "OK"
        assert not any(each.done() for each in crowd)  # it took less than they have to wait
        assert {each.result()["error"] for each in crowd} == {"UNAVAILABLE"}
    assert len(pair.bad.visits()) == 1  # one asks for all


def test_a111_breaker_leaves_an_identity_provider_alone(pair: Pair) -> None:
    site, browser = pair.site, Browser(pair.site)

    def code() -> dict[str, Any]:
        flow = Flow(CLIENT, RETURN)
        back = browser.sign_in_there(flow.start(pair.bad.url + AUTHORIZE))
        proof = {"code_verifier": flow.verifier, "redirect_uri": RETURN}
        return {"code": query_of(back)["code"], **proof}

    codes = [code() for _ in range(16)]
    assert site.ask("bad", **codes.pop())["result"] == "OK"
    pair.bad.script(TOKEN, "http500")
    pair.bad.forget()
    for each in codes[:12]:
        answer = site.ask("bad", **each)
        assert answer["error"] == "UNAVAILABLE"
    assert len(pair.bad.visits(TOKEN)) == 10
    assert 0 < answer["retry_after"] <= 2
    # Tokens from apps are checked with the keys that are known.
    assert site.ask("bad", id_token=pair.bad.token())["result"] == "OK"
    pair.bad.sound()
    until(lambda: site.ask("bad", **codes[11])["result"] == "OK")
    assert site.ask("bad", **codes[0])["result"] == "OK"


def test_o15_made_up_keys_cause_one_fetch(pair: Pair) -> None:
    site = pair.site
    assert site.ask("bad", id_token=pair.bad.token())["result"] == "OK"
    pair.bad.forget()
    forged: list[dict[str, Any]] = [
        {"provider": "bad", "id_token": pair.bad.token({"jti": str(i)}, by=Key("RS256", f"k{i}"))}
        for i in range(4)
    ]
    answers = site.at_once([each for each in forged for _ in range(5)])
    assert {answer["error"] for answer in answers} == {"BADLOGIN"}
    for each in forged:
        site.login(**each)
    assert len(pair.bad.visits(JWKS)) == 1
    assert site.ask("bad", id_token=pair.bad.token({"jti": "x"}))["result"] == "OK"


@pytest.mark.parametrize(
    ("seconds", "hint"), [(3600, True), (-3600, False)], ids=["ahead", "behind"]
)
def test_clock_of_the_identity_provider_is_wrong(pair: Pair, seconds: int, hint: bool) -> None:
    now = int(time.time()) + seconds
    pair.bad.claims = {"iat": now, "exp": now + 300}
    site, word = pair.site, "future" if hint else "expired"
    for _ in range(3):
        refused, detail = site.refused("bad", id_token=pair.bad.token())
        assert (refused, word in detail) == ("BADLOGIN", True)
    said = [json.loads(line) for line in site.gateways[0].stderr.splitlines()]
    hints = [line for line in said if "are the clocks right?" in line["event"]]
    assert len(hints) == hint  # once a minute
    for line in hints:
        assert (line["level"], line["provider"]) == ("warning", "bad")
        assert abs(line["seconds"] - 3600) < 60
