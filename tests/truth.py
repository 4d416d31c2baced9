"""The optimum to 50 digits by another way: Newton's method in mpmath on the raw columns.

    F(w, b) = (1/Σs) Σ s_i bce(y_i, x_i·w + b + o_i) + Σ_j (l_j/2) w_j²

It shares no code with the package. Newton's steps are halved until F decreases; pivots that are
nothing but rounding belong to columns that are combinations of others, and their steps are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np
from mpmath import mpf
from numpy.typing import NDArray
from problems import PROBLEMS, SHRINKAGES, Problem

Array = NDArray[np.float64]
Vector = list[mpf]

DIGITS = 60
_CONVERGED = mpf(10) ** -50  # the decrease that a step promises
_ALIAS = mpf(10) ** -35


@dataclass(frozen=True, eq=False)
class Exact:
    """A problem in multi-precision numbers: F, and its minimum."""

    rows: list[Vector]
    y: Vector
    s: Vector
    offset: Vector
    l2: Vector
    intercept: bool

    def value(self, coef: Sequence[float | mpf], intercept: float | mpf) -> mpf:
        """F at a point given as float64, without rounding."""
        with mpmath.workdps(DIGITS):
            beta = [mpf(c) for c in coef] + ([mpf(intercept)] if self.intercept else [])
            return self._value(beta)

    def minimum(self) -> tuple[Vector, mpf]:
        """The optimum, intercept last, and F there."""
        with mpmath.workdps(DIGITS):
            beta = [mpf(0)] * len(self.l2)
            value = self._value(beta)
            for _ in range(200):
                gradient, hessian = self._derivatives(beta)
                step = _solve(hessian, gradient)
                decrease = mpmath.fdot(gradient, step)
                if decrease < _CONVERGED:
                    return beta, value
                beta, value = self._shorten(beta, value, step)
        raise ArithmeticError("no minimum found: the problem may have none")

    def _shorten(self, beta: Vector, value: mpf, step: Vector) -> tuple[Vector, mpf]:
        scale = mpf(1)
        while True:
            point = [b - scale * d for b, d in zip(beta, step, strict=True)]
            there = self._value(point)
            if there <= value:
                return point, there
            scale /= 2

    def _value(self, beta: Vector) -> mpf:
        loss = mpmath.fdot(
            self.s, [_bce(y, z) for y, z in zip(self.y, self._linear(beta), strict=True)]
        )
        return loss / mpmath.fsum(self.s) + mpmath.fdot(self.l2, [b * b for b in beta]) / 2

    def _linear(self, beta: Vector) -> Vector:
        return [mpmath.fdot(x, beta) + o for x, o in zip(self.rows, self.offset, strict=True)]

    def _derivatives(self, beta: Vector) -> tuple[Vector, list[Vector]]:
        total, d = mpmath.fsum(self.s), len(beta)
        gradient = [p * b for p, b in zip(self.l2, beta, strict=True)]
        hessian = [[self.l2[i] if i == j else mpf(0) for j in range(i + 1)] for i in range(d)]
        for x, y, s, z in zip(self.rows, self.y, self.s, self._linear(beta), strict=True):
            p = 1 / (1 + mpmath.exp(-z))
            weight = s * p * (1 - p) / total
            for i in range(d):
                gradient[i] += s * (p - y) * x[i] / total
                share = weight * x[i]
                if share:
                    for j in range(i + 1):
                        hessian[i][j] += share * x[j]
        return gradient, hessian


def _bce(y: mpf, z: mpf) -> mpf:
    return mpmath.log1p(mpmath.exp(-abs(z))) + (1 - y) * max(z, 0) + y * max(-z, 0)


def _solve(lower: list[Vector], right: Vector) -> Vector:
    """LDLᵀ of a semidefinite matrix given as its lower triangle; aliases get 0."""
    d = len(right)
    diagonal = [lower[i][i] for i in range(d)]
    work = [row[:] for row in lower]
    for i in range(d):
        for j in range(i + 1):
            pivots = [work[i][k] * work[j][k] * work[k][k] for k in range(j)]
            work[i][j] -= mpmath.fsum(pivots)
            if j < i:
                work[i][j] = work[i][j] / work[j][j] if work[j][j] else mpf(0)
        if work[i][i] <= _ALIAS * diagonal[i]:
            work[i][i] = mpf(0)
    x = right[:]
    for i in range(d):
        x[i] -= mpmath.fsum(work[i][k] * x[k] for k in range(i))
    x = [v / work[i][i] if work[i][i] else mpf(0) for i, v in enumerate(x)]
    for i in reversed(range(d)):
        x[i] -= mpmath.fsum(work[k][i] * x[k] for k in range(i + 1, d))
        if not work[i][i]:
            x[i] = mpf(0)
    return x


def exact(problem: Problem, l2: Array) -> Exact:
    """A problem and its penalties, shape (d,), in multi-precision numbers."""
    ones = [1.0] if problem.intercept else []
    offset = np.zeros(len(problem.y)) if problem.offset is None else problem.offset
    return Exact(
        rows=[[mpf(v) for v in [*row, *ones]] for row in problem.X.tolist()],
        y=[mpf(v) for v in problem.y.tolist()],
        s=[mpf(v) for v in problem.s.tolist()],
        offset=[mpf(v) for v in offset.tolist()],
        l2=[mpf(v) for v in l2.tolist()] + ([mpf(0)] if problem.intercept else []),
        intercept=problem.intercept,
    )


@cache
def solved(problem: str, shrinkage: str) -> tuple[Exact, mpf]:
    """A problem of the table with one of its penalties, and min F."""
    given = PROBLEMS[problem]
    task = exact(given, SHRINKAGES[shrinkage].l2(given))
    return task, task.minimum()[1]
