"""What happens to the matrix of a formula when a column of the table is moved, the others held.

A column of numbers has a slope ∂X/∂x in each row, by which all terms that hang on it move together:
powers, splines, interactions. A column of zeros and ones, and one that is taken as levels, has two
matrices: with all rows at the one value, and at the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.table.columns.binary import zeros_and_ones
from logloss.table.columns.levels import Places, spelled
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Numbers
from logloss.table.formula.language import contrast_of
from logloss.table.formula.values import Values, some
from logloss.table.schema.formula import FormulaSchema, made_of, typed

Array = NDArray[np.float64]
Positions = NDArray[np.intp]

_ENTRIES = 1 << 21  # of a matrix that is held at once


@dataclass(frozen=True)
class Slope:
    """A column that moves by little."""

    name: str
    column: str


@dataclass(frozen=True)
class Step:
    """A column that goes from one value to another in all rows.

    Attributes
    ----------
    name : str
        Of the column, or of the column and the level it goes to.
    column : str
    ends : pair of values
        Numbers; or codes of levels.
    """

    name: str
    column: str
    ends: tuple[float, float] | tuple[int, int]


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows: the matrix before and after, or the matrix and its slope; n rows of d columns."""

    rows: Positions
    first: Array
    second: Array


@dataclass(frozen=True, eq=False)
class Moves:
    """The columns of a formula over the rows that count.

    Attributes
    ----------
    schema : FormulaSchema
    table : Source
        Typed.
    values : Values
        Of the rows that count.
    rows : ndarray of int
        Which these are.
    moves : tuple of Slope or Step
        In the order of the columns in the formula.
    """

    schema: FormulaSchema
    table: Source
    values: Values
    rows: Positions
    moves: tuple[Slope | Step, ...]

    @staticmethod
    def of(schema: FormulaSchema, source: Source, counted: NDArray[np.bool_] | None) -> Moves:
        """The moves of a table of a fit."""
        table = typed(source, schema.column_names)
        values = schema.values(table, new=False)
        rows = np.arange(source.n_rows) if counted is None else np.flatnonzero(counted)
        if counted is not None:
            values = some(values, rows)
        found: list[Slope | Step] = []
        for name in schema.formula.columns:
            if name in values.levels:
                found += _levels(schema, name, values)
            else:
                found.append(_number(table, name, counted))
        return Moves(schema, table, values, rows, tuple(found))

    def at_mean(self, weight: Array) -> Moves:
        """The same with each column of numbers at its mean in all rows; levels stay."""
        total = float(weight.sum())
        means = {
            name: x if name in self.values.levels else np.full(len(x), float(weight @ x) / total)
            for name, x in self.values.numbers.items()
        }
        return replace(self, values=replace(self.values, numbers=means))

    def blocks(self, move: Slope | Step) -> Iterator[Block]:
        """The matrices of a move, some rows at a time.

        Raises
        ------
        DataError
            A term is not finite there, or has no slope.
        """
        size = max(256, _ENTRIES // max(1, len(self.schema.coefficient_names)))
        for start in range(0, len(self.rows), size):
            chosen = np.arange(start, min(start + size, len(self.rows)))
            values = some(self.values, chosen)
            if isinstance(move, Slope):
                pair = self._matrix(values), self._slope(values, move.column)
            else:
                before, after = (_set(values, move.column, end) for end in move.ends)
                pair = self._matrix(before), self._matrix(after)
            self._check_finite(move, chosen, *pair)
            yield Block(self.rows[chosen], *pair)

    def _matrix(self, values: Values, slope: tuple[str, str] | None = None) -> Array:
        made = made_of(self.schema.recipe, values, self.table, self.schema.state, slope)
        matrix = made.values
        dense: Array = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        return dense

    def _slope(self, values: Values, column: str) -> Array:
        """∂X/∂x: the sum over factors that hang on the column, each in the terms that have it."""
        formula, parts = self.schema.formula, []
        for text, factor in formula.factors.items():
            if column in factor.columns:
                has = [
                    np.full(len(term.coefficient_names), text in factors)
                    for term, factors in zip(self.schema.columns, formula.terms, strict=True)
                ]
                matrix = self._matrix(values, (text, column))
                parts.append(np.where(np.concatenate(has), matrix, 0.0))
        total: Array = np.sum(parts, axis=0)
        return total

    def _check_finite(self, move: Slope | Step, chosen: Positions, *pair: Array) -> None:
        for matrix in pair:
            sound = np.isfinite(matrix)
            if sound.all():
                continue
            row, column = map(int, np.argwhere(~sound)[0])
            name = self.schema.coefficient_names[column]
            place = self.table.place(int(self.rows[chosen[row]]))
            raise DataError(
                f"{self.table.where}: {move.column!r} has no effect that can be computed: with it,"
                f" the term {name!r} does not change by a finite amount in {place}",
                "a square root or a logarithm at 0? The formula may take it of 1 + the column",
            )


def _number(table: Source, name: str, counted: NDArray[np.bool_] | None) -> Slope | Step:
    assert table.columns is not None
    column = table.columns.by_name[name]
    if isinstance(column, Numbers) and zeros_and_ones(column.values, column.valid, counted):
        return Step(name, name, (0.0, 1.0))
    return Slope(name, name)


def _levels(schema: FormulaSchema, name: str, values: Values) -> list[Slope | Step]:
    """Each level against the reference: that of the contrasts, or the first one."""
    levels, _ = values.levels[name]
    places = Places({spelled(level): code for code, level in enumerate(levels)})
    reference = 0
    for factor in schema.formula.factors.values():
        if factor.levels_of == name and isinstance(factor.tree, ast.Call):
            chosen = contrast_of(factor.tree)
            if chosen is not None and chosen[1] is not None:
                place = places.find(spelled(chosen[1]))
                reference = reference if place is None else place
    return [
        Step(f"{name}={_shown(level)}", name, (reference, code))
        for code, level in enumerate(levels)
        if code != reference
    ]


def _shown(level: Any) -> str:
    whole = isinstance(level, float) and level.is_integer()
    return str(int(level)) if whole else str(level)


def _set(values: Values, name: str, end: float) -> Values:
    """All rows at one value."""
    numbers, levels, n = dict(values.numbers), dict(values.levels), values.n_rows
    value = end
    if name in levels:
        known, codes = levels[name]
        levels[name] = known, np.full(n, int(end), codes.dtype)
        value = known[int(end)] if name in numbers else end
    if name in numbers:
        numbers[name] = np.full(n, float(value))
    return replace(values, numbers=numbers, levels=levels)
