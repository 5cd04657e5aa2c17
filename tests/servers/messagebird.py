"""A stand-in for the MessageBird SMS API.

https://developers.messagebird.com/api/sms-messaging and /api/balance say what is answered, /api
with which errors.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from tests.servers import gsm
from tests.servers.http_fake import Answer, Call
from tests.servers.sms_fake import Message, SmsFake

ACCESS_KEY = "live_4kT01Lq2mXc8Zs7Wd5Ye3"


class Error(NamedTuple):
    code: int
    description: str
    parameter: str | None = None


NO_RECIPIENT = Error(9, "no (correct) recipients found", "recipient")
ON_TRIAL = Error(
    9,
    "no (correct) recipients found. Note: during your test period you can only send messages to "
    "your own number",
    "recipient",
)
WRONG_KEY = Error(2, "Request not allowed (incorrect access_key)", "access_key")
BAD_ORIGINATOR = Error(10, "originator is invalid", "originator")


def _refusal(status: int, *errors: Error, to: str = "", text: str = "") -> Answer[Message]:
    # Errors repeat the request, here even its text: it must not reach a log.
    said = [{**e._asdict(), "description": f"{e.description} ({text} for {to})"} for e in errors]
    return Answer({"errors": said}, status)


def _failure(
    status: int, *errors: Error, **headers: str
) -> Callable[[Answer[Message]], Answer[Message]]:
    def change(sound: Answer[Message]) -> Answer[Message]:
        to, text = sound.effect or ("", "")
        return replace(_refusal(status, *errors, to=to, text=text), headers=headers)

    return change


class MessageBird(SmsFake):
    """One account below ``base_url``. ``fail`` takes the names below and those of ``http_faults``.

    ===================  ==================================================================
    ``bad_number``       422, 9 about the recipient
    ``bad_numbers``      422, 10 about the recipients
    ``trial``            422, 9 about the recipient: an account on trial
    ``bad_originator``   422, 10 about the originator
    ``both``             422, the errors of ``bad_number`` and ``bad_originator``
    ``wrong_key``        401, 2 and the errors of ``both``
    ``not_allowed``      401, 2 about nothing
    ``no_balance``       402, 25
    ``throttled``        429, ``Retry-After: 7``
    ``outage``           500, 99
    ``no_id``            201, but no message was made
    ===================  ==================================================================

    The account has ``amount`` left and pays as ``payment`` says. Requests without its key are
    answered with 401. Texts leave as they would arrive.
    """

    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        "bad_number": _failure(422, NO_RECIPIENT),
        "bad_numbers": _failure(422, Error(10, "recipients are invalid", "recipients")),
        "trial": _failure(422, ON_TRIAL),
        "bad_originator": _failure(422, BAD_ORIGINATOR),
        "both": _failure(422, NO_RECIPIENT, BAD_ORIGINATOR),
        "wrong_key": _failure(401, WRONG_KEY, NO_RECIPIENT, BAD_ORIGINATOR),
        "not_allowed": _failure(401, Error(2, "Request not allowed")),
        "no_balance": _failure(402, Error(25, "Not enough balance")),
        "throttled": _failure(429, Error(1, "Too many requests"), **{"Retry-After": "7"}),
        "outage": _failure(500, Error(99, "Internal error")),
        "no_id": lambda sound: replace(sound, body={**sound.body, "id": None}),
    }

    def __init__(
        self,
        *,
        access_key: str = ACCESS_KEY,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self.path = f"{prefix}/messages"
        self.probes = (f"{prefix}/balance",)
        self.payment, self.amount = "prepaid", 103.5
        self._prefix = prefix
        self._authorization = f"AccessKey {access_key}"

    @property
    def base_url(self) -> str:
        return self.url.removesuffix(self.path) + self._prefix

    # -- the wire

    def answer(self, call: Call) -> Answer[Message]:
        if call.header("Authorization") != self._authorization:
            return _refusal(401, WRONG_KEY, NO_RECIPIENT)
        if call.path in self.probes:
            return Answer({"payment": self.payment, "type": "euros", "amount": self.amount})
        match _fields(call):
            case {"originator": str(), "body": str(text), "recipients": [str(to)], **rest} if text:
                pass
            case _:
                return _refusal(422, NO_RECIPIENT, Error(9, "body is required", "body"))
        if not to.isdecimal():
            return _refusal(422, NO_RECIPIENT, to=to, text=text)
        unicode = gsm.plain(text) != text and rest.get("datacoding") == "auto"
        left = Message(to, text if unicode else gsm.plain(text))
        return Answer(self._created(left, unicode=unicode), status=201, effect=left)

    def _created(self, message: Message, *, unicode: bool) -> Mapping[str, object]:
        message_id = f"{len(self._effects) + 1:032x}"
        items = [{"recipient": int(message.to), "status": "sent", "messagePartCount": 1}]
        return {
            "id": message_id,
            "href": f"https://rest.messagebird.com/messages/{message_id}",
            "direction": "mt",
            "type": "sms",
            "body": message.text,
            "datacoding": "unicode" if unicode else "plain",
            "recipients": {
                "totalCount": 1,
                "totalSentCount": 1,
                "totalDeliveredCount": 0,
                "totalDeliveryFailedCount": 0,
                "items": items,
            },
        }


def _fields(call: Call) -> object:
    try:
        return json.loads(call.body)
    except ValueError:
        return None
