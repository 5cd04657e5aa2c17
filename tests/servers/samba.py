"""A real Active Directory: a Samba domain controller on an address of the loopback of its own.

It takes root, for its ports are fixed, and what requirements/debian.txt names. Making the domain
takes ten seconds; each further controller is a copy of the first, with the same people.
"""

from __future__ import annotations

import atexit
import base64
import functools
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

from tests.servers.process import Process

DOMAIN: Final = "ad.test"
BASE: Final = "DC=ad,DC=test"
USERS: Final = f"CN=Users,{BASE}"
LOCKOUT: Final = 3  # wrong passwords, for half an hour
ADMIN: Final = f"CN=Administrator,{USERS}"
ADMIN_PASSWORD: Final = "Adm1n-Passw0rd"

_PORTS: Final = (88, 389, 464, 636, 3268, 3269)
_ENABLED: Final = "512"  # userAccountControl: NORMAL_ACCOUNT
_DISABLED: Final = "514"  # with ACCOUNTDISABLE
_LONG_AGO: Final = "132223104000000000"  # 2020, in steps of 100 ns since 1601


@dataclass(frozen=True)
class Person:
    """A user. The password is "Passw0rd-" and the name."""

    name: str  # sAMAccountName
    cn: str | None = None  # default: the name
    upn: str | None = None  # default: the name in the domain
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def password(self) -> str:
        return f"Passw0rd-{self.name}"

    @property
    def principal(self) -> str:
        """The user principal name."""
        return self.upn or f"{self.name}@{DOMAIN}"

    @property
    def dn(self) -> str:
        return f"CN={_escaped(self.cn or self.name)},{USERS}"


def _escaped(value: str) -> str:
    # With every character escaped that may be: not the way of the code under test.
    plain = re.compile("[A-Za-z0-9]")
    return "".join(
        c if plain.match(c) else "".join(f"\\{byte:02X}" for byte in c.encode()) for c in value
    )


@dataclass(frozen=True)
class Group:
    """A group of people and groups."""

    name: str
    members: Sequence[Person | Group]

    @property
    def dn(self) -> str:
        return f"CN={self.name},{USERS}"


SERVICE: Final = Person("svc")
ANN: Final = Person(
    "ann",
    cn="Ann Lee",
    upn=f"ann.lee@{DOMAIN}",
    attributes={
        "displayName": "Ann Lee",
        "mail": "Ann.Lee@example.test",
        "mobile": "+1 800 555 0101",
    },
)
BOB: Final = Person("bob", attributes={"mail": "bob@example.test", "mobile": "+18005550102"})
COMMA: Final = Person("jane", cn='Doe, Jane "JD" + <1>=#;\\')
DISABLED: Final = Person("disabled", attributes={"userAccountControl": _DISABLED})
OVER: Final = Person("over", attributes={"accountExpires": _LONG_AGO})
MUST_CHANGE: Final = Person("mustchange", attributes={"pwdLastSet": "0"})
LOCKED: Final = Person("locked")
SPECIAL_NAMES: Final = ("o'neil", "müller", "a(b)c", "two words", "#hash", "{username}", "李小龍")

ENGINEERS: Final = Group("Engineers", [ANN])
STAFF: Final = Group("Staff", [ENGINEERS, BOB])  # Ann is in it by way of Engineers
PEOPLE: Final = (
    *(SERVICE, ANN, BOB, COMMA, DISABLED, OVER, MUST_CHANGE, LOCKED),
    *map(Person, SPECIAL_NAMES),
)


class Samba:
    """``start`` and ``stop`` it as often as you like: it keeps its address and its data.

    Clients trust ``ca_file``; the certificate has the address, and dc1.ad.test.
    """

    def __init__(self, folder: Path, *, with_people: bool = True) -> None:
        tree = folder / "dc"
        self.host = _free_address()
        self.url, self.tls_url = f"ldap://{self.host}", f"ldaps://{self.host}"
        self.ca_file = tree / "ca.pem"
        if with_people:
            _copy(_domain(), tree, self.host)
        else:
            _provision(tree, self.host)
        _certify(tree, self.host)
        config = str(tree / "etc/smb.conf")
        argv = ["samba", "-i", "--debug-stdout", "-M", "single", "-s", config, "-d", "1"]
        self.process = Process("samba", argv, tree)

    def start(self) -> Self:
        self.process.start()
        self.process.wait(self._answers)
        return self

    def _answers(self) -> bool:
        command = ["ldapsearch", "-x", "-o", "nettimeout=1", "-H", self.url, "-s", "base"]
        return subprocess.run([*command, "-b", ""], capture_output=True).returncode == 0

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    def change(self, ldif: str) -> None:
        """Make changes as the administrator (ldapmodify(1))."""
        admin = ["-D", ADMIN, "-w", ADMIN_PASSWORD]
        done = self._client("ldapmodify", *admin, text=ldif)
        if done.returncode:
            raise RuntimeError(f"ldapmodify ended ({done.returncode}):\n{done.stderr}")

    def bind(self, who: str, password: str) -> tuple[int, str]:
        """Bind over TLS with the stock client. Return the result code, and what the server says."""
        done = self._client("ldapsearch", "-D", who, "-w", password, "-s", "base", "-b", "")
        return done.returncode, done.stderr

    def _client(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        program, *rest = command
        return subprocess.run(
            [program, "-x", "-H", self.tls_url, *rest],
            input=text,
            env=os.environ | {"LDAPTLS_CACERT": str(self.ca_file)},
            capture_output=True,
            text=True,
            timeout=60,
        )


# -- the domain


@functools.cache
def _domain() -> Path:
    """Make the domain that all controllers are copies of, once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="samba-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    controller = Samba(folder, with_people=False)
    with controller:
        controller.change("".join(_people()))
        for _ in range(LOCKOUT):
            controller.bind(LOCKED.principal, "wrong")
    return folder / "dc"


def _people() -> Iterator[str]:
    for person in PEOPLE:
        yield _record(
            ("dn", person.dn),
            ("changetype", "add"),
            ("objectClass", "user"),
            ("sAMAccountName", person.name),
            ("userPrincipalName", person.principal),
            ("unicodePwd", f'"{person.password}"'),
            ("userAccountControl", _ENABLED),
        )
        if person.attributes:
            changes = [
                line for key, value in person.attributes.items() for line in _replaced(key, value)
            ]
            yield _record(("dn", person.dn), ("changetype", "modify"), *changes)
    for group in (ENGINEERS, STAFF):
        members = [("member", member.dn) for member in group.members]
        kind = [("changetype", "add"), ("objectClass", "group"), ("sAMAccountName", group.name)]
        yield _record(("dn", group.dn), *kind, *members)


def _replaced(key: str, value: str) -> list[tuple[str, str]]:
    return [("replace", key), (key, value), ("-", "")]


def _record(*lines: tuple[str, str]) -> str:
    return "".join(_line(key, value) for key, value in lines) + "\n"


def _line(key: str, value: str) -> str:
    if key == "-":
        return "-\n"
    encoding = "utf-16-le" if key == "unicodePwd" else "utf-8"
    return f"{key}:: {base64.b64encode(value.encode(encoding)).decode()}\n"


# -- a controller


def _free_address() -> str:
    """Return an address of the loopback where nobody listens on any port of a controller."""
    for _ in range(100):
        address = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(2, 250)}"
        try:
            for port in _PORTS:
                with socket.socket() as probe:
                    probe.bind((address, port))
        except PermissionError:
            raise RuntimeError("an Active Directory takes root: its ports are fixed") from None
        except OSError:
            continue
        return address
    raise RuntimeError("no free address on the loopback")


def _provision(tree: Path, address: str) -> None:
    """Make a domain."""
    template = tree.with_suffix(".conf")
    template.write_text("[global]\n")  # or that of the machine is taken
    tree.mkdir()
    _tool(
        *("domain", "provision", f"--configfile={template}", f"--targetdir={tree}"),
        *(f"--realm={DOMAIN.upper()}", "--domain=AD", f"--adminpass={ADMIN_PASSWORD}"),
        *("--server-role=dc", "--dns-backend=NONE", "--use-rfc2307"),
        *("--host-name=dc1", f"--host-ip={address}"),
        *(f"--option=interfaces={address}/8", "--option=bind interfaces only=yes"),
    )
    _tool(
        *("domain", "passwordsettings", "set", f"--configfile={tree / 'etc/smb.conf'}"),
        *("-H", str(tree / "private/sam.ldb"), f"--account-lockout-threshold={LOCKOUT}"),
        *("--account-lockout-duration=30", "--reset-account-lockout-after=30"),
    )
    config = tree / "etc/smb.conf"
    text = re.sub(r"\n\s*server services\b.*", "", config.read_text())
    config.write_text(text.replace("\n[sysvol]", f"{_SETTINGS.format(tree=tree)}\n[sysvol]", 1))
    (tree / "run").mkdir()


def _copy(original: Path, tree: Path, address: str) -> None:
    """Copy a stopped controller, to run at another address."""
    subprocess.run(["cp", "-a", original, tree], check=True)  # with its extended attributes
    config = tree / "etc/smb.conf"
    text = config.read_text().replace(str(original), str(tree))
    config.write_text(re.sub(r"interfaces = [\d.]+/8", f"interfaces = {address}/8", text))
    shutil.rmtree(tree / "run")
    (tree / "run").mkdir()


def _tool(*arguments: str) -> None:
    if shutil.which("samba-tool") is None:
        raise RuntimeError("Samba is not installed; `make servers` installs what the tests need")
    done = subprocess.run(["samba-tool", *arguments], capture_output=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"samba-tool ended ({done.returncode}):\n{done.stderr.decode()}")


_SETTINGS: Final = """
\tpid directory = {tree}/run
\tncalrpc dir = {tree}/run/ncalrpc
\twinbindd socket directory = {tree}/run/winbindd
\tntp signd socket directory = {tree}/run/ntp
\tlog file = {tree}/log.%m
\tserver services = ldap, cldap, kdc, rpc
\tdisable netbios = yes
\tldap server require strong auth = yes
\ttls enabled = yes
\ttls keyfile = {tree}/tls.key
\ttls certfile = {tree}/tls.pem
\ttls cafile = {tree}/ca.pem
"""


def _certify(tree: Path, address: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tree / "ca.pem")
    leaf = authority.issue_cert(address, f"dc1.{DOMAIN}")
    (tree / "tls.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    key = tree / "tls.key"
    key.touch(0o600)  # Samba takes no key that others may read
    key.write_bytes(leaf.private_key_pem.bytes())
