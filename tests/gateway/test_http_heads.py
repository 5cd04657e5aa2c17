"""Heads that are no HTTP, or too much of it: the answer is a JSON object all the same."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Site, login_request
from tests.gateway.raw_http import check, request

LOGIN = login_request()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(login_request(*[f"X-{i}: a" for i in range(10_000)]), id="a45-10000-headers"),
        pytest.param(login_request("X: " + "a" * 65_536), id="a45-long-header"),
        pytest.param(login_request("X" * 65_536 + ": a"), id="a45-long-name"),
        pytest.param(login_request(line="POST /" + "a" * 65_536 + " HTTP/1.1"), id="a45-long-line"),
        pytest.param(b"A" * 65_536, id="a45-no-line-end"),
        pytest.param(b"HELLO\r\n\r\n", id="no-http"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="http-2-preface"),
        pytest.param(bytes.fromhex("16030100a5010000a10303") + b"\0" * 160, id="tls-hello"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(login_request(line="POST / HTTP/1.2"), id="version"),
        pytest.param(login_request(line="POST / HTTP/1.1 x"), id="four-words"),
        pytest.param(login_request(line="POST  HTTP/1.1"), id="no-target"),
        pytest.param(login_request(line="POST foo HTTP/1.1"), id="target-without-slash"),
        pytest.param(login_request(line="POST http://[::1 HTTP/1.1"), id="broken-url"),
        pytest.param(login_request(line="GET http://x:99999/ HTTP/1.1"), id="port-99999"),
        pytest.param(login_request(line="POST /\xff HTTP/1.1"), id="byte-in-target"),
        pytest.param(login_request("X"), id="no-colon"),
        pytest.param(login_request("X : a"), id="space-before-colon"),
        pytest.param(login_request("X: a", " b"), id="folded"),
        pytest.param(login_request("X: a\0b"), id="nul"),
        pytest.param(login_request("X: a\nY: b"), id="bare-line-feed"),
        pytest.param(LOGIN.replace(b"\r\n", b"\n"), id="line-feeds-only"),
        pytest.param(login_request("Content-Length: 3"), id="a59-two-lengths"),
        pytest.param(login_request("Transfer-Encoding: chunked"), id="a59-length-and-chunks"),
        pytest.param(request(b"", "Content-Length: abc", length=-1), id="length-abc"),
        pytest.param(request(b"", "Content-Length: -5", length=-1), id="length-negative"),
        pytest.param(request(b"", "Content-Length: +5", length=-1), id="length-plus"),
        pytest.param(request(b"", length=10**30), id="length-huge"),
        pytest.param(
            request(b"", "Transfer-Encoding: chunked", length=-1) + b"zz\r\n", id="bad-chunk"
        ),
        pytest.param(
            request(b"", "Transfer-Encoding: chunked", length=-1) + b"f" * 17 + b"\r\n",
            id="huge-chunk",
        ),
        pytest.param(login_request("Host: b"), id="two-hosts"),
        pytest.param(LOGIN.replace(b"Host: gateway.example\r\n", b""), id="no-host"),
    ],
)
def test_broken_head_is_answered_with_json_and_the_connection_closed(
    site: Site, data: bytes
) -> None:
    with site.connect() as wire:
        wire.send(data)
        reply = check(wire.reply(), 400)
        assert wire.rest() == b""
    assert reply.json["error"] == "BADREQUEST"
    assert b"<" not in reply.body
    assert site.logs_in()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(login_request(*[f"X-{i}: a" for i in range(100)]), id="100-headers"),
        pytest.param(login_request("X: " + "a" * 8000), id="8000-bytes"),
        pytest.param(login_request("X: \xff\xfe"), id="bytes-in-value"),
        pytest.param(b"\r\n\r\n" + LOGIN, id="empty-lines-before"),
        pytest.param(login_request("Connection: Upgrade", "Upgrade: h2c"), id="upgrade"),
        pytest.param(login_request("Cookie: a=b", "Authorization: Basic x"), id="credentials"),
        pytest.param(login_request("Content-Type: multipart/form-data"), id="a51-multipart"),
    ],
)
def test_odd_head_does_not_matter(site: Site, data: bytes) -> None:
    assert "challenge" in site.raw(data).json
