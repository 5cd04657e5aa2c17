"""One service and one Chromium for all; each test has its own person, who was never here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.person import Person
from tests.browser.site import Site, serving
from tests.servers.browser import Browser


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="session")
def chromium(shared_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium"), shared_site.authority) as browser:
        yield browser


@pytest.fixture(scope="session")
def other_chromium(
    shared_site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("other"), shared_site.authority) as browser:
        yield browser


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    yield shared_site
    shared_site.well()


def visiting(site: Site, browser: Browser, *, scripts: bool) -> Iterator[Person]:
    """Be a person, and in the end see that the browser found nothing wrong with the pages."""
    person = Person(site, browser, scripts=scripts)
    yield person
    assert person.complaints() == []


@pytest.fixture
def person(site: Site, chromium: Browser) -> Iterator[Person]:
    """Somebody whose browser runs scripts."""
    yield from visiting(site, chromium, scripts=True)


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def anyone(request: pytest.FixtureRequest, site: Site, chromium: Browser) -> Iterator[Person]:
    """Somebody whose browser runs scripts; then somebody whose browser runs none."""
    yield from visiting(site, chromium, scripts=request.param)


@pytest.fixture
def stranger(site: Site, other_chromium: Browser) -> Iterator[Person]:
    """Somebody else, with another browser."""
    yield from visiting(site, other_chromium, scripts=True)
