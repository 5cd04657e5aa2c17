"""What is wrong with a configuration is nobody's wrong password, and the operator is told what."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in
from tests.logins.site import Site, fresh_client, running, words
from tests.servers.configs import Config
from tests.servers.ldap_fake import BIND, SEARCH, LdapFake, Script, Talk
from tests.servers.process import HOST
from tests.servers.slapd import GROUPS, SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd
from tests.servers.tls import Authority

ONE_FAILURE: Final = ["1/hour"]
MANY: Final = 20
WRONG: Final = "a password that was changed meanwhile"
GROUP: Final = f"cn=nobody,{GROUPS}"


def refusing(tag: int, code: int) -> Script:
    """Answer requests of one kind with that result code, and all others with success."""

    async def script(talk: Talk) -> None:
        while True:
            request = await talk.request()
            await talk.send(request.answer(code if request.tag == tag else 0))

    return script


FAKES: Final = {
    "not-allowed": refusing(SEARCH, 50),
    "wants-signing": refusing(BIND, 8),
    "unwilling": refusing(BIND, 53),
}
YESTERDAY: Final = f"{datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1):%Y-%m-%d}"
CASES: Final = {
    "no-base": ["there is no entry of that name to search below (result code 32)"],
    "no-groups": ["there is no entry of that name to search below (result code 32)"],
    "clear-text": ["the server wants TLS before passwords (result code 13)"],
    "expired": ["certificate has expired", "certificate of trustme", f"valid until {YESTERDAY}"],
    "not-allowed": ["bind_dn may not search there (result code 50)"],
    "wants-signing": ["the server wants TLS or signing before passwords (result code 8)"],
    "unwilling": ["refuses bind_dn and bind_password", "unwilling"],
    "service-password": ["refuses bind_dn and bind_password: wrong password"],
}
EVERYWHERE: Final = [pytest.param(d, c, id=f"{d}-{c}") for d in DRIVERS for c in CASES]


@dataclass(frozen=True)
class Scene:
    site: Site
    slapd: Slapd


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    with ExitStack() as stack:

        def start(**keys: Any) -> Slapd:
            folder = tmp_path_factory.mktemp("slapd")
            return stack.enter_context(Slapd(folder, authority, people=[ANN], **keys))

        slapd, expired = start(), start(certificate="expired")
        fakes = {
            name: f"ldaps://{HOST}:{stack.enter_context(LdapFake(script, authority.server())).port}"
            for name, script in FAKES.items()
        }

        def provider(driver: str, name: str) -> Config:
            urls = {**fakes, "expired": expired.tls_url, "clear-text": slapd.url}
            keys: dict[str, dict[str, Any]] = {
                "no-base": {"user_search": {"base_dn": f"ou=peopel,{SUFFIX}"}},
                "no-groups": {"groups": {"base_dn": f"ou=grops,{SUFFIX}", "required": [GROUP]}},
                "clear-text": {"allow_cleartext": True},
                "service-password": {"bind_password": WRONG},
            }
            url = urls.get(name, slapd.tls_url)
            return by_directory([url], authority.ca_file, driver, **keys.get(name, {}))

        providers = {f"{d}-{name}": provider(d, name) for d in DRIVERS for name in CASES}
        folder = tmp_path_factory.mktemp("site")
        site = stack.enter_context(running(folder, 1, signing_in(providers, ONE_FAILURE)))
        yield Scene(site, slapd)


def sign_in(site: Site, app: str, client: str | None = None) -> str:
    fields: dict[str, Any] = {"username": "ann", "password": ANN.password}
    return words([site.login(appid=app, client=client, **fields)])[0]


@pytest.mark.parametrize(("driver", "case"), EVERYWHERE)
def test_l9_misconfiguration_is_never_counted_and_tells_what_it_is(
    scene: Scene, driver: str, case: str
) -> None:
    client = fresh_client()
    for _ in range(3):  # a failure that was counted would be the only one
        assert sign_in(scene.site, f"{driver}-{case}", client) == "UNAVAILABLE"
    for line in scene.site.audit(client, 3):
        assert (line["outcome"], line["level"]) == ("unavailable", "warning")
        for told in CASES[case]:
            assert told in line["detail"]
        assert SERVICE_PASSWORD not in str(line)


def errors(site: Site) -> list[dict[str, Any]]:
    (gateway,) = site.gateways
    events = [json.loads(line) for line in gateway.stderr.split("\n")[:-1]]
    return [event for event in events if event["event"] == "service account refused"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_l9_refused_service_account_is_tried_once_and_is_loud(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, driver: str
) -> None:
    """The directory would lock it, and nobody could sign in when its password is corrected."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, people=[ANN]) as slapd:
        entry = by_directory([slapd.tls_url], authority.ca_file, driver, bind_password=WRONG)
        with running(tmp_path, 1, signing_in({"staff": entry}, ONE_FAILURE)) as site:
            login = {"appid": "staff", "password": ANN.password}
            crowd = [{**login, "username": f"user{number}"} for number in range(MANY)]
            for _ in range(2):  # a failure that was counted would be the only one
                assert words(site.at_once(crowd)) == ["UNAVAILABLE"] * MANY
            assert slapd.binds() == [SERVICE]
            (error,) = errors(site)
            assert error["level"] == "error"
            assert f"{slapd.tls_url} refuses bind_dn and bind_password" in error["detail"]
            (gateway,) = site.gateways
            assert WRONG not in gateway.stdout + gateway.stderr
