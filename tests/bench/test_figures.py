import pytest

from bench.figures import Figure, met, paired, percentile, rounds, row


def test_paired_ratios_are_taken_round_by_round() -> None:
    # The second round was disturbed, and both halves of it: the ratio tells nothing of that.
    assert paired([50, 500, 60], [100, 1000, 100]) == [0.5, 0.5, 0.6]


def test_paired_refuses_a_missing_round() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        paired([1, 2], [1])


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 50), (99, 99), (100, 100), (0.5, 1), (99.5, 100)]
)
def test_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


def test_every_other_round_goes_backwards() -> None:
    ran: list[str] = []
    rounds(3, [lambda: ran.append("a"), lambda: ran.append("b")])
    assert ran == ["a", "b", "b", "a", "a", "b"]


@pytest.mark.parametrize(
    ("values", "verdict"), [([0.5, 1.0, 9.0], True), ([0.5, 1.01, 1.02], False)]
)
def test_the_median_decides(values: list[float], verdict: bool) -> None:
    figure = Figure("T0", "a step", "x", at_most=1.0)
    assert met(figure, values) is verdict
    assert row(figure, values).endswith("met" if verdict else "MISSED")


def test_figure_without_a_target_only_informs() -> None:
    figure = Figure("e", "a step", "us")
    assert met(figure, [1e9])
    assert row(figure, [2.0, 1.0, 4.0]).split() == ["e", "a", "step", "2", "[1..4]", "us"]


@pytest.mark.parametrize(
    ("values", "verdict"), [([1.6, 1.5, 9.0], True), ([1.59, 2.0, 0.1], False)]
)
def test_some_targets_are_to_be_reached(values: list[float], verdict: bool) -> None:
    figure = Figure("T0", "workers", "x", at_least=1.6)
    assert met(figure, values) is verdict
    assert row(figure, values).endswith(">= 1.6   met" if verdict else ">= 1.6   MISSED")
