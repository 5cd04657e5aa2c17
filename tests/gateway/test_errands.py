"""Deliveries that go on after the answer: what is answered, what is logged, how many there are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from gateway import errands, errors
from gateway.outcomes import CodeSent, Refused, SignedIn
from providers import Errand, Receipt, Rejected, Unavailable
from tests.gateway.kit import APP, CodeScript, Kit, word

Lines = list[MutableMapping[str, Any]]
SENT = CodeSent("code", 60, 600)


async def nobody() -> None:
    return None


async def sent() -> Receipt:
    return Receipt("vendor", "SM12-34")


async def fails(error: Exception) -> Receipt:
    raise error


class Gate:
    """A vendor that answers when it is let to."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.entered = 0

    async def pass_through(self) -> Receipt:
        self.entered += 1
        await self._open.wait()
        return Receipt("vendor", None)

    def open(self) -> None:
        self._open.set()


def sending(run: Callable[[], Awaitable[Receipt | None]], **challenge: Any) -> CodeScript:
    """A provider whose deliveries are errands."""
    provider = CodeScript(**challenge)
    provider.errand = Errand(run)
    return provider


async def lines_of(kit: Kit, **login: str) -> Lines:
    with capture_logs() as logs:
        await kit.login(username="ann", **login)
        await kit.errands.finish(5)
    return logs


# The answer and the log


async def test_answer_does_not_wait_and_its_audit_line_neither() -> None:
    gate = Gate()
    kit = Kit(sending(gate.pass_through))
    with capture_logs() as logs:
        assert await kit.login(username="ann") == SENT
        assert [line["event"] for line in logs] == ["login"]
        assert logs[0]["outcome"] == "challenge"
        assert logs[0].keys() & {"sender", "message"} == set()
        gate.open()
        await kit.errands.finish(5)
    assert [line["event"] for line in logs] == ["login", "message"]


async def test_a_message_that_went_out_has_a_line_of_its_own() -> None:
    audit, line = await lines_of(Kit(sending(sent)))
    assert line == {
        "event": "message",
        "log_level": "info",
        "request_id": audit["request_id"],
        "provider": "code",
        "outcome": "sent",
        "sender": "vendor",
        "message": "SM12-34",
    }


async def test_nobody_to_send_to_is_told_to_the_operator() -> None:
    _, line = await lines_of(Kit(sending(nobody)))
    assert line["outcome"] == "nobody"
    assert line["log_level"] == "info"
    assert line.keys() & {"sender", "message"} == set()


async def test_a55_a_vendors_name_of_a_message_stays_one_line() -> None:
    async def run() -> Receipt:
        return Receipt("vendor", 'x\n{"event":"login"}' + "y" * 1000)

    _, line = await lines_of(Kit(sending(run)))
    assert line["message"].isprintable()
    assert len(line["message"]) == 64


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (Unavailable("senders", "vendor: down"), "senders: vendor: down"),
        (Rejected("vendor: no such number"), "vendor: no such number"),
    ],
)
async def test_a_failure_is_a_warning_with_its_reason(error: Exception, detail: str) -> None:
    audit, line = await lines_of(Kit(sending(lambda: fails(error))))
    assert audit["outcome"] == "challenge"
    assert line == {
        "event": "message",
        "log_level": "warning",
        "request_id": audit["request_id"],
        "provider": "code",
        "outcome": "failed",
        "detail": detail,
    }


def not_even_awaitable() -> Awaitable[Receipt]:
    raise ValueError("123456 for 18005551234")


@pytest.mark.parametrize(
    "run", [not_even_awaitable, lambda: fails(ValueError("123456 for 18005551234"))]
)
async def test_case_42_a_providers_bug_is_logged_and_repeats_nothing(
    run: Callable[[], Awaitable[Receipt]],
) -> None:
    logs = await lines_of(Kit(sending(run)))
    assert [line["event"] for line in logs] == ["login", "provider failed", "message"]
    assert logs[-1]["outcome"] == "failed"
    assert "ValueError" in logs[-1]["detail"]
    assert "123456" not in str(logs)
    assert "18005551234" not in str(logs)


async def test_p11_the_code_is_in_no_line() -> None:
    provider = sending(sent)
    logs = await lines_of(Kit(provider))
    assert provider.delivered[0] not in str(logs)


async def test_an_errand_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "DEADLINE", 0.01)
    _, line = await lines_of(Kit(sending(Gate().pass_through)))
    assert (line["log_level"], line["outcome"]) == ("warning", "failed")
    assert line["detail"] == "not done within 0.01 s"


# Nothing differs from outside, whatever becomes of the message


async def story(run: Callable[[], Awaitable[Receipt | None]]) -> list[object]:
    """What somebody sees who starts, starts again, guesses, and goes on until it is too much."""
    provider = sending(run)
    kit = Kit(provider)
    seen: list[object] = []
    for otp in (None, None, "wrong", "wrong"):
        fields = {} if otp is None else {"otp": otp}
        seen.append(await kit.login(username="ann", **fields))
        await kit.errands.finish(5)
    for _ in range(4):
        kit.clock.now += 60
        seen.append(await kit.login(username="ann"))
    await kit.errands.finish(5)
    return [*seen, len(provider.delivered)]


async def test_a19_c4_every_outcome_is_one_from_outside() -> None:
    known = await story(sent)
    assert known[:4] == [SENT, CodeSent("code", 60, 600), Refused("BADOTP"), Refused("BADOTP")]
    assert cast(Refused, known[-2]).word == errors.RATELIMIT  # the budget of three
    for other in (
        nobody,
        lambda: fails(Unavailable("senders", "down")),
        lambda: fails(Rejected("no such number")),
        lambda: fails(ValueError()),
    ):
        assert await story(other) == known


async def test_the_code_of_a_message_that_failed_stays_pending() -> None:
    provider = sending(lambda: fails(Unavailable("senders", "down")))
    kit = Kit(provider)
    await kit.login(username="ann")
    await kit.errands.finish(5)
    kit.clock.now += 60
    provider.errand = Errand(sent)
    await kit.login(username="ann")
    first, second = provider.delivered
    assert first == second
    assert provider.turns == [0, 1]
    assert isinstance(await kit.login(username="ann", otp=second), SignedIn)


# How many there may be


@pytest.mark.parametrize("late", [sent, nobody])
async def test_c21_too_many_at_once_are_refused_known_or_not(
    late: Callable[[], Awaitable[Receipt | None]],
) -> None:
    gate = Gate()
    provider = sending(gate.pass_through, budgets=())
    kit = Kit(provider)
    for number in range(errands.MAX_RUNNING):
        assert isinstance(await kit.login(username=f"u{number}"), CodeSent)
    assert errands.MAX_RUNNING == 1024
    provider.errand = Errand(late)
    assert await kit.login(username="ann") == Refused(errors.UNAVAILABLE, errands.RETRY_AFTER)
    refused = provider.delivered[-1]
    assert word(await kit.login(username="ann", otp=refused)) == errors.BADOTP  # taken back
    gate.open()
    await kit.errands.finish(5)
    assert gate.entered == errands.MAX_RUNNING
    assert await kit.login(username="ann") == SENT
    await kit.errands.finish(5)


async def test_c21_one_providers_messages_take_no_others_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(errands, "MAX_RUNNING", 1)
    gate = Gate()
    slow, quick = sending(gate.pass_through, name="slow"), sending(sent, name="quick")
    kit = Kit(slow, quick)
    assert isinstance(await kit.login(provider="slow", username="ann"), CodeSent)
    assert word(await kit.login(provider="slow", username="bob")) == errors.UNAVAILABLE
    assert isinstance(await kit.login(provider="quick", username="bob"), CodeSent)
    gate.open()
    await kit.errands.finish(5)


async def test_those_that_ended_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "MAX_RUNNING", 1)
    kit = Kit(sending(nobody, budgets=()))
    for number in range(10):
        assert isinstance(await kit.login(username=f"u{number}"), CodeSent)
        await kit.errands.finish(5)


async def test_overload_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "MAX_RUNNING", 0)
    kit = Kit(sending(nobody))
    for _ in range(10):  # more often than the budget of three allows
        assert word(await kit.login(username="ann")) == errors.UNAVAILABLE
    monkeypatch.undo()
    assert await kit.login(username="ann") == SENT
    await kit.errands.finish(5)


# The end


async def test_a151_those_that_run_may_finish() -> None:
    gate = Gate()
    kit = Kit(sending(gate.pass_through))
    with capture_logs() as logs:
        await kit.login(username="ann")
        finishing = asyncio.create_task(kit.errands.finish(5))
        await asyncio.sleep(0)
        assert not finishing.done()
        gate.open()
        await finishing
    assert logs[-1]["outcome"] == "sent"


@pytest.mark.parametrize("within", [0.0, 0.01])
async def test_a151_those_that_do_not_finish_in_time_are_cut_off(within: float) -> None:
    kit = Kit(sending(Gate().pass_through))
    with capture_logs() as logs:
        await kit.login(username="ann")
        await kit.errands.finish(within)
    assert (logs[-1]["log_level"], logs[-1]["outcome"]) == ("warning", "failed")
    assert "end of the gateway" in logs[-1]["detail"]


async def test_they_begin_at_times_that_nobody_knows() -> None:
    """The work of one is not what the next request has to wait for."""
    times: list[float] = []

    async def run() -> None:
        times.append(asyncio.get_running_loop().time())

    running = errands.Errands()
    app = Kit(CodeScript()).engine.apps.find(APP)
    assert app is not None
    (method,) = app.methods
    started = asyncio.get_running_loop().time()
    for _ in range(200):
        running.begin(method, Errand(run), "r")
    await running.finish(5)
    waited = [time - started for time in times]
    assert max(waited) < errands.SPREAD + 0.5
    assert min(waited) < 0.2 * errands.SPREAD < 0.8 * errands.SPREAD < max(waited)


async def test_without_any_the_end_is_at_once() -> None:
    await errands.Errands().finish(5)
