"""Servers that are not who they should be, or talk a client out of TLS: no password for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in, timed
from tests.logins.site import Site, fresh_client, running, words
from tests.servers.configs import Config
from tests.servers.fault_proxy import FaultProxy
from tests.servers.ldap_fake import EXTENDED, LdapFake, Script, Talk, say_yes
from tests.servers.process import HOST
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, Slapd
from tests.servers.tls import Authority

TIMEOUT: Final = {"connect": "1s"}
IN_TIME: Final = 1.5  # seconds
ONE_FAILURE: Final = ["1/hour"]
PROTOCOL_ERROR: Final = 2


async def refuse(talk: Talk) -> None:
    """StartTLS fails; whatever comes then is welcome."""
    request = await talk.request()
    await talk.send(request.answer(PROTOCOL_ERROR if request.tag == EXTENDED else 0))
    await say_yes(talk)


async def hang_up(talk: Talk) -> None:
    """StartTLS ends the connection."""
    await talk.request()


CERTIFICATES: Final = ("expired", "other_name", "stranger")
STRIPPED: Final[Mapping[str, Script]] = {"refused": refuse, "pretended": say_yes, "cut": hang_up}
SCHEMES: Final = ("ldaps", "ldap")  # the latter with StartTLS


@dataclass(frozen=True)
class Scene:
    """A service; ``proxies`` recorded what its providers sent, by their names."""

    site: Site
    slapds: list[Slapd]
    proxies: Mapping[str, FaultProxy]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    proxies: dict[str, FaultProxy] = {}
    providers: dict[str, Config] = {}
    with ExitStack() as stack:

        def add(driver: str, case: str, scheme: str, port: int) -> None:
            name = f"{driver}-{case.replace('_', '-')}-{scheme}"
            proxy = proxies[name] = stack.enter_context(FaultProxy(port, record=True))
            tls = {"ca_file": str(authority.ca_file), "start_tls": scheme == "ldap"}
            url = f"{scheme}://{HOST}:{proxy.port}"
            providers[name] = by_directory(
                [url], authority.ca_file, driver, tls=tls, timeout=TIMEOUT
            )

        slapds = [
            Slapd(tmp_path_factory.mktemp("slapd"), authority, people=[ANN], certificate="expired"),
            Slapd(
                tmp_path_factory.mktemp("slapd"), authority, people=[ANN], certificate="other_name"
            ),
            Slapd(tmp_path_factory.mktemp("slapd"), stranger, people=[ANN]),
        ]
        for case, slapd in zip(CERTIFICATES, slapds, strict=True):
            stack.enter_context(slapd)
            for driver in DRIVERS:
                add(driver, case, "ldaps", slapd.tls_port)
                add(driver, case, "ldap", slapd.port)
        for case, script in STRIPPED.items():
            fake = stack.enter_context(LdapFake(script))
            for driver in DRIVERS:
                add(driver, case, "ldap", fake.port)
        folder = tmp_path_factory.mktemp("site")
        site = stack.enter_context(running(folder, 1, signing_in(providers, ONE_FAILURE)))
        yield Scene(site, slapds, proxies)


NAMES: Final = [
    *(f"{d}-{c.replace('_', '-')}-{s}" for d in DRIVERS for c in CERTIFICATES for s in SCHEMES),
    *(f"{d}-{c}-ldap" for d in DRIVERS for c in STRIPPED),
]


def why(name: str) -> str:
    """Return what the operator is told; nobody can tell a cut from any other."""
    if "refused" in name:
        return "StartTLS"
    return "" if "pretended" in name or "cut" in name else "certificate"


@pytest.mark.parametrize("name", NAMES)
def test_l6_nobody_signs_in_and_nothing_is_counted(scene: Scene, name: str) -> None:
    client = fresh_client()

    def sign_in() -> str:
        login = scene.site.login
        answer = login(client=client, appid=name, username="ann", password=ANN.password)
        return words([answer])[0]

    for _ in range(2):  # a failure that was counted would be the only one
        word, took = timed(sign_in)
        assert word == "UNAVAILABLE"
        assert took <= IN_TIME
    for line in scene.site.audit(client, 2):
        assert line["outcome"] == "unavailable"
        assert why(name) in line["detail"]


@pytest.mark.parametrize("name", NAMES)
def test_l6_no_password_is_on_the_wire(scene: Scene, name: str) -> None:
    scene.site.login(appid=name, username="ann", password=ANN.password)
    sent = scene.proxies[name].recorded
    assert sent
    for secret in (ANN.password, SERVICE_PASSWORD, ANN.dn, SERVICE):
        assert secret.encode() not in sent


def test_l6_no_password_is_in_the_tls_either(scene: Scene) -> None:
    assert [slapd.binds() for slapd in scene.slapds] == [[], [], []]
