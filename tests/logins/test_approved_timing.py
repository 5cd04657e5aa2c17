"""How long an answer takes tells nobody whom a directory knows (C4, A19)."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.logins.approved import MAIL, PHONE, PeopleFile, configuration
from tests.logins.site import Site, running

pytestmark = pytest.mark.alone

TRIES = 200  # for each kind
VENDOR = 0.1  # seconds that the vendor takes
DIRECTORY = 0.01


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> PeopleFile:
    return PeopleFile(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def site(people: PeopleFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("timing")
    with running(folder, 1, lambda mesibo, sms: configuration(mesibo, sms, people)) as site:
        site.sms.fail(f"slow:{VENDOR}")
        yield site


def medians(site: Site, app: str, field: str, kinds: dict[str, list[str]]) -> dict[str, float]:
    """Return the median seconds of a first step, by kind. They come in no order: what one leaves
    to be done behind its answer must not always fall on the same kind.
    """
    tries = [(kind, value) for kind, values in kinds.items() for value in values]
    random.Random(4).shuffle(tries)
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for kind, value in tries:
        started = time.perf_counter()
        answer = site.login(**typed(app, field, value))
        took[kind].append(time.perf_counter() - started)
        assert answer["result"] == "OK"
    return {kind: statistics.median(seconds) for kind, seconds in took.items()}


def typed(app: str, field: str, value: str) -> dict[str, Any]:
    return {"appid": app, field: value}


@pytest.mark.parametrize(("app", "field"), [(PHONE, "phone"), (MAIL, "email")])
def test_c4_a19_known_unknown_and_unapproved_take_as_long(
    site: Site, people: PeopleFile, app: str, field: str
) -> None:
    people.be()
    known = [people.add()[field] for _ in range(TRIES)]
    kinds = {
        "known": known,
        "unapproved": [people.add(approved=False)[field] for _ in range(TRIES)],
        "unknown": [value.replace("4477009", "4477008").replace("ann", "bob") for value in known],
    }
    people.be(delay=DIRECTORY)
    sent = len(site.sms.messages)
    found = medians(site, app, field, kinds)
    fastest, slowest = min(found.values()), max(found.values())
    assert slowest - fastest < min(0.01, 0.1 * slowest), found
    site.sms.wait_calls(sent + TRIES)
    assert len(site.sms.messages) == sent + TRIES
