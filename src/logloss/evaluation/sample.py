"""Rows to be judged, sorted once by their log odds: every measure is a sum over them in that order.

Weights mean what was said in the fit or the evaluation (weighting.py); where nothing was, whole
numbers count equal rows. A sum of independent rows then has the variance Σ s·Var. Other weights
belong to one row each: Σ s²·Var, and n rows say as much as (Σs)²/Σs² rows of equal weight (Kish,
*Survey Sampling*, 1965, 11.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from logloss.bernoulli import logit, sigmoid
from logloss.errors import DataError, UsageError
from logloss.numerics.algebra import dot
from logloss.record.weighting import weighting_of

Array = NDArray[np.float64]
Positions = NDArray[np.int64]

_NUMBER_KINDS = "biuf"  # NumPy's kinds of bools, integers and floats


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows by rising log odds.

    Attributes
    ----------
    y, z, p : ndarray of shape (n,)
        Label in [0, 1], log odds, probability.
    weight : ndarray of shape (n,), or None
        Positive; None: all 1.
    counts : bool
        The weights count equal rows.
    """

    y: Array
    z: Array
    p: Array
    weight: Array | None
    counts: bool = True

    @property
    def n_rows(self) -> int:
        return len(self.y)

    def total(self, x: Array | None = None) -> float:
        """Σ s x, or Σ s."""
        if self.weight is None:
            return float(len(self.y)) if x is None else float(x.sum())
        return float(self.weight.sum()) if x is None else dot(self.weight, x)

    def mean(self, x: Array) -> float:
        """Σ s x / Σ s."""
        return self.total(x) / self.total()

    @cached_property
    def spread(self) -> Array | None:
        """What a row's variance is multiplied by in that of a sum; None: 1."""
        if self.weight is None or self.counts:
            return self.weight
        return self.weight * self.weight

    @cached_property
    def hard(self) -> bool:
        """Are all labels 0 or 1?"""
        return bool(((self.y == 0.0) | (self.y == 1.0)).all())

    @cached_property
    def starts(self) -> Positions:
        """Where each run of equal log odds begins."""
        differs = self.z[1:] != self.z[:-1]
        return np.concatenate([[0], np.flatnonzero(differs) + 1])

    def sums(self, x: Array | None, starts: Positions) -> Array:
        """Σ s x, or Σ s, of each stretch of rows from one start to the next."""
        if self.weight is None:
            values = np.ones(self.n_rows) if x is None else x
        else:
            values = self.weight if x is None else self.weight * x
        return np.asarray(np.add.reduceat(values, starts))

    def stretches(self, count: int) -> Positions:
        """Starts of at most `count` stretches of about equal weight; equal log odds stay together.

        A run of equal log odds goes to the stretch in which the middle of its weight lies.
        """
        weights = self.sums(None, self.starts)
        ends = np.cumsum(weights)
        places = np.floor((ends - 0.5 * weights) * (count / ends[-1])).astype(np.int64)
        first = np.flatnonzero(np.diff(np.minimum(places, count - 1), prepend=-1))
        return self.starts[first]


def sample_of(
    y: ArrayLike,
    p: ArrayLike | None = None,
    z: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    weights_are: str | None = None,
) -> Sample:
    """Check and sort rows; those without weight are left out.

    Raises
    ------
    UsageError
        Neither or both of p and z are given.
    DataError
        Lengths differ, nothing is left, values are missing or out of range.
    """
    if (p is None) == (z is None):
        raise UsageError("give either probabilities, p, or log odds, z")
    label = _column("y", y, None, 0.0, 1.0)
    n = len(label)
    if p is not None:
        chance = _column("p", p, n, 0.0, 1.0)
        odds = np.asarray(logit(chance), dtype=np.float64)
    else:
        odds = _column("z", z, n, -np.inf, np.inf)
        chance = np.asarray(sigmoid(odds), dtype=np.float64)
    weight = None
    if sample_weight is not None:
        weight = _column("sample_weight", sample_weight, n, 0.0, np.finfo(np.float64).max)
        kept = weight > 0.0
        if not kept.all():
            label, odds, chance, weight = label[kept], odds[kept], chance[kept], weight[kept]
        if (weight == 1.0).all():
            weight = None
    counts = weighting_of(weights_are, weight, None).rule.counts
    if weight is not None:
        with np.errstate(over="ignore", under="ignore"):
            square = float((weight * weight).sum())
        if not 0.0 < square < np.inf:
            raise DataError(
                "sample_weight is too large or too small for its squares to be numbers",
                "scale the weights: their common size does not matter",
            )
    if len(label) == 0:
        raise DataError("there are no rows to evaluate", "at least one must have a weight")
    order = np.argsort(odds)
    return Sample(
        label[order], odds[order], chance[order], None if weight is None else weight[order], counts
    )


def _column(name: str, values: Any, n: int | None, low: float, high: float) -> Array:
    column = _numbers(name, values)
    if column.ndim != 1 or (n is not None and len(column) != n):
        wanted = "one value a row" if n is None else f"{n} values, one a row"
        raise DataError(f"{name} has the shape {column.shape}, where it must have {wanted}")
    good = (column >= low) & (column <= high)
    if not good.all():
        row = int(np.argmin(good))
        raise DataError(
            f"{name} is {column[row]:g} in row {row}",
            f"numbers from {low:g} to {high:g} are needed",
        )
    return column


def _numbers(name: str, values: Any) -> Array:
    """As float64; of shape (n,) also where it is one column."""
    try:
        column = np.asarray(values)
        if column.dtype.kind not in _NUMBER_KINDS + "O":
            raise TypeError(f"it has the type {column.dtype}")
        if column.dtype.kind == "O" and any(isinstance(value, str) for value in column.flat):
            raise TypeError("it has text")
        column = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} must hold numbers, one a row: {error}",
            "give 1 for the positive label and 0 for the other; model.evaluate(table) knows the"
            " labels of its model",
        ) from None
    return column[:, 0] if column.ndim == 2 and column.shape[1] == 1 else column
