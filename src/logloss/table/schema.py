"""How each column becomes coefficients. Learned from the training table, saved with the model.

Each kind of column is a class with a ``kind``: the word under which it is saved, by which `_KINDS`
finds it again. There is one so far: numbers, each of which has one coefficient.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from logloss.errors import DataError, ModelFileError, nearest
from logloss.table.pieces import Piece
from logloss.table.source import Source

_SHOWN = 10  # columns listed in a message


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers or bools: one coefficient.

    Attributes
    ----------
    name : str
    type : str
        Arrow's name for the type it was learned from ("double", "int8", "bool"). Any numbers will
        do when predicting.
    """

    kind: ClassVar[str] = "numeric"

    name: str
    type: str

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The names of its coefficients."""
        return (self.name,)

    def to_json(self) -> dict[str, str]:
        """A plain record."""
        return {"kind": self.kind, "name": self.name, "type": self.type}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> NumericColumn:
        """Read what `to_json` gave; ModelFileError where it did not."""
        name, type_ = record.get("name"), record.get("type")
        if not (isinstance(name, str) and isinstance(type_, str)) or len(record) != 3:
            raise ModelFileError("schema: a numeric column has a kind, a name and a type, all text")
        return NumericColumn(name, type_)


_KINDS = {NumericColumn.kind: NumericColumn}


@dataclass(frozen=True)
class Encoded:
    """The columns of a schema in the form that the kernels read.

    Exactly one of `matrix` and `columns` is set.

    Attributes
    ----------
    matrix : ndarray, or scipy.sparse CSR or CSC; or None
        An ndarray has any strides and one of the types float64, float32, int8, int16, int32,
        int64, uint8, bool; sparse data float64 or float32, with indices of int32 or int64 that lie
        inside the matrix.
    columns : tuple of contiguous ndarrays of shape (n_rows,) or of pieces; or None
        Arrays of the same types but bool; what else a column may be: see pieces.py.
    n_rows : int
    """

    matrix: Any
    columns: tuple[npt.NDArray[Any] | Piece, ...] | None
    n_rows: int


@dataclass(frozen=True)
class Schema:
    """The columns of a model, in the order of its coefficients."""

    columns: tuple[NumericColumn, ...]

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """One name a coefficient, in order."""
        return tuple(name for column in self.columns for name in column.coefficient_names)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(column.name for column in self.columns)

    def encode(self, source: Source) -> Encoded:
        """Pick the columns by name, in any order (of an array: by position).

        Nothing is copied that the kernels can read as it lies.

        Raises
        ------
        DataError
            Columns are missing from the table (extra ones are ignored), are not numbers, or have
            missing values; an array has another width; sparse indices point outside the matrix.
        """
        if not source.named:
            self._check_width(source)
            return Encoded(_readable(source.matrix, source.where), None, source.n_rows)
        names = self.column_names
        self._check_present(source, names)
        if source.table is None:
            return Encoded(
                _readable(source.select(names).matrix, source.where), None, source.n_rows
            )
        from logloss.table import arrow

        return Encoded(None, arrow.number_columns(source, names), source.n_rows)

    def to_json(self) -> dict[str, Any]:
        """A plain record for the model file."""
        return {"columns": [column.to_json() for column in self.columns]}

    @staticmethod
    def from_json(record: Any) -> Schema:
        """Read what `to_json` gave.

        Raises
        ------
        ModelFileError
            For anything else.
        """
        columns = record.get("columns") if isinstance(record, dict) else None
        if not isinstance(columns, list) or len(record) != 1 or not columns:
            raise ModelFileError("schema: a list of columns is needed, and nothing else")
        schema = Schema(tuple(map(_column_from_json, columns)))
        if len(set(schema.column_names)) < len(columns):
            raise ModelFileError("schema: two columns have one name")
        return schema

    def _check_width(self, source: Source) -> None:
        width = len(source.names)
        if width != len(self.columns):
            raise DataError(
                f"{source.where} has {_count(width)}, the model {len(self.columns)}:"
                f" {_listed(self.column_names)}",
                "give an array of the same columns, in order, or a table with names",
            )

    def _check_present(self, source: Source, names: Sequence[str]) -> None:
        there = frozenset(source.names)
        missing = [name for name in names if name not in there]
        if not missing:
            return
        near = nearest(missing[0], there.difference(names))
        lacks = "a column" if len(missing) == 1 else f"{len(missing)} columns"
        raise DataError(
            f"{source.where} lacks {lacks} of the model: {_listed(missing)}",
            f"is {near!r} meant to be {missing[0]!r}?" if near else None,
        )


def learn(source: Source, *, exclude: Collection[str] = ()) -> Schema:
    """Learn from the training table what its columns are.

    Parameters
    ----------
    source : Source
        All of its columns are features.
    exclude : collection of str
        But these.

    Raises
    ------
    DataError
        No column is left; columns are not numbers.
    """
    source = source.without(list(exclude)) if exclude else source
    if not source.names:
        raise DataError(f"{source.where} has no columns left to fit")
    if source.table is None:
        return _of_one_type(
            source.names, _ARROW_NAMES.get(source.matrix.dtype.name, source.matrix.dtype.name)
        )
    from logloss.table import arrow

    arrow.check_numbers(source, source.names)
    return Schema(
        tuple(NumericColumn(name, arrow.type_name(source, name)) for name in source.names)
    )


_ARROW_NAMES = {"float64": "double", "float32": "float", "float16": "halffloat"}


@lru_cache(maxsize=8)
def _of_one_type(names: tuple[str, ...], type_: str) -> Schema:
    return Schema(tuple(NumericColumn(name, type_) for name in names))


def _column_from_json(record: Any) -> NumericColumn:
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ModelFileError(
            f"schema: unknown kind of column: {str(kind)[:40]!r}",
            "the model may be of a newer version of logloss",
        )
    return _KINDS[kind].from_json(record)


def _count(width: int) -> str:
    return "1 column" if width == 1 else f"{width} columns"


def _listed(names: Sequence[str]) -> str:
    more = f", … and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


# ---- matrices as the kernels read them

_DENSE = frozenset(["float64", "float32", "int8", "int16", "int32", "int64", "uint8", "bool"])
_WIDER = {"float16": "float32", "uint16": "int32", "uint32": "int64"}
_LINES_FIRST = {"csr": slice(None), "csc": slice(None, None, -1)}
_SPARSE = frozenset(("float64", "float32"))
_SMALL = frozenset(["bool", "int8", "uint8", "int16", "uint16", "float16"])  # exact in float32


def _readable(matrix: Any, where: str) -> Any:
    """The matrix itself where the kernels know its type, else a copy in a wider one."""
    if isinstance(matrix, np.ndarray):
        name = matrix.dtype.name
        if name in _DENSE and matrix.dtype.isnative:
            return matrix
        return matrix.astype(name if name in _DENSE else _WIDER.get(name, "float64"))
    _check_structure(matrix, where)
    name = matrix.dtype.name
    if name in _SPARSE and matrix.dtype.isnative:
        return matrix
    data = matrix.data.astype("float32" if name in _SMALL | {"float32"} else "float64")
    return type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False)


def _check_structure(matrix: Any, where: str) -> None:
    """Indices inside the matrix: the kernels follow them, and SciPy checks only when asked."""
    indptr, indices = matrix.indptr, matrix.indices
    n_lines, width = matrix.shape[_LINES_FIRST[matrix.format]]
    sound = (
        len(indptr) == n_lines + 1
        and indptr[0] == 0
        and indptr[-1] <= min(len(indices), len(matrix.data))
        and bool((indptr[1:] >= indptr[:-1]).all())
    )
    used = indices[: indptr[-1]] if sound else indices
    if not sound or (used.size and (used.min() < 0 or used.max() >= width)):
        raise DataError(
            f"{where} is a damaged sparse matrix: its indices point outside of it",
            "X.check_format() says more",
        )
