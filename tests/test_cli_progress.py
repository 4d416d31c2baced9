"""The progress line: what it says, and how the time left is reckoned."""

from __future__ import annotations

import math

import pytest

from logloss.cli.progress import Progress, seconds_left, step_text
from logloss.record.proof import Step

NAN = math.nan


def halving(n: int, seconds: float = 1.0) -> list[Step]:
    """Steps a second apart whose gap halves each time, at an objective of 1."""
    return [Step(k + 1, seconds * k, 1.0, 0.5**k) for k in range(n)]


def test_the_time_left_of_linear_convergence() -> None:
    # from 2**-4 to 2**-10 takes six more steps
    assert seconds_left(halving(5), 2.0**-10) == pytest.approx(6.0)
    assert seconds_left(halving(5, 0.5), 2.0**-10) == pytest.approx(3.0)


def test_the_tolerance_is_relative_to_the_objective() -> None:
    steps = [Step(1, 0.0, 4.0, 4.0), Step(2, 1.0, 4.0, 2.0)]
    assert seconds_left(steps, 2.0**-3) == pytest.approx(2.0)


def test_no_gap_no_guess() -> None:
    assert seconds_left([], 1e-6) is None
    assert seconds_left([Step(1, 0.0, 1.0, NAN), Step(2, 1.0, 1.0, 0.5)], 1e-6) is None
    assert seconds_left([Step(1, 0.0, 1.0, 0.5), Step(2, 1.0, 1.0, 0.5)], 1e-6) is None
    assert seconds_left(halving(4), 0.0) is None


def test_the_budget_bounds_the_guess() -> None:
    assert seconds_left(halving(5), 2.0**-10, time_budget=5.5) == pytest.approx(1.5)
    assert seconds_left(halving(5), 2.0**-10, time_budget=99) == pytest.approx(6.0)
    assert seconds_left([Step(1, 2.0, 1.0, NAN)], 1e-6, time_budget=10) == pytest.approx(8.0)
    assert seconds_left(halving(5), 1e-6, time_budget=1) == 0.0


def test_the_words() -> None:
    step = Step(1200, 3.0, 0.5, 5e-6)
    assert step_text(step, 2.4) == "1,200 reads of the data, gap 1.0e-05 (relative), about 2 s left"
    assert step_text(step, None) == "1,200 reads of the data, gap 1.0e-05 (relative)"
    assert step_text(Step(1, 0.1, 0.5, NAN), None) == "1 read of the data, objective 0.5"


def test_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("[bold].csv", 1e-6) as progress:
        assert progress(Step(1, 0.1, 0.5, NAN)) is False
    assert capsys.readouterr() == ("", "")
