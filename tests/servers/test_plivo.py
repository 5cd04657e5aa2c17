import base64
import json
from collections.abc import Iterator

import pytest

from tests.servers.gateway import Reply, post
from tests.servers.plivo import AUTH_ID, AUTH_TOKEN, Plivo

SMS = {"dst": "18005551234", "src": Plivo.SRC, "text": "042137 & more"}


@pytest.fixture
def vendor() -> Iterator[Plivo]:
    with Plivo() as vendor:
        yield vendor


def authorization(token: str = AUTH_TOKEN) -> dict[str, str]:
    pair = base64.b64encode(f"{AUTH_ID}:{token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def send(vendor: Plivo, body: object, token: str = AUTH_TOKEN) -> Reply:
    return post(vendor.url, json.dumps(body), authorization(token), vendor.path)


@pytest.mark.parametrize(
    "fields", [SMS, {"dst": SMS["dst"], "text": SMS["text"], "powerpack_uuid": "p"}]
)
def test_a_message_leaves(vendor: Plivo, fields: dict[str, str]) -> None:
    reply = send(vendor, fields)
    assert reply.status == 202
    assert reply.json["message_uuid"] == ["00000000-0000-0000-0000-000000000001"]
    assert vendor.code_for("18005551234") == "042137"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {**SMS, "dst": None},
        {**SMS, "text": ""},
        {**SMS, "powerpack_uuid": "p"},
        {"dst": SMS["dst"], "text": SMS["text"]},
        {**SMS, "dst": "1<2"},
    ],
)
def test_a_message_that_does_not_fit_is_refused(vendor: Plivo, body: object) -> None:
    reply = send(vendor, body)
    assert (reply.status, vendor.messages) == (400, [])
    assert reply.json.keys() == {"api_id", "error"}


def test_the_credentials_are_asked_for_everywhere(vendor: Plivo) -> None:
    account = vendor.probes[0]
    for path, method in ((vendor.path, "POST"), (account, "GET")):
        reply = post(vendor.url, SMS, authorization("other"), path, method)
        assert reply.status == 401
    assert vendor.messages == []
    reply = post(vendor.url, headers=authorization(), path=account, method="GET")
    assert (reply.status, reply.json["auth_id"]) == (200, AUTH_ID)


@pytest.mark.parametrize(
    ("mode", "status", "error"),
    [
        ("bad_number", 400, "18005551234 is not a valid phone number"),
        ("no_sms", 400, "18005551234 is not an SMS enabled phone number"),
        ("bad_src", 400, f"{Plivo.SRC} is not a valid phone number"),
        ("throttled", 429, "too many messages to 18005551234"),
        ("outage", 500, "failed to queue 042137 & more for 18005551234"),
    ],
)
def test_an_error_repeats_the_request(vendor: Plivo, mode: str, status: int, error: str) -> None:
    vendor.fail(mode)
    reply = send(vendor, SMS)
    assert (reply.status, reply.json["error"]) == (status, error)
    assert reply.header("Retry-After") == ("7" if status == 429 else None)
    assert (len(vendor.calls), vendor.messages) == (1, [])


def test_the_account_can_be_below_a_prefix() -> None:
    with Plivo(prefix="/mirror") as vendor:
        assert vendor.base_url.endswith(f":{vendor.port}/mirror")
        assert vendor.path == f"/mirror/v1/Account/{AUTH_ID}/Message/"
        assert send(vendor, SMS).status == 202
