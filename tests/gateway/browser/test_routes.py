"""Which request is for the pages, and which for the API."""

from __future__ import annotations

import json

import pytest

from tests.gateway.browser.site import Site, Staff
from tests.gateway.kit import BrowserScript

FORM = "application/x-www-form-urlencoded"
API = b"the API"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.php",
        "/signin.php",
        "/signin2",
        "/signinx/1",
        "/Signin",
        "/x/signin",
        "/callback",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_other_paths_are_the_apis(method: str, path: str) -> None:
    async with Site(Staff()).open() as person:
        data = b"a=b" if method == "POST" else None
        assert (await person.ask(method, path, data, {"Content-Type": FORM})).body == API


@pytest.mark.parametrize("path", ["/signin", "/signin/", "/signin/x", "/signin?appid=x"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(FORM, b"op=login&appid=x", id="form"),
        pytest.param(FORM, b"appid=x&op=", id="empty-op"),
        pytest.param(FORM, json.dumps({"op": "login"}).encode(), id="json-called-a-form"),
        pytest.param(FORM, b"\xef\xbb\xbf\n {op:login}", id="relaxed-json-called-a-form"),
        pytest.param("application/json", json.dumps({"op": "login"}).encode(), id="json"),
        pytest.param("text/plain;charset=UTF-8", b'{"op": "login"}', id="text"),
        pytest.param("", b'{"op": "login"}', id="no-type"),
    ],
)
async def test_ops_are_the_apis_on_any_path(path: str, content_type: str, body: bytes) -> None:
    async with Site(Staff()).open() as person:
        answer = await person.ask("POST", path, body, {"Content-Type": content_type})
        assert answer.body == API


async def test_op_in_the_query_is_the_apis() -> None:
    async with Site(Staff()).open() as person:
        assert (await person.get("/signin?op=login&appid=com.example.app")).body == API
        answer = await person.ask("POST", "/signin?op=login", b"", {"Content-Type": FORM})
        assert answer.body == API


async def test_answer_of_an_identity_provider_is_never_an_op() -> None:
    async with Site(BrowserScript()).open() as person:
        assert (await person.get("/callback/site?op=login")).status == 400
        answer = await person.ask("POST", "/callback/site", {"op": "login"})
        assert answer.status == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("HEAD", "/signin?appid=com.example.app", 200, None),
        ("HEAD", "/signin/", 400, None),
        ("HEAD", "/signin?appid=com.example.app&provider=site", 405, "GET, POST"),
        ("HEAD", "/signin/AAAAAAAAAAAAAAAAAAAAAA", 405, "GET"),
        ("PUT", "/signin?appid=com.example.app", 405, "GET, HEAD, POST"),
        ("DELETE", "/signin/AAAAAAAAAAAAAAAAAAAAAA", 405, "GET"),
        ("POST", "/signin/AAAAAAAAAAAAAAAAAAAAAA", 405, "GET"),
        ("POST", "/signin/signin.css", 405, "GET, HEAD"),
        ("TRACE", "/callback/site", 405, "GET, POST"),
        ("GET", "/signin/a/b", 404, None),
        ("GET", "/signin//", 404, None),
        ("GET", "/signin/../signin/a/b", 404, None),
    ],
)
async def test_methods_and_paths(method: str, path: str, status: int, allow: str | None) -> None:
    site = BrowserScript()
    async with Site(site, Staff()).open() as person:
        data = b"a=b" if method == "POST" else None
        answer = await person.ask(method, path, data, {"Content-Type": FORM})
        assert (answer.status, answer.headers.get("Allow")) == (status, allow)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert (answer.body == b"") is (method == "HEAD")
        assert site.departed == []


async def test_body_that_is_not_read_is_answered_by_a_page() -> None:
    site = Site(Staff())
    site.refuses = 413
    async with site.open() as person:
        answer = await person.ask(
            "POST", "/signin", b"a=b", {"Content-Type": FORM, "Accept-Language": "de"}
        )
        assert answer.status == 413
        assert answer.page.title == "Diese Anfrage ist nicht lesbar"
