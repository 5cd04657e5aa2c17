from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.samba import (
    ANN,
    BASE,
    BOB,
    COMMA,
    DISABLED,
    ENGINEERS,
    LOCKED,
    LOCKOUT,
    MUST_CHANGE,
    OVER,
    SERVICE,
    SPECIAL_NAMES,
    STAFF,
    Person,
    Samba,
)

_SEARCH = ("ldapsearch", "-xLLL", "-o", "ldif-wrap=no", "-b", BASE)
IN_CHAIN = "1.2.840.113556.1.4.1941"


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as controller:
        yield controller


def search(controller: Samba, text: str, *attributes: str) -> str:
    service = ["-D", SERVICE.principal, "-w", SERVICE.password]
    done = subprocess.run(
        [*_SEARCH, "-H", controller.tls_url, *service, text, *attributes],
        env=os.environ | {"LDAPTLS_CACERT": str(controller.ca_file)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_people_of_all_names_can_bind(controller: Samba, name: str) -> None:
    person = Person(name)
    assert controller.bind(person.principal, person.password)[0] == 0
    assert controller.bind(person.principal, "wrong")[0] == 49


def test_a_person_has_several_names(controller: Samba) -> None:
    for name in (ANN.dn, ANN.principal, "ann@ad.test", "AD\\ann"):
        assert controller.bind(name, ANN.password)[0] == 0
    assert controller.bind(COMMA.dn, COMMA.password)[0] == 0


@pytest.mark.parametrize(
    ("who", "password", "data"),
    [
        (BOB.principal, "wrong", "52e"),
        ("nobody@ad.test", "wrong", "52e"),
        (DISABLED.principal, DISABLED.password, "533"),
        (OVER.principal, OVER.password, "701"),
        (MUST_CHANGE.principal, MUST_CHANGE.password, "773"),
        (LOCKED.principal, LOCKED.password, "775"),
    ],
    ids=["wrong", "unknown", "disabled", "over", "must-change", "locked"],
)
def test_a_refusal_says_why(controller: Samba, who: str, password: str, data: str) -> None:
    code, text = controller.bind(who, password)
    assert (code, f"data {data}," in text) == (49, True)


def test_wrong_passwords_lock_an_account(tmp_path: Path) -> None:
    with Samba(tmp_path) as controller:
        for _ in range(LOCKOUT):
            assert "data 52e," in controller.bind(BOB.principal, "wrong")[1]
        assert "data 775," in controller.bind(BOB.principal, BOB.password)[1]
        controller.change(
            f"dn: {BOB.dn}\nchangetype: modify\nreplace: lockoutTime\nlockoutTime: 0\n"
        )
        assert controller.bind(BOB.principal, BOB.password)[0] == 0


def test_passwords_need_tls(controller: Samba) -> None:
    command = ["ldapsearch", "-x", "-H", controller.url, "-D", ANN.dn, "-w", ANN.password]
    env = os.environ | {"LDAPTLS_CACERT": str(controller.ca_file)}
    root = ["-s", "base", "-b", ""]
    assert subprocess.run([*command, *root], capture_output=True, env=env).returncode == 8
    assert subprocess.run([*command, *root, "-ZZ"], capture_output=True, env=env).returncode == 0


def test_groups_are_nested(controller: Samba) -> None:
    assert f"memberOf: {ENGINEERS.dn}\n" in search(controller, "(sAMAccountName=ann)", "memberOf")
    for group in (ENGINEERS, STAFF):
        found = search(controller, f"(memberOf:{IN_CHAIN}:={group.dn})", "1.1")
        assert "dn: CN=Ann Lee," in found
    assert "dn: CN=Ann" not in search(controller, f"(memberOf={STAFF.dn})", "1.1")


def test_people_have_numbers_and_addresses(controller: Samba) -> None:
    found = search(controller, "(userPrincipalName=ann.lee@ad.test)", "sAMAccountName", "mobile")
    assert "sAMAccountName: ann\n" in found
    assert "mobile: +1 800 555 0101\n" in found


def test_controllers_are_on_their_own_and_can_start_again(
    controller: Samba, tmp_path: Path
) -> None:
    with Samba(tmp_path) as other:
        assert other.host != controller.host
        other.change(f"dn: {ANN.dn}\nchangetype: delete\n")
        assert other.bind(ANN.principal, ANN.password)[0] == 49
    assert other.bind(BOB.principal, BOB.password)[0] == 255
    assert controller.bind(ANN.principal, ANN.password)[0] == 0
    with other:
        assert other.bind(BOB.principal, BOB.password)[0] == 0
        assert other.bind(ANN.principal, ANN.password)[0] == 49


def test_nothing_of_a_controller_is_left_running(tmp_path: Path) -> None:
    with Samba(tmp_path):
        assert running_in(tmp_path)
    assert running_in(tmp_path) == []


def running_in(folder: Path) -> list[Path]:
    """Return which processes work in ``folder``."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # it has ended, or it is none of ours
            if link.readlink().is_relative_to(folder):
                found.append(link)
    return found
