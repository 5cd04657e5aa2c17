"""Logins over the wire, as apps make them: ask for a code, read the message, type the code."""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple
from urllib.request import urlopen

import orjson

from bench import load, visits
from bench.gateway import APP, SILENT, Gateway
from bench.load import Run
from bench.servers import Server
from bench.waiting import Waiting

CONNECTIONS: Final = 32
ARRIVED_WITHIN: Final = 3.0  # seconds
PHONES_FROM: Final = 1415_0000000

Drive = Callable[[str, Sequence[bytes], bytes], Run]


class WrongAnswers(Exception):
    """What was measured was not what was meant."""


class Sample(NamedTuple):
    """A run, and what it did to the server."""

    run: Run
    cpu_us: float  # CPU time for each request
    bad: int  # as the load saw it, or as the gateway counted if that is worse
    outcomes: Counter[str]  # as the gateway counted; empty for the floor

    def sound(self) -> Sample:
        """Raises ``WrongAnswers``: the cost of an error says nothing about that of a login."""
        if self.bad:
            raise WrongAnswers(f"{self.bad} wrong answers; counted: {dict(self.outcomes)}")
        return self


class Journey:
    """Logins of ever new people on one server. A wrong answer fails the benchmark.

    They sign in ``by`` phone or email.
    """

    def __init__(self, server: Server, upstream: Server, by: str = "phone") -> None:
        self._server = server
        self._upstream = upstream
        self._by = by
        self._phones = itertools.count(PHONES_FROM)
        self._codes: dict[str, str] = {}

    def static(self, requests: int) -> Sample:
        """The floor's static page: what aiohttp alone costs."""
        messages = [_post(path="/static", phone=str(PHONES_FROM))] * requests
        return self._measured(_closed(CONNECTIONS), messages, b'"result":"OK"', "").sound()

    def send_codes(self, phones: int) -> Sample:
        """Step 1, for so many new phones."""
        return self._send_codes(phones, _closed(CONNECTIONS)).sound()

    def send_codes_at(self, phones: int, rate: float, connections: int) -> Sample:
        """Step 1, for so many new phones, at so many per second."""
        drive = functools.partial(load.paced, connections=connections, rate=rate)
        return self._send_codes(phones, drive).sound()

    def sign_in(self) -> Sample:
        """Step 2, for the phones of the last ``send_codes``."""
        return self._sign_in(_closed(CONNECTIONS)).sound()

    def sign_in_at(self, rate: float, connections: int) -> Sample:
        """Step 2, for the same phones, at so many per second."""
        drive = functools.partial(load.paced, connections=connections, rate=rate)
        return self._sign_in(drive).sound()

    def visit(self, phones: int, rate: float) -> tuple[Sample, Sample]:
        """Both steps, so many per second, each request over a connection of its own."""
        drive = functools.partial(visits.paced, rate=rate)
        return self._send_codes(phones, drive).sound(), self._sign_in(drive).sound()

    def both_steps(self, phones: int, connections: int) -> tuple[Sample, Sample]:
        """As fast as the server answers, over so many connections."""
        drive = _closed(connections)
        return self._send_codes(phones, drive).sound(), self._sign_in(drive).sound()

    def ask(self, logins: Sequence[dict[str, str]]) -> Sample:
        """Logins by other fields, which need no second step."""
        messages = [_post(**fields) for fields in logins]
        drive = _closed(CONNECTIONS)
        return self._measured(drive, messages, b'"token":"', "success").sound()

    def refused(self, requests: int) -> Sample:
        """Logins to an app that is not admitted: nobody is asked, but each has its audit line."""
        messages = [_post(appid="com.example.unknown")] * requests
        return self._measured(_closed(CONNECTIONS), messages, b'"BADAPP"', "bad_request").sound()

    def errors(self, phones: int, connections: int) -> int:
        """Both steps over so many connections: how many answers were wrong."""
        first = self._send_codes(phones, _closed(connections))
        return first.bad + self._sign_in(_closed(connections)).bad

    @contextlib.contextmanager
    def held(self, logins: int) -> Iterator[Callable[[], int]]:
        """Meanwhile so many logins wait for the silent vendor; yields what tells how many do.

        They are answered in the end. A vendor is waited for during 8 seconds.
        """
        assert isinstance(self._server, Gateway)
        in_flight = self._server.in_flight
        phones = itertools.islice(self._phones, logins)
        messages = [_post(phone=str(phone), provider=SILENT) for phone in phones]
        with Waiting(self._server.url, messages) as waiting:
            deadline = time.monotonic() + ARRIVED_WITHIN
            while in_flight() < logins and time.monotonic() < deadline:
                time.sleep(0.02)
            yield in_flight
            if (left := in_flight()) != logins:
                raise WrongAnswers(f"{left} logins were held instead of {logins}")
            urlopen(f"{self._upstream.url}/release").close()
            bad = sum(b'"challenge"' not in answer for answer in waiting.answers())
        if bad:
            raise WrongAnswers(f"{bad} wrong answers to logins that were held")

    def _send_codes(self, phones: int, drive: Drive) -> Sample:
        numbers = itertools.islice(self._phones, phones)
        messages = [_post(**{self._by: self._address(number)}) for number in numbers]
        sample = self._measured(drive, messages, b'"result":"OK"', "challenge")
        with urlopen(f"{self._upstream.url}/codes") as answer:
            self._codes = orjson.loads(answer.read())
        return sample._replace(bad=max(sample.bad, phones - len(self._codes)))

    def _sign_in(self, drive: Drive) -> Sample:
        messages = [_post(**{self._by: to, "otp": code}) for to, code in self._codes.items()]
        return self._measured(drive, messages, b'"token":"', "success")

    def _measured(
        self, drive: Drive, messages: Sequence[bytes], good: bytes, outcome: str
    ) -> Sample:
        before = self._outcomes()
        cpu = self._server.cpu_seconds()
        run = drive(self._server.url, messages, good)
        cpu = self._server.cpu_seconds() - cpu
        counted = self._outcomes() - before
        bad = run.bad
        if isinstance(self._server, Gateway):
            bad = max(bad, len(messages) - counted[outcome])
        return Sample(run, cpu / len(messages) * 1e6, bad, counted)

    def _address(self, number: int) -> str:
        return str(number) if self._by == "phone" else f"person{number}@example.com"

    def _outcomes(self) -> Counter[str]:
        return self._server.outcomes() if isinstance(self._server, Gateway) else Counter()


def _closed(connections: int) -> Drive:
    return functools.partial(load.closed, connections=connections)


def _post(path: str = "/", **fields: str) -> bytes:
    body = orjson.dumps({"op": "login", "appid": APP, **fields, "dt": "1"})
    return (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
    )
