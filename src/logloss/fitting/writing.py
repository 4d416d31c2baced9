"""A point of a solver, written as coefficients on the columns as they came: what that loses.

Where columns are read as own parts, coefficients are combinations that are rounded, and their
products with the columns cancel. With Δ the log odds by what is written less those of the point,

    F(written) − F(point) ≤ Σ s r Δ/Σs + Σ s Δ²/(8 Σs),

as p(1−p) ≤ ¼; penalties change by their own rounding alone. That is added to the gap, so that the
certificate is that of the model which is saved. The intercept as it is shown, b, is rounded once
more than b' (centers.py), which is in it too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.objective.coordinates import Coordinates
from logloss.objective.own_parts import rounded
from logloss.objective.row_data import RowData
from logloss.record.centers import Centers, centers_of, log_odds
from logloss.table.design.design import Design

Array = NDArray[np.float64]

_TELL = 1e-9  # log odds that are off by more than this are told
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Written:
    """Coefficients and intercept as they are reported, and what was lost on the way.

    Attributes
    ----------
    coef : ndarray of shape (n_columns,)
    intercept : float
    centers : Centers or None
    lost : float
        By which F may be larger than at the point.
    off : float
        The largest change of the log odds of a row with weight.
    """

    coef: Array
    intercept: float
    centers: Centers | None
    lost: float = 0.0
    off: float = 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of it."""
        if not self.off > _TELL:
            return ()
        words = (
            "the coefficients cancel so far that rounding them changes log odds by up to"
            f" {self.off:.0e}; express the columns by what differs between them"
        )
        return (words,)


def written(
    design: Design, rows: RowData, where: Coordinates, beta: Array, names: tuple[str, ...]
) -> Written:
    """What a model holds of a point. A few reads where columns are own parts; else none.

    Parameters
    ----------
    design : Design
        The columns as they came.
    """
    coef, exact = where.exact(beta)
    intercept = rounded(exact)
    centers = centers_of(where, beta, names)
    if where.own is None or not np.isfinite(coef).all():
        return Written(coef, intercept, centers)
    inner, constant = where.columns(beta)
    there = where.own.design(design).predict(inner, constant, rows.offset, 1)
    points = None if centers is None else (centers.of(names), centers.intercept)
    with np.errstate(invalid="ignore", over="ignore"):
        change = log_odds(design, coef, intercept, points, rows.offset, 1) - there
        change = np.where(rows.counted, change, 0.0)
        residual = rows.bernoulli(there)[1]
        slope = np.where(change == 0.0, 0.0, residual * change)
        total = rows.total()
        shown = _EPS * abs(intercept) if centers is not None else 0.0
        first = rows.total(slope) + _EPS * rows.total(np.abs(slope))
        lost = max(first, 0.0) / total + 0.125 * (rows.total(change * change) / total + shown**2)
    return Written(coef, intercept, centers, lost, float(np.abs(change).max(initial=0.0)))
