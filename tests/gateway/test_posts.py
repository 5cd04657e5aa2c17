"""Which requests are read in one piece, and which are left to aiohttp."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.posts import Post, Reader
from tests.gateway.raw_http import request

BODY = b'{"op": "login"}'
MEANT = {"host": "gateway.example"}


def post(**changed: Any) -> Post:
    return Post("/", MEANT, BODY, keep_alive=True)._replace(**changed)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(request(BODY), post(), id="plain"),
        pytest.param(request(b""), post(body=b""), id="empty"),
        pytest.param(request(BODY, line="POST /a/b_c-1.php/ HTTP/1.1"), post(path="/a/b_c-1.php/")),
        pytest.param(request(BODY, "connection: Keep-Alive"), post(), id="keep-alive"),
        pytest.param(request(BODY) + b"\r\n", post(), id="old-client"),
        pytest.param(request(BODY, "X: \xe4\xff"), post(), id="bytes-without-meaning"),
        pytest.param(
            request(BODY, "USER-agent: a", "Origin:b ", "Forwarded: c", "X-Forwarded-For: d, e"),
            post(
                headers=MEANT
                | {"user-agent": "a", "origin": "b", "forwarded": "c", "x-forwarded-for": "d, e"}
            ),
            id="headers",
        ),
    ],
)
def test_post_in_one_piece_is_read(data: bytes, found: Post) -> None:
    reader = Reader()
    assert reader.read(data) == found
    assert reader.read(request(b"{}")) == post(body=b"{}")  # nothing is left of the one before


def test_connection_ends_if_the_client_wants_it() -> None:
    assert Reader().read(request(BODY, "CONNECTION: close")) == post(keep_alive=False)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(request(BODY)[:-1], id="body-in-part"),
        pytest.param(request(BODY)[:20], id="head-in-part"),
        pytest.param(b"", id="nothing"),
        pytest.param(request(BODY) + b"P", id="more-begins"),
        pytest.param(request(BODY) * 2, id="two"),
        pytest.param(request(b"", line="GET / HTTP/1.1"), id="get"),
        pytest.param(request(BODY, line="PUT / HTTP/1.1"), id="put"),
        pytest.param(request(BODY, line="POST / HTTP/1.0"), id="http-1.0"),
        pytest.param(request(BODY, line="POST /?op=login HTTP/1.1"), id="query"),
        pytest.param(request(BODY, line="POST /%73ignin HTTP/1.1"), id="escape"),
        pytest.param(request(BODY, line="POST /a/../signin HTTP/1.1"), id="dots"),
        pytest.param(request(BODY, line="POST //signin HTTP/1.1"), id="two-slashes"),
        pytest.param(request(BODY, line="POST http://a/ HTTP/1.1"), id="absolute"),
        pytest.param(request(BODY, "Transfer-Encoding: chunked", length=-1), id="chunks-to-come"),
        pytest.param(
            request(b"1\r\na\r\n0\r\n\r\n", "transfer-encoding: chunked", length=-1), id="chunks"
        ),
        pytest.param(request(BODY, "Transfer-Encoding: chunked"), id="a59-length-and-chunks"),
        pytest.param(request(BODY, "Content-Length: 3"), id="a59-two-lengths"),
        pytest.param(request(BODY, "Content-Encoding: gzip"), id="compressed"),
        pytest.param(request(BODY, "Expect: 100-continue"), id="expects"),
        pytest.param(request(BODY, "Connection: Upgrade", "Upgrade: h2c"), id="upgrade"),
        pytest.param(request(BODY).replace(b"Host", b"X"), id="no-host"),
        pytest.param(request(BODY, "Host: b"), id="two-hosts"),
        pytest.param(request(BODY, "X-Forwarded-For: a", "X-Forwarded-For: b"), id="two-lines"),
        pytest.param(request(BODY, "Origin: \xe4"), id="bytes-with-meaning"),
        pytest.param(request(BODY, "X: " + "a" * 8192), id="long-header"),
        pytest.param(request(b"a" * 8192), id="much"),
        pytest.param(request(BODY, "X : a"), id="no-http"),
    ],
)
def test_any_other_request_is_left(data: bytes) -> None:
    assert Reader().read(data) is None
