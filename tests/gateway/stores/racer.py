"""One of the processes of ``test_races``: URL, what to do, how often at once."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from gateway.stores import Limited, Store, open_store
from tests.gateway.stores.values import start, try_code, window, wrong

FAILURES = window("failures", limit=100)


async def one(store: Store, what: str, number: int) -> str:
    if what == "start":
        return "delivered" if (await start(store)).deliver else "pending"
    if what == "wrong":
        result = await try_code(store, wrong(number), failures=[FAILURES])
        return "limited" if isinstance(result, Limited) else "wrong"
    result = await try_code(store, lease=os.urandom(8))
    if isinstance(result, Limited):
        return "limited"
    return "leased" if result.leased else "busy" if result.busy else "wrong"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(url: str, what: str, times: int) -> None:
    store = open_store(url)
    await store.open()
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    say(json.dumps(await asyncio.gather(*(one(store, what, n) for n in range(times)))))
    await store.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
