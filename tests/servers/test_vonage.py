import base64
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.servers.gateway import Reply, post
from tests.servers.vonage import API_KEY, API_SECRET, Vonage

SMS = {"from": "Example", "to": "18005551234", "text": "042137 & more"}


@pytest.fixture
def vendor() -> Iterator[Vonage]:
    with Vonage() as vendor:
        yield vendor


def authorization(secret: str = API_SECRET) -> dict[str, str]:
    pair = base64.b64encode(f"{API_KEY}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def send(vendor: Vonage, fields: dict[str, str], secret: str = API_SECRET) -> Reply:
    return post(vendor.url, urlencode(fields), authorization(secret), vendor.path)


def test_a_message_leaves(vendor: Vonage) -> None:
    reply = send(vendor, SMS)
    (part,) = reply.json["messages"]
    assert (reply.status, reply.json["message-count"], part["status"]) == (200, "1", "0")
    assert part["message-id"] == "0A00000000000100"
    assert vendor.code_for("18005551234") == "042137"


def test_a_long_text_has_several_parts(vendor: Vonage) -> None:
    reply = send(vendor, {**SMS, "text": "é" * 161})
    assert reply.json["message-count"] == "2"
    assert {part["status"] for part in reply.json["messages"]} == {"0"}
    assert len({part["message-id"] for part in reply.json["messages"]}) == 2
    assert vendor.count("18005551234") == 1


@pytest.mark.parametrize(("kind", "arrives"), [("text", "042137 ?"), ("unicode", "042137 日")])
def test_only_unicode_has_every_character(vendor: Vonage, kind: str, arrives: str) -> None:
    send(vendor, {**SMS, "text": "042137 日", "type": kind})
    assert vendor.messages == [("18005551234", arrives)]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"to": ""}, "2"), ({"text": ""}, "2"), ({"from": ""}, "2"), ({"to": "+18005551234"}, "3")],
)
def test_a_form_that_does_not_fit_is_refused(
    vendor: Vonage, change: dict[str, str], status: str
) -> None:
    reply = send(vendor, {**SMS, **change})
    assert (reply.status, reply.json["messages"][0]["status"]) == (200, status)
    assert vendor.messages == []


def test_the_credentials_are_asked_for_everywhere(vendor: Vonage) -> None:
    balance = vendor.probes[0]
    for path, method in ((vendor.path, "POST"), (balance, "GET")):
        reply = post(vendor.url, urlencode(SMS), authorization("other"), path, method)
        assert (reply.status, reply.json["messages"][0]["status"]) == (401, "4")
    assert vendor.messages == []
    reply = post(vendor.url, headers=authorization(), path=balance, method="GET")
    assert (reply.status, reply.json["value"]) == (200, 10.28)


@pytest.mark.parametrize(
    ("mode", "statuses", "wait"),
    [
        ("status6", ["6", "6"], None),
        ("throttled", ["1", "1"], "7"),
        ("last_part", ["0", "1"], None),
        ("no_messages", [], None),
    ],
)
def test_an_error_has_status_200_and_repeats_the_request(
    vendor: Vonage, mode: str, statuses: list[str], wait: str | None
) -> None:
    vendor.fail(mode)
    text = "042137" + "x" * 160
    reply = send(vendor, {**SMS, "text": text})
    assert (reply.status, reply.header("Retry-After")) == (200, wait)
    assert reply.json["message-count"] == str(len(statuses))
    assert [part["status"] for part in reply.json["messages"]] == statuses
    failed = [part for part in reply.json["messages"] if part["status"] != "0"]
    assert all(f"({text} for 18005551234)" in part["error-text"] for part in failed)
    assert (len(vendor.calls), vendor.messages) == (1, [])


def test_the_account_can_be_below_a_prefix() -> None:
    with Vonage(prefix="/mirror") as vendor:
        assert vendor.base_url.endswith(f":{vendor.port}/mirror")
        assert vendor.path == "/mirror/sms/json"
        assert send(vendor, SMS).json["messages"][0]["status"] == "0"
