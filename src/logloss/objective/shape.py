"""Which entry of a point is what. Nobody else counts from its end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """One slope for each column, of each outcome in turn; then, where there are, the intercepts.

    Attributes
    ----------
    columns : int
        Of the table.
    has_intercept : bool
        Has each outcome one?
    outcomes : int
        Linear predictors: one, or as many as there are classes.
    """

    columns: int
    has_intercept: bool
    outcomes: int = 1

    @cached_property
    def size(self) -> int:
        """Coefficients in all."""
        return self.outcomes * (self.columns + self.has_intercept)

    @property
    def n_intercepts(self) -> int:
        return self.outcomes * self.has_intercept

    @cached_property
    def slopes(self) -> slice:
        """Where the coefficients of the columns are."""
        return slice(0, self.outcomes * self.columns)

    @cached_property
    def intercepts(self) -> slice:
        """Where the intercepts are; an empty place where there are none."""
        return slice(self.outcomes * self.columns, self.size)

    def are_intercepts(self, subset: Indices) -> NDArray[np.bool_]:
        """Which of these coefficients are."""
        are: NDArray[np.bool_] = subset >= self.intercepts.start
        return are

    def intercepts_first(self, subset: Indices) -> Indices:
        """The same coefficients, intercepts before slopes; each increasing."""
        last = self.are_intercepts(subset)
        return np.concatenate([subset[last], subset[~last]])

    def joined(self, slopes: NDArray[Any], intercept: float) -> NDArray[Any]:
        """A vector of the shape, from its part for the slopes and that for every intercept."""
        return np.append(slopes, [intercept] * self.n_intercepts) if self.n_intercepts else slopes

    def null(self, intercept: float) -> Array:
        """The point at which only the intercepts are not 0."""
        point = np.zeros(self.size)
        point[self.intercepts] = intercept
        return point
