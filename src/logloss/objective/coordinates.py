"""The coordinates in which solvers work: columns centred and scaled, which is affine.

With x' = (x − μ)/σ, the linear predictor x'·θ + θ₀ equals x·w + b for

    w = θ/σ,   b = θ₀ − μ·w

so the kernels read the columns as they are, and only coefficients and sums change: a gradient goes
back by g' = (g − μ g₀)/σ. Ill-conditioned units cost no solver anything this way. Without an
intercept nothing is centred, as there is nothing to absorb μ·w. With one, a column that does not
vary is 0 once centred; what rounding leaves of x − μ is no information, and its sums are set to 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.objective.own_parts import OwnParts, rounded
from logloss.objective.shape import Shape

Array = NDArray[np.float64]


_IN_CACHE = 50_000  # entries of a matrix that are changed at a time


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Attributes: `center` and `scale`, shape (n_columns,); `intercept`: is there one.

    `still`: which columns do not vary and are centred, shape (n_columns,), bool; None: none is.
    `own`: columns of the design that are own parts of those that were given (own_parts.py).
    `aliases`: columns with a bound that are combinations of others, and of which.
    """

    center: Array
    scale: Array
    intercept: bool
    still: NDArray[np.bool_] | None = None
    own: OwnParts | None = None
    aliases: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def shape(self) -> Shape:
        """Which coefficient is what."""
        return Shape(len(self.center), self.intercept)

    def by_row(self, sparse: NDArray[np.bool_], square: float) -> Coordinates:
        """Those for solvers that go row by row: sparse columns are not centred, all have one scale.

        Centring would fill them, and a column that is rarely not 0 would be scaled up so far that
        the rows which have it allowed only tiny steps to all. The scale makes them large beside
        the column of ones, whose square adds to that of each row: rows of a mean square of 16.

        Parameters
        ----------
        sparse : ndarray of shape (n_columns,), bool
        square : float
            Of the sparse columns together: the mean over the rows.
        """
        scale = np.sqrt(square) / 4.0 if 0.0 < square < np.inf else 1.0
        center, scales = np.where(sparse, 0.0, self.center), np.where(sparse, scale, self.scale)
        still = None if self.still is None else self.still & ~sparse
        return replace(self, center=center, scale=scales, still=still)

    @property
    def units(self) -> Array:
        """θ_j over the coefficient that is reported, shape (n_columns,)."""
        if self.own is None:
            return self.scale
        units = self.scale.copy()
        for j, own in self.own.columns.items():
            units[j] /= own.unit
        return units

    def columns(self, beta: Array) -> tuple[Array, float]:
        """Coefficients and intercept on the columns of the design."""
        if not self.intercept:
            return beta / self.scale, 0.0
        height = float(beta[self.shape.intercepts].item())
        coef = beta[self.shape.slopes] / self.scale
        return coef, height - _kernels.dot(self.center, coef)

    def raw(self, beta: Array) -> tuple[Array, float]:
        """Coefficients and intercept on the columns as they came."""
        coef, intercept = self.exact(beta)
        return coef, rounded(intercept)

    def exact(self, beta: Array) -> tuple[Array, Fraction]:
        """The same, the intercept before it is rounded."""
        coef, intercept = self.columns(beta)
        if self.own is None:
            return coef, Fraction(intercept) if math.isfinite(intercept) else Fraction(0)
        return self.own.raw(coef, intercept)

    def inner(self, coef: Array, intercept: float | Fraction) -> Array:
        """The inverse of `raw`, shape (n_coefficients,)."""
        if self.own is not None:
            coef, intercept = self.own.inner(coef, Fraction(intercept))
        if not self.intercept:
            return coef * self.scale
        shifted = float(intercept) + _kernels.dot(self.center, coef)
        return self.shape.joined(coef * self.scale, shifted)

    def functional(self, j: int) -> Array:
        """c with c·θ the coefficient j as it is reported; shape (n_coefficients,)."""
        if self.own is not None:
            row: Array = self.jacobian()[j]
            return row
        if j >= self.shape.intercepts.start:
            own: Array = self.shape.joined(-self.center / self.scale, 1.0)
            return own
        c = np.zeros(self.shape.size)
        c[j] = 1.0 / self.scale[j]
        return c

    def jacobian(self) -> Array:
        """A with A·θ the reported coefficients and intercept; shape (n_coefficients,) * 2."""
        n = len(self.center)
        jacobian = np.diag(self.shape.joined(1.0 / self.scale, 1.0))
        if self.intercept:
            jacobian[self.shape.intercepts, self.shape.slopes] = -self.center / self.scale
        if self.own is not None:
            jacobian = self.own.matrix(n, self.intercept) @ jacobian
        return jacobian

    def gradient(self, raw: Array, intercept: float) -> Array:
        """Sums of u·[x, 1] → sums of u·[x', 1], shape (n_coefficients,)."""
        if not self.intercept:
            return raw / self.scale
        slopes = (raw - self.center * intercept) / self.scale
        if self.still is not None:
            slopes[self.still] = 0.0
        return self.shape.joined(slopes, intercept)

    def hessian(
        self,
        gram: Array,
        columns: NDArray[np.int64],
        intercept: bool,
        uncentred: NDArray[np.bool_],
        total: float,
    ) -> Array:
        """Centre, where still to do, scale and divide by `total`: of these columns and the ones.

        The Gram matrix is changed in place, a few rows at a time, while they are in cache.

        Parameters
        ----------
        uncentred : ndarray of shape (n_columns,), bool
            Which columns the kernel took as they are: sparse ones, which centring would fill.
            Their G becomes G − μg' − gμ' + μμ'g₀.
        """
        center = np.append(np.where(uncentred, self.center, 0.0)[columns], 0.0)
        ones = gram[-1].copy()
        unit = 1.0 / (np.append(self.scale[columns], 1.0) * math.sqrt(total))
        if self.still is not None:
            unit[: len(columns)][self.still[columns]] = 0.0
        each = max(1, _IN_CACHE // len(gram))
        for begin in range(0, len(gram), each):
            rows = slice(begin, begin + each)
            if center.any():
                mixed = center[rows, np.newaxis] * ones + ones[rows, np.newaxis] * center
                gram[rows] -= mixed - center[rows, np.newaxis] * center * ones[-1]
            gram[rows] *= unit[rows, np.newaxis] * unit
        return gram if intercept and self.intercept else gram[:-1, :-1]
