"""The identity providers of docs/identity-providers/, and how each says who somebody is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.servers.oidc_clients import Method
from tests.servers.oidc_keys import ABSENT
from tests.servers.oidc_manners import APPLE, GITHUB, GOOGLE, MICROSOFT, STANDARD, Manner

TENANT: Final = "11111111-2222-3333-4444-555555555555"  # of the pages


@dataclass(frozen=True)
class Vendor:
    """``subject``, ``username`` and ``email`` are what Ann is known by, ``stranger`` what somebody
    else has who may not sign in; ``auth`` is the one way in which a client may prove itself.
    """

    subject: str
    username: str | None = None
    email: str | None = None
    name: str | None = "Ann Example"
    manner: Manner = STANDARD
    person: Mapping[str, Any] = field(default_factory=dict)
    stranger: Mapping[str, Any] | None = None
    auth: Method = "client_secret_basic"


_STANDARD: Final = Vendor("ann-1", "ann", "ann@example.test")
_GOOGLE: Final = Vendor("110248495921238986420", email="ann@example.com", manner=GOOGLE)
_MICROSOFT: Final = Vendor(
    f"{TENANT}.00000000-0000-0000-66f3-3332eca7ea81",
    "ann@example.com",
    manner=MICROSOFT,
    person={"tid": TENANT, "roles": ["messenger"]},
)
_APPLE: Final = Vendor(
    "001234.0123456789abcdef0123456789abcdef.1234",
    email="ann@privaterelay.appleid.com",
    manner=APPLE,
    auth="apple",
)
_GITHUB: Final = Vendor(
    "583231", "ann", "ann@example.test", manner=GITHUB, auth="client_secret_post"
)
_KEYCLOAK: Final = replace(
    _STANDARD,
    subject="f3a1c0de-0000-4000-8000-000000000001",
    person={
        "sub": "f3a1c0de-0000-4000-8000-000000000001",
        "typ": "ID",
        "groups": ["/messenger", "/sales"],
    },
)
_OKTA: Final = replace(_STANDARD, person={"groups": ["Everyone", "Messenger"]})
_AUTH0: Final = replace(
    _STANDARD,
    subject="auth0|6a1f",
    username=None,
    person={
        "sub": "auth0|6a1f",
        "preferred_username": ABSENT,
        "https://example.com/roles": ["messenger"],
    },
)
_EXTERNAL: Final = Vendor(
    "00000000-0000-0000-66f3-3332eca7ea81",
    "ann@example.com",
    manner=MICROSOFT,
    person={"tid": TENANT},
    auth="client_secret_post",
)
_ADFS: Final = Vendor(
    "x0vTvk5h=",
    "ann@corp.example.com",
    name=None,
    manner=Manner(person={"sub": "x0vTvk5h=", "upn": "ann@corp.example.com"}),
    auth="client_secret_post",
)
_AUTHENTIK: Final = replace(
    _STANDARD, email=None, person={"email_verified": False, "groups": ["messenger"]}
)

# By page and number of the YAML block on it: all of them.
VENDORS: Final[Mapping[tuple[str, int], Vendor]] = {
    ("google", 0): _GOOGLE,
    ("google", 1): replace(_GOOGLE, stranger={"hd": ABSENT}),
    ("microsoft", 0): _MICROSOFT,
    ("microsoft", 1): _MICROSOFT,
    ("microsoft", 2): replace(_MICROSOFT, stranger={"roles": ABSENT}),
    ("apple", 0): _APPLE,
    ("github", 0): _GITHUB,
    ("github", 1): replace(_GITHUB, stranger={"id": 4711}),
    ("github", 2): _GITHUB,
    ("keycloak", 0): replace(_KEYCLOAK, stranger={"groups": ["/partners/messenger"]}),
    ("keycloak", 1): _KEYCLOAK,
    ("generic", 0): _STANDARD,
    ("generic", 1): replace(_STANDARD, auth="private_key_jwt"),
    ("generic", 2): replace(_OKTA, stranger={"groups": ["Everyone"]}),
    ("generic", 3): replace(_AUTH0, stranger={"https://example.com/roles": []}),
    ("generic", 4): _EXTERNAL,
    ("generic", 5): _ADFS,
    ("generic", 6): replace(_AUTHENTIK, stranger={"groups": ABSENT}),
    ("generic", 7): _STANDARD,
}
