"""Sign-ins that take too long, at a gateway that allows less time than usual."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.browser.person import Person
from tests.browser.site import Site, serving
from tests.logins.site import until
from tests.servers.browser import Browser

SECONDS: Final = 2.0
# As the gateway itself, but for how long a sign-in and its code last.
HASTY: Final = f"""
import sys
from gateway import cli, tickets, trips
trips.LIFETIME = tickets.LIFETIME = {SECONDS}
sys.exit(cli.main())
"""


@pytest.fixture(scope="module")
def hasty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    command = (sys.executable, "-c", HASTY, "serve")
    with serving(tmp_path_factory.mktemp("hasty"), command=command) as site:
        yield site


@pytest.fixture
def person(hasty_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with Browser(tmp_path_factory.mktemp("browser"), hasty_site.authority) as browser:
        yield Person(hasty_site, browser)


def test_time_runs_out(person: Person) -> None:
    """Before the browser left, while it was at the provider, and with the code shown."""
    unopened, unfinished = (person.begin()["url"] for _ in range(2))
    person.browser.open(unfinished)
    person.at_provider()
    until(lambda: ended(person, unopened), within=2 * SECONDS)
    person.sign_in_there()
    person.see_problem("expired")
    assert not person.has("main a")
    person.browser.open(unopened)
    person.see_problem("expired")
    person.browser.open(person.begin(return_url=None)["url"])
    shown = person.code_shown()
    assert person.browser.wait(lambda: person.has("#expired"))
    assert person.redeem(shown)["error"] == "BADOTP"
    assert person.complaints() == []


def ended(person: Person, url: str) -> bool:
    return person.site.get(url.removeprefix(person.site.url)).status == 410
