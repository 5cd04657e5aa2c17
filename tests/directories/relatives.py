"""Directories that cannot run here: an OpenLDAP with their trees, and with their attributes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.directories.openldap import NAMES
from tests.directories.pages import Page, Place, Setup
from tests.servers.slapd import ADMIN, POLICIES, SUFFIX, Person, Slapd, ssha
from tests.servers.tls import Authority

STATES: Final = {"eve": "account disabled"}
STATES_OF_FREEIPA: Final = {**STATES, "old": "account expired", "sam": "password expired"}

_TEXT, _TIME, _NUMBER = (f"1.3.6.1.4.1.1466.115.121.1.{number}" for number in (15, 24, 27))
_SYNTAXES: Final = {
    "ipaUniqueID": _TEXT,
    "krbPasswordExpiration": _TIME,
    "krbPrincipalExpiration": _TIME,
    "nsAccountLock": _TEXT,
    "nsIdleTimeout": _NUMBER,
    "nsUniqueId": _TEXT,
    "passwordExpirationTime": _TIME,
}
_SCHEMA: Final = [
    f"attributetype ( 1.1.{number} NAME '{name}' SYNTAX {syntax} )"
    for number, (name, syntax) in enumerate(_SYNTAXES.items())
]
# What is operational there, and on every entry.
_MORE: Final = "objectClass: extensibleObject\n"
_POLICY: Final = f"""\
dn: cn=default,{POLICIES}
changetype: modify
replace: pwdMaxFailure
pwdMaxFailure: {{failures}}
-
replace: pwdFailureCountInterval
pwdFailureCountInterval: {{seconds}}
"""


@contextlib.contextmanager
def freeipa(folder: Path) -> Iterator[Setup]:
    accounts = f"cn=accounts,{SUFFIX}"
    users, groups = f"cn=users,{accounts}", f"cn=groups,{accounts}"
    containers = [accounts, users, groups, f"cn=etc,{SUFFIX}", f"cn=sysaccounts,cn=etc,{SUFFIX}"]
    never, past = "20990101000000Z", "20200101000000Z"
    times = {"krbPrincipalExpiration": never, "krbPasswordExpiration": never}
    member = {"memberOf": f"cn=messenger,{groups}", **times}
    entries = [
        *(f"dn: {dn}\nobjectClass: applicationProcess\n\n" for dn in containers),
        _person("ann", users, {"ipaUniqueID": "a1", "nsAccountLock": "FALSE", **member}),
        _person("bob", users, {"ipaUniqueID": "b1"}),
        _person("eve", users, {"ipaUniqueID": "e1", "nsAccountLock": "TRUE", **member}),
        _person("old", users, {**member, "krbPrincipalExpiration": past}),
        _person("sam", users, {**member, "krbPasswordExpiration": past}),
        _group(member["memberOf"]),
    ]
    with _running("freeipa", entries, (6, 60), folder) as setup:
        yield setup


@contextlib.contextmanager
def ds389(folder: Path) -> Iterator[Setup]:
    people, member = f"ou=people,{SUFFIX}", {"memberOf": f"cn=messenger,ou=groups,{SUFFIX}"}
    entries = [
        _person("ann", people, {"nsUniqueId": "a1", **member}),
        _person("bob", people, {"nsUniqueId": "b1"}),
        _person("eve", people, {"nsUniqueId": "e1", "nsAccountLock": "true", **member}),
        _group(member["memberOf"]),
    ]
    with _running("389ds", entries, (10, 600), folder) as setup:
        yield setup


@contextlib.contextmanager
def _running(
    name: str, entries: list[str], lockout: tuple[int, int], folder: Path
) -> Iterator[Setup]:
    """``lockout``: after how many wrong passwords, which are forgotten after so many seconds."""
    page = Page(name, NAMES)
    authority = Authority(folder)
    with Slapd(folder, authority, settings=_SCHEMA, entries="".join(entries)) as slapd:
        account = page.ldif("Service account")[0]
        slapd.change(account.replace("changetype: add\n", f"changetype: add\n{_MORE}"))
        slapd.change(_POLICY.format(failures=lockout[0], seconds=lockout[1]))
        place = Place(slapd.tls_url, authority.ca_file)
        yield Setup(page, place, lambda name: Person(name).password, lambda name: Person(name).dn)


def _group(dn: str) -> str:
    return f"dn: {dn}\nobjectClass: groupOfNames\nmember: {ADMIN}\n\n"


def _person(name: str, base: str, attributes: Mapping[str, str]) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in attributes.items())
    return (
        f"dn: uid={name},{base}\nobjectClass: inetOrgPerson\n{_MORE}"
        f"cn: {name}\nsn: {name}\nuserPassword: {ssha(Person(name).password)}\n{lines}\n"
    )
