"""What is known of each kind of directory: how people are found, named, and shut out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Preset = Literal["active_directory", "openldap", "freeipa", "389ds"]


class Profile(NamedTuple):
    """How a directory is asked, and what its answers are called."""

    user_filter: str  # finds a person by {username}
    id_attribute: str
    attributes: Mapping[str, str]  # username, email, phone and name: in which attribute each is
    state: tuple[str, ...]  # attributes that tell of disabled and locked accounts
    lookups: Mapping[str, str]  # filters that find a person by {phone} or {email}
    # Attributes by which the server itself refuses right passwords; read to explain that only.
    server_state: tuple[str, ...] = ()


_ATTRIBUTES: Final = {"username": "uid", "email": "mail", "phone": "mobile", "name": "displayName"}
_LOOKUPS: Final = {
    "phone": "(|(mobile=+{phone})(mobile={phone}))",
    "email": "(mail={email})",
}

GENERIC: Final = Profile("(uid={username})", "entryUUID", _ATTRIBUTES, (), _LOOKUPS)
PROFILES: Final[Mapping[str, Profile]] = {
    "openldap": GENERIC._replace(
        state=("pwdAccountLockedTime",),
        server_state=("pwdAccountLockedTime", "pwdReset"),
    ),
    "freeipa": GENERIC._replace(
        # Its compatibility tree shows every person a second time, and not as a person.
        user_filter="(&(objectClass=person)(uid={username}))",
        id_attribute="ipaUniqueID",
        state=("nsAccountLock", "krbPrincipalExpiration", "krbPasswordExpiration"),
    ),
    "389ds": GENERIC._replace(id_attribute="nsUniqueId", state=("nsAccountLock",)),
    "active_directory": GENERIC._replace(
        # Neither computers nor contacts.
        user_filter=(
            "(&(objectCategory=person)(objectClass=user)"
            "(|(sAMAccountName={username})(userPrincipalName={username})))"
        ),
        id_attribute="objectGUID",
        attributes={**_ATTRIBUTES, "username": "sAMAccountName"},
        state=("userAccountControl", "accountExpires"),
        server_state=("msDS-User-Account-Control-Computed", "pwdLastSet"),
    ),
}
