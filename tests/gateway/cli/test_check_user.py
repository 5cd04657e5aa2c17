"""``check --user``: what would become of somebody who signs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.cli.command import run
from tests.servers.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD, Person, Slapd
from tests.servers.tls import Authority

NUMBER = "18005551234"
ANN = Person("ann", attributes={"mail": "ann@example.test", "employeeNumber": "7"})
LOOKALIKE = Person("lookalike", attributes={"employeeNumber": NUMBER})
BARE = Person("bare")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    people = [ANN, LOOKALIKE, BARE]
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, people=people) as directory:
        yield directory


@pytest.fixture
def staff(directory: Slapd, authority: Authority) -> dict[str, Any]:
    return {
        "type": "ldap",
        "address": "{subject}",
        "config": {
            "urls": [directory.tls_url],
            "tls": {"ca_file": str(authority.ca_file)},
            "bind_dn": SERVICE,
            "bind_password": SERVICE_PASSWORD,
            "user_search": {"base_dn": PEOPLE},
            "id_attribute": "employeeNumber",
            "attributes": {"username": "cn"},
        },
    }


PHONE = {"type": "phone_otp", "config": {"senders": [{"type": "console"}]}}


def check(
    folder: Path, name: str, *more: str, **providers: dict[str, Any]
) -> tuple[int, list[str]]:
    file = folder / "gateway.yaml"
    config = {"issuer": {"type": "sandbox"}, "apps": {"*": {}}, "providers": providers}
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    ended = run("check", "--config", str(file), "--user", name, *more)
    assert ended.stderr == ""
    assert SERVICE_PASSWORD not in ended.stdout
    return ended.returncode, ended.stdout.splitlines()


def test_walk_ends_with_the_mesibo_address(
    tmp_path: Path, staff: dict[str, Any], directory: Slapd
) -> None:
    status, lines = check(tmp_path, "Ann", phone=PHONE, staff=staff)
    assert status == 0
    assert lines == [
        f"provider staff: server: {directory.tls_url}",
        f"provider staff: searches as: {SERVICE}",
        f"provider staff: search: below {PEOPLE} (sub) for (uid=Ann)",
        f"provider staff: entry: {ANN.dn}",
        "provider staff: state: not looked at without a preset",
        "provider staff: identity: subject 7, username ann, email ann@example.test",
        "provider staff: signs in, if the proof is right, with the mesibo address 7",
    ]


def test_who_is_not_let_in_is_a_problem(tmp_path: Path, staff: dict[str, Any]) -> None:
    status, lines = check(tmp_path, "nobody", staff=staff)
    assert status == 1
    assert lines[-1] == "provider staff: entry: none: the next provider is asked, or BADLOGIN"


@pytest.mark.parametrize(
    ("name", "address", "end"),
    [
        ("bare", "{subject}", "UNAVAILABLE: id_attribute: the entry has no readable employeeN"),
        ("ann", "{phone}", "UNAVAILABLE: the identity has no phone for its address"),
        ("lookalike", "{subject}", "UNAVAILABLE: the address looks like one of phone"),
    ],
)
def test_address_that_cannot_be_made_is_a_problem(
    tmp_path: Path, staff: dict[str, Any], name: str, address: str, end: str
) -> None:
    shared = {"shared_address": address == "{phone}"}
    staff = {**staff, "address": address, **shared}
    status, lines = check(tmp_path, name, phone={**PHONE, **shared}, staff=staff)
    assert status == 1
    assert end in lines[-1]


def test_one_provider_that_lets_somebody_in_is_enough(
    tmp_path: Path, staff: dict[str, Any]
) -> None:
    keys = {"user_search": {"base_dn": PEOPLE, "filter": "(&(uid={username})(sn=x))"}}
    staff["shared_address"] = True
    other = {**staff, "config": {**staff["config"], **keys}}
    status, lines = check(tmp_path, "ann", other=other, staff=staff)
    assert (status, "provider other: entry: none" in "\n".join(lines)) == (0, True)
    assert lines[-1] == "provider staff: signs in, if the proof is right, with the mesibo address 7"


def test_without_a_directory_there_is_nothing_to_tell(tmp_path: Path) -> None:
    told = "no provider can tell without a proof of who it is"
    assert check(tmp_path, NUMBER, phone=PHONE) == (1, [told])


def test_problems_of_upstreams_come_first(tmp_path: Path, staff: dict[str, Any]) -> None:
    keys = {"user_search": {"base_dn": "ou=x,dc=example,dc=test"}}
    broken = {**staff, "config": {**staff["config"], **keys}}
    status, lines = check(tmp_path, "ann", "--connect", staff=broken)
    finding, warning, problem = lines
    assert status == 1
    assert finding.startswith("provider staff: people below ou=x,dc=example,dc=test (sub) by ")
    assert warning.startswith("warning: provider staff: cn=default,")
    assert "where people should be, cannot be read" in problem
    status, lines = check(tmp_path, "ann", "--connect", staff=staff)
    assert (status, lines[1]) == (0, warning)
    assert lines[-1].endswith("the mesibo address 7")


def test_l10_advice_is_no_problem(tmp_path: Path, staff: dict[str, Any]) -> None:
    file = tmp_path / "gateway.yaml"
    config = {"issuer": {"type": "sandbox"}, "apps": {"*": {}}, "providers": {"staff": staff}}
    file.write_text(yaml.safe_dump(config))
    ended = run("check", "--config", str(file), "--connect")
    _, warning, fine = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr, fine) == (0, "", f"{file}: fine")
    assert "locks an account after" in warning
