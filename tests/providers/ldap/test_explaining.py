"""What an operator is told of somebody's sign-in, without their password."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from providers import Explanation, Rejected
from providers.ldap import Ldap
from tests.providers.ldap.staff import BY_SEARCH, BY_TEMPLATE, DRIVERS, provider, sign_in
from tests.servers.process import HOST
from tests.servers.slapd import (
    GROUPS,
    LOCKED,
    LOCKOUT,
    MUST_CHANGE,
    PEOPLE,
    SERVICE,
    SUFFIX,
    Person,
    Slapd,
    numbered,
)
from tests.servers.tls import Authority

NewLdap = Callable[..., Ldap]
USER = numbered(1)
ENG, STAFF = f"cn=eng,{GROUPS}", f"cn=staff,{GROUPS}"


@pytest.fixture(params=DRIVERS)
async def new_ldap(
    request: pytest.FixtureRequest, directory: Slapd, authority: Authority
) -> AsyncIterator[NewLdap]:
    made: list[Ldap] = []

    def new(**keys: Any) -> Ldap:
        urls = keys.pop("urls", [directory.tls_url])
        made.append(provider(urls, authority.ca_file, driver=request.param, **keys))
        return made[-1]

    yield new
    for ldap in made:
        await ldap.close()


def steps(explanation: Explanation) -> list[str]:
    assert not any("svc-secret" in step or "\n" in step for step in explanation.steps)
    return list(explanation.steps)


async def test_steps_of_somebody_who_may_sign_in(new_ldap: NewLdap, directory: Slapd) -> None:
    groups = {"required": [STAFF, ENG], "denied": [f"cn=unix,{GROUPS}"]}
    ldap = new_ldap(**BY_SEARCH, preset="openldap", groups=groups)
    directory.forget()
    explanation = await ldap.explain(" User1 ")
    assert steps(explanation) == [
        f"server: {directory.tls_url}",
        f"searches as: {SERVICE}",
        f"search: below {PEOPLE} (sub) for (uid=User1)",
        f"entry: {USER.dn}",
        "state: nothing against it",
        "password: nothing against it that shows",
        "denied groups: in none",
        f"required groups: {ENG}",
    ]
    identity = explanation.identity
    assert identity is not None
    assert (identity.username, identity.email) == ("user1", "user1@example.test")
    assert directory.binds() == [SERVICE]


@pytest.mark.parametrize(
    ("name", "keys", "end"),
    [
        ("nobody", {}, "entry: none: the next provider is asked, or BADLOGIN"),
        (
            LOCKED.uid,
            {"preset": "openldap"},
            "refused here, told as BADLOGIN: account locked by an administrator",
        ),
        ("user2", {"groups": {"required": [ENG]}}, "BADLOGIN: in no required group"),
        ("user1", {"groups": {"denied": [ENG]}}, "BADLOGIN: in a denied group"),
        (
            "user1",
            {"user_search": {"base_dn": PEOPLE, "filter": "(|(uid={username})(uid=user2))"}},
            "BADLOGIN: more than one entry fits",
        ),
        ("user1", {"id_attribute": "employeeNumber"}, "no readable employeeNumber"),
        ("user1", {"user_search": {"base_dn": f"ou=x,{SUFFIX}"}}, "told as UNAVAILABLE: there is"),
        ("user1", {"bind_password": "wrong"}, "refuses bind_dn and bind_password: wrong"),
        ("user\u200b1", {}, "refused at once, told as BADLOGIN: no login name"),
    ],
)
async def test_last_step_says_why_somebody_may_not(
    new_ldap: NewLdap, name: str, keys: dict[str, Any], end: str
) -> None:
    explanation = await new_ldap(**BY_SEARCH | keys).explain(name)
    assert explanation.identity is None
    assert end in steps(explanation)[-1]


async def test_l11_account_that_is_locked_for_a_while_is_refused(
    new_ldap: NewLdap, directory: Slapd
) -> None:
    person = Person("shut")
    directory.add(person)
    ldap = new_ldap(**BY_SEARCH, preset="openldap")
    assert (await ldap.explain(person.uid)).identity is not None
    for _ in range(LOCKOUT):
        with pytest.raises(Rejected):
            await sign_in(ldap, person.uid, "wrong")
    explanation = await ldap.explain(person.uid)
    directory.change(f"dn: {person.dn}\nchangetype: delete\n")
    why = r"account locked at \d{14}Z, until pwdLockoutDuration has passed"
    last, *others = reversed(steps(explanation))
    assert re.fullmatch(f"refused here, told as BADLOGIN: {why}", last)
    assert any(re.fullmatch(f"password: {why}", step) for step in others)
    assert explanation.identity is None


async def test_l11_password_that_has_to_be_changed_is_refused(new_ldap: NewLdap) -> None:
    ldap = new_ldap(**BY_SEARCH, preset="openldap", groups={"denied": [ENG]})
    explanation = await ldap.explain(MUST_CHANGE.uid)
    assert steps(explanation)[-4:] == [
        "state: nothing against it",
        "password: must change the password",
        "denied groups: in none",
        "refused here, told as BADLOGIN: must change the password",
    ]
    assert explanation.identity is None


async def test_l9_refused_service_account_is_told_in_a_step_and_not_in_the_log(
    new_ldap: NewLdap, capsys: pytest.CaptureFixture[str]
) -> None:
    ldap = new_ldap(**BY_SEARCH | {"bind_password": "wrong"})
    assert "correct bind_dn or bind_password" in steps(await ldap.explain("user1"))[-1]
    assert capsys.readouterr() == ("", "")


async def test_name_is_part_of_the_filter_and_nothing_else(new_ldap: NewLdap) -> None:
    explanation = await new_ldap(**BY_SEARCH).explain("*)(uid=*")
    assert f"search: below {PEOPLE} (sub) for (uid=\\2a\\29\\28uid\\3d\\2a)" in steps(explanation)
    assert explanation.identity is None


async def test_steps_of_a_template(new_ldap: NewLdap, directory: Slapd) -> None:
    as_service = {"bind_dn": SERVICE, "bind_password": "svc-secret"}
    explanation = await new_ldap(**BY_TEMPLATE, **as_service).explain("user1")
    assert steps(explanation) == [
        f"server: {directory.tls_url}",
        f"binds as: {USER.dn}",
        f"entry: {USER.dn}",
        "state: not looked at without a preset",
    ]
    assert explanation.identity is not None


async def test_without_a_service_account_there_is_little_to_see(new_ldap: NewLdap) -> None:
    explanation = await new_ldap(**BY_TEMPLATE).explain("user1")
    assert steps(explanation)[-1] == "the rest: only they may see, since there is no bind_dn"
    assert explanation.identity is None


async def test_each_server_that_was_tried_is_named(new_ldap: NewLdap, directory: Slapd) -> None:
    urls = [f"ldaps://{HOST}:1", directory.tls_url]
    found = steps(await new_ldap(urls=urls, **BY_SEARCH).explain("user1"))
    assert [step for step in found if step.startswith("server")] == [
        f"server: {url}" for url in urls
    ]
    found = steps(await new_ldap(urls=urls[:1], **BY_SEARCH).explain("user1"))
    assert found[-1].startswith(f"ends here, told as UNAVAILABLE: {urls[0]}: ")
