"""Codes for those whom a directory approves of: from the app's request to the token.

Whoever asks from outside sees the same for all: for those whom the directory knows, for those whom
it knows and does not approve of, and for those whom it does not know.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.logins.approved import (
    BUDGET,
    FAILURES,
    MAIL,
    PASSWORD,
    PHONE,
    RESENT,
    SCARCE,
    STAFF,
    PeopleFile,
    configuration,
    fresh_number,
    messages,
)
from tests.logins.site import Site, fresh_client, running, until, words, wrong
from tests.servers.gateway import post

Person = dict[str, Any]
STEPS = pytest.mark.parametrize(
    ("app", "field"), [pytest.param(PHONE, "phone", id="phone"), pytest.param(MAIL, "email")]
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, PeopleFile]]:
    folder: Path = tmp_path_factory.mktemp("approved")
    people = PeopleFile(folder)
    with running(folder, 1, lambda mesibo, sms: configuration(mesibo, sms, people)) as site:
        yield site, people


@pytest.fixture
def site(shared: tuple[Site, PeopleFile]) -> Iterator[Site]:
    yield shared[0]
    shared[0].sms.ok()


@pytest.fixture
def people(shared: tuple[Site, PeopleFile]) -> Iterator[PeopleFile]:
    yield shared[1]
    shared[1].be()


@pytest.fixture
def ann(people: PeopleFile) -> Person:
    return people.add()


def nobody(people: PeopleFile, kind: str) -> Person:
    """Return somebody who gets no code."""
    if kind == "unapproved":
        return people.add(approved=False)
    return {"phone": fresh_number(), "email": f"nobody{fresh_number()}@example.com"}


NOBODY = pytest.mark.parametrize("kind", ["unknown", "unapproved"])


# Who signs in, and as whom


@STEPS
def test_known_person_signs_in(site: Site, ann: Person, app: str, field: str) -> None:
    typed = {"appid": app, field: ann[field]}
    assert site.login(**typed)["result"] == "OK"
    code = site.sms.code_for(ann[field])
    signed_in = site.login(**typed, otp=code, name="Mallory")
    address = f"staff-{ann['subject']}" if app == PHONE else ann["email"]
    assert (signed_in["address"], signed_in["name"]) == (address, "Ann Example")
    assert site.tokens(address) == [signed_in["token"]]


def test_the_same_user_signs_in_by_password(site: Site, ann: Person) -> None:
    by_code = site.sign_in(ann["phone"])
    by_password = site.login(appid=STAFF, username=ann["names"][0], password=PASSWORD)
    assert by_code["address"] == by_password["address"]


def test_text_goes_to_the_number_that_the_directory_holds(site: Site, people: PeopleFile) -> None:
    desk, mobile = fresh_number(), fresh_number()
    people.add(phones=[desk, mobile], phone=mobile)
    assert site.login(phone=desk)["result"] == "OK"
    code = site.sms.code_for(mobile)
    assert site.sms.count(desk) == 0
    assert site.login(phone=desk, otp=code)["result"] == "OK"


def test_mail_goes_to_the_address_that_the_directory_holds(site: Site, people: PeopleFile) -> None:
    number = fresh_number()
    alias, mailbox = f"alias{number}@example.com", f"box{number}@example.com"
    people.add(emails=[alias], email=mailbox)
    assert site.login(appid=MAIL, email=alias)["result"] == "OK"
    code = site.sms.code_for(mailbox)
    assert site.sms.count(alias) == 0
    assert site.login(appid=MAIL, email=alias, otp=code)["address"] == mailbox


# Everybody else


@STEPS
@NOBODY
def test_a19_nothing_is_sent_to_anybody_else(
    site: Site, people: PeopleFile, app: str, field: str, kind: str
) -> None:
    person = nobody(people, kind)
    client = fresh_client()
    assert site.login(appid=app, **{field: person[field]}, client=client)["result"] == "OK"
    (line,) = site.audit(client)
    (message,) = messages(site, request_id=line["request_id"])
    assert message["outcome"] == "nobody"
    assert site.sms.count(person[field]) == 0


def seen(
    site: Site, client: str | None = None, **fields: Any
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return all of a reply but its times."""
    request = {"op": "login", "dt": "1", **fields}
    reply = post(site.gateways[0].url, request, {"X-Forwarded-For": client or fresh_client()})
    body = re.sub(rb'"(ts|resend_after|expires_in)":\d+', rb'"\1":0', reply.body)
    return reply.status, [pair for pair in reply.headers if pair[0] != "Date"], body


@STEPS
@NOBODY
def test_a19_c4_answers_are_the_same_byte_by_byte(
    site: Site, people: PeopleFile, ann: Person, app: str, field: str, kind: str
) -> None:
    other = nobody(people, kind)
    challenges = [
        site.login(appid=app, **{field: person[field]})["challenge"] for person in (ann, other)
    ]
    assert (
        challenges == [{"kind": "code", "provider": app, "resend_after": 60, "expires_in": 600}] * 2
    )
    for more in ({}, {"lang": "de"}, {"otp": "1"}, {"otp": "123456x"}, {"name": "x"}):
        known, unknown = (
            seen(site, appid=app, **{field: person[field]}, **more) for person in (ann, other)
        )
        assert known == unknown
        assert known[0] == 200
    assert site.sms.code_for(ann[field])


@NOBODY
def test_a19_p10_budgets_are_the_same(
    site: Site, people: PeopleFile, ann: Person, kind: str
) -> None:
    for person, outcome in ((ann, "sent"), (nobody(people, kind), "nobody")):
        client = fresh_client()
        use_up(site, appid=SCARCE, phone=person["phone"], client=client)
        lines = messages_to(site, client, BUDGET)
        assert [line["outcome"] for line in lines] == [outcome] * BUDGET
    assert site.sms.count(ann["phone"]) == BUDGET


def use_up(site: Site, **fields: Any) -> None:
    """Ask for codes until there are no more."""
    until(lambda: site.login(**fields).get("error") == "RATELIMIT")


def messages_to(site: Site, client: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait for so many lines about messages that a client asked for; return all of them."""

    def lines() -> list[dict[str, Any]]:
        requests = {line["request_id"] for line in site.audit(client)}
        return [line for line in messages(site, 0) if line["request_id"] in requests]

    until(lambda: len(lines()) >= count)
    return lines()


@NOBODY
def test_p3_tries_are_the_same(site: Site, people: PeopleFile, ann: Person, kind: str) -> None:
    for person in (ann, nobody(people, kind)):
        number = person["phone"]
        assert site.login(phone=number)["result"] == "OK"
        guesses = [site.login(phone=number, otp="000000x") for _ in range(FAILURES + 1)]
        assert words(guesses) == ["BADOTP"] * FAILURES + ["RATELIMIT"]
        assert words([site.login(phone=number)]) == ["RATELIMIT"]


# What changes between the steps


def test_who_is_disabled_between_the_steps_has_a_wrong_code(
    site: Site, people: PeopleFile, ann: Person
) -> None:
    code = site.code_for(ann["phone"])
    people.change(ann, approved=False)
    refused = seen(site, appid=PHONE, phone=ann["phone"], otp=code)
    assert refused == seen(site, appid=PHONE, phone=ann["phone"], otp=wrong(code)[0])
    assert json.loads(refused[2])["error"] == "BADOTP"
    assert site.useradds(f"staff-{ann['subject']}") == []


def test_resent_code_goes_to_whom_the_directory_approves_of_then(
    site: Site, people: PeopleFile, ann: Person
) -> None:
    start = {"appid": RESENT, "phone": ann["phone"]}
    code = site.code_for(ann["phone"], appid=RESENT)
    people.change(ann, approved=False)
    client = fresh_client()
    until(lambda: site.login(**start, client=client) and messages_to(site, client, 0))
    assert {line["outcome"] for line in messages_to(site, client)} == {"nobody"}
    people.change(ann, approved=True)
    until(lambda: site.login(**start) and site.sms.count(ann["phone"]) > 1)
    assert site.sms.code_for(ann["phone"], at_least=2) == code


# When something behind it fails


@STEPS
def test_directory_that_is_down_at_the_first_step(
    site: Site, people: PeopleFile, ann: Person, app: str, field: str
) -> None:
    people.be(down=True)
    other = nobody(people, "unknown")
    for person in (ann, other):
        refused = site.login(appid=app, **{field: person[field]})
        assert refused["error"] == "UNAVAILABLE"
    people.be()
    assert site.login(appid=app, **{field: ann[field]})["result"] == "OK"  # no cool-down
    assert site.sms.code_for(ann[field])


@STEPS
def test_directory_that_is_down_at_the_second_step(
    site: Site, people: PeopleFile, ann: Person, app: str, field: str
) -> None:
    typed = {"appid": app, field: ann[field]}
    site.login(**typed)
    code = site.sms.code_for(ann[field])
    people.be(down=True)
    for _ in range(FAILURES + 1):
        assert site.login(**typed, otp=code)["error"] == "UNAVAILABLE"
    people.be()
    assert site.login(**typed, otp=code)["result"] == "OK"
    assert site.sms.count(ann[field]) == 1


def test_slow_directory_is_waited_for(site: Site, people: PeopleFile, ann: Person) -> None:
    people.be(delay=0.5)
    for number in (ann["phone"], fresh_number()):
        started = time.monotonic()
        assert site.login(phone=number)["result"] == "OK"
        assert time.monotonic() - started >= 0.5
    assert site.login(phone=ann["phone"], otp=site.sms.code_for(ann["phone"]))["result"] == "OK"


def test_answer_does_not_wait_for_the_vendor(site: Site, ann: Person) -> None:
    site.sms.fail("slow:2")
    started = time.monotonic()
    assert site.login(phone=ann["phone"])["result"] == "OK"
    assert time.monotonic() - started < 1.5
    assert site.sms.code_for(ann["phone"])


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("bad_number", "vendor: "),
        ("http500", "senders: vendor: "),
        ("http401", "senders: vendor: "),
    ],
)
def test_a19_what_the_vendor_says_stays_with_the_operator(
    site: Site, people: PeopleFile, ann: Person, fault: str, detail: str
) -> None:
    site.sms.fail(fault)
    client = fresh_client()
    known = seen(site, client, appid=PHONE, phone=ann["phone"])
    (line,) = messages_to(site, client)
    assert (line["level"], line["provider"], line["outcome"]) == ("warning", PHONE, "failed")
    assert line["detail"].startswith(detail)
    assert seen(site, appid=PHONE, phone=fresh_number()) == known


# What is logged


def test_c15_message_has_a_line_of_its_own(site: Site, ann: Person) -> None:
    client = fresh_client()
    site.code_for(ann["phone"], client=client)
    (audit,) = site.audit(client)
    assert audit["outcome"] == "challenge"
    assert audit.keys() & {"sender", "message"} == set()
    (line,) = messages(site, request_id=audit["request_id"])
    assert re.fullmatch("m[0-9]+", line.pop("message"))
    assert line.pop("time") >= audit["time"]
    assert line == {
        "event": "message",
        "level": "info",
        "request_id": audit["request_id"],
        "provider": PHONE,
        "outcome": "sent",
        "sender": "vendor",
    }


def test_c13_p11_neither_code_nor_number_nor_person_is_logged(
    site: Site, people: PeopleFile
) -> None:
    desk, mobile = fresh_number(), fresh_number()
    ann = people.add(phones=[desk], phone=mobile, name="Secret Name")
    client = fresh_client()
    site.login(phone=desk, client=client)
    code = site.sms.code_for(mobile)
    site.login(phone=desk, otp=wrong(code)[0], client=client)
    site.login(phone=desk, otp=code, client=client)
    lines = site.audit(client, 3)
    lines += messages(site, request_id=lines[0]["request_id"])
    assert code not in str(lines)
    logged = "".join(gateway.stdout + gateway.stderr for gateway in site.gateways)
    for secret in (desk, mobile, ann["subject"], "Secret Name", ann["email"]):
        assert secret not in logged


def test_metrics_count_what_went_out(site: Site, ann: Person) -> None:
    def accepted() -> int:
        (metrics,) = site.metrics()
        found = re.search(
            r'^gateway_messages_total\{outcome="accepted",sender="vendor"\} ([0-9.]+)$',
            metrics,
            re.MULTILINE,
        )
        return int(float(found[1])) if found else 0

    before = accepted()
    site.login(phone=fresh_number())
    site.code_for(ann["phone"])
    until(lambda: accepted() == before + 1)
