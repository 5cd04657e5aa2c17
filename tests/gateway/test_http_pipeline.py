"""Several requests on one connection."""

from __future__ import annotations

import json

import pytest

from tests.gateway.conftest import Site, login_request, password_login, phone_login
from tests.gateway.raw_http import check, request


def test_case_36_pipelined_requests_are_answered_in_order(site: Site) -> None:
    ops = [f"op{number}" for number in range(70)]  # more than are read ahead
    with site.connect() as wire:
        wire.send(b"".join(request(json.dumps({"op": op, "dt": 1})) for op in ops))
        replies = [check(wire.reply(), op_login=False) for _ in ops]
        assert [reply.json["op"] for reply in replies] == ops
        assert wire.is_open()


def test_case_36_slow_request_is_not_overtaken(site: Site) -> None:
    site.mesibo.fail("slow:0.3")
    with site.connect() as wire:
        wire.send(request(json.dumps(password_login())) + login_request())
        assert "token" in check(wire.reply()).json
        assert "challenge" in check(wire.reply()).json


def test_connection_is_kept_for_more_requests(site: Site) -> None:
    with site.connect() as wire:
        for _ in range(3):
            wire.send(login_request())
            assert "challenge" in check(wire.reply()).json
        assert wire.is_open()


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        pytest.param(login_request("Connection: close"), False, id="close"),
        pytest.param(login_request(line="POST / HTTP/1.0"), False, id="http-1.0"),
        pytest.param(
            login_request("Connection: keep-alive", line="POST / HTTP/1.0"), True, id="1.0-kept"
        ),
    ],
)
def test_connection_is_kept_as_the_client_wants(site: Site, data: bytes, kept: bool) -> None:
    with site.connect() as wire:
        wire.send(data)
        assert "challenge" in check(wire.reply()).json
        assert wire.is_open() == kept


@pytest.mark.parametrize(
    ("first", "status"),
    [
        pytest.param(request(b"", length=20_000), 413, id="413-without-its-body"),
        pytest.param(request(b"x" * 20_000), 413, id="413-with-its-body"),
        pytest.param(request(b"x" * 9, "Content-Encoding: gzip"), 415, id="415"),
        pytest.param(b"HELLO\r\n\r\n", 400, id="400"),
    ],
)
def test_a59_nothing_behind_a_refusal_is_taken_for_a_request(
    site: Site, first: bytes, status: int
) -> None:
    login = phone_login()
    with site.connect() as wire:
        wire.send(first + request(json.dumps(login)))
        assert check(wire.reply(), status).json["error"] == "BADREQUEST"
        assert wire.rest() == b""
    assert site.sms.count(login["phone"]) == 0


@pytest.mark.parametrize("method", ["PUT", "GET", "OPTIONS", "POST"])
def test_a59_body_of_another_request_is_not_taken_for_a_request(site: Site, method: str) -> None:
    hidden, login = phone_login(), phone_login()
    path = "/metrics" if method == "POST" else "/"
    smuggled = request(json.dumps(hidden))
    with site.connect() as wire:
        wire.send(request(smuggled, line=f"{method} {path} HTTP/1.1"))
        wire.reply()
        wire.send(request(json.dumps(login)))
        assert "challenge" in check(wire.reply()).json
        assert wire.is_open()
    assert site.sms.count(hidden["phone"]) == 0
    assert site.sms.count(login["phone"]) == 1
