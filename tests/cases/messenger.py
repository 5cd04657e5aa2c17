"""A messenger app in front of a gateway."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.cases.configuration import ANDROID
from tests.servers.gateway import GatewayProcess, Headers, Reply, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor
from tests.servers.stock_clients import check_reply

Answer = dict[str, Any]


class Messenger:
    """Sends what the apps send; every reply must be one that all stock apps can read."""

    def __init__(self, gateway: GatewayProcess, mesibo: MesiboCloud, sms: SmsVendor) -> None:
        self.gateway = gateway
        self.mesibo = mesibo
        self.sms = sms

    def send(
        self,
        body: Mapping[str, Any] | bytes | str,
        headers: Headers | None = None,
        path: str = "/",
        *,
        method: str = "POST",
        status: int = 200,
        op_login: bool = True,
        boolean: bool = False,
        second_step: bool = False,
    ) -> Reply:
        """Send one request and return its reply. The flags are those of ``check_reply``."""
        reply = post(self.gateway.url, body, headers, path, method)
        check(reply, status, op_login=op_login, boolean=boolean, second_step=second_step)
        return reply

    def login(self, **fields: Any) -> Answer:
        """Log in as the Android app does; ``fields`` add to or replace what it sends."""
        request = {"op": "login", "appid": ANDROID, "dt": "1", **fields}
        otp = fields.get("otp", fields.get("code"))
        second_step = otp is not None and str(otp).strip() != ""
        answer: Answer = self.send(request, second_step=second_step).json
        return answer

    def code_for(self, number: str, **fields: Any) -> str:
        """Take the first step for a number and return the code that it got."""
        sent = self.sms.count(number)
        assert self.login(phone=number, **fields)["result"] == "OK"
        return self.sms.code_for(number, at_least=sent + 1)

    def useradds(self, address: str) -> list[dict[str, Any]]:
        """Return the users of that address that mesibo was asked to add, in order."""
        users = [call.json["user"] for call in self.mesibo.calls if call.body]
        return [user for user in users if user["address"] == address]

    def tokens(self, address: str) -> list[str]:
        """Return the tokens that mesibo made for that address."""
        return [minted.token for minted in self.mesibo.minted if minted.address == address]


def check(
    reply: Reply,
    status: int = 200,
    *,
    op_login: bool = True,
    boolean: bool = False,
    second_step: bool = False,
) -> None:
    """Hold a reply to what holds for all replies."""
    assert reply.status == status, reply
    assert reply.header("Content-Type") == "application/json; charset=utf-8"
    complaints = check_reply(
        reply.body, op_login=op_login, boolean_expected=boolean, second_step=second_step
    )
    assert complaints == [], reply
    assert abs(reply.json["ts"] - time.time()) < 5


def another(code: str) -> str:
    """Return a code of the same length that is not this one."""
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
