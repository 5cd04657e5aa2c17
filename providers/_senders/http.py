"""Any vendor with an HTTP API, by configuration alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode, urlsplit

import orjson
from pydantic import Field, model_validator

from config import HeaderName, HeaderValue, Model, Secret, SecureUrl
from providers._base import Context
from providers._connection import Reply
from providers._senders import Message, Refused
from providers._senders._template import (
    Values,
    escape_for,
    fill,
    fill_document,
    percent_encoded,
    values_of,
)
from providers._senders._vendor import Request, Vendor, basic_auth

HttpStatus = Annotated[int, Field(ge=100, le=599)]


class AnswerTest(Model):
    """Which answers are meant: status codes, and values at dotted paths of a JSON body."""

    status: list[HttpStatus] = Field(default_factory=list)
    json_fields: dict[str, Any] = Field(default_factory=dict, alias="json")

    def matches(self, reply: Reply) -> bool:
        """Whether ``reply`` is such an answer."""
        accepted = self.status or range(200, 300)
        return reply.status in accepted and self._body_matches(reply.body)

    def _body_matches(self, body: bytes) -> bool:
        if not self.json_fields:
            return True
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            return False
        for path, wanted in self.json_fields.items():
            accepted = wanted if isinstance(wanted, list) else [wanted]
            if _at(answer, path) not in accepted:
                return False
        return True


class BasicAuth(Model):
    """HTTP Basic authentication (RFC 7617)."""

    username: Secret
    password: Secret


class HttpConfig(Model):
    """``type: http``. Templates may name ``{to}``, ``{text}`` and ``{code}``; those of emails also
    ``{from}``, ``{subject}`` and ``{html}``.
    """

    type: Literal["http"]
    name: str = "http"
    url: SecureUrl
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    json_body: Any = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    body: str | None = None
    success: AnswerTest = Field(default_factory=AnswerTest)
    refused: AnswerTest | None = None  # answers that mean: this recipient can never be reached
    message_id: str | None = None  # dotted path of the vendor's id in a JSON answer
    basic_auth: BasicAuth | None = None
    bearer: HeaderValue | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> HttpConfig:
        given = [part for part in (self.json_body, self.form, self.body) if part is not None]
        if len(given) > 1:
            raise ValueError("give one of json, form and body")
        if self.basic_auth and self.bearer:
            raise ValueError("give one of basic_auth and bearer")
        return self

    def create(self, context: Context) -> Http:
        """Make the sender."""
        return Http(self, context)


class Http(Vendor):
    """Sends each message to the configured URL."""

    def __init__(self, config: HttpConfig, context: Context) -> None:
        url = urlsplit(config.url)
        super().__init__(config.name, f"{url.scheme}://{url.netloc}", context)
        self._config = config
        self._target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._headers = _headers(config)
        names = {name.lower(): name for name in self._headers}
        self._escape = escape_for(self._headers.get(names.get("content-type", ""), ""))

    def request(self, message: Message) -> Request:
        """Fill the templates."""
        values = values_of(message)
        target = fill(self._target, values, percent_encoded)
        return Request(self._config.method, target, self._headers, self._body(values))

    def _body(self, values: Values) -> bytes:
        config = self._config
        if config.json_body is not None:
            return orjson.dumps(fill_document(config.json_body, values))
        if config.form is not None:
            return urlencode(fill_document(config.form, values)).encode()
        if config.body is not None:
            return fill(config.body, values, self._escape).encode()
        return b""

    def read(self, reply: Reply) -> str | None:
        """Compare with the configured answers."""
        config = self._config
        if config.success.matches(reply):
            return _text_at(reply.body, config.message_id) if config.message_id else None
        if config.refused is not None and config.refused.matches(reply):
            raise Refused("the recipient is refused")
        raise self.unavailable(reply, "no success as configured")

    def probe(self) -> Request | None:
        """Nothing is known of the vendor but how to send."""
        return None


def _headers(config: HttpConfig) -> dict[str, str]:
    """Return the headers of every request; those of the configuration stand above our own."""
    headers = {}
    if config.json_body is not None:
        headers["Content-Type"] = "application/json"
    if config.form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if config.bearer is not None:
        headers["Authorization"] = f"Bearer {config.bearer.get_secret_value()}"
    if config.basic_auth is not None:
        username, password = config.basic_auth.username, config.basic_auth.password
        headers["Authorization"] = basic_auth(
            username.get_secret_value(), password.get_secret_value()
        )
    given = {name: value.get_secret_value() for name, value in config.headers.items()}
    names = {name.lower() for name in given}
    return {k: v for k, v in headers.items() if k.lower() not in names} | given


def _text_at(body: bytes, path: str) -> str | None:
    """Return the text or number at a dotted path of a JSON answer, if there is one."""
    try:
        found = _at(orjson.loads(body), path)
    except orjson.JSONDecodeError:
        return None
    return str(found) if isinstance(found, str | int) else None


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        elif isinstance(document, dict):
            document = document.get(key)
        else:
            return None
    return document
