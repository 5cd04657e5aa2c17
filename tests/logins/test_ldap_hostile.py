"""Directories that say yes to everything, or send people elsewhere with their passwords."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import pytest

from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Site, fresh_client, running, words
from tests.servers.configs import GENEROUS
from tests.servers.ldap_fake import (
    BIND,
    BIND_RESPONSE,
    SEARCH,
    SEARCH_DONE,
    LdapFake,
    Script,
    Talk,
    entry,
    message,
    reference,
    referral,
    result,
    say_yes,
)
from tests.servers.process import HOST
from tests.servers.slapd import PEOPLE
from tests.servers.tls import Authority

ANN: Final = f"uid=ann,{PEOPLE}"
SECRET: Final = "secret of ann"
UUID: Final = b"2b623efa-7af5-1041-8724-a16b61343d62"


def answering(
    bind: bytes | None = None, search: bytes | None = None, found: tuple[bytes, ...] = ()
) -> Script:
    """Say yes, but for what is given; a search finds ``found``."""

    async def script(talk: Talk) -> None:
        while True:
            request = await talk.request()
            if request.tag == SEARCH:
                for each in found:
                    await talk.send(message(request.id, each))
            answers: Mapping[int, bytes | None] = {BIND: bind, SEARCH: search}
            given = answers.get(request.tag)
            await talk.send(request.answer() if given is None else message(request.id, given))

    return script


def ann(**more: list[bytes]) -> bytes:
    return entry(ANN, entryUUID=[UUID], uid=[b"ann"], **more)


@dataclass(frozen=True)
class Scene:
    site: Site
    thief: LdapFake
    fakes: Mapping[str, LdapFake]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    tls = authority.server()
    with ExitStack() as stack:
        thief = stack.enter_context(LdapFake(say_yes))
        url = f"ldap://{HOST}:{thief.port}/{ANN}"
        other_dn = result(BIND_RESPONSE, 0, "uid=root is matched, too")
        scripts = {
            "yes": say_yes,
            "yes-and-ann": answering(bind=other_dn, found=(ann(),)),
            "two": answering(found=(ann(), entry(f"uid=eve,{PEOPLE}", entryUUID=[UUID]))),
            "crowd": answering(found=tuple(ann() for _ in range(50))),
            "reference": answering(found=(reference(url),)),
            "ann-and-reference": answering(found=(reference(url), ann())),
            "search-referral": answering(search=referral(SEARCH_DONE, url)),
            "bind-referral": answering(bind=referral(BIND_RESPONSE, url), found=(ann(),)),
            "nameless": answering(found=(entry("", entryUUID=[UUID]),)),
        }
        fakes = {
            name: stack.enter_context(LdapFake(script, tls)) for name, script in scripts.items()
        }
        providers = {
            f"{driver}-{name}": by_directory(
                [f"ldaps://{HOST}:{fake.port}"], authority.ca_file, driver
            )
            for driver in DRIVERS
            for name, fake in fakes.items()
        }
        folder = tmp_path_factory.mktemp("site")
        site = stack.enter_context(running(folder, 1, signing_in(providers, GENEROUS)))
        yield Scene(site, thief, fakes)


@pytest.mark.parametrize(
    ("name", "word", "detail"),
    [
        pytest.param("yes", "BADLOGIN", "no such entry", id="a77 nobody found"),
        pytest.param("yes-and-ann", "OK", "", id="a77 somebody found"),
        pytest.param("two", "BADLOGIN", "more than one entry fits", id="l3 two"),
        pytest.param("crowd", "BADLOGIN", "more than one entry fits", id="l3 crowd"),
        pytest.param("reference", "BADLOGIN", "no such entry", id="l7 reference alone"),
        pytest.param("ann-and-reference", "OK", "", id="l7 reference beside"),
        pytest.param("search-referral", "UNAVAILABLE", "not followed", id="l7 search"),
        pytest.param("bind-referral", "UNAVAILABLE", "not followed", id="l7 bind"),
        pytest.param("nameless", "UNAVAILABLE", "", id="a77 entry without a name"),
    ],
)
@pytest.mark.parametrize("driver", DRIVERS)
def test_server_that_means_harm(
    scene: Scene, driver: str, name: str, word: str, detail: str
) -> None:
    client = fresh_client()
    answer = scene.site.login(
        appid=f"{driver}-{name}", username="ann", password=SECRET, client=client
    )
    assert words([answer]) == [word]
    (line,) = scene.site.audit(client)
    assert detail in line.get("detail", "")


@pytest.mark.parametrize("password", ["", "\0"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_l1_a63_server_that_welcomes_an_empty_password_is_not_asked(
    scene: Scene, driver: str, password: str
) -> None:
    fake = scene.fakes["yes-and-ann"]
    before = len(fake.received)
    answer = scene.site.login(appid=f"{driver}-yes-and-ann", username="ann", password=password)
    assert answer["result"] == "FAIL"
    assert len(fake.received) == before


def test_l7_a73_nobody_is_sent_elsewhere(scene: Scene) -> None:
    for driver in DRIVERS:
        for name in scene.fakes:
            scene.site.login(appid=f"{driver}-{name}", username="ann", password=SECRET)
    assert scene.thief.talks == []
