"""A stand-in for Twilio Programmable Messaging.

https://www.twilio.com/docs/messaging/api/message-resource and /docs/iam/api/account say what is
answered, https://www.twilio.com/docs/api/errors with which codes.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from tests.servers.http_fake import Answer, Call
from tests.servers.sms_fake import Message, SmsFake

ACCOUNT_SID = "AC" + "5" * 32
AUTH_TOKEN = "twilio:auth+token/"

ERRORS: Mapping[int, tuple[int, str]] = {  # code: HTTP status, text
    20003: (401, "Authenticate"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    21211: (400, "Invalid 'To' Phone Number: {to}"),
    21212: (400, "Invalid From Number (caller ID)"),
    21265: (400, "'To' number cannot be a Short Code: {to}"),
    21266: (400, "'To' and 'From' number cannot be the same: {to}"),
    21268: (400, "Sending to Premium rate or Information Service numbers is not allowed: {to}"),
    21408: (400, "Permission to send an SMS has not been enabled for the region of {to}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The From phone number is not SMS-capable"),
    21608: (400, "The number {to} is unverified. Trial accounts cannot send messages to it"),
    21610: (400, "Attempt to send to unsubscribed recipient {to}"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' ({to}) and 'From'"),
    21614: (400, "'To' number: {to}, is not a mobile number"),
    21635: (400, "'To' number cannot be a landline: {to}"),
}


def _error(code: int, to: str = "", text: str = "") -> Answer[Message]:
    status, words = ERRORS[code]
    body = {
        "code": code,
        "message": words.format(to=to) + (f" (text: {text})" if text else ""),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(body, status, headers={"Retry-After": "7"} if status == 429 else {})


def _failure(code: int) -> Callable[[Answer[Message]], Answer[Message]]:
    # Errors repeat the request, here even its text: it must not reach a log.
    def change(sound: Answer[Message]) -> Answer[Message]:
        return _error(code, *(sound.effect or ()))

    return change


class Twilio(SmsFake):
    """One account below ``base_url``. ``fail("error<code>")`` takes each code of ``ERRORS``.

    The account is as ``status`` says. Requests without its credentials are answered with 20003.
    """

    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        **{f"error{code}": _failure(code) for code in ERRORS},
        "no_sid": lambda sound: replace(sound, body={**sound.body, "sid": None}),
    }

    def __init__(
        self,
        *,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        account = f"{prefix}/2010-04-01/Accounts/{account_sid}"
        self.path = f"{account}/Messages.json"
        self.probes = (f"{account}.json",)
        self.status = "active"
        self._prefix = prefix
        self._account_sid, self._auth_token = account_sid, auth_token

    @property
    def base_url(self) -> str:
        return self.url.removesuffix(self.path) + self._prefix

    # -- the wire

    def answer(self, call: Call) -> Answer[Message]:
        pair = f"{self._account_sid}:{self._auth_token}".encode()
        if call.header("Authorization") != f"Basic {base64.b64encode(pair).decode()}":
            return _error(20003)
        if call.path in self.probes:
            return Answer(self._account())
        fields = {k: v[0] for k, v in parse_qs(call.body.decode(), errors="strict").items()}
        to = fields.get("To", "").removeprefix("whatsapp:")
        text = fields.get("Body") or fields.get("ContentVariables", "")
        if missing := _missing(fields, text):
            return _error(missing)
        if not to.startswith("+"):
            return _error(21211, to, text)
        return Answer(self._created(fields), status=201, effect=Message(to, text))

    def _account(self) -> Mapping[str, object]:
        return {
            "sid": self._account_sid,
            "auth_token": self._auth_token,
            "friendly_name": "Example",
            "status": self.status,
            "type": "Full",
        }

    def _created(self, fields: Mapping[str, str]) -> Mapping[str, object]:
        sid = f"SM{len(self._effects) + 1:032x}"
        return {
            "sid": sid,
            "account_sid": self._account_sid,
            "messaging_service_sid": fields.get("MessagingServiceSid"),
            "from": fields.get("From"),
            "to": fields["To"],
            "body": fields.get("Body"),
            "status": "accepted" if "MessagingServiceSid" in fields else "queued",
            "error_code": None,
            "error_message": None,
            "uri": f"/2010-04-01/Accounts/{self._account_sid}/Messages/{sid}.json",
        }


def _missing(fields: Mapping[str, str], text: str) -> int | None:
    """Return the error code of a form that lacks something."""
    if "To" not in fields:
        return 21604
    if ("From" in fields) == ("MessagingServiceSid" in fields):
        return 21603
    if not text or ("Body" in fields) == ("ContentSid" in fields):
        return 21602
    return None
