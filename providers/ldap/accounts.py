"""Whether an entry says that its account is over, or its password, each directory in its way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from providers.ldap.client import Entry

_DISABLED: Final = 0x2  # ADS_UF_ACCOUNTDISABLE
_LOCKED_OUT: Final = 0x10  # ADS_UF_LOCKOUT
_PASSWORD_EXPIRED: Final = 0x80_0000  # ADS_UF_PASSWORD_EXPIRED
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
    if preset != "freeipa":
        return None
    expires = entry.text("krbPasswordExpiration")
    return "password expired" if _is_over(expires, datetime.now(UTC)) else None


def _domain_refusal(entry: Entry) -> str | None:
    # Whoever may read userAccountControl may read both of these: one property set has all three.
    computed = _number(entry.text("msDS-User-Account-Control-Computed")) or 0
    if computed & _LOCKED_OUT:
        return "account locked"
    if computed & _PASSWORD_EXPIRED:
        reset = entry.text("pwdLastSet") == "0"
        return "must change the password" if reset else "password expired"
    return None


def _policy_refusal(entry: Entry) -> str | None:
    since = entry.text("pwdAccountLockedTime")
    if since not in (None, _LOCKED_FOR_GOOD):
        return f"account locked at {since}, until pwdLockoutDuration has passed"
    return "must change the password" if entry.text("pwdReset") == "TRUE" else None


_SERVERS: Final[Mapping[str, Callable[[Entry], str | None]]] = {
    "active_directory": _domain_refusal,  # [MS-ADTS] section 3.1.1.4.5.17
    "openldap": _policy_refusal,  # slapo-ppolicy(5)
}


def server_refusal(entry: Entry, preset: str | None) -> str | None:
    """Return why the server would refuse the right password, as far as that shows, or None.

    To explain it only: of those who sign in the server decides. OpenLDAP shows neither passwords
    that have expired nor when a lock is over: both are up to a policy.
    """
    state = _SERVERS.get(preset or "")
    return state(entry) if state else None
