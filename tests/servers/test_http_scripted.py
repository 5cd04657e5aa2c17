from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.servers.http_scripted import HttpScripted, Reply, Visit, html
from tests.servers.tls import Authority, Kind


class Till(HttpScripted):
    """Counts what is paid in."""

    def respond(self, visit: Visit) -> Reply | None:
        if visit.path != "/pay":
            return None
        self.state += 1
        return Reply({"paid": self.state})


@pytest.fixture
def till() -> Iterator[Till]:
    with Till(None) as till:
        till.state = 0
        yield till


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


async def pay(client: aiohttp.ClientSession, till: Till) -> tuple[int, bytes]:
    async with client.post(till.url + "/pay", allow_redirects=False) as reply:
        return reply.status, await reply.read()


async def test_it_is_sound_unless_told_otherwise(till: Till, client: aiohttp.ClientSession) -> None:
    assert await pay(client, till) == (200, b'{"paid": 1}')
    async with client.get(till.url + "/other") as reply:
        assert reply.status == 404


async def test_any_answer_can_be_replaced(till: Till, client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "text/plain", "X-One": "1"}
    till.script("/pay", Reply(b"no", 402, headers))
    async with client.post(till.url + "/pay") as reply:
        assert (reply.status, await reply.read()) == (402, b"no")
        assert (reply.content_type, reply.headers["X-One"]) == ("text/plain", "1")
    till.script("/new", html("<h1>hi</h1>"))
    async with client.get(till.url + "/new") as reply:
        assert (reply.status, reply.content_type) == (200, "text/html")
    till.sound()
    assert await pay(client, till) == (200, b'{"paid": 1}')


async def test_a_script_can_be_for_some_requests_only(
    till: Till, client: aiohttp.ClientSession
) -> None:
    till.script("/pay", "http503", times=2)
    assert [(await pay(client, till))[0] for _ in range(4)] == [503, 503, 200, 200]


@pytest.mark.parametrize(
    ("fault", "paid"),
    [("http500", 0), ("html", 0), ("redirect", 0), ("huge", 0), ("truncated_json", 1), ("cut", 1)],
)
async def test_what_fails_in_vain_leaves_no_trace(
    till: Till, client: aiohttp.ClientSession, fault: str, paid: int
) -> None:
    till.script("/pay", fault)
    try:
        await pay(client, till)
    except aiohttp.ClientError:
        assert paid == 1
    assert till.state == paid


async def test_an_answer_can_be_late(till: Till, client: aiohttp.ClientSession) -> None:
    till.script("/pay", Reply({}, delay=0.3))
    began = time.monotonic()
    assert await pay(client, till) == (200, b"{}")
    assert time.monotonic() - began >= 0.3


async def test_silence_lasts_until_the_client_leaves(till: Till) -> None:
    till.script("/pay", "hang")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.2)) as client:
        with pytest.raises(TimeoutError):
            await pay(client, till)


async def test_an_answer_can_be_huge_and_sound(till: Till, client: aiohttp.ClientSession) -> None:
    till.script("/pay", Reply({"paid": 7}, blanks=50 * 1024 * 1024))
    async with client.post(till.url + "/pay") as reply:
        assert "Content-Length" not in reply.headers
        body = await reply.read()
        assert len(body) == 50 * 1024 * 1024 + len('{"paid": 7}')
        assert await reply.json() == {"paid": 7}


async def test_requests_are_recorded_as_they_came(
    till: Till, client: aiohttp.ClientSession
) -> None:
    url = till.url + "/pay?q=%20x&empty="
    async with client.post(url, data={"a": "1 2"}, headers={"X-One": "1"}):
        pass
    async with client.get(till.url + "/other?a=1&a=2"):
        pass
    pay_visit, other = till.wait_visits(2)
    assert (pay_visit.method, pay_visit.path, pay_visit.header("x-one")) == ("POST", "/pay", "1")
    assert (pay_visit.parameters, pay_visit.form) == ({"q": " x", "empty": ""}, {"a": "1 2"})
    with pytest.raises(ValueError, match="twice"):
        assert other.parameters
    assert till.visits("/other") == [other]
    till.forget()
    assert till.visits() == []


def test_waiting_for_requests_that_do_not_come_ends(till: Till) -> None:
    with pytest.raises(TimeoutError, match=r"no 1 requests within 0\.1 s"):
        till.wait_visits(1, timeout=0.1)


def test_an_unknown_fault_is_refused_at_once(till: Till) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        till.script("/pay", "wat")


async def test_it_can_be_stopped_and_started_on_its_port(
    till: Till, client: aiohttp.ClientSession
) -> None:
    assert (await pay(client, till))[0] == 200
    till.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await pay(client, till)  # on the connection that there was
    with pytest.raises(aiohttp.ClientConnectorError):
        await pay(client, till)
    till.start()
    assert await pay(client, till) == (200, b'{"paid": 2}')
    assert len(till.visits()) == 2


@pytest.mark.parametrize("kind", ["expired", "other_name"])
async def test_tls_shows_the_certificate_asked_for(
    client: aiohttp.ClientSession, tmp_path: Path, kind: Kind
) -> None:
    authority = Authority(tmp_path)
    with Till(authority.server(kind)) as till:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.post(till.url + "/pay", ssl=authority.client())
        assert till.visits() == []


async def test_a_certificate_needs_the_authority(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with Till(authority.server()) as till:
        till.state = 0
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.post(till.url + "/pay", ssl=ssl.create_default_context())
        async with client.post(till.url + "/pay", ssl=authority.client()) as reply:
            assert reply.status == 200
