from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.gateway import Reply, post
from tests.servers.messagebird import ACCESS_KEY, MessageBird

SMS: dict[str, Any] = {
    "originator": "Example",
    "recipients": ["18005551234"],
    "body": "042137 & more",
}


@pytest.fixture
def vendor() -> Iterator[MessageBird]:
    with MessageBird() as vendor:
        yield vendor


def authorization(key: str = ACCESS_KEY) -> dict[str, str]:
    return {"Authorization": f"AccessKey {key}"}


def send(vendor: MessageBird, body: object, key: str = ACCESS_KEY) -> Reply:
    return post(vendor.url, json.dumps(body), authorization(key), vendor.path)


def errors(reply: Reply) -> list[tuple[int, str | None]]:
    return [(error["code"], error["parameter"]) for error in reply.json["errors"]]


def test_a_message_leaves(vendor: MessageBird) -> None:
    reply = send(vendor, SMS)
    assert (reply.status, reply.json["id"]) == (201, "1".zfill(32))
    assert reply.json["recipients"]["totalSentCount"] == 1
    assert vendor.code_for("18005551234") == "042137"


@pytest.mark.parametrize(
    ("fields", "datacoding", "arrives"),
    [
        ({"body": "042137 日"}, "plain", "042137 ?"),
        ({"body": "042137 日", "datacoding": "plain"}, "plain", "042137 ?"),
        ({"body": "042137 日", "datacoding": "auto"}, "unicode", "042137 日"),
        ({"body": "042137 é", "datacoding": "auto"}, "plain", "042137 é"),
    ],
)
def test_every_character_arrives_if_asked_for(
    vendor: MessageBird, fields: dict[str, str], datacoding: str, arrives: str
) -> None:
    reply = send(vendor, {**SMS, **fields})
    assert reply.json["datacoding"] == datacoding
    assert vendor.messages == [("18005551234", arrives)]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {**SMS, "recipients": "18005551234"},
        {**SMS, "recipients": []},
        {**SMS, "recipients": ["+18005551234"]},
        {**SMS, "body": ""},
        {**SMS, "originator": None},
    ],
)
def test_a_message_that_does_not_fit_is_refused(vendor: MessageBird, body: object) -> None:
    reply = send(vendor, body)
    assert (reply.status, vendor.messages) == (422, [])
    assert errors(reply)[0] == (9, "recipient")


def test_the_key_is_asked_for_everywhere(vendor: MessageBird) -> None:
    balance = vendor.probes[0]
    for path, method in ((vendor.path, "POST"), (balance, "GET")):
        reply = post(vendor.url, SMS, authorization("other"), path, method)
        assert (reply.status, errors(reply)[0]) == (401, (2, "access_key"))
    assert vendor.messages == []
    reply = post(vendor.url, headers=authorization(), path=balance, method="GET")
    assert (reply.status, reply.json["payment"], reply.json["amount"]) == (200, "prepaid", 103.5)


@pytest.mark.parametrize(
    ("mode", "status", "said"),
    [
        ("bad_number", 422, [(9, "recipient")]),
        ("both", 422, [(9, "recipient"), (10, "originator")]),
        ("wrong_key", 401, [(2, "access_key"), (9, "recipient"), (10, "originator")]),
        ("no_balance", 402, [(25, None)]),
        ("throttled", 429, [(1, None)]),
        ("outage", 500, [(99, None)]),
    ],
)
def test_an_error_repeats_the_request(
    vendor: MessageBird, mode: str, status: int, said: list[tuple[int, str | None]]
) -> None:
    vendor.fail(mode)
    reply = send(vendor, SMS)
    assert (reply.status, errors(reply)) == (status, said)
    assert reply.header("Retry-After") == ("7" if status == 429 else None)
    for error in reply.json["errors"]:
        assert error["description"].endswith("(042137 & more for 18005551234)")
    assert (len(vendor.calls), vendor.messages) == (1, [])


def test_the_account_can_be_below_a_prefix() -> None:
    with MessageBird(prefix="/mirror") as vendor:
        assert vendor.base_url.endswith(f":{vendor.port}/mirror")
        assert vendor.path == "/mirror/messages"
        assert send(vendor, SMS).status == 201
