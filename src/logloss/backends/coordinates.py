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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels
from logloss.table.design import Design

Array = NDArray[np.float64]


_IN_CACHE = 50_000  # entries of a matrix that are changed at a time


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Attributes: `center` and `scale`, shape (n_columns,); `intercept`: is there one.

    `still`: which columns do not vary and are centred, shape (n_columns,), bool; None: none is.
    """

    center: Array
    scale: Array
    intercept: bool
    still: NDArray[np.bool_] | None = None

    @property
    def n_coefficients(self) -> int:
        return len(self.center) + self.intercept

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
        return Coordinates(center, scales, self.intercept, still)

    def raw(self, beta: Array) -> tuple[Array, float]:
        """Coefficients and intercept on the columns as they are."""
        if not self.intercept:
            return beta / self.scale, 0.0
        coef = beta[:-1] / self.scale
        return coef, float(beta[-1]) - _kernels.dot(self.center, coef)

    def inner(self, coef: Array, intercept: float) -> Array:
        """The inverse of `raw`, shape (n_coefficients,)."""
        if not self.intercept:
            return coef * self.scale
        return np.append(coef * self.scale, intercept + _kernels.dot(self.center, coef))

    def gradient(self, raw: Array, intercept: float) -> Array:
        """Sums of u·[x, 1] → sums of u·[x', 1], shape (n_coefficients,)."""
        if not self.intercept:
            return raw / self.scale
        beta = np.empty(len(raw) + 1)
        np.divide(raw - self.center * intercept, self.scale, out=beta[:-1])
        if self.still is not None:
            beta[:-1][self.still] = 0.0
        beta[-1] = intercept
        return beta

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
            unit[:-1][self.still[columns]] = 0.0
        each = max(1, _IN_CACHE // len(gram))
        for begin in range(0, len(gram), each):
            rows = slice(begin, begin + each)
            if center.any():
                mixed = center[rows, np.newaxis] * ones + ones[rows, np.newaxis] * center
                gram[rows] -= mixed - center[rows, np.newaxis] * center * ones[-1]
            gram[rows] *= unit[rows, np.newaxis] * unit
        return gram if intercept and self.intercept else gram[:-1, :-1]


@dataclass(frozen=True, eq=False)
class Spread:
    """Weighted mean and standard deviation of each column, shape (n_columns,).

    Not finite where the data are not. `whole`: of all rows, not of some.
    """

    mean: Array
    deviation: Array
    whole: bool = True

    @property
    def still(self) -> NDArray[np.bool_]:
        """Columns that are all one value, and not 0."""
        still: NDArray[np.bool_] = (self.deviation == 0.0) & (self.mean != 0.0)
        return still


def spread(design: Design, weight: Array | None, n_threads: int) -> Spread:
    """Mean and population standard deviation of all rows. One read.

    Raises nothing; a column that does not vary has the deviation 0.
    """
    near = np.where(design.sparse, 0.0, _nearby(design))
    total = float(design.n_rows) if weight is None else float(weight.sum())
    with np.errstate(invalid="ignore", over="ignore"):
        first, second = _kernels.moments(design.kernel, weight, near, n_threads)
        mean = first / total
        variance = second / total - (mean - near) ** 2
        rounding = np.where(design.sparse, 3e-12, 1e-15)  # sparse: squares about 0
        constant = variance <= rounding * second / total + 1e-24 * mean**2
        deviation = np.where(constant, 0.0, np.sqrt(np.abs(variance)))
    return Spread(mean, deviation)


def spread_of_some(design: Design, n_threads: int, some: int = 4096) -> Spread:
    """The same from rows at equal distances: near enough for solvers that scale costs nothing."""
    if design.n_rows <= some:
        return spread(design, None, n_threads)
    rows = np.linspace(0, design.n_rows - 1, some).astype(np.int64)
    return replace(spread(design.take(rows, n_threads), None, n_threads), whole=False)


def coordinates(spread: Spread, l2: Array, curvature: float, intercept: bool) -> Coordinates:
    """Centre columns where there is an intercept, and give the Hessian a diagonal near a constant.

    Parameters
    ----------
    l2 : ndarray of shape (n_columns,)
        Penalties in the units of the columns. A heavily penalised column is scaled by its penalty,
        as that is then its curvature.
    curvature : float
        A typical p(1−p).
    """
    center = np.nan_to_num(spread.mean, posinf=0.0, neginf=0.0) * intercept
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.sqrt(spread.deviation**2 + (spread.mean - center) ** 2 + l2 / curvature)
    usable = np.isfinite(scale) & (scale > 0.0)
    still = spread.still if intercept and spread.still.any() else None
    return Coordinates(center, np.where(usable, scale, 1.0), intercept, still)


def _nearby(design: Design) -> Array:
    """A point among the rows, about which squares do not cancel: the mean of up to 64 of them."""
    if design.sparse.all():
        return np.zeros(design.n_columns)
    rows = np.unique(np.linspace(0, design.n_rows - 1, 64).astype(np.int64))
    few = design.take(rows, 1)
    first, _ = _kernels.moments(few.kernel, None, np.zeros(few.n_columns), 1)
    return np.nan_to_num(first / len(rows), posinf=0.0, neginf=0.0)
