"""Whatever is asked in whatever order, all stores give the same answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.stores import Limited, Pending, Started, Store, open_store
from gateway.stores.memory import MemoryStore
from tests.gateway.stores.conftest import Backend, Clock, empty, shorten
from tests.gateway.stores.values import ALICE, MINE, SLACK, YOURS, digest, window

# All times are multiples of this, far more than an example takes: so no answer depends on how
# quickly the test runs.
STEP = 20_000

keys = st.just(ALICE)
leases = st.sampled_from([MINE, YOURS])
digests = st.sampled_from([digest("a"), digest("b")])
windows = st.lists(
    st.sampled_from(
        [window(f"{n}", limit=n % 3 + 1, period_ms=(n % 2 * 3 + 2) * STEP) for n in range(6)]
    ),
    max_size=3,
    unique=True,
)


def steps(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most).map(lambda number: number * STEP)


memos = st.binary(max_size=64) | st.integers(0, 1024).map(lambda size: b"\xff" * size)
pendings = st.builds(Pending, digests, st.integers(1, 3), steps(6), steps(4), memos)


@st.composite
def grouped(draw: st.DrawFn, *names: str) -> dict[str, Any]:
    """Windows for several arguments of one call, each used once."""
    drawn = draw(windows)
    ends = sorted(draw(st.tuples(*[st.integers(0, len(drawn))] * (len(names) - 1))))
    bounds = [0, *ends, len(drawn)]
    return {name: drawn[bounds[i] : bounds[i + 1]] for i, name in enumerate(names)}


def call(name: str, *args: Any, **options: Any) -> st.SearchStrategy[Any]:
    groups = options.pop("groups", st.just({}))
    return st.tuples(st.just(name), st.tuples(*args), st.fixed_dictionaries(options), groups)


start = call("start", keys, pendings, groups=grouped("count", "check", "spend"))
take = call(
    "take", keys, digests, lease=leases, lease_ms=steps(3), groups=grouped("count", "failures")
)
free_take = call(
    "take", keys, digests, lease=leases, lease_ms=steps(3), count=st.just(()), failures=st.just(())
)
calls = st.one_of(
    start,
    start,
    take,
    free_take,
    free_take,
    call("read", keys),
    call("withdraw", keys, fresh=st.booleans(), groups=grouped("spent")),
    call("finish", keys, leases, groups=grouped("forget")),
    call("release", keys, leases),
    call("count", windows),
    call("uncount", windows, by=st.integers(1, 3)),
    call("forget", windows),
    call("let pass", steps(2)),
)


async def same(memory: Store, expected: Any, actual: Any) -> bool:
    """Whether two answers are the same, but for the time that passed between them."""
    if isinstance(expected, Limited) and isinstance(actual, Limited):
        # Of windows that end together in memory, any may be the last in Redis, by some ms.
        last = await memory.count([actual.window])
        return (
            last is not None
            and last.retry_after_ms == expected.retry_after_ms
            and passed(expected.retry_after_ms, actual.retry_after_ms)
        )
    if isinstance(expected, Started) and isinstance(actual, Started):
        timeless = [replace(s, expires_ms=0, resend_ms=0) for s in (expected, actual)]
        return (
            timeless[0] == timeless[1]
            and passed(expected.expires_ms, actual.expires_ms)
            and passed(expected.resend_ms, actual.resend_ms)
        )
    return bool(expected == actual)


def passed(expected_ms: int, ms: int) -> bool:
    return ms <= expected_ms < ms + SLACK


@given(st.lists(calls, min_size=10, max_size=50))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_memory_and_redis_agree(shared: Backend, steps_to_take: list[Any]) -> None:
    empty(shared)  # the fixture is made once for all examples
    clock = Clock()
    memory: Store = MemoryStore(clock=clock)
    store = open_store(shared.url)
    try:
        for name, args, options, groups in steps_to_take:
            if name == "let pass":
                clock.seconds += args[0] / 1000
                shorten(shared, args[0])
                continue
            expected = await getattr(memory, name)(*args, **options, **groups)
            actual = await getattr(store, name)(*args, **options, **groups)
            assert await same(memory, expected, actual), (name, expected, actual)
    finally:
        await store.close()
