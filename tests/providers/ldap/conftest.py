from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
import uvloop

from providers.ldap.ldap3_driver import Ldap3Driver
from providers.ldap.python_ldap_driver import PythonLdapDriver
from tests.providers.ldap.asking import Asking
from tests.servers.slapd import (
    EXPIRED,
    GRACE,
    LOCKED,
    MUST_CHANGE,
    SPECIAL_NAMES,
    Group,
    Person,
    Slapd,
    numbered,
)
from tests.servers.tls import Authority

DRIVERS = [Ldap3Driver, PythonLdapDriver]
NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    found: NewLoop = request.param
    return found


@pytest.fixture(params=DRIVERS)
def asking(request: pytest.FixtureRequest, new_loop: NewLoop) -> Asking:
    return Asking(request.param, new_loop)


@pytest.fixture
def asking_strictly(new_loop: NewLoop) -> Asking:
    """By the driver that reads every byte itself. What libldap makes of it: test_libldap.py."""
    return Asking(Ldap3Driver, new_loop)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    """A directory for all tests: they may add to it and read it, and leave what is there."""
    people = [Person("ann"), LOCKED, MUST_CHANGE, EXPIRED, GRACE, *map(Person, SPECIAL_NAMES)]
    eng = Group("eng", [numbered(1).dn])
    groups = [eng, Group("staff", [eng.dn]), Group("unix", uids=["user1"])]
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, users=600, people=people, groups=groups) as directory:
        yield directory


@pytest.fixture(scope="session")
def big_directory(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Slapd]:
    """A directory of 100,000 people, to be read only."""
    with Slapd(tmp_path_factory.mktemp("slapd"), authority, users=100_000) as directory:
        yield directory
