"""Directories that answer more than anybody asked for: bounded, and nobody else waits (A75)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.logins.directories import ANN, DRIVERS, by_directory, signing_in, timed
from tests.logins.site import Site, running, words
from tests.servers.configs import Config
from tests.servers.ldap_fake import LdapFake, Script, Talk, entry, message, tlv
from tests.servers.numbers import fresh_number
from tests.servers.process import HOST
from tests.servers.slapd import PEOPLE
from tests.servers.tls import Authority

ONE_FAILURE: Final = ["1/hour"]
TIMEOUT: Final = {"connect": "1s", "operation": "2s", "total": "3s"}
TOTAL, GRACE = 3.0, 0.5
GROWTH: Final = 32.0  # MiB
OTHERS_WAIT: Final = 1.0  # seconds
HUGE: Final = 10 << 30
ENTRY: Final = entry(f"uid=ann,{PEOPLE}", uid=[b"ann"])


def _after_the_bind(*chunks: bytes, times: int = 1) -> Script:
    async def script(talk: Talk) -> None:
        await talk.send((await talk.request()).answer())
        await talk.request()
        for _ in range(times):
            await talk.send(*chunks)
        await talk.silence()

    return script


def _at_the_bind(*chunks: bytes) -> Script:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(*chunks)
        await talk.silence()

    return script


async def _dripping(talk: Talk) -> None:
    """Begin a message of 4 GB and send a byte of it now and then."""
    await talk.request()
    await talk.send(b"\x30\x84\xff\xff\xff\xff")
    while True:
        await talk.send(b"\0")
        await asyncio.sleep(0.1)


_NESTED: Final = b"".join(b"\x30\x84" + (6 * n).to_bytes(4, "big") for n in range(50_000, -1, -1))
SCRIPTS: Final[dict[str, Script]] = {
    "10-gb-announced": _at_the_bind(b"\x30\x85" + HUGE.to_bytes(5, "big"), b"\0" * 100_000),
    "4-gb-announced": _at_the_bind(b"\x30\x84\xff\xff\xff\xff", b"\0" * 100_000),
    "4-gb-dripping": _dripping,
    "nested": _after_the_bind(_NESTED),
    "32-mb-of-zeros": _after_the_bind(b"\x30\x84\x01\xff\xff\xff", b"\0" * (32 << 20)),
    "32-mb-of-entries": _after_the_bind(message(2, ENTRY) * 1000, times=300),
    "large-entry": _after_the_bind(
        message(2, entry(f"uid=ann,{PEOPLE}", uid=[b"x" * 64] * 200_000))
    ),
    "long-number": _at_the_bind(tlv(0x30, tlv(0x02, b"\x7f" * 800_000), b"\x61\0")),
}


@dataclass(frozen=True)
class Scene:
    site: Site
    fakes: dict[str, LdapFake]
    ca_file: Path


def offered(fakes: Mapping[str, LdapFake], ca_file: Path, driver: str) -> dict[str, Config]:
    """Return a provider for each of them."""
    return {
        f"{driver}-{name}": by_directory(
            [f"ldaps://{HOST}:{fake.port}"], ca_file, driver, timeout=TIMEOUT
        )
        for name, fake in fakes.items()
    }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    tls = authority.server()
    with ExitStack() as stack:
        fakes = {
            name: stack.enter_context(LdapFake(script, tls)) for name, script in SCRIPTS.items()
        }
        providers: dict[str, Config] = {}
        for driver in DRIVERS:
            providers |= offered(fakes, authority.ca_file, driver)
        folder = tmp_path_factory.mktemp("site")
        site = stack.enter_context(running(folder, 1, signing_in(providers, ONE_FAILURE)))
        yield Scene(site, fakes, authority.ca_file)


def logins(driver: str, name: str) -> list[dict[str, str]]:
    login = {"appid": f"{driver}-{name}", "password": ANN.password}
    return [{**login, "username": person} for person in ("ann", "bob", "carl", "dora")]


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a75_large_answer_is_cut_off_in_time(scene: Scene, driver: str, name: str) -> None:
    for _ in range(2):  # a failure that was counted would be the only one
        answers, took = timed(lambda: scene.site.at_once(logins(driver, name)))
        assert words(answers) == ["UNAVAILABLE"] * 4
        assert took <= TOTAL + GRACE
    assert ANN.password.encode() not in scene.fakes[name].received
    signed_in, took = timed(lambda: scene.site.sign_in(fresh_number()))
    assert signed_in["result"] == "OK"
    assert took < OTHERS_WAIT


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize("driver", DRIVERS)
def test_a75_memory_never_holds_them(scene: Scene, tmp_path: Path, driver: str) -> None:
    providers = offered(scene.fakes, scene.ca_file, driver)
    with running(tmp_path, 1, signing_in(providers, ONE_FAILURE)) as site:
        (gateway,) = site.gateways
        site.sign_in(fresh_number())
        before = peak_mib(gateway.pid)
        answers = site.at_once([login for name in SCRIPTS for login in logins(driver, name)])
        assert set(words(answers)) == {"UNAVAILABLE"}
        assert peak_mib(gateway.pid) - before < GROWTH
