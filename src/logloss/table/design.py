"""Encoded columns → Design: typed blocks side by side, as the kernels read them, nothing copied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels
from logloss.table.pieces import NumberPiece, Piece, take

if TYPE_CHECKING:
    from logloss.table.schema import Encoded

Array = NDArray[np.float64]


def threads(n_threads: int | None) -> int:
    """Threads to use: as asked, else as OpenMP would (OMP_NUM_THREADS, threadpoolctl)."""
    return max(1, n_threads if n_threads is not None else int(_kernels.max_threads()))


@dataclass(frozen=True, eq=False)
class Design:
    """The matrix of a fit: n_rows × n_columns, in whatever storage it came.

    Attributes
    ----------
    kernel : _kernels.Design
        The blocks, and how they are split into tiles and lanes.
    encoded : Encoded
        The arrays behind the blocks.
    sparse : ndarray of shape (n_columns,), bool
        Columns that cannot be centred as they are read, as that would fill them.
    """

    kernel: _kernels.Design
    encoded: Encoded
    sparse: NDArray[np.bool_]

    @property
    def n_rows(self) -> int:
        return int(self.kernel.n_rows)

    @property
    def n_columns(self) -> int:
        return int(self.kernel.n_columns)

    def predict(
        self,
        coef: Array,
        intercept: float,
        offset: Array | None = None,
        n_threads: int | None = None,
    ) -> Array:
        """z = X coef + intercept + offset, shape (n_rows,)."""
        return _kernels.predict(self.kernel, coef, intercept, offset, threads(n_threads))

    def take(self, rows: NDArray[np.int64], n_threads: int | None = None) -> Design:
        """These rows, copied."""
        encoded, n = self.encoded, len(rows)
        if encoded.columns is not None:
            pieces = take([_piece(column) for column in encoded.columns], rows, threads(n_threads))
            return design_of(replace(encoded, columns=pieces, n_rows=n))
        if isinstance(encoded.matrix, np.ndarray):
            (matrix,) = _kernels.take([encoded.matrix], rows, threads(n_threads))
            return design_of(replace(encoded, matrix=matrix, n_rows=n))
        return design_of(replace(encoded, matrix=encoded.matrix[rows], n_rows=n))


def design_of(encoded: Encoded) -> Design:
    """Lay the columns of a table, or a matrix, side by side."""
    kernel = _kernels.Design(encoded.n_rows)
    if encoded.columns is not None:
        sparse = _add_columns(kernel, encoded.columns)
    elif isinstance(encoded.matrix, np.ndarray):
        kernel.add_dense(encoded.matrix)
        sparse = [False] * kernel.n_columns
    else:
        _add_sparse(kernel, encoded.matrix)
        sparse = [True] * kernel.n_columns
    kernel.finish()
    return Design(kernel, encoded, np.array(sparse, dtype=np.bool_))


def _piece(column: NDArray[Any] | Piece) -> Piece:
    return NumberPiece(column) if isinstance(column, np.ndarray) else column


def _add_columns(kernel: _kernels.Design, columns: Iterable[NDArray[Any] | Piece]) -> list[bool]:
    """One block for neighbours of one type; returns which columns of the design are sparse."""
    sparse: list[bool] = []
    for name, run in groupby(map(_piece, columns), key=_number_type):
        pieces = list(run)
        sparse += [piece.sparse for piece in pieces for _ in range(piece.n_columns)]
        if name is not None:
            kernel.add_columns([piece.values for piece in pieces if isinstance(piece, NumberPiece)])
            continue
        for piece in pieces:
            piece.add_to(kernel)
    return sparse


def _number_type(piece: Piece) -> str | None:  # by name: NumPy takes None for float64
    return piece.values.dtype.name if isinstance(piece, NumberPiece) else None


def _add_sparse(kernel: _kernels.Design, matrix: Any) -> None:
    by_row = matrix.format == "csr"
    if not by_row and not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()  # a tile finds its rows in a column by their order
    kernel.add_sparse(matrix.indptr, matrix.indices, matrix.data, matrix.shape[1], by_row)
