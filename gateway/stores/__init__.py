"""Where pending challenges and counters live: one interface, several stores.

A store knows nothing of phones, codes or people: keys are opaque digests, values opaque bytes. Each
method is one atomic step, over all processes that share the store, and one round trip. Every method
raises ``StoreUnavailable`` when the store does not answer in time; nothing is assumed then.

Counters are windows that open with their first event and end ``period_ms`` later; the windows of
one call differ from each other. Durations are whole milliseconds, below 2**32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class StoreUnavailable(Exception):
    """The store did not answer, or is full."""


class BadStoreUrl(ValueError):
    """The operator's failure: no store can be opened at this URL. The text does not repeat it."""


class Window(NamedTuple):
    """A counter: at most ``limit`` events in ``period_ms``."""

    key: bytes  # 16 bytes, unique to (what is counted, limit, period)
    limit: int  # at least 1
    period_ms: int
    name: str  # what kind of event, and the limit: for the operator's log, not kept in the store


class Pending(NamedTuple):
    """A challenge to be kept, as bytes."""

    digest: bytes  # 16 bytes: keyed digest of the code
    tries: int  # 1..255
    lifetime_ms: int
    resend_ms: int  # no delivery again before so much time has passed
    memo: bytes  # at most 1,024 bytes


@dataclass(frozen=True, slots=True)
class Limited:
    """A window is full; nothing was counted, nothing changed."""

    retry_after_ms: int  # until all the windows that were full have ended
    window: Window  # of these, the one that ends last


@dataclass(slots=True)
class Started:
    """A challenge is pending. ``deliver`` says whether a message is due now."""

    deliver: bool
    fresh: bool  # False: an earlier challenge is still pending, and ``memo`` is its memo
    memo: bytes
    expires_ms: int
    resend_ms: int  # until the next start may deliver again
    turn: int  # how often it was delivered before its latest delivery; stays at 255


class Verdict(NamedTuple):
    """How a proof compared."""

    leased: bool  # right, and ours to finish: nobody else can use it until finished or released
    busy: bool  # right, but another request holds the lease
    memo: bytes


WRONG = Verdict(leased=False, busy=False, memo=b"")


class Store(Protocol):
    """What every store does."""

    async def start(
        self,
        key: bytes,
        pending: Pending,
        *,
        count: Sequence[Window],
        check: Sequence[Window],
        spend: Sequence[Window],
    ) -> Started | Limited:
        """Make sure that a challenge is pending under ``key``.

        A full window of ``count``, else one of ``check``, gives ``Limited``. If a challenge with
        tries left is pending and the ``resend_ms`` of its last delivery have not passed, nothing is
        to be done (``deliver=False``). Otherwise a delivery is due: a full window of ``spend``
        gives ``Limited``, else the pending challenge (or the new one, if none is pending or its
        tries are used up) is marked as just delivered. A pending challenge keeps its digest, memo,
        tries and end of life, and its turn grows by one; a new one is leased to nobody.

        Unless it gives ``Limited``, each window of ``count`` is counted, and with a delivery each
        of ``spend``; those of ``check`` never are.
        """

    async def read(self, key: bytes) -> bytes | None:
        """Return the memo of the challenge under ``key`` while it has tries left."""

    async def withdraw(self, key: bytes, *, fresh: bool, spent: Sequence[Window]) -> None:
        """Undo a delivery that failed: uncount ``spent``; drop the challenge if it was ``fresh``,
        else allow the next start to deliver at once, which is a turn of its own: whoever failed
        is not asked first again. Tries and windows of ``count`` stay counted.
        """

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
        """Try ``digest`` against the challenge under ``key``.

        Windows of ``count`` as in ``start``; a full window of ``failures`` gives ``Limited``. With
        no challenge pending, no try left or a different digest, one try is taken (if there is one),
        each of ``failures`` is counted and the verdict is ``WRONG``. With the right digest and a
        try left, the challenge is leased to ``lease`` (8 random bytes) for ``lease_ms``, or
        ``busy`` if somebody else's lease is running; neither counts anything.
        """

    async def finish(self, key: bytes, lease: bytes, *, forget: Sequence[Window]) -> bool:
        """Use up the challenge and drop the windows of ``forget``.

        False, with nothing changed, if somebody else holds the lease now. True if it is ours, if it
        lapsed and nobody else took it, or if all is gone already, so that repeating the call is
        safe.
        """

    async def release(self, key: bytes, lease: bytes) -> None:
        """Give the challenge back as it was before ``take``, if the lease is still ours."""

    async def count(self, windows: Sequence[Window]) -> Limited | None:
        """Count one event in each window, or none at all if any is full."""

    async def uncount(self, windows: Sequence[Window], by: int = 1) -> None:
        """Take ``by`` events back from each window, or all that it has; without events a window is
        not open any more.
        """

    async def forget(self, windows: Sequence[Window]) -> None:
        """Drop each window."""

    async def open(self) -> None:
        """Get ready. Does not raise when the store is down: it may come back."""

    async def ping(self) -> None:
        """Raise ``StoreUnavailable`` unless the store answers."""

    async def close(self) -> None:
        """Give everything back."""


def open_store(url: str, *, max_entries: int = 1_000_000, timeout: float = 2.0) -> Store:
    """Make the store that ``url`` names; raises ``BadStoreUrl``. It connects when it is used.

    ``memory://`` keeps at most ``max_entries`` challenges, and as many counters, in this process.
    ``redis://`` and ``rediss://`` (TLS) name one server: ``redis://user:password@host:6379/0``.
    ``redis+sentinel://user:password@s1:26379,s2:26379/SERVICE/0`` asks sentinels for it;
    ``redis+cluster://user:password@n1:7000,n2:7001`` is a cluster that these nodes know.
    Every call then takes at most ``timeout`` seconds.
    """
    # Imported when asked for: redis-py costs 21 MB, and need not be installed.
    scheme = url.partition("://")[0]
    if scheme == "memory":
        from gateway.stores.memory import MemoryStore

        return MemoryStore(max_entries)
    if scheme not in ("redis", "rediss", "redis+sentinel", "redis+cluster"):
        raise BadStoreUrl(
            "a store's URL starts with memory://, redis://, rediss://, redis+sentinel://"
            " or redis+cluster://"
        )
    try:
        from gateway.stores import _redis_url
        from gateway.stores.redis import RedisStore
    except ModuleNotFoundError as error:
        raise BadStoreUrl(
            f'{scheme}:// needs the libraries redis and hiredis: pip install ".[redis]"'
        ) from error
    parsed = _redis_url.parse(url)
    if parsed.scheme != _redis_url.CLUSTER:
        return RedisStore.connect(parsed, timeout=timeout)
    from gateway.stores.cluster import ClusterStore

    return ClusterStore.connect(parsed, timeout=timeout)
