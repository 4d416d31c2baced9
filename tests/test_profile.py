"""Limits of the profile likelihood against direct root-finding on refits in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from likelihoods import Array, minimise
from problems import PROBLEMS, STORAGES
from scipy.optimize import brentq

import logloss

QUANTILE = {0.95: 3.841458820694124, 0.5: 0.45493642311957283, 0.999: 10.827566170662733}


def roots(X: Array, y: Array, j: int, level: float, **options: Any) -> tuple[float, float]:
    """Where the profile of column j of [1, X] (X where there is no intercept) meets the limit.

    Infinite where a way of 60 standard deviations does not lead there.
    """
    n = len(y)
    A = np.column_stack([np.ones(n), X]) if options.get("fit_intercept", True) else X
    s = options.get("sample_weight")
    s = np.ones(n) if s is None else s
    o = options.get("offset")
    o = np.zeros(n) if o is None else o
    center = A[:, 1:].mean(axis=0) if A is not X else 0.0
    inner = A.copy()
    if A is not X:
        inner[:, 1:] -= center  # for the refits, so that they round less
    best, deviance = minimise(inner, y, s, o, np.zeros(A.shape[1]))
    if j == 0 and A is not X:
        best[0] -= best[1:] @ center
    others = np.delete(inner if j or A is X else A - np.append(0.0, center), j, axis=1)
    if j == 0 and A is not X:  # fixing b: the other columns as they are
        others = A[:, 1:]
    fixed = A[:, j]

    def excess(t: float) -> float:
        start = np.delete(best, j)
        value = minimise(others, y, s, o + t * fixed, start)[1]
        return value - deviance - QUANTILE[level]

    unit = 1.0 / (fixed.std() or np.abs(fixed).max())
    found = []
    for side in (-1.0, 1.0):
        far = unit / 8.0
        while excess(best[j] + side * far) < 0.0 and far < 60.0 * unit:
            far *= 2.0
        if far >= 60.0 * unit:
            found.append(side * math.inf)
            continue
        ends = sorted((best[j], best[j] + side * far))
        found.append(float(brentq(excess, *ends, xtol=1e-300, rtol=1e-14, maxiter=500)))
    return found[0], found[1]


CASES = [
    ("well", "C", 0.95),
    ("well", "csr", 0.5),
    ("well", "arrow", 0.999),
    ("weighted", "F", 0.95),
    ("zero_weights", "C", 0.95),
    ("offset", "csc", 0.95),
    ("soft", "C", 0.95),
    ("unscaled", "C", 0.95),
    ("no_intercept", "C", 0.95),
    ("nearly_separated", "C", 0.95),
    ("nearly_separated", "csr", 0.999),
    ("one_column", "C", 0.999),
]


@pytest.mark.parametrize(("name", "storage", "level"), CASES)
def test_limits_are_the_roots(name: str, storage: str, level: float) -> None:
    problem = PROBLEMS[name]
    means = {"weights_are": "frequency"}  # sampling weights have no likelihood
    model = logloss.fit(STORAGES[storage](problem.X), problem.y, **problem.options(), **means)
    found = model.confidence_intervals(level, method="profile")
    for j, row in enumerate(found.to_pylist()):
        expected = roots(problem.X, problem.y, j, level, **problem.options())
        unit = row["upper"] - row["lower"]
        np.testing.assert_allclose((row["lower"], row["upper"]), expected, rtol=0, atol=1e-8 * unit)


@pytest.mark.parametrize("seed", range(8))
def test_limits_of_an_infinite_estimate(seed: int) -> None:
    """All rows of one dummy are positive: its estimate is +inf, and so is its upper limit."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal(70), np.arange(70) >= 55]).astype(float)
    y = (rng.random(70) < logloss.sigmoid(X[:, 0])).astype(float)
    y[55:] = 1.0
    found = logloss.fit(X, y).confidence_intervals(method="profile").to_pylist()
    assert [row["upper"] == math.inf for row in found] == [False, False, True]
    for j in (0, 1, 2):
        expected = roots(X, y, j, 0.95)
        np.testing.assert_allclose(found[j]["lower"], expected[0], rtol=1e-6)
        np.testing.assert_allclose(found[j]["upper"], expected[1], rtol=1e-6)


def test_all_told_apart() -> None:
    X = np.linspace(-1.0, 1.0, 30)[:, np.newaxis]
    found = logloss.fit(X, X[:, 0] > 0.02).confidence_intervals(method="profile").to_pylist()
    assert found[1]["upper"] == math.inf
    assert 0.0 < found[1]["lower"] < math.inf


def test_reads_for_a_limit() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 6))
    model = logloss.fit(X, rng.random(20_000) < logloss.sigmoid(X @ rng.standard_normal(6)))
    model.covariance()
    assert model._evidence is not None
    before = model._evidence.objective.reads
    model.confidence_intervals(method="profile")
    assert model._evidence.objective.reads - before <= 14 * 6


def test_aliases_have_no_limits_and_change_none() -> None:
    problem = PROBLEMS["rank_deficient"]
    all_of_them = logloss.fit(problem.X, problem.y).confidence_intervals(method="profile")
    some = logloss.fit(problem.X[:, :4], problem.y).confidence_intervals(method="profile")
    assert all_of_them["lower"].to_pylist()[5:] == [None, None]
    np.testing.assert_allclose(all_of_them["lower"][:5], some["lower"], rtol=1e-9)
    np.testing.assert_allclose(all_of_them["upper"][:5], some["upper"], rtol=1e-9)
