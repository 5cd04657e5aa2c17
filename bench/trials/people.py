"""People who sign in, each in one of four ways, as patient and as impatient as people are.

An app that hears ``UNAVAILABLE``, or nothing, asks again with the same code or credential. Who gets
no message asks for another. One in fifty sends the code twice at once: one token may come of it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from bench.gateway import APP
from bench.trials import tokens
from bench.trials.client import Client, Failed
from bench.trials.identity_provider import IdentityProvider
from bench.trials.ledger import ID_TOKEN, UNAVAILABLE, WELL, Ledger, Request, SignIn
from bench.trials.mailbox import Mailbox
from tests.servers.slapd import Person, numbered

PATIENCE: Final = 90.0  # seconds from the first request; then a sign-in has failed
AGAIN: Final = 1.0  # seconds until the first repetition; doubled for each further one
SELDOM: Final = 16.0  # seconds at most; or as long as the gateway says, if that is longer
SPREAD: Final = 0.5  # of that at most on top, so that not all come back at once
TWICE: Final = 0.02  # of those who have a code send it twice at once
KEEPING: Final = 0.67  # of the requests come over a connection that is kept
BADOTP: Final = "BADOTP"
REJECTED: Final = (BADOTP, "BADLOGIN")
PHONES_FROM: Final = 1415_0000000
WAYS: Final = {"phone": 70, "mail": 8, "password": 15, ID_TOKEN: 7}  # of 100 people


class Answer(NamedTuple):
    """What a request led to. ``word``: ``WELL``, or what it failed with."""

    word: str
    fields: dict[str, Any]

    @property
    def final(self) -> bool:
        """Whether asking again is of no use. Only the gateway's own words are so."""
        return self.word == WELL or (self.word.isupper() and self.word != UNAVAILABLE)


class _Sent(NamedTuple):
    answer: Answer
    at: float  # monotonic seconds
    seconds: float


class People:
    """Signs people in, one after the other or many at once."""

    def __init__(
        self,
        client: Client,
        mailbox: Mailbox,
        idp: IdentityProvider,
        ledger: Ledger,
        accounts: int,
        thinking: float,
    ) -> None:
        self.ledger = ledger
        self._client = client
        self._mailbox = mailbox
        self._idp = idp
        self._thinking = thinking  # seconds at most to read a code and type it
        self._numbers = itertools.count()
        self._random = random.Random(7)
        self._ways = self._random_ways()
        self._accounts = accounts

    def _random_ways(self) -> Iterator[str]:
        while True:
            yield from self._random.choices([*WAYS], [*WAYS.values()], k=1000)

    async def sign_in(self) -> None:
        """One person more."""
        number, way = next(self._numbers), next(self._ways)
        match way:
            case "phone":
                await self._by_code(way, "phone", str(PHONES_FROM + number))
            case "mail":
                await self._by_code(way, "email", f"person{number}@example.com")
            case "password":
                await self._by_password(numbered(number * 7919 % self._accounts))
            case _:
                subject, token = self._idp.token(number)
                await self._by_proof(SignIn(way, f"idp:{subject}"), {"id_token": token})

    async def _by_password(self, person: Person) -> None:
        fields = {"username": person.uid, "password": person.password}
        await self._by_proof(SignIn("password", None), fields)

    async def _by_proof(self, sign_in: SignIn, fields: dict[str, str]) -> None:
        sign_in.proven = True
        await self._prove(sign_in, fields, time.monotonic() + PATIENCE)
        self._close(sign_in)

    async def _by_code(self, way: str, field: str, address: str) -> None:
        sign_in = SignIn(way, address)
        deadline = time.monotonic() + PATIENCE
        code = await self._code(sign_in, {field: address}, deadline)
        if code is not None:
            sign_in.proven = True
            await asyncio.sleep(self._random.uniform(0, self._thinking))
            fields = {field: address, "otp": code}
            twice = self._random.random() < TWICE
            if not (twice and await self._prove_twice(sign_in, fields)):
                await self._prove(sign_in, fields, deadline)
        self._close(sign_in)

    def _close(self, sign_in: SignIn) -> None:
        sign_in.ended = time.monotonic()
        self.ledger.close(sign_in)

    async def _code(self, sign_in: SignIn, fields: dict[str, str], deadline: float) -> str | None:
        """Ask for a code until one comes."""
        [address] = fields.values()
        with self._mailbox.of(address) as code:
            while time.monotonic() < deadline:
                answer = await self._insist(sign_in, fields, deadline)
                if answer.word != WELL:
                    break
                until_next = answer.fields["challenge"]["resend_after"] * (1 + SPREAD)
                done, _ = await asyncio.wait([code], timeout=until_next)
                if done:
                    return code.result()
        return None

    async def _prove(self, sign_in: SignIn, fields: dict[str, str], deadline: float) -> None:
        answer = await self._insist(sign_in, fields, deadline)
        if answer.word == WELL:
            _receive(sign_in, answer)
        sign_in.rejected = answer.word in REJECTED

    async def _prove_twice(self, sign_in: SignIn, fields: dict[str, str]) -> bool:
        """Send it twice at once; return whether a token came of it. One has to be refused then."""
        body = _login(fields)
        both = await asyncio.gather(self._send(body), self._send(body))
        signed_in = [sent.answer for sent in both if sent.answer.word == WELL]
        for answer in signed_in:
            _receive(sign_in, answer)
        for sent in both:
            beaten = signed_in and sent.answer.word in (BADOTP, UNAVAILABLE)
            self._note(sent._replace(answer=signed_in[0]) if beaten else sent, first=True)
        sign_in.troubled |= not signed_in
        return bool(signed_in)

    async def _insist(self, sign_in: SignIn, fields: dict[str, str], deadline: float) -> Answer:
        """Ask until there is an answer; the last one counts."""
        body = _login(fields)
        answer = self._note(await self._send(body), first=True)
        pause = AGAIN
        while not answer.final:
            sign_in.troubled = True
            wait = max(pause, answer.fields.get("retry_after", 0.0))
            wait *= self._random.uniform(1, 1 + SPREAD)
            if time.monotonic() + wait > deadline:
                break
            await asyncio.sleep(wait)
            pause = min(pause * 2, SELDOM)
            answer = self._note(await self._send(body), first=False)
        return answer

    async def _send(self, body: bytes) -> _Sent:
        at = time.monotonic()
        try:
            keep = self._random.random() < KEEPING
            answer = _read(await self._client.post(body, keep=keep))
        except Failed as failure:
            answer = Answer(str(failure), {})
        return _Sent(answer, at, time.monotonic() - at)

    def _note(self, sent: _Sent, *, first: bool) -> Answer:
        request = Request(sent.at, sent.seconds, sent.answer.word, first)
        self.ledger.requests.add(request)
        return sent.answer


def _receive(sign_in: SignIn, answer: Answer) -> None:
    sign_in.tokens += 1
    address, token = answer.fields["address"], answer.fields["token"]
    if sign_in.address not in (None, address) or not tokens.belongs(token, address):
        sign_in.strange += 1


def _login(fields: dict[str, str]) -> bytes:
    return orjson.dumps({"op": "login", "appid": APP, **fields, "dt": "1"})


def _read(body: bytes) -> Answer:
    fields = orjson.loads(body)
    return Answer(WELL if fields["result"] == "OK" else fields["error"], fields)
