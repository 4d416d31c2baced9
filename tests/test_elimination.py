"""Levels that share no row are eliminated first: the same solution, and the inverse's diagonal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import logloss
from logloss.numerics.algebra import inverse_diagonal, solve
from logloss.numerics.elimination import Eliminated
from logloss.record.proof import Status
from logloss.record.separation import Kind

Array = NDArray[np.float64]


def levels(rng: np.random.Generator, n: int, count: int) -> Array:
    """Dummies of a column of text, but for the last level."""
    code = rng.permutation(np.arange(n) % count)
    return np.eye(count)[code][:, :-1]


def hessian(seed: int = 0, n: int = 4000) -> Array:
    rng = np.random.default_rng(seed)
    parts = [levels(rng, n, 700), levels(rng, n, 250), rng.standard_normal((n, 3)), np.ones((n, 1))]
    X = np.column_stack(parts)[:, rng.permutation(952)[:900]]
    return (X * rng.uniform(0.01, 0.25, (n, 1))).T @ X


@pytest.mark.parametrize("seed", range(3))
def test_the_same_solution(seed: int) -> None:
    H = hessian(seed)
    apart = Eliminated.of(H)
    assert apart is not None
    assert len(apart.rest) < 0.6 * len(H)
    b = np.random.default_rng(seed).standard_normal(len(H))
    x, rank = solve(H, b)
    assert rank == len(H)
    np.testing.assert_allclose(x, np.linalg.solve(H, b), rtol=1e-9, atol=1e-9)
    diagonal, rank = inverse_diagonal(H)
    assert rank == len(H)
    np.testing.assert_allclose(diagonal, np.diag(np.linalg.inv(H)), rtol=1e-9)


def test_combinations_of_others_are_found() -> None:
    """A sum of columns, and a column of zeros."""
    H = hessian()
    sums = np.zeros((len(H), len(H) + 1))
    sums[:, :-1] = np.eye(len(H))
    sums[:, -1] = np.random.default_rng(1).integers(0, 2, len(H))
    wide = sums.T @ H @ sums
    for matrix in (wide, np.pad(H, (0, 1))):
        x, rank = solve(matrix, matrix @ np.ones(len(matrix)))
        assert rank == len(H)
        assert x[-1] == 0.0
        assert inverse_diagonal(matrix)[1] == len(H)


def test_not_where_it_does_not_pay() -> None:
    A = np.random.default_rng(0).standard_normal((1000, 900))
    assert Eliminated.of(A.T @ A) is None
    assert Eliminated.of(hessian()[:500, :500]) is None


def test_a_direction_of_two_columns_beside_many_levels() -> None:
    rng = np.random.default_rng(0)
    n, count = 24_000, 850
    y = rng.integers(0, 2, n)
    u, v = rng.normal(size=(2, n))
    seen = rng.random(n) < 0.2
    u = np.where(seen, u, 0.0)
    v = np.where(seen, np.abs(v) * (2 * y - 1) - u, 0.0)
    level = np.char.add("l", (rng.permutation(n) % count).astype(str))
    table = pd.DataFrame({"level": level, "u": u, "v": v, "x": rng.normal(size=n)})
    model = logloss.fit(table, y)
    assert model.certificate.status is Status.SEPARATED
    assert model.separation.kind is Kind.QUASI
    assert model.separation.rows == seen.sum()
    assert set(model.separation.columns) == {"u", "v"}
    rest = logloss.fit(table[~seen].drop(columns=["u", "v"]), y[~seen])
    assert model.separation.estimates["x"] == pytest.approx(rest.coefficients["x"], rel=1e-5)
