import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import http_faults
from tests.servers.gateway import post
from tests.servers.http_fake import Answer, Call, HttpFake
from tests.servers.tls import Authority, Kind


class Greeter(HttpFake[str]):
    path = "/hello"

    def answer(self, call: Call) -> Answer[str]:
        return Answer({"greeting": "hello"}, effect=call.body.decode())


@pytest.fixture
def greeter() -> Iterator[Greeter]:
    with Greeter() as fake:
        yield fake


def test_a_call_is_recorded_as_it_came(greeter: Greeter) -> None:
    reply = post(greeter.url, b'{"a":1}', {"X-One": "1", "x-one": "2"}, path="/hello?q=%20x")
    call = greeter.wait_calls(1)[0]
    assert (reply.status, reply.json) == (200, {"greeting": "hello"})
    assert (call.method, call.path, call.query) == ("POST", "/hello", "q=%20x")
    assert (call.body, call.json) == (b'{"a":1}', {"a": 1})
    assert [pair for pair in call.headers if pair[0].lower() == "x-one"] == [
        ("X-One", "1"),
        ("x-one", "2"),
    ]
    assert call.header("x-ONE") == "1"
    assert call.header("Authorization") is None


def test_another_path_is_not_found_and_has_no_effect(greeter: Greeter) -> None:
    assert post(greeter.url, b"x", path="/other").status == 404
    assert (len(greeter.calls), greeter.effects) == (1, [])


def ask(fake: Greeter, timeout: float = 5.0) -> tuple[int, bytes]:
    reply = post(fake.url, b"hi", path="/hello", timeout=timeout)
    return reply.status, reply.body


SOUND = b'{"greeting":"hello"}'


@pytest.mark.parametrize(
    ("mode", "status", "body"),
    [
        ("empty", 200, b""),
        ("null", 200, b"null"),
        ("array", 200, b"[" + SOUND + b"]"),
        ("not_utf8", 200, b"\xff\xfe" + SOUND),
        ("deep", 200, b"[" * 100_000 + b"]" * 100_000),
        ("http500", 500, b"Something is wrong.\n"),
        ("http429", 429, b"Something is wrong.\n"),
        ("json503", 503, SOUND),
    ],
)
def test_a_refusing_fault_answers_what_it_says_and_does_nothing(
    greeter: Greeter, mode: str, status: int, body: bytes
) -> None:
    greeter.fail(mode)
    assert ask(greeter) == (status, body)
    assert greeter.effects == []


def test_html_is_a_web_page_with_status_200(greeter: Greeter) -> None:
    greeter.fail("html")
    reply = post(greeter.url, b"hi", path="/hello")
    assert (reply.status, reply.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<!DOCTYPE html>")


def test_huge_is_a_sound_answer_that_only_a_size_limit_refuses(greeter: Greeter) -> None:
    greeter.fail("huge")
    reply = post(greeter.url, b"hi", path="/hello")
    assert len(reply.body) > http_faults.PADDING
    assert reply.header("Content-Length") is None
    assert reply.json["greeting"] == "hello"


def test_redirect_waits_for_whoever_follows(greeter: Greeter) -> None:
    greeter.fail("redirect")
    reply = post(greeter.url, b"hi", path="/hello")
    target = reply.header("Location")
    assert (reply.status, target, greeter.redirected) == (307, http_faults.REDIRECTED, 0)
    assert post(greeter.url, b"hi", path=str(target)).body == SOUND
    assert greeter.redirected == 1


def test_cut_resets_the_connection_after_the_effect(greeter: Greeter) -> None:
    greeter.fail("cut")
    with pytest.raises(ConnectionResetError, match="reset by peer"):
        ask(greeter)
    assert greeter.effects == ["hi"]


def test_truncated_json_ends_in_the_middle(greeter: Greeter) -> None:
    greeter.fail("truncated_json")
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(greeter)
    assert caught.value.partial == SOUND[: len(SOUND) // 2]
    assert greeter.effects == ["hi"]


def test_hang_takes_the_request_and_never_answers(greeter: Greeter) -> None:
    greeter.fail("hang")
    with pytest.raises(TimeoutError):
        ask(greeter, timeout=0.2)
    assert greeter.effects == ["hi"]


def test_drip_outlasts_every_time_out_between_bytes(greeter: Greeter) -> None:
    greeter.fail("drip")
    began = time.monotonic()
    assert ask(greeter, timeout=1.0) == (200, SOUND)
    assert time.monotonic() - began > 1.5


def test_slow_answers_late(greeter: Greeter) -> None:
    greeter.fail("slow:0.3")
    began = time.monotonic()
    assert ask(greeter) == (200, SOUND)
    assert time.monotonic() - began >= 0.3
    assert greeter.effects == ["hi"]


def test_a_fault_can_last_for_some_calls_only(greeter: Greeter) -> None:
    greeter.fail("http500", times=2)
    assert [ask(greeter)[0] for _ in range(4)] == [500, 500, 200, 200]


def test_ok_ends_a_fault(greeter: Greeter) -> None:
    greeter.fail("http500")
    assert ask(greeter)[0] == 500
    greeter.ok()
    assert ask(greeter)[0] == 200


@pytest.mark.parametrize(
    "mode", ["", "http", "http99", "slow", "slow:", "slow:.", "slow:-1", "wat"]
)
def test_an_unknown_fault_is_refused_at_once(greeter: Greeter, mode: str) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        greeter.fail(mode)


def test_a_stopped_fake_refuses_connections_and_comes_back_on_its_port(greeter: Greeter) -> None:
    port = greeter.port
    assert ask(greeter)[0] == 200
    greeter.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(greeter)
    greeter.start()
    assert (greeter.port, ask(greeter)[0]) == (port, 200)
    assert len(greeter.calls) == 2


def test_stopping_drops_the_requests_that_hang(greeter: Greeter) -> None:
    greeter.fail("hang")
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            ask(greeter, timeout=10.0)
        except (OSError, http.client.HTTPException) as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    greeter.wait_calls(1)
    greeter.stop()
    waiting.join(2.0)
    assert not waiting.is_alive()
    assert isinstance(failures[0], ConnectionError | http.client.HTTPException)


def test_waiting_for_calls_that_do_not_come_ends(greeter: Greeter) -> None:
    with pytest.raises(TimeoutError, match=r"no 1 calls within 0\.1 s; 0 calls came"):
        greeter.wait_calls(1, timeout=0.1)


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("good", None), ("expired", "certificate has expired"), ("other_name", "IP address mismatch")],
)
def test_tls_shows_the_certificate_asked_for(
    tmp_path: Path, kind: Kind, complaint: str | None
) -> None:
    authority = Authority(tmp_path)
    with Greeter(tls=authority.server(kind)) as fake:
        assert fake.url.startswith("https://")
        if complaint is None:
            reply = post(fake.url, b"hi", path="/hello", tls=authority.client())
            assert reply.body == SOUND
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
                post(fake.url, b"hi", path="/hello", tls=authority.client())
            assert fake.calls == []


def test_a_certificate_is_not_trusted_without_the_authority(tmp_path: Path) -> None:
    with (
        Greeter(tls=Authority(tmp_path).server()) as fake,
        pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"),
    ):
        post(fake.url, b"hi", path="/hello", tls=ssl.create_default_context())
