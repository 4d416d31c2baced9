"""A sample of rows that stands for all: chosen by their numbers, fair to labels and weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from logloss.backends.memory import MemoryLikelihood
from logloss.backends.sampling import stratified
from logloss.objective.coordinates import Coordinates
from logloss.objective.row_data import RowData
from logloss.table import learn, read
from logloss.table.design.design import design_of

Array = NDArray[np.float64]


@given(
    n=st.integers(2, 3000),
    share=st.floats(0.0, 1.0),
    part=st.floats(0.001, 0.5),
    seed=st.integers(0, 1000),
    weighted=st.booleans(),
)
def test_a_sample_carries_the_weight_of_each_label(
    n: int, share: float, part: float, seed: int, weighted: bool
) -> None:
    """Rows in order, none twice, none without weight; Σs of each label as in all rows."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(np.float64)
    weight = rng.exponential(1.0, n) * (rng.random(n) < 0.7) if weighted else None
    if weight is not None and not weight.any():
        weight[0] = 1.0
    count = max(1, int(part * n))
    rows, s = stratified(y, weight, count, count // 4)
    full = np.ones(n) if weight is None else weight
    assert rows.dtype == np.int64
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 0
    assert rows[-1] < n
    assert (full[rows] > 0.0).all()
    assert (s > 0.0).all()
    for label in (0.0, 1.0):
        assert s[y[rows] == label].sum() == pytest.approx(full[y == label].sum(), rel=1e-12)
    if weight is not None:
        for label in (0.0, 1.0):
            ratio = s[y[rows] == label] / full[rows[y[rows] == label]]
            assert len(ratio) == 0 or np.ptp(ratio) <= 1e-9 * ratio.max()


@pytest.mark.parametrize("share", [0.5, 0.1, 0.001])
def test_about_as_many_rows_as_asked_for(share: float) -> None:
    n, count = 200_000, 20_000
    y = (np.random.default_rng(0).random(n) < share).astype(np.float64)
    rows, _ = stratified(y, None, count, 1000)
    rare = int(y[rows].sum())
    assert rare >= min(1000, int(y.sum()))
    assert count - 2 <= len(rows) <= 2.1 * count


def test_rows_depend_on_nothing_but_numbers_and_labels() -> None:
    y = (np.random.default_rng(1).random(5000) < 0.4).astype(np.float64)
    first, s = stratified(y, None, 500, 10)
    again, same = stratified(y, None, 500, 10)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(s, same)
    other, _ = stratified(y, np.full(5000, 2.0), 500, 10)
    np.testing.assert_array_equal(first, other)


def test_rows_come_from_everywhere_and_from_no_pattern() -> None:
    """One of each run of rows, at a place in it that takes all values alike: χ² within 5 sd."""
    n, run = 100_000, 10
    rows, _ = stratified(np.ones(n), None, n // run, 0)
    np.testing.assert_array_equal(rows // run, np.arange(n // run))
    seen = np.bincount(rows % run, minlength=run)
    expected = len(rows) / run
    chi_square = float(((seen - expected) ** 2 / expected).sum())
    assert chi_square < (run - 1) + 5.0 * np.sqrt(2.0 * (run - 1))
    inside = (rows % run - (run - 1) / 2.0).astype(np.float64)
    correlation = float(np.corrcoef(inside[1:], inside[:-1])[0, 1])
    assert abs(correlation) < 5.0 / np.sqrt(len(rows))


def likelihood(n: int, weighted: bool) -> MemoryLikelihood:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((n, 3))
    y = (X[:, 0] + rng.logistic(size=n) > 1.0).astype(np.float64)
    weight = rng.integers(0, 4, n).astype(np.float64) if weighted else None
    source = read(X)
    plain = Coordinates(np.zeros(3), np.ones(3), True)
    rows = RowData(y, weight, rng.standard_normal(n))
    return MemoryLikelihood(design_of(learn(source).encode(source)), rows, plain, 1)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_over_a_sample_are_near_those_over_all(weighted: bool) -> None:
    """Loss, gradient and Hessian within six standard errors of a sample of 5,000 rows."""
    full = likelihood(50_000, weighted)
    sample = full.subsample(5000)
    assert sample is not None
    assert sample.shape == full.shape
    assert sample.weight_sum == pytest.approx(full.weight_sum, rel=1e-12)
    assert sample.null_fit()[1] == pytest.approx(full.null_fit()[1], abs=0.05)
    beta = np.array([0.5, -0.2, 0.1, -0.4])
    (loss, gradient), (near, there) = full.loss_gradient(beta), sample.loss_gradient(beta)
    error = 6.0 / np.sqrt(sample.n_rows)
    assert abs(loss - near) < error
    assert np.abs(gradient - there).max() < error
    assert np.abs(full.hessian(beta) - sample.hessian(beta)).max() < error


def test_no_sample_where_it_would_be_most_of_the_rows() -> None:
    full = likelihood(1000, False)
    assert full.subsample(501) is None
    assert full.reads == 0
    sample = full.subsample(100)
    assert sample is not None
    assert full.reads == 1
    assert 90 <= sample.n_rows <= 220
