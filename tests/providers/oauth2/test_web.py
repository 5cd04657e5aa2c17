"""HTTP to an identity provider, over real TLS sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from providers import Overloaded, Unavailable
from providers._http import NotPublic, NotSent
from providers.oauth2 import web as module
from providers.oauth2.web import MAX_BODY, MAX_ORIGINS, Web, json_object
from tests.providers.oauth2.reaching import APP, Times, config_for, settings
from tests.servers.http_faults import REDIRECTED
from tests.servers.http_scripted import Reply
from tests.servers.oidc_fake import DISCOVERY, JWKS, TOKEN, OidcFake
from tests.servers.tls import Authority, Kind

PAGE = Reply(b"<!DOCTYPE html><h1>hello</h1>", headers={"Content-Type": "text/html"})


def url(idp: OidcFake, path: str = "/x") -> str:
    return idp.url + path


async def test_request_goes_out_as_it_is_meant(idp: OidcFake, web: Web, times: Times) -> None:
    idp.script("/x", Reply({"a": 1}))
    reply = await web.fetch(
        "POST", url(idp, "/x?y=%20"), within=5.0, headers={"X-A": "b"}, data=b"c=d"
    )
    assert (reply.status, json.loads(reply.body)) == (200, {"a": 1})
    (visit,) = idp.visits()
    assert (visit.method, visit.path, visit.query, visit.body) == ("POST", "/x", "y=%20", b"c=d")
    assert visit.header("X-A") == "b"
    assert times.calls == [("corp", "answered")]


async def test_url_without_a_path_is_asked_at_the_root(idp: OidcFake, web: Web) -> None:
    idp.script("/", Reply({"a": 1}))
    assert await web.json(idp.url, within=5.0) == {"a": 1}


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 403, 404, 429])
async def test_2xx_and_4xx_are_answers(idp: OidcFake, web: Web, status: int) -> None:
    idp.script("/x", Reply(b"" if status == 204 else {"error": "e"}, status))
    assert (await web.fetch("GET", url(idp), within=5.0)).status == status


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a111_5xx_is_unavailable(idp: OidcFake, web: Web, status: int) -> None:
    idp.script("/x", Reply({"error": "e"}, status, {"Retry-After": "7"}))
    with pytest.raises(Unavailable, match=f"^corp: HTTP status {status}$") as caught:
        await web.fetch("GET", url(idp), within=5.0)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
async def test_o14_a99_no_redirect_is_followed(idp: OidcFake, web: Web, status: int) -> None:
    there = {"Location": idp.url + REDIRECTED}
    idp.script("/x", Reply(b"", status, there))
    for asked in (web.fetch("GET", url(idp), within=5.0), web.json(url(idp), within=5.0)):
        with pytest.raises(Unavailable, match=f"redirect .HTTP status {status}., and none is"):
            await asked
    assert idp.visits(REDIRECTED) == []


@pytest.mark.parametrize("body", [PAGE.body, b" \r\n\t<html>", b"<?xml version='1.0'?><a/>"])
async def test_a111_a_web_page_is_no_answer(idp: OidcFake, web: Web, body: bytes) -> None:
    idp.script("/x", Reply(body))
    with pytest.raises(Unavailable, match="a web page"):
        await web.fetch("GET", url(idp), within=5.0)


async def test_web_page_that_says_no_is_an_answer(idp: OidcFake, web: Web) -> None:
    idp.script("/x", Reply(PAGE.body, 404))
    assert (await web.fetch("GET", url(idp), within=5.0)).status == 404


# Documents


async def test_document_is_a_json_object(idp: OidcFake, web: Web) -> None:
    assert (await web.json(url(idp, DISCOVERY), within=5.0))["issuer"] == idp.issuer
    assert idp.visits()[0].header("Accept") == "application/json"


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 404, 429])
async def test_document_comes_with_200_alone(idp: OidcFake, web: Web, status: int) -> None:
    idp.script("/x", Reply(b"" if status == 204 else {"a": 1}, status))
    with pytest.raises(Unavailable, match=f"HTTP status {status} where a document"):
        await web.json(url(idp), within=5.0)


@pytest.mark.parametrize("fault", ["empty", "not_utf8", "null", "array", "deep", "html"])
async def test_a99_what_is_no_document_is_unavailable(idp: OidcFake, web: Web, fault: str) -> None:
    idp.script(JWKS, fault)
    with pytest.raises(Unavailable):
        await web.json(url(idp, JWKS), within=5.0)


@pytest.mark.parametrize("fault", ["cut", "truncated_json", "huge"])
async def test_a99_what_breaks_off_or_never_ends_is_unavailable(
    idp: OidcFake, web: Web, fault: str
) -> None:
    idp.script(JWKS, fault)
    with pytest.raises(Unavailable):
        await web.json(url(idp, JWKS), within=5.0)


@pytest.mark.parametrize("fault", ["hang", "drip"])
async def test_a99_what_takes_too_long_is_unavailable(idp: OidcFake, web: Web, fault: str) -> None:
    idp.script(JWKS, fault)
    with pytest.raises(Unavailable, match=r"within 0\.3 s"):
        await web.json(url(idp, JWKS), within=0.3)


@pytest.mark.parametrize("too_much", [0, 1])
async def test_o14_document_has_at_most_1_mib(idp: OidcFake, web: Web, too_much: int) -> None:
    start, end = b'{"a":"', b'"}'
    filling = b"x" * (MAX_BODY - len(start + end) + too_much)
    idp.script("/x", Reply(start + filling + end))
    if too_much:
        with pytest.raises(Unavailable, match="too long"):
            await web.json(url(idp), within=5.0)
    else:
        assert await web.json(url(idp), within=5.0) == {"a": filling.decode()}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"{}", {}),
        (b' {"a": [1, -2.5, true, null, "\\u00e9"]} ', {"a": [1, -2.5, True, None, "\u00e9"]}),
        (b'{"a": 99999999999999999999}', {"a": 99999999999999999999}),
        (b'{"a": {"b": 1}, "c": {"b": 2}}', {"a": {"b": 1}, "c": {"b": 2}}),
    ],
)
def test_json_is_read(text: bytes, found: dict[str, Any]) -> None:
    assert json_object(text) == found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{} {}", id="two"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"null", id="null"),
        pytest.param(b"1", id="number"),
        pytest.param(b'"{}"', id="text"),
        pytest.param(b'{"a": 1, "a": 2}', id="name-twice"),
        pytest.param(b'{"a": 1, "\\u0061": 1}', id="name-twice-in-disguise"),
        pytest.param(b'{"x": [{"a": 1, "a": 2}]}', id="name-twice-inside"),
        pytest.param(b'{"a": NaN}', id="nan"),
        pytest.param(b'{"a": Infinity}', id="infinity"),
        pytest.param(b'{"a": -Infinity}', id="minus-infinity"),
        pytest.param(b'{"a": 1e999}', id="infinite"),
        pytest.param(b'{"a": ' + b"9" * 21 + b"}", id="huge-integer"),
        pytest.param(b'{"a": ' + b"9" * 500_000 + b"}", id="very-huge-integer"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="deep"),
        pytest.param(b'{"a":' + b"[" * 500_000, id="deep-and-open"),
        pytest.param(b"\xff\xfe{}", id="not-utf-8"),
        pytest.param("{}".encode("utf-16"), id="utf-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b"{'a': 1}", id="no-json"),
    ],
)
def test_a99_hostile_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is no JSON( object$|, or no unambiguous one$)"):
        json_object(text)


# Where it may go


@pytest.mark.parametrize(
    "text",
    [
        "https://idp.example",
        "https://idp.example/a/b?c=d&e=%20",
        "https://idp.example:8443/",
        "https://IDP_1.Example/",
        "https://[2606:4700::1111]/",
        "https://8.8.8.8/",
        "https://a-b.example/" + "x" * 2000,
    ],
)
def test_endpoint_may_be_any_https_url(text: str) -> None:
    web = Web("corp", settings(), Times())
    assert str(web.endpoint(text)).startswith(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://idp.example/", "is not https"),
        ("ftp://idp.example/", "is not https"),
        ("file:///etc/passwd", "is no URL"),
        ("gopher://idp.example/", "is not https"),
        ("//idp.example/", "is not https"),
        ("idp.example/token", "is no URL"),
        ("", "is no URL"),
        (None, "is no URL"),
        (7, "is no URL"),
        (["https://idp.example/"], "is no URL"),
        ("https://", "is no URL"),
        ("https:///path", "is no URL"),
        ("https://idp.example/\r\nX: y", "is no URL"),
        ("https://idp.example/a b", "is no URL"),
        ("https://idp.example/\u00e9", "is no URL"),
        ("https://idp\u00e9.example/", "is no URL"),
        ("https://idp..example/", "is no URL"),
        ("https://.example/", "is no URL"),
        (f"https://{'x' * 64}.example/", "is no URL"),
        ("https://idp%00.example/", "is no URL"),
        ("https://idp.example:0/", "is no URL"),
        ("https://idp.example:65536/", "is no URL"),
        ("https://idp.example:x/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://[::..1]/", "is no URL"),
        ("https://[fe80::1%25eth0]/", "is no URL"),
        ("https://[v1.x]/", "is no URL"),
        ("https://idp.example\\@evil.example/", "is no URL"),
        ("https://" + "x" * 2048, "is no URL"),
        ("https://me@idp.example/", "has a user name or a fragment"),
        ("https://me:secret@idp.example/", "has a user name or a fragment"),
        ("https://idp.example/#", "has a user name or a fragment"),
        ("https://idp.example/#x", "has a user name or a fragment"),
    ],
)
async def test_o14_what_is_no_sound_https_url_is_never_asked(text: Any, why: str) -> None:
    times = Times()
    web = Web("corp", settings(), times)
    with pytest.raises(ValueError, match=f"^{why}$"):
        web.endpoint(text)
    if isinstance(text, str):
        with pytest.raises(Unavailable, match=f"^corp: an endpoint {why}$"):
            await web.fetch("GET", text, within=5.0)
    assert times.calls == []


@pytest.mark.parametrize("keys", [{}, {"allow_private_network": False}])
async def test_o14_a99_nobody_inside_is_asked(
    idp: OidcFake, authority: Authority, times: Times, keys: dict[str, Any]
) -> None:
    web = Web("corp", settings(ca_file=str(authority.ca_file), **keys), times)
    for host in ("localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433"):
        with pytest.raises(NotPublic):
            await web.fetch("GET", f"https://{host}:{idp.port}/x", within=5.0)
    assert idp.visits() == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "100.64.0.1"])
async def test_o14_a99_metadata_of_clouds_is_out_of_reach(host: str) -> None:
    web = Web("corp", settings(), Times())
    with pytest.raises(NotPublic, match=r"^corp: not at a public address$"):
        await web.fetch("GET", f"https://{host}/latest/meta-data", within=5.0)


async def test_plain_http_is_spoken_where_private_networks_are_allowed() -> None:
    with OidcFake(None, APP) as idp:
        web = Web("corp", settings(issuer=idp.issuer, allow_private_network=True), Times())
        assert (await web.json(idp.url + DISCOVERY, within=5.0))["issuer"] == idp.issuer
        await web.close()


@pytest.mark.parametrize("kind", ["expired", "other_name"])
async def test_certificate_must_hold(authority: Authority, kind: Kind) -> None:
    with OidcFake(authority.server(kind), APP) as idp:
        web = Web("corp", config_for(idp, authority), Times())
        with pytest.raises(NotSent, match="certificate refused"):
            await web.fetch("GET", url(idp), within=5.0)
        assert idp.visits() == []


async def test_certificate_must_be_of_an_authority_that_is_known(
    idp: OidcFake, authority: Authority
) -> None:
    web = Web("corp", config_for(idp, authority, ca_file=None), Times())
    with pytest.raises(NotSent, match="certificate refused"):
        await web.fetch("GET", url(idp), within=5.0)
    assert idp.visits() == []


# Many, and failing ones


async def test_a111_breaker_leaves_a_failing_origin_alone(
    idp: OidcFake, web: Web, times: Times
) -> None:
    idp.script("/x", "http500")
    for _ in range(10):
        with pytest.raises(Unavailable, match="status 500"):
            await web.fetch("GET", url(idp), within=5.0)
    with pytest.raises(Unavailable, match="left alone"):
        await web.fetch("GET", url(idp), within=5.0)
    assert len(idp.visits()) == len(times.calls) == 10


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("http503", id="5xx"),
        pytest.param("html", id="html"),
        pytest.param("deep", id="garbage"),
        pytest.param("null", id="no-object"),
        pytest.param("cut", id="cut"),
        pytest.param(Reply(b"", 302, {"Location": "/"}), id="redirect"),
    ],
)
async def test_a111_whatever_is_as_bad_as_no_answer_counts_as_one(
    idp: OidcFake, web: Web, answer: Reply | str
) -> None:
    idp.script("/x", answer)
    for _ in range(11):
        with pytest.raises(Unavailable) as caught:
            await web.json(url(idp), within=5.0)
    assert "left alone" in str(caught.value)
    assert len(idp.visits()) == 10


@pytest.mark.parametrize("status", [400, 404, 429])
async def test_an_answer_that_says_no_is_no_failure(idp: OidcFake, web: Web, status: int) -> None:
    idp.script("/x", "http500")
    for _ in range(9):
        with pytest.raises(Unavailable):
            await web.fetch("GET", url(idp), within=5.0)
    idp.script("/x", Reply({"error": "e"}, status))
    for _ in range(11):
        with pytest.raises(Unavailable, match=f"status {status}"):
            await web.json(url(idp), within=5.0)
    idp.script("/x", "http500")
    for _ in range(9):
        with pytest.raises(Unavailable, match="status 500"):
            await web.fetch("GET", url(idp), within=5.0)


async def test_origins_fail_one_by_one(idp: OidcFake, web: Web, authority: Authority) -> None:
    idp.script(JWKS, "http500")
    with OidcFake(authority.server(), APP) as other:
        for _ in range(11):
            with pytest.raises(Unavailable):
                await web.fetch("GET", url(idp, JWKS), within=5.0)
        reply = await web.fetch("GET", url(other, JWKS), within=5.0)
        assert reply.status == 200


async def test_origins_are_bounded(web: Web, idp: OidcFake, times: Times) -> None:
    for number in range(2, MAX_ORIGINS + 1):  # its certificate does not name these
        with pytest.raises(NotSent):
            await web.fetch("GET", f"https://127.0.0.{number}:{idp.port}", within=5.0)
    assert (await web.fetch("GET", url(idp, JWKS), within=5.0)).status == 200
    with pytest.raises(Unavailable, match="too many hosts"):
        await web.fetch("GET", f"https://127.0.1.1:{idp.port}", within=5.0)
    assert len(times.calls) == MAX_ORIGINS
    assert (await web.fetch("GET", url(idp, JWKS), within=5.0)).status == 200


async def test_requests_under_way_are_bounded_and_their_number_opens_no_breaker(
    idp: OidcFake, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_IN_FLIGHT", 2)
    web = Web("corp", config_for(idp, authority), Times())
    idp.script("/x", "hang")
    waiting = [asyncio.create_task(web.fetch("GET", url(idp), within=30.0)) for _ in range(2)]
    await asyncio.to_thread(idp.wait_visits, 2)
    for _ in range(20):
        with pytest.raises(Overloaded):
            await web.fetch("GET", url(idp), within=5.0)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert (await web.fetch("GET", url(idp, JWKS), within=5.0)).status == 200
    await web.close()


async def test_connection_is_used_again(idp: OidcFake, web: Web) -> None:
    for _ in range(3):
        await web.fetch("GET", url(idp, JWKS), within=5.0)
    (origin,) = web._origins.values()
    assert len(origin.upstream._idle) == 1


async def test_nothing_that_is_asked_or_answered_gets_into_an_error(
    idp: OidcFake, web: Web
) -> None:
    there, headers = url(idp, TOKEN + "?secret=q1"), {"Authorization": "Basic q2"}
    for fault in ("http500", "html", "redirect", "cut"):
        idp.script(TOKEN, fault)
        with pytest.raises(Unavailable) as caught:
            await web.fetch("POST", there, within=5.0, headers=headers, data=b"code=q3")
        text = repr(caught.value) + repr(caught.value.__cause__)
        assert not any(secret in text for secret in ("q1", "q2", "q3", "back soon"))
