"""The points from which a model counts its columns, where counting from 0 would lose digits.

    z = b' + Σ w_j (x_j − m_j),   b' = b + Σ w_j m_j

Two time stamps that differ by seconds, with coefficients of 0.06 a millisecond, make products of
1e11 that cancel; from points of their own they are smaller, by as much as the columns are far from
0 next to their spread. A model of ordinary columns has none of this.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.files import strict_json as js
from logloss.objective.coordinates import Coordinates
from logloss.objective.own_parts import OwnParts, rounded
from logloss.table.design.design import Design

Array = NDArray[np.float64]

_ROUNDING = 8 * sys.float_info.epsilon  # of the products and the coefficients


@dataclass(frozen=True)
class Centers:
    """The points from which a model counts columns, and its intercept there.

    Attributes
    ----------
    points : mapping of coefficient name to float
        m_j, where it is not 0.
    intercept : float
        b'.
    """

    points: Mapping[str, float]
    intercept: float

    def shifted(self, by: float) -> Centers:
        """With another intercept."""
        return replace(self, intercept=self.intercept + by)

    def of(self, names: tuple[str, ...]) -> Array:
        """m in the order of the coefficients, shape (n,)."""
        return np.array([self.points.get(name, 0.0) for name in names])

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {"points": dict(self.points), "intercept": self.intercept}


_check = js.record({"points": js.mapping_of(js.number), "intercept": js.number})


def check_centers(value: object, where: str) -> Centers | None:
    """The record that `to_json` gave, or None; ModelFileError for anything else."""
    return None if value is None else Centers(**_check(value, where))


def check_points(centers: Centers, names: tuple[str, ...], coef: Array, intercept: float) -> None:
    """ModelFileError where a point is of no coefficient, or b' is not that of the points."""
    js.check_known("model.centers.points", names, centers.points)
    with np.errstate(over="ignore", invalid="ignore"):  # the file may hold any numbers
        parts = [float(intercept), *(coef * centers.of(names)).tolist()]
    if not _adds_up(parts, centers.intercept):
        raise ModelFileError(
            "model.centers: the intercept is not that of these points and the coefficients"
        )


def _adds_up(parts: list[float], total: float) -> bool:
    """Whether numbers have this sum, but for rounding."""
    try:
        size = math.fsum(map(abs, [*parts, total]))
        return math.isfinite(size) and abs(math.fsum(parts) - total) <= _ROUNDING * size
    except OverflowError:
        return False


def centers_of(where: Coordinates, beta: Array, names: tuple[str, ...]) -> Centers | None:
    """The points for a fit that read columns as own parts: their means; None for others."""
    if where.own is None or not where.intercept:
        return None
    coef, intercept = where.exact(beta)
    if not np.isfinite(coef).all():
        return None
    points = _means(where.own)
    centered = intercept + sum(Fraction(float(coef[k])) * Fraction(m) for k, m in points.items())
    return Centers({names[k]: m for k, m in points.items()}, rounded(centered))


def _means(own: OwnParts) -> dict[int, float]:
    """Means of the columns that are own parts, or parts of these, but those that are 0."""
    involved = {k for j, part in own.columns.items() for k in (j, *part.parts)}
    means = {k: float(own.means[k]) for k in sorted(involved)}
    return {k: mean for k, mean in means.items() if math.isfinite(mean) and mean}


def log_odds(
    design: Design,
    coef: Array,
    intercept: float,
    centers: tuple[Array, float] | None,
    offset: Array | None = None,
    n_threads: int | None = None,
) -> Array:
    """z of each row, shape (n_rows,).

    Parameters
    ----------
    centers : pair of ndarray of shape (n_columns,) and float, or None
        m and b'.
    """
    if centers is None:
        return design.predict(coef, intercept, offset, n_threads)
    points, centered = centers
    moved = {int(j): design.column(int(j)) - points[j] for j in np.flatnonzero(points)}
    return design.replaced(moved).predict(coef, centered, offset, n_threads)
