"""Labels, weights and offsets of rows in memory, and the fit of an intercept alone to them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels

Array = NDArray[np.float64]

_FAR_OUT = 690.0  # log odds of an intercept that has no finite best value: a loss of 1e-300
_MOST_STEPS = 200  # to the intercept of the null model


@dataclass(frozen=True, eq=False)
class RowData:
    """Of each row: label in [0, 1], weight (None: all 1) and offset (None: all 0), shape (n,)."""

    y: Array
    weight: Array | None = None
    offset: Array | None = None

    def take(self, rows: NDArray[np.int64], weight: Array) -> RowData:
        """These rows, with other weights."""
        return RowData(self.y[rows], weight, None if self.offset is None else self.offset[rows])

    @property
    def weights(self) -> Array:
        """Weights, 1 where there are none, shape (n,)."""
        return np.ones(len(self.y)) if self.weight is None else self.weight

    @property
    def offsets(self) -> Array:
        """Offsets, 0 where there are none, shape (n,)."""
        return np.zeros(len(self.y)) if self.offset is None else self.offset

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Rows with weight, shape (n,)."""
        if self.weight is None:
            return np.ones(len(self.y), np.bool_)
        counted: NDArray[np.bool_] = self.weight > 0.0
        return counted

    def bernoulli(self, z: Array) -> tuple[Array, Array, Array]:
        """Of log odds: bce(y, z), σ(z) − y and p(1 − p) of each row, without weights."""
        return _kernels.bernoulli(z, self.y)

    def total(self, x: Array | None = None) -> float:
        """Σ s x, or Σ s; on one thread, so that the bits never depend on their number."""
        if self.weight is None:
            return float(len(self.y)) if x is None else float(x.sum())
        return float(self.weight.sum()) if x is None else _kernels.dot(self.weight, x)


def _log_odds(mean: float) -> float:
    """Of a mean label; where rows with weight are all of one class, as far out as is of use."""
    if mean in (0.0, 1.0):
        return math.copysign(_FAR_OUT, mean - 0.5)
    return float(np.log(mean) - np.log1p(-mean))


def null_fit(rows: RowData, intercept: bool) -> tuple[float, float]:
    """The best intercept alone (0 where there is none), and its loss; see `Likelihood`."""
    total = rows.total()
    mean = min(max(rows.total(rows.y) / total, 0.0), 1.0)
    b = _log_odds(mean) if intercept else 0.0
    if rows.offset is None:
        wrong = (1.0 - mean) * max(b, 0.0) + mean * max(-b, 0.0)
        return b, float(np.log1p(np.exp(-abs(b)))) + wrong
    if not intercept:
        return 0.0, _offset_sums(rows, 0.0)[0] / total
    counted = rows.offset if rows.weight is None else rows.offset[rows.weight > 0.0]
    low, high = b - float(counted.max()), b - float(counted.min())
    if abs(_offset_sums(rows, b)[1]) > 1e-12 * total:  # else the offsets leave nothing to fit
        b = min(max(b - rows.total(rows.offset) / total, low), high)
    for _ in range(_MOST_STEPS):
        loss_sum, slope, curvature = _offset_sums(rows, b)
        if abs(slope) <= 1e-12 * total:
            break
        low, high = (low, b) if slope > 0.0 else (b, high)
        newton = b - slope / curvature if curvature > 0.0 else math.nan
        there = newton if low < newton < high else 0.5 * low + 0.5 * high
        if there in (low, high):
            break
        b = there
    return b, loss_sum / total


def _offset_sums(rows: RowData, b: float) -> tuple[float, float, float]:
    assert rows.offset is not None
    loss, slope, curvature = rows.bernoulli(rows.offset + b)
    return rows.total(loss), rows.total(slope), rows.total(curvature)
