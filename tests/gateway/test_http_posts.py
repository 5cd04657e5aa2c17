"""A request is answered the same, whether it comes in one piece or not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.gateway.conftest import APP, Site, StartSite, login_request, password_login
from tests.gateway.raw_http import check, request
from tests.servers.gateway import Reply
from tests.servers.numbers import fresh_number

ORIGIN = "https://chat.example.com"
PIECE = 20  # bytes


@pytest.fixture(scope="module")
def particular_site(start_site: StartSite) -> Site:
    return start_site(cors_origins=[ORIGIN])


@pytest.fixture(params=["any origin", "one origin"])
def either(request: pytest.FixtureRequest, site: Site, particular_site: Site) -> Site:
    return site if request.param == "any origin" else particular_site


def answers(site: Site, data: bytes) -> Iterator[Reply]:
    """What is said to the request in one piece, and in two."""
    for pieces in ([data], [data[:PIECE], data[PIECE:]]):
        with site.connect() as wire:
            for piece in pieces:
                wire.send(piece)
            reply = wire.reply()
            assert wire.is_open(0.02) == (b"close" not in data)
            yield reply


def told(reply: Reply) -> object:
    """All of a reply but the time, in any order."""
    headers = sorted((name, value) for name, value in reply.headers if name != "Date")
    assert reply.header("Date")
    return reply.status, headers, {**reply.json, "ts": 0, "challenge": "challenge" in reply.json}


def op(*headers: str, **fields: object) -> bytes:
    return request(json.dumps({"op": "login", "appid": APP, "dt": "1", **fields}), *headers)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(op(phone=fresh_number()), id="code"),
        pytest.param(op(phone="1"), id="refused"),
        pytest.param(op(appid="com.example.unknown"), id="no-such-app"),
        pytest.param(op(op="logout"), id="logout"),
        pytest.param(op(op="paint"), id="bad-op"),
        pytest.param(request(b""), id="empty"),
        pytest.param(request(b"{"), id="unreadable"),
        pytest.param(request(b"{op: 'logout'}"), id="relaxed"),
        pytest.param(request(b"op=logout"), id="form"),
        pytest.param(op(op="logout", dt=None), id="without-mark"),
        pytest.param(op("User-Agent: Mozilla/5.0", op="logout", dt=None), id="browser"),
        pytest.param(op(f"Origin: {ORIGIN}", op="logout", dt=None), id="page"),
        pytest.param(op("Origin: https://other.example", op="logout"), id="page-of-others"),
        pytest.param(op("Connection: close", op="logout"), id="close"),
    ],
)
def test_answer_does_not_tell_how_the_request_came(either: Site, data: bytes) -> None:
    whole, pieces = answers(either, data)
    assert told(whole) == told(pieces)


def test_connection_serves_what_comes_in_any_order(site: Site) -> None:
    with site.connect() as wire:
        for data in [login_request(), request(b"", line="GET /nothing HTTP/1.1"), login_request()]:
            wire.send(data)
            check(wire.reply())
        wire.send(login_request()[:PIECE])
        wire.send(login_request()[PIECE:])
        assert "challenge" in check(wire.reply()).json


@pytest.mark.parametrize("pieces", [1, 2])
def test_request_that_comes_during_another_waits_for_it(site: Site, pieces: int) -> None:
    site.mesibo.fail("slow:0.3")
    with site.connect() as wire:
        wire.send(request(json.dumps(password_login())))
        second = login_request()
        size = len(second) // pieces
        for start in range(0, len(second), size):
            wire.send(second[start : start + size])
        assert "token" in check(wire.reply()).json
        assert "challenge" in check(wire.reply()).json
        wire.send(login_request())
        assert "challenge" in check(wire.reply()).json
