"""The entries of a design one by one, as the kernels read them: for arithmetic that is exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.table.design.design import Design, design_of
from logloss.table.design.pieces import CodesPiece, NullablePiece, NumberPiece

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
    some = matrix.tocsc()[:, columns].tocsr()[rows] if len(columns) < 8 else matrix.tocsr()[rows]
    some = some if len(columns) < 8 else some[:, columns]
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


@dataclass(frozen=True, eq=False)
class Block:
    """Columns side by side that are stored together.

    Attributes
    ----------
    first, width : int
        Which columns of the design.
    dense : bool
        Numbers, most of them not 0.
    codes, slots : ndarray or None
        Of levels: as in `CodesPiece`.
    """

    first: int
    width: int
    dense: bool
    codes: NDArray[Any] | None = None
    slots: NDArray[np.int32] | None = None


def blocks(design: Design) -> list[Block]:
    """How the columns of a design are stored."""
    encoded = design.encoded
    if encoded.columns is None:
        return [Block(0, design.n_columns, isinstance(encoded.matrix, np.ndarray))]
    found, first = [], 0
    for piece in encoded.columns:
        if isinstance(piece, CodesPiece):
            found.append(Block(first, piece.n_columns, False, piece.codes, piece.slots))
        else:
            width = 1 if isinstance(piece, np.ndarray) else piece.n_columns
            found.append(Block(first, width, True))
        first += found[-1].width
    return found


def narrowed(design: Design, kept: NDArray[np.bool_]) -> Design:
    """Some of the columns. Rows of a level that is left out have the level that has no column."""
    encoded = design.encoded
    if encoded.columns is None:
        return design_of(replace(encoded, matrix=encoded.matrix[:, np.flatnonzero(kept)]))
    pieces: list[Any] = []
    first = 0
    for piece in encoded.columns:
        width = 1 if isinstance(piece, np.ndarray) else piece.n_columns
        here = kept[first : first + width]
        first += width
        if here.all():
            pieces.append(piece)
        elif isinstance(piece, CodesPiece):
            place = np.append(np.where(here, np.cumsum(here) - 1, -1), -1).astype(np.int32)
            if here.any():
                pieces.append(CodesPiece(piece.codes, place[piece.slots], int(here.sum())))
        elif isinstance(piece, NullablePiece) and here[0]:
            pieces.append(replace(piece, indicator=False))
        elif isinstance(piece, NullablePiece) and here.any():
            there = np.unpackbits(piece.valid, count=design.n_rows, bitorder="little")
            pieces.append(NumberPiece(1 - there))
    return design_of(replace(encoded, columns=tuple(pieces)))
