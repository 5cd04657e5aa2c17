"""A domain that is set up as docs/directories/active-directory.md tells."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.directories.pages import SERVICE_PASSWORD, Page, Place, Setup
from tests.servers.samba import ANN, BASE, BOB, DOMAIN, Samba

STATES: Final = {
    "eve": "account disabled",
    "old": "account expired",
    "new": "must change the password",
}

_NAMES: Final = {
    "DC=corp,DC=example,DC=com": BASE,
    "corp.example.com": DOMAIN,
    "CORP": "AD",
}
_STAFF, _GROUPS, _SERVICES = (f"OU={name},{BASE}" for name in ("Staff", "Groups", "Services"))
_MARKS: Final = {  # beside the names of STATES
    "eve": "userAccountControl: 514",
    "old": "accountExpires: 132223104000000000",  # 2020
    "new": "pwdLastSet: 0",
}
# After 10 wrong passwords, which are forgotten after 15 minutes.
_LOCKOUT: Final = f"""\
dn: {BASE}
changetype: modify
replace: lockoutThreshold
lockoutThreshold: 10
-
replace: lockOutObservationWindow
lockOutObservationWindow: -9000000000
"""


@contextlib.contextmanager
def active_directory(folder: Path) -> Iterator[Setup]:
    with Samba(folder) as samba:
        samba.change("\n".join([_LOCKOUT, *_entries()]))
        page = Page("active-directory", _NAMES)
        place = Place(samba.tls_url, samba.ca_file)
        yield Setup(page, place, _password, lambda name: f"{name}@{DOMAIN}")


def _entries() -> Iterator[str]:
    for namesake in (ANN, BOB):
        yield f"dn: {namesake.dn}\nchangetype: delete\n"
    for unit in (_STAFF, _GROUPS, _SERVICES):
        yield f"dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\n"
    yield _user("svc-gateway", _SERVICES, SERVICE_PASSWORD)
    for name in ("ann", "bob", "dan", "lee", "pam", *STATES):
        yield _user(name, _STAFF, _password(name))
    for name, mark in _MARKS.items():
        key = mark.partition(":")[0]
        yield f"dn: CN={name},{_STAFF}\nchangetype: modify\nreplace: {key}\n{mark}\n"
    sales = _group("sales", [f"CN=ann,{_STAFF}"])
    direct = [f"CN={name},{_STAFF}" for name in ("dan", "lee", "pam", *STATES)]
    yield from (sales, _group("Messenger", [*direct, f"CN=sales,{_GROUPS}"]))


def _password(name: str) -> str:
    return f"Passw0rd-{name}"


def _user(name: str, unit: str, password: str) -> str:
    quoted = base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode()
    return (
        f"dn: CN={name},{unit}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n"
        f"userPrincipalName: {name}@{DOMAIN}\nuserAccountControl: 512\nunicodePwd:: {quoted}\n"
    )


def _group(name: str, members: list[str]) -> str:
    lines = "".join(f"member: {member}\n" for member in members)
    head = f"dn: CN={name},{_GROUPS}\nchangetype: add\nobjectClass: group\n"
    return f"{head}sAMAccountName: {name}\n{lines}"
