"""What answers to a bind mean. Those of a real OpenLDAP are in test_binds.py."""

from __future__ import annotations

import pytest

from providers._base import Rejected, Unavailable
from providers.ldap import answers, client
from providers.ldap.client import Bound

ERROR_0, ERROR_1, ERROR_2, ERROR_7 = (b"\x30\x03\x81\x01" + bytes([code]) for code in (0, 1, 2, 7))
EXPIRES_SOON = b"\x30\x05\xa0\x03\x80\x01\x3c"
GRACE_AND_ERROR = b"\x30\x08\xa0\x03\x81\x01\x01\x81\x01\x00"


def active_directory(data: str) -> str:
    comment = f"AcceptSecurityContext error, data {data}, v1db1\0"
    return f"80090308: LdapErr: DSID-0C0903A9, comment: {comment}"


def judged(code: int, message: str = "", policy: bytes | None = None) -> None:
    answers.judge(Bound(code, message, policy), "staff")


@pytest.mark.parametrize(
    "policy", [None, b"", b"\x30\0", EXPIRES_SOON, b"junk", b"\x30\x03\x81\x02\0"]
)
def test_the_right_password_is_right(policy: bytes | None) -> None:
    judged(client.SUCCESS, policy=policy)


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (ERROR_0, "password expired"),
        (ERROR_1, "account locked"),
        (ERROR_2, "must change the password"),
        (ERROR_7, "refused by policy"),
        (GRACE_AND_ERROR, "password expired"),
    ],
)
def test_the_right_password_is_not_enough_if_the_policy_says_so(policy: bytes, why: str) -> None:
    with pytest.raises(Rejected, match=f"right password, but {why}"):
        judged(client.SUCCESS, policy=policy)
    with pytest.raises(Rejected, match=f"^{why}"):
        judged(client.INVALID_CREDENTIALS, policy=policy)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("525", "no such user"),
        ("52e", "wrong password"),
        ("530", "not allowed at this time"),
        ("531", "not allowed from this computer"),
        ("532", "password expired"),
        ("533", "account disabled"),
        ("701", "account expired"),
        ("773", "must change the password"),
        ("775", "account locked"),
        ("57", r"refused \(data 57\)"),
    ],
)
def test_active_directory_says_why_l11(data: str, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        judged(client.INVALID_CREDENTIALS, active_directory(data))


def looked(code: int, message: str = "", policy: bytes | None = None) -> bool:
    """Whether the server looked at the password before it refused, as far as it tells."""
    with pytest.raises(Rejected) as caught:
        judged(code, message, policy)
    return not isinstance(caught.value, answers.Unlooked)


@pytest.mark.parametrize("data", ["52e", "530", "531", "532", "533", "701", "773", "57"])
def test_l12_active_directory_looks_at_the_password_first(data: str) -> None:
    assert looked(client.INVALID_CREDENTIALS, active_directory(data))


@pytest.mark.parametrize("data", ["525", "775"])
def test_l12_active_directory_does_not_look_at_every_password(data: str) -> None:
    assert not looked(client.INVALID_CREDENTIALS, active_directory(data))


@pytest.mark.parametrize(
    ("policy", "looks"), [(None, True), (ERROR_0, True), (ERROR_1, False), (ERROR_2, True)]
)
def test_l12_policy_looks_at_no_password_of_a_locked_account(
    policy: bytes | None, looks: bool
) -> None:
    assert looked(client.INVALID_CREDENTIALS, policy=policy) == looks


@pytest.mark.parametrize("message", ["", "Invalid credentials", "data", "data xyz", "metadata 52e"])
def test_without_a_reason_it_is_a_wrong_password(message: str) -> None:
    with pytest.raises(Rejected, match="wrong password, or an account that is locked"):
        judged(client.INVALID_CREDENTIALS, message)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (client.NO_SUCH_OBJECT, "no such entry"),
        (client.INAPPROPRIATE_AUTHENTICATION, "no password"),
        (client.CONSTRAINT_VIOLATION, "account locked"),
        (client.UNWILLING, "inactivated or locked"),
    ],
)
def test_what_is_wrong_with_one_entry_is_the_persons_failure(code: int, why: str) -> None:
    with pytest.raises(answers.Unlooked, match=why):
        judged(code)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (client.STRONGER_AUTH_REQUIRED, "TLS or signing"),
        (client.CONFIDENTIALITY_REQUIRED, "wants TLS"),
        (client.REFERRAL, "referrals are not followed"),
        (client.INSUFFICIENT_ACCESS, "did not take the bind"),
        (2, "did not take the bind"),
        (14, "did not take the bind"),
        (34, "did not take the bind"),
        (80, "did not take the bind"),
        (-1, "did not take the bind"),
    ],
)
def test_all_else_is_the_operators_failure_a77_l9_l15(code: int, why: str) -> None:
    with pytest.raises(Unavailable, match=rf"{why}.*\(result code {code}\)"):
        judged(code)
