"""An OpenLDAP that is set up as docs/directories/openldap.md tells."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.directories.pages import Page, Place, Setup
from tests.servers.slapd import (
    EXPIRED,
    GRACE,
    LOCKED,
    MUST_CHANGE,
    POLICIES,
    SUFFIX,
    Person,
    Slapd,
)
from tests.servers.tls import Authority

NAMES: Final = {"dc=example,dc=com": SUFFIX}
STATES: Final = {
    LOCKED.uid: "account locked",
    EXPIRED.uid: "password expired",
    MUST_CHANGE.uid: "right password, but must change the password",
}

_ANN: Final = Person("ann", attributes={"mail": "a@b.example", "mobile": "+1", "displayName": "A"})
_MEMBERS: Final = (Person("dan"), Person("lee"), LOCKED, EXPIRED, MUST_CHANGE, GRACE)
_PASSWORD: Final = "config-secret"
_CONFIG_TREE: Final = ("database config", "rootdn cn=config", f"rootpw {_PASSWORD}")
# Nobody reads anything but by the page's rules.
_CLOSED: Final = """\
dn: olcDatabase={1}mdb,cn=config
changetype: modify
replace: olcAccess
olcAccess: to attrs=userPassword by anonymous auth by * none
olcAccess: to * by * none
"""


@contextlib.contextmanager
def openldap(folder: Path) -> Iterator[Setup]:
    page = Page("openldap", NAMES)
    account, access = page.ldif("Service account")
    (group,) = page.ldif("The group")
    (policy,) = page.ldif("Lock-out and expired passwords")
    authority = Authority(folder)
    people = [_ANN, Person("bob"), *_MEMBERS]
    with Slapd(folder, authority, people=people, settings=_CONFIG_TREE) as slapd:
        slapd.change(account)
        slapd.change(group + "".join(f"member: {person.dn}\n" for person in _MEMBERS))
        slapd.change(_as_change(policy))
        for ldif in (_CLOSED, access):
            _configure(slapd, authority, ldif)
        place = Place(slapd.tls_url, authority.ca_file)
        yield Setup(page, place, lambda name: Person(name).password, lambda name: Person(name).dn)


def _as_change(policy: str) -> str:
    """Give the policy that is there the values of the page's."""
    values = re.findall("^(pwd(?!Attribute).*): (.*)$", policy, re.MULTILINE)
    changes = [f"replace: {key}\n{key}: {value}\n" for key, value in values]
    return f"dn: cn=default,{POLICIES}\nchangetype: modify\n" + "-\n".join(changes)


def _configure(slapd: Slapd, authority: Authority, ldif: str) -> None:
    command = ["ldapmodify", "-x", "-H", slapd.tls_url, "-D", "cn=config", "-w", _PASSWORD]
    env = os.environ | {"LDAPTLS_CACERT": str(authority.ca_file)}
    subprocess.run(command, input=ldif.encode(), env=env, check=True, timeout=60)
