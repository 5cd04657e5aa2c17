"""Servers that answer wrongly: every connection ends, and nothing they say is believed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import pytest

from providers.ldap import client
from providers.ldap.client import ConnectionFailed, Driver, Entry, Query
from tests.providers.ldap.asking import Asking, eventually, plain
from tests.servers.ldap_fake import (
    BIND_RESPONSE,
    EXTENDED_RESPONSE,
    SEARCH_DONE,
    LdapFake,
    Request,
    Script,
    Talk,
    disconnection,
    entry,
    message,
    reference,
    referral,
    result,
    say_yes,
    tlv,
)
from tests.servers.slapd import PEOPLE, Slapd
from tests.servers.tls import Authority

QUERY = Query("dc=x", "sub", "(uid=ann)", ("uid",))
ANN = entry("uid=ann,dc=x", uid=[b"ann"])
HUGE = 10 << 30

Answer = Callable[[Request], bytes]


def nested(depth: int) -> bytes:
    return b"".join(b"\x30\x84" + (6 * left).to_bytes(4, "big") for left in range(depth, -1, -1))


ANSWERS: dict[str, Answer] = {
    "the id of no message": lambda asked: message(asked.id + 1, result(BIND_RESPONSE)),
    "an earlier id": lambda asked: message(asked.id - 1, result(BIND_RESPONSE)),
    "another operation": lambda asked: message(asked.id, result(SEARCH_DONE)),
    "an entry": lambda asked: message(asked.id, ANN),
    "a reference": lambda asked: message(asked.id, reference("ldap://elsewhere")),
    "an extended response": lambda asked: message(asked.id, result(EXTENDED_RESPONSE)),
    "an intermediate response": lambda asked: message(asked.id, tlv(0x79)),
    "an unknown operation": lambda asked: message(asked.id, result(0x7E)),
    "a request": lambda asked: message(asked.id, tlv(0x60)),
    "a notice of disconnection": lambda asked: disconnection(),
    "more after the end": lambda asked: asked.answer() + b"\x30",
    "two answers": lambda asked: asked.answer() * 2,
    "the next answer, too": lambda asked: asked.answer() + message(asked.id + 1, ANN),
    "an HTTP server": lambda asked: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a TLS server": lambda asked: b"\x15\x03\x03\x00\x02\x02\x0a",
    "zeros": lambda asked: b"\0" * 100,
    "no result": lambda asked: message(asked.id, tlv(BIND_RESPONSE)),
    "a result that is cut off": lambda asked: message(asked.id, tlv(BIND_RESPONSE, b"\x0a\x01")),
    "10 GB": lambda asked: b"\x30\x85" + HUGE.to_bytes(5, "big"),
    "4 GB": lambda asked: b"\x30\x84\xff\xff\xff\xff",
    "2 MB": lambda asked: tlv(0x30, b"x" * (2 << 20)),
    "an endless length": lambda asked: b"\x30\x80" + message(asked.id, result(BIND_RESPONSE))[6:],
    "a long number": lambda asked: tlv(0x30, tlv(2, b"\1" * 10_000), result(BIND_RESPONSE)),
    "a long code": lambda asked: message(
        asked.id, tlv(BIND_RESPONSE, tlv(10, b"\0" * 10_000), tlv(4), tlv(4))
    ),
    "deep nesting": lambda asked: nested(2_000),
    "deep nesting within": lambda asked: message(asked.id, tlv(BIND_RESPONSE, nested(2_000))),
    "a control that is none": lambda asked: message(
        asked.id, result(BIND_RESPONSE), tlv(0xA0, b"\x30\x7f")
    ),
}


def answering(answer: Answer) -> Script:
    async def script(talk: Talk) -> None:
        await talk.send(answer(await talk.request()))
        await talk.silence()

    return script


@pytest.mark.parametrize("answer", [pytest.param(value, id=key) for key, value in ANSWERS.items()])
def test_a_wrong_answer_to_a_bind_is_refused(asking_strictly: Asking, answer: Answer) -> None:
    with LdapFake(answering(answer)) as fake:
        started = time.monotonic()
        asking_strictly.fails(plain(fake.port))
        assert time.monotonic() - started < 2
        until(lambda: fake.open == 0)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


ENTRIES: dict[str, bytes] = {
    "a name that is no text": entry("uid=ann", uid=[]).replace(b"uid=ann", b"uid=\xff\xfe\xfd"),
    "no attributes": tlv(0x64, tlv(4, b"uid=ann")),
    "attributes that are none": tlv(0x64, tlv(4, b"uid=ann"), tlv(0x30, b"\x30\x05")),
    "values that are none": tlv(
        0x64, tlv(4, b"uid=ann"), tlv(0x30, tlv(0x30, tlv(4, b"uid"), tlv(0x31, b"\x04\x7f")))
    ),
    "deep nesting": tlv(0x64, tlv(4, b"uid=ann"), tlv(0x30, nested(2_000))),
    "elements that claim what is not theirs": tlv(
        0x64, *(b"\x30\x06\x30\x84" + (8 * left).to_bytes(4, "big") for left in range(2_000, 0, -1))
    ),
    "a bind's result": result(BIND_RESPONSE),
}


@pytest.mark.parametrize("found", [pytest.param(value, id=key) for key, value in ENTRIES.items()])
def test_a_wrong_entry_is_refused(asking_strictly: Asking, found: bytes) -> None:
    async def script(talk: Talk) -> None:
        asked = await talk.request()
        await talk.send(message(asked.id, found), asked.answer())
        await talk.silence()

    with LdapFake(script) as fake:
        started = time.monotonic()
        with pytest.raises(ConnectionFailed):
            asking_strictly.search(plain(fake.port), QUERY)
        assert time.monotonic() - started < 2
        until(lambda: fake.open == 0)


def test_a_right_answer_may_come_in_any_pieces(asking: Asking) -> None:
    async def script(talk: Talk) -> None:
        asked = await talk.request()
        await talk.trickle(message(asked.id, ANN) + asked.answer(), pause=0)
        await talk.silence()

    with LdapFake(script) as fake:
        found = asking.search(plain(fake.port), QUERY)
        assert found.entries == [Entry("uid=ann,dc=x", {"uid": [b"ann"]})]


@pytest.mark.parametrize("sent", [b"", b"\x30", b"\x30\x84\0\0"], ids=["nothing", "a byte", "half"])
def test_half_an_answer_is_none(asking: Asking, sent: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.send(sent)

    with LdapFake(script) as fake:
        assert asking.fails(plain(fake.port)) == "the server closed the connection"


def test_what_was_found_before_the_connection_broke_is_not_believed(asking: Asking) -> None:
    async def script(talk: Talk) -> None:
        asked = await talk.request()
        await talk.send(message(asked.id, ANN))

    with LdapFake(script) as fake, pytest.raises(ConnectionFailed):
        asking.search(plain(fake.port), QUERY)


# -- more than anybody asked for


async def entries_without_end(talk: Talk) -> None:
    asked = await talk.request()
    while True:
        await talk.send(message(asked.id, ANN) * 100)


async def references_without_end(talk: Talk) -> None:
    asked = await talk.request()
    while True:
        await talk.send(message(asked.id, reference("ldap://elsewhere")) * 100)


@pytest.mark.parametrize("script", [entries_without_end, references_without_end])
def test_an_answer_without_end_is_cut_off(asking: Asking, script: Script) -> None:
    with LdapFake(script) as fake:
        started = time.monotonic()
        with pytest.raises(ConnectionFailed, match="too long"):
            asking.search(plain(fake.port), QUERY)
        assert time.monotonic() - started < 5
        until(lambda: fake.open == 0)


def test_a_server_that_does_not_look_at_the_limit_is_cut_short(asking: Asking) -> None:
    async def script(talk: Talk) -> None:
        asked = await talk.request()
        await talk.send(message(asked.id, ANN) * 5, asked.answer())
        await talk.silence()

    with LdapFake(script) as fake:
        found = asking.search(plain(fake.port), QUERY)
        assert (found.code, len(found.entries)) == (client.SIZE_LIMIT, QUERY.limit)


@pytest.mark.parametrize(
    "found",
    [
        tlv(0x64, tlv(4, b"uid=a"), tlv(0x30, b"\x30\0" * 450_000)),
        entry("uid=a", memberOf=[b""] * 150_000),
        entry("uid=a", **{f"a{number}": [b"x"] for number in range(25_000)}),
    ],
    ids=["elements", "values", "attributes"],
)
def test_a_large_answer_does_not_hold_up_others(asking: Asking, found: bytes) -> None:
    """Others wait for as long as the reading of one message takes at most."""

    async def script(talk: Talk) -> None:
        asked = await talk.request()
        await talk.send(message(asked.id, found), asked.answer())
        await talk.silence()

    async def scenario(driver: Driver) -> float:
        connection = await driver.connect(plain(fake.port), 5.0)
        lags = asyncio.create_task(longest_lag())
        try:
            await connection.search(QUERY, 5.0)
        except ConnectionFailed:
            pass
        finally:
            await connection.close()
            lags.cancel()
        return await lags

    with LdapFake(script) as fake:
        assert asking.run(scenario) < 1.0


async def longest_lag() -> float:
    longest = 0.0
    try:
        while True:
            asleep = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - asleep)
    except asyncio.CancelledError:
        return longest


# -- an idle connection


def test_words_that_nobody_asked_for_end_an_idle_connection(asking: Asking) -> None:
    async def script(talk: Talk) -> None:
        await talk.send((await talk.request()).answer())
        await asyncio.sleep(0.05)
        await talk.send(disconnection())
        await talk.silence()

    assert idle(asking, script)


def test_a_connection_that_the_server_closes_is_dead(asking: Asking) -> None:
    async def script(talk: Talk) -> None:
        await talk.send((await talk.request()).answer())

    assert idle(asking, script)


def idle(asking: Asking, script: Script) -> bool:
    """Bind, and wait until the connection is known to be dead."""

    async def scenario(driver: Driver) -> bool:
        connection = await driver.connect(plain(fake.port), 5.0)
        assert (await connection.bind("uid=ann", "secret", 5.0)).code == client.SUCCESS
        await eventually(lambda: not connection.alive)
        with pytest.raises(client.ConnectionLost):
            await connection.bind("uid=ann", "secret", 5.0)
        return True

    with LdapFake(script) as fake:
        return asking.run(scenario)


# -- elsewhere


def test_referrals_are_not_followed_a73_l7(asking: Asking) -> None:
    with socket.create_server(("127.0.0.1", 0)) as attacker:
        attacker.setblocking(False)
        url = f"ldap://127.0.0.1:{attacker.getsockname()[1]}/dc=x"

        async def script(talk: Talk) -> None:
            asked = await talk.request()
            if asked.tag == 0x60:
                await talk.send(message(asked.id, referral(BIND_RESPONSE, url)))
            else:
                await talk.send(message(asked.id, reference(url)))
                await talk.send(message(asked.id, referral(SEARCH_DONE, url)))
            await talk.silence()

        with LdapFake(script) as fake:
            bound = asking.bind(plain(fake.port), "uid=ann", "secret")
            found = asking.search(plain(fake.port), QUERY)
        assert (bound.code, found.code, found.entries) == (client.REFERRAL, client.REFERRAL, [])
        assert_nobody_came(attacker)


def assert_nobody_came(listener: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_referrals_of_a_real_directory_are_not_followed_a73_l7(
    asking: Asking, authority: Authority, directory: Slapd
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as attacker:
        attacker.setblocking(False)
        url = f"ldap://127.0.0.1:{attacker.getsockname()[1]}/"
        name = f"ou=elsewhere{attacker.getsockname()[1]}"
        directory.change(
            f"dn: {name},{PEOPLE}\nchangetype: add\nobjectClass: referral\n"
            f"objectClass: extensibleObject\nref: {url}\n"
        )
        everywhere = Query(PEOPLE, "sub", "(uid=ann)", ("uid",))
        found = asking.read(directory, authority, everywhere)
        below = asking.read(directory, authority, everywhere._replace(base=f"{name},{PEOPLE}"))
        assert [entry.text("uid") for entry in found.entries] == ["ann"]
        assert (below.code, below.entries) == (client.REFERRAL, [])
        assert_nobody_came(attacker)
        directory.change(
            f"dn: {name},{PEOPLE}\ncontrol: 2.16.840.1.113730.3.4.2 true\nchangetype: delete\n"
        )


# -- success to everything


def test_an_empty_password_is_not_sent_to_a_server_that_takes_it_l1_a63_a77(asking: Asking) -> None:
    with LdapFake(say_yes) as fake:
        assert asking.bind(plain(fake.port), "uid=ann", "secret").code == client.SUCCESS
        before = fake.received
        with pytest.raises(ValueError, match="nobody is proven"):
            asking.bind(plain(fake.port), "uid=ann", "")
        assert fake.received == before


def test_a_search_that_finds_nothing_with_success_finds_nobody_a77(asking: Asking) -> None:
    with LdapFake(say_yes) as fake:
        assert asking.search(plain(fake.port), QUERY).entries == []
