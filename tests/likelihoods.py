"""The maximum of a likelihood and all that inference makes of it, in mpmath and in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from problems import PROBLEMS, Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """Of the columns of a problem, the intercept first; correctly rounded."""

    beta: Array
    covariance: Array
    hc0: Array
    sampled_hc0: Array
    deviance: float


@cache
def truth(name: str, columns: tuple[int, ...]) -> Truth:
    """Newton's method with 60 digits."""
    problem = PROBLEMS[name]
    with mpmath.workdps(60):
        A = mpmath.matrix(_matrix(problem, columns).tolist())
        y, s = map(mpmath.mpf, problem.y), list(map(mpmath.mpf, problem.s.tolist()))
        y = list(y)
        o = [mpmath.mpf(0)] * len(y) if problem.offset is None else list(problem.offset)
        beta, step, rounds = mpmath.zeros(A.cols, 1), mpmath.mpf(1), 0
        while step > mpmath.mpf("1e-40"):
            z = A * beta
            p = [1 / (1 + mpmath.exp(-(z[i] + o[i]))) for i in range(A.rows)]
            r = [p[i] - y[i] for i in range(A.rows)]
            info = _gram(A, [s[i] * p[i] * (1 - p[i]) for i in range(A.rows)])
            sr = mpmath.matrix([s[i] * r[i] for i in range(A.rows)])
            newton = mpmath.lu_solve(info, A.T * sr)
            step = max(abs(x) for x in A * newton)  # of the log odds of any row
            beta -= newton if step < 2 else newton * (2 / step)
            rounds += 1
            assert rounds < 500
        logs = [
            y[i] * mpmath.log(p[i]) - (1 - y[i]) * mpmath.log1p(mpmath.exp(z[i] + o[i]))
            if s[i]
            else mpmath.mpf(0)
            for i in range(A.rows)
        ]
        V = info**-1
        return Truth(
            _floats(beta)[:, 0],
            _floats(V),
            _floats(V * _gram(A, [s[i] * r[i] ** 2 for i in range(A.rows)]) * V),
            _floats(V * _gram(A, [s[i] ** 2 * r[i] ** 2 for i in range(A.rows)]) * V),
            float(-2 * sum(s[i] * logs[i] for i in range(A.rows))),
        )


def _matrix(problem: Problem, columns: tuple[int, ...]) -> Array:
    X = problem.X[:, columns]
    return np.column_stack([np.ones(len(X)), X]) if problem.intercept else X


def _gram(A: Any, v: list[Any]) -> Any:
    scaled = mpmath.matrix(A.rows, A.cols)
    for i in range(A.rows):
        for j in range(A.cols):
            scaled[i, j] = A[i, j] * v[i]
    return A.T * scaled


def _floats(matrix: Any) -> Array:
    return np.array(matrix.tolist(), dtype=np.float64)


def minimise(A: Array, y: Array, s: Array, o: Array, start: Array) -> tuple[Array, float]:
    """Damped Newton in NumPy: the point, and twice the negative log-likelihood."""
    unit = np.abs(A).max(axis=0)
    A, start = A / unit, start * unit

    def value(b: Array) -> float:
        z = A @ b + o
        return float(2.0 * s @ (np.logaddexp(0.0, z) - y * z))

    b, f = start, value(start)
    for _ in range(200):
        z = A @ b + o
        p = np.exp(-np.logaddexp(0.0, -z))
        g = A.T @ (s * (p - y))
        H = (A * (s * p * (1.0 - p))[:, None]).T @ A
        step = np.linalg.lstsq(H, g, rcond=1e-14)[0]
        share = 1.0
        while value(b - share * step) > f and share > 1e-9:
            share /= 2.0
        b = b - share * step
        f = min(f, value(b))
        if g @ step < 1e-22 * max(1.0, f):
            break
    return b / unit, f
