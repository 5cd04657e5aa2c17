"""A stand-in for an SMS gateway with an HTTP API, of the kinds that vendors offer.

A message comes as a JSON object, a form, an XML document or a query string, by the request's
Content-Type, in two fields whose names are free.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs
from xml.etree import ElementTree

from tests.servers.http_fake import Answer, Call
from tests.servers.sms_fake import Message, SmsFake


def _error(status: int, code: str, **headers: str) -> Callable[[Answer[Message]], Answer[Message]]:
    def change(sound: Answer[Message]) -> Answer[Message]:
        # Vendors repeat the request in their errors, text and all: it must not reach a log.
        body = {"status": "error", "code": code, "request": sound.effect and sound.effect._asdict()}
        return replace(sound, status=status, body=body, headers=headers)

    return change


class SmsVendor(SmsFake):
    """An SMS vendor. ``fail`` takes the names below and those of ``http_faults``.

    ==============  ============================================================
    ``bad_number``  400, JSON: there is no such number
    ``http401``     401, JSON: wrong credentials
    ``http429``     429, JSON, ``Retry-After: 30``
    ``http500``     500, JSON
    ``rejected``    200, JSON whose ``status`` says that nothing was sent
    ==============  ============================================================

    A sound answer is ``{"status": "accepted", "id": ..., "to": ...}`` with status 202. With
    ``basic`` (user, password) or ``bearer`` every request must bring these credentials.
    """

    path = "/messages"
    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        "bad_number": _error(400, "invalid_number"),
        "http401": _error(401, "unauthorized"),
        "http429": _error(429, "too_many_requests", **{"Retry-After": "30"}),
        "http500": _error(500, "internal_error"),
        "rejected": lambda sound: replace(sound, status=200, body={"status": "rejected"}),
    }

    def __init__(
        self,
        *,
        to_field: str = "to",
        text_field: str = "text",
        basic: tuple[str, str] | None = None,
        bearer: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self._to, self._text = to_field, text_field
        self._authorization: str | None = None
        if basic is not None:
            self._authorization = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        if bearer is not None:
            self._authorization = f"Bearer {bearer}"

    # -- the wire

    def answer(self, call: Call) -> Answer[Message]:
        if self._authorization is not None and call.header("Authorization") != self._authorization:
            return Answer({"status": "error", "code": "unauthorized"}, status=401)
        fields = _fields(call)
        to, text = fields.get(self._to), fields.get(self._text)
        if not isinstance(to, str) or not isinstance(text, str) or not to or not text:
            return Answer({"status": "error", "code": "missing_field"}, status=400)
        message = Message(to, text)
        body = {"status": "accepted", "id": f"m{len(self._effects) + 1}", "to": to}
        return Answer(body, status=202, effect=message)


def _fields(call: Call) -> Mapping[str, object]:
    """Return the fields of a request, or none if it cannot be read."""
    kind = (call.header("Content-Type") or "").partition(";")[0].strip().lower()
    try:
        if call.method == "GET":
            return _pairs(call.query)
        if kind == "application/x-www-form-urlencoded":
            return _pairs(call.body.decode())
        if kind in {"application/xml", "text/xml"}:
            return {child.tag: child.text for child in ElementTree.fromstring(call.body)}
        document = json.loads(call.body) if kind == "application/json" else None
    except (ValueError, ElementTree.ParseError):
        return {}
    return document if isinstance(document, dict) else {}


def _pairs(encoded: str) -> dict[str, object]:
    fields = parse_qs(encoded, keep_blank_values=True, errors="strict")
    return {name: values[0] for name, values in fields.items()}
