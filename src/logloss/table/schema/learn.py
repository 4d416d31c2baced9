"""What the columns of a training table are: typed columns → ColumnSchema.

One read of the numbers gives their means, and shows the columns that say nothing: one that is the
same in all rows, or in all rows the same as another. They are left out, and the schema says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.errors import DataError
from logloss.table.columns.block import arrow_type, in_columns
from logloss.table.columns.matrix import readable
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Column, Columns, Numbers
from logloss.table.design.design import design_of, threads
from logloss.table.design.encoded import Encoded
from logloss.table.design.piece import Piece
from logloss.table.design.pieces import NullablePiece, NumberPiece
from logloss.table.schema.kind import Kind
from logloss.table.schema.learn_levels import categorical, said_of
from logloss.table.schema.number import NumericColumn
from logloss.table.schema.of_columns import ColumnSchema, one_type
from logloss.table.schema.policy import Policy
from logloss.table.schema.redundant import (
    Measured,
    constant,
    constant_but_for_holes,
    first_value,
    repeated,
    stands_for_intercept,
)
from logloss.table.schema.schema import LeftOut
from logloss.table.words import how_to_exclude, listed

Array = NDArray[np.float64]

_FEW_ROWS = 20  # up to which text may differ in each of them


def learn(
    source: Source,
    *,
    weight: Array | None = None,
    policy: Policy | None = None,
    n_threads: int | None = None,
) -> ColumnSchema:
    """Learn from the training table what its columns are.

    Parameters
    ----------
    source : Source
        All of its columns are features.
    weight : ndarray of shape (n_rows,), optional
        Weights of the rows: for means, and for how frequent levels are.
    policy : Policy, optional
    n_threads : int, optional

    Raises
    ------
    DataError
        No column is left; columns that cannot be features, or miss values where that is refused.
    """
    policy = policy or Policy()
    if not source.names:
        raise DataError(f"{source.where} has no columns left to fit")
    if source.columns is None:
        schema = _of_matrix(source, weight, policy, threads(n_threads))
        if schema is not None:
            return schema
        source = in_columns(source)
    assert source.columns is not None
    columns = source.columns
    _refuse(source, columns, policy)
    measured = _measure(columns.numbers, source.n_rows, weight, threads(n_threads))
    counts = _level_counts(columns, weight)
    constants = constant(source.n_rows, measured, counts, columns)
    one, remarks = None, []
    if not policy.intercept:
        one = stands_for_intercept(constants, columns, policy.penalised)
    if one is not None:
        remarks = [f"column {one!r} {constants.pop(one)}: it is the intercept, as none is fitted"]
    out = _unusable(columns) | _identifiers(columns) | constants
    out.update(repeated(columns, out, measured, counts))
    total = float(source.n_rows) if weight is None else float(weight.sum())
    kept: list[Kind[Any]] = []
    spanned = policy.intercept or (one is not None and not policy.penalised(one))
    spanned = spanned or constant_but_for_holes(measured, policy.penalised)
    for name in columns.names:
        if name in out:
            continue
        if name in columns.numbers:
            kept.append(_numeric(name, columns.numbers[name], measured[name]))
        else:
            column = columns.codes[name]
            all_levels = policy.penalised(name) or not spanned or name == one
            kept.append(categorical(name, column, counts[name], total, policy, all_levels))
            remarks += said_of(name, column, counts[name])
            spanned = spanned or not policy.penalised(name)
    _check_some(kept, out, source.where)
    _check_told_apart(kept, source.where)
    left_out = tuple(LeftOut(name, out[name]) for name in columns.names if name in out)
    return ColumnSchema(tuple(kept), left_out, policy.na, tuple(remarks))


def _of_matrix(
    source: Source, weight: Array | None, policy: Policy, n_threads: int
) -> ColumnSchema | None:
    """The schema of a matrix whose columns are a coefficient each; None where some are not."""
    by_name = source.named and not source.plain
    type_ = arrow_type(source.matrix)
    if not (by_name and isinstance(source.matrix, np.ndarray)):
        return one_type(source.names, type_)
    means = _plain(source, weight, n_threads)
    if means is None:
        return None
    kinds = map(NumericColumn, source.names, repeat(type_), means.tolist())
    return ColumnSchema(tuple(kinds), na=policy.na)


def _check_some(kept: Sequence[Kind[Any]], out: Mapping[str, str], where: str) -> None:
    if not kept:
        raise DataError(
            f"{where} has no column that could explain anything: "
            + "; ".join(f"{name!r} {reason}" for name, reason in list(out.items())[:10])
        )


# ---- a frame of one block


def _plain(source: Source, weight: Array | None, n_threads: int) -> Array | None:
    """The means of its columns; None where one misses values, does not vary or repeats another."""
    matrix = readable(source.matrix, source.where)
    first = np.nan_to_num(matrix[0].astype(np.float64), posinf=0.0, neginf=0.0)
    design = design_of(Encoded(matrix, None, source.n_rows))
    with np.errstate(invalid="ignore", over="ignore"):
        sums, squares = _kernels.moments(design.kernel, weight, first, n_threads)
    if source.n_rows > 1 and not squares.all():
        return None
    if any(np.isnan(matrix[:, j]).any() for j in np.flatnonzero(np.isnan(sums))):
        return None  # not opposite infinities
    columns: dict[Any, list[int]] = {}
    for j, key in enumerate(zip(sums.tolist(), squares.tolist(), strict=True)):
        others = columns.setdefault(key, [])
        if any(np.array_equal(matrix[:, j], matrix[:, k]) for k in others):
            return None
        others.append(j)
    total = float(source.n_rows) if weight is None else float(weight.sum())
    return np.nan_to_num(sums / total, nan=0.0, posinf=0.0, neginf=0.0)


def _check_told_apart(kinds: Sequence[Kind[Any]], where: str) -> None:
    """Raise a DataError where two coefficients would have one name, as of columns a=b and a."""
    owner: dict[str, str] = {}
    for kind in kinds:
        for name in kind.coefficient_names:
            other = owner.setdefault(name, kind.name)
            if other != kind.name:
                raise DataError(
                    f"{where}: the columns {other!r} and {kind.name!r} would both have a"
                    f" coefficient named {name!r}",
                    "rename one of the columns, or leave it out by exclude (--exclude)",
                )


# ---- what cannot be fitted


def _refuse(source: Source, columns: Columns, policy: Policy) -> None:
    fatal = {name: column for name, column in columns.unusable.items() if column.fatal}
    if fatal:
        problems = [f"{name!r} {column.reason}" for name, column in fatal.items()]
        hints = dict.fromkeys(column.hint for column in fatal.values() if column.hint)
        raise DataError(
            f"{source.where} has columns that cannot be features: {listed(problems)}",
            "; or ".join([*list(hints)[:1], how_to_exclude(list(fatal))]),
        )
    if policy.missing:
        return
    holes = {name: _n_missing(column) for name, column in columns.by_name.items()}
    holes = {name: count for name, count in holes.items() if count}
    if holes:
        problems = [
            f"{name!r} ({count} of {source.n_rows},"
            f" the first in {source.place(_first_missing(columns.by_name[name]))})"
            for name, count in list(holes.items())[:10]
        ]
        raise DataError(
            f"{source.where} has missing values in {listed(problems, len(holes))}",
            "fill them, leave out these rows, or " + how_to_exclude(list(holes)),
        )


def _n_missing(column: Column) -> int:
    rows = column.missing()
    return 0 if rows is None else int(rows.sum())


def _first_missing(column: Column) -> int:
    rows = column.missing()
    assert rows is not None
    return int(np.argmax(rows))


def _unusable(columns: Columns) -> dict[str, str]:
    return {name: column.reason for name, column in columns.unusable.items()}


def _identifiers(columns: Columns) -> dict[str, str]:
    """Columns of text with more levels than half of their rows: they name rows, not kinds of rows.

    Where there are few rows, nothing is said.
    """
    found = {}
    for name, column in columns.codes.items():
        if len(column) <= _FEW_ROWS:
            continue
        missing = column.missing()
        n_valid = len(column) - (0 if missing is None else int(missing.sum()))
        n_levels = len(column.levels) - (None in column.levels)
        if 2 * n_levels > n_valid > 0 and n_levels > _FEW_ROWS:
            counts = f"{n_levels:,} of {n_valid:,}"
            found[name] = f"has a value of its own in nearly each row ({counts})"
    return found


# ---- numbers


def _measure(
    numbers: Mapping[str, Numbers], n_rows: int, weight: Array | None, n_threads: int
) -> dict[str, Measured]:
    """About the first value c of each column, so that one that does not vary has squares of 0."""
    if not numbers:
        return {}
    pieces: list[Piece] = []
    centers: list[float] = []
    for column in numbers.values():
        first = first_value(column)
        centers.append(first)
        if column.valid is None:
            pieces.append(NumberPiece(column.values))
        else:
            pieces.append(NullablePiece(column.values, column.valid, first, True))
            centers.append(0.0)
    design = design_of(Encoded(None, tuple(pieces), n_rows))
    with np.errstate(invalid="ignore", over="ignore"):
        sums, squares = _kernels.moments(design.kernel, weight, np.array(centers), n_threads)
    total = float(n_rows) if weight is None else float(weight.sum())
    measured, at = {}, 0
    for name, column in numbers.items():
        without = float(sums[at + 1]) if column.valid is not None else 0.0
        there = total - without
        with np.errstate(invalid="ignore", over="ignore"):
            mean = (sums[at] - centers[at] * without) / there if there > 0.0 else centers[at]
        mean = float(mean) if math.isfinite(mean) else 0.0
        measured[name] = Measured(
            mean,
            bool(squares[at] != 0.0),
            without > 0.0,
            there <= 0.0,
            (float(sums[at]), float(squares[at])),
        )
        at += 1 if column.valid is None else 2
    return measured


def _numeric(name: str, column: Numbers, measured: Measured) -> NumericColumn:
    return NumericColumn(name, column.type, measured.mean, measured.indicated)


# ---- text


def _level_counts(columns: Columns, weight: Array | None) -> dict[str, Array]:
    """Weight of each level."""
    return {
        name: np.bincount(column.codes, weight, len(column.levels)).astype(np.float64)
        for name, column in columns.codes.items()
    }
