from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from providers.ldap.accounts import password_refusal, refusal, server_refusal
from providers.ldap.client import Entry

NORMAL = "512"
WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(**attributes: str) -> Entry:
    values = {name.lower(): [value.encode()] for name, value in attributes.items()}
    return Entry("uid=ann", values)


def refused(preset: str | None, **attributes: str) -> str | None:
    return refusal(entry(**attributes), preset)


def ticks(offset: timedelta) -> str:
    since = datetime.now(UTC) + offset - WINDOWS_EPOCH
    return str(since // timedelta(microseconds=1) * 10)


def generalized(offset: timedelta) -> str:
    return (datetime.now(UTC) + offset).strftime("%Y%m%d%H%M%SZ")


@pytest.mark.parametrize(
    "expires",
    [
        None,
        "0",
        "9223372036854775807",
        "9223372036854775806",  # no date that there is
        "9223372032559808511",
        pytest.param(ticks(HOUR), id="in-an-hour"),
    ],
)
def test_an_account_of_active_directory_is_in_use(expires: str | None) -> None:
    more = {} if expires is None else {"accountExpires": expires}
    assert refused("active_directory", userAccountControl=NORMAL, **more) is None


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({}, "may not read userAccountControl"),
        ({"userAccountControl": "?"}, "may not read userAccountControl"),
        ({"userAccountControl": "²"}, "may not read userAccountControl"),
        ({"userAccountControl": "514"}, "account disabled"),
        ({"userAccountControl": "66050"}, "account disabled"),
        ({"userAccountControl": NORMAL, "accountExpires": "1"}, "account expired"),
        ({"userAccountControl": NORMAL, "accountExpires": ticks(-HOUR)}, "account expired"),
        ({"userAccountControl": NORMAL, "accountExpires": "-1"}, "cannot be read"),
        ({"userAccountControl": NORMAL, "accountExpires": "9" * 20}, "cannot be read"),
    ],
)
def test_an_account_of_active_directory_is_not_in_use(attributes: dict[str, str], why: str) -> None:
    assert why in (refused("active_directory", **attributes) or "")


def test_an_account_of_openldap_is_locked_for_good() -> None:
    assert "locked" in (refused("openldap", pwdAccountLockedTime="000001010000Z") or "")
    assert refused("openldap", pwdAccountLockedTime="20260101000000Z") is None  # the bind knows
    assert refused("openldap") is None


@pytest.mark.parametrize("preset", ["freeipa", "389ds"])
def test_an_account_of_389_directory_server_is_inactivated(preset: str) -> None:
    assert refused(preset, nsAccountLock="TRUE") == "account disabled"
    assert refused(preset, nsAccountLock="true") == "account disabled"
    assert refused(preset, nsAccountLock="FALSE") is None
    assert refused(preset) is None


def test_an_account_of_freeipa_expires() -> None:
    assert refused("freeipa", krbPrincipalExpiration=generalized(-HOUR)) == "account expired"
    assert refused("freeipa", krbPrincipalExpiration=generalized(HOUR)) is None
    assert refused("freeipa", krbPrincipalExpiration="soon") == "account expired"


@pytest.mark.parametrize(
    ("expires", "why"),
    [
        pytest.param(generalized(-HOUR), "password expired", id="an-hour-ago"),
        ("19700101000000Z", "password expired"),
        ("soon", "password expired"),
        pytest.param(generalized(HOUR), None, id="in-an-hour"),
        ("20380119031407Z", None),
    ],
)
def test_a_password_of_freeipa_expires(expires: str, why: str | None) -> None:
    person = entry(krbPasswordExpiration=expires)
    assert password_refusal(person, "freeipa") == why
    assert refusal(person, "freeipa") is None  # the account is as good as before
    assert password_refusal(person, "389ds") is None


def test_a_password_of_freeipa_that_has_no_end_is_good() -> None:
    assert password_refusal(entry(), "freeipa") is None


def test_without_a_preset_nothing_is_known() -> None:
    assert refused(None, userAccountControl="514", nsAccountLock="TRUE") is None


COMPUTED = "msDS-User-Account-Control-Computed"


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({}, None),
        ({COMPUTED: "0", "pwdLastSet": "0"}, None),  # a password that never expires
        ({COMPUTED: "67108864"}, None),
        ({COMPUTED: "16"}, "account locked"),
        ({COMPUTED: "8388624", "pwdLastSet": "0"}, "account locked"),
        ({COMPUTED: "8388608", "pwdLastSet": "0"}, "must change the password"),
        ({COMPUTED: "8388608", "pwdLastSet": "132223104000000000"}, "password expired"),
        ({COMPUTED: "8388608"}, "password expired"),
    ],
)
def test_what_active_directory_computes(attributes: dict[str, str], why: str | None) -> None:
    assert server_refusal(entry(**attributes), "active_directory") == why


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({}, None),
        ({"pwdReset": "FALSE"}, None),
        ({"pwdReset": "TRUE"}, "must change the password"),
        (
            {"pwdAccountLockedTime": "20260101000000Z", "pwdReset": "TRUE"},
            "account locked at 20260101000000Z, until pwdLockoutDuration has passed",
        ),
        ({"pwdAccountLockedTime": "000001010000Z"}, None),  # the account's state tells
    ],
)
def test_what_a_policy_of_openldap_has_written(attributes: dict[str, str], why: str | None) -> None:
    assert server_refusal(entry(**attributes), "openldap") == why


@pytest.mark.parametrize("preset", [None, "freeipa", "389ds"])
def test_of_others_nothing_shows(preset: str | None) -> None:
    assert server_refusal(entry(**{COMPUTED: "16", "pwdReset": "TRUE"}), preset) is None
