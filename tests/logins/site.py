"""A service as its users see it: one gateway, or several on one store, and what they talk to."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.logins.configuration import PHONE
from tests.logins.crowd import Post, at_once
from tests.servers.gateway import GatewayProcess, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor
from tests.servers.stock_clients import check_reply

Answer = dict[str, Any]
Fields = Mapping[str, Any]

_HOSTS = itertools.count(1)


def fresh_client() -> str:
    """Return a network address that no other request has come from."""
    number = next(_HOSTS)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def until(reached: Callable[[], object], within: float = 5.0) -> None:
    """Poll until ``reached`` says so."""
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline, f"not reached within {within:g} s"
        time.sleep(0.01)


def wrong(code: str, count: int = 1) -> list[str]:
    """Return so many codes of the same length, none of them this one."""
    return [str((int(code) + 1 + i) % 10 ** len(code)).zfill(len(code)) for i in range(count)]


def words(answers: Iterable[Answer]) -> list[str]:
    """Return what became of each: the error word, or OK."""
    return [str(answer.get("error", answer["result"])) for answer in answers]


class Site:
    """Every request goes to the next gateway in turn; every reply must suit all stock apps."""

    def __init__(
        self, gateways: Sequence[GatewayProcess], mesibo: MesiboCloud, sms: SmsVendor
    ) -> None:
        self.gateways = gateways
        self.mesibo = mesibo
        self.sms = sms
        self._turns = itertools.cycle(gateways)

    def login(
        self, *, client: str | None = None, at: GatewayProcess | None = None, **fields: Any
    ) -> Answer:
        """Log in as the Android app does, from ``client`` or an address of its own."""
        headers = {"X-Forwarded-For": client or fresh_client()}
        request = _request(fields)
        reply = post((at or next(self._turns)).url, request, headers)
        return _answer(reply.body, request)

    def at_once(self, requests: Sequence[Fields], client: str | None = None) -> list[Answer]:
        """Log in with all of these fields in the same moment, at all gateways."""
        bodies = [_request(fields) for fields in requests]
        replies = at_once(
            [Post(next(self._turns).url, body, client or fresh_client()) for body in bodies]
        )
        return [_answer(reply, body) for reply, body in zip(replies, bodies, strict=True)]

    def code_for(self, number: str, **fields: Any) -> str:
        """Take the first step for a number and return the code that it got."""
        sent = self.sms.count(number)
        answer = self.login(phone=number, **fields)
        assert answer["result"] == "OK", answer
        return self.sms.code_for(number, at_least=sent + 1)

    def sign_in(self, number: str, **fields: Any) -> Answer:
        """Take both steps."""
        return self.login(phone=number, otp=self.code_for(number, **fields), **fields)

    def useradds(self, address: str) -> list[dict[str, Any]]:
        """Return what mesibo was asked to add under that address, in order."""
        users = [call.json["user"] for call in self.mesibo.calls if call.body]
        return [user for user in users if user["address"] == address]

    def tokens(self, address: str) -> list[str]:
        """Return the tokens that mesibo made for that address, in order."""
        return [minted.token for minted in self.mesibo.minted if minted.address == address]

    def metrics(self) -> list[str]:
        """Return the metrics of each gateway."""
        urls = [gateway.admin_url for gateway in self.gateways]
        return [post(url, path="/metrics", method="GET").body.decode() for url in urls]

    def audit(self, client: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many audit lines about a client; return all about it."""

        def lines() -> list[dict[str, Any]]:
            complete = [gateway.stderr.split("\n")[:-1] for gateway in self.gateways]
            events = [json.loads(line) for line in itertools.chain(*complete)]
            return [event for event in events if event.get("client") == client]

        until(lambda: len(lines()) >= count)
        return lines()


def _request(fields: Fields) -> dict[str, Any]:
    return {"op": "login", "appid": PHONE, "dt": "1", **fields}


def _answer(body: bytes, request: Mapping[str, Any]) -> Answer:
    otp = request.get("otp")
    second_step = otp is not None and str(otp).strip() != ""
    complaints = check_reply(body, op_login=True, boolean_expected=False, second_step=second_step)
    assert complaints == [], body
    answer: Answer = json.loads(body)
    return answer


@contextlib.contextmanager
def running(
    folder: Path, count: int, configure: Callable[[MesiboCloud, SmsVendor], Mapping[str, Any]]
) -> Iterator[Site]:
    """Run ``count`` gateways of one configuration, with upstreams of their own."""
    with contextlib.ExitStack() as stack:
        mesibo = stack.enter_context(MesiboCloud())
        sms = stack.enter_context(SmsVendor())
        gateways = []
        for index in range(count):
            own = folder / f"gateway{index}"
            own.mkdir()
            gateways.append(stack.enter_context(GatewayProcess(own, configure(mesibo, sms))))
        yield Site(gateways, mesibo, sms)
