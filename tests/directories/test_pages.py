"""What the pages of docs/directories/ tell is done: somebody signs in, and others are refused."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pages
from tests.directories import active_directory, openldap, relatives
from tests.directories.pages import SERVICE_PASSWORD, Setup, environment
from tests.logins.site import until
from tests.servers.gateway import ROOT, GatewayProcess, post
from tests.servers.mesibo import MesiboCloud
from tests.servers.slapd import MUST_CHANGE, PEOPLE, SUFFIX

KINDS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Setup]]] = {
    "openldap": openldap.openldap,
    "freeipa": relatives.freeipa,
    "389ds": relatives.ds389,
    "active-directory": active_directory.active_directory,
}
STATES = {
    "openldap": openldap.STATES,
    "freeipa": relatives.STATES_OF_FREEIPA,
    "389ds": relatives.STATES,
    "active-directory": active_directory.STATES,
}
REFUSED = [(kind, name, why) for kind, states in STATES.items() for name, why in states.items()]
MORE_THAN_ENOUGH = 12  # wrong passwords: the pages' directories lock after 10
LOCKING = pytest.mark.parametrize("kind", ["openldap", "active-directory"])
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


class Site:
    """A gateway that is configured as a page tells."""

    def __init__(self, setup: Setup, gateway: GatewayProcess, env: dict[str, str]) -> None:
        self.setup = setup
        self.gateway = gateway
        self.env = env
        self._count = 0

    def login(self, name: str, password: str | None = None) -> dict[str, Any]:
        """Sign in, with the right password unless there is one."""
        fields = {"username": name, "password": password or self.setup.password(name)}
        request = {"op": "login", "appid": "com.example.messenger", **fields}
        answer: dict[str, Any] = post(self.gateway.url, request).json
        self._count += 1
        return answer

    def refusal(self, name: str, password: str | None = None) -> str:
        """Sign in in vain; return what the log says."""
        assert self.login(name, password)["error"] == "BADLOGIN"
        until(lambda: len(self._logins()) == self._count)
        detail: str = self._logins()[-1]["detail"]
        return detail

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command ``check``."""
        command = [sys.executable, "-m", "gateway", "check", *arguments, "--config"]
        file = str(self.gateway.config_file)
        return subprocess.run(
            [*command, file], env=self.env, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def _logins(self) -> list[dict[str, Any]]:
        complete = self.gateway.stderr.split("\n")[:-1]
        events = [json.loads(line) for line in complete]
        return [event for event in events if event["event"] == "login"]


class Sites:
    """Starts what a page needs, once."""

    def __init__(self, running: contextlib.ExitStack, mktemp: Callable[[str], Path]) -> None:
        self._running = running
        self._mktemp = mktemp
        self._mesibo = running.enter_context(MesiboCloud())
        self._setups: dict[str, Setup] = {}
        self._sites: dict[tuple[str, int], Site] = {}

    def of(self, kind: str, variant: int = 0) -> Site:
        if (kind, variant) not in self._sites:
            setup = self._setup(kind)
            config = setup.page.config(setup.place, self._mesibo, variant)
            env = environment(self._mesibo)
            gateway = GatewayProcess(self._mktemp("gateway"), config, env=env)
            self._sites[kind, variant] = Site(setup, self._running.enter_context(gateway), env)
        return self._sites[kind, variant]

    def _setup(self, kind: str) -> Setup:
        if kind not in self._setups:
            directory = KINDS[kind](self._mktemp("directory"))
            self._setups[kind] = self._running.enter_context(directory)
        return self._setups[kind]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with contextlib.ExitStack() as running:
        yield Sites(running, tmp_path_factory.mktemp)


@pytest.fixture
def site(kind: str, sites: Sites) -> Site:
    return sites.of(kind)


def test_every_page_is_run_and_in_the_index() -> None:
    folder = pages.ROOT / "docs" / "directories"
    assert {path.stem for path in folder.glob("*.md")} - {"README"} == KINDS.keys()
    rows = re.findall(r"^\|.*\]\((.*)\.md\)", (folder / "README.md").read_text(), re.MULTILINE)
    assert set(rows) == KINDS.keys()


@EVERY_KIND
def test_the_upstreams_are_fine(site: Site) -> None:
    checked = site.check("--connect")
    finding, fine = checked.stdout.splitlines()
    assert (fine, checked.returncode) == (f"{site.gateway.config_file}: fine", 0)
    servers = r"(\d) of \1 servers answer"
    told = rf"provider staff: people below .+ \(sub\) by \(.+\); groups .+; {servers}"
    assert re.fullmatch(told, finding)


@EVERY_KIND
@pytest.mark.parametrize(
    ("name", "status", "last"),
    [
        ("ann", 0, "signs in, if the proof is right, with the mesibo address staff:"),
        ("bob", 1, "refused here, told as BADLOGIN: in no required group"),
        ("nobody", 1, "entry: none"),
    ],
)
def test_check_tells_who_would_be_let_in(site: Site, name: str, status: int, last: str) -> None:
    checked = site.check("--user", name)
    assert checked.returncode == status
    assert checked.stdout.splitlines()[-1].startswith(f"provider staff: {last}")


@pytest.mark.parametrize(
    ("kind", "name"), [("openldap", MUST_CHANGE.uid), ("active-directory", "new")]
)
def test_check_tells_whose_password_has_to_be_changed_first(site: Site, name: str) -> None:
    checked = site.check("--user", name)
    last = "provider staff: refused here, told as BADLOGIN: must change the password"
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (1, last)


@EVERY_KIND
def test_a_member_of_the_group_signs_in(site: Site) -> None:
    answer = site.login("ann")
    assert answer["token"]
    assert answer["address"].startswith("staff:")


@EVERY_KIND
def test_a_wrong_password_is_refused(site: Site) -> None:
    assert "wrong password" in site.refusal("ann", "not-the-password")


@EVERY_KIND
def test_an_unknown_name_is_refused(site: Site) -> None:
    assert site.refusal("nobody") == "no such entry"


@EVERY_KIND
def test_who_is_in_no_group_is_refused(site: Site) -> None:
    assert site.refusal("bob") == "in no required group"


@pytest.mark.parametrize(("kind", "name", "why"), REFUSED)
def test_an_account_that_may_not_be_used_is_refused(site: Site, name: str, why: str) -> None:
    assert site.refusal(name) == why


@LOCKING
def test_l10_strangers_lock_nobody_out_through_the_gateway(site: Site) -> None:
    words = [site.login("dan", "not-the-password")["error"] for _ in range(MORE_THAN_ENOUGH)]
    assert words == ["BADLOGIN"] * 5 + ["RATELIMIT"] * (MORE_THAN_ENOUGH - 5)
    assert site.setup.binds("dan", site.setup.password("dan"))


@LOCKING
def test_the_directory_itself_locks_as_the_page_says(site: Site) -> None:
    for _ in range(MORE_THAN_ENOUGH):
        assert not site.setup.binds("lee", "not-the-password")
    assert not site.setup.binds("lee", site.setup.password("lee"))
    assert site.refusal("lee") == "account locked"
    checked = site.check("--user", "lee")
    last = "provider staff: refused here, told as BADLOGIN: account locked"
    assert checked.returncode == 1
    assert checked.stdout.splitlines()[-1].startswith(last)


@pytest.mark.parametrize("kind", ["openldap"])
def test_the_service_account_reads_what_it_needs_and_nothing_else(site: Site) -> None:
    by = ["-D", f"cn=gateway,ou=services,{SUFFIX}", "-w", SERVICE_PASSWORD]
    found = site.setup.search(*by, "-b", PEOPLE, "(uid=ann)", "*", "+")
    assert set(re.findall("^[a-zA-Z]+", found.stdout, re.MULTILINE)) == {
        "dn",
        "objectClass",
        "uid",
        "mail",
        "mobile",
        "displayName",
        "entryUUID",
    }


# -- Active Directory alone


def test_all_names_of_a_person_are_one_person(sites: Sites) -> None:
    site = sites.of("active-directory")
    names = ("ann", "AD\\ann", "ad\\ANN", "ann@ad.test", "Ann@AD.TEST")
    addresses = {site.login(name, site.setup.password("ann"))["address"] for name in names}
    assert len(addresses) == 1


@pytest.mark.parametrize("name", ["pam", "pam@ad.test"])
def test_without_a_service_account_a_member_signs_in(sites: Sites, name: str) -> None:
    site = sites.of("active-directory", variant=1)
    address = site.login(name, site.setup.password("pam"))["address"]
    assert address == sites.of("active-directory").login("pam")["address"]


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("pam", "not-the-password", "wrong password"),
        ("nobody", "not-the-password", "wrong password"),
        ("bob", None, "in no required group"),
        ("eve", None, "account disabled"),
    ],
)
def test_without_a_service_account_others_are_refused(
    sites: Sites, name: str, password: str | None, why: str
) -> None:
    assert sites.of("active-directory", variant=1).refusal(name, password) == why
