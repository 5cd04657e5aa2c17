"""What the log and the metrics tell of sign-ins in a browser (C13, C14, C15, A55, A57, A101)."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import errors
from gateway.outcomes import SignedIn
from providers import Cancelled, Identity, Unavailable
from tests.gateway.browsers import (
    CHALLENGE,
    RETURN,
    VERIFIER,
    Browser,
    Scene,
    begin,
    landed,
    redeem,
    signed_in,
)
from tests.gateway.kit import APP, BrowserScript, Kit, word

Lines = list[MutableMapping[str, Any]]
KEYS = {"action", "request_id", "app", "provider", "identity", "client", "outcome", "ms"}


def told(logs: Lines) -> list[tuple[str, str, str, str]]:
    return [(line["action"], line["outcome"], line["app"], line["provider"]) for line in logs]


async def test_c15_a_sign_in_leaves_a_line_for_each_of_its_steps() -> None:
    site = BrowserScript()
    site.identity = lambda: Identity("ann@example.com")
    kit = Kit(site, return_urls=[RETURN], address="{subject}")
    with capture_logs() as logs:
        assert isinstance(await redeem(kit, await signed_in(kit)), SignedIn)
    assert told(logs) == [
        ("authn_login_challenge", "challenge", APP, "site"),
        ("authn_login_proven", "proven", APP, "site"),
        ("authn_login_success", "success", APP, "site"),
    ]
    assert [line["identity"] for line in logs] == ["", "a**@example.com", "a**@example.com"]
    assert [line["event"] for line in logs] == ["login"] * 3
    assert {line["log_level"] for line in logs} == {"info"}
    for line in logs:
        assert line.keys() - {"event", "log_level"} == KEYS
        assert (line["request_id"], line["client"]) == ("r", "192.0.2.1")


async def test_c15_who_turns_back_is_told_from_who_fails() -> None:
    async def cancel() -> None:
        raise Cancelled("access_denied")

    scene = Scene()
    scene.site.before_arrival = cancel
    with capture_logs() as logs:
        await scene.browser.back(await scene.depart())
    assert told(logs)[-1] == ("authn_login_cancelled", "cancelled", APP, "site")
    assert logs[-1]["detail"] == "access_denied"
    assert logs[-1]["log_level"] == "info"


async def test_an_outage_is_a_warning() -> None:
    async def down() -> None:
        raise Unavailable("idp", "no answer")

    scene = Scene()
    scene.site.before_arrival = down
    with capture_logs() as logs:
        await scene.browser.back(await scene.depart())
    assert told(logs)[-1] == ("sys_upstream_unavailable", "unavailable", APP, "site")
    assert logs[-1]["log_level"] == "warning"


@pytest.mark.parametrize("how", ["replayed", "foreign", "other-provider", "no-provider", "none"])
async def test_a101_who_comes_out_of_turn_is_a_sequence_fail(how: str) -> None:
    scene = Scene(BrowserScript("other"))
    state = await scene.depart()
    browser, provider = scene.browser, "site"
    if how == "replayed":
        landed(await browser.back(state))
    elif how == "foreign":
        browser = Browser(scene.kit)
    elif how == "other-provider":
        provider = "other"
    elif how == "no-provider":
        provider = "x\nlogin outcome=success"
    else:
        state = ""
    with capture_logs() as logs:
        await browser.back(state, provider)
    labels = "" if how == "no-provider" else provider
    assert told(logs) == [("sequence_fail", "bad_request", "", labels)]
    assert logs[0]["log_level"] == "info"


async def test_what_is_wrong_with_a_ticket_is_a_failed_login() -> None:
    kit = Kit(BrowserScript(), return_urls=[RETURN])
    handed = await signed_in(kit)
    with capture_logs() as logs:
        assert word(await redeem(kit, handed, otp="0" * 32)) == errors.BADOTP
    assert told(logs) == [("authn_login_fail", "rejected", APP, "")]


async def test_c13_no_line_has_an_id_a_code_a_state_or_a_secret() -> None:
    scene = Scene()
    kit, browser = scene.kit, scene.browser
    with capture_logs() as logs:
        state = await scene.depart()
        handed = landed(await browser.back(state, code="code-of-the-idp"))
        await browser.back(state, code="code-of-the-idp")  # replayed
        await browser.back(state + "x", error_description="text-of-the-idp")
        await browser.open(scene.trip_id)  # it is over
        await redeem(kit, handed, app="com.example.other")
        kit.issuer.failing = True
        await redeem(kit, handed)
        kit.issuer.failing = False
        await redeem(kit, handed)
        await redeem(kit, handed)
        handed_again = await signed_in(kit)
        await redeem(kit, handed_again, code_verifier="v" * 43)
        scene.site.before_departure = _down
        await browser.open((await begin(kit)).id)
        await kit.login(provider="site", id_token="ann.token-of-the-idp")
        await kit.login(provider="site", id_token="ann.token-of-the-idp")
        await kit.login(provider="site", return_url="com.example.evil:/in", code_challenge="c")
    trips = scene.site.departed
    secrets = [
        *(handed.id, handed.code, handed_again.id, handed_again.code, browser.cookie or "missing"),
        *(secret for trip in trips for secret in (trip.state, trip.nonce, trip.verifier)),
        *(state.split(".")[part] for part in range(3)),
        *("code-of-the-idp", "token-of-the-idp", "text-of-the-idp", "token-1", "token-2"),
        *(VERIFIER, CHALLENGE, "v" * 43, RETURN, "com.example.evil"),
    ]
    text = str(logs)
    assert len(logs) > 12
    assert [secret for secret in secrets if secret in text] == []


async def _down() -> None:
    raise Unavailable("idp", "no answer")


async def test_a55_what_a_browser_sends_stays_one_line() -> None:
    kit = Kit(BrowserScript(), app_ids=("*",))
    with capture_logs() as logs:
        await signed_in(kit, app="x\n{'event': 'login'}\x1b[31m", return_url="")
    assert [line["app"].isprintable() for line in logs] == [True, True]


async def test_a57_metrics_have_labels_of_the_configuration_only() -> None:
    scene = Scene(app_ids=("*",))
    for n in range(20):
        gone = await begin(scene.kit, app=f"com.example.app{n}")
        handed = landed(await scene.browser.there_and_back(gone.id))
        await redeem(scene.kit, handed, app=f"com.example.app{n}")
        await redeem(scene.kit, handed, app=f"com.example.app{n}", provider=f"p{n}")
        await scene.browser.back(f"state{n}", provider=f"p{n}")
        await scene.kit.login(challenge=f"{n}".zfill(22), otp=str(n), provider=f"p{n}")
    text = scene.kit.metrics.exposition().decode()
    series = {
        line.rpartition(" ")[0].partition("{")[2]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("gateway_logins_total{")
    }
    assert series == {
        'app="*",outcome="challenge",provider="site"}': 20,
        'app="*",outcome="proven",provider="site"}': 20,
        'app="*",outcome="success",provider="site"}': 20,
        'app="*",outcome="rejected",provider=""}': 40,
        'app="",outcome="bad_request",provider=""}': 20,
    }
    assert "gateway_in_flight 0.0" in text


async def test_nothing_is_in_flight_after_what_ended_badly() -> None:
    scene = Scene()
    state = await scene.depart()

    async def cut_off() -> None:
        raise KeyboardInterrupt

    scene.site.before_arrival = cut_off
    with pytest.raises(KeyboardInterrupt):
        await scene.browser.back(state)
    assert "gateway_in_flight 0.0" in scene.kit.metrics.exposition().decode()
    scene.site.before_arrival = scene.site._nothing
    await scene.retry()
