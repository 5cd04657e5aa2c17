"""The proxies that are shipped, real ones, in front of a real gateway."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gateway.supervisor import DRAIN
from tests.conftest import StartGateway
from tests.deploy.conftest import APP, LOGIN, RETURN, Site, configuration, port_of
from tests.deploy.proxies import KINDS, PERSON, SHIPPED, Behind, Kind, haproxy, nginx, running
from tests.gateway.waiting import audit_lines
from tests.servers.gateway import Reply, post
from tests.servers.process import HOST, free_port
from tests.servers.stock_clients import check_reply
from tests.servers.visitor import Visitor

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
LARGE = b'{"op": "login", "appid": "' + b"x" * 20_000 + b'"}'

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def check_refusal(reply: Reply, error: str) -> None:
    """A refusal that every app can read, from a proxy."""
    assert reply.status == 200
    assert check_reply(reply.body, op_login=True) == []
    assert reply.json["error"] == error
    assert reply.json["result"] == "FAIL"
    assert abs(reply.json["ts"] - time.time()) < 10
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Access-Control-Allow-Origin") == "*"
    assert reply.header("Cache-Control") == "no-store"


def test_someone_signs_in(site: Site) -> None:
    reply = site.proxy.ask(body=LOGIN)
    assert reply.status == 200
    assert reply.json["token"]
    assert check_reply(reply.body, op_login=True) == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Forwarded-For": "203.0.113.6"},
        {"Forwarded": "for=203.0.113.6"},
        {"X-Forwarded-For": "203.0.113.6", "Forwarded": "for=203.0.113.6"},
        {"X-Forwarded-For": f"203.0.113.6, {HOST}"},
    ],
    ids=["none", "x-forwarded-for", "forwarded", "both", "as if by the proxy"],
)
def test_a47_client_is_who_connects_whatever_the_client_says(
    site: Site, headers: dict[str, str]
) -> None:
    before = len(audit_lines(site.gateway, 0))
    site.proxy.ask(body=LOGIN, headers=headers)
    assert audit_lines(site.gateway, before + 1)[-1]["client"] == PERSON


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics", 404),
        ("GET", "/healthz", 404),
        ("POST", "/readyz", 404),
        ("PUT", "/", 200),
        ("POST", "/any/path", 200),
    ],
)
def test_answers_of_the_gateway_pass_as_they_are(
    site: Site, method: str, path: str, status: int
) -> None:
    reply = site.proxy.ask(method, path)
    assert reply.status == status
    assert reply.json["error"] == "BADREQUEST"
    assert reply.header("Content-Type") == "application/json; charset=utf-8"


def test_preflight_passes(site: Site) -> None:
    reply = site.proxy.ask("OPTIONS", headers={"Origin": "https://chat.example.test"})
    assert reply.status == 204
    assert reply.header("Access-Control-Allow-Headers") == "content-type"


async def test_someone_signs_in_on_the_page(site: Site) -> None:
    query = {"appid": APP, "return_url": RETURN, "code_challenge": CHALLENGE}
    page = f"{site.proxy.url}/signin?{urlencode(query)}"
    known = {"username": "ann", "password": "correct horse"}
    async with Visitor(site.proxy.trust) as visitor:
        arrival = await visitor.walk(page, known, "Sign in")
    assert arrival.url == RETURN
    brought = {
        "challenge": arrival.parameters["challenge"],
        "otp": arrival.parameters["code"],
        "code_verifier": VERIFIER,
    }
    reply = site.proxy.ask(body={"op": "login", "appid": APP, "dt": "1", **brought})
    assert reply.json["token"]


def test_pages_of_the_gateway_pass_with_their_status(site: Site) -> None:
    reply = site.proxy.ask("GET", "/callback/nobody?code=sesame&state=open")
    assert reply.status == 404
    assert reply.header("Content-Type") == "text/html; charset=utf-8"


def in_one_piece() -> bytes:
    return LARGE


def in_chunks() -> Iterator[bytes]:
    yield LARGE[:100]
    yield LARGE[100:]


@pytest.mark.parametrize("body", [in_one_piece, in_chunks])
def test_too_large_a_body_is_refused(
    site: Site, body: Callable[[], bytes | Iterator[bytes]]
) -> None:
    reply = site.proxy.ask(body=body())
    assert check_reply(reply.body, op_login=True) == []
    if site.kind in (nginx, haproxy):
        check_refusal(reply, "BADREQUEST")
    else:  # counts while it hands on: the gateway may be first
        assert reply.json["error"] in ("BADREQUEST", "UNAVAILABLE")


def test_body_of_16_kib_is_read(site: Site) -> None:
    body = json.dumps(LOGIN).encode()
    reply = site.proxy.ask(body=body + b" " * (16_384 - len(body)))
    assert reply.json["token"]


@each_kind
def test_gateway_that_is_down(kind: Kind, tmp_path: Path) -> None:
    with running(kind, tmp_path, Behind(free_port(), free_port())) as proxy:
        check_refusal(proxy.ask(body=LOGIN), "UNAVAILABLE")
        check_refusal(proxy.ask("GET", "/signin"), "UNAVAILABLE")


@each_kind
def test_gateway_that_says_nothing(kind: Kind, tmp_path: Path, start_gateway: StartGateway) -> None:
    healthy = start_gateway(configuration(free_port()))
    with closing(socket.create_server((HOST, 0))) as silent:
        port = silent.getsockname()[1]
        where = Behind(port, port_of(healthy.admin_url), patience="1s")
        with running(kind, tmp_path, where) as proxy:
            spoofed = {"X-Forwarded-For": "203.0.113.6", "Forwarded": "for=203.0.113.6"}
            check_refusal(proxy.ask(body=LOGIN, headers=spoofed), "UNAVAILABLE")
        assert f"\r\nx-forwarded-for: {PERSON}\r\n" in (heard := heard_by(silent))
        assert "203.0.113.6" not in heard


def heard_by(listener: socket.socket) -> str:
    """Return what everybody sent who was never answered, in lower case."""
    listener.setblocking(False)
    heard = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            with listener.accept()[0] as connection:
                connection.settimeout(5)
                heard += connection.recv(65_536)
    return heard.decode().lower()


@each_kind
def test_codes_of_callbacks_are_in_no_log(kind: Kind, tmp_path: Path) -> None:
    with running(kind, tmp_path, Behind(free_port(), free_port())) as proxy:
        proxy.ask("GET", "/callback/google?code=sesame&state=open")
        assert "sesame" not in proxy.log
    assert "sesame" not in proxy.log


# The others say such things in words of their own, which cannot be changed.
of_nginx = pytest.mark.parametrize("site", [nginx], indirect=True, ids=["nginx"])


@of_nginx
@pytest.mark.parametrize(
    "head",
    [
        b"GARBAGE",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 60_000,
    ],
    ids=["no http", "two hosts", "no length", "long"],
)
def test_nginx_answers_what_is_no_request(site: Site, head: bytes) -> None:
    check_refusal(raw(site, head + b"\r\n\r\n"), "BADREQUEST")


def raw(site: Site, request: bytes) -> Reply:
    """Send bytes over TLS; return the answer."""
    connection = socket.create_connection((HOST, site.proxy.port), timeout=10)
    with site.proxy.trust.wrap_socket(connection, server_hostname="localhost") as wire:
        wire.sendall(request)
        response = http.client.HTTPResponse(wire)
        response.begin()
        return Reply(response.status, response.getheaders(), response.read())


@of_nginx
def test_plain_http_on_the_port_of_nginx(site: Site) -> None:
    check_refusal(post(f"http://localhost:{site.proxy.port}", LOGIN), "BADREQUEST")


def test_nobody_waits_less_than_the_gateway_may_take() -> None:
    """Stopping waits as long as a login may take."""
    waits = {
        "nginx.conf": "read_timeout (\\d+)s",
        "haproxy.cfg": "timeout server (\\d+)s",
        "Caddyfile": "response_header_timeout (\\d+)s",
    }
    for name, pattern in waits.items():
        found = re.search(pattern, (SHIPPED / name).read_text())
        assert found is not None
        assert int(found[1]) > DRAIN


def test_admin_port_is_proxied_nowhere() -> None:
    for name in ("nginx.conf", "Caddyfile"):
        assert "9090" not in (SHIPPED / name).read_text()
    lines = (SHIPPED / "haproxy.cfg").read_text().splitlines()
    assert [line.split()[0] for line in lines if "9090" in line] == ["default-server"]  # checks
