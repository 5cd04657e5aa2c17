"""From claims to an identity.

``identity(profile, claims)`` takes the claims of an ID token, of userinfo, or of both together; an
address of ``emails_endpoint`` goes in as ``email``, with ``email_verified``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from providers import _email
from providers._base import Identity, Rejected
from providers._phone import PhoneNumbers
from providers.oauth2.presets import Accepted, Profile

MAX_TEXT: Final = 255  # characters of a claim (OpenID Connect Core 2, of ``sub``)

_NUMBERS: Final = PhoneNumbers(None)
_PHONE_VERIFIED: Final = ("phone_number_verified", (True, "true"))


def identity(profile: Profile, claims: Mapping[str, Any]) -> Identity:
    """Return whose claims they are.

    Raises ``Rejected`` if they do not fulfil ``require``, or name nobody.
    """
    proven = _proven(profile, claims)
    for name, accepted in profile.require.items():
        if not _fulfils(proven.get(name), accepted):
            raise Rejected(f"require: the claim {name} is missing, or has another value")
    told = {field: proven.get(name) for field, name in profile.claims.items() if name}
    return Identity(
        subject=".".join(_subject(proven.get(name), name) for name in profile.subject),
        username=_text(told.get("username")),
        email=_address(told.get("email")),
        phone=_number(told.get("phone")),
        name=_text(told.get("name")),
        claims={name: value for name, value in proven.items() if _is_plain(value)},
    )


def _proven(profile: Profile, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims without an address and a number that nobody has verified.

    Whatever else in the configuration names them does not get them either.
    """
    unproven: set[str | None] = set()
    if not _says_yes(claims, *profile.email_verified):
        unproven |= {"email", profile.claims.get("email")}
    if not _says_yes(claims, *_PHONE_VERIFIED):
        unproven |= {"phone_number", profile.claims.get("phone")}
    return {name: value for name, value in claims.items() if name not in unproven}


def _says_yes(claims: Mapping[str, Any], name: str, yes: Accepted) -> bool:
    return _is_one_of(claims.get(name), yes)


def _fulfils(told: object, accepted: Accepted) -> bool:
    values = told if isinstance(told, list) else [told]
    return any(_is_one_of(value, accepted) for value in values)


def _is_one_of(value: object, accepted: Accepted) -> bool:
    """Python takes True for 1, and 1 for 1.0."""
    return any(type(value) is type(good) and value == good for good in accepted)


def _subject(value: object, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    subject = _text(value)
    if subject is None or subject != value:
        raise Rejected(f"the claim {name} names nobody")
    return subject


def _text(value: object) -> str | None:
    """Return one printable line, or None."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        return None
    return value.strip() or None


def _address(value: object) -> str | None:
    try:
        return _email.canonical(value) if isinstance(value, str) else None
    except _email.NotAnAddress:
        return None


def _number(value: object) -> str | None:
    # Without the plus it may be of any country (OpenID Connect Core 5.1: E.164).
    if not isinstance(value, str) or not value.startswith("+"):
        return None
    try:
        return _NUMBERS.canonical(value)
    except ValueError:
        return None


def _is_plain(value: object) -> bool:
    return isinstance(value, int) or _text(value) is not None
