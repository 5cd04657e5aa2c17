"""Servers that answer that they cannot: the next one is asked, and nobody is counted for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in, timed
from tests.logins.site import Site, running, words
from tests.servers.ldap_fake import BIND, SEARCH, LdapFake, Script, Talk, disconnection
from tests.servers.process import HOST
from tests.servers.slapd import Slapd
from tests.servers.tls import Authority

ONE_FAILURE: Final = ["1/hour"]
AT_ONCE: Final = 1.0  # seconds


def answering(tag: int, code: int) -> Script:
    async def script(talk: Talk) -> None:
        while True:
            request = await talk.request()
            await talk.send(request.answer(code if request.tag == tag else 0))

    return script


async def leaving(talk: Talk) -> None:
    """Take the bind, and take leave of whoever searches."""
    await talk.send((await talk.request()).answer())
    await talk.request()
    await talk.send(disconnection())


SCRIPTS: Final[dict[str, Script]] = {
    "51-bind": answering(BIND, 51),
    "51-search": answering(SEARCH, 51),
    "52-bind": answering(BIND, 52),
    "52-search": answering(SEARCH, 52),
    "3-search": answering(SEARCH, 3),
    "leaving": leaving,
}


@dataclass(frozen=True)
class Scene:
    site: Site
    fakes: dict[str, LdapFake]  # by app


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    tls = authority.server()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("slapd")
        slapd = stack.enter_context(Slapd(folder, authority, people=[ANN]))
        fakes, providers = {}, {}
        for driver in DRIVERS:
            for name, script in SCRIPTS.items():
                for app, others in (
                    (f"{driver}-{name}-alone", []),
                    (f"{driver}-{name}-first", [slapd.tls_url]),
                ):
                    fakes[app] = stack.enter_context(LdapFake(script, tls))
                    urls = [f"ldaps://{HOST}:{fakes[app].port}", *others]
                    providers[app] = by_directory(urls, authority.ca_file, driver)
        folder = tmp_path_factory.mktemp("site")
        site = stack.enter_context(running(folder, 1, signing_in(providers, ONE_FAILURE)))
        yield Scene(site, fakes)


def sign_in(site: Site, app: str) -> str:
    return words([site.login(appid=app, username="ann", password=ANN.password)])[0]


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("driver", DRIVERS)
def test_l9_next_server_is_asked_at_once(scene: Scene, driver: str, name: str) -> None:
    app = f"{driver}-{name}-first"
    for _ in range(3):
        word, took = timed(lambda: sign_in(scene.site, app))
        assert word == "OK"
        assert took < AT_ONCE
    assert scene.fakes[app].talks


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("driver", DRIVERS)
def test_l9_without_another_server_nothing_is_counted(scene: Scene, driver: str, name: str) -> None:
    app = f"{driver}-{name}-alone"
    assert [sign_in(scene.site, app) for _ in range(4)] == ["UNAVAILABLE"] * 4
    assert ANN.password.encode() not in scene.fakes[app].received
