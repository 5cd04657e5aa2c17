"""Whether an entry says that its account is over, or its password, each directory in its way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from providers.ldap.client import Entry

_DISABLED: Final = 0x2  # ADS_UF_ACCOUNTDISABLE
_NEVER: Final = (0, 2**63 - 1)
_MICROSECOND: Final = timedelta(microseconds=1)
_WINDOWS_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_LOCKED_FOR_GOOD: Final = "000001010000Z"  # slapo-ppolicy(5)


def _active_directory(entry: Entry, now: datetime) -> str | None:
    control = _number(entry.text("userAccountControl"))
    if control is None:
        return "the service account may not read userAccountControl"
    if control & _DISABLED:
        return "account disabled"
    expires = _number(entry.text("accountExpires") or "0")
    if expires is None:
        return "accountExpires cannot be read"
    microseconds = expires // 10
    if expires not in _NEVER and microseconds <= (now - _WINDOWS_EPOCH) // _MICROSECOND:
        return "account expired"
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,19}", text) else None


def _openldap(entry: Entry, now: datetime) -> str | None:
    locked = entry.text("pwdAccountLockedTime") == _LOCKED_FOR_GOOD
    return "account locked by an administrator" if locked else None


def _locked(entry: Entry, now: datetime) -> str | None:
    locked = (entry.text("nsAccountLock") or "").lower() == "true"
    return "account disabled" if locked else None


def _freeipa(entry: Entry, now: datetime) -> str | None:
    if _is_over(entry.text("krbPrincipalExpiration"), now):
        return "account expired"
    return _locked(entry, now)


def _is_over(expires: str | None, now: datetime) -> bool:
    return expires is not None and _time(expires) <= now


def _time(text: str) -> datetime:
    """GeneralizedTime (RFC 4517 3.3.13), as FreeIPA writes it; whatever else has passed."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


_STATES: Final[Mapping[str, Callable[[Entry, datetime], str | None]]] = {
    "active_directory": _active_directory,
    "openldap": _openldap,
    "freeipa": _freeipa,
    "389ds": _locked,
}


def refusal(entry: Entry, preset: str | None) -> str | None:
    """Return why the account may not be used, for the operator's log, or None."""
    state = _STATES.get(preset or "")
    return state(entry, datetime.now(UTC)) if state else None


def password_refusal(entry: Entry, preset: str | None) -> str | None:
    """Return why the password may not be used although the server has taken it, or None.

    FreeIPA's LDAP server takes expired ones, unless a policy limits that
    (https://freeipa.readthedocs.io/en/latest/designs/ldap_grace_period.html).
    """
    expires = entry.text("krbPasswordExpiration") if preset == "freeipa" else None
    return "password expired" if _is_over(expires, datetime.now(UTC)) else None
