"""Codes for those whom a real OpenLDAP approves of: who gets one, and that nobody else can tell."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.logins.directories import by_directory
from tests.logins.site import Site, running
from tests.servers.configs import GENEROUS, Config, base_config, phone_provider
from tests.servers.fault_proxy import FaultProxy, Faults
from tests.servers.mesibo import MesiboCloud
from tests.servers.process import HOST
from tests.servers.slapd import GROUPS, Group, Person, Slapd, numbered
from tests.servers.sms import SmsVendor
from tests.servers.tls import Authority

TRIES = 200  # for each kind
BY_ENTRY, BY_SEARCH = "by-entry", "by-search"  # where memberships are: names of providers and apps
LATENCY = 0.003  # seconds, each way between the gateway and the directory


@dataclass(frozen=True)
class Staff:
    """A service, and people of each kind."""

    site: Site
    slapd: Slapd
    network: FaultProxy  # between the gateway and the directory
    kinds: dict[str, list[Person]]

    def take(self, kind: str) -> Person:
        """Return somebody who has not tried to sign in yet."""
        return self.kinds[kind].pop()


def people() -> dict[str, list[Person]]:
    everybody = iter(numbered(number) for number in range(100_000))

    def some(**attributes: str) -> list[Person]:
        made = [next(everybody) for _ in range(2 * TRIES + 20)]
        return [replace(p, attributes={**p.attributes, **attributes}) for p in made]

    return {
        "approved": some(),
        "in no group": some(),
        "locked": some(pwdAccountLockedTime="000001010000Z"),
        "unknown": some(),
    }


def number(person: Person) -> str:
    return str(person.attributes["mobile"]).removeprefix("+")


@pytest.fixture
def staff(shared_staff: Staff) -> Iterator[Staff]:
    yield shared_staff
    shared_staff.network.heal()


@pytest.fixture(scope="module")
def shared_staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staff]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    kinds = people()
    member = Group("messenger", [p.dn for kind in ("approved", "locked") for p in kinds[kind]])
    known = [p for kind, them in kinds.items() if kind != "unknown" for p in them]
    slapd = Slapd(tmp_path_factory.mktemp("slapd"), authority, people=known, groups=[member])

    network = FaultProxy(slapd.tls_port)
    url = f"ldaps://{HOST}:{network.port}"

    def configure(mesibo: MesiboCloud, sms: SmsVendor) -> Config:
        def directory(**groups: Any) -> Config:
            keys = {"preset": "openldap", "groups": {"required": [member.dn], **groups}}
            return by_directory([url], authority.ca_file, "ldap3", **keys)

        def phone(name: str) -> Config:
            entry = phone_provider(sms, directory=f"staff-{name}")
            return {**entry, "address": f"{name}-{{username}}"}

        return base_config(
            mesibo,
            sms,
            apps={name: {"providers": [name]} for name in (BY_ENTRY, BY_SEARCH)},
            providers={
                f"staff-{BY_ENTRY}": directory(),
                f"staff-{BY_SEARCH}": directory(base_dn=GROUPS),
                **{name: phone(name) for name in (BY_ENTRY, BY_SEARCH)},
            },
            trusted_proxies=["127.0.0.1/32"],
            limits={"per_ip": GENEROUS, "failures_per_identity": GENEROUS},
            logging={"format": "json"},
        )

    with ExitStack() as stack:
        stack.enter_context(slapd)
        stack.enter_context(network)
        site = stack.enter_context(running(tmp_path_factory.mktemp("staff"), 1, configure))
        yield Staff(site, slapd, network, kinds)


APPS = pytest.mark.parametrize("app", [BY_ENTRY, BY_SEARCH])


@APPS
def test_approved_person_signs_in_as_the_directorys(staff: Staff, app: str) -> None:
    ann = staff.take("approved")
    code = staff.site.code_for(number(ann), appid=app)
    signed_in = staff.site.login(appid=app, phone=number(ann), otp=code)
    assert signed_in["address"] == f"{app}-{ann.uid}"
    assert signed_in["name"] == ann.attributes["displayName"]


@APPS
@pytest.mark.parametrize("kind", ["in no group", "locked", "unknown"])
def test_a19_nobody_else_gets_a_code(staff: Staff, app: str, kind: str) -> None:
    ann, other = staff.take("approved"), staff.take(kind)
    answers = [staff.site.login(appid=app, phone=number(person)) for person in (ann, other)]
    assert answers[0]["challenge"] == answers[1]["challenge"]
    staff.site.sms.code_for(number(ann))
    assert staff.site.sms.count(number(other)) == 0


def test_who_leaves_the_group_between_the_steps(staff: Staff) -> None:
    ann = staff.take("approved")
    code = staff.site.code_for(number(ann), appid=BY_ENTRY)
    group = f"cn=messenger,{GROUPS}"
    staff.slapd.change(f"dn: {group}\nchangetype: modify\ndelete: member\nmember: {ann.dn}\n")
    typed: dict[str, Any] = {"appid": BY_ENTRY, "phone": number(ann), "otp": code}
    assert staff.site.login(**typed)["error"] == "BADOTP"
    staff.slapd.change(f"dn: {group}\nchangetype: modify\nadd: member\nmember: {ann.dn}\n")
    assert staff.site.login(**typed)["result"] == "OK"


def test_number_that_two_people_have_is_nobodys(staff: Staff) -> None:
    ann, bob = staff.take("approved"), staff.take("approved")
    staff.slapd.change(f"dn: {bob.dn}\nchangetype: modify\nadd: mobile\nmobile: +{number(ann)}\n")
    assert staff.site.login(appid=BY_ENTRY, phone=number(ann))["result"] == "OK"
    staff.site.code_for(number(bob), appid=BY_ENTRY)
    assert staff.site.sms.count(number(ann)) == 0


def test_directory_down_at_each_step(staff: Staff) -> None:
    ann, bob = staff.take("approved"), staff.take("approved")
    code = staff.site.code_for(number(ann), appid=BY_ENTRY)
    staff.slapd.stop()
    typed: dict[str, Any] = {"appid": BY_ENTRY, "phone": number(ann), "otp": code}
    assert staff.site.login(**typed)["error"] == "UNAVAILABLE"
    for other in (bob, staff.take("unknown")):
        assert staff.site.login(appid=BY_ENTRY, phone=number(other))["error"] == "UNAVAILABLE"
    staff.slapd.start()
    deadline = time.monotonic() + 10
    while (answer := staff.site.login(**typed)).get("error") == "UNAVAILABLE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer["result"] == "OK"
    assert staff.site.code_for(number(bob), appid=BY_ENTRY)


@pytest.mark.parametrize(
    ("app", "kinds"),
    [
        (BY_ENTRY, ["approved", "in no group", "locked", "unknown"]),
        (BY_SEARCH, ["approved", "in no group", "locked", "unknown"]),
    ],
)
def test_c4_a19_everybody_takes_as_long(staff: Staff, app: str, kinds: list[str]) -> None:
    tries = [(kind, staff.take(kind)) for kind in kinds for _ in range(TRIES)]
    random.Random(4).shuffle(tries)
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    staff.network.set(Faults(latency=LATENCY))
    for kind, person in tries:
        started = time.perf_counter()
        answer = staff.site.login(appid=app, phone=number(person))
        took[kind].append(time.perf_counter() - started)
        assert answer["result"] == "OK"
    medians = {kind: statistics.median(seconds) for kind, seconds in took.items()}
    fastest, slowest = min(medians.values()), max(medians.values())
    assert slowest - fastest < min(0.01, 0.1 * slowest), medians
