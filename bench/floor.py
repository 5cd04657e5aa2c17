"""The stock floor: the least code that does a phone login with the usual libraries.

aiohttp's server and client, orjson, redis-py's default pool with one script for each step, an HMAC
of the code. No logs, no metrics, no checks of what comes in, no limits but one counter. What the
gateway costs is told as a ratio to this.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import sys
import time
from typing import Any, Final

import aiohttp
import orjson
import redis.asyncio
import uvloop
from aiohttp import web

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


class Floor:
    """The two steps of a login."""

    def __init__(
        self, store: redis.asyncio.Redis, session: aiohttp.ClientSession, upstream: str
    ) -> None:
        self._store = store
        self._session = session
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
        body = orjson.dumps(document)
        async with self._session.post(self._upstream + path, data=body, headers=JSON) as response:
            return orjson.loads(await response.read())


def proof(phone: str, code: str) -> bytes:
    return hmac.digest(KEY, f"{phone}|{code}".encode(), "sha256")


async def static(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=STATIC, content_type="application/json")


async def serve(redis_url: str, upstream: str) -> None:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=5, connect=2),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    async with redis.asyncio.from_url(redis_url) as store, session:
        floor = Floor(store, session, upstream)
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
