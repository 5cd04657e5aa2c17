"""Who tries locked accounts does not learn by it who is in the directory (L12)."""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from providers import Rejected
from providers.ldap import Ldap
from providers.ldap import pace as module
from tests.providers.ldap.staff import BY_SEARCH, DRIVERS, provider, sign_in
from tests.servers.slapd import LOCKED, PEOPLE, Person, Slapd, argon2
from tests.servers.tls import Authority

REMEMBERED: Final = 8
ANN: Final = Person("ann")
BOTH: Final = {"base_dn": PEOPLE, "filter": "(|(uid={username})(mail={username})(cn={username}))"}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    """A directory that takes tens of milliseconds for a password."""
    twins = [Person(uid, attributes={"mail": "twin"}) for uid in ("one", "two")]
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, people=[ANN, LOCKED, *twins], hashed=argon2) as directory:
        yield directory


@pytest.fixture(params=DRIVERS)
async def ldap(
    request: pytest.FixtureRequest,
    slow: Slapd,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Ldap]:
    monkeypatch.setattr(module, "REMEMBERED", REMEMBERED)
    keys = BY_SEARCH | {"user_search": BOTH, "driver": request.param}
    made = provider([slow.tls_url], authority.ca_file, **keys)
    yield made
    await made.close()


async def refused(ldap: Ldap, name: str) -> float:
    """Return the seconds that it took."""
    started = time.monotonic()
    with pytest.raises(Rejected):
        await sign_in(ldap, name, "wrong")
    return time.monotonic() - started


@pytest.mark.parametrize("name", [LOCKED.uid, "twin"])
async def test_l12_refusals_without_a_look_at_the_password_do_not_hasten_others(
    ldap: Ldap, slow: Slapd, name: str
) -> None:
    await sign_in(ldap, ANN.uid, ANN.password)
    wrong = statistics.median([await refused(ldap, ANN.uid) for _ in range(3)])
    slow.forget()
    taken = [await refused(ldap, name) for _ in range(REMEMBERED + 2)]
    assert slow.binds() == ([] if name == "twin" else [LOCKED.dn] * len(taken))
    unknown = statistics.median([await refused(ldap, "nobody") for _ in range(3)])
    assert wrong > 0.01
    assert min(unknown, *taken) > 0.5 * wrong
