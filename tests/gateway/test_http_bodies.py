"""Bodies: how long, in which wrapping, in how many pieces."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from typing import Any

import pytest

from tests.gateway.conftest import Site, login_request, password_login, phone_login
from tests.gateway.raw_http import check, chunked, request

CHUNKED = "Transfer-Encoding: chunked"
MAX_BODY = 16 * 1024
BOMB = gzip.compress(b'{"op":"login","name":"' + b"a" * 30_000_000, 9)


def padded(size: int) -> bytes:
    """Return a login of exactly so many bytes."""
    login = {**password_login(), "x": []}
    text = json.dumps({**login, "x": "a" * (size - len(json.dumps({**login, "x": ""})))})
    assert len(text) == size
    return text.encode()


@pytest.mark.parametrize("wrapping", ["plain", "chunked"])
def test_c9_body_of_16_kib_is_read_and_not_a_byte_more(site: Site, wrapping: str) -> None:
    for size, status in (MAX_BODY, 200), (MAX_BODY + 1, 413):
        body = padded(size)
        data = request(body)
        if wrapping == "chunked":
            data = request(b"", CHUNKED, length=-1) + chunked(body[:9000], body[9000:])
        reply = site.raw(data, status)
        assert ("token" in reply.json) == (status == 200)


def test_c9_too_long_body_is_refused_before_it_is_sent(site: Site) -> None:
    with site.connect() as wire:
        wire.send(request(b"", length=MAX_BODY + 1))
        assert check(wire.reply(), 413).json["error"] == "BADREQUEST"
    assert time.monotonic() - wire.opened < 5


def test_c9_endless_chunks_are_refused_as_soon_as_they_are_too_many(site: Site) -> None:
    with site.connect() as wire:
        wire.send(request(b"", CHUNKED, length=-1))
        wire.send(b"".join(b"3e8\r\n%s\r\n" % (b"x" * 1000) for _ in range(17)))
        reply = check(wire.reply(), 413)
        assert reply.header("Connection") == "close"


def test_megabytes_that_are_already_on_their_way_are_answered_too(site: Site) -> None:
    assert site.raw(request(b"x" * 3_000_000), 413).json["error"] == "BADREQUEST"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        pytest.param("gzip", gzip.compress(login_request()), id="gzip"),
        pytest.param("gzip", BOMB[:16_000], id="bomb"),
        pytest.param("GZIP", b"{}", id="not-even-compressed"),
        pytest.param("deflate", zlib.compress(b"{}"), id="deflate"),
        pytest.param("br", b"x", id="br"),
        pytest.param("identity, gzip", gzip.compress(b"{}"), id="two"),
        pytest.param("x", b"{}", id="unknown"),
    ],
)
def test_c9_compressed_body_is_refused(site: Site, coding: str, body: bytes) -> None:
    reply = site.raw(request(body, f"Content-Encoding: {coding}"), 415)
    assert reply.json["error"] == "BADREQUEST"


@pytest.mark.parametrize(
    "headers", [(), ("Content-Encoding: identity",), ("Content-Type: x/gzip",)]
)
def test_c9_bomb_under_any_flag_unfolds_nowhere(site: Site, headers: tuple[str, ...]) -> None:
    started = time.monotonic()
    assert site.raw(request(BOMB[:MAX_BODY], *headers)).json["error"] == "BADREQUEST"
    assert time.monotonic() - started < 0.5


def test_transfer_coding_gzip_is_not_unfolded(site: Site) -> None:
    data = request(b"", "Transfer-Encoding: gzip, chunked", length=-1)
    body = gzip.compress(json.dumps(phone_login()).encode())
    assert site.raw(data + chunked(body)).json["error"] == "BADREQUEST"


@pytest.mark.parametrize("pieces", [1, 2, 40])
def test_body_may_come_in_any_pieces(site: Site, pieces: int) -> None:
    body = json.dumps(password_login()).encode()
    size = -(-len(body) // pieces)
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    reply = site.raw(request(b"", CHUNKED, length=-1) + chunked(*parts))
    assert "token" in reply.json
    head = request(b"", length=len(body))
    with site.connect() as wire:
        for part in (head[:3], head[3:-1], head[-1:], *parts):
            wire.send(part)
        assert "token" in check(wire.reply()).json


def test_expect_continue_is_answered_before_the_body_is_sent(site: Site) -> None:
    body = json.dumps(password_login()).encode()
    with site.connect() as wire:
        for _ in range(2):
            wire.send(request(b"", "Expect: 100-continue", length=len(body)))
            assert wire.reply().status == 100
            wire.send(body)
            assert "token" in check(wire.reply()).json


@pytest.mark.parametrize(
    ("status", "headers"), [(413, ()), (415, ("Content-Encoding: gzip",))], ids=["413", "415"]
)
def test_expect_continue_gets_a_refusal_instead(
    site: Site, status: int, headers: tuple[str, ...]
) -> None:
    size = MAX_BODY + 1 if status == 413 else 10
    site.raw(request(b"", "Expect: 100-continue", *headers, length=size), status)


def test_expectation_of_http_1_0_is_ignored(site: Site) -> None:
    data = login_request("Expect: 100-continue", line="POST / HTTP/1.0")
    assert "challenge" in site.raw(data).json


BAD_BODIES = {
    "a37-arrays": b"[" * MAX_BODY,
    "a37-in-a-login": b'{"op":"login","x":' + b"[" * 16_000,
    "a37-closed": b'{"op":"login","x":' + b"[" * 8_000 + b"]" * 8_000 + b"}",
    "a37-objects": b'{"a":' * 3_000,
    "a37-relaxed": b"{op:'login',x:" + b"[" * 16_000,
    "a37-quotes": b"{op:'" + b"\\'" * 8_000,
    "a37-comments": b"{op:'login'" + b"/*" * 8_000,
    "a39-integer": b'{"op":"login","phone":' + b"9" * 16_000 + b"}",
    "a39-integer-elsewhere": b'{"op":"login","x":' + b"9" * 16_000 + b"}",
    "a39-relaxed-integer": b"{op:'login',phone:" + b"9" * 16_000 + b"}",
    "a39-relaxed-hex": b"{op:'login',phone:0x" + b"f" * 16_000 + b"}",
    "a39-nan": b'{"op":"login","phone":NaN}',
    "a39-infinity": b"{op:'login',phone:Infinity}",
    "a39-float": b'{"op":"login","otp":1e999}',
    "a39-exponent": b'{"op":"login","otp":1e' + b"9" * 16_000 + b"}",
    "c9-keys": json.dumps({f"k{i}": 1 for i in range(1000)}).encode(),
    "c9-form-fields": b"&".join(b"k%d=1" % i for i in range(2000)),
    "c9-twice": b'{"op":"login","op":"logout"}',
    "case-24-array": b"[1]",
    "case-24-text": b'"abc"',
    "case-24-null": b"null",
    "case-24-list-as-op": b'{"op":["login"]}',
    "case-24-list-as-phone": b'{"op":"login","phone":["1"],"appid":"x"}',
    "case-24-utf-8": b'{"op":"login","phone":"\xff"}',
    "case-24-utf-16": json.dumps(phone_login("18885550000")).encode("utf-16"),
    "case-23-empty": b"",
    "nul": b'{"op":"login"}\0',
    "percent": b"%" * MAX_BODY,
}


@pytest.mark.parametrize("body", [pytest.param(b, id=name) for name, b in BAD_BODIES.items()])
def test_hostile_body_is_refused_at_once(site: Site, body: bytes) -> None:
    with site.connect() as wire:
        best = min(_timed(wire, body) for _ in range(3))
    assert best < 0.05


def _timed(wire: Any, body: bytes) -> float:
    started = time.perf_counter()
    wire.send(request(body, "Content-Type: application/json"))
    reply = wire.reply()
    seconds = time.perf_counter() - started
    assert check(reply).json["error"] == "BADREQUEST"
    assert reply.json.keys() == {"op", "ts", "result", "error"}
    return seconds


def test_a39_a_hundred_thousand_digits_are_too_long_a_body(site: Site) -> None:
    site.raw(request(b'{"op":"login","phone":' + b"9" * 100_000 + b"}"), 413)
