"""The optimum to 50 digits by another way: Newton's method in mpmath on the raw columns.

    F(w, b) = (1/Σs) Σ s_i bce(y_i, x_i·w + b + o_i) + Σ_j [a_j |w_j| + (l_j/2) w_j²],  lo ≤ w ≤ hi

It shares no code with the package. Where there is an L1 penalty or a bound, Newton's steps go along
a face: some coefficients are held at 0 or at a bound, the others keep their signs, and F is smooth.
A step ends at the first coefficient that would leave the face; at the optimum of a face those held
that F pulls away enter. Steps are halved until F decreases. Directions without curvature (columns
that are combinations of others) have 1e-35 of it, so that a step follows the slope of |w| along
them until a coefficient stops it, and moves nothing where there is no slope.

`Exact.gap` is the duality gap at a point, by plain subtraction: at the optimum it must vanish,
which says so without trusting any of the above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np
from mpmath import mpf
from numpy.typing import NDArray
from penalties import PENALTIES, Weights
from problems import PROBLEMS, Problem

Array = NDArray[np.float64]
Vector = list[mpf]

DIGITS = 60
_CONVERGED = mpf(10) ** -50  # the decrease that a step promises
_PULLED = mpf(10) ** -40  # the decrease that letting go of a coefficient promises
_RIDGE = "1e-35"


@dataclass(frozen=True, eq=False)
class Exact:
    """A problem in multi-precision numbers: F, and its minimum. Penalties: intercept last."""

    rows: list[Vector]
    y: Vector
    s: Vector
    offset: Vector
    l2: Vector
    l1: Vector
    lower: Vector
    upper: Vector
    intercept: bool

    def value(self, coef: Sequence[float | mpf], intercept: float | mpf) -> mpf:
        """F at a point given as float64, without rounding."""
        with mpmath.workdps(DIGITS):
            beta = [mpf(c) for c in coef] + ([mpf(intercept)] if self.intercept else [])
            return self._value(beta)

    def minimum(self) -> tuple[Vector, mpf]:
        """The optimum, intercept last, and F there."""
        with mpmath.workdps(DIGITS):
            beta = self._start()
            face = {j: 0 for j in range(len(beta)) if not self.l1[j] and self._between(j, beta[j])}
            value, turn = self._value(beta), mpf("inf")
            gradient, hessian = self._derivatives(beta)
            for _ in range(1000):
                step = self._face_step(face, gradient, hessian)
                if step is None:
                    pulled = self._pulled(face, beta, gradient, hessian)
                    if not pulled:
                        return beta, value
                    only = pulled[:1] if value == turn else pulled
                    face.update((j, sign) for _, j, sign in only)
                    turn = value
                    continue
                beta, value = self._walk(face, beta, value, step)
                gradient, hessian = self._derivatives(beta)
        raise ArithmeticError("no minimum found: the problem may have none")

    def pull(self, beta: Vector) -> Vector:
        """a_j − |∂f/∂w_j|: how far inside the subgradient is, where w_j = 0 and nothing bounds."""
        with mpmath.workdps(DIGITS):
            gradient, _ = self._derivatives(beta)
            return [a - abs(g) for a, g in zip(self.l1, gradient, strict=True)]

    def gap(self, beta: Vector) -> mpf:
        """F − D at the dual point r·c, c ≤ 1 as large as the L1 penalty allows."""
        with mpmath.workdps(DIGITS):
            total = mpmath.fsum(self.s)
            r = [
                1 / (1 + mpmath.exp(-z)) - y
                for z, y in zip(self._linear(beta), self.y, strict=True)
            ]
            v = [
                mpmath.fsum(s * u * x[j] for s, u, x in zip(self.s, r, self.rows, strict=True))
                / total
                for j in range(len(beta))
            ]
            over = [j for j, u in enumerate(v) if abs(u) > self.l1[j] > 0 == self.l2[j]]
            c = min([mpf(1), *(self.l1[j] / abs(v[j]) for j in over if self._endless(j, v[j]))])
            dual = mpmath.fsum(
                s * (_entropy(y + c * u) + o * c * u)
                for s, y, u, o in zip(self.s, self.y, r, self.offset, strict=True)
            )
            return (
                self._value(beta)
                - dual / total
                + mpmath.fsum(self._conjugate(j, c * u) for j, u in enumerate(v))
            )

    def _endless(self, j: int, u: mpf) -> bool:
        return not mpmath.isfinite(self.lower[j] if u > 0 else self.upper[j])

    def _conjugate(self, j: int, u: mpf) -> mpf:
        """max over the bounds of −u·w − a|w| − (l/2)w²; of an unpenalised side: if u were 0."""
        lo, hi, a, l2 = self.lower[j], self.upper[j], self.l1[j], self.l2[j]
        ends = [e for e in (lo, hi, mpf(0)) if lo <= e <= hi and mpmath.isfinite(e)]
        if l2:
            ends += [min(max(w, lo), hi) for w in (-(u - a) / l2, -(u + a) / l2)]
        return max(-u * w - a * abs(w) - l2 / 2 * w * w for w in ends)

    def _start(self) -> Vector:
        """As near to 0 as the bounds allow; the intercept makes the mean of z 0."""
        beta = [min(max(mpf(0), lo), hi) for lo, hi in zip(self.lower, self.upper, strict=True)]
        if self.intercept:
            beta[-1] = -mpmath.fdot(self.s, self._linear(beta)) / mpmath.fsum(self.s)
        return beta

    def _between(self, j: int, w: mpf) -> bool:
        return bool(self.lower[j] < w < self.upper[j])

    def _face_step(
        self, face: dict[int, int], gradient: Vector, hessian: list[Vector]
    ) -> dict[int, mpf] | None:
        """Newton's step; None where it promises nothing."""
        columns = sorted(face)
        right = [gradient[j] + face[j] * self.l1[j] for j in columns]
        lower = [[hessian[i][j] for j in columns[: k + 1]] for k, i in enumerate(columns)]
        step = _solve(lower, right)
        enough = mpmath.fdot(right, step) >= _CONVERGED
        return dict(zip(columns, step, strict=True)) if enough else None

    def _pulled(
        self, face: dict[int, int], beta: Vector, gradient: Vector, hessian: list[Vector]
    ) -> list[tuple[mpf, int, int]]:
        """(gain, which, sign) of those held that F pulls away, most urgent first."""
        found = []
        for j in set(range(len(beta))) - set(face):
            w, g, a = beta[j], gradient[j], self.l1[j]
            up, down = -g - (a if w >= 0 else -a), g + (a if w > 0 else -a)
            for force, way, room in ((up, 1, w < self.upper[j]), (down, -1, w > self.lower[j])):
                gain = force**2 / (2 * hessian[j][j]) if force > 0 and hessian[j][j] else mpf(0)
                if room and gain > _PULLED:
                    sign = (int(mpmath.sign(w)) or way) if a else 0
                    found.append((gain, j, sign))
        return sorted(found, reverse=True)

    def _walk(
        self, face: dict[int, int], beta: Vector, value: mpf, step: dict[int, mpf]
    ) -> tuple[Vector, mpf]:
        """Along −step as far as F falls and the face goes; who ends it is held from then on."""
        ends = {j: self._end(j, face[j], d) for j, d in step.items() if d}
        stops = {j: (beta[j] - end) / step[j] for j, end in ends.items()}
        most = min(stops.values())
        scale = min(mpf(1), most)
        while True:
            stopped = [j for j, t in stops.items() if t <= scale]
            point = list(beta)
            for j, d in step.items():
                point[j] = ends[j] if j in stopped else beta[j] - scale * d
            there = self._value(point)
            if there <= value:
                for j in stopped:
                    del face[j]
                return point, there
            scale /= 2

    def _end(self, j: int, sign: int, d: mpf) -> mpf:
        """Where a coefficient that goes down (d > 0) or up leaves the face."""
        if d > 0:
            return max(self.lower[j], mpf(0) if sign > 0 else mpf("-inf"))
        return min(self.upper[j], mpf(0) if sign < 0 else mpf("inf"))

    def _value(self, beta: Vector) -> mpf:
        loss = mpmath.fdot(
            self.s, [_bce(y, z) for y, z in zip(self.y, self._linear(beta), strict=True)]
        )
        penalty = mpmath.fdot(self.l2, [b * b for b in beta]) / 2
        return loss / mpmath.fsum(self.s) + penalty + mpmath.fdot(self.l1, map(abs, beta))

    def _linear(self, beta: Vector) -> Vector:
        return [mpmath.fdot(x, beta) + o for x, o in zip(self.rows, self.offset, strict=True)]

    def _derivatives(self, beta: Vector) -> tuple[Vector, list[Vector]]:
        """Gradient and Hessian of the smooth part; of the Hessian the lower triangle."""
        total, d = mpmath.fsum(self.s), len(beta)
        p = [1 / (1 + mpmath.exp(-z)) for z in self._linear(beta)]
        r = [s * (u - y) / total for s, u, y in zip(self.s, p, self.y, strict=True)]
        q = [s * u * (1 - u) / total for s, u in zip(self.s, p, strict=True)]
        columns = list(zip(*self.rows, strict=True))
        gradient = [
            mpmath.fdot(r, x) + l2 * b for x, l2, b in zip(columns, self.l2, beta, strict=True)
        ]
        hessian = []
        for i in range(d):
            curved = [u * x for u, x in zip(q, columns[i], strict=True)]
            hessian.append([mpmath.fdot(curved, columns[j]) for j in range(i + 1)])
            hessian[i][i] += self.l2[i]
        return gradient, hessian


def _bce(y: mpf, z: mpf) -> mpf:
    return mpmath.log(1 + mpmath.exp(-abs(z))) + (1 - y) * max(z, 0) + y * max(-z, 0)


def _solve(lower: list[Vector], right: Vector) -> Vector:
    """LDLᵀ of a semidefinite matrix given as its lower triangle; columns of zeros get 0."""
    d = len(right)
    work = [row[:] for row in lower]
    for i in range(d):
        work[i][i] += mpf(_RIDGE) * work[i][i]
        for j in range(i + 1):
            pivots = [work[i][k] * work[j][k] * work[k][k] for k in range(j)]
            work[i][j] -= mpmath.fsum(pivots)
            if j < i:
                work[i][j] = work[i][j] / work[j][j] if work[j][j] else mpf(0)
    x = right[:]
    for i in range(d):
        x[i] -= mpmath.fsum(work[i][k] * x[k] for k in range(i))
    x = [v / work[i][i] if work[i][i] else mpf(0) for i, v in enumerate(x)]
    for i in reversed(range(d)):
        x[i] -= mpmath.fsum(work[k][i] * x[k] for k in range(i + 1, d))
    return x


def _entropy(t: mpf) -> mpf:
    return -mpmath.fsum(p * mpmath.log(p) for p in (t, 1 - t) if p > 0)


def exact(problem: Problem, penalty: Weights) -> Exact:
    """A problem and what is penalised and bounded, in multi-precision numbers."""
    ones = [1.0] if problem.intercept else []
    offset = np.zeros(len(problem.y)) if problem.offset is None else problem.offset
    far = float("inf")
    l2, l1, lower, upper = (
        [mpf(v) for v in part.tolist()] + ([mpf(end)] if problem.intercept else [])
        for part, end in zip(penalty, (0.0, 0.0, -far, far), strict=True)
    )
    return Exact(
        rows=[[mpf(v) for v in [*row, *ones]] for row in problem.X.tolist()],
        y=[mpf(v) for v in problem.y.tolist()],
        s=[mpf(v) for v in problem.s.tolist()],
        offset=[mpf(v) for v in offset.tolist()],
        l2=l2,
        l1=l1,
        lower=lower,
        upper=upper,
        intercept=problem.intercept,
    )


@cache
def best(problem: str, penalty: str) -> tuple[Exact, Vector, mpf]:
    """A problem of the table with one of its penalties; the optimum, intercept last; min F."""
    given = PROBLEMS[problem]
    task = exact(given, PENALTIES[penalty].weights(given))
    return task, *task.minimum()


def solved(problem: str, penalty: str) -> tuple[Exact, mpf]:
    """The same without the point, which is not unique everywhere."""
    task, _, least = best(problem, penalty)
    return task, least


def rounding_of(value: float, X: Array, coef: Array) -> float:
    """What of a gap is rounding: F is summed from losses, and z from terms that may be large."""
    return 1e-15 * value + 1e-16 * float((np.abs(X) @ np.abs(coef)).max())
