"""A stand-in for Plivo's Messaging API.

https://www.plivo.com/docs/messaging/api/message/send-a-message and /docs/messaging/api/response say
what is answered, /docs/messaging/concepts/destination-number-validation what to refused numbers.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from tests.servers.http_fake import Answer, Call
from tests.servers.sms_fake import Message, SmsFake

AUTH_ID = "MA" + "5" * 18
AUTH_TOKEN = "plivo:auth+token/"
API_ID = "df5d4304-66af-11eb-91d8-0242ac110004"


def _error(status: int, text: str, **headers: str) -> Answer[Message]:
    return Answer({"api_id": API_ID, "error": text}, status, headers=headers)


def _failure(
    status: int, text: str, **headers: str
) -> Callable[[Answer[Message]], Answer[Message]]:
    # Errors repeat the request: it must not reach a log.
    def change(sound: Answer[Message]) -> Answer[Message]:
        to, words = sound.effect or ("", "")
        return _error(status, text.format(to=to, text=words), **headers)

    return change


def _without_uuids(sound: Answer[Message]) -> Answer[Message]:
    return replace(sound, body={**sound.body, "message_uuid": []})


class Plivo(SmsFake):
    """One account below ``base_url``. ``fail`` takes the names below and those of ``http_faults``.

    ===================  ==================================================================
    ``bad_number``       400: there is no such number
    ``no_sms``           400: the number cannot get text messages
    ``bad_src``          400: there is no such number, and it is the one that sends
    ``bad_parameter``    400: something else is wrong, and repeated
    ``barred_country``   403: the account has no permission for the number's country
    ``throttled``        429, ``Retry-After: 7``
    ``outage``           500, repeats the request
    ``no_uuid``          202, but no message was made
    ===================  ==================================================================

    Requests without its credentials are answered with 401.
    """

    SRC = "14155550100"  # which ``bad_src`` is about
    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        "bad_number": _failure(400, "{to} is not a valid phone number"),
        "no_sms": _failure(400, "{to} is not an SMS enabled phone number"),
        "bad_src": _failure(400, f"{SRC} is not a valid phone number"),
        "bad_parameter": _failure(400, "{text} for {to} is not a valid text"),
        "barred_country": _failure(403, "Destination country of {to} barred"),
        "throttled": _failure(429, "too many messages to {to}", **{"Retry-After": "7"}),
        "outage": _failure(500, "failed to queue {text} for {to}"),
        "no_uuid": _without_uuids,
    }

    def __init__(
        self,
        *,
        auth_id: str = AUTH_ID,
        auth_token: str = AUTH_TOKEN,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        account = f"{prefix}/v1/Account/{auth_id}/"
        self.path = f"{account}Message/"
        self.probes = (account,)
        self._prefix = prefix
        self._auth_id, self._auth_token = auth_id, auth_token

    @property
    def base_url(self) -> str:
        return self.url.removesuffix(self.path) + self._prefix

    # -- the wire

    def answer(self, call: Call) -> Answer[Message]:
        pair = f"{self._auth_id}:{self._auth_token}".encode()
        if call.header("Authorization") != f"Basic {base64.b64encode(pair).decode()}":
            return _error(401, "authentication failed")
        if call.path in self.probes:
            return Answer({"api_id": API_ID, "auth_id": self._auth_id, "account_type": "standard"})
        fields = _fields(call)
        to, text = fields.get("dst"), fields.get("text")
        if not isinstance(to, str) or not isinstance(text, str) or not text:
            return _error(400, "dst and text are required")
        if ("src" in fields) == ("powerpack_uuid" in fields):
            return _error(400, "specify either src or powerpack_uuid")
        if not to.isdecimal():
            return _error(400, f"{to} is not a valid phone number")
        uuid = str(UUID(int=len(self._effects) + 1))
        body = {"api_id": API_ID, "message": "message(s) queued", "message_uuid": [uuid]}
        return Answer(body, status=202, effect=Message(to, text))


def _fields(call: Call) -> Mapping[str, object]:
    try:
        document = json.loads(call.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
