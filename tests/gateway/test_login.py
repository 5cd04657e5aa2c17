"""The login as values: routing, proofs at once, failures of each kind, the audit line."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from config import Limit
from gateway import conclusion, errors, login
from gateway.outcomes import Refused, SignedIn
from providers import Attempt, Fields, Identity, Rejected, Unavailable, UnknownIdentity
from tests.gateway.kit import APP, CodeScript, Kit, Script, word


async def known(attempt: Attempt, fields: Fields) -> Identity:
    if fields.get("password") != "right":
        raise Rejected("wrong password")
    return Identity(attempt.identity, username=attempt.identity)


async def unknown(attempt: Attempt, fields: Fields) -> Identity:
    raise UnknownIdentity("nobody")


async def down(attempt: Attempt, fields: Fields) -> Identity:
    raise Unavailable("directory", "no answer", retry_after=7)


# Routing


async def test_the_first_provider_that_knows_the_identity_decides() -> None:
    first, second, third = Script("a", unknown), Script("b", known), Script("c", known)
    kit = Kit(first, second, third)
    outcome = await kit.login(username="ann", password="right")
    assert outcome == SignedIn("token-1", "b:ann", None)
    assert (first.asked, second.asked, third.asked) == (["ann"], ["ann"], [])


async def test_x4_a_wrong_proof_ends_the_login() -> None:
    second = Script("b", known)
    kit = Kit(Script("a", known), second)
    assert word(await kit.login(username="ann", password="wrong")) == errors.BADLOGIN
    assert second.asked == []


async def test_a_provider_that_is_down_is_not_skipped() -> None:
    second = Script("b", known)
    kit = Kit(Script("a", down), second)
    outcome = await kit.login(username="ann", password="right")
    assert outcome == Refused(errors.UNAVAILABLE, 7)
    assert second.asked == []


async def test_unknown_to_all_is_the_word_of_a_wrong_password() -> None:
    kit = Kit(Script("a", unknown), Script("b", unknown))
    assert word(await kit.login(username="ann", password="x")) == errors.BADLOGIN


async def test_x7_a_client_picks_among_the_apps_providers_only() -> None:
    first, second = Script("a", known), Script("b", known)
    kit = Kit(first, second)
    outcome = await kit.login(provider="b", username="ann", password="right")
    assert isinstance(outcome, SignedIn)
    assert outcome.address == "b:ann"
    assert first.asked == []
    assert word(await kit.login(provider="z", username="ann")) == errors.BADPROVIDER


async def test_a61_an_app_that_is_not_admitted_reaches_no_provider() -> None:
    provider = Script("a", known)
    kit = Kit(provider)
    assert word(await kit.login(app="evil", username="ann", password="right")) == errors.BADAPP
    assert word(await kit.login(app="", username="ann")) == errors.MISSINGAPPID
    assert provider.asked == []


async def test_fields_that_no_provider_needs_are_a_bad_request() -> None:
    kit = Kit(Script("a", known), CodeScript())
    assert word(await kit.login(phone="18005551234")) == errors.BADREQUEST


# Proofs at once


async def test_c5_failures_on_one_identity_are_limited_and_success_clears_them() -> None:
    kit = Kit(Script("a", known))
    for _ in range(4):
        assert word(await kit.login(username="ann", password="x")) == errors.BADLOGIN
    assert isinstance(await kit.login(username="ann", password="right"), SignedIn)
    for _ in range(5):
        assert word(await kit.login(username="ann", password="x")) == errors.BADLOGIN
    limited = await kit.login(username="ann", password="right")
    assert word(limited) == errors.RATELIMIT
    assert isinstance(limited, Refused)
    assert limited.retry_after == 900
    assert isinstance(await kit.login(username="bob", password="right"), SignedIn)
    kit.clock.now += 900
    assert isinstance(await kit.login(username="ann", password="right"), SignedIn)


async def test_c6_parallel_failures_never_exceed_the_limit() -> None:
    provider = Script("a", known)
    kit = Kit(provider)
    outcomes = await asyncio.gather(*(kit.login(username="ann", password="x") for _ in range(50)))
    words = [word(outcome) for outcome in outcomes]
    assert words.count(errors.BADLOGIN) == 5
    assert words.count(errors.RATELIMIT) == 45
    assert len(provider.asked) == 5


async def test_an_unknown_identity_is_limited_like_a_known_one() -> None:
    kit = Kit(Script("a", unknown))
    words = [word(await kit.login(username="ann", password="x")) for _ in range(6)]
    assert words == [errors.BADLOGIN] * 5 + [errors.RATELIMIT]


async def test_being_unknown_to_one_provider_does_not_count_once_another_signs_in() -> None:
    kit = Kit(Script("a", unknown), Script("b", known))
    for _ in range(20):
        assert isinstance(await kit.login(username="ann", password="right"), SignedIn)


async def test_an_outage_never_counts_as_a_failure() -> None:
    kit = Kit(Script("a", down))
    for _ in range(20):
        assert word(await kit.login(username="ann", password="x")) == errors.UNAVAILABLE
    issuing = Kit(Script("a", known))
    issuing.issuer.failing = True
    for _ in range(20):
        outcome = await issuing.login(username="ann", password="right")
        assert word(outcome) == errors.UNAVAILABLE


async def test_requests_of_one_address_are_limited_once_per_request() -> None:
    kit = Kit(Script("a", unknown), Script("b", known), per_ip=[Limit(3, 60)])
    for name in ("ann", "bob", "cid"):
        assert isinstance(await kit.login(username=name, password="right"), SignedIn)
    assert word(await kit.login(username="dan", password="right")) == errors.RATELIMIT


# What the issuer is told


async def test_c2_the_address_is_of_the_proven_identity() -> None:
    provider = CodeScript()
    provider.identity = lambda attempt: Identity("real", name="Ann")
    kit = Kit(provider)
    await kit.login(username="typed")
    await kit.login(username="typed", otp=provider.delivered[0], name="Mallory")
    assert kit.issuer.issued == [("code:real", APP, "Ann")]


async def test_case_37_a_typed_name_is_a_display_name_and_no_more() -> None:
    kit = Kit(Script("a", known))
    await kit.login(username="ann", password="right", name=" A\nn\x1bn " + "x" * 100)
    (_, _, name) = kit.issuer.issued[0]
    assert name is not None
    assert name.startswith("Ann x")
    assert len(name) == conclusion.MAX_NAME


async def test_an_identity_without_the_field_of_its_address_is_the_operators_problem() -> None:
    kit = Kit(Script("a", known), address="{phone}")
    with capture_logs() as logs:
        outcome = await kit.login(username="ann", password="right")
    assert word(outcome) == errors.UNAVAILABLE
    assert "no phone" in logs[-1]["detail"]
    assert kit.issuer.issued == []


# Providers that misbehave


async def test_case_42_a_providers_bug_is_an_outage_and_repeats_nothing() -> None:
    async def buggy(attempt: Attempt, fields: Fields) -> Identity:
        raise ValueError(f"bad password {fields['password']}")

    kit = Kit(Script("a", buggy))
    with capture_logs() as logs:
        outcome = await kit.login(username="ann", password="hunter2")
    assert word(outcome) == errors.UNAVAILABLE
    assert "hunter2" not in str(logs)
    assert "ValueError" in str(logs)


async def test_a_provider_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(attempt: Attempt, fields: Fields) -> Identity:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(login, "DEADLINE", 0.01)
    outcome = await Kit(Script("a", hang)).login(username="ann", password="x")
    assert word(outcome) == errors.UNAVAILABLE


# The audit line


async def test_each_login_leaves_one_line_without_secrets() -> None:
    provider = CodeScript()
    kit = Kit(provider)
    with capture_logs() as logs:
        await kit.login(username="18005551234")
        await kit.login(username="18005551234", otp=provider.delivered[0])
        await kit.login(username="18005551234", otp="999999")
    assert [(line["event"], line["action"], line["outcome"]) for line in logs] == [
        ("login", "authn_login_challenge", "challenge"),
        ("login", "authn_login_success", "success"),
        ("login", "authn_login_fail", "rejected"),
    ]
    assert logs[0].keys() >= {"request_id", "app", "provider", "identity", "client", "ms"}
    text = str(logs)
    for secret in (provider.delivered[0], "999999", "token-1", "18005551234"):
        assert secret not in text


async def test_a57_metrics_have_labels_of_the_configuration_only() -> None:
    kit = Kit(Script("a", known))
    for i in range(50):
        await kit.login(app=f"app{i}", provider=f"p{i}", username=f"u{i}")
        await kit.login(provider=f"p{i}", username=f"u{i}")
        await kit.login(username=f"u{i}", password="x")
    text = kit.metrics.exposition().decode()
    series = [line for line in text.splitlines() if line.startswith("gateway_logins_total")]
    assert len(series) == 3
    assert "gateway_in_flight 0.0" in text
