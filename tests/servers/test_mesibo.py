import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.gateway import Reply, post
from tests.servers.mesibo import APP_TOKEN, MesiboCloud


@pytest.fixture
def cloud() -> Iterator[MesiboCloud]:
    with MesiboCloud() as cloud:
        yield cloud


def useradd(
    address: str = "18005551234", appid: str = "org.example", **more: object
) -> dict[str, Any]:
    user = {"address": address, "token": {"appid": appid, "expiry": 525600}}
    return {"op": "useradd", "token": APP_TOKEN, "user": user, **more}


def send(cloud: MesiboCloud, request: dict[str, Any] | bytes) -> Reply:
    return post(cloud.url, request, path=cloud.path)


def test_useradd_makes_a_token(cloud: MesiboCloud) -> None:
    reply = send(cloud, useradd())
    user = reply.json["user"]
    assert (reply.status, reply.header("Content-Type")) == (200, "application/json; charset=utf-8")
    assert reply.json == {"user": user, "op": "useradd", "result": True}
    assert user["uid"] == "5302"
    assert re.fullmatch("[0-9a-f]{48}", user["token"])
    assert cloud.minted == [("18005551234", "org.example", user["token"])]


def test_useradd_of_a_known_address_gives_a_new_token_to_the_same_user(cloud: MesiboCloud) -> None:
    first, again, other = (
        send(cloud, useradd(address)).json["user"] for address in ("alice", "alice", "bob")
    )
    assert first["uid"] == again["uid"] != other["uid"]
    assert len({first["token"], again["token"], other["token"]}) == 3


def test_without_a_token_object_no_token_is_made(cloud: MesiboCloud) -> None:
    request = useradd()
    del request["user"]["token"]
    assert send(cloud, request).json == {"user": {"uid": "5302"}, "op": "useradd", "result": True}
    assert cloud.minted == []


def test_a_request_id_comes_back(cloud: MesiboCloud) -> None:
    assert send(cloud, useradd(id=7)).json["id"] == 7


@pytest.mark.parametrize(
    ("request_", "op", "error"),
    [
        (useradd(token="wrong"), "useradd", "BADTOKEN"),
        ({"op": "useradd"}, "useradd", "BADTOKEN"),
        (useradd(op="usermad"), "usermad", "BADOP"),
        (useradd(user="18005551234"), "useradd", "MISSINGPARA"),
        (useradd(address=""), "useradd", "MISSINGPARA"),
        (useradd(appid=""), "useradd", "MISSINGPARA"),
        (b"op=useradd", None, "BADOP"),
        (b"[]", None, "BADOP"),
    ],
)
def test_a_bad_request_is_refused(
    cloud: MesiboCloud, request_: dict[str, Any] | bytes, op: str | None, error: str
) -> None:
    reply = send(cloud, request_)
    assert (reply.status, reply.json) == (200, {"op": op, "result": False, "error": error})
    assert cloud.minted == []


def test_get_is_refused(cloud: MesiboCloud) -> None:
    assert post(cloud.url, json.dumps(useradd()), path=cloud.path, method="GET").json["error"]


UID = {"uid": "5302"}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("false", {"op": "useradd", "result": False, "error": "TOKENBREACH"}),
        ("no_user", {"op": "useradd", "result": True}),
        ("string_user", {"op": "useradd", "result": True, "user": "5302"}),
        ("no_token", {"op": "useradd", "result": True, "user": UID}),
        ("null_token", {"op": "useradd", "result": True, "user": {**UID, "token": None}}),
        ("empty_token", {"op": "useradd", "result": True, "user": {**UID, "token": ""}}),
        (
            "short_token",
            {"op": "useradd", "result": True, "user": {**UID, "token": "0123456789abcdef"}},
        ),
        (
            "number_token",
            {
                "op": "useradd",
                "result": True,
                "user": {**UID, "token": 123456789012345678901234567890},
            },
        ),
    ],
)
def test_case_27_a_failure_says_what_it_is_called(
    cloud: MesiboCloud, mode: str, expected: dict[str, Any]
) -> None:
    cloud.fail(mode)
    reply = send(cloud, useradd())
    assert (reply.status, reply.json) == (200, expected)
    assert cloud.minted == []


@pytest.mark.parametrize(("mode", "result"), [("string_true", "true"), ("false_token", False)])
def test_case_27_a_token_may_come_with_a_result_that_is_not_true(
    cloud: MesiboCloud, mode: str, result: object
) -> None:
    cloud.fail(mode)
    reply = send(cloud, useradd()).json
    assert reply["result"] is result or reply["result"] == result
    assert len(reply["user"]["token"]) == 48


def test_case_27_the_result_may_be_missing(cloud: MesiboCloud) -> None:
    cloud.fail("no_result")
    assert send(cloud, useradd()).json.keys() == {"op", "user"}


def test_a147_a_token_whose_answer_is_lost_counts_as_made(cloud: MesiboCloud) -> None:
    cloud.fail("cut", times=1)
    with pytest.raises(ConnectionResetError):
        send(cloud, useradd())
    assert send(cloud, useradd()).json["result"] is True
    assert len(cloud.minted) == 2
