"""A slice of the search for false verdicts, and what it found; `make prove-verdicts` does all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from verdicts.judge import judged
from verdicts.oracle import truth

import logloss
from logloss.record.proof import Status
from logloss.record.separation import Kind

Array = np.ndarray


@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_verdicts_are_those_of_whole_numbers(first: int) -> None:
    said = {seed: judged(seed) for seed in range(first, first + 100)}
    assert {seed: what for seed, what in said.items() if what is not None} == {}


def test_the_oracle_knows_what_can_be_seen() -> None:
    """One column, and the rows that a threshold tells apart."""
    X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 2.0]])
    assert truth(X, [-1, -1, 1, 1], [0, 0]).moved == {0, 3}
    assert truth(X, [-1, 1, -1, 1], [0, 0]).moved == {0, 3}
    assert truth(X, [1, -1, 1, -1], [0, 0]).moved == {0, 3}
    assert truth(X, [1, -1, 1, -1], [0, 1]).moved == frozenset()
    assert truth(X, [-1, 0, 1, 1], [0, 0]).moved == {0, 3}
    assert truth(X, [-1, 1, None, 1], [0, 0]).moved == {0, 1, 3}
    assert truth(X, [-1, 1, -1, -1], [0, 0]).moved == frozenset()


@pytest.mark.parametrize("solver", ["auto", "prox-newton"])
@pytest.mark.parametrize(
    "bounds",
    [
        [(0, None), (None, None)],
        [(None, None), (0, None)],
        [(None, 0), (None, None)],
        [(0, None), (None, 0)],
        [(0, None), (-1, 1)],
    ],
)
def test_a_bound_on_a_column_that_has_a_copy(bounds: Any, solver: str) -> None:
    """Where the copy can go the other way there is no estimate."""
    X, y = np.array([[1.0, 1.0], [-1.0, -1.0]]), np.array([0.0, 1.0])
    ends = any(low is None for low, _ in bounds)
    model = logloss.fit(X, y, bounds=bounds, solver=solver)
    assert model.separation.exists is not ends
    assert (model.certificate.status is Status.SEPARATED) is ends


def test_copies_that_together_can_go_both_ways() -> None:
    """x ≥ 0 for one and for its opposite: what they add up to has no bound."""
    x, y = np.array([1.0, 2.0, -1.0, -3.0]), np.array([0.0, 0.0, 1.0, 1.0])
    model = logloss.fit(np.column_stack([x, -x]), y, bounds=[(0, None), (0, None)])
    assert model.separation.kind is Kind.COMPLETE
    assert model.coefficients["x0"] < model.coefficients["x1"] - 5.0


@pytest.mark.parametrize("share", [1e-4, 1e-8, 1e-12])
def test_a_row_that_overlaps_by_very_little(share: float) -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])[:, np.newaxis]
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0])
    apart = logloss.fit(x, y).separation
    assert apart.kind is Kind.COMPLETE
    x[2] = 3.0 + share
    assert logloss.fit(x, y).separation.exists is True
    x[2] = 3.0
    touching = logloss.fit(x, y).separation
    assert touching.kind is Kind.QUASI
    assert touching.rows == 3
    x[2] = 3.0 - share
    assert logloss.fit(x, y).separation.kind is Kind.COMPLETE


def test_a_second_direction_may_leave_a_bound_that_the_first_has_left() -> None:
    """x0 ≥ 0 moves two rows; then x0 may give way by a little, and x1 moves the others."""
    X = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 1.0]])
    y = np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    options: dict[str, Any] = {"bounds": [(0, None), None], "fit_intercept": False}
    right = truth(X, [1, 1, 1, -1, 1], [1, 0])
    found = logloss.fit(X, y, **options).separation
    assert found.rows == len(right.moved) == 5


def test_columns_of_lengths_that_whole_numbers_of_a_word_do_not_hold() -> None:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((12, 2)) * [1e-160, 1e150]
    y = (X[:, 0] > 0.0) * 1.0
    assert logloss.fit(X, y).separation.kind is Kind.COMPLETE
    y[np.argmax(X[:, 0])] = 0.0
    y[np.argmin(X[:, 0])] = 1.0
    sign = [int(s) for s in 2 * y - 1]
    right = truth(np.column_stack([np.ones(12), X]), sign, [0, 0, 0])
    assert logloss.fit(X, y).separation.exists is (not right.moved)


def test_columns_that_nearly_repeat_others_twice_over() -> None:
    """Own parts of 1e-4 and 1e-11: sums round the second away, which must prove nothing."""
    assert judged(4708) is None
    assert judged(8008) is None


def test_bounds_beside_columns_far_from_0_on_which_the_solver_gives_up() -> None:
    assert judged(4218) is None
    assert judged(5531) is None


def test_offsets_beyond_which_nothing_bends() -> None:
    """p(1 − p) of 1e-320: what it is the inverse of proves nothing."""
    assert judged(43555) is None


def test_what_the_model_predicts_has_the_gap_that_is_said() -> None:
    """Rows that move a million times less than others are told apart as well."""
    X = np.array([[1.0, 1e6], [1.0, 1e6], [1.0 + 1e-9, 2e6], [1.0 - 1e-9, 0.0], [0.0, 0.0]])
    y = np.array([0.0, 1.0, 1.0, 0.0, 0.0])
    model = logloss.fit(X, y)
    loss = logloss.bce(y, np.asarray(model.predict_proba(X)), reduction="mean")
    infimum = model.separation.loss
    assert infimum is not None
    assert loss - infimum <= model.certificate.gap * (1 + 1e-9) + 1e-15
    assert not math.isnan(model.certificate.gap)
