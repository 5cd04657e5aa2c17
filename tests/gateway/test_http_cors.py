"""Web pages that sign in: preflight, allowed origins, and what a foreign page cannot do."""

from __future__ import annotations

import json

import pytest

from tests.gateway.conftest import Site, StartSite, password_login, phone_login
from tests.gateway.raw_http import SAFE, Wire, check, request
from tests.servers.gateway import Reply, post

LISTED, OTHER = "https://web.example", "https://evil.example"


def allowed(reply: Reply) -> str | None:
    assert reply.header("Access-Control-Allow-Credentials") is None
    return reply.header("Access-Control-Allow-Origin")


def preflight(url: str, *headers: str, target: str = "/api.php") -> Reply:
    with Wire(url) as wire:
        wire.send(request(b"", *headers, line=f"OPTIONS {target} HTTP/1.1"))
        return wire.reply()


@pytest.mark.parametrize("target", ["/", "/api.php", "*"])
def test_case_7_c12_preflight_is_answered(site: Site, target: str) -> None:
    asked = (
        f"Origin: {LISTED}",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type",
    )
    reply = preflight(site.url, *asked, target=target)
    assert (reply.status, reply.body, allowed(reply)) == (204, b"", "*")
    assert "POST" in (reply.header("Access-Control-Allow-Methods") or "").split(", ")
    assert "content-type" in (reply.header("Access-Control-Allow-Headers") or "").lower()
    assert all(reply.header(name) == value for name, value in SAFE.items())


def test_case_5_c12_any_page_may_sign_in_by_default(site: Site) -> None:
    body = json.dumps(phone_login(dt=None))
    reply = site.post(body, {"Content-Type": "text/plain", "Origin": LISTED})
    assert "challenge" in reply.json
    assert allowed(reply) == "*"
    assert reply.header("Vary") is None


def test_c12_every_answer_can_be_read_by_the_page(site: Site) -> None:
    origin = {"Origin": LISTED}
    assert allowed(site.post(b"{", origin)) == "*"
    assert allowed(site.post(b"x" * 20_000, origin, status=413)) == "*"
    assert allowed(site.post({"op": "logout"}, origin, op_login=False)) == "*"
    assert allowed(site.post(b"", origin, "/metrics", status=404)) == "*"


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        pytest.param(LISTED, LISTED, id="listed"),
        pytest.param("app://com.example", "app://com.example", id="listed-app"),
        pytest.param(OTHER, None, id="other"),
        pytest.param(LISTED.upper(), None, id="upper-case"),
        pytest.param(f"{LISTED}:8443", None, id="other-port"),
        pytest.param("http://web.example", None, id="other-scheme"),
        pytest.param(f"{LISTED}.evil.example", None, id="longer"),
        pytest.param("null", None, id="null"),
        pytest.param("*", None, id="star"),
        pytest.param(None, None, id="none"),
    ],
)
def test_c12_listed_origins_only(listing: str, origin: str | None, answer: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    for reply in (
        preflight(listing, *lines),
        check(post(listing, phone_login(), headers)),
    ):
        assert allowed(reply) == answer
        assert reply.header("Vary") == "Origin"


@pytest.fixture(scope="module")
def listing(start_site: StartSite) -> str:
    return start_site(cors_origins=[LISTED, "app://com.example"]).url


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_a51_content_type_changes_nothing_and_no_answer_leaves_authority_behind(
    site: Site, kind: str | None
) -> None:
    headers = {"Origin": OTHER, "Cookie": "session=1", "Authorization": "Basic eDp5"}
    if kind is not None:
        headers["Content-Type"] = kind
    first = site.post(json.dumps(password_login()), headers)
    assert "token" in first.json
    cookie_only = site.post(json.dumps({"op": "login", "appid": "com.example.app"}), headers)
    assert cookie_only.json["error"] == "BADREQUEST"
    assert first.header("WWW-Authenticate") is None
