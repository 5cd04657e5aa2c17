"""A real OpenID Provider, made by others: npm oidc-provider over TLS, on a free port of localhost.

PKCE with S256 is needed, nobody is asked for consent, there are no refresh tokens, and ID tokens
have the claims of the scopes that were asked for. Scopes: openid profile email groups.

    with OidcProvider(folder, authority, Client("app", ("https://gw/callback/x",), "none")) as idp:
        arrival = await idp.sign_in(url, "alice")    # or asyncio.run(...) in a synchronous test
"""

from __future__ import annotations

import dataclasses
import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.servers.oidc_clients import Client
from tests.servers.process import Process, free_port
from tests.servers.tls import Authority, Kind
from tests.servers.visitor import Arrival, Visitor

NODE: Final = Path(__file__).with_name("node")


@dataclass(frozen=True)
class Person:
    """Somebody with an account; ``login`` is the subject, too."""

    login: str
    password: str
    claims: Mapping[str, Any] = field(default_factory=dict)


ALICE: Final = Person(
    "alice",
    "alice-pw",
    {
        "email": "alice@example.test",
        "email_verified": True,
        "name": "Alice Example",
        "preferred_username": "alice",
        "groups": ["staff", "admins"],
    },
)
BOB: Final = Person(
    "bob",
    "bob-pw",
    {
        "email": "bob@example.test",
        "email_verified": False,
        "name": "Bob Example",
        "preferred_username": "bob",
        "groups": ["staff"],
    },
)


@dataclass(frozen=True)
class Lifetimes:
    """In seconds."""

    code: int = 60
    id_token: int = 3600
    access_token: int = 600


class OidcProvider:
    """``start`` and ``stop`` it as often as you like: it keeps its port, and forgets the rest."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *clients: Client,
        people: Sequence[Person] = (ALICE, BOB),
        lifetimes: Lifetimes | None = None,
        certificate: Kind = "good",
    ) -> None:
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}"
        self._trust = authority.client()
        self._people = {person.login: person for person in people}
        tls = authority.files(certificate)
        times = lifetimes or Lifetimes()
        settings = {
            "port": self.port,
            "certificate": str(tls.certificate),
            "privateKey": str(tls.private_key),
            "clients": [_metadata(client) for client in clients],
            "people": {each.login: dataclasses.asdict(each) for each in people},
            "lifetimes": {
                "code": times.code,
                "idToken": times.id_token,
                "accessToken": times.access_token,
            },
        }
        file = folder / "oidc_provider.json"
        file.write_text(json.dumps(settings))
        self.process = node_process("oidc_provider", folder, str(file))

    # -- running

    def start(self) -> Self:
        self.process.start()
        self.process.wait(self._listens)
        return self

    def _listens(self) -> bool:
        # No request to find out: it would be counted with those of the test.
        sockets = Path("/proc/net/tcp").read_text()
        return f":{self.port:04X} 00000000:0000 0A " in sockets

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

    # -- steering

    def rotate(self, *, keep: bool) -> None:
        """Sign with new keys from now on; ``keep`` publishes the old ones as well."""
        self._call("POST", "/_test/rotate" + ("?keep=1" if keep else ""))

    def requests(self) -> list[str]:
        """Return every request so far, as ``POST /token``."""
        found: list[str] = json.loads(self._call("GET", "/_test/requests"))
        return found

    def _call(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(self.issuer + path, method=method)
        with urllib.request.urlopen(request, timeout=10, context=self._trust) as reply:
            body: bytes = reply.read()
            return body

    # -- people at a browser without scripts

    async def sign_in(self, url: str, login: str, password: str | None = None) -> Arrival:
        """Sign in at an authorization URL. Without ``password`` it is the right one.

        Raises ``TurnedAwayError`` where a person would be left at the provider.
        """
        typed = self._people[login].password if password is None else password
        return await self._visit(url, {"login": login, "password": typed}, "Sign in")

    async def cancel(self, url: str) -> Arrival:
        """Turn back at the sign-in form."""
        return await self._visit(url, {}, "Cancel")

    async def _visit(self, url: str, fill: Mapping[str, str], press: str) -> Arrival:
        async with Visitor(self._trust) as somebody:
            return await somebody.walk(url, fill, press)


def node_process(script: str, folder: Path, *args: str) -> Process:
    """Return a process that will run a program of the folder ``node``.

    Raises ``RuntimeError`` if its packages are not installed.
    """
    check_packages()
    return Process(script, ["node", str(NODE / f"{script}.mjs"), *args], folder)


def check_packages() -> None:
    """Raise ``RuntimeError`` if the packages of the folder ``node`` are not installed."""
    stamp = NODE / "node_modules" / ".stamp"  # made by tools/servers.sh
    if not stamp.exists() or stamp.read_text() != (NODE / "package-lock.json").read_text():
        raise RuntimeError(
            "the packages of tests/servers/node are not installed, or not those of its lock; "
            "`make servers` installs what the tests need"
        )


def _metadata(client: Client) -> dict[str, Any]:
    """Return a client as OpenID Connect Dynamic Registration 2 writes it."""
    metadata: dict[str, Any] = {
        "client_id": client.id,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth,
    }
    if client.secret:
        metadata["client_secret"] = client.secret
    if client.key:
        metadata["jwks"] = {"keys": [client.key.jwk]}
    return metadata | dict(client.more)
