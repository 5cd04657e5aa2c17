"""What the messenger apps in the field can read, as a check of one reply.

The apps are mesibo's open-source ones, unmodified: Android (Java and Kotlin: Gson into a class with
typed fields), iOS in Objective-C and in Swift, the web messenger in JavaScript, and the
conferencing apps. A wrong type makes some crash and others show "No Internet Connection".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

BUFFER = 64 * 1024  # bytes that the apps' HTTP library keeps of a response

ANDROID_STRINGS = (
    *("result", "op", "error", "errmsg", "errtitle", "title", "message", "token", "phone"),
    *("name", "status", "photo", "members", "cc", "tn"),
)
ANDROID_LONGS = ("ts", "gid")
ANDROID_INTS = ("type", "profile")
IOS_STRINGS = ("op", "error", "errmsg", "errtitle", "token", "phone", "invite")
URLS = ("upload", "download")
SHARE = ("text", "subject", "title")

Reply = dict[str, Any]


def check_reply(
    body: bytes, *, op_login: bool, boolean_expected: bool = False, second_step: bool = False
) -> list[str]:
    """Return what the apps would stumble over in a reply, a line each; none if it is fine.

    ``op_login``: it answers a login, otherwise a logout or an unknown op. ``boolean_expected``: it
    goes to a caller that wants ``true`` and ``false``, which no app does. ``second_step``: the
    request had a code.
    """
    try:
        reply = _parse(body)
    except ValueError as error:
        return [f"every app: {error}"]
    if len(body) > BUFFER:
        return [f"native apps: {len(body)} bytes are more than their buffer"]
    complaints = [*_result(reply, boolean_expected)]
    if boolean_expected and isinstance(reply.get("result"), bool):
        reply = {**reply, "result": "OK" if reply["result"] else "FAIL"}
    for client in (_android, _objective_c, _swift, _javascript, _conferencing):
        complaints += client(reply, op_login)
    complaints += _steps(reply, op_login, second_step)
    return complaints


def _parse(body: bytes) -> Reply:
    """Read strict JSON, as iOS and browsers do. Raises ``ValueError``."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    reply = json.loads(body.decode("utf-8"), parse_constant=refuse)  # a BOM is refused too
    if not isinstance(reply, dict):
        raise ValueError(f"not an object: {type(reply).__name__}")
    return reply


def _result(reply: Reply, boolean_expected: bool) -> Iterator[str]:
    result = reply.get("result")
    if boolean_expected:
        if not isinstance(result, bool):
            yield f"caller: result is {result!r}, not a boolean"
    elif isinstance(result, bool):
        yield f"ios-objc: result {result!r} is not a string: crash; every app: login fails"
    elif result not in ("OK", "FAIL"):
        yield f"every app: result is {result!r}, neither OK nor FAIL"


def _android(reply: Reply, op_login: bool) -> Iterator[str]:
    """SampleAPI.java: Gson refuses the whole reply for one field of a wrong type."""
    for name in ANDROID_STRINGS:
        if not _gson_string(reply.get(name)):
            yield f"android: {name} is no string: reply rejected"
    for name, bits in [*((n, 64) for n in ANDROID_LONGS), *((n, 32) for n in ANDROID_INTS)]:
        if not _gson_integer(reply.get(name), bits):
            yield f"android: {name} is {reply[name]!r}, no integer of {bits} bits: reply rejected"
    for name, members in ("urls", URLS), ("share", SHARE):
        value = reply.get(name)
        if value is not None and not isinstance(value, dict):
            yield f"android: {name} is no object: reply rejected"
        elif value and not all(_gson_string(value.get(member)) for member in members):
            yield f"android: {name} has a member that is no string: reply rejected"
    if not isinstance(reply.get("contacts", []), list | None):
        yield "android: contacts is no array: reply rejected"
    if reply.get("op") is None:
        yield "android: no op: crash"
    if reply.get("result") is None:
        yield "android: no result: crash"
    if not isinstance(reply.get("ts"), int) or isinstance(reply.get("ts"), bool):
        yield "android: ts is not whole seconds"
    if reply.get("result") == "FAIL" and not reply.get("error"):
        yield "android 2019-2020: FAIL without error: crash"
    if reply.get("errmsg") == "":
        yield "android: an empty errmsg is shown as an alert"
    if op_login and _authfail(reply, str.upper):
        yield "android: AUTHFAIL on the login screen: crash"
    if reply.get("token") is not None:
        yield from _android_signed_in(reply)


def _android_signed_in(reply: Reply) -> Iterator[str]:
    share, urls = reply.get("share"), reply.get("urls")
    if not isinstance(share, dict) or any(share.get(member) is None for member in SHARE):
        yield f"android: signed in without share {SHARE}: the Share menu crashes"
    if not isinstance(urls, dict) or any(urls.get(member) is None for member in URLS):
        yield f"android: signed in without urls {URLS}: no file transfer"
    if not reply.get("phone"):
        yield "android: signed in without phone: the app does not know its own number"


def _gson_string(value: object) -> bool:
    """Gson's TypeAdapters.STRING: numbers and booleans become text, null stays null."""
    return not isinstance(value, dict | list)


def _gson_integer(value: object, bits: int) -> bool:
    """Gson's LONG and INTEGER: also as text, also as 123.0; a null leaves the field alone."""
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        number = float(value)
        return number.is_integer() and -(2 ** (bits - 1)) <= int(number) < 2 ** (bits - 1)
    except (ValueError, OverflowError):
        return False


def _objective_c(reply: Reply, op_login: bool) -> Iterator[str]:
    """SampleAPI.m: sends string messages to whatever is there; null counts as absent."""
    for name in IOS_STRINGS:
        value = reply.get(name)
        if value is not None and not isinstance(value, str):
            yield f"ios-objc: {name} is no string: crash"
    for name, members in ("urls", URLS), ("notice", ("title", "desc")):
        value = reply.get(name)
        if value is not None and not isinstance(value, dict):
            yield f"ios-objc: {name} is no dictionary: crash"
        elif value and not all(isinstance(value.get(m), str | None) for m in members):
            yield f"ios-objc: {name} has a member that is no string"
    if not reply.get("op"):
        yield "ios-objc: no op: the screen waits for ever"
    if reply.get("token") is not None and not isinstance(reply.get("invite"), str):
        yield "ios-objc: signed in without invite: Invite has no text"
    if op_login and _authfail(reply, str):
        yield "ios-objc: AUTHFAIL throws the person back to the first screen"


def _swift(reply: Reply, op_login: bool) -> Iterator[str]:
    """SampleAPI.swift: optional casts, so a wrong type counts as absent."""
    if _authfail(reply, str):
        yield "ios-swift: AUTHFAIL: crash"
    if "ts" not in reply:
        yield "ios-swift 2021: no ts: crash"
    if op_login and reply.get("op") != "login":
        yield f"ios-swift: op is {reply.get('op')!r}, not 'login': nothing happens"


def _javascript(reply: Reply, op_login: bool) -> Iterator[str]:
    """login/login.js: ``token.length > 16``; a reply without ``result`` shows nothing."""
    token = reply.get("token")
    if token is not None and (not isinstance(token, str) or len(token) <= 16):
        yield "javascript: token is not longer than 16 characters: refused"


def _conferencing(reply: Reply, op_login: bool) -> Iterator[str]:
    """live-demo/scripts/login.js writes ``message`` with innerHTML; ``delay`` is a number."""
    for name in ("title", "message"):
        if "<" in str(reply.get(name, "")):
            yield f"conferencing: {name} is shown as HTML"
    delay = reply.get("delay", 0)
    if isinstance(delay, bool) or not isinstance(delay, int | float):
        yield "conferencing: delay is no number"


def _steps(reply: Reply, op_login: bool, second_step: bool) -> Iterator[str]:
    """Rules that hold for all apps together."""
    ok, token = reply.get("result") == "OK", reply.get("token")
    if not ok and token is not None:
        yield "every app: a token in a refusal"
    if second_step and ok and op_login and not token:
        yield "every app: the code was right, but there is no token: stuck"
    if second_step and reply.get("errmsg") is not None:
        yield "android: errmsg in the second step: its waiting dialog stays"
    if not op_login and reply.get("op") == "logout" and not ok:
        yield "native apps: logout refused: the person stays signed in"


def _authfail(reply: Reply, case: Callable[[str], str]) -> bool:
    error = reply.get("error")
    return isinstance(error, str) and case(error) == "AUTHFAIL"
