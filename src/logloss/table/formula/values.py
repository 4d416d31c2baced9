"""What the matrix of a formula is made from: its terms, and columns as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.typed import Numbers
from logloss.table.formula.language import FactorTree

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How the matrix is made.

    Attributes
    ----------
    terms : sequence of tuple of str
        The factors of each.
    factors : mapping
        Text of a factor → the tree that was checked.
    intercept : bool
        Whether the fit has an intercept, so that levels beside it are left out.
    full_rank : bool
        Whether levels are left out at all.
    sparse : bool
    """

    terms: Sequence[tuple[str, ...]]
    factors: Mapping[str, FactorTree]
    intercept: bool
    full_rank: bool
    sparse: bool


@dataclass(frozen=True)
class Values:
    """The columns that a recipe needs, as arrays of n_rows values.

    Attributes
    ----------
    numbers : dict
        Column → float64, nothing missing.
    levels : dict
        Column → its levels, and int codes into them; −1: none of them.
    """

    n_rows: int
    numbers: dict[str, Array] = field(default_factory=dict)
    levels: dict[str, tuple[Sequence[Any], NDArray[np.intp]]] = field(default_factory=dict)


def filled(column: Numbers, mean: float) -> Array:
    """The numbers, with the mean in place of those that are missing."""
    numbers = column.values.astype(np.float64)
    missing = column.missing()
    if missing is not None:
        numbers[missing] = mean
    return numbers


def places(column: Numbers, levels: Array) -> NDArray[np.intp]:
    """Which of the levels, in order, each value is; −1: none of them."""
    values = column.values.astype(np.float64)
    at = np.minimum(np.searchsorted(levels, values), len(levels) - 1)
    known = levels[at] == values
    missing = column.missing()
    if missing is not None:
        known &= ~missing
    return np.where(known, at, -1)


def some(values: Values, rows: NDArray[np.intp]) -> Values:
    """These rows of them."""
    return replace(
        values,
        n_rows=len(rows),
        numbers={name: numbers[rows] for name, numbers in values.numbers.items()},
        levels={name: (levels, codes[rows]) for name, (levels, codes) in values.levels.items()},
    )
