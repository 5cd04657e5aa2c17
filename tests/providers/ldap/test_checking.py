"""What ``check --connect`` says of a directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from config import Limit
from providers.ldap import Ldap
from tests.providers.ldap.staff import BY_SEARCH, BY_TEMPLATE, DRIVERS, provider
from tests.servers.ldap_fake import LdapFake, Talk, say_yes
from tests.servers.process import HOST
from tests.servers.slapd import GROUPS, LOCKOUT, PEOPLE, SERVICE, SUFFIX, Slapd
from tests.servers.tls import Authority

NewLdap = Callable[..., Ldap]
ENG = f"cn=eng,{GROUPS}"
NONE = f"cn=none,{GROUPS}"
BY_MEMBER = f"groups below {GROUPS} (sub) by (member={{dn}})"
BY_PRINCIPAL = "who bind as {username}@corp.test"
SECRETS = ("svc-secret", "wrong-secret")


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


async def problems(ldap: Ldap) -> list[str]:
    found = await ldap.check()
    assert not any(secret in line for line in found for secret in SECRETS)
    assert not any("\n" in line for line in found)
    return found


@pytest.mark.parametrize(
    "keys",
    [
        BY_SEARCH,
        BY_SEARCH | {"groups": {"required": [ENG], "denied": [f"cn=staff,{GROUPS}"]}},
        BY_SEARCH | {"groups": {"required": [ENG], "base_dn": GROUPS}},
        BY_SEARCH | {"user_search": {"base_dn": PEOPLE, "filter": "(uid:=*{username})"}},
        BY_TEMPLATE,
        BY_TEMPLATE | {"groups": {"required": [NONE]}},  # only people themselves could tell
        BY_SEARCH | BY_TEMPLATE | {"user_search": None, "groups": {"required": [ENG]}},
    ],
    ids=["search", "groups", "groups by search", "matching rule", "template", "as people", "both"],
)
async def test_directory_that_is_fine(
    new_ldap: NewLdap, directory: Slapd, keys: dict[str, Any]
) -> None:
    directory.forget()
    ldap = new_ldap(**keys)
    assert ldap.findings() == []
    assert await problems(ldap) == []
    (finding,) = ldap.findings()
    assert finding.endswith("; 1 of 1 servers answer")
    assert directory.connections() >= 1
    assert set(directory.binds()) <= {SERVICE}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        pytest.param(
            {"user_search": {"base_dn": f"ou=x,{SUFFIX}"}},
            f"ou=x,{SUFFIX}, where people should be, cannot be read; correct the name",
            id="base",
        ),
        pytest.param(
            {"user_search": {"base_dn": PEOPLE, "filter": "(&(uid={username})(cn=x))"}},
            f"a search below {PEOPLE} for (&(uid=*)(cn=x)) finds nobody; correct user_search",
            id="filter",
        ),
        pytest.param(
            {"preset": "active_directory"},
            "(|(sAMAccountName=*)(userPrincipalName=*))) finds nobody; correct user_search or pres",
            id="preset",
        ),
        pytest.param(
            {"id_attribute": "employeeNumber"},
            f"employeeNumber cannot be read of anybody below {PEOPLE}; set id_attribute",
            id="l14 id attribute",
        ),
        pytest.param(
            {"groups": {"required": [ENG, NONE]}},
            f"groups.required: {NONE} cannot be read; correct the name, or let bind_dn read it",
            id="required group",
        ),
        pytest.param(
            {"groups": {"denied": [NONE]}}, f"groups.denied: {NONE} cannot be", id="denied group"
        ),
        pytest.param(
            {"groups": {"required": [ENG], "base_dn": f"ou=x,{SUFFIX}"}},
            f"groups.base_dn: ou=x,{SUFFIX} cannot be read",
            id="base of groups",
        ),
        pytest.param(
            {"bind_dn": None, "bind_password": None},
            f"{PEOPLE}, where people should be, cannot be read",
            id="anonymous",
        ),
        pytest.param(
            {"bind_password": "wrong-secret"},
            "refuses bind_dn and bind_password: wrong password, or an account that is locked; "
            "correct bind_dn or bind_password",
            id="service account",
        ),
    ],
)
async def test_problem_says_what_to_do(
    new_ldap: NewLdap, directory: Slapd, keys: dict[str, Any], told: str
) -> None:
    (problem,) = await problems(new_ldap(**BY_SEARCH | keys))
    assert problem.startswith(directory.tls_url)
    assert told in problem


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (BY_SEARCH, f"people below {PEOPLE} (sub) by (uid={{username}}); no groups"),
        (
            BY_SEARCH | {"groups": {"required": [ENG], "base_dn": GROUPS}},
            f"people below {PEOPLE} (sub) by (uid={{username}}); {BY_MEMBER}",
        ),
        (
            BY_SEARCH
            | {
                "user_search": {"base_dn": PEOPLE, "scope": "one", "filter": "(cn={username})"},
                "groups": {"denied": [ENG]},
            },
            f"people below {PEOPLE} (one) by (cn={{username}}); groups by memberOf",
        ),
        (BY_TEMPLATE, f"people are uid={{username}},{PEOPLE}; no groups"),
        (
            {"user_dn": "{username}@corp.test"},
            f"people below the whole domain (sub) by (uid={{username}}), {BY_PRINCIPAL}; no groups",
        ),
    ],
    ids=["search", "groups by search", "own keys", "template", "principal"],
)
async def test_findings_show_what_is_really_asked(
    new_ldap: NewLdap, keys: dict[str, Any], told: str
) -> None:
    ldap = new_ldap(**keys)
    assert await problems(ldap) == []
    assert ldap.findings() == [f"{told}; 1 of 1 servers answer"]


async def test_findings_count_the_servers_that_answer(new_ldap: NewLdap, directory: Slapd) -> None:
    ldap = new_ldap(urls=[directory.tls_url, f"ldaps://{HOST}:1"], **BY_SEARCH)
    assert len(await problems(ldap)) == 1
    (finding,) = ldap.findings()
    assert finding.endswith("; 1 of 2 servers answer")
    ldap = new_ldap(urls=[f"ldaps://{HOST}:1"], **BY_SEARCH)
    assert len(await problems(ldap)) == 1
    assert ldap.findings() == []


async def test_base_that_is_not_there_is_one_problem_and_no_more(new_ldap: NewLdap) -> None:
    """Of course nobody there has memberOf."""
    keys = {"user_search": {"base_dn": f"ou=x,{SUFFIX}"}, "groups": {"denied": [ENG]}}
    (problem,) = await problems(new_ldap(**BY_SEARCH | keys))
    assert f"ou=x,{SUFFIX}, where people should be, cannot be read" in problem


async def test_port_without_tls_is_called_one(new_ldap: NewLdap, directory: Slapd) -> None:
    url = f"ldaps://{HOST}:{directory.port}"
    (problem,) = await problems(new_ldap(urls=[url], **BY_SEARCH))
    hint = "see that it runs, and that urls and tls fit"
    assert problem == f"{url}: no TLS: the server closed the connection; {hint}"


async def test_l15_server_that_wants_tls_is_no_matter_of_the_service_account(
    new_ldap: NewLdap, directory: Slapd
) -> None:
    ldap = new_ldap(urls=[directory.url], allow_cleartext=True, **BY_SEARCH)
    (problem,) = await problems(ldap)
    told = "the server wants TLS before passwords (result code 13)"
    assert problem == f"{directory.url}: {told}; use ldaps:// or tls.start_tls: true"


async def test_l9_refused_service_account_is_a_problem_and_not_in_the_log(
    new_ldap: NewLdap, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(await problems(new_ldap(**BY_SEARCH | {"bind_password": "wrong-secret"}))) == 1
    assert capsys.readouterr() == ("", "")


async def test_entries_without_member_of(
    new_ldap: NewLdap, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whoever is in a denied group would come in."""
    folder = tmp_path_factory.mktemp("slapd")
    with Slapd(folder, authority, users=2) as directory:
        ldap = new_ldap(urls=[directory.tls_url], **BY_SEARCH, groups={"denied": [SERVICE]})
        (problem,) = await problems(ldap)
        assert f"nobody below {PEOPLE} has memberOf; let bind_dn read it, or set" in problem


async def test_all_problems_of_all_servers_are_told(
    new_ldap: NewLdap, directory: Slapd, authority: Authority
) -> None:
    with LdapFake(say_yes, authority.server("expired")) as expired:
        urls = [f"ldaps://{HOST}:1", f"ldaps://{HOST}:{expired.port}", directory.tls_url]
        ldap = new_ldap(urls=urls, **BY_SEARCH, groups={"required": [NONE], "denied": [NONE]})
        found = await problems(ldap)
    starts = [urls[0], urls[1], urls[2], urls[2]]
    assert [line.startswith(url) for line, url in zip(found, starts, strict=True)] == [True] * 4
    assert "efused" in found[0]
    assert "certificate" in found[1]
    assert "expired" in found[1]
    assert found[0].endswith("; see that it runs, and that urls and tls fit")


async def test_refused_service_account_is_tried_at_one_server_only(
    new_ldap: NewLdap, directory: Slapd
) -> None:
    directory.forget()
    ldap = new_ldap(urls=[directory.tls_url] * 3, **BY_SEARCH | {"bind_password": "wrong-secret"})
    assert len(await problems(ldap)) == 1
    assert directory.binds() == [SERVICE]


async def test_server_that_says_nothing_is_a_problem_in_time(
    new_ldap: NewLdap, authority: Authority
) -> None:
    async def silence(talk: Talk) -> None:
        await talk.silence()

    timeout = {"connect": "200ms", "operation": "200ms", "total": "500ms"}
    with LdapFake(silence, authority.server()) as silent:
        ldap = new_ldap(urls=[f"ldaps://{HOST}:{silent.port}"] * 2, **BY_SEARCH, timeout=timeout)
        async with asyncio.timeout(2):
            found = await problems(ldap)
    assert len(found) == 2


# Lock-outs


async def test_l10_accounts_that_anybody_can_lock_are_a_warning(
    directory: Slapd, authority: Authority
) -> None:
    """The policy there forgets no failure but by the right password."""
    limits = [Limit(LOCKOUT - 1, 900.0)]
    ldap = provider([directory.tls_url] * 2, authority.ca_file, limits, **BY_SEARCH)
    assert ldap.advice() == []
    assert await problems(ldap) == []
    (advice,) = ldap.advice()
    await ldap.close()
    assert "lets any number through: anybody can lock others out" in advice
