"""Encoded columns → Design: typed blocks side by side, as the kernels read them, nothing copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.table.design.encoded import Encoded
from logloss.table.design.piece import Laid, Piece, take
from logloss.table.design.pieces import MatrixPiece, NumberPiece

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
        The columns as they came.
    sparse : ndarray of shape (n_columns,), bool
        Columns that cannot be centred as they are read, as that would fill them.
    laid : tuple of Piece or MatrixPiece
        What the blocks read.
    """

    kernel: _kernels.Design
    encoded: Encoded
    sparse: NDArray[np.bool_]
    laid: tuple[Laid, ...]

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
        pieces = take(self.laid, rows, threads(n_threads))
        return _laid(pieces, _encoded(self.encoded, pieces, len(rows)), len(rows))

    def moments(self, weight: Array | None, n_threads: int | None = None) -> tuple[Array, Array]:
        """Σ s x and Σ s x² of each column; one read. `weight`: s, shape (n_rows,); None: all 1."""
        zeros = np.zeros(self.n_columns)
        return _kernels.moments(self.kernel, weight, zeros, threads(n_threads))

    def column(self, j: int) -> Array:
        """Column j as float64, shape (n_rows,); one read."""
        unit = np.zeros(self.n_columns)
        unit[j] = 1.0
        return self.predict(unit, 0.0)

    def replaced(self, columns: Mapping[int, Array]) -> Design:
        """The same with other numbers in some columns, each of shape (n_rows,); no other copied."""
        pieces: list[Laid] = []
        first = 0
        for piece in self.laid:
            end = first + piece.n_columns
            there = sorted(j for j in columns if first <= j < end)
            pieces += self._cut(piece, first, there, columns) if there else [piece]
            first = end
        return _laid(pieces, self.encoded, self.n_rows)

    def _cut(
        self, piece: Laid, first: int, there: Sequence[int], columns: Mapping[int, Array]
    ) -> list[Laid]:
        n = piece.n_columns
        if not piece.divisible:
            return [
                NumberPiece(columns[j] if j in columns else self.column(j))
                for j in range(first, first + n)
            ]
        cut: list[Laid] = []
        begin = 0
        for j in there:
            if j - first > begin:
                cut.append(piece.part(begin, j - first))
            cut.append(NumberPiece(columns[j]))
            begin = j - first + 1
        return cut if begin == n else [*cut, piece.part(begin, n)]


def design_of(encoded: Encoded) -> Design:
    """Lay the columns of a table, or a matrix, side by side."""
    return _laid(encoded.pieces, encoded, encoded.n_rows)


def _laid(pieces: Sequence[Laid], encoded: Encoded, n_rows: int) -> Design:
    kernel = _kernels.Design(n_rows)
    sparse = _add_columns(kernel, pieces)
    kernel.finish()
    return Design(kernel, encoded, np.array(sparse, dtype=np.bool_), tuple(pieces))


def _encoded(encoded: Encoded, pieces: Sequence[Laid], n_rows: int) -> Encoded:
    """Columns as they came, of other rows, where they are what is laid."""
    columns = tuple(piece for piece in pieces if isinstance(piece, Piece))
    if len(columns) == len(pieces):
        return replace(encoded, matrix=None, columns=columns, n_rows=n_rows)
    first = pieces[0]
    if isinstance(first, MatrixPiece) and len(pieces) == 1:
        return replace(encoded, matrix=first.matrix, n_rows=n_rows)
    return encoded


def _add_columns(kernel: _kernels.Design, columns: Iterable[Laid]) -> list[bool]:
    """One block for neighbours of one type; returns which columns of the design are sparse."""
    sparse: list[bool] = []
    for name, run in groupby(columns, key=_number_type):
        pieces = list(run)
        sparse += [piece.sparse for piece in pieces for _ in range(piece.n_columns)]
        if name is not None:
            kernel.add_columns([x for x in (piece.plain for piece in pieces) if x is not None])
            continue
        for piece in pieces:
            piece.add_to(kernel)
    return sparse


def _number_type(piece: Laid) -> str | None:  # by name: NumPy takes None for float64
    return None if piece.plain is None else piece.plain.dtype.name
