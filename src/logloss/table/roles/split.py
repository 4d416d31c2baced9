"""A table taken apart: features, target, weights and offset.

Rows without a target, and with ``missing="drop"`` rows without some feature, get the weight 0: so
nothing is copied, and each row keeps its number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, UsageError
from logloss.table.columns.alignment import check_aligned, index_of
from logloss.table.columns.block import in_columns
from logloss.table.columns.source import Source, column_at, left_out_names, unknown_column
from logloss.table.columns.typed import Codes, Column, Numbers
from logloss.table.encoding import encoded
from logloss.table.read import column_values, read
from logloss.table.roles.counts import Counts, counts_of
from logloss.table.roles.groups import Origin
from logloss.table.roles.labels import Labels, labels_of, without_missing_words
from logloss.table.treatment import Missing, TableOptions
from logloss.table.words import listed

_FITTED_TOO = (
    "the column {!r}, which tells groups apart, is a column of the fit too: exclude it if it is a"
    " label only"
)
_NUMBER_KINDS = "biuf"  # NumPy's kinds of bools, integers and floats

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """A table taken apart.

    Attributes
    ----------
    features : Source
        The columns that are left.
    y_values : ndarray or Labels
        The target as it came, for `encode_target`; None where there is none.
    y_where : str
        What messages call it.
    weights, offset : ndarray of float64, shape (n_rows,), or None
        A row that is left out has the weight 0.
    target_name, weights_name, offset_name : str or None
        The names of these columns; None where they were given as arrays, or not at all.
    origin : Origin
        The table with all its columns, for groups.
    left_out : ndarray of bool, shape (n_rows,), or None
        The rows that take no part.
    notes : tuple of str
        What was left out, and why.
    """

    features: Source
    y_values: npt.NDArray[Any] | Labels | None
    y_where: str
    weights: Floats | None
    offset: Floats | None
    target_name: str | None
    weights_name: str | None
    offset_name: str | None
    origin: Origin
    left_out: Mask | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_left_out(self) -> int:
        """How many rows take no part."""
        return 0 if self.left_out is None else int(self.left_out.sum())

    @property
    def kept(self) -> Mask | None:
        """The rows that take part; None: all."""
        return None if self.left_out is None else ~self.left_out


def split(
    source: Any,
    *,
    y: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    exclude: Collection[str] = (),
    options: TableOptions | None = None,
    groups: Any = None,
) -> Split:
    """Take the target, the weights and the offset out of a table, or put them beside it.

    Parameters
    ----------
    source : Source, or anything that `read` reads
    y, sample_weight, offset : array-like of shape (n_rows,), or the name of a column; or None
        None for y where a table comes to be predicted; it may also be two columns (see `counts`).
        A named column is not a feature; y may also be its position as text ("0", "-1" for the
        last). Weights are finite, not negative and not all zero; offsets finite.
    exclude : collection of column names, or one
        Columns to leave out.
    options : TableOptions, optional
    groups : optional
        The name of a column that is read even where it is excluded.

    Raises
    ------
    DataError
        Lengths differ; values are missing, not numbers, or out of range; anything `read` raises.
    UsageError
        An unknown column name (with the nearest one); a column with two roles.
    """
    options, exclude = options or TableOptions(), left_out_names(exclude)
    named = {
        role: value for role, value in _roles(y, sample_weight, offset) if isinstance(value, str)
    }
    _check_roles(named, exclude)
    beside = [groups] if isinstance(groups, str) else []
    left = [name for name in exclude if name not in beside]
    table = read(source, exclude=left, by_column=bool(named), na=options.na)
    named = {role: column_at(name, table.names, table.where) for role, name in named.items()}
    if options.formula is not None:
        needed = dict.fromkeys([*named.values(), *beside])
        table = _needed(table, options.formula.columns, needed)
    if table.stream is not None:
        table = encoded(table, options.na, options.memory, options.spool)
    _check_roles(named, exclude)
    y, sample_weight = named.get("y", y), named.get("sample_weight", sample_weight)
    offset = named.get("offset", offset)
    if options.missing is Missing.DROP and table.named and isinstance(table.matrix, np.ndarray):
        table = in_columns(table)
    y_where = _where("y", y, table)
    table, words = _without_missing_words(table, named.get("y"))
    formula = options.formula
    used = table.names if formula is None else formula.columns
    hidden = [name for name in beside if name in exclude or name not in used]
    features = table.without([*named.values(), *hidden]) if named or hidden else table
    out, notes = _left_out(table, named.get("y"), features, options.missing, words)
    notes += [_FITTED_TOO.format(name) for name in beside if name in features.names]
    table = table if table.index is not None else replace(table, index=index_of(y))
    weights = weight_values(table, sample_weight)
    counts = target_counts(table, y)
    if counts is not None:
        y, notes = counts.share, [*notes, counts.note]
        weights = counts.trials if weights is None else weights * counts.trials
    y_values = None if y is None else _values(y, table, y_where, out)
    if y_values is not None:
        _check_length(len(y_values), table, y_where)
    if out is not None:
        weights = np.where(out, 0.0, 1.0 if weights is None else weights)
    return Split(
        features=features,
        y_values=y_values,
        y_where=y_where,
        weights=weights,
        offset=offset_values(table, offset),
        target_name=named.get("y"),
        weights_name=named.get("sample_weight"),
        offset_name=named.get("offset"),
        origin=Origin(table if isinstance(source, Source) else source, table, options.na),
        left_out=out,
        notes=(*table.notes, *notes),
    )


def _needed(table: Source, features: Collection[str], others: Iterable[str]) -> Source:
    """The columns of a formula, and of roles."""
    for name in features:
        if name not in table.names:
            raise unknown_column(name, table.names, table.where)
    names = {*features, *others}
    return table.select([name for name in table.names if name in names])


def _without_missing_words(table: Source, target: str | None) -> tuple[Source, list[str]]:
    """The table in which words such as NA are missing values of the target; and those words."""
    if target is None or table.columns is None or target not in table.names:
        return table, []
    column = table.columns.by_name[target]
    if not isinstance(column, Codes):
        return table, []
    column, words = without_missing_words(column)
    by_name = {**table.columns.by_name, target: column}
    return replace(table, columns=replace(table.columns, by_name=by_name)), words


def _left_out(
    table: Source, target: str | None, features: Source, missing: Missing, words: list[str]
) -> tuple[Mask | None, list[str]]:
    """Rows that do not take part, and why in words."""
    out: Mask | None = None
    notes = []
    if table.columns is None:
        return None, []
    if target is not None:
        out = table.columns.by_name[target].missing()
        if out is not None:
            if out.all():
                raise DataError(
                    f"{table.where}: column {target!r}, the target, has no value in any row"
                )
            spelled = f" ({listed(list(map(repr, words)))} means there is none)" if words else ""
            notes.append(f"{_rows(int(out.sum()))} without a target left out{spelled}")
    if missing is Missing.DROP:
        before = 0 if out is None else int(out.sum())
        for name in features.names:
            without = features.columns.by_name[name].missing()  # type: ignore[union-attr]
            if without is not None:
                out = without if out is None else out | without
        if out is not None and out.all():
            raise DataError(
                f"{table.where}: each row lacks some value, so that dropping them leaves none",
                "leave out the emptiest columns, or take missing='auto'",
            )
        dropped = 0 if out is None else int(out.sum()) - before
        if dropped:
            notes.append(f"{_rows(dropped)} with missing values left out")
    return out, notes


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def weight_values(source: Source, weights: Any) -> Floats | None:
    """Weights as checked float64: finite, none negative, not all zero.

    `weights` is an array or the name of a column.
    """
    if weights is None:
        return None
    where = _where("sample_weight", weights, source)
    values = _numbers(weights, source, where)
    with np.errstate(over="ignore"):
        low, total = values.min(), values.sum()
    if low < 0:
        row = int(np.argmax(values < 0))
        raise DataError(
            f"{where} has a negative weight in {source.place(row)}: {values[row]:g}",
            "a weight says how often a row counts; leave a row out with 0",
        )
    if total == 0:
        raise DataError(f"{where}: all weights are zero", "at least one row must count")
    if not math.isfinite(total):
        raise DataError(
            f"{where}: the sum of the weights is too large for float64", "scale them down"
        )
    return values


def target_counts(source: Source, y: Any) -> Counts | None:
    """Successes and failures, where y is two columns of them."""
    return counts_of(y, lambda column, name: _numbers(column, source, name), source.place)


def offset_values(source: Source, offset: Any) -> Floats | None:
    """An offset, an array or the name of a column, as float64, checked: finite."""
    return None if offset is None else _numbers(offset, source, _where("offset", offset, source))


def _roles(y: Any, sample_weight: Any, offset: Any) -> tuple[tuple[str, Any], ...]:
    return ("y", y), ("sample_weight", sample_weight), ("offset", offset)


def _check_roles(named: dict[str, str], exclude: Collection[str]) -> None:
    taken: dict[str, str] = dict.fromkeys(exclude, "exclude")
    for role, name in named.items():
        other = taken.setdefault(name, role)
        if other != role:
            raise UsageError(f"column {name!r} cannot be both {other} and {role}")


def _where(role: str, value: Any, source: Source) -> str:
    return f"{source.where}: column {value!r}" if isinstance(value, str) else role


def _values(
    value: Any, source: Source, where: str, out: Mask | None = None
) -> npt.NDArray[Any] | Labels:
    """The values of a column; those of rows that are left `out` mean nothing."""
    if not isinstance(value, str):
        check_aligned(source.index, value, where, source.where)
        values = column_values(value, where)
        if not isinstance(values, np.ndarray):
            return _of_column(values, where, "row {}".format, None)
        if values.shape == ():
            raise UsageError(
                f"{where} is a single value: {value!r}",
                "give one value a row, or the name of a column as text",
            )
        return values
    if value not in source.names:
        raise unknown_column(value, source.names, source.where)
    if source.columns is not None:
        return _of_column(source.columns.by_name[value], where, source.place, out)
    matrix = source.select([value]).matrix
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return np.ascontiguousarray(dense[:, 0])


def _of_column(
    column: Column, where: str, place: Callable[[int], str], out: Mask | None
) -> npt.NDArray[Any] | Labels:
    if not isinstance(column, (Codes, Numbers)):
        raise DataError(f"{where} {column.reason}", "numbers or text are needed")
    if isinstance(column, Codes):
        column, _ = without_missing_words(column)
    missing = column.missing()
    if missing is not None and (out is None or (missing & ~out).any()):
        raise DataError(
            f"{where} has a missing value in {place(int(np.argmax(missing)))}"
            f" ({int(missing.sum())} of {len(column)} are missing)",
            "leave out the rows without a value",
        )
    if isinstance(column, Codes):
        return labels_of(column)
    values = column.values
    if column.type == "bool":
        values = values.view(np.bool_)
    elif column.type in _FRACTIONS and values.dtype.kind != "f":
        values = values.astype(np.float64)  # whole numbers that the table had as 1.0
    return values if missing is None else np.where(missing, values[np.argmin(missing)], values)


_FRACTIONS = frozenset(("double", "float", "halffloat"))


def _numbers(value: Any, source: Source, where: str) -> Floats:
    values = _values(value, source, where)
    if isinstance(values, Labels) or values.dtype.kind not in _NUMBER_KINDS:
        what = getattr(values, "dtype", "text")
        raise DataError(f"{where} holds values of the type {what}, where numbers are needed")
    numbers = np.ascontiguousarray(values, dtype=np.float64)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(f"{where} must have one value a row, but has shape {numbers.shape}")
    _check_length(len(numbers), source, where)
    finite = np.isfinite(numbers)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(
            f"{where} is {numbers[row]:g} in {source.place(row)}", "finite numbers are needed"
        )
    return numbers


def _check_length(length: int, source: Source, where: str) -> None:
    if length != source.n_rows:
        raise DataError(
            f"{where} has {length} values, but {source.where} has {source.n_rows} rows",
            "one value a row is needed",
        )
