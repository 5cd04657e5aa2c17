"""A stand-in for the Vonage SMS API.

https://developer.vonage.com/en/api/sms and /en/api/account say what is answered,
/en/messaging/sms/guides/troubleshooting-sms with which statuses.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from tests.servers import gsm
from tests.servers.http_fake import Answer, Call
from tests.servers.sms_fake import Message, SmsFake

API_KEY = "abcd1234"
API_SECRET = "vonage:api+secret/"

STATUSES: Mapping[str, str] = {
    "1": "Throughput Rate Exceeded - please wait [ 250 ] and retry",
    "2": "Missing to param",
    "3": "Invalid from param",
    "4": "Bad Credentials",
    "5": "Internal Error",
    "6": "Unroutable message - rejected",
    "7": "Number barred",
    "8": "Partner account barred",
    "9": "Quota Exceeded - rejected",
    "10": "Too many existing binds",
    "11": "Account not enabled for HTTP",
    "12": "Message too long",
    "14": "Invalid Signature",
    "15": "Illegal Sender Address - rejected",
    "22": "Invalid Network Code",
    "23": "Invalid Callback URL",
    "29": "Non White-listed Destination - rejected",
    "32": "Signature And API Secret Disallowed",
    "33": "Number De-activated",
}


def _answer(*parts: Mapping[str, object]) -> Mapping[str, object]:
    return {"message-count": str(len(parts)), "messages": parts}


def _failed(status: str, to: str = "", text: str = "") -> Mapping[str, object]:
    # Errors repeat the request, here even its text: it must not reach a log.
    return {"to": to, "status": status, "error-text": f"{STATUSES[status]} ({text} for {to})"}


def _failure(status: str, **headers: str) -> Callable[[Answer[Message]], Answer[Message]]:
    def change(sound: Answer[Message]) -> Answer[Message]:
        failed = _failed(status, *(sound.effect or ()))
        return Answer(_answer(*(failed for _ in sound.body["messages"])), headers=headers)

    return change


def _last_part_fails(sound: Answer[Message]) -> Answer[Message]:
    parts = [*sound.body["messages"][:-1], _failed("1", *(sound.effect or ()))]
    return replace(sound, body=_answer(*parts))


class Vonage(SmsFake):
    """One account below ``base_url``. ``fail`` takes the names below and those of ``http_faults``.

    =================  ===================================================================
    ``status<N>``      200, each part of the message has that status of ``STATUSES``
    ``throttled``      the same with status 1, and ``Retry-After: 7``
    ``last_part``      200, the last part has status 1, those before it are accepted
    ``no_messages``    200, but of no message
    ``no_id``          200, accepted without an id
    =================  ===================================================================

    Requests without its credentials are answered with 401. Texts leave as they would arrive.
    """

    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        **{f"status{status}": _failure(status) for status in STATUSES},
        "throttled": _failure("1", **{"Retry-After": "7"}),
        "last_part": _last_part_fails,
        "no_messages": lambda sound: replace(sound, body=_answer()),
        "no_id": lambda sound: replace(sound, body=_answer({"status": "0"})),
    }

    def __init__(
        self,
        *,
        api_key: str = API_KEY,
        api_secret: str = API_SECRET,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self.path = f"{prefix}/sms/json"
        self.probes = (f"{prefix}/account/get-balance",)
        self._prefix = prefix
        pair = base64.b64encode(f"{api_key}:{api_secret}".encode()).decode()
        self._authorization = f"Basic {pair}"

    @property
    def base_url(self) -> str:
        return self.url.removesuffix(self.path) + self._prefix

    # -- the wire

    def answer(self, call: Call) -> Answer[Message]:
        if call.header("Authorization") != self._authorization:
            return Answer(_answer(_failed("4")), status=401)
        if call.path in self.probes:
            return Answer({"value": 10.28, "autoReload": False})
        fields = {k: v[0] for k, v in parse_qs(call.body.decode(), errors="strict").items()}
        to, text = fields.get("to", ""), fields.get("text", "")
        if not to or not text or "from" not in fields:
            return Answer(_answer(_failed("2", to, text)))
        if not to.isdecimal():
            return Answer(_answer(_failed("3", to, text)))
        unicode = fields.get("type") == "unicode"
        accepted = [self._accepted(to, part) for part in range(gsm.parts(text, unicode=unicode))]
        return Answer(_answer(*accepted), effect=Message(to, text if unicode else gsm.plain(text)))

    def _accepted(self, to: str, part: int) -> Mapping[str, object]:
        return {
            "to": to,
            "message-id": f"0A{len(self._effects) + 1:012X}{part:02X}",
            "status": "0",
            "remaining-balance": "3.14159265",
            "message-price": "0.03330000",
            "network": "12345",
        }
