"""The trials count what went wrong as what it was, and notice what must not be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.trials import memory, report, tokens
from bench.trials.faults import Fault, kill_worker
from bench.trials.ledger import (
    BROKEN,
    ID_TOKEN,
    REFUSED,
    SLOW,
    TIMED_OUT,
    UNAVAILABLE,
    WELL,
    Ledger,
    Request,
    Requests,
    SignIn,
    Tally,
)
from bench.trials.people import Answer
from bench.trials.reasons import reasons
from bench.trials.trial import Result

PHONE = "14150000000"


def requests(*rows: Request) -> Requests:
    all_of_them = Requests()
    for row in rows:
        all_of_them.add(row)
    return all_of_them


def sign_in(**what: object) -> SignIn:
    one = SignIn("phone", PHONE, proven=True)
    for name, value in what.items():
        setattr(one, name, value)
    return one


def tallied(*sign_ins: SignIn, minted: int = 0, often: int = 0) -> Tally:
    ledger = Ledger()
    for one in sign_ins:
        ledger.close(one)
    return ledger.tally({PHONE: minted}, [PHONE] * often)


def result(tally: Tally | None = None, lag: float = 0.0, **failures: int) -> Result:
    return Result(1000, Counter(failures), tally or Tally(), lag, (0.01,))


# -- requests


def test_each_failure_is_counted_as_its_kind() -> None:
    kinds = [WELL, BROKEN, UNAVAILABLE, BROKEN, REFUSED, TIMED_OUT, "BADOTP", WELL]
    counted = requests(*(Request(0.0, 0.1, kind, True) for kind in kinds))
    assert len(counted) == 8
    assert counted.failures() == {
        BROKEN: 2,
        UNAVAILABLE: 1,
        REFUSED: 1,
        TIMED_OUT: 1,
        "BADOTP": 1,
    }


def test_percentile_is_of_good_answers_to_what_was_sent_in_between() -> None:
    rows = [Request(10.0 + i / 1000, 0.001 * i, WELL, True) for i in range(1, 101)]
    counted = requests(*rows, Request(10.05, 9.0, BROKEN, True), Request(9.9, 9.0, WELL, True))
    p99 = counted.p99(10.0, 11.0)
    assert p99 == pytest.approx(0.099, abs=1e-6)
    assert counted.p99(11.0, 12.0) is None


@pytest.mark.parametrize(
    ("row", "until"),
    [
        pytest.param(Request(12.0, 0.5, UNAVAILABLE, True), 12.5, id="failed"),
        pytest.param(Request(12.0, SLOW + 1.0, WELL, True), 14.0, id="slow"),
        pytest.param(Request(9.0, 3.0, BROKEN, True), 12.0, id="sent-before"),
        pytest.param(Request(12.0, 0.5, UNAVAILABLE, False), 10.0, id="repeated"),
        pytest.param(Request(12.0, 0.5, WELL, True), 10.0, id="well"),
        pytest.param(Request(9.0, 0.5, BROKEN, True), 10.0, id="before-the-fault"),
    ],
)
def test_recovered_is_when_the_last_first_try_that_was_not_well_ended(
    row: Request, until: float
) -> None:
    well = Request(20.0, 0.1, WELL, True)
    assert requests(row, well).ill_until(10.0) == pytest.approx(until)


@pytest.mark.parametrize(
    ("word", "final"),
    [
        *((word, True) for word in (WELL, "BADOTP", "BADLOGIN", "RATELIMIT")),
        *((word, False) for word in (UNAVAILABLE, BROKEN, REFUSED, TIMED_OUT)),
    ],
)
def test_people_ask_again_where_asking_again_may_help(word: str, final: bool) -> None:
    assert Answer(word, {}).final is final


# -- sign-ins


@pytest.mark.parametrize(
    ("one", "minted", "counted"),
    [
        pytest.param(sign_in(tokens=1), 0, Tally(1), id="well"),
        pytest.param(sign_in(tokens=1, troubled=True), 1, Tally(1), id="troubled"),
        pytest.param(sign_in(rejected=True), 0, Tally(1, codes_lost=1), id="lost"),
        pytest.param(sign_in(), 0, Tally(1, codes_lost=1), id="never"),
        pytest.param(sign_in(), 1, Tally(1, codes_lost=1), id="made-and-never-had"),
        pytest.param(sign_in(rejected=True), 1, Tally(1, answers_lost=1), id="answer-lost"),
        pytest.param(sign_in(proven=False), 0, Tally(1, no_message=1), id="no-message"),
        pytest.param(
            sign_in(kind=ID_TOKEN, rejected=True), 0, Tally(1, tokens_used_up=1), id="id-token"
        ),
        pytest.param(
            sign_in(kind="password", address=None, rejected=True),
            0,
            Tally(1, codes_lost=1),
            id="password-refused",
        ),
        pytest.param(sign_in(tokens=2), 2, Tally(1, handed_out_twice=1), id="two-tokens"),
        pytest.param(
            sign_in(tokens=1, strange=1), 1, Tally(1, handed_out_twice=1), id="of-another"
        ),
    ],
)
def test_sign_in_is_counted_as_what_became_of_it(one: SignIn, minted: int, counted: Tally) -> None:
    assert tallied(one, minted=minted) == counted


def test_tokens_made_twice_are_a_figure_of_their_own() -> None:
    tally = tallied(sign_in(tokens=1, troubled=True), often=1)
    assert tally == Tally(1, made_twice=1)
    assert tally.sound


@pytest.mark.parametrize("lost", [{"codes_lost": 1}, {"handed_out_twice": 1}])
def test_what_must_not_be_is_not_sound(lost: dict[str, int]) -> None:
    assert not Tally(1, **lost).sound


def test_those_in_doubt_had_no_token() -> None:
    ledger = Ledger()
    ledger.close(sign_in(tokens=1, troubled=True))
    ledger.close(sign_in(address=None))
    ledger.close(sign_in(address="other", rejected=True))
    assert ledger.in_doubt() == ["other"]


def test_last_through_is_the_last_one_who_was_in_trouble() -> None:
    ledger = Ledger()
    assert ledger.last_through(10.0) == 10.0
    ledger.close(sign_in(tokens=1, troubled=True, ended=14.0))
    ledger.close(sign_in(tokens=1, ended=30.0))
    ledger.close(sign_in(troubled=True, ended=40.0))
    assert ledger.last_through(10.0) == 14.0


def test_token_tells_whose_it_is() -> None:
    token = tokens.made(7, PHONE)
    assert len(token) == 48
    assert tokens.belongs(token, PHONE)
    assert not tokens.belongs(token, "14150000001")
    assert token != tokens.made(8, PHONE)


# -- memory and report


def test_growth_compares_thirds_after_the_warm_up() -> None:
    warm_up, rest = [10.0] * 6, [50.0] * 8 + [60.0] * 8 + [70.0] * 8
    grown = memory.growth(warm_up + rest)
    assert (grown.first, grown.last, grown.mib) == (50.0, 70.0, 20.0)


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (result(), []),
        (result(UNAVAILABLE=2), ["requests failed: 2 UNAVAILABLE"]),
        (result(Tally(codes_lost=3)), ["3 codes were lost"]),
        (result(Tally(handed_out_twice=1)), ["1 tokens were handed out twice"]),
        (result(Tally(made_twice=1)), ["1 tokens were made twice"]),
        (result(lag=0.5), ["the load came 0.50 s late: not to be believed"]),
    ],
)
def test_endurance_run_has_to_be_without_errors(one: Result, wrong: list[str]) -> None:
    assert [*report.faults_of_endurance(one)] == wrong


def test_endurance_run_must_not_grow() -> None:
    for last, count in ((59.0, 0), (61.0, 1)):
        grown = Result(1, Counter(), Tally(), 0.0, (None,), growth=memory.Growth(50.0, last))
        assert len([*report.faults_of_endurance(grown)]) == count


@pytest.mark.parametrize("harmless", [False, True])
def test_failures_are_counted_against_faults_that_should_do_no_harm(harmless: bool) -> None:
    fault = Fault("kill", "what", kill_worker, harmless=harmless)
    assert len([*report.faults_of(fault, result(broken=1))]) == harmless
    assert len([*report.faults_of(fault, result(Tally(codes_lost=1)))]) == 1


def test_row_has_a_cell_for_each_column() -> None:
    one = Result(1000, Counter({BROKEN: 2}), Tally(), 0.0, (0.004, None, 0.005))
    header, _ = report.HEADER.splitlines()
    row = report.row("what", one)
    assert row.count("|") == header.count("|")
    assert "| 2 broken |" in row
    assert "| 4 / - / 5 |" in row


def test_reasons_are_those_of_the_log_the_most_frequent_first(tmp_path: Path) -> None:
    log = tmp_path / "gateway.err"
    warning = '{"level":"warning","event":"login","provider":"phone","detail":"issuer: cut"}\n'
    log.write_text(f'{{"level":"info","event":"login"}}\nTraceback:\n{warning * 2}')
    assert reasons([log]) == ["2 x login phone issuer: cut", "1 x Traceback:"]
