"""F over the very floats that a program is given, and its minimum, to 50 digits and more.

    F(w, b) = (1/Σs) Σ s_i bce(y_i, x_i·w + b + o_i) + Σ_j [a_j|w_j| + (l_j/2) w_j²],  lo ≤ w ≤ hi

Columns become whole numbers, exactly: x = c + 2^u·(I/2^B) with |I| ≤ 2^B, and coefficients
β = 2^u·w of I/2^B, so that columns in units of 1e±200 are like any other. c is near the mean where
an intercept is fitted, else 0. Rows of weight 0 do not exist.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from search.fixed import BITS, ONE, Integers, fixed, integers, multiply, probability, sum_of_log1p

_RIDGE = ONE >> 260  # of directions without curvature: far below that of any real one


@dataclass(frozen=True)
class Point:
    """Coefficients w, the centres m that they are of, and b: z = b + Σ w (x − m). Exact."""

    coef: tuple[Fraction, ...]
    centers: tuple[Fraction, ...]
    intercept: Fraction

    @classmethod
    def of(cls, coef: Sequence[Any], centers: Sequence[Any], intercept: Any) -> Point:
        return cls(tuple(map(Fraction, coef)), tuple(map(Fraction, centers)), Fraction(intercept))


def _log2(x: Fraction) -> int:
    """Of the next power of two above; 0 below 1."""
    return int(x).bit_length()


class Exact:
    """A problem in whole numbers."""

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weight: np.ndarray | None,
        offset: np.ndarray | None,
        intercept: bool,
    ) -> None:
        weight = np.ones(len(y)) if weight is None else weight
        there = weight > 0.0
        self.intercept = intercept
        self.n, self.d = int(there.sum()), X.shape[1]
        self.y = np.array([fixed(v) for v in y[there].tolist()], dtype=object)
        parts, exponent = integers(weight[there])
        total = sum(parts)
        self.weight_sum = total * Fraction(2) ** exponent
        self.s = np.array([(p << BITS) // total for p in parts], dtype=object)
        given = [0.0] * self.n if offset is None else offset[there].tolist()
        self.offset = np.array([fixed(v) for v in given], dtype=object)
        self._scale([integers(column[there]) for column in X.T.astype(np.float64)])
        far = [None] * self.size
        self.l2: list[int] = [0] * self.size
        self.l1: list[int] = [0] * self.size
        self.lower: list[int | None] = list(far)
        self.upper: list[int | None] = list(far)

    @property
    def size(self) -> int:
        return self.d + self.intercept

    def _scale(self, columns: list[tuple[list[int], int]]) -> None:
        kept, self.unit, self.depth, self.center = [], [], [], []
        for values, exponent in columns:
            middle = sum(values) // self.n if self.intercept else 0
            apart = [v - middle for v in values]
            depth = max(abs(v) for v in apart).bit_length()
            kept.append(apart)
            self.depth.append(depth)
            self.unit.append(exponent + depth)
            self.center.append(middle * Fraction(2) ** exponent)
        if self.intercept:
            kept.append([1] * self.n)
            self.depth.append(0)
        self.columns = [np.array(column, dtype=object) for column in kept]

    # ---- penalties

    def penalise(
        self,
        l2: Sequence[Fraction],
        l1: Sequence[Fraction],
        bounds: Sequence[tuple[float, float]],
        standardize: bool,
    ) -> None:
        """l_j, a_j and bounds in the units of the columns; of scaled ones if `standardize`."""
        for j in range(self.d):
            width = Fraction(1)
            if standardize:
                width = Fraction(self.deviation(j), ONE) * Fraction(2) ** self.unit[j]
            square, size = l2[j] * width**2, l1[j] * width
            self._coarsen(j, square, size)
            two = Fraction(2) ** self.unit[j]
            self.l2[j], self.l1[j] = fixed(square / two**2), fixed(size / two)
            low, high = bounds[j]
            self.lower[j] = None if low == -math.inf else fixed(Fraction(low) * two)
            self.upper[j] = None if high == math.inf else fixed(Fraction(high) * two)

    def _coarsen(self, j: int, l2: Fraction, l1: Fraction) -> None:
        """A unit so large that no penalty is: the last bit of β must cost next to nothing."""
        two = Fraction(2) ** self.unit[j]
        more = max(0, (_log2(l2 / two**2) + 1) // 2, _log2(l1 / two))
        self.unit[j] += more
        self.depth[j] += more

    def deviation(self, j: int) -> int:
        """The weighted population standard deviation of a scaled column."""
        column, depth = self.columns[j], self.depth[j]
        total = sum(self.s.tolist())
        mean = (column @ self.s << BITS) // total
        square = ((column * column) @ self.s << BITS) // total
        variance = (square << BITS) - mean * mean >> (2 * depth)
        return math.isqrt(max(variance, 0))

    # ---- values

    def beta(self, point: Point) -> list[int]:
        """The same point in scaled coordinates, to the last bit."""
        two = [Fraction(2) ** u for u in self.unit]
        beta = [fixed(w * t) for w, t in zip(point.coef, two, strict=True)]
        if self.intercept:
            moved = [
                w * (c - m)
                for w, c, m in zip(point.coef, self.center, point.centers, strict=True)
                if w
            ]
            beta.append(fixed(point.intercept + sum(moved, Fraction(0))))
        return beta

    def along(self, step: Sequence[int]) -> Integers:
        """X·step, one for each row."""
        z = np.array([0] * self.n, dtype=object)
        for column, depth, size in zip(self.columns, self.depth, step, strict=True):
            if size:
                z = z + (column * size >> depth)
        return z

    def loss(self, z: Integers) -> int:
        tails, flat = [], 0
        for s, y, v in zip(self.s, self.y, z, strict=True):
            p, q = probability(v)
            tails.append(min(p, q))
            flat += s * ((max(v, 0) << BITS) - y * v)
        odds = [(t << BITS) // (ONE - t) for t in tails]
        return (flat >> (2 * BITS)) + sum_of_log1p(odds, self.s)

    def penalty(self, beta: Sequence[int]) -> int:
        return sum(
            multiply(a, abs(w)) + (multiply(multiply(l2, w), w) >> 1)
            for a, l2, w in zip(self.l1, self.l2, beta, strict=True)
        )

    def value(self, beta: Sequence[int]) -> int:
        """F to 57 digits after the point."""
        return self.loss(self.along(beta) + self.offset) + self.penalty(beta)

    def gradient(self, residual: Integers, beta: Sequence[int]) -> list[int]:
        """Of the smooth part, from s·(p − y)."""
        return [
            (column @ residual >> depth) + multiply(l2, w)
            for column, depth, l2, w in zip(self.columns, self.depth, self.l2, beta, strict=True)
        ]

    def hessian(self, curvature: Integers) -> list[list[int]]:
        """Its lower half, from s·p(1 − p)."""
        rows: list[list[int]] = []
        for i, (column, depth) in enumerate(zip(self.columns, self.depth, strict=True)):
            bent = column * curvature
            rows.append([bent @ self.columns[j] >> depth + self.depth[j] for j in range(i + 1)])
            rows[i][i] += self.l2[i] + _RIDGE
        return rows
