"""The columns of a table as a design reads them: each becomes one coefficient, two, or many.

Nothing is filled in and nothing is one-hot: the kernels replace what is missing as they read it,
and take a coefficient for each code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.table.columns.binary import zeros_and_ones
from logloss.table.design.piece import Array, Block, Indices, Laid, Mask, Piece

_FEW = 8  # columns that are cheaper to pick before the rows are


@final
@dataclass(frozen=True, eq=False)
class NumberPiece(Piece):
    """Numbers, none of them missing: one coefficient.

    Attributes
    ----------
    values : ndarray of shape (n_rows,), contiguous
        float64, float32, int8, int16, int32, int64, uint8 or uint16.
    """

    divisible: ClassVar[bool] = False

    values: NDArray[Any]

    @property
    def n_columns(self) -> int:
        """One."""
        return 1

    @property
    def sparse(self) -> bool:
        """Never."""
        return False

    @property
    def plain(self) -> NDArray[Any] | None:
        """The numbers."""
        return self.values

    @property
    def vectors(self) -> Sequence[NDArray[Any]]:
        """The numbers."""
        return (self.values,)

    def with_rows(self, vectors: Sequence[NDArray[Any]], rows: Indices, n_threads: int) -> Self:  # noqa: ARG002
        """The same of some rows."""
        return replace(self, values=vectors[0])

    def part(self, begin: int, end: int) -> Laid:  # noqa: ARG002
        """Itself: it is one column."""
        return self

    def entries(self, rows: Indices, wanted: Mapping[int, int], out: Array) -> None:
        """Write some rows of it."""
        out[:, wanted[0]] = self.values[rows]

    def block(self, first: int) -> Block:
        """One dense column."""
        return Block(first, 1, True)

    def narrowed(self, kept: Mask) -> Piece:  # noqa: ARG002
        """Itself: it is one column."""
        return self

    def first_bad(self) -> tuple[int, float] | None:
        """The first number that is not finite."""
        return _first_bad(self.values, np.isfinite(self.values))

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        kernel.add_columns([self.values])

    def zeros_and_ones(self, counted: Mask | None) -> Mask:
        """Whether each column is 0 or 1 in the rows that count, shape (n_columns,)."""
        return np.array([zeros_and_ones(self.values, None, counted)])


@final
@dataclass(frozen=True, eq=False)
class NullablePiece(Piece):
    """Numbers with a bitmap beside them: one coefficient, or two.

    Attributes
    ----------
    values : ndarray of shape (n_rows,), contiguous
        Of the types of a `NumberPiece`. What stands in place of a missing value means nothing.
    valid : ndarray of uint8, shape (at least ceil(n_rows/8),)
        Arrow's bitmap: bit i % 8 of byte i // 8 is 1 where row i has a value.
    fill : float
        What stands in for a missing value.
    indicator : bool
        Whether a second column is 1 where the value is missing, and 0 elsewhere.
    """

    divisible: ClassVar[bool] = False

    values: NDArray[Any]
    valid: NDArray[np.uint8]
    fill: float
    indicator: bool

    @property
    def n_columns(self) -> int:
        """Two with an indicator, else one."""
        return 2 if self.indicator else 1

    @property
    def sparse(self) -> bool:
        """Never."""
        return False

    @property
    def vectors(self) -> Sequence[NDArray[Any]]:
        """The numbers."""
        return (self.values,)

    def with_rows(self, vectors: Sequence[NDArray[Any]], rows: Indices, n_threads: int) -> Self:  # noqa: ARG002
        """The same of some rows."""
        valid = np.packbits(self.valid[rows >> 3] >> (rows & 7) & 1, bitorder="little")
        return replace(self, values=vectors[0], valid=valid)

    def part(self, begin: int, end: int) -> Laid:
        """Columns [begin, end): the numbers, the indicator, or both."""
        kept = np.zeros(self.n_columns, np.bool_)
        kept[begin:end] = True
        return self.narrowed(kept)

    def entries(self, rows: Indices, wanted: Mapping[int, int], out: Array) -> None:
        """Write some rows of its columns."""
        there = (self.valid[rows >> 3] >> (rows & 7).astype(np.uint8) & 1).astype(np.bool_)
        if 0 in wanted:
            out[:, wanted[0]] = np.where(there, self.values[rows].astype(np.float64), self.fill)
        if 1 in wanted:
            out[:, wanted[1]] = ~there

    def block(self, first: int) -> Block:
        """Dense columns."""
        return Block(first, self.n_columns, True)

    def narrowed(self, kept: Mask) -> Piece:
        """The numbers without their indicator, or that alone."""
        if kept.all():
            return self
        if kept[0]:
            return replace(self, indicator=False)
        return NumberPiece(1 - self._there())

    def first_bad(self) -> tuple[int, float] | None:
        """The first number that is not finite: never one that counts as missing."""
        return _first_bad(self.values, np.isfinite(self.values) | (self._there() == 0))

    def _there(self) -> NDArray[np.uint8]:
        return np.unpackbits(self.valid, count=len(self.values), bitorder="little")

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        kernel.add_nullable(self.values, self.valid, self.fill, self.indicator)

    def zeros_and_ones(self, counted: Mask | None) -> Mask:
        """Whether each column is 0 or 1 where it has a value, shape (n_columns,)."""
        found = zeros_and_ones(self.values, self.valid, counted)
        return np.array([found, True][: self.n_columns])


@final
@dataclass(frozen=True, eq=False)
class CodesPiece(Piece):
    """A code per row, which stands for a 1 in one column, or in none.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), contiguous
        uint8, uint16 or int32; all of them in [0, len(slots)).
    slots : ndarray of int32, shape (n_codes,)
        The column of each code; -1: none. Several codes may have one column, and a column none.
    width : int
        How many columns there are.
    """

    codes: NDArray[Any]
    slots: NDArray[np.int32]
    width: int

    @property
    def n_columns(self) -> int:
        """Its columns."""
        return self.width

    @property
    def sparse(self) -> bool:
        """Always: most entries are 0."""
        return True

    @property
    def vectors(self) -> Sequence[NDArray[Any]]:
        """The codes."""
        return (self.codes,)

    def with_rows(self, vectors: Sequence[NDArray[Any]], rows: Indices, n_threads: int) -> Self:  # noqa: ARG002
        """The same of some rows."""
        return replace(self, codes=vectors[0])

    def part(self, begin: int, end: int) -> Laid:
        """Columns [begin, end): codes of others have none."""
        inside = (self.slots >= begin) & (self.slots < end)
        slots = np.where(inside, self.slots - begin, -1).astype(np.int32)
        return CodesPiece(self.codes, slots, end - begin)

    def entries(self, rows: Indices, wanted: Mapping[int, int], out: Array) -> None:
        """Write some rows of its columns."""
        places = np.full(self.n_columns + 1, -1)  # the last is for the codes that have no column
        places[list(wanted)] = list(wanted.values())
        at = places[self.slots[self.codes[rows]]]
        there = np.flatnonzero(at >= 0)
        out[there, at[there]] = 1.0

    def block(self, first: int) -> Block:
        """Levels."""
        return Block(first, self.n_columns, False, self.codes, self.slots)

    def narrowed(self, kept: Mask) -> Piece:
        """Rows of a level that is left out have the level that has no column."""
        if kept.all():
            return self
        place = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)
        return CodesPiece(self.codes, place[self.slots], int(kept.sum()))

    def first_bad(self) -> tuple[int, float] | None:
        """None: a code is no number."""
        return None

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        kernel.add_codes(self.codes, self.slots, self.n_columns)

    def zeros_and_ones(self, counted: Mask | None) -> Mask:  # noqa: ARG002
        """Each column is, shape (n_columns,)."""
        return np.ones(self.n_columns, np.bool_)


@final
@dataclass(frozen=True, eq=False)
class MatrixPiece(Laid):
    """Some columns of a matrix of numbers.

    Attributes
    ----------
    matrix : ndarray of shape (n_rows, n_columns), or a SciPy CSR or CSC matrix
        As in `Encoded.matrix`.
    """

    matrix: Any

    @property
    def sparse(self) -> bool:
        """Whether it is a SciPy matrix."""
        return not isinstance(self.matrix, np.ndarray)

    @property
    def n_columns(self) -> int:
        """Coefficients of the piece."""
        return int(self.matrix.shape[1])

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        matrix = self.matrix
        if isinstance(matrix, np.ndarray):
            kernel.add_dense(matrix)
            return
        by_row = matrix.format == "csr"
        if not by_row and not matrix.has_sorted_indices:
            matrix = matrix.sorted_indices()  # a tile finds its rows in a column by their order
        kernel.add_sparse(matrix.indptr, matrix.indices, matrix.data, matrix.shape[1], by_row)

    @property
    def vectors(self) -> Sequence[NDArray[Any]]:
        """None: rows of a matrix are copied together."""
        return ()

    def with_rows(self, vectors: Sequence[NDArray[Any]], rows: Indices, n_threads: int) -> Self:  # noqa: ARG002
        """These rows, copied."""
        if isinstance(self.matrix, np.ndarray):
            return replace(self, matrix=_kernels.take([self.matrix], rows, n_threads)[0])
        return replace(self, matrix=self.matrix[rows])

    def part(self, begin: int, end: int) -> Laid:
        """Columns [begin, end)."""
        return MatrixPiece(self.matrix[:, begin:end])

    def entries(self, rows: Indices, wanted: Mapping[int, int], out: Array) -> None:
        """Write some rows of its columns."""
        columns = list(wanted)
        if isinstance(self.matrix, np.ndarray):
            out[:, list(wanted.values())] = self.matrix[rows[:, np.newaxis], columns]
            return
        few = len(columns) < _FEW
        some = self.matrix.tocsc()[:, columns].tocsr()[rows] if few else self.matrix.tocsr()[rows]
        out[:, list(wanted.values())] = (some if few else some[:, columns]).toarray()

    def block(self, first: int) -> Block:
        """All columns together."""
        return Block(first, self.n_columns, not self.sparse)


def _first_bad(values: NDArray[Any], sound: Mask) -> tuple[int, float] | None:
    if sound.all():
        return None
    row = int(np.argmin(sound))
    return row, float(values[row])
