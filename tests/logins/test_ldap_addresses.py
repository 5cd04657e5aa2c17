"""Whose address a person of a directory gets: what the directory says, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Site, fresh_client, running
from tests.servers.configs import GENEROUS, Config
from tests.servers.slapd import PEOPLE, Person, Slapd
from tests.servers.tls import Authority

NUMBER: Final = "18005551234"  # of somebody who signs in by text message
ANN: Final = Person(
    "Ann",
    attributes={
        "displayName": "Ann Lee",
        "mail": "Ann@example.test",
        "mobile": "+1 800 555 0101",
    },
)
LOOKALIKE: Final = Person(NUMBER)
BARE: Final = Person("bare")  # neither a number nor an address
ADDRESSES: Final = {
    "username": "{username}",
    "email": "{email}",
    "phone": "{phone}-{username}",
    "default": None,
}
OTHERS: Final = {"email": "victim@example.test", "phone": NUMBER, "name": "Victim"}
BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
MODES: Final[dict[str, dict[str, Any]]] = {"search": {}, "template": BY_NAME}
EVERYWHERE: Final = [f"{driver}-{mode}" for driver in DRIVERS for mode in MODES]


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, people=[ANN, LOOKALIKE, BARE]) as directory:
        yield directory


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, slapd: Slapd, authority: Authority
) -> Iterator[Site]:
    providers: dict[str, Config] = {}
    for driver in DRIVERS:
        for mode, keys in MODES.items():
            entry = by_directory([slapd.tls_url], authority.ca_file, driver, **keys)
            for name, address in ADDRESSES.items():
                given = {"address": address} if address else {}
                providers[f"{driver}-{mode}-{name}"] = {**entry, **given, "shared_address": True}
    with running(tmp_path_factory.mktemp("site"), 1, signing_in(providers, GENEROUS)) as found:
        yield found


def sign_in(site: Site, app: str, person: Person, **fields: Any) -> dict[str, Any]:
    login = {"username": person.uid, "password": person.password, **fields}
    return site.login(appid=app, **login)


@pytest.mark.parametrize("app", EVERYWHERE)
@pytest.mark.parametrize("typed", ["ANN", "ann", "\uff21nn"])
def test_c2_address_is_the_directorys_whatever_the_request_says(
    site: Site, app: str, typed: str
) -> None:
    expected = {"username": "Ann", "email": "ann@example.test", "phone": "18005550101-Ann"}
    for name, address in expected.items():
        answer = sign_in(site, f"{app}-{name}", ANN, **{**OTHERS, "username": typed})
        assert (answer["result"], answer["address"]) == ("OK", address)
    answer = sign_in(site, f"{app}-default", ANN, **OTHERS)
    name_space, _, subject = answer["address"].rpartition(":")
    assert name_space == f"{app}-default"
    assert len(subject) == 36  # an entryUUID
    assert "Victim" not in str(answer)


@pytest.mark.parametrize("app", EVERYWHERE)
def test_c3_a145_name_that_is_somebodys_number_is_not_given_out(site: Site, app: str) -> None:
    client = fresh_client()
    answer = sign_in(site, f"{app}-username", LOOKALIKE, client=client)
    assert (answer["result"], answer["error"]) == ("FAIL", "UNAVAILABLE")
    assert site.audit(client)[0]["detail"] == f"{app}-username: the address looks like one of phone"
    assert site.tokens(NUMBER) == []
    assert sign_in(site, f"{app}-default", LOOKALIKE)["address"].startswith(f"{app}-default:")


@pytest.mark.parametrize("app", EVERYWHERE)
@pytest.mark.parametrize("missing", ["email", "phone"])
def test_c2_what_the_directory_lacks_is_not_taken_from_the_request(
    site: Site, app: str, missing: str
) -> None:
    answer = sign_in(site, f"{app}-{missing}", BARE, **OTHERS)
    assert (answer["result"], answer["error"]) == ("FAIL", "UNAVAILABLE")


def test_c3_two_directories_are_two_name_spaces(site: Site) -> None:
    addresses = {sign_in(site, f"{app}-default", ANN)["address"] for app in EVERYWHERE}
    assert len(addresses) == len(EVERYWHERE)
