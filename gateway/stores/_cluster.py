"""The way to the nodes of a Redis Cluster: each command goes to the node that serves its slot.

There is one pipeline for each node, so what is asked in one turn of the event loop still travels
together.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    ResponseError,
    TryAgainError,
)

from gateway.stores import StoreUnavailable
from gateway.stores._channel import Reply
from gateway.stores._pipeline import Pipeline, Word
from gateway.stores._redis_url import Address
from gateway.stores._slots import NOBODY, Owners, owners, redirected, slot_of

HOPS: Final = 20  # redirections of one command
TRY_AGAIN: Final = 0.05  # seconds until a slot that is being moved is tried again
ASKED: Final = 4  # nodes that are asked, one after the other, who serves what
SHARE: Final = 1 / 4  # of the time of a call, for each of them
PAUSE: Final = 0.2  # seconds from one such question to the next, unless the answer is waited for
MAX_NODES: Final = 1_000


class Cluster:
    """See ``Pipeline``. ``seeds`` are the nodes that are known at first."""

    def __init__(
        self,
        seeds: Sequence[Address],
        connect: Callable[[Address], Pipeline],
        *,
        name: str,
        timeout: float,
    ) -> None:
        self.owners: Owners = NOBODY.copy()
        self._seeds = seeds
        self._connect = connect
        self._name = name
        self._timeout = timeout
        self._nodes: dict[Address, Pipeline] = {}
        self._learning: asyncio.Task[None] | None = None
        self._learnt = float("-inf")  # when that began last (loop time)
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, *words: Word, repeatable: bool = False) -> Reply:
        """Send a command to the node that serves the slot of its keys, and return its reply.

        Raises ``StoreUnavailable`` and ``NoScriptError``.
        """
        slot = slot_of(words)
        node, asking = self.owners[slot] or await self._owner(slot), False
        for _ in range(HOPS):
            try:
                return await self._ask(node, asking, words, repeatable)
            except NoScriptError:
                raise
            except MovedError as error:
                node, asking = redirected(error, node), False
                self.owners[slot] = node
                self._learn_soon()
            except AskError as error:
                node, asking = redirected(error, node), True
            except TryAgainError:  # one of its keys has been moved, the other one has not
                await asyncio.sleep(TRY_AGAIN)
                node, asking = self.owners[slot] or node, False
            except ClusterDownError as error:
                self._learn_soon()
                raise StoreUnavailable(f"redis {node}: {error}") from error
            except ResponseError as error:
                raise StoreUnavailable(f"redis {node}: {error}") from error
            except StoreUnavailable:
                self._learn_soon()
                raise
        raise StoreUnavailable(f"{self._name}: slot {slot} is being moved, or nobody has it")

    async def _ask(
        self, node: Address, asking: bool, words: tuple[Word, ...], repeatable: bool
    ) -> Reply:
        pipeline = self._node(node)
        if not asking:
            return await pipeline.send(*words, repeatable=repeatable)
        # Asked for in one turn, they travel one behind the other.
        both = [pipeline.send(b"ASKING", repeatable=repeatable)]
        both.append(pipeline.send(*words, repeatable=repeatable))
        return (await asyncio.gather(*both))[1]

    def _node(self, address: Address) -> Pipeline:
        if self._closed:
            raise StoreUnavailable(f"{self._name}: closed")
        pipeline = self._nodes.get(address)
        if pipeline is None:
            if len(self._nodes) >= MAX_NODES:
                raise StoreUnavailable(f"{self._name}: more than {MAX_NODES} nodes")
            pipeline = self._nodes[address] = self._connect(address)
        return pipeline

    async def _owner(self, slot: int) -> Address:
        await self.learn()
        owner = self.owners[slot]
        if owner is None:
            raise StoreUnavailable(f"{self._name}: no node serves slot {slot}")
        return owner

    async def learn(self) -> None:
        """Ask who serves what; who asks at the same time shares the answer."""
        await asyncio.shield(self._learn())

    def _learn_soon(self) -> None:
        if not self._closed and asyncio.get_running_loop().time() >= self._learnt + PAUSE:
            self._learn()

    def _learn(self) -> asyncio.Task[None]:
        if self._learning is None or self._learning.done():
            self._learnt = asyncio.get_running_loop().time()
            self._learning = asyncio.create_task(self._learn_from_any())
            self._learning.add_done_callback(heard)
        return self._learning

    async def _learn_from_any(self) -> None:
        known = [*{owner for owner in self.owners if owner is not None}]
        troubles = []
        for node in [*random.sample(known, min(ASKED, len(known))), *self._seeds]:
            try:
                async with asyncio.timeout(self._timeout * SHARE):
                    reply = await self._node(node).send(b"CLUSTER", b"SLOTS", repeatable=True)
            except (StoreUnavailable, ResponseError, TimeoutError) as error:
                troubles.append(f"{node}: {str(error) or 'no answer'}")
                continue
            if reply:
                return self._adopt(owners(reply, node))
            troubles.append(f"{node}: knows of no slots")
        raise StoreUnavailable(f"{self._name}: no node found ({'; '.join(troubles)})")

    def _adopt(self, found: Owners) -> None:
        self.owners = found
        for address in self._nodes.keys() - set(found):
            self._leave(self._nodes.pop(address).close())

    def _leave(self, closing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(closing)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Refuse new commands, wait for the replies to those sent, close the connections."""
        self._closed = True
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait((self._learning,))
        for pipeline in self._nodes.values():
            self._leave(pipeline.close())
        await asyncio.gather(*self._leaving)


def heard(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended that perhaps nobody waits for."""
    if not task.cancelled():
        task.exception()
