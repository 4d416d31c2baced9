"""Successes and failures: two columns as a target, as R's cbind(successes, failures).

A row then stands for as many trials as both together: its label is the share of successes, and it
weighs the number of trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counts:
    """Of each row: the share of successes, and the number of trials, shape (n,)."""

    share: NDArray[Any]
    trials: Array
    note: str


def counts_of(
    y: Any, read: Callable[[Any, str], Array], place: Callable[[int], str]
) -> Counts | None:
    """Counts where y is two columns; else None.

    Parameters
    ----------
    y : any
    read : callable
        A column and its name in messages → checked numbers.
    place : callable
        The number of a row → where it is, for messages.

    Raises
    ------
    DataError
        A count is negative or no number, or all are 0.
    """
    columns = _two_columns(y)
    if columns is None:
        return None
    names = [f"y: column {name!r}" for name, _ in columns]
    successes, failures = (
        read(column, name) for name, (_, column) in zip(names, columns, strict=True)
    )
    for name, values in zip(names, (successes, failures), strict=True):
        if values.size and values.min() < 0.0:
            row = int(np.argmin(values))
            raise DataError(
                f"{name} is {values[row]:g} in {place(row)}", "two columns are counts, from 0 on"
            )
    trials = successes + failures
    if not trials.any():
        raise DataError("y counts no successes and no failures in any row")
    share: NDArray[Any] = np.divide(
        successes, trials, out=np.zeros_like(trials), where=trials > 0.0
    )
    if np.isin(share, (0.0, 1.0)).all():
        share = share.astype(np.int8)
    first, second = (name for name, _ in columns)
    note = (
        f"y has two columns, taken as R's cbind(successes, failures): successes are {first!r},"
        f" failures {second!r}; each row weighs their sum"
    )
    return Counts(share, trials, note)


def _two_columns(y: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(y, (list, tuple)) and y and isinstance(y[0], (list, tuple, np.ndarray)):
        try:
            y = np.asarray(y)
        except ValueError:
            return None
    shape: tuple[int, ...] = getattr(y, "shape", ())
    if len(shape) != 2 or shape[1] != 2 or hasattr(y, "tocsr"):
        return None
    for name, take in _TAKES.items():
        if hasattr(y, name):
            return take(y)
    matrix = np.asarray(y)
    return [(0, matrix[:, 0]), (1, matrix[:, 1])]


_TAKES: dict[str, Callable[[Any], list[tuple[Any, Any]]]] = {
    "iloc": lambda y: [(str(y.columns[k]), y.iloc[:, k]) for k in (0, 1)],
    "to_series": lambda y: [(y.columns[k], y.to_series(k)) for k in (0, 1)],
    "column_names": lambda y: [(y.column_names[k], y.column(k)) for k in (0, 1)],
}
