"""A stand-in for mesibo's backend API, which cannot run here.

The wire is that of https://docs.mesibo.com/api/backend-api/ (JSON both ways) and
https://docs.mesibo.com/api/backend-api/user-management (``useradd``); the shape of a reply is that
of mesibo's first-app tutorial. Of the error names only BADOP, MISSINGPARA and TOKENBREACH have a
public source; BADTOKEN for a wrong app token is an assumption, and so is HTTP 200 for refusals.
"""

from __future__ import annotations

import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from tests.servers.http_fake import Answer, Call, HttpFake

APP_TOKEN = "ptlk9hdel1gqxf3p0s15f5f5gtusldej18tl794suzit"  # the documentation's example
FIRST_UID = 5302


class Minted(NamedTuple):
    """A user token that mesibo has made: whose, for which app, and the token."""

    address: str
    appid: str
    token: str


def _with_token(token: object) -> Callable[[Answer[Minted]], Answer[Minted]]:
    def change(sound: Answer[Minted]) -> Answer[Minted]:
        return replace(sound, body={**sound.body, "user": {"uid": str(FIRST_UID), "token": token}})

    return change


def _with(**changes: object) -> Callable[[Answer[Minted]], Answer[Minted]]:
    return lambda sound: replace(sound, body={**sound.body, **changes})


class MesiboCloud(HttpFake[Minted]):
    """The backend API. ``fail`` takes the names below and those of ``http_faults``.

    =================  ====================================================================
    ``false``          the documented refusal, TOKENBREACH: too many addresses use the token
    ``false_token``    ``result: false``, and a token all the same
    ``string_true``    the sound answer, but ``result`` is the string "true"
    ``no_result``      the sound answer without ``result``
    ``no_user``        ``result: true`` and nothing about the user
    ``string_user``    ``user`` is a string
    ``no_token``       ``user`` without a token
    ``null_token`` ``number_token`` ``empty_token``  what they say
    ``short_token``    16 characters, one too few for the web client
    =================  ====================================================================
    """

    path = "/backend/"
    failures: ClassVar[Mapping[str, Callable[[Answer[Any]], Answer[Any]]]] = {
        "false": lambda sound: replace(sound, body=_refusal(sound.body["op"], "TOKENBREACH").body),
        "false_token": _with(result=False),
        "string_true": _with(result="true"),
        "no_result": lambda sound: replace(
            sound, body={key: sound.body[key] for key in sound.body if key != "result"}
        ),
        "no_user": lambda sound: replace(sound, body={"op": sound.body["op"], "result": True}),
        "string_user": _with(user=str(FIRST_UID)),
        "no_token": _with(user={"uid": str(FIRST_UID)}),
        "null_token": _with_token(None),
        "empty_token": _with_token(""),
        "number_token": _with_token(123456789012345678901234567890),
        "short_token": _with_token("0123456789abcdef"),
    }

    def __init__(self, app_token: str = APP_TOKEN, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.app_token = app_token
        self._uids: dict[str, str] = {}

    @property
    def minted(self) -> list[Minted]:
        """Every token that was made, in order, also where the answer was lost."""
        return self.effects

    def answer(self, call: Call) -> Answer[Minted]:
        try:
            request = json.loads(call.body)
        except ValueError:
            request = None
        if call.method != "POST" or not isinstance(request, dict):
            return _refusal(None, "BADOP")
        op = request.get("op")
        answer = self._operate(op, request)
        if isinstance(request.get("id"), int):  # an optional number that comes back
            answer = replace(answer, body={**answer.body, "id": request["id"]})
        return answer

    def _operate(self, op: object, request: dict[str, Any]) -> Answer[Minted]:
        if request.get("token") != self.app_token:
            return _refusal(op, "BADTOKEN")
        if op != "useradd":
            return _refusal(op, "BADOP")
        user = request.get("user")
        if not isinstance(user, dict) or not _text(user.get("address")):
            return _refusal(op, "MISSINGPARA")
        return self._useradd(user)

    def _useradd(self, user: dict[str, Any]) -> Answer[Minted]:
        """Add the user or, if there is one of that address, give them a new token."""
        address = user["address"]
        uid = self._uids.setdefault(address, str(FIRST_UID + len(self._uids)))
        wanted = user.get("token")
        if wanted is None:  # documented: a token is made only if it is asked for
            return Answer({"user": {"uid": uid}, "op": "useradd", "result": True})
        if not isinstance(wanted, dict) or not _text(wanted.get("appid")):
            return _refusal("useradd", "MISSINGPARA")
        token = secrets.token_hex(24)
        return Answer(
            {"user": {"uid": uid, "token": token}, "op": "useradd", "result": True},
            effect=Minted(address, wanted["appid"], token),
        )


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _refusal(op: object, error: str) -> Answer[Minted]:
    return Answer({"op": op, "result": False, "error": error})
