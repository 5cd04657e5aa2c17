"""What a directory's answer to a bind says of the person (RFC 4513, and two vendors' additions)."""

from __future__ import annotations

import re
from typing import Final

from providers._base import Rejected, Unavailable
from providers.ldap import client
from providers.ldap.ber import SEQUENCE, NotBer, elements, members, number
from providers.ldap.client import Bound

_LOCKED: Final = "account locked"
_NOBODY: Final = "no such user"
_UNLOOKED: Final = (_LOCKED, _NOBODY)  # of invalid credentials: the password was not looked at

# Active Directory puts a Windows error number into the text of its answer:
# https://learn.microsoft.com/windows/win32/debug/system-error-codes
_SUB_CODE: Final = re.compile(r"\bdata ([0-9a-f]{1,8})\b")
_SUB_CODES: Final = {
    "525": _NOBODY,
    "52e": "wrong password",
    "530": "not allowed at this time",
    "531": "not allowed from this computer",
    "532": "password expired",
    "533": "account disabled",
    "701": "account expired",
    "773": "must change the password",
    "775": _LOCKED,
}
# draft-behera-ldap-password-policy-10 section 6.2
_ERROR: Final = 0x81
_POLICY_ERRORS: Final = {0: "password expired", 1: _LOCKED, 2: "must change the password"}

# Of this entry alone. None of them says that the password was compared.
_PERSON: Final = {
    client.NO_SUCH_OBJECT: "no such entry",
    client.INAPPROPRIATE_AUTHENTICATION: "the entry has no password",
    # 389 Directory Server and FreeIPA: after too many wrong passwords; inactivated, expired
    client.CONSTRAINT_VIOLATION: _LOCKED,
    client.UNWILLING: "the server is unwilling: account inactivated or locked",
}
_OPERATOR: Final = {
    client.STRONGER_AUTH_REQUIRED: "the server wants TLS or signing before passwords",
    client.CONFIDENTIALITY_REQUIRED: "the server wants TLS before passwords",
    client.REFERRAL: "the server refers to another one, and referrals are not followed",
}


class Unlooked(Rejected):
    """Refused without a look at the password, and so sooner than a wrong one."""


def judge(bound: Bound, upstream: str) -> None:
    """Return if the password is right and the account may be used.

    Raises ``Rejected`` (``Unlooked``) for the person's failure and ``Unavailable`` for all else.
    """
    policy = _policy_error(bound.policy)
    if bound.code == client.SUCCESS:
        if policy is not None:  # the server lets the person in to change the password only
            raise Rejected(f"right password, but {_POLICY_ERRORS.get(policy, 'refused by policy')}")
        return
    if bound.code == client.INVALID_CREDENTIALS:
        why = _why(bound, policy)
        raise Unlooked(why) if why in _UNLOOKED else Rejected(why)
    if bound.code in _PERSON:
        raise Unlooked(_PERSON[bound.code])
    detail = _OPERATOR.get(bound.code, "the server did not take the bind")
    raise Unavailable(upstream, f"{detail} (result code {bound.code})")


def _why(bound: Bound, policy: int | None) -> str:
    if policy is not None:
        return _POLICY_ERRORS.get(policy, "refused by policy")
    found = _SUB_CODE.search(bound.message)
    if found:
        return _SUB_CODES.get(found[1], f"refused (data {found[1]})")
    return "wrong password, or an account that is locked"


def _policy_error(value: bytes | None) -> int | None:
    """The error of a PasswordPolicyResponseValue, ``SEQUENCE { warning [0], error [1] }``."""
    if not value:
        return None
    try:
        fields = members(elements(value)[0], SEQUENCE)
        return next((number(field, _ERROR) for field in fields if field[0] == _ERROR), None)
    except (NotBer, IndexError):
        return None
