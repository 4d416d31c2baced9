"""How the columns spread, and the coordinates that suit it: measured in one read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.objective.coordinates import Coordinates
from logloss.objective.own_parts import OwnParts
from logloss.table.design.design import Design

Array = NDArray[np.float64]

_MOST_ZERO = 32  # columns that look like zeros, up to which each is looked at


@dataclass(frozen=True, eq=False)
class Spread:
    """Weighted mean and standard deviation of each column, shape (n_columns,).

    Not finite where the data are not. `whole`: of all rows, not of some. `doubtful`: columns whose
    deviation is next to the rounding of their squares, or below the least of them; shape
    (n_columns,), bool.
    """

    mean: Array
    deviation: Array
    doubtful: NDArray[np.bool_]
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
        doubtful = constant & (second > 0.0) | design.sparse & (variance <= 1e-6 * second / total)
        doubtful &= (second > 0.0) | (mean != 0.0)
        zero = (mean == 0.0) & (second == 0.0) & ~design.sparse
        doubtful |= zero & (zero.sum() <= _MOST_ZERO)
    return Spread(mean, deviation, doubtful)


def some_of(n_rows: int, some: int = 4096) -> NDArray[np.int64]:
    """Rows at equal distances."""
    return np.linspace(0, n_rows - 1, min(some, n_rows)).astype(np.int64)


def coordinates(
    spread: Spread, ridge: Array, intercept: bool, own: OwnParts | None = None
) -> Coordinates:
    """Centre columns where there is an intercept, and give the Hessian a diagonal near a constant.

    Parameters
    ----------
    ridge : ndarray of shape (n_columns,)
        The root of the L2 penalty over a typical p(1−p), in the units of the columns. A heavily
        penalised column is scaled by its penalty, as that is then its curvature.
    """
    center = np.nan_to_num(spread.mean, posinf=0.0, neginf=0.0) * intercept
    unit = np.ones(len(center))
    for j, part in ({} if own is None else own.columns).items():
        unit[j] = part.unit
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.hypot(np.hypot(spread.deviation, spread.mean - center), ridge * unit)
    usable = np.isfinite(scale) & (scale > 0.0)
    still = spread.still if intercept and spread.still.any() else None
    return Coordinates(center, np.where(usable, scale, 1.0), intercept, still, own)


def _nearby(design: Design) -> Array:
    """A point among the rows, about which squares do not cancel: the mean of up to 64 of them."""
    if design.sparse.all():
        return np.zeros(design.n_columns)
    rows = np.unique(np.linspace(0, design.n_rows - 1, 64).astype(np.int64))
    few = design.take(rows, 1)
    first, _ = _kernels.moments(few.kernel, None, np.zeros(few.n_columns), 1)
    return np.nan_to_num(first / len(rows), posinf=0.0, neginf=0.0)
