"""Every sender of text messages, and the vendor behind each."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.servers import messagebird, plivo, sns, twilio, vonage
from tests.servers.configs import Config, http_sender
from tests.servers.sms import SmsVendor
from tests.servers.sms_fake import SmsFake

BEARER = "bearer-of-the-http-vendor"

Vendors = Mapping[str, SmsFake]


class Kind(NamedTuple):
    """A sender's type. The names of failures are those of its vendor."""

    vendor: Callable[..., SmsFake]  # takes ``tls``
    where: Callable[[Any], Config]  # the vendor in, the keys that lead to it out
    keys: Config  # all others of the sender, but for type and name
    wrong: Config  # in place of those: credentials that the vendor does not know
    message_id: str  # pattern
    bad_number: str
    outage: str
    busy: str


def _http_vendor(tls: ssl.SSLContext | None = None) -> SmsFake:
    return SmsVendor(bearer=BEARER, tls=tls)


def _below_base_url(vendor: Any) -> Config:
    return {"base_url": vendor.base_url}


KINDS: Mapping[str, Kind] = {
    "http": Kind(
        _http_vendor,
        http_sender,
        {
            "bearer": BEARER,
            "refused": {"status": [400], "json": {"code": "invalid_number"}},
            "message_id": "id",
        },
        {"bearer": "bearer-of-nobody"},
        r"m[0-9]+",
        bad_number="bad_number",
        outage="http500",
        busy="http429",
    ),
    "messagebird": Kind(
        messagebird.MessageBird,
        _below_base_url,
        {"access_key": messagebird.ACCESS_KEY, "originator": "Example"},
        {"access_key": "live_of_nobody"},
        r".+",
        bad_number="bad_number",
        outage="outage",
        busy="throttled",
    ),
    "plivo": Kind(
        plivo.Plivo,
        _below_base_url,
        {"auth_id": plivo.AUTH_ID, "auth_token": plivo.AUTH_TOKEN, "src": "14155550100"},
        {"auth_token": "plivo-token-of-nobody"},
        r"[0-9a-f-]{36}",
        bad_number="bad_number",
        outage="outage",
        busy="throttled",
    ),
    "sns": Kind(
        sns.Sns,
        _below_base_url,
        {
            "region": sns.REGION,
            "aws_access_key_id": sns.ACCESS_KEY_ID,
            "aws_secret_access_key": sns.SECRET_ACCESS_KEY,
        },
        {"aws_secret_access_key": "aws-key-of-nobody"},
        r"[0-9a-f-]{36}",
        bad_number="bad_number",
        outage="fault",
        busy="throttled429",
    ),
    "twilio": Kind(
        twilio.Twilio,
        _below_base_url,
        {
            "account_sid": twilio.ACCOUNT_SID,
            "auth_token": twilio.AUTH_TOKEN,
            "from": "+14155550100",
        },
        {"auth_token": "twilio-token-of-nobody"},
        r"SM[0-9a-f]{32}",
        bad_number="error21211",
        outage="error20500",
        busy="error20429",
    ),
    "vonage": Kind(
        vonage.Vonage,
        _below_base_url,
        {"api_key": vonage.API_KEY, "api_secret": vonage.API_SECRET, "from": "Example"},
        {"api_secret": "vonage-secret-of-nobody"},
        r"[0-9A-F]+",
        bad_number="status7",
        outage="status5",
        busy="throttled",
    ),
}

CREDENTIALS = (
    *(BEARER, messagebird.ACCESS_KEY, plivo.AUTH_TOKEN, sns.SECRET_ACCESS_KEY),
    *(twilio.AUTH_TOKEN, vonage.API_SECRET),
    *(value for kind in KINDS.values() for value in kind.wrong.values()),
)


def sender(kind: str, vendor: SmsFake, **keys: Any) -> Config:
    """Return the configuration of a sender that sends by this vendor."""
    chosen = KINDS[kind]
    return {**chosen.where(vendor), "type": kind, **chosen.keys, **keys}


@contextlib.contextmanager
def all_vendors(tls: ssl.SSLContext | None = None) -> Iterator[Vendors]:
    """Run one vendor of each kind."""
    with contextlib.ExitStack() as running:
        yield {name: running.enter_context(kind.vendor(tls=tls)) for name, kind in KINDS.items()}
