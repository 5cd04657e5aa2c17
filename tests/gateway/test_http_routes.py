"""Which method on which path does what."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.gateway.conftest import Site, StartSite, login_request, phone_login
from tests.gateway.raw_http import check, request
from tests.servers.gateway import post

ADMIN_PATHS = ["/healthz", "/readyz", "/metrics"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="root"),
        pytest.param("/index.php", id="index"),
        pytest.param("/api.php", id="api"),
        pytest.param("/messenger/api.php", id="messenger"),
        pytest.param("/conf/api.php?x=1", id="with-query"),
        pytest.param("//host/api.php", id="two-slashes"),
        pytest.param("/%00%zz%ff/../..", id="nonsense"),
        pytest.param("/" + "a" * 8000, id="long"),
        pytest.param("/healthz/", id="almost-admin"),
        pytest.param("http://evil.example/metrics2", id="absolute"),
    ],
)
def test_case_40_login_works_on_any_path(site: Site, path: str) -> None:
    reply = site.raw(login_request(line=f"POST {path} HTTP/1.1"))
    assert reply.json["challenge"]["kind"] == "code"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
@pytest.mark.parametrize("path", [*ADMIN_PATHS, "/%6detrics", "/metrics?x=1"])
def test_other_listeners_paths_are_not_found_here(site: Site, method: str, path: str) -> None:
    with site.connect() as wire:
        wire.send(request("{}", line=f"{method} {path} HTTP/1.1"))
        reply = wire.reply(head=method == "HEAD")
    assert reply.status == 404
    assert method == "HEAD" or check(reply, 404).json["error"] == "BADREQUEST"


@pytest.mark.parametrize("line", ["GET /", "GET /?", "GET /?from=mail", "HEAD /"])
def test_c11_page_says_what_this_is_and_nothing_can_be_slipped_into_it(
    site: Site, line: str
) -> None:
    with site.connect() as wire:
        wire.send(request(line=f"{line} HTTP/1.1"))
        reply = wire.reply(head=line.startswith("HEAD"))
    assert reply.status == 200
    assert reply.header("Content-Type") == "text/html; charset=utf-8"
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("X-Content-Type-Options") == "nosniff"
    policy = reply.header("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert b"script" not in reply.body
    assert line.startswith("HEAD") or b"Sign-in gateway" in reply.body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_other_methods_sign_nobody_in(site: Site, method: str) -> None:
    login = phone_login()
    data = request(json.dumps(login), line=f"{method} /api.php HTTP/1.1")
    reply = site.raw(data, status=400 if method == "FOO" else 200)
    assert reply.json["error"] == "BADREQUEST"
    assert site.sms.count(login["phone"]) == 0


@pytest.mark.parametrize("line", ["GET /?{}", "GET /api.php?{}", "HEAD /?{}", "POST /?{}"])
def test_query_string_is_refused_by_default(site: Site, line: str) -> None:
    login = phone_login()
    with site.connect() as wire:
        wire.send(request(line=line.format(urlencode(login)) + " HTTP/1.1"))
        reply = wire.reply(head=line.startswith("HEAD"))
    assert line.startswith("HEAD") or check(reply).json["error"] == "BADREQUEST"
    assert site.sms.count(login["phone"]) == 0


@pytest.fixture(scope="module")
def lenient(start_site: StartSite) -> Site:
    return start_site(allow_get=True)


def test_case_13_query_string_signs_in_where_it_is_allowed(lenient: Site) -> None:

    def get(method: str = "GET", **fields: str) -> dict[str, object]:
        path = "/conf/api.php?" + urlencode(phone_login(number, name="n", **fields))
        reply = post(lenient.url, b"", path=path, method=method)
        answer: dict[str, object] = check(reply, second_step="code" in fields).json
        return answer

    number = phone_login()["phone"]
    assert "challenge" in get()
    code = lenient.sms.code_for(number)
    assert get("PUT", code=code)["error"] == "BADREQUEST"
    assert len(str(get(code=code)["token"])) > 16
    assert "challenge" in get("POST")
    assert post(lenient.url, method="GET").header("Content-Type") == "text/html; charset=utf-8"
    check(post(lenient.url, b"", path="/?op=login&" + "a=1&" * 65, method="GET"))


def test_head_sends_no_code_even_where_get_may(lenient: Site) -> None:
    login = phone_login()
    reply = post(lenient.url, b"", path="/?" + urlencode(login), method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert lenient.sms.count(login["phone"]) == 0
