"""A formula, such as ``"age + C(race) + bs(bmi, df=4) + age:smoke"``, and the schema that it gives.

The columns that it names are learned and found as those of any table (`learn`, `schema`); its terms
make a matrix of them (`matrix`), which is fitted like any other. What the functions learned
from the training rows (knots and bounds of splines, means and scales) is a part of the schema, so
that the same value becomes the same row of the matrix in any table.

A model file holds the factors as text. They are checked again when it is read (`language`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, ModelFileError, UsageError
from logloss.files import strict_json as js
from logloss.table.columns.block import in_columns
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Columns, Numbers
from logloss.table.design.encoded import Encoded
from logloss.table.formula.state import boolean, plain_states, states_of
from logloss.table.formula.terms import Formula, formulaic, width_of
from logloss.table.formula.values import Recipe, Values, places
from logloss.table.schema.kind import Kind
from logloss.table.schema.of_columns import ColumnSchema
from logloss.table.schema.schema import LeftOut, Schema
from logloss.table.schema.term import Term
from logloss.table.words import shortened

Array = NDArray[np.float64]

MOST_COLUMNS = 100_000


@final
@dataclass(frozen=True)
class FormulaSchema(Schema):
    """The terms of a formula in the place of columns, and how a table becomes their matrix.

    Attributes
    ----------
    columns : tuple of Term
    formula : Formula
    raw : ColumnSchema
        Of the columns that it names.
    levels : mapping
        Columns of numbers that are taken as levels → these, in order.
    state : mapping
        Factor → what each of its functions learned.
    full_rank : bool
        Whether levels are left out beside an intercept or other terms.
    sparse : bool
        Whether the matrix is.
    """

    of_terms: ClassVar[bool] = True

    columns: tuple[Term, ...]
    formula: Formula
    raw: ColumnSchema
    levels: Mapping[str, tuple[float, ...]]
    state: Mapping[str, list[dict[str, Any]]]
    full_rank: bool
    sparse: bool
    left_out: tuple[LeftOut, ...] = field(default=(), init=False)  # a formula names what it takes

    @property
    def na(self) -> tuple[str, ...]:  # type: ignore[override]
        """Texts that stand for a missing value."""
        return self.raw.na

    @property
    def kinds(self) -> tuple[Kind[Any], ...]:
        """None: a term is no column."""
        return ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return self.raw.column_names

    @property
    def text_names(self) -> tuple[str, ...]:
        """The columns that are text, whatever their values look like in another table."""
        return self.raw.text_names

    @property
    def looks_up(self) -> bool:
        """True: each column of a formula is looked at on its own."""
        return True

    @property
    def factors_of_terms(self) -> dict[str, frozenset[str]]:
        """Term → what it is a product of."""
        terms = zip(self.columns, self.formula.terms, strict=True)
        return {column.name: frozenset(factors) for column, factors in terms}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done with the table."""
        filled = (
            f"column {kind.name!r} misses values; its mean, {kind.stand_in:.6g}, stands for them"
            for kind in self.raw.columns
            if kind.stand_in is not None
        )
        return (*filled, *self.raw.remarks)

    def encode(self, source: Source, new: bool = True) -> Encoded:
        """The matrix of the terms.

        Parameters
        ----------
        new : bool
            Whether levels that no training row had are refused; else they count as none.

        Raises
        ------
        DataError
            As for any schema; a level is new; a term is not finite.
        """
        self.raw.check_present(source.names, source.where)
        table = typed(source, self.column_names)
        made = made_of(self.recipe, self.values(table, new), table, self.state)
        if made.names != [list(term.coefficient_names) for term in self.columns]:
            raise ModelFileError("schema: the formula gives other coefficients than the model has")
        return encoded_of(made, table)

    def extended(self, coefficients: Array, encoded: Encoded) -> Array:  # noqa: ARG002
        """The coefficients themselves: the matrix has no columns of its own."""
        return coefficients

    def unknown(self, columns: Columns) -> dict[str, int]:
        """Column → how many rows miss a value, as no row of the training table did."""
        return self.raw.unknown(columns)

    def to_json(self) -> dict[str, Any]:
        """A plain record for the model file."""
        return {
            **self.raw.to_json(),
            "formula": self.formula.text,
            "intercept": self.formula.intercept,
            "terms": [list(term) for term in self.formula.terms],
            "coefficients": [list(term.coefficient_names) for term in self.columns],
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "state": plain_states(self.formula, self.state),
            "full_rank": self.full_rank,
            "sparse": self.sparse,
        }

    @staticmethod
    def from_json(record: Any) -> FormulaSchema:
        """Read what `to_json` gave; runs nothing of it.

        Raises
        ------
        ModelFileError
            For anything else: a factor that a formula cannot hold is one.
        """
        of_raw = {key: value for key, value in record.items() if key not in _CHECKS}
        fields = _check_fields({key: record[key] for key in record.keys() & _CHECKS}, "schema")
        raw = ColumnSchema.from_json(of_raw)
        formula = Formula(fields["formula"], _tuples(fields["terms"]), fields["intercept"])
        try:
            formula.check()
        except UsageError as error:
            raise ModelFileError(f"schema: {error.message}") from None
        if set(formula.columns) != set(raw.column_names):
            raise ModelFileError("schema: the formula needs other columns than the model has")
        names = fields["coefficients"]
        if len(names) != len(formula.terms):
            raise ModelFileError("schema: each term of the formula has coefficients")
        schema = FormulaSchema(
            terms_of(formula, names),
            formula=formula,
            raw=raw,
            levels={name: tuple(levels) for name, levels in fields["levels"].items()},
            state=states_of(formula, fields["state"]),
            full_rank=fields["full_rank"],
            sparse=fields["sparse"],
        )
        schema.check_kinds()
        every = schema.coefficient_names
        if len(set(every)) < len(every) or len(every) > MOST_COLUMNS:
            raise ModelFileError("schema: two coefficients have one name, or there are too many")
        if schema.width() > MOST_COLUMNS:
            raise ModelFileError("schema: the formula has too many coefficients")
        return schema

    def check_kinds(self) -> None:
        """Raise where a column is used as what it is not."""
        text = set(self.text_names)
        if {n for n in self.formula.levels_of if n not in text} != set(self.levels):
            raise ModelFileError("schema: the formula takes levels of other columns")

    def width(self) -> int:
        """How many coefficients there are at most."""
        sizes = {kind.name: kind.n_levels for kind in self.raw.columns}
        sizes.update({name: len(levels) for name, levels in self.levels.items()})
        return width_of(self.formula, sizes)

    @cached_property
    def recipe(self) -> Recipe:
        formula = self.formula
        return Recipe(
            formula.terms, formula.factors, formula.intercept, self.full_rank, self.sparse
        )

    def values(self, source: Source, new: bool) -> Values:
        """The columns as arrays, from typed columns."""
        columns = source.columns
        assert columns is not None
        values = Values(source.n_rows)
        found = self.raw.found(columns, source.where)
        for kind, column in zip(self.raw.columns, found, strict=True):
            name = kind.name
            kind.give(values, column)
            if name in self.levels:
                assert isinstance(column, Numbers)
                levels = self.levels[name]
                values.levels[name] = levels, places(column, np.asarray(levels, np.float64))
            if name not in values.levels:
                continue
            codes = values.levels[name][1]
            if new and (codes < 0).any():
                row = int(np.argmin(codes))
                value = column.value(row)
                shown = "no value" if value is None else shortened(str(value))
                raise DataError(
                    f"{source.where}: column {name!r} has the level {shown} in"
                    f" {source.place(row)}, and no row had it when the model was fitted",
                    "a formula knows no average level: leave out these rows, or give a known one",
                )
        return values


def typed(source: Source, names: Sequence[str]) -> Source:
    """The columns of these names, typed."""
    table = source.select(names)
    if table.columns is not None:
        return table
    if not isinstance(table.matrix, np.ndarray):
        table = replace(table, matrix=table.matrix.toarray())
    return replace(in_columns(table), named=True)


def made_of(
    recipe: Recipe,
    values: Values,
    source: Source,
    state: Mapping[str, list[dict[str, Any]]] | None,
    slope: tuple[str, str] | None = None,
) -> Any:
    """The matrix; a DataError where a function refuses its values.

    `slope`: a factor and the column by which it is differentiated.
    """
    adapter = formulaic()
    try:
        made = adapter.matrix_of(recipe, values, state, slope)
    except adapter.ERRORS as error:
        said = str(error).strip().splitlines()
        raise DataError(
            f"{source.where}: the formula cannot be computed:"
            f" {said[-1] if said else type(error).__name__}"
        ) from error
    return made


def encoded_of(made: Any, source: Source) -> Encoded:
    """The matrix, which is finite; else a DataError that names the term and the row."""
    matrix = made.values
    entries = matrix if isinstance(matrix, np.ndarray) else matrix.data
    with np.errstate(all="ignore"):
        sound = math.isfinite(entries.sum()) or bool(np.isfinite(entries).all())
    if sound:
        return Encoded(matrix, None, source.n_rows)
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    row, column = map(int, np.argwhere(~np.isfinite(dense))[0])
    name = [name for names in made.names for name in names][column]
    raise DataError(
        f"{source.where}: the term {name!r} is {dense[row, column]:g} in {source.place(row)}",
        "a logarithm of 0 or of a negative number, a division by 0, a value without end?",
    )


def terms_of(formula: Formula, names: Sequence[Sequence[str]]) -> tuple[Term, ...]:
    """The terms, with the names of the coefficients of each."""
    named = zip(formula.terms, names, strict=True)
    return tuple(
        Term(":".join(formula.factors[f].column or f for f in term), tuple(own))
        for term, own in named
    )


def _tuples(lists: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    terms = tuple(map(tuple, lists))
    if not all(terms):
        raise ModelFileError("schema: a term of the formula has no factor")
    return terms


def _ascending(value: object, where: str) -> list[float]:
    levels = js.list_of(js.scalar)(value, where)
    numbers = bool(levels) and all(type(level) in (int, float) for level in levels)
    if not numbers or any(one >= other for one, other in pairwise(levels)):
        js.refuse(where, "numbers in order", value)
    return levels


_CHECKS: dict[str, js.Check[Any]] = {
    "formula": js.text,
    "intercept": boolean,
    "terms": js.list_of(js.list_of(js.text)),
    "coefficients": js.list_of(js.list_of(js.text)),
    "levels": js.mapping_of(_ascending),
    "state": js.list_of(js.plain),
    "full_rank": boolean,
    "sparse": boolean,
}
_check_fields = js.record(_CHECKS)
