import base64
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.servers.gateway import Reply, post
from tests.servers.twilio import ACCOUNT_SID, AUTH_TOKEN, Twilio

SMS = {"To": "+18005551234", "From": "+14155550100", "Body": "042137 & more"}
TEMPLATE = {"ContentSid": "HX1", "ContentVariables": '{"1":"042137"}'}


@pytest.fixture
def vendor() -> Iterator[Twilio]:
    with Twilio() as vendor:
        yield vendor


def authorization(token: str = AUTH_TOKEN) -> dict[str, str]:
    pair = base64.b64encode(f"{ACCOUNT_SID}:{token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def send(vendor: Twilio, fields: dict[str, str], token: str = AUTH_TOKEN) -> Reply:
    return post(vendor.url, urlencode(fields), authorization(token), vendor.path)


@pytest.mark.parametrize(
    ("fields", "to", "status"),
    [
        (SMS, "+18005551234", "queued"),
        (
            {"To": SMS["To"], "MessagingServiceSid": "MG1", "Body": SMS["Body"]},
            "+18005551234",
            "accepted",
        ),
        (
            {"To": "whatsapp:+1800", "From": "whatsapp:+1415", **TEMPLATE},
            "whatsapp:+1800",
            "queued",
        ),
    ],
    ids=["from", "service", "whatsapp"],
)
def test_a_message_leaves(vendor: Twilio, fields: dict[str, str], to: str, status: str) -> None:
    reply = send(vendor, fields)
    assert reply.status == 201
    assert reply.json["sid"] == "SM" + "1".zfill(32)
    assert (reply.json["to"], reply.json["status"]) == (to, status)
    assert vendor.code_for(to.removeprefix("whatsapp:")) == "042137"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"MessagingServiceSid": "MG1"}, 21603),
        ({"Body": ""}, 21602),
        (TEMPLATE, 21602),
        ({"To": "18005551234"}, 21211),
    ],
)
def test_a_form_that_does_not_fit_is_refused(
    vendor: Twilio, change: dict[str, str], code: int
) -> None:
    reply = send(vendor, {**SMS, **change})
    assert (reply.status, reply.json["code"], vendor.messages) == (400, code, [])


def test_the_credentials_are_asked_for_everywhere(vendor: Twilio) -> None:
    account = vendor.probes[0]
    for path, method in ((vendor.path, "POST"), (account, "GET")):
        reply = post(vendor.url, urlencode(SMS), authorization("other"), path, method)
        assert (reply.status, reply.json["code"]) == (401, 20003)
    assert vendor.messages == []
    reply = post(vendor.url, headers=authorization(), path=account, method="GET")
    assert (reply.status, reply.json["status"]) == (200, "active")


@pytest.mark.parametrize(
    ("mode", "status", "wait"),
    [("error21610", 400, None), ("error20429", 429, "7"), ("error20500", 500, None)],
)
def test_an_error_repeats_the_request(
    vendor: Twilio, mode: str, status: int, wait: str | None
) -> None:
    vendor.fail(mode)
    reply = send(vendor, SMS)
    assert (reply.status, reply.json["status"], reply.json["code"]) == (
        status,
        status,
        int(mode.removeprefix("error")),
    )
    assert reply.header("Retry-After") == wait
    assert SMS["Body"] in reply.json["message"]
    assert (len(vendor.calls), vendor.messages) == (1, [])


def test_the_account_can_be_below_a_prefix() -> None:
    with Twilio(prefix="/mirror") as vendor:
        assert vendor.base_url.endswith(f":{vendor.port}/mirror")
        assert vendor.path.startswith("/mirror/2010-04-01/")
        assert send(vendor, SMS).status == 201
