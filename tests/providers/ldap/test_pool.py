from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from providers._base import Rejected, Unavailable
from providers.ldap import pool as pools
from providers.ldap.client import Bound, Connection, ConnectionFailed, ConnectionLost, Found, Query
from providers.ldap.ldap3_driver import Ldap3Driver
from providers.ldap.pool import QUEUE, Pool
from tests.providers.ldap.asking import eventually, secure
from tests.servers.slapd import Person, Slapd
from tests.servers.tls import Authority

ANN = Person("ann")
SIZE = 3
Operation = Callable[[Connection, float], Awaitable[str]]


class Line:
    """A connection that only knows whether it is open."""

    def __init__(self) -> None:
        self.alive = True

    async def bind(self, dn: str, password: str, within: float) -> Bound:
        raise NotImplementedError

    async def search(self, query: Query, within: float) -> Found:
        raise NotImplementedError

    async def close(self) -> None:
        self.alive = False


class Exchange:
    """Opens lines, and remembers them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.within: list[float] = []

    async def connect(self, within: float) -> Connection:
        self.within.append(within)
        self.lines.append(Line())
        return self.lines[-1]

    @property
    def open(self) -> int:
        return sum(line.alive for line in self.lines)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
async def pool(exchange: Exchange) -> AsyncIterator[Pool]:
    pool = Pool("staff", exchange.connect, SIZE)
    yield pool
    await pool.close()
    assert exchange.open == 0


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


async def work(connection: Connection, deadline: float) -> str:
    assert connection.alive
    return "done"


class Gate:
    """An operation that waits until it is let through."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0
        self._open = asyncio.Event()

    async def __call__(self, connection: Connection, deadline: float) -> str:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1
        return "done"

    def let_through(self) -> None:
        self._open.set()

    async def holds(self, count: int) -> None:
        await eventually(lambda: self.waiting == count)


async def test_a_connection_is_used_again(pool: Pool, exchange: Exchange) -> None:
    for _ in range(10):
        assert await pool.run(work, soon()) == "done"
    assert len(exchange.lines) == 1
    assert 9 < exchange.within[0] <= 10


async def test_the_latest_one_is_used_first(pool: Pool, exchange: Exchange) -> None:
    gate = Gate()
    both = [asyncio.create_task(pool.run(gate, soon())) for _ in range(2)]
    await gate.holds(2)
    gate.let_through()
    await asyncio.gather(*both)
    used = []

    async def note(connection: Connection, deadline: float) -> None:
        used.append(connection)

    for _ in range(3):
        await pool.run(note, soon())
    assert used == [exchange.lines[1]] * 3


async def test_no_more_connections_than_allowed(pool: Pool, exchange: Exchange) -> None:
    gate = Gate()
    everybody = [asyncio.create_task(pool.run(gate, soon())) for _ in range(SIZE * 4)]
    await gate.holds(SIZE)
    gate.let_through()
    assert await asyncio.gather(*everybody) == ["done"] * SIZE * 4
    assert gate.most == SIZE
    assert len(exchange.lines) == SIZE


async def test_too_many_that_wait_are_refused_at_once(pool: Pool) -> None:
    gate = Gate()
    everybody = [asyncio.create_task(pool.run(gate, soon())) for _ in range(SIZE * (QUEUE + 1))]
    await gate.holds(SIZE)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="waiting already") as refusal:
        await pool.run(work, soon())
    assert time.monotonic() - started < 1
    assert refusal.value.retry_after == 1.0
    gate.let_through()
    assert len(await asyncio.gather(*everybody)) == SIZE * (QUEUE + 1)
    assert await pool.run(work, soon()) == "done"


async def test_waiting_ends_in_time(pool: Pool) -> None:
    gate = Gate()
    holding = [asyncio.create_task(pool.run(gate, soon())) for _ in range(SIZE)]
    await gate.holds(SIZE)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="no connection became free in time"):
        await pool.run(work, soon(0.1))
    assert 0.05 < time.monotonic() - started < 1
    gate.let_through()
    await asyncio.gather(*holding)


@pytest.mark.parametrize("error", [Rejected("no"), ConnectionFailed("no"), RuntimeError("no")])
async def test_after_a_failure_the_connection_is_not_used_again(
    pool: Pool, exchange: Exchange, error: Exception
) -> None:
    async def fail(connection: Connection, deadline: float) -> None:
        raise error

    for _ in range(SIZE * 2):
        with pytest.raises(type(error)):
            await pool.run(fail, soon())
    assert exchange.open == 0
    assert len(exchange.lines) == SIZE * 2
    assert await pool.run(work, soon()) == "done"


async def test_whoever_gives_up_leaves_no_connection_behind(pool: Pool, exchange: Exchange) -> None:
    for _ in range(SIZE * 2):
        gate = Gate()
        task = asyncio.create_task(pool.run(gate, soon()))
        await gate.holds(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert exchange.open == 0
    assert await pool.run(work, soon()) == "done"


async def test_whoever_gives_up_waiting_leaves_the_place_to_others(pool: Pool) -> None:
    gate = Gate()
    holding = [asyncio.create_task(pool.run(gate, soon())) for _ in range(SIZE)]
    await gate.holds(SIZE)
    for _ in range(SIZE * QUEUE * 2):
        task = asyncio.create_task(pool.run(work, soon()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    gate.let_through()
    await asyncio.gather(*holding)
    assert await pool.run(work, soon()) == "done"


@pytest.mark.parametrize("when", ["before the place is theirs", "after the place is theirs"])
async def test_whoever_gives_up_as_the_place_comes_hands_it_on(pool: Pool, when: str) -> None:
    gate = Gate()
    first: asyncio.Task[str]

    async def last_act(connection: Connection, deadline: float) -> str:
        await gate(connection, deadline)
        if when.startswith("before"):
            first.cancel()
        return "done"

    async def hold() -> None:
        await pool.run(last_act, soon())
        first.cancel()  # in the same turn of the loop

    holding = [asyncio.create_task(hold()) for _ in range(SIZE)]
    await gate.holds(SIZE)
    first, *others = (asyncio.create_task(pool.run(work, soon())) for _ in range(SIZE * 2))
    await asyncio.sleep(0)
    gate.let_through()
    assert await asyncio.gather(*others, *holding) == ["done"] * len(others) + [None] * SIZE
    assert first.cancelled()
    again = Gate()
    crowd = [asyncio.create_task(pool.run(again, soon())) for _ in range(SIZE)]
    await again.holds(SIZE)
    again.let_through()
    await asyncio.gather(*crowd)


async def test_whoever_waited_too_long_holds_no_place(pool: Pool) -> None:
    gate = Gate()
    holding = [asyncio.create_task(pool.run(gate, soon())) for _ in range(SIZE)]
    await gate.holds(SIZE)
    late = [pool.run(work, soon(0.01)) for _ in range(SIZE * QUEUE)]
    for refusal in await asyncio.gather(*late, return_exceptions=True):
        assert isinstance(refusal, Unavailable)
    waiting = asyncio.create_task(pool.run(work, soon()))
    gate.let_through()
    await asyncio.gather(*holding)
    assert await waiting == "done"


async def test_a_connection_that_died_while_idle_is_replaced(
    pool: Pool, exchange: Exchange
) -> None:
    await pool.run(work, soon())
    exchange.lines[0].alive = False
    assert await pool.run(work, soon()) == "done"
    assert len(exchange.lines) == 2


async def test_a_connection_that_turns_out_dead_is_replaced_once(
    pool: Pool, exchange: Exchange
) -> None:
    await pool.run(work, soon())
    seen = []

    async def lost(connection: Connection, deadline: float) -> str:
        seen.append(connection)
        raise ConnectionLost("the server closed the connection")

    with pytest.raises(ConnectionLost):
        await pool.run(lost, soon())
    assert seen == exchange.lines
    assert len(seen) == 2
    # A new one that breaks is no matter of having waited.
    with pytest.raises(ConnectionLost):
        await pool.run(lost, soon())
    assert len(seen) == 3


async def test_a_connection_that_waited_long_is_replaced(
    pool: Pool, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.run(work, soon())
    monkeypatch.setattr(pools, "KEEP_ALIVE", 0.0)
    assert await pool.run(work, soon()) == "done"
    assert [line.alive for line in exchange.lines] == [False, True]


async def test_without_time_nothing_is_done(pool: Pool, exchange: Exchange) -> None:
    await pool.run(work, soon())
    with pytest.raises(ConnectionFailed, match="no time is left"):
        await pool.run(work, time.monotonic())
    assert exchange.open == 0


async def test_a_server_that_is_not_there_holds_no_place(exchange: Exchange) -> None:
    async def refuse(within: float) -> Connection:
        raise ConnectionFailed("Connection refused")

    pool = Pool("staff", refuse, 1)
    for _ in range(3):
        with pytest.raises(ConnectionFailed, match="refused"):
            await pool.run(work, soon())


async def test_what_is_in_use_at_the_end_is_closed_after_use(exchange: Exchange) -> None:
    pool = Pool("staff", exchange.connect, SIZE)
    gate = Gate()
    task = asyncio.create_task(pool.run(gate, soon()))
    await gate.holds(1)
    await pool.close()
    gate.let_through()
    assert await task == "done"
    assert exchange.open == 0


# -- with a real directory


@pytest.fixture
async def real(directory: Slapd, authority: Authority) -> AsyncIterator[Pool]:
    driver = Ldap3Driver()
    server = secure(directory.tls_port, authority)
    pool = Pool("staff", lambda within: driver.connect(server, within), SIZE)
    yield pool
    await pool.close()


async def bind(connection: Connection, deadline: float) -> int:
    return (await connection.bind(ANN.dn, ANN.password, deadline - time.monotonic())).code


async def test_connections_to_a_directory_are_used_again(real: Pool, directory: Slapd) -> None:
    directory.forget()
    for _ in range(10):
        assert await real.run(bind, soon()) == 0
    assert directory.connections() == 1
    crowd = await asyncio.gather(*(real.run(bind, soon()) for _ in range(SIZE * QUEUE)))
    assert set(crowd) == {0}
    assert directory.connections() == SIZE
    assert len(directory.binds()) == 10 + SIZE * QUEUE


async def test_a_directory_that_was_restarted_is_asked_as_if_nothing_had_happened(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> None:
    directory = Slapd(tmp_path_factory.mktemp("slapd"), authority, people=[ANN])
    driver = Ldap3Driver()
    server = secure(directory.tls_port, authority)
    pool = Pool("staff", lambda within: driver.connect(server, within), SIZE)
    for end in (directory.stop, directory.kill):
        with directory:
            assert await pool.run(bind, soon()) == 0
            end()
        with pytest.raises(ConnectionFailed, match="refused"):
            await pool.run(bind, soon())
    with directory:
        assert await pool.run(bind, soon()) == 0
        directory.process.stop()
        directory.start()
        assert await pool.run(bind, soon()) == 0
        await pool.close()
