"""A table taken apart: features, target, weights and offset.

Rows without a target, and with ``missing="drop"`` rows without some feature, get the weight 0: so
nothing is copied, and each row keeps its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, UsageError
from logloss.table.columns.alignment import index_of
from logloss.table.columns.block import in_columns
from logloss.table.columns.source import Source, column_at, left_out_names
from logloss.table.roles.given import given, where_of
from logloss.table.roles.groups import Origin
from logloss.table.roles.labelled import plain
from logloss.table.roles.labels import Labels, without_missing_words
from logloss.table.roles.numbers import offset_values, target_counts, weight_values
from logloss.table.treatment import Missing, TableOptions
from logloss.table.words import listed

_FITTED_TOO = (
    "the column {!r}, which tells groups apart, is a column of the fit too: exclude it if it is a"
    " label only"
)

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


@dataclass(frozen=True, eq=False)
class Roles:
    """What is no feature, as it was asked for: names of columns, or values beside the table.

    Attributes
    ----------
    y, sample_weight, offset : array-like of shape (n_rows,), name of a column, or None
        y may also be two columns (see `counts`), or the position of a column as text.
    groups : any
        The name of a column that is read even where it is excluded.
    exclude : tuple of str
        Columns to leave out.
    """

    y: Any = None
    sample_weight: Any = None
    offset: Any = None
    groups: Any = None
    exclude: tuple[str, ...] = ()

    @staticmethod
    def of(y: Any, sample_weight: Any, offset: Any, groups: Any, exclude: Any) -> Roles:
        """The roles; a UsageError where a column has two."""
        roles = Roles(y, sample_weight, offset, groups, left_out_names(exclude))
        roles.check()
        return roles

    @property
    def named(self) -> dict[str, str]:
        """Role → the column that was named for it."""
        each = ("y", self.y), ("sample_weight", self.sample_weight), ("offset", self.offset)
        return {role: value for role, value in each if isinstance(value, str)}

    @property
    def beside(self) -> list[str]:
        """Columns that are read for another use than a fit."""
        return [self.groups] if isinstance(self.groups, str) else []

    @property
    def unread(self) -> list[str]:
        """Columns that need not be read."""
        return [name for name in self.exclude if name not in self.beside]

    def found(self, names: Sequence[str], where: str) -> Roles:
        """The same with the names that the table has for columns that were named by position."""
        named: dict[str, Any] = {
            role: column_at(name, names, where) for role, name in self.named.items()
        }
        roles = replace(self, **named)
        roles.check()
        return roles

    def check(self) -> None:
        """Raise a UsageError where a column has two roles."""
        taken: dict[str, str] = dict.fromkeys(self.exclude, "exclude")
        for role, name in self.named.items():
            other = taken.setdefault(name, role)
            if other != role:
                raise UsageError(f"column {name!r} cannot be both {other} and {role}")


def take(table: Source, roles: Roles, options: TableOptions, given_as: Any = None) -> Split:
    """Take the target, the weights and the offset out of a table that was read.

    Parameters
    ----------
    table : Source
        Typed columns or a matrix, with all columns of `roles`.
    roles : Roles
        By the names of the table.
    options : TableOptions
    given_as : optional
        What the table was read from, to be read again for groups; None: it cannot be.

    Raises
    ------
    DataError
        Lengths differ; values are missing, not numbers, or out of range.
    """
    named, beside = roles.named, roles.beside
    if options.missing is Missing.DROP and table.named and isinstance(table.matrix, np.ndarray):
        table = in_columns(table)
    table, words = _without_missing_words(table, named.get("y"))
    used = table.names if options.formula is None else options.formula.columns
    hidden = [name for name in beside if name in roles.exclude or name not in used]
    features = table.without([*named.values(), *hidden]) if named or hidden else table
    out, notes = _left_out(table, named.get("y"), features, options.missing, words)
    notes += [_FITTED_TOO.format(name) for name in beside if name in features.names]
    table = table if table.index is not None else replace(table, index=index_of(roles.y))
    weights = weight_values(table, roles.sample_weight)
    y = roles.y
    counts = target_counts(table, y)
    if counts is not None:
        y, notes = counts.share, [*notes, counts.note]
        weights = counts.trials if weights is None else weights * counts.trials
    y_values = None if y is None else _target_values(table, y, out)
    if out is not None:
        weights = np.where(out, 0.0, 1.0 if weights is None else weights)
    return Split(
        features=features,
        y_values=y_values,
        y_where=where_of("y", roles.y, table),
        weights=weights,
        offset=offset_values(table, roles.offset),
        target_name=named.get("y"),
        weights_name=named.get("sample_weight"),
        offset_name=named.get("offset"),
        origin=Origin(table if given_as is None else given_as, table, options.na),
        left_out=out,
        notes=(*table.notes, *(table.columns.notes if table.columns else ()), *notes),
    )


def _target_values(table: Source, y: Any, out: Mask | None) -> npt.NDArray[Any] | Labels:
    found = given(table, y, "y")
    values = plain(found, out)
    found.check_length(table)
    return values


def _without_missing_words(table: Source, target: str | None) -> tuple[Source, list[str]]:
    """The table in which words such as NA are missing values of the target; and those words."""
    if target is None or table.columns is None or target not in table.columns.codes:
        return table, []
    column, words = without_missing_words(table.columns.codes[target])
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
