"""The store of several processes on a Redis Cluster.

A script works on keys of one slot, but the counters of a call belong to people, addresses and
prefixes that combine freely. So a call takes several steps, each atomic in its slot:

1. Look at all windows; count those of ``count``, mostly the address that asks.
2. Count those that others share, before what they are counted for is done.
3. Do it: a code is compared, paid for with a try and leased in one step.
4. Take back what was counted for nothing.

So no limit is ever exceeded, and who is limited by one window does not fill others for a moment.
Where a step fails or its answer is lost, a window may have counted too much, never too little.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from gateway.stores import (
    WRONG,
    Limited,
    Pending,
    Started,
    StoreUnavailable,
    Verdict,
    Window,
)
from gateway.stores._claims import Claims, both, by_slot, settled
from gateway.stores._cluster import Cluster, heard
from gateway.stores._one_slot import OneSlot
from gateway.stores._pipeline import Pipeline
from gateway.stores._redis_url import Address, RedisUrl, connection_pool
from gateway.stores._slots import tags

NAME: Final = "redis cluster"

T = TypeVar("T")


class ClusterStore:
    """See ``Store``."""

    def __init__(self, cluster: Cluster, *, timeout: float) -> None:
        self._cluster = cluster
        self._slot = OneSlot(cluster, NAME)
        self._timeout = timeout
        self._calls: set[asyncio.Task[Any]] = set()
        self._stragglers: set[asyncio.Task[None]] = set()

    @classmethod
    def connect(cls, url: RedisUrl, *, timeout: float) -> ClusterStore:
        """See ``open_store``."""

        def node(address: Address) -> Pipeline:
            pool = connection_pool(address, url.login, connections=1, connect_timeout=timeout / 2)
            return Pipeline(pool, name=f"redis {address}", timeout=timeout)

        return cls(Cluster(url.addresses, node, name=NAME, timeout=timeout), timeout=timeout)

    async def start(
        self,
        key: bytes,
        pending: Pending,
        *,
        count: Sequence[Window],
        check: Sequence[Window],
        spend: Sequence[Window],
    ) -> Started | Limited:
        """See ``Store``."""

        async def steps(claims: Claims) -> Started | Limited:
            (counted, checked, spent), waiting = await both(
                settled((claims.claim(count), claims.look(check), claims.look(spend))),
                self._slot.peek(key),
            )
            limited = counted or checked
            if limited is None and waiting is not None:
                claims.keep(count)
                return waiting
            limited = limited or spent or await claims.claim(spend)
            if limited is not None:
                return limited
            claims.in_time()
            claims.keep(count)
            return await self._start(key, pending, spend, claims)

        return await self._call(steps)

    async def _start(
        self, key: bytes, pending: Pending, spend: Sequence[Window], claims: Claims
    ) -> Started | Limited:
        try:
            started = await self._slot.start(key, pending, count=(), check=(), spend=())
        except StoreUnavailable:
            claims.keep(spend)  # it may be done all the same
            raise
        if isinstance(started, Started) and started.deliver:  # unless somebody else was faster
            claims.keep(spend)
        return started

    async def read(self, key: bytes) -> bytes | None:
        """See ``Store``."""
        return await self._call(lambda _: self._slot.read(key))

    async def withdraw(self, key: bytes, *, fresh: bool, spent: Sequence[Window]) -> None:
        """See ``Store``."""

        async def steps(_: Claims) -> None:
            await settled(
                [
                    self._slot.withdraw(key, fresh=fresh, spent=()),
                    *map(self._slot.uncount, by_slot(spent)),
                ]
            )

        await self._call(steps)

    async def take(
        self,
        key: bytes,
        digest: bytes,
        *,
        lease: bytes,
        lease_ms: int,
        count: Sequence[Window],
        failures: Sequence[Window],
    ) -> Verdict | Limited:
        """See ``Store``."""

        async def steps(claims: Claims) -> Verdict | Limited:
            # Reading tells whether the challenge can be reached, before a failure is counted.
            (counted, failed), _ = await both(
                settled((claims.claim(count), claims.look(failures))), self._slot.read(key)
            )
            limited = counted or failed or await claims.claim(failures)
            if limited is not None:
                return limited
            claims.in_time()
            claims.keep(count)
            try:
                verdict = await self._slot.take(
                    key, digest, lease=lease, lease_ms=lease_ms, count=(), failures=()
                )
            except StoreUnavailable:
                claims.keep(failures)  # it may have been tried all the same
                raise
            if verdict == WRONG:
                claims.keep(failures)
            return verdict

        return await self._call(steps)

    async def finish(self, key: bytes, lease: bytes, *, forget: Sequence[Window]) -> bool:
        """See ``Store``."""

        async def steps(claims: Claims) -> bool:
            finished = await self._slot.finish(key, lease, forget=())
            if finished:
                await claims.afterwards(self._forget(forget))
            return finished

        return await self._call(steps)

    async def release(self, key: bytes, lease: bytes) -> None:
        """See ``Store``."""
        await self._call(lambda _: self._slot.release(key, lease))

    async def count(self, windows: Sequence[Window]) -> Limited | None:
        """See ``Store``."""

        async def steps(claims: Claims) -> Limited | None:
            limited = None
            if len(by_slot(windows)) > 1:  # otherwise one step does it all
                limited = await claims.look(windows)
            limited = limited or await claims.claim(windows)
            if limited is None:
                claims.keep(windows)
            return limited

        return await self._call(steps)

    async def uncount(self, windows: Sequence[Window], by: int = 1) -> None:
        """See ``Store``."""

        async def steps(_: Claims) -> None:
            await settled(self._slot.uncount(group, by) for group in by_slot(windows))

        await self._call(steps)

    async def forget(self, windows: Sequence[Window]) -> None:
        """See ``Store``."""
        await self._call(lambda _: self._forget(windows))

    async def _forget(self, windows: Sequence[Window]) -> None:
        await settled(map(self._slot.forget, by_slot(windows)))

    async def open(self) -> None:
        """See ``Store``."""
        with contextlib.suppress(StoreUnavailable):
            await self.ping()

    async def ping(self) -> None:
        """See ``Store``. All slots must be served, and every node that does so must answer."""

        async def steps(_: Claims) -> None:
            await self._cluster.learn()
            if None in self._cluster.owners:
                raise StoreUnavailable(f"{NAME}: some slots are served by no node")
            await settled(map(self._slot.try_out, tags(self._cluster.owners).values()))

        await self._call(steps)

    async def close(self) -> None:
        """See ``Store``."""
        while tasks := self._calls | self._stragglers:
            await asyncio.wait(tasks)
        await self._cluster.close()

    async def _call(self, steps: Callable[[Claims], Coroutine[Any, Any, T]]) -> T:
        """Take the steps of a call, in time.

        Whether or not somebody still waits for them, they are brought to an end, so that what they
        have counted is taken back where it should be.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        task = asyncio.create_task(self._carry_out(steps, deadline))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        task.add_done_callback(heard)
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(task)
        except TimeoutError:
            raise StoreUnavailable(f"{NAME}: no answer within {self._timeout:g} s") from None

    async def _carry_out(
        self, steps: Callable[[Claims], Coroutine[Any, Any, T]], deadline: float
    ) -> T:
        async with Claims(self._slot, deadline, self._stragglers) as claims:
            return await steps(claims)
