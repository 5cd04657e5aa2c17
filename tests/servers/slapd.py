"""A real OpenLDAP on free ports of the loopback: ldap:// with StartTLS, and ldaps://.

The overlays memberof, refint and ppolicy are on. Anonymous clients may bind and see the root entry.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.servers.process import HOST, Process, free_port
from tests.servers.tls import Authority, Kind

# As in slapd.conf and slapd.ldif, beside this file.
SUFFIX: Final = "dc=example,dc=test"
PEOPLE: Final = f"ou=people,{SUFFIX}"
GROUPS: Final = f"ou=groups,{SUFFIX}"
POLICIES: Final = f"ou=policies,{SUFFIX}"
SERVICE: Final = f"cn=svc,ou=services,{SUFFIX}"  # may read everything but passwords
SERVICE_PASSWORD: Final = "svc-secret"
ADMIN: Final = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD: Final = "admin-secret"
LOCKOUT: Final = 5  # wrong passwords
LOCKOUT_SECONDS: Final = 2

SPECIAL_NAMES: Final = (
    "o'neil",
    "müller",
    "a(b)c",
    "back\\slash",
    "back\\2aslash",
    "a*b",
    ', =+<>#;"',
    "#hash",
    "two  spaces",
    "{username}",
    "李小龍",
)


def ssha(password: str) -> str:
    """Hash as OpenLDAP does by default: fast."""
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


@functools.cache
def argon2(password: str) -> str:
    """Hash so that checking a password takes the server tens of milliseconds."""
    command = ["slappasswd", "-o", "module-load=argon2 m=65536 t=4", "-h", "{ARGON2}"]
    done = subprocess.run([*command, "-s", password], check=True, capture_output=True)
    return done.stdout.decode().strip()


@dataclass(frozen=True)
class Person:
    """Somebody in ``ou=people``. The password is "Passw0rd-" and the name unless given."""

    uid: str
    secret: str | None = None
    attributes: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def password(self) -> str:
        return self.secret or f"Passw0rd-{self.uid}"

    @property
    def dn(self) -> str:
        # With every character escaped that may be: not the way of the code under test.
        plain = re.compile("[A-Za-z0-9]")
        escaped = (
            c if plain.match(c) else "".join(f"\\{byte:02X}" for byte in c.encode())
            for c in self.uid
        )
        return f"uid={''.join(escaped)},{PEOPLE}"


@dataclass(frozen=True)
class Group:
    """A group of people or groups (``groupOfNames``), or of user names (``posixGroup``)."""

    name: str
    members: Sequence[str] = ()  # distinguished names
    uids: Sequence[str] = ()

    @property
    def dn(self) -> str:
        return f"cn={self.name},{GROUPS}"


LOCKED: Final = Person("locked", attributes={"pwdAccountLockedTime": "000001010000Z"})
MUST_CHANGE: Final = Person("mustchange", attributes={"pwdReset": "TRUE"})
_LONG_AGO: Final = {"pwdChangedTime": "20200101000000Z"}
EXPIRED: Final = Person(
    "expired", attributes={"pwdPolicySubentry": f"cn=expired,{POLICIES}", **_LONG_AGO}
)
GRACE: Final = Person(
    "grace", attributes={"pwdPolicySubentry": f"cn=grace,{POLICIES}", **_LONG_AGO}
)


def numbered(number: int) -> Person:
    """Return one of the generated users, as ``Slapd(users=...)`` makes them."""
    attributes = {
        "mail": f"user{number}@example.test",
        "mobile": f"+1800{number:07}",
        "displayName": f"User Number {number}",
    }
    return Person(f"user{number}", attributes=attributes)


class Searched(NamedTuple):
    """A search as it arrived; bytes that are not ASCII are escaped in the filter."""

    base: str
    filter: str


class Slapd:
    """``start`` and ``stop`` it as often as you like: it keeps its ports and its data.

    ``settings`` are further lines of slapd.conf, ``access`` are rules of it that come before its
    own, ``entries`` is further LDIF. Without ``told`` it does not write down what arrives.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        users: int = 0,
        people: Iterable[Person] = (),
        groups: Sequence[Group] = (),
        certificate: Kind = "good",
        needs_tls: bool = True,
        hashed: Callable[[str], str] = ssha,
        settings: Sequence[str] = (),
        access: Sequence[str] = (),
        entries: str = "",
        told: bool = True,
    ) -> None:
        self.port, self.tls_port = self._ports = free_port(), free_port()
        self.url, self.tls_url = f"ldap://{HOST}:{self.port}", f"ldaps://{HOST}:{self.tls_port}"
        self._local = f"ldapi://{str(folder / 'ldapi').replace('/', '%2F')}"
        self._seen = 0
        self._config = folder / "slapd.conf"
        self._config.write_text(
            Path(__file__)
            .with_suffix(".conf")
            .read_text()
            .format(
                folder=folder,
                tls=authority.files(certificate),
                ssf=128 if needs_tls else 0,
                settings="\n".join(settings),
                access="\n".join(access),
            )
        )
        everybody = [*people, *map(numbered, range(users))]
        self._load(folder, _ldif(everybody, groups, hashed), entries)
        listen = f"{self._local} {self.url} {self.tls_url}"  # in this order
        level = "stats" if told else "none"  # "none" is what is told at any level
        argv = ["slapd", "-d", level, "-f", str(self._config), "-h", listen]
        self.process = Process("slapd", argv, folder)

    def _load(self, folder: Path, entries: Iterator[str], more: str) -> None:
        (folder / "db").mkdir()
        with (folder / "entries.ldif").open("w") as file:
            file.writelines(entries)
            file.write(more)
        slapadd = ["slapadd", "-q", "-f", str(self._config), "-b", SUFFIX, "-l", file.name]
        _run(slapadd)

    # -- running

    def start(self) -> Self:
        if self.process.log.exists():
            self.forget()
        self.process.start()
        self.process.wait(self._listens)
        self.process.wait(self._answers)
        return self

    def _listens(self) -> bool:
        # A connection to find out would be counted with those of the test.
        sockets = Path("/proc/net/tcp").read_text()
        return all(f":{port:04X} 00000000:0000 0A " in sockets for port in self._ports)

    def _answers(self) -> bool:
        """Whether it listens to its administrator, who comes by a way that is not counted."""
        command = self._as_admin("ldapwhoami")
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0

    def _as_admin(self, program: str) -> list[str]:
        return [program, "-x", "-H", self._local, "-D", ADMIN, "-w", ADMIN_PASSWORD]

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """End it as ``kill -9`` would."""
        self.process.kill()

    def freeze(self) -> None:
        """Let it accept connections and say nothing more."""
        self.process.signal(signal.SIGSTOP)
        self.process.wait(self._stopped)

    def _stopped(self) -> bool:
        threads = Path(f"/proc/{self.process.child.pid}/task").glob("*/stat")
        return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)

    def thaw(self) -> None:
        self.process.signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    # -- changing what it knows

    def change(self, ldif: str) -> None:
        """Make changes as the administrator (ldapmodify(1)); the overlays follow them."""
        _run(self._as_admin("ldapmodify"), ldif)

    def add(self, person: Person) -> None:
        self.change(_record(person.dn, [("changetype", "add"), *_person(person, ssha)]))

    # -- what arrived since ``start`` or ``forget``

    def forget(self) -> None:
        self._seen = self.process.log.stat().st_size

    def _log(self) -> str:
        with self.process.log.open("rb") as file:
            file.seek(self._seen)
            return file.read().decode()

    def connections(self) -> int:
        """How many connections came by TCP."""
        return len(re.findall(r" ACCEPT from IP=", self._log()))

    def binds(self) -> list[str]:
        """Whom clients wanted to bind as, by simple binds; not the administrator's."""
        found = re.findall(r' BIND dn="(.*)" method=128\n', self._log())
        return [dn for dn in found if dn != ADMIN]

    def searches(self) -> list[Searched]:
        found = re.findall(r' SRCH base="(.*)" scope=\d deref=\d filter="(.*)"\n', self._log())
        return [Searched(*each) for each in found]


def _run(command: Sequence[str], text: str = "") -> None:
    if shutil.which(command[0]) is None:
        raise RuntimeError(
            f"{command[0]} is not installed; `make servers` installs what the tests need"
        )
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended ({done.returncode}):\n{done.stderr.decode()}")


def _record(dn: str, pairs: Iterable[tuple[str, str]]) -> str:
    lines = [("dn", dn), *pairs]
    return "".join(f"{key}:: {_base64(value)}\n" for key, value in lines) + "\n"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _person(person: Person, hashed: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    yield from (("objectClass", "inetOrgPerson"), ("uid", person.uid))
    yield from (("cn", person.uid), ("sn", person.uid))
    yield "userPassword", hashed(person.password)
    for key, values in person.attributes.items():
        yield from ((key, value) for value in ([values] if isinstance(values, str) else values))


def _group(group: Group) -> Iterator[tuple[str, str]]:
    yield "cn", group.name
    if group.uids:
        yield from (("objectClass", "posixGroup"), ("gidNumber", "2000"))
        yield from (("memberUid", uid) for uid in group.uids)
    else:
        yield "objectClass", "groupOfNames"
        yield from (("member", dn) for dn in group.members or [ADMIN])


def _ldif(
    people: Sequence[Person], groups: Sequence[Group], hashed: Callable[[str], str]
) -> Iterator[str]:
    base = Path(__file__).with_suffix(".ldif").read_text()
    yield base.format(lockout=LOCKOUT, lockout_seconds=LOCKOUT_SECONDS)
    # No overlay is asked while a database is loaded: who is in which group has to be said.
    member_of: dict[str, list[tuple[str, str]]] = {}
    for group in groups:
        for dn in group.members:
            member_of.setdefault(dn, []).append(("memberOf", group.dn))
    for person in people:
        yield _record(person.dn, [*_person(person, hashed), *member_of.get(person.dn, ())])
    for group in groups:
        yield _record(group.dn, [*_group(group), *member_of.get(group.dn, ())])
