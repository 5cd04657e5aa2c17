"""Several names of one account are one account: two processes on one Redis count together (L10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.logins.approved import FAILURES, PASSWORD, STAFF, PeopleFile, configuration
from tests.logins.configuration import SECRET
from tests.logins.site import Answer, Site, running, words
from tests.servers.redis_server import RedisServer

Person = dict[str, Any]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> PeopleFile:
    return PeopleFile(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def site(
    shared_redis: RedisServer, people: PeopleFile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    keys: dict[str, Any] = {"store": {"url": shared_redis.url}, "secret": SECRET}
    folder: Path = tmp_path_factory.mktemp("two")
    with running(folder, 2, lambda mesibo, sms: configuration(mesibo, sms, people, **keys)) as site:
        yield site
        site.mesibo.ok()


@pytest.fixture
def ann(people: PeopleFile) -> Person:
    return people.add()


def sign_in(site: Site, name: str, password: str = "wrong") -> Answer:
    return site.login(appid=STAFF, username=name, password=password)


def test_l10_a71_wrong_tries_over_three_names_in_all(
    site: Site, people: PeopleFile, ann: Person
) -> None:
    names = ann["names"]
    answers = [sign_in(site, names[i % 3]) for i in range(3 * FAILURES)]
    assert words(answers) == ["BADLOGIN"] * FAILURES + ["RATELIMIT"] * 2 * FAILURES
    assert people.tries(ann) == FAILURES
    limited = sign_in(site, names[0], PASSWORD)
    assert limited["error"] == "RATELIMIT"
    assert 3500 < limited["retry_after"] <= 3600
    bob = people.add()
    assert sign_in(site, bob["names"][0], PASSWORD)["result"] == "OK"


def test_l10_c6_parallel_tries_over_three_names(
    site: Site, people: PeopleFile, ann: Person
) -> None:
    guess = {"appid": STAFF, "password": "wrong"}
    answers = site.at_once([{**guess, "username": ann["names"][i % 3]} for i in range(60)])
    assert words(answers).count("BADLOGIN") == people.tries(ann) == FAILURES
    assert words(answers).count("RATELIMIT") == 60 - FAILURES


def test_c5_right_password_by_any_name_clears_the_account(
    site: Site, people: PeopleFile, ann: Person
) -> None:
    for i in range(4):
        assert words([sign_in(site, ann["names"][i % 3])]) == ["BADLOGIN"]
    assert sign_in(site, ann["names"][0], PASSWORD)["result"] == "OK"
    for i in range(1, FAILURES):
        assert words([sign_in(site, ann["names"][i % 3])]) == ["BADLOGIN"]


def test_outage_of_the_issuer_uses_up_no_tries(site: Site, people: PeopleFile, ann: Person) -> None:
    site.mesibo.fail("false")
    for i in range(FAILURES + 1):
        assert sign_in(site, ann["names"][i % 3], PASSWORD)["error"] == "UNAVAILABLE"
    site.mesibo.ok()
    assert sign_in(site, ann["names"][0], PASSWORD)["result"] == "OK"


def test_outage_of_the_directory_uses_up_no_tries(
    site: Site, people: PeopleFile, ann: Person
) -> None:
    people.be(down=True)
    for i in range(FAILURES + 1):
        assert sign_in(site, ann["names"][i % 3], PASSWORD)["error"] == "UNAVAILABLE"
    people.be()
    assert sign_in(site, ann["names"][0], PASSWORD)["result"] == "OK"
