"""The op API: request bytes to a ``Call``, an outcome to answer bytes.

What the deployed messenger apps can send and read is known here and nowhere else. They send JSON
under any content type, forms (older apps), a query string (2020) or relaxed JSON (the documented
curl); they read one flat JSON object with HTTP status 200, in which ``result`` has to be the string
``OK`` or ``FAIL``: a boolean makes some of them crash.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

import orjson
import pyjson5

from gateway import errors
from gateway.outcomes import CodeSent, GoTo, LoginRequest, Outcome, Refused, SignedIn
from providers import Fields

HEADERS: Final = {
    "Content-Type": "application/json; charset=utf-8",
    # Some clients cache answers to POST if they may.
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "X-Content-Type-Options": "nosniff",
    "Server": "messenger-auth-gateway",
}
MAX_BODY: Final = 16384  # bytes
MAX_DEPTH: Final = 20
MAX_KEYS: Final = 64
MAX_TEXT: Final = 8192  # characters of one value
MAX_OP_ECHO: Final = 32

_FIELDS: Final = frozenset(Fields.__annotations__)
_OTHERS: Final = frozenset({"op", "appid", "provider", "challenge", "user"})
_NUMERIC: Final = frozenset({"phone", "otp", "code"})  # some apps send these as JSON numbers
_VERBATIM: Final = frozenset({"password", "code_verifier"})  # white space in them is meant


class BadRequest(Exception):
    """Not an op that can be read. The text is ours and repeats no input."""


@dataclass(slots=True)
class Call:
    """One op as a client sent it."""

    op: str
    login: LoginRequest
    relaxed: bool  # relaxed JSON: written by a person, since every app has a real serializer
    marked: bool  # has ``dt`` or ``device``, as native apps send


def parse(body: bytes, query: str | None = None) -> Call:
    """Read a request body, or the query string if one is given. Raises ``BadRequest``."""
    call = _parse_plain(body) if query is None else None
    if call is not None:
        return call
    try:
        return _parse_any(body.decode("utf-8-sig") if query is None else query, query is None)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body cannot be read") from error


def _parse_plain(body: bytes) -> Call | None:
    """Read a flat JSON object, as apps send it; None: it takes a closer look.

    The parser keeps the last of equal keys, and turns large integers into floats. With one colon
    for each key, none is there twice; a float is refused.
    """
    try:
        values = orjson.loads(body)
        if not isinstance(values, dict) or len(values) > MAX_KEYS:
            return None
        if body.count(b":") != len(values) or b"[" in body:
            return None
        return _call(values, relaxed=False)
    except (orjson.JSONDecodeError, BadRequest):
        return None


def _parse_any(text: str, is_body: bool) -> Call:
    start = text.lstrip(" \t\r\n")[:1]
    if is_body and start == "{":
        values, relaxed = _parse_object(text)
        return _call(values, relaxed=relaxed)
    if start in ("", "[", '"') or "=" not in text:
        raise BadRequest("the body is not a JSON object")
    values = _unique(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_KEYS))
    return _call(values, relaxed=False)


def _parse_object(text: str) -> tuple[dict[str, Any], bool]:
    try:
        values, relaxed = _STRICT.decode(text), False
    except json.JSONDecodeError:
        values, relaxed = _parse_relaxed(text), True
    if _too_deep(text, values):
        raise BadRequest("the body is nested too deeply")
    return values, relaxed


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    pairs = list(pairs)
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BadRequest("a key is given twice")
    if len(values) > MAX_KEYS:
        raise BadRequest("too many keys")
    return values


def _refuse_constant(_name: str) -> NoReturn:
    raise BadRequest("NaN and Infinity are not JSON")


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)

# What may hold a colon that separates no key from its value.
_QUOTED: Final = re.compile(
    r"""
    "(?:[^"\\]|\\.)*"
    | '(?:[^'\\]|\\.)*'
    | //[^\n]*
    | /\*(?:[^*]|\*(?!/))*\*/
    """,
    re.DOTALL | re.VERBOSE,
)


def _parse_relaxed(text: str) -> dict[str, Any]:
    """Read JSON5, as people type it into a terminal: flat, each key once."""
    try:
        values = pyjson5.decode(text, maxdepth=MAX_DEPTH)
    except pyjson5.Json5Exception:
        # Its text repeats what it has read so far, which may be a code or a password.
        raise BadRequest("the body is not a JSON object") from None
    if not isinstance(values, dict):
        raise BadRequest("the body is not a JSON object")
    # The parser keeps the last of equal keys; in a flat object each key has one bare colon.
    flat = not any(isinstance(value, dict | list) for value in values.values())
    if not flat or _QUOTED.sub("", text).count(":") != len(values):
        raise BadRequest("relaxed JSON must be flat, with each key once")
    if len(values) > MAX_KEYS:
        raise BadRequest("too many keys")
    return values


def _too_deep(text: str, values: dict[str, Any]) -> bool:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    level: list[Any] = [values]
    for _ in range(MAX_DEPTH):
        children: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                children.extend(value.values())
            elif isinstance(value, list):
                children.extend(value)
        level = [child for child in children if isinstance(child, dict | list)]
    return bool(level)


def _call(values: Mapping[str, Any], *, relaxed: bool) -> Call:
    fields: Fields = {}
    others: dict[str, str] = {}
    for key, value in values.items():
        if value is None:
            continue
        if key in _FIELDS:
            text = _text(key, value)
            # A blank phone number is one that somebody typed; any other blank is an absent field.
            if text or key == "phone":
                fields[key] = text  # type: ignore[literal-required]  # checked against Fields above
        elif key in _OTHERS:
            others[key] = _text(key, value)
    _resolve_aliases(fields, others.get("user"), answers=bool(others.get("challenge")))
    op = others.get("op", "").lower()
    if not op:
        raise BadRequest("op is missing")
    return Call(
        op,
        LoginRequest(
            app=others.get("appid", ""),
            provider=others.get("provider") or None,
            challenge=others.get("challenge") or None,
            fields=fields,
        ),
        relaxed,
        marked=values.get("dt") is not None or values.get("device") is not None,
    )


def _text(key: str, value: Any) -> str:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise BadRequest(f"{key} is too long")
        if not value.isascii():
            _refuse_surrogates(key, value)
        return value if key in _VERBATIM else value.strip()
    if key in _NUMERIC and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    raise BadRequest(f"{key} has the wrong type")


def _refuse_surrogates(key: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{key} is not valid Unicode") from None


def _resolve_aliases(fields: Fields, user: str | None, *, answers: bool) -> None:
    if user and "username" not in fields:
        fields["username"] = user
    if "@" in fields.get("phone", ""):
        # Apps with one input field send whatever was typed as the phone number.
        address = fields.pop("phone")
        fields.setdefault("email", address)
    oauth = not answers and ("code_verifier" in fields or "redirect_uri" in fields)
    if "code" in fields and "otp" not in fields and not oauth:
        fields["otp"] = fields.pop("code")


def first_step(request: LoginRequest) -> bool:
    """Whether a request opens a login: apps show ``errmsg`` well only then."""
    return "otp" not in request.fields and request.challenge is None


def encode(call: Call, outcome: Outcome, extras: Mapping[str, Any], *, boolean: bool) -> bytes:
    """Write the answer to a login. ``extras`` are the app's own keys of a signed-in answer."""
    answer: dict[str, Any] = {"op": "login", "ts": int(time.time())}
    if isinstance(outcome, SignedIn):
        answer |= {"token": outcome.token, "phone": outcome.address, "address": outcome.address}
        if outcome.name:
            answer["name"] = outcome.name
        answer |= extras
    elif isinstance(outcome, CodeSent):
        answer["challenge"] = {
            "kind": "code",
            "provider": outcome.provider,
            "resend_after": math.ceil(outcome.resend_after),
            "expires_in": math.floor(outcome.expires_in),
        }
    elif isinstance(outcome, GoTo):
        answer["challenge"] = {
            "kind": "redirect",
            "provider": outcome.provider,
            "id": outcome.id,
            "url": outcome.url,
            "expires_in": math.floor(outcome.expires_in),
        }
    elif isinstance(outcome, Refused):
        return encode_error(
            "login",
            outcome.word,
            boolean=boolean,
            explain=first_step(call.login),
            retry_after=outcome.retry_after,
        )
    else:
        raise TypeError(f"{type(outcome).__name__} is for browsers")
    return _dump(answer, ok=True, boolean=boolean)


def encode_ok(op: str, *, boolean: bool) -> bytes:
    """Write the answer to an op that always succeeds."""
    return _dump({"op": op, "ts": int(time.time())}, ok=True, boolean=boolean)


def encode_error(
    op: str,
    word: str,
    *,
    boolean: bool,
    explain: bool = False,
    retry_after: float | None = None,
) -> bytes:
    """Write a refusal; ``explain`` adds the texts that an app shows."""
    answer: dict[str, Any] = {"op": op[:MAX_OP_ECHO], "ts": int(time.time()), "error": word}
    if explain:
        answer["errtitle"], answer["errmsg"] = errors.TEXTS[word]
    if retry_after is not None:
        answer["retry_after"] = max(1, math.ceil(retry_after))
    return _dump(answer, ok=False, boolean=boolean)


def _dump(answer: dict[str, Any], *, ok: bool, boolean: bool) -> bytes:
    if boolean:  # a person with curl, most likely: in lines, as in the documentation
        answer["result"] = ok
        return orjson.dumps(answer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    answer["result"] = "OK" if ok else "FAIL"
    return orjson.dumps(answer)
