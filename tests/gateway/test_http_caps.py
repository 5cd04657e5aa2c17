"""How many connections there may be, and which one has to go when there are too many (A43)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from tests.gateway.conftest import LIMITS, Site, StartSite, login_request, password_login
from tests.gateway.raw_http import Wire, are_open, check, request

PER_ADDRESS, IN_ALL = 4, 6
HERE, THERE, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def narrow_site(start_site: StartSite) -> Site:
    caps = {"connections": IN_ALL, "connections_per_ip": PER_ADDRESS}
    return start_site(limits={**LIMITS, **caps})


@pytest.fixture
def narrow(narrow_site: Site, site: Site) -> Site:
    return narrow_site


@pytest.fixture
def opened(narrow: Site) -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack
    assert narrow.logs_in()  # by now the server has seen that all these are closed


class Opener:
    """Opens connections that the server is known to have seen: each has had an answer."""

    def __init__(self, site: Site, stack: contextlib.ExitStack) -> None:
        self._site = site
        self._stack = stack

    def __call__(self, source: str = HERE) -> Wire:
        wire = self.silent(source)
        speak(wire)
        return wire

    def silent(self, source: str = HERE) -> Wire:
        return self._stack.enter_context(self._site.connect(source))


@pytest.fixture
def connect(narrow: Site, opened: contextlib.ExitStack) -> Opener:
    return Opener(narrow, opened)


def speak(wire: Wire) -> None:
    wire.send(login_request())
    assert "challenge" in check(wire.reply()).json


def test_longest_silent_connection_of_the_address_makes_room(connect: Opener) -> None:
    wires = [connect() for _ in range(PER_ADDRESS)]
    speak(wires[0])
    connect()
    assert are_open(wires) == [True, False, True, True]
    connect()
    assert are_open(wires) == [True, False, False, True]


def test_connection_that_never_said_anything_makes_room_first(connect: Opener) -> None:
    never = connect.silent()
    wires = [connect() for _ in range(PER_ADDRESS - 1)]
    connect()
    assert not never.is_open()
    assert all(are_open(wires))


def test_other_addresses_are_left_alone(connect: Opener) -> None:
    other = connect(THERE)
    wires = [connect() for _ in range(PER_ADDRESS + 1)]
    assert other.is_open()
    assert are_open(wires) == [False] + [True] * PER_ADDRESS


def test_longest_silent_connection_of_all_makes_room_when_there_are_too_many(
    connect: Opener,
) -> None:
    wires = [connect(source) for source in [THERE] * 3 + [HERE] * 3]
    connect(ELSEWHERE)
    assert are_open(wires) == [False] + [True] * 5


def test_full_address_makes_room_for_itself_when_all_is_full(connect: Opener) -> None:
    others = [connect(THERE) for _ in range(IN_ALL - PER_ADDRESS)]
    wires = [connect() for _ in range(PER_ADDRESS)]
    connect()
    assert all(are_open(others))
    assert are_open(wires) == [False, True, True, True]


@pytest.mark.parametrize("source", [HERE, ELSEWHERE])
def test_request_in_progress_is_never_cut(narrow: Site, connect: Opener, source: str) -> None:
    busy = [HERE] * PER_ADDRESS + ([THERE] * 2 if source == ELSEWHERE else [])
    wires = [connect(address) for address in busy]
    narrow.mesibo.fail("slow:0.3")
    called = len(narrow.mesibo.calls)
    for wire in wires:
        wire.send(request(json.dumps(password_login())))
    narrow.mesibo.wait_calls(called + len(wires))
    late = [connect.silent(source) for _ in range(3)]
    assert not any(are_open(late))
    for wire in wires:
        assert "token" in check(wire.reply()).json
    assert all(are_open(wires))
    narrow.mesibo.ok()
    connect(source)


def test_a_body_that_does_not_come_keeps_no_place(connect: Opener) -> None:
    slow = [connect.silent() for _ in range(PER_ADDRESS)]
    for wire in slow:
        wire.send(login_request()[:-1])
    wires = [connect() for _ in range(PER_ADDRESS)]
    assert not any(are_open(slow))
    assert all(are_open(wires))


def test_closed_connections_are_no_longer_counted(narrow: Site, connect: Opener) -> None:
    for number in range(30):
        with narrow.connect() as wire:
            if number % 3 == 0:
                wire.send(login_request()[: number * 10])
            elif number % 3 == 1:
                speak(wire)
    wires = [connect() for _ in range(PER_ADDRESS)]
    assert all(are_open(wires))
