"""Codes go where a real OpenLDAP says, however somebody was found: by text message and by mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.logins.directories import DRIVERS, by_directory
from tests.logins.site import Site, running, until
from tests.servers.configs import GENEROUS, Config, base_config, http_sender, phone_provider
from tests.servers.mesibo import MesiboCloud
from tests.servers.slapd import Group, Person, Slapd
from tests.servers.sms import SmsVendor
from tests.servers.tls import Authority

MODES: Final = ("desk", "mobile", "mail", "alias")


class Staff:
    """People with a number at their desk and a mobile one; each test takes its own."""

    def __init__(self) -> None:
        self.approved = [_person(f"ann{number}", 1000 + number) for number in range(60)]
        self.others = [_person(f"bob{number}", 2000 + number) for number in range(60)]

    @property
    def all(self) -> list[Person]:
        return [*self.approved, *self.others]


def _person(uid: str, number: int) -> Person:
    return Person(
        uid,
        attributes={
            "telephoneNumber": f"+1 800 111 {number}",
            "mobile": [f"+1 800 222 {number}", f"+1 800 333 {number}"],
            "mail": f"{uid.title()}@Example.test",
            "employeeType": f"{uid}@alias.test",
        },
    )


def desk(person: Person) -> str:
    return _digits(str(person.attributes["telephoneNumber"]))


def mobiles(person: Person) -> list[str]:
    return [_digits(number) for number in person.attributes["mobile"]]


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


@pytest.fixture(scope="module")
def staff() -> Staff:
    return Staff()


@pytest.fixture(scope="module", params=DRIVERS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, staff: Staff
) -> Iterator[Site]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    group = Group("messenger", [person.dn for person in staff.approved])
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, people=staff.all, groups=[group]) as slapd:

        def directory(**lookup: str) -> Config:
            keys: dict[str, Any] = {"lookup": lookup, "groups": {"required": [group.dn]}}
            return by_directory([slapd.tls_url], authority.ca_file, request.param, **keys)

        def configure(mesibo: MesiboCloud, sms: SmsVendor) -> Config:
            def by(kind: str, name: str) -> Config:
                config = phone_provider(sms)["config"]
                if kind == "email_otp":
                    limits = ("per_email", "per_ip", "per_domain", "per_app")
                    config = {
                        "from": "Example <no-reply@example.com>",
                        "limits": dict.fromkeys(limits, GENEROUS),
                        "senders": [http_sender(sms)],
                    }
                config = {**config, "directory": f"staff-{name}"}
                return {"type": kind, "address": f"{name}-{{username}}", "config": config}

            return base_config(
                mesibo,
                sms,
                apps={name: {"providers": [name]} for name in MODES},
                providers={
                    "staff-desk": directory(phone="(telephoneNumber=+{phone})"),
                    "staff-mobile": directory(),
                    "staff-mail": directory(),
                    "staff-alias": directory(email="(employeeType={email})"),
                    **{name: by("phone_otp", name) for name in ("desk", "mobile")},
                    **{name: by("email_otp", name) for name in ("mail", "alias")},
                },
                trusted_proxies=["127.0.0.1/32"],
                logging={"format": "json"},
            )

        with running(tmp_path_factory.mktemp("site"), 1, configure) as found:
            yield found


def test_text_goes_to_the_mobile_of_whom_the_desk_number_finds(site: Site, staff: Staff) -> None:
    ann = staff.approved.pop()
    assert site.login(appid="desk", phone=desk(ann))["result"] == "OK"
    until(lambda: sum(map(site.sms.count, mobiles(ann))) == 1)
    code = site.sms.code_for(max(mobiles(ann), key=site.sms.count))
    assert site.sms.count(desk(ann)) == 0
    signed_in = site.login(appid="desk", phone=desk(ann), otp=code)
    assert (signed_in["result"], signed_in["address"]) == ("OK", f"desk-{ann.uid}")


@pytest.mark.parametrize("which", [0, 1])
def test_text_goes_to_that_number_of_several_that_was_typed(
    site: Site, staff: Staff, which: int
) -> None:
    ann = staff.approved.pop()
    typed, other = mobiles(ann)[which], mobiles(ann)[1 - which]
    code = site.code_for(typed, appid="mobile")
    assert site.sms.count(other) == 0
    assert site.login(appid="mobile", phone=typed, otp=code)["address"] == f"mobile-{ann.uid}"


@pytest.mark.parametrize("app", ["mail", "alias"])
def test_mail_goes_to_the_address_that_the_directory_holds(
    site: Site, staff: Staff, app: str
) -> None:
    ann = staff.approved.pop()
    typed = {"mail": f"{ann.uid.upper()}@example.TEST", "alias": f"{ann.uid}@alias.test"}[app]
    held = f"{ann.uid}@example.test"
    assert site.login(appid=app, email=typed)["result"] == "OK"
    code = site.sms.code_for(held)
    assert site.sms.count(typed) == 0
    signed_in = site.login(appid=app, email=typed, otp=code)
    assert (signed_in["result"], signed_in["address"]) == ("OK", f"{app}-{ann.uid}")


@pytest.mark.parametrize("app", MODES)
@pytest.mark.parametrize("kind", ["in no group", "unknown"])
def test_a19_answer_to_nobody_is_the_same_and_nothing_is_sent(
    site: Site, staff: Staff, app: str, kind: str
) -> None:
    ann = staff.approved.pop()
    other = staff.others.pop() if kind == "in no group" else _person("nobody", 9999)
    field = "phone" if app in ("desk", "mobile") else "email"

    def typed(person: Person) -> dict[str, Any]:
        alias = f"{person.uid}@alias.test" if app == "alias" else f"{person.uid}@example.test"
        return {field: {"desk": desk(person), "mobile": mobiles(person)[0]}.get(app, alias)}

    answers = [site.login(appid=app, **typed(person)) for person in (ann, other)]
    for answer in answers:
        del answer["ts"]
    assert answers[0] == answers[1]
    sent = {desk(other), *mobiles(other), f"{other.uid}@example.test", f"{other.uid}@alias.test"}
    reached = {*mobiles(ann), f"{ann.uid}@example.test"}
    # A message to anybody else would be there, too.
    until(lambda: any(site.sms.count(to) for to in reached))
    assert not any(site.sms.count(to) for to in sent)
