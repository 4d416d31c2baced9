"""The entries of a design one by one, as the kernels read them: for arithmetic that is exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.design import Design
from logloss.table.pieces import CodesPiece, NullablePiece, NumberPiece

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def entries(design: Design, rows: Indices, columns: Indices) -> Array:
    """Some rows and columns, shape (len(rows), len(columns)), Fortran order.

    Each entry is the float64 that takes part in the sums of a fit.
    """
    encoded = design.encoded
    if encoded.columns is None:
        return _of_matrix(encoded.matrix, rows, columns)
    out = np.zeros((len(rows), len(columns)), order="F")
    place = {int(column): k for k, column in enumerate(columns)}
    first = 0
    for piece in encoded.columns:
        width = 1 if isinstance(piece, np.ndarray) else piece.n_columns
        wanted = {j - first: place[j] for j in range(first, first + width) if j in place}
        if wanted:
            kind = NumberPiece if isinstance(piece, np.ndarray) else type(piece)
            _READERS[kind](piece, rows, wanted, out)
        first += width
    return out


def _of_matrix(matrix: Any, rows: Indices, columns: Indices) -> Array:
    if isinstance(matrix, np.ndarray):
        return np.asfortranarray(matrix[np.ix_(rows, columns)], dtype=np.float64)
    some = matrix.tocsr()[rows][:, columns]
    return np.asfortranarray(some.toarray(), dtype=np.float64)


def _number(piece: Any, rows: Indices, wanted: dict[int, int], out: Array) -> None:
    values = piece if isinstance(piece, np.ndarray) else piece.values
    out[:, wanted[0]] = values[rows]


def _nullable(piece: NullablePiece, rows: Indices, wanted: dict[int, int], out: Array) -> None:
    there = (piece.valid[rows >> 3] >> (rows & 7).astype(np.uint8) & 1).astype(np.bool_)
    if 0 in wanted:
        out[:, wanted[0]] = np.where(there, piece.values[rows].astype(np.float64), piece.fill)
    if 1 in wanted:
        out[:, wanted[1]] = ~there


def _codes(piece: CodesPiece, rows: Indices, wanted: dict[int, int], out: Array) -> None:
    places = np.full(piece.n_columns + 1, -1)  # the last is for the codes that have no column
    places[list(wanted)] = list(wanted.values())
    at = places[piece.slots[piece.codes[rows]]]
    there = np.flatnonzero(at >= 0)
    out[there, at[there]] = 1.0


_READERS: dict[type, Callable[[Any, Indices, dict[int, int], Array], None]] = {
    NumberPiece: _number,
    NullablePiece: _nullable,
    CodesPiece: _codes,
}
