"""Any SMS vendor with an HTTP API, by configuration alone."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode, urlsplit

import orjson
from pydantic import AfterValidator, Field, SecretStr, model_validator
from yarl import URL

from config import Model, Secret, SecureUrl
from providers._base import Context, Reason, Rejected, Unavailable
from providers._connection import Reply
from providers._http import NotSent, Upstream
from providers._senders import Ambiguous, Message

_PLACEHOLDER: Final = re.compile(r"\{(to|text|code)\}")
# A parser of XML would change white space (XML 1.0, sections 2.11 and 3.3.3).
_XML_SPACE: Final = {ord(space): f"&#{ord(space)};" for space in "\t\n\r"}

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is no name of an HTTP header")
    return name


def _header_value(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()):
        raise ValueError("must be one line of printable ASCII")
    return secret


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[Secret, AfterValidator(_header_value)]


Values = Mapping[str, str]
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

    username: str
    password: Secret


class HttpConfig(Model):
    """``type: http``. Templates may name ``{to}``, ``{text}`` and ``{code}``."""

    type: Literal["http"]
    name: str = "http"
    url: SecureUrl
    method: Literal["GET", "POST", "PUT"] = "POST"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    json_body: Any = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    body: str | None = None
    success: AnswerTest = Field(default_factory=AnswerTest)
    refused: AnswerTest | None = None  # answers that mean: this number can never be reached
    basic_auth: BasicAuth | None = None
    bearer: HeaderValue | None = None

    @model_validator(mode="after")
    def _one_body(self) -> HttpConfig:
        given = [part for part in (self.json_body, self.form, self.body) if part is not None]
        if len(given) > 1:
            raise ValueError("give one of json, form and body")
        if self.basic_auth and self.bearer:
            raise ValueError("give one of basic_auth and bearer")
        return self

    def create(self, context: Context) -> Http:
        """Make the sender."""
        return Http(self, context)


class Http:
    """Posts each message to the configured URL."""

    def __init__(self, config: HttpConfig, context: Context) -> None:
        self.name = config.name
        self._config = config
        url = urlsplit(config.url)
        self._upstream = Upstream(config.name, URL(f"{url.scheme}://{url.netloc}"), context.meter)
        self._target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._headers = _content_type(config)
        self._headers |= {name: value.get_secret_value() for name, value in config.headers.items()}
        if config.bearer:
            self._headers["Authorization"] = f"Bearer {config.bearer.get_secret_value()}"
        if config.basic_auth:
            password = config.basic_auth.password.get_secret_value()
            pair = f"{config.basic_auth.username}:{password}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._escape = _escape_for(self._headers)

    async def send(self, message: Message, within: float) -> None:
        """Send one message; see ``providers._senders`` for the answers."""
        values = {"to": message.to, "text": message.text, "code": message.code}
        target = _fill(self._target, values, _quote)
        data = self._body(values)
        try:
            reply = await self._upstream.exchange(
                self._config.method, target, within=within, headers=self._headers, data=data
            )
        except NotSent:
            raise
        except Unavailable as error:
            raise Ambiguous from error
        self._judge(reply)

    def _body(self, values: Values) -> bytes:
        config = self._config
        if config.json_body is not None:
            return orjson.dumps(_fill_all(config.json_body, values))
        if config.form is not None:
            filled = {key: _fill(text, values, str) for key, text in config.form.items()}
            return urlencode(filled).encode()
        if config.body is not None:
            return _fill(config.body, values, self._escape).encode()
        return b""

    def _judge(self, reply: Reply) -> None:
        if self._config.success.matches(reply):
            return
        if self._config.refused is not None and self._config.refused.matches(reply):
            raise Rejected(f"{self.name} refused the recipient", Reason.PHONE)
        raise Unavailable(self.name, f"answered with HTTP status {reply.status}, not as success")

    async def close(self) -> None:
        """Close the connections that wait."""
        await self._upstream.close()

    async def check(self) -> list[str]:
        """Reach the server without sending anything: a GET of its root."""
        try:
            await self._upstream.exchange("GET", "/", within=5.0)
        except Unavailable as error:
            return [str(error)]
        return []


def _content_type(config: HttpConfig) -> dict[str, str]:
    if any(name.lower() == "content-type" for name in config.headers):
        return {}
    if config.json_body is not None:
        return {"Content-Type": "application/json"}
    if config.form is not None:
        return {"Content-Type": "application/x-www-form-urlencoded"}
    return {}


def _fill(template: str, values: Values, escaped: Any) -> str:
    return _PLACEHOLDER.sub(lambda match: escaped(values[match[1]]), template)


def _fill_all(template: Any, values: Values) -> Any:
    """Fill every string of a JSON document; the encoder escapes them."""
    if isinstance(template, str):
        return _fill(template, values, str)
    if isinstance(template, dict):
        return {key: _fill_all(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill_all(value, values) for value in template]
    return template


def _quote(text: str) -> str:
    return quote(text, safe="")


def _json_string(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _escape_for(headers: Mapping[str, str]) -> Any:
    """How values are written into a ``body`` template of the declared content type."""
    given = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
    content_type = given.lower()
    if "json" in content_type:
        return _json_string
    if "xml" in content_type:
        return lambda text: html.escape(text).translate(_XML_SPACE)
    if "form-urlencoded" in content_type:
        return _quote
    return str


def _at(document: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        elif isinstance(document, dict):
            document = document.get(key)
        else:
            return None
    return document
