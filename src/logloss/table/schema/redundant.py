"""Columns that say nothing: the same in all rows, or in all rows the same as another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.typed import Codes, Column, Numbers

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
    columns: Mapping[str, Column],
) -> dict[str, str]:
    """Columns that are the same in all rows with weight, and what they are."""
    found = {}
    for name, m in measured.items():
        if m.empty:
            found[name] = "has no value in any row"
        elif not m.varies and not m.indicated and n_rows > 1:
            found[name] = f"is {first_value(columns[name]):g} in all rows"  # type: ignore[arg-type]
    for name, count in counts.items():
        used = np.flatnonzero(count)
        column = columns[name]
        if len(used) == 1 and isinstance(column, Codes) and n_rows > 1:
            level = column.levels[int(used[0])]
            found[name] = (
                "has no value in any row" if level is None else f"is {level!r} in all rows"
            )
    return found


def repeated(
    columns: Mapping[str, Column],
    measured: Mapping[str, Measured],
    counts: Mapping[str, Array],
) -> dict[str, str]:
    """Columns that repeat an earlier one in all rows, and which."""
    found: dict[str, str] = {}
    first: dict[Any, list[str]] = {}
    for name, column in columns.items():
        key: Any = measured[name].sums if name in measured else counts[name].tobytes()
        for other in first.setdefault(key, []):
            if _same(column, columns[other]):
                found[name] = f"is the same as {other!r} in all rows"
                break
        else:
            first[key].append(name)
    return found


def _same(one: Column, other: Column) -> bool:
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        holes, others = one.missing(), other.missing()
        if holes is None or others is None:
            return holes is others and bool(np.array_equal(one.values, other.values))
        same = np.array_equal(holes, others)
        return bool(same and np.array_equal(one.values[~holes], other.values[~holes]))
    if isinstance(one, Codes) and isinstance(other, Codes):
        return bool(np.array_equal(one.codes, other.codes))
    return False


def stands_for_intercept(
    constants: Mapping[str, str], columns: Mapping[str, Column], penalised: Callable[[str], bool]
) -> str | None:
    """The constant column that is the intercept where none is fitted; None where there is none.

    The first one that has no penalty, or else the first. One of zeros is none.
    """
    found = [name for name in constants if _has_a_value(columns[name])]
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


def _has_a_value(column: Column) -> bool:
    if isinstance(column, Codes):
        used = np.bincount(column.codes, minlength=len(column.levels)) > 0
        return any(used[k] and level is not None for k, level in enumerate(column.levels))
    return isinstance(column, Numbers) and first_value(column) != 0.0
