"""The HTTP around the replies."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cases.configuration import ANDROID, TEST_CODE
from tests.cases.messenger import Messenger, another
from tests.servers.gateway import GatewayProcess, Reply, post, raw

KEYS = {
    *("op", "ts", "result", "error", "errmsg", "errtitle", "retry_after", "challenge"),
    *("token", "phone", "address", "name", "urls", "share", "invite"),
}
SIGNED_IN = ("token", "phone", "address", "urls", "share", "invite")


def preflight(gateway: GatewayProcess, path: str, method: str = "POST") -> Reply:
    headers = {
        "Origin": "https://web.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    return post(gateway.url, headers=headers, path=path, method="OPTIONS")


def listed(reply: Reply, header: str) -> set[str]:
    return {item.strip().lower() for item in (reply.header(header) or "").split(",")}


@pytest.mark.parametrize("path", ["/", "/api.php"])
def test_case_7_preflight(gateway: GatewayProcess, path: str) -> None:
    reply = preflight(gateway, path)
    assert reply.status in (200, 204)
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert "post" in listed(reply, "Access-Control-Allow-Methods")
    assert "content-type" in listed(reply, "Access-Control-Allow-Headers")
    assert reply.header("Location") is None


# The case leaves GET / to the gateway; here it is a page for people.
def test_case_23_page_for_people(gateway: GatewayProcess) -> None:
    reply = post(gateway.url, method="GET")
    assert reply.status == 200
    assert (reply.header("Content-Type") or "").startswith("text/html")
    assert reply.body.lower().startswith(b"<!doctype html>")
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/index.php", "/?op=x", "/index.php?a=b"])
def test_case_23_other_methods(app: Messenger, method: str, path: str) -> None:
    answer = app.send(b"", path=path, method=method).json
    assert (answer["op"], answer["result"]) == ("login", "FAIL")
    assert answer["error"] == "BADREQUEST"


def test_case_34_replies_have_only_known_keys(app: Messenger, number: str) -> None:
    """That their types are right is checked with every reply of every case."""
    sent = app.login(phone=number)
    code = app.sms.code_for(number)
    wrong = app.login(phone=number, otp=another(code))
    signed_in = app.login(phone=number, otp=code, name="Ann")
    refused = app.login(phone="1")
    logout = app.send({"op": "logout"}, op_login=False, boolean=True).json
    bad_op = app.send({"op": "foo", "dt": "1"}, op_login=False).json
    unreadable = app.send(b"[1]").json

    usual = {"op", "ts", "result"}
    assert sent.keys() == {*usual, "challenge"}
    assert wrong.keys() == bad_op.keys() == unreadable.keys() == {*usual, "error"}
    assert signed_in.keys() == {*usual, *SIGNED_IN, "name"}
    assert refused.keys() == {*usual, "error", "errmsg", "errtitle"}
    assert logout.keys() == usual


LOGIN: dict[str, Any] = {"op": "login", "appid": ANDROID, "dt": "1"}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(LOGIN | {"phone": "NUMBER"}),
        json.dumps(LOGIN | {"phone": "NUMBER", "otp": TEST_CODE}),
        json.dumps(LOGIN),
        json.dumps({"op": "logout", "token": "x", "dt": "1"}),
        json.dumps({"op": "foo"}),
        '{op: "login"}',
        "[1]",
        "",
        "x" * 20_000,
    ],
    ids=["sent", "wrong", "refused", "logout", "bad_op", "relaxed", "array", "empty", "large"],
)
def test_case_35_headers(gateway: GatewayProcess, number: str, body: str) -> None:
    content = body.replace("NUMBER", number).encode()
    target = urlsplit(gateway.url)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(content)}"
    received = raw("127.0.0.1", target.port or 0, head.encode() + b"\r\n\r\n" + content)
    top, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = top.decode("ascii").split("\r\n")
    headers = [line.split(":", 1) for line in lines]
    assert re.fullmatch("HTTP/1.1 (200 OK|413 .+)", status)
    assert all(len(header) == 2 for header in headers), lines
    values = {name.lower(): value.strip() for name, value in headers}
    assert len(values) == len(headers)
    assert "no-store" in values["cache-control"]
    assert values["content-type"].startswith("application/json")
    assert values["access-control-allow-origin"] == "*"
    assert int(values["content-length"]) == len(rest)
    assert {"set-cookie", "location", "transfer-encoding"}.isdisjoint(values)
    assert json.loads(rest)["op"]


@contextmanager
def connected(gateway: GatewayProcess) -> Iterator[BufferedRWPair]:
    target = urlsplit(gateway.url)
    with (
        socket.create_connection(("127.0.0.1", target.port or 0), timeout=10.0) as connection,
        connection.makefile("rwb") as stream,
    ):
        yield stream


def written(*requests: dict[str, Any]) -> bytes:
    bodies = [json.dumps(request).encode() for request in requests]
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    return b"".join(head % len(body) + body for body in bodies)


def read_reply(stream: BufferedRWPair) -> dict[str, Any]:
    lines = list(iter(stream.readline, b"\r\n"))
    assert lines[0] == b"HTTP/1.1 200 OK\r\n"
    lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
    answer: dict[str, Any] = json.loads(stream.read(int(lengths[0].split(b":")[1])))
    return answer


def test_case_36_pipelined_requests(app: Messenger, number: str) -> None:
    slow = LOGIN | {"phone": number, "otp": app.code_for(number)}
    app.mesibo.fail("slow:0.2")  # the answers would change places if they could
    with connected(app.gateway) as stream:
        stream.write(written(slow, {"op": "logout", "dt": "1"}))
        stream.flush()
        first, second = read_reply(stream), read_reply(stream)
        assert [first["token"]] == app.tokens(number)
        assert (second["op"], second["result"]) == ("logout", "OK")

        stream.write(written({"op": "foo", "dt": "1"}))
        stream.flush()
        assert read_reply(stream)["error"] == "BADOP"
