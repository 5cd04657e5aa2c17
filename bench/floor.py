"""The floors: the least code that does a phone login.

aiohttp's server, orjson, one script of Redis for each step, an HMAC of the code. No logs, no
metrics, no checks of what comes in, no limits but one counter. The *stock* floor has the usual
clients, redis-py's default pool and aiohttp's; the *lean* one those of ``lean``. What the gateway
costs is told as a ratio to these.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, NamedTuple, Protocol

import aiohttp
import orjson
import redis.asyncio
import uvloop
from aiohttp import web

from bench import lean

KEY: Final = b"k" * 32
JSON: Final = {"Content-Type": "application/json"}
STATIC: Final = b'{"op":"login","ts":1700000000,"result":"OK","message":"A code was sent."}'

STORE: Final = """
local sent = redis.call('INCR', KEYS[2])
if sent == 1 then redis.call('PEXPIRE', KEYS[2], 3600000) end
redis.call('HSET', KEYS[1], 'proof', ARGV[1], 'tries', 5)
redis.call('PEXPIRE', KEYS[1], 600000)
return sent
"""
VERIFY: Final = """
local proof = redis.call('HGET', KEYS[1], 'proof')
if not proof or redis.call('HINCRBY', KEYS[1], 'tries', -1) < 0 or proof ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
"""


class Scripts(Protocol):
    """A client of Redis."""

    def script_load(self, text: str) -> Awaitable[str]: ...

    def evalsha(self, sha: str, keys: int, /, *words: Any) -> Awaitable[Any]: ...


class Http(Protocol):
    """A client of the upstream."""

    def post(self, path: str, body: bytes) -> Awaitable[bytes]: ...


class StockHttp(NamedTuple):
    """aiohttp's."""

    session: aiohttp.ClientSession
    url: str

    async def post(self, path: str, body: bytes) -> bytes:
        async with self.session.post(self.url + path, data=body, headers=JSON) as response:
            return await response.read()


class Floor:
    """The two steps of a login."""

    def __init__(self, store: Scripts, upstream: Http) -> None:
        self._store = store
        self._upstream = upstream
        self._store_script = ""
        self._verify_script = ""

    async def open(self) -> None:
        self._store_script = await self._store.script_load(STORE)
        self._verify_script = await self._store.script_load(VERIFY)

    async def login(self, request: web.Request) -> web.Response:
        call = orjson.loads(await request.read())
        phone, code = call["phone"], call.get("otp")
        answer: dict[str, Any] = {"op": "login", "ts": int(time.time()), "result": "OK"}
        if code is None:
            await self._send(phone)
        elif await self._right(phone, code):
            answer |= {"token": await self._issue(phone, call["appid"]), "phone": phone}
        else:
            answer["result"] = "FAIL"
        return web.Response(body=orjson.dumps(answer), content_type="application/json")

    async def _send(self, phone: str) -> None:
        code = f"{secrets.randbelow(10**6):06}"
        keys = (f"otp:{phone}", f"sent:{phone}")
        await self._store.evalsha(self._store_script, 2, *keys, proof(phone, code))
        await self._post(
            "/sms", {"to": phone, "text": f"{code} is your verification code.", "code": code}
        )

    async def _right(self, phone: str, code: str) -> bool:
        args = (f"otp:{phone}", proof(phone, code))
        return bool(await self._store.evalsha(self._verify_script, 1, *args))

    async def _issue(self, phone: str, app: str) -> str:
        user = {"address": phone, "token": {"appid": app, "expiry": 525600}}
        reply = await self._post("/backend/", {"op": "useradd", "token": "x" * 64, "user": user})
        token: str = reply["user"]["token"]
        return token

    async def _post(self, path: str, document: dict[str, Any]) -> Any:
        return orjson.loads(await self._upstream.post(path, orjson.dumps(document)))


def proof(phone: str, code: str) -> bytes:
    return hmac.digest(KEY, f"{phone}|{code}".encode(), "sha256")


async def static(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=STATIC, content_type="application/json")


@contextlib.asynccontextmanager
async def stock(redis_url: str, upstream: str) -> AsyncIterator[Floor]:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=5, connect=2),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    async with redis.asyncio.from_url(redis_url) as store, session:
        yield Floor(store, StockHttp(session, upstream))


@contextlib.asynccontextmanager
async def leanest(redis_url: str, upstream: str) -> AsyncIterator[Floor]:
    yield Floor(await lean.Redis.connect(redis_url), lean.Http(upstream))


async def serve(kind: str, redis_url: str, upstream: str) -> None:
    clients = stock if kind == "stock" else leanest
    async with clients(redis_url, upstream) as floor:
        await floor.open()
        app = web.Application()
        app.add_routes([web.post("/", floor.login), web.post("/static", static)])
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=75)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        await site.start()
        print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
