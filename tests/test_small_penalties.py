"""Penalties far below the spread of their columns: they are part of F all the same."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest

import logloss
from logloss.errors import LoglossError
from logloss.record.proof import Status


def _stamps(seed: int, own: float, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Two time stamps in microseconds, and labels that depend on their difference."""
    rng = np.random.default_rng(seed)
    first = np.rint(rng.uniform(1.5e15, 1.7e15, n))
    apart = np.rint(rng.exponential(own, n))
    z = (apart - own) / own
    return np.column_stack([first, first + apart]), (rng.random(n) < 1 / (1 + np.exp(-z))) * 1.0


def _least(X: np.ndarray, y: np.ndarray, l2: float) -> float:
    """min F by Newton's method in 60 digits, on the columns as they are."""
    with mpmath.workdps(60):
        n, d = X.shape
        A = mpmath.matrix(n, d + 1)
        for i in range(n):
            for j in range(d):
                A[i, j] = mpmath.mpf(X[i, j])
            A[i, d] = mpmath.mpf(1)
        beta = mpmath.matrix(d + 1, 1)
        for _ in range(60):
            z = A * beta
            p = [1 / (1 + mpmath.exp(-t)) for t in z]
            gradient = mpmath.matrix(d + 1, 1)
            hessian = mpmath.matrix(d + 1, d + 1)
            for i in range(n):
                row = A[i, :]
                gradient += row.T * ((p[i] - y[i]) / n)
                hessian += row.T * row * (p[i] * (1 - p[i]) / n)
            for j in range(d):
                gradient[j] += mpmath.mpf(l2) * beta[j]
                hessian[j, j] += mpmath.mpf(l2)
            step = mpmath.lu_solve(hessian, gradient)
            beta -= step
            if (gradient.T * step)[0] < mpmath.mpf(10) ** -40:
                break
        z = A * beta
        loss = sum(mpmath.log(1 + mpmath.exp(t)) - y[i] * t for i, t in enumerate(z)) / n
        return float(loss + mpmath.mpf(l2) / 2 * sum(beta[j] ** 2 for j in range(d)))


@pytest.mark.parametrize("own", [1e6, 1e4])
@pytest.mark.parametrize("strength", [1e-3, 1e3, 1e6])
def test_a_penalty_that_solvers_cannot_see_counts(own: float, strength: float) -> None:
    """On raw microseconds: nothing next to a spread of 1e14, much next to a difference of 1e4."""
    X, y = _stamps(1, own)
    model = logloss.fit(X, y, l2=strength, tol=1e-6)
    least = _least(X, y, strength)
    gap = model.fitted.objective - least
    assert model.certificate.status is Status.CERTIFIED
    assert -1e-12 <= gap <= model.certificate.gap + 1e-12
    w = [Fraction(float(x)) for x in model.fitted.coefficients]
    penalty = float(Fraction(strength) / 2 * sum(x * x for x in w))
    assert model.fitted.objective - model.fitted.loss == pytest.approx(penalty, rel=1e-6, abs=1e-15)


def test_what_such_a_penalty_holds_is_not_separated() -> None:
    """The difference tells all rows apart, but any penalty keeps its coefficient finite."""
    X, _ = _stamps(2, 1e6)
    apart = X[:, 1] - X[:, 0]
    model = logloss.fit(X, (apart > np.median(apart)) * 1.0, C=1.0)
    assert model.certificate.status not in (Status.SEPARATED, Status.SEPARATED_SUSPECTED)
    assert model.separation is None or model.separation.exists


@pytest.mark.parametrize("options", [{"l2": 1e3}, {"l2": 1e6}, {"l1": 1e-2}, {"C": 1.0}])
def test_such_a_model_finds_its_table_again(options: dict[str, float], tmp_path: Path) -> None:
    """The objective of the file is all of F, and so is that of the table that is attached."""
    X, y = _stamps(1, 1e4)
    table = pd.DataFrame({"start": X[:, 0], "end": X[:, 1], "y": y})
    logloss.fit(table, "y", **options).save(tmp_path / "m.json")
    model = logloss.load(tmp_path / "m.json")
    model.attach(table)
    with pytest.raises(LoglossError, match="another table|is not known"):
        logloss.load(tmp_path / "m.json").attach(table.assign(y=1.0 - y))
