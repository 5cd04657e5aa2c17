"""A stand-in for text messages by Amazon SNS, which checks signatures as AWS does.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html, .../API_GetSMSAttributes.html and
.../CommonErrors.html say what is answered. The texts of errors are such as AWS sends.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote
from uuid import UUID
from xml.sax.saxutils import escape

from tests.servers import sigv4
from tests.servers.http_fake import Answer, Call
from tests.servers.sms_fake import Message, SmsFake

ACCESS_KEY_ID = "AKIA5EXAMPLE5EXAMPLE"
SECRET_ACCESS_KEY = "sns/Secret+Access/Key/5555555555EXAMPLE5"
SESSION_TOKEN = "IQoJb3JpZ2luX2Vj/session+token=="
REGION = "eu-west-1"

_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
_REQUEST_ID = "b7b32f02-13e6-5c3b-9a0f-6a2d3c8f1a11"
_BAD_NUMBER = "Invalid parameter: PhoneNumber Reason: {to} is not valid to publish to"

ERRORS: Mapping[str, tuple[int, str, str]] = {  # name: HTTP status, code, text
    "bad_number": (400, "InvalidParameter", _BAD_NUMBER),
    "bad_message": (400, "InvalidParameter", "Invalid parameter: Message Reason: {text} for {to}"),
    "opted_out": (400, "OptedOut", "{to} has opted out"),
    "throttled": (400, "Throttling", "Rate exceeded"),
    "throttled429": (429, "Throttled", "Rate exceeded for {to}"),
    "forbidden": (403, "AuthorizationError", "not authorized to perform: SNS:Publish on {to}"),
    "expired": (403, "ExpiredToken", "The security token included in the request is expired"),
    "key_gone": (403, "KMSAccessDenied", "{text}"),
    "no_action": (400, "InvalidAction", "Operation (Publish) is not supported in this region"),
    "fault": (500, "InternalError", "failed to deliver {text} to {to}"),
    "outage": (503, "ServiceUnavailable", "{to} {text}"),
    "number_as_code": (400, "{to}", _BAD_NUMBER),
    "fault_of_number": (500, "InvalidParameter", _BAD_NUMBER),
}


@dataclass(frozen=True, slots=True)
class Xml(Answer[Message]):
    """The document is ``body["xml"]``."""

    @property
    def bytes(self) -> bytes:
        return str(self.body["xml"]).encode()


def _xml(text: str, status: int = 200, effect: Message | None = None) -> Xml:
    headers = {"Content-Type": "text/xml"}
    if status == 429:
        headers["Retry-After"] = "7"
    return Xml({"xml": text}, status, effect, headers)


def _error(status: int, code: str, text: str) -> Xml:
    return _xml(
        f'<ErrorResponse xmlns="{_NAMESPACE}">\n  <Error>\n    <Type>Sender</Type>\n'
        f"    <Code>{code}</Code>\n    <Message>{escape(text)}</Message>\n  </Error>\n"
        f"  <RequestId>{_REQUEST_ID}</RequestId>\n</ErrorResponse>\n",
        status,
    )


def _result(action: str, content: str, effect: Message | None = None) -> Xml:
    return _xml(
        f'<{action}Response xmlns="{_NAMESPACE}">\n  <{action}Result>\n    {content}\n'
        f"  </{action}Result>\n  <ResponseMetadata>\n    <RequestId>{_REQUEST_ID}</RequestId>\n"
        f"  </ResponseMetadata>\n</{action}Response>\n",
        effect=effect,
    )


def _failure(status: int, code: str, text: str) -> Callable[[Answer[Message]], Answer[Message]]:
    # Errors repeat the request: it must not reach a log.
    def change(sound: Answer[Message]) -> Answer[Message]:
        to, words = sound.effect or ("", "")
        return _error(status, code.format(to=to), text.format(to=to, text=words))

    return change


def _entities(value: str) -> Callable[[Answer[Message]], Answer[Message]]:
    """An answer whose entities take gigabytes, or a local file, for whoever expands them."""
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE x [<!ENTITY e0 "1">{bomb}<!ENTITY file SYSTEM "file:///etc/hostname">]>'

    def change(sound: Answer[Message]) -> Answer[Message]:
        return _xml(doctype + _result("Publish", f"<MessageId>{value}</MessageId>").body["xml"])

    return change


class Sns(SmsFake):
    """SNS in one region for one access key. ``fail`` takes the names of ``ERRORS`` and

    ===============  ====================================================
    ``entities``     200, XML that expands to a billion digits
    ``local_file``   200, XML that names a file of whoever reads it
    ``no_id``        200, no id
    ===============  ====================================================

    With ``session_token`` the access key is a temporary one.
    """

    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        **{name: _failure(*error) for name, error in ERRORS.items()},
        "entities": _entities("&e9;"),
        "local_file": _entities("&file;"),
        "no_id": lambda sound: _result("Publish", "<MessageId/>"),
    }

    def __init__(
        self,
        *,
        session_token: str | None = None,
        prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self.path = f"{prefix}/"
        self._prefix = prefix
        self._session_token = session_token

    @property
    def base_url(self) -> str:
        return self.url.removesuffix(self.path) + quote(self._prefix)

    # -- the wire

    def answer(self, call: Call) -> Answer[Message]:
        if refused := self._refuse(call):
            return refused
        form = {k: v[0] for k, v in parse_qs(call.body.decode(), errors="strict").items()}
        if call.method != "POST" or form.get("Version") != "2010-03-31":
            return _error(400, "InvalidAction", "Could not find operation for version")
        if form.get("Action") == "GetSMSAttributes":
            name = form.get("attributes.member.1", "")
            entry = f"<entry><key>{name}</key><value>Transactional</value></entry>"
            return _result("GetSMSAttributes", f"<attributes>{entry}</attributes>")
        if form.get("Action") != "Publish":
            return _error(400, "InvalidAction", "Could not find operation")
        return self._publish(form)

    def _refuse(self, call: Call) -> Xml | None:
        header = call.header("Authorization")
        if header is None:
            return _error(403, "MissingAuthenticationToken", "Missing Authentication Token")
        try:
            key = sigv4.Authorization.parse(header).access_key_id
        except ValueError as error:
            return _error(400, "IncompleteSignature", str(error))
        if key != ACCESS_KEY_ID or call.header("X-Amz-Security-Token") != self._session_token:
            return _error(403, "InvalidClientTokenId", "The security token is invalid.")
        flaw = sigv4.flaw(call, SECRET_ACCESS_KEY, REGION, "sns", datetime.now(UTC))
        return _error(403, "SignatureDoesNotMatch", flaw) if flaw else None

    def _publish(self, form: Mapping[str, str]) -> Xml:
        to, text = form.get("PhoneNumber", ""), form.get("Message", "")
        if not text:
            return _error(400, "InvalidParameter", "Invalid parameter: Empty message")
        if not (to.startswith("+") and to[1:].isdecimal()):
            return _error(400, "InvalidParameter", _BAD_NUMBER.format(to=to))
        message_id = UUID(int=len(self._effects) + 1)
        return _result("Publish", f"<MessageId>{message_id}</MessageId>", Message(to, text))
