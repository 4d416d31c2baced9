"""The schema of the columns of a table, each by its kind: finding them, and laying them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, ModelFileError, nearest
from logloss.table.columns.block import in_columns
from logloss.table.columns.matrix import readable
from logloss.table.columns.source import Source
from logloss.table.columns.typed import Column, Columns
from logloss.table.design.encoded import Encoded
from logloss.table.schema.kind import Kind, Unfit
from logloss.table.schema.kinds import kind_from_json
from logloss.table.schema.number import NumericColumn
from logloss.table.schema.schema import LeftOut, Schema
from logloss.table.words import listed

Array = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class ColumnSchema(Schema):
    """The columns of a model, in the order of its coefficients.

    Attributes
    ----------
    columns : tuple of Kind
    left_out : tuple of LeftOut
        Columns of the training table that say nothing, or cannot be features.
    na : tuple of str
        Texts that stand for a missing value.
    remarks : tuple of str
        What else was done with the training table, a sentence each. Not saved: the model keeps all
        notes of its fit.
    """

    of_terms: ClassVar[bool] = False  # of a formula, in the place of columns

    columns: tuple[Kind[Any], ...]
    left_out: tuple[LeftOut, ...] = ()
    na: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @property
    def kinds(self) -> tuple[Kind[Any], ...]:
        """The kinds of the columns."""
        return self.columns

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(column.name for column in self.columns)

    @property
    def text_names(self) -> tuple[str, ...]:
        """The columns that are text, whatever their values look like in another table."""
        return tuple(kind.name for kind in self.columns if kind.looks_up)

    @property
    def looks_up(self) -> bool:
        """Whether values are looked up among those that were learned, so that some may be new."""
        return bool(self.text_names)

    @property
    def factors_of_terms(self) -> dict[str, frozenset[str]]:
        """Term → what it is a product of."""
        return {column.name: frozenset((column.name,)) for column in self.columns}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done with the table that its owner should know, a sentence each."""
        out = (f"column {o.name!r} is left out: it {o.reason}" for o in self.left_out)
        return (*out, *self.remarks)

    def encode(self, source: Source, new: bool = True) -> Encoded:
        """Pick the columns by name, in any order (of an array: by position).

        Nothing is copied that the kernels can read as it lies. Levels that the model does not know
        get a column of their own, see `extended`, if `new`; else they count as the reference does.

        Raises
        ------
        DataError
            Columns are missing from the table (extra ones are ignored), or are of another kind, or
            have missing values that the model does not know; an array has another width; sparse
            indices point outside the matrix.
        """
        if not source.named:
            self._check_width(source)
            return Encoded(readable(source.matrix, source.where), None, source.n_rows)
        self.check_present(source.names, source.where)
        if source.columns is None and self._is_matrix_of(source):
            matrix = source.select(self.column_names).matrix
            return Encoded(readable(matrix, source.where), None, source.n_rows)
        if source.columns is None:
            source = in_columns(source.select(self.column_names))
        assert source.columns is not None
        found = self.found(source.columns, source.where)
        pieces = [kind.piece(column, new) for kind, column in zip(self.columns, found, strict=True)]
        return Encoded(None, tuple(pieces), source.n_rows)

    def extended(self, coefficients: Array, encoded: Encoded) -> Array:
        """The coefficients of the columns of `encoded`.

        Levels that are new to the model have a column more: its coefficient is that of the average
        level.
        """
        if encoded.columns is None:
            return coefficients
        parts, at = [], 0
        for kind, piece in zip(self.columns, encoded.columns, strict=True):
            end = at + len(kind.coefficient_names)
            parts.append(kind.extended(coefficients[at:end], piece.n_columns))
            at = end
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def unknown(self, columns: Columns) -> dict[str, int]:
        """Column → how many rows have a value, or miss one, as no row of the training table did."""
        found = self.found(columns, "the table")
        counts = {k.name: k.unknown(c) for k, c in zip(self.columns, found, strict=True)}
        return {name: count for name, count in counts.items() if count}

    def to_json(self) -> dict[str, Any]:
        """A plain record for the model file."""
        record: dict[str, Any] = {"columns": [column.to_json() for column in self.columns]}
        if self.na:
            record["na"] = list(self.na)
        if self.left_out:
            record["left_out"] = [[out.name, out.reason] for out in self.left_out]
        return record

    @staticmethod
    def from_json(record: Any) -> ColumnSchema:
        """Read what `to_json` gave.

        Raises
        ------
        ModelFileError
            For anything else.
        """
        columns = record.get("columns") if isinstance(record, dict) else None
        if not isinstance(columns, list) or not columns or record.keys() - _KEYS:
            raise ModelFileError("schema: a list of columns is needed, and nothing else")
        left_out = tuple(map(_left_out_from_json, _list(record.get("left_out", []))))
        na = tuple(_list(record.get("na", [])))
        if not all(type(text) is str for text in na):
            raise ModelFileError("schema: what stands for a missing value is text")
        schema = ColumnSchema(tuple(map(kind_from_json, columns)), left_out, na)
        if len(set(schema.column_names)) < len(columns):
            raise ModelFileError("schema: two columns have one name")
        if len(set(schema.coefficient_names)) < len(schema.coefficient_names):
            raise ModelFileError("schema: two coefficients have one name")
        return schema

    def check_present(self, names: Sequence[str], where: str) -> None:
        """Raise a DataError where a table of these columns lacks some of the model."""
        there = frozenset(names)
        missing = [name for name in self.column_names if name not in there]
        if not missing:
            return
        near = nearest(missing[0], there.difference(self.column_names))
        lacks = "a column" if len(missing) == 1 else f"{len(missing)} columns"
        raise DataError(
            f"{where} lacks {lacks} of the model: {listed(list(map(repr, missing)))}",
            f"is {near!r} meant to be {missing[0]!r}?" if near else None,
        )

    def _is_matrix_of(self, source: Source) -> bool:
        """Whether each column of a matrix is one coefficient."""
        if not isinstance(source.matrix, np.ndarray):
            return True
        return all(k.coefficient_names == (k.name,) for k in self.columns)

    def _check_width(self, source: Source) -> None:
        width = len(source.names)
        n_columns = len(self.columns)
        if any(kind.coefficient_names != (kind.name,) for kind in self.columns):
            raise DataError(
                f"{source.where} is an array, and the model has columns of text or with missing"
                " values",
                "give a table with names",
            )
        if width != n_columns:
            raise DataError(
                f"{source.where} has {'1 column' if width == 1 else f'{width} columns'}, the model"
                f" {n_columns}: {listed(list(map(repr, self.column_names)))}",
                "give an array of the same columns, in order, or a table with names",
            )

    def found(self, columns: Columns, where: str) -> list[Column]:
        """The typed column of each column of the model."""
        found: list[Column] = []
        for kind in self.columns:
            try:
                found.append(kind.taken(columns.by_name[kind.name]))
            except Unfit as wrong:
                raise DataError(
                    f"{where}: column {kind.name!r} {wrong}", "give it as the training table had it"
                ) from None
        return found


_KEYS = frozenset(("columns", "left_out", "na"))


@lru_cache(maxsize=8)
def one_type(names: tuple[str, ...], type_: str) -> ColumnSchema:
    """The schema of a matrix."""
    return ColumnSchema(tuple(NumericColumn(name, type_) for name in names))


def _list(record: Any) -> list[Any]:
    if not isinstance(record, list):
        raise ModelFileError("schema: what was left out is not a list")
    return record


def _left_out_from_json(record: Any) -> LeftOut:
    if not isinstance(record, list) or [type(word) for word in record] != [str, str]:
        raise ModelFileError("schema: a column that was left out has a name and a reason")
    return LeftOut(*record)
