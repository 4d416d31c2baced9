"""The columns of a table as a design reads them: each becomes one coefficient, two, or many.

Nothing is filled in and nothing is one-hot: the kernels replace what is missing as they read it,
and take a coefficient for each code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.table.columns.binary import zeros_and_ones

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NumberPiece:
    """Numbers, none of them missing: one coefficient.

    Attributes
    ----------
    values : ndarray of shape (n_rows,), contiguous
        float64, float32, int8, int16, int32, int64, uint8 or uint16.
    """

    sparse: ClassVar[bool] = False
    n_columns: ClassVar[int] = 1

    values: NDArray[Any]

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        kernel.add_columns([self.values])

    def zeros_and_ones(self, counted: Mask | None) -> Mask:
        """Whether each column is 0 or 1 in the rows that count, shape (n_columns,)."""
        return np.array([zeros_and_ones(self.values, None, counted)])


@dataclass(frozen=True, eq=False)
class NullablePiece:
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

    sparse: ClassVar[bool] = False

    values: NDArray[Any]
    valid: NDArray[np.uint8]
    fill: float
    indicator: bool

    @property
    def n_columns(self) -> int:
        """Coefficients of the piece."""
        return 2 if self.indicator else 1

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        kernel.add_nullable(self.values, self.valid, self.fill, self.indicator)

    def zeros_and_ones(self, counted: Mask | None) -> Mask:
        """Whether each column is 0 or 1 where it has a value, shape (n_columns,)."""
        found = zeros_and_ones(self.values, self.valid, counted)
        return np.array([found, True][: self.n_columns])


@dataclass(frozen=True, eq=False)
class CodesPiece:
    """A code per row, which stands for a 1 in one column, or in none.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), contiguous
        uint8, uint16 or int32; all of them in [0, len(slots)).
    slots : ndarray of int32, shape (n_codes,)
        The column of each code; -1: none. Several codes may have one column, and a column none.
    n_columns : int
    """

    sparse: ClassVar[bool] = True

    codes: NDArray[Any]
    slots: NDArray[np.int32]
    n_columns: int

    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""
        kernel.add_codes(self.codes, self.slots, self.n_columns)

    def zeros_and_ones(self, counted: Mask | None) -> Mask:  # noqa: ARG002
        """Each column is, shape (n_columns,)."""
        return np.ones(self.n_columns, np.bool_)


@dataclass(frozen=True, eq=False)
class MatrixPiece:
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

    def take(self, rows: NDArray[np.int64], n_threads: int) -> MatrixPiece:
        """These rows, copied."""
        if isinstance(self.matrix, np.ndarray):
            return MatrixPiece(_kernels.take([self.matrix], rows, n_threads)[0])
        return MatrixPiece(self.matrix[rows])


Piece: TypeAlias = NumberPiece | NullablePiece | CodesPiece
Laid: TypeAlias = Piece | MatrixPiece  # what lies side by side in a design


def take(pieces: Sequence[Laid], rows: NDArray[np.int64], n_threads: int) -> tuple[Laid, ...]:
    """These rows of each piece, copied."""
    vectors = [
        p.codes if isinstance(p, CodesPiece) else p.values
        for p in pieces
        if not isinstance(p, MatrixPiece)
    ]
    byte, bit = rows >> 3, rows & 7
    copies = iter(_kernels.take(vectors, rows, n_threads))
    taken: list[Laid] = []
    for piece in pieces:
        if isinstance(piece, MatrixPiece):
            taken.append(piece.take(rows, n_threads))
            continue
        vector = next(copies)
        if isinstance(piece, CodesPiece):
            taken.append(replace(piece, codes=vector))
        elif isinstance(piece, NullablePiece):
            valid = np.packbits(piece.valid[byte] >> bit & 1, bitorder="little")
            taken.append(replace(piece, values=vector, valid=valid))
        else:
            taken.append(replace(piece, values=vector))
    return tuple(taken)


def part(piece: CodesPiece | MatrixPiece, begin: int, end: int) -> Laid:
    """Columns [begin, end) of a piece that has more of them."""
    if isinstance(piece, MatrixPiece):
        return MatrixPiece(piece.matrix[:, begin:end])
    inside = (piece.slots >= begin) & (piece.slots < end)
    slots = np.where(inside, piece.slots - begin, -1).astype(np.int32)
    return CodesPiece(piece.codes, slots, end - begin)
