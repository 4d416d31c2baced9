"""What the columns of a formula are, and its functions, from the training table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Numbers
from logloss.table.design.encoded import Encoded
from logloss.table.formula.terms import Formula
from logloss.table.formula.values import some
from logloss.table.schema.formula import (
    MOST_COLUMNS,
    FormulaSchema,
    encoded_of,
    made_of,
    terms_of,
    typed,
)
from logloss.table.schema.learn import learn
from logloss.table.schema.of_columns import ColumnSchema
from logloss.table.schema.policy import Policy
from logloss.table.schema.schema import Schema
from logloss.table.words import listed

Array = NDArray[np.float64]

_WIDE = 200  # columns beyond which a matrix is sparse
_MOST_LEVELS = 100_000


def learn_any(
    source: Source,
    formula: Formula | None,
    weight: Array | None,
    policy: Policy,
    intercept: bool,
    n_threads: int | None,
) -> tuple[Schema, Encoded]:
    """Learn from a table what its columns are, or the terms of a formula, and encode it."""
    if formula is not None:
        return learn_formula(
            source,
            formula,
            weight=weight,
            policy=policy,
            intercept=intercept,
            n_threads=n_threads,
        )
    policy = replace(policy, intercept=intercept)
    schema = learn(source, weight=weight, policy=policy, n_threads=n_threads)
    return schema, schema.encode(source, new=False)


def learn_formula(
    source: Source,
    formula: Formula,
    *,
    weight: Array | None,
    policy: Policy,
    intercept: bool,
    n_threads: int | None = None,
) -> tuple[FormulaSchema, Encoded]:
    """Learn what the columns of a formula are, and its functions; and make the matrix.

    Only rows with weight are learned from.

    Raises
    ------
    DataError
        As `learn`; a column says nothing, is text where numbers are needed, or misses values where
        levels are; a function refuses its values.
    UsageError
        Two terms have one name.
    """
    formula = replace(formula, intercept=intercept)
    table = typed(source, formula.columns)
    raw = learn(
        table,
        weight=weight,
        policy=replace(policy, penalised=_always, intercept=intercept),
        n_threads=n_threads,
    )
    if raw.left_out:
        said = [f"{out.name!r} {out.reason}" for out in raw.left_out]
        raise DataError(
            f"{source.where}: columns of the formula say nothing: {listed(said)}",
            "leave them out of the formula",
        )
    _check_numeric(formula, raw, source.where)
    rows = None if weight is None or (weight > 0.0).all() else np.flatnonzero(weight > 0.0)
    levels = _number_levels(formula, raw, table, rows)
    full_rank = not policy.penalised("")
    schema = FormulaSchema(
        (),
        formula=formula,
        raw=raw,
        levels=levels,
        state={},
        full_rank=full_rank,
        sparse=False,
    )
    width = schema.width()
    if width > MOST_COLUMNS:
        raise DataError(
            f"the formula makes up to {width:,} coefficients; {MOST_COLUMNS:,} is the most",
            "leave out interactions of columns with many levels",
        )
    schema = replace(schema, sparse=width > _WIDE)
    values = schema.values(table, new=False)
    made = made_of(schema.recipe, values if rows is None else some(values, rows), table, None)
    schema = replace(schema, columns=terms_of(formula, made.names), state=made.state)
    names = schema.coefficient_names
    if len(set(names)) < len(names) or not names:
        raise UsageError("two terms of the formula have one name", "write each once")
    if rows is not None:
        made = made_of(schema.recipe, values, table, schema.state)
    return schema, encoded_of(made, table)


def _always(name: str) -> bool:  # noqa: ARG001
    """All levels are kept: the formula says which have a coefficient."""
    return True


def _check_numeric(formula: Formula, raw: ColumnSchema, where: str) -> None:
    """Text is a factor of its own, or stands in C()."""
    text = set(raw.text_names)
    for factor in formula.factors.values():
        if factor.column is not None or factor.levels_of is not None:
            continue
        wrong = [name for name in factor.columns if name in text]
        if wrong:
            raise DataError(
                f"{where}: column {wrong[0]!r} holds text, and {factor.text} needs numbers",
                f"use the column itself, or C({wrong[0]})",
            )


def _number_levels(
    formula: Formula, raw: ColumnSchema, table: Source, rows: NDArray[np.intp] | None
) -> dict[str, tuple[float, ...]]:
    """The levels of columns of numbers that stand in C()."""
    assert table.columns is not None
    found: dict[str, tuple[float, ...]] = {}
    for kind in raw.columns:
        column = table.columns.by_name[kind.name]
        if kind.name not in formula.levels_of or not isinstance(column, Numbers):
            continue
        values = column.values if rows is None else column.values[rows]
        missing = column.missing()
        if missing is not None and (missing if rows is None else missing[rows]).any():
            raise DataError(
                f"{table.where}: column {kind.name!r} misses values, and the formula takes it as"
                " levels",
                "leave out the rows without a value: missing='drop', --missing drop",
            )
        levels = np.unique(values)
        if len(levels) > _MOST_LEVELS:
            raise DataError(
                f"{table.where}: column {kind.name!r} has {len(levels):,} levels",
                f"take it as a number, without C(): {_MOST_LEVELS:,} levels are the most",
            )
        found[kind.name] = tuple(levels.tolist())
    return found
