"""Columns that say nothing: the same in all rows, or in all rows the same as another."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.typed import Columns, Numbers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """Of one column of numbers: its mean, whether it varies, and sums that tell columns apart."""

    mean: float
    varies: bool
    indicated: bool  # some row with weight has no value
    empty: bool  # all have none
    sums: tuple[float, float]


def first_value(column: Numbers) -> float:
    """The first value that is not missing; 0 where all are."""
    if column.valid is None:
        return float(column.values[0])
    used = np.flatnonzero(column.valid)
    if not used.size:
        return 0.0
    byte = int(used[0])
    bits = int(column.valid[byte])
    row = 8 * byte + (bits & -bits).bit_length() - 1
    return float(column.values[row]) if row < len(column) else 0.0


def constant(
    n_rows: int,
    measured: Mapping[str, Measured],
    counts: Mapping[str, Array],
    columns: Columns,
) -> dict[str, str]:
    """Columns that are the same in all rows with weight, and what they are."""
    found = {}
    for name, m in measured.items():
        if m.empty:
            found[name] = "has no value in any row"
        elif not m.varies and not m.indicated and n_rows > 1:
            found[name] = f"is {first_value(columns.numbers[name]):g} in all rows"
    for name, count in counts.items():
        used = np.flatnonzero(count)
        if len(used) == 1 and n_rows > 1:
            level = columns.codes[name].levels[int(used[0])]
            found[name] = (
                "has no value in any row" if level is None else f"is {level!r} in all rows"
            )
    return found


def repeated(
    columns: Columns,
    out: Container[str],
    measured: Mapping[str, Measured],
    counts: Mapping[str, Array],
) -> dict[str, str]:
    """Columns but those that are `out` that repeat an earlier one in all rows, and which."""
    found: dict[str, str] = {}
    first: dict[Any, list[str]] = {}
    for name in columns.names:
        if name in out:
            continue
        number = name in columns.numbers
        key: Any = (number, measured[name].sums if number else counts[name].tobytes())
        for other in first.setdefault(key, []):
            if (_same_numbers if number else _same_codes)(columns, name, other):
                found[name] = f"is the same as {other!r} in all rows"
                break
        else:
            first[key].append(name)
    return found


def _same_numbers(columns: Columns, name: str, another: str) -> bool:
    one, other = columns.numbers[name], columns.numbers[another]
    holes, others = one.missing(), other.missing()
    if holes is None or others is None:
        return holes is others and bool(np.array_equal(one.values, other.values))
    same = np.array_equal(holes, others)
    return bool(same and np.array_equal(one.values[~holes], other.values[~holes]))


def _same_codes(columns: Columns, name: str, another: str) -> bool:
    return bool(np.array_equal(columns.codes[name].codes, columns.codes[another].codes))


def stands_for_intercept(
    constants: Mapping[str, str], columns: Columns, penalised: Callable[[str], bool]
) -> str | None:
    """The constant column that is the intercept where none is fitted; None where there is none.

    The first one that has no penalty, or else the first. One of zeros is none.
    """
    found = [name for name in constants if _has_a_value(columns, name)]
    free = [name for name in found if not penalised(name)]
    return next(iter([*free, *found]), None)


def constant_but_for_holes(
    measured: Mapping[str, Measured], penalised: Callable[[str], bool]
) -> bool:
    """Whether a column is a constant, and its mean stands for what is missing: an intercept too."""
    return any(
        m.indicated and not m.varies and m.mean != 0.0 and not penalised(name)
        for name, m in measured.items()
    )


def _has_a_value(columns: Columns, name: str) -> bool:
    if name in columns.numbers:
        return first_value(columns.numbers[name]) != 0.0
    column = columns.codes[name]
    used = np.bincount(column.codes, minlength=len(column.levels)) > 0
    return any(used[k] and level is not None for k, level in enumerate(column.levels))
