"""The entries of a design one by one, as the kernels read them: for arithmetic that is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from logloss.table.design.design import Design, design_of
from logloss.table.design.piece import Block

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def entries(design: Design, rows: Indices, columns: Indices) -> Array:
    """Some rows and columns, shape (len(rows), len(columns)), Fortran order.

    Each entry is the float64 that takes part in the sums of a fit.
    """
    out = np.zeros((len(rows), len(columns)), order="F")
    place = {int(column): k for k, column in enumerate(columns)}
    first = 0
    for piece in design.encoded.pieces:
        end = first + piece.n_columns
        wanted = {j - first: place[j] for j in range(first, end) if j in place}
        if wanted:
            piece.entries(rows, wanted, out)
        first = end
    return out


def blocks(design: Design) -> list[Block]:
    """How the columns of a design are stored."""
    found, first = [], 0
    for piece in design.encoded.pieces:
        found.append(piece.block(first))
        first += piece.n_columns
    return found


def narrowed(design: Design, kept: NDArray[np.bool_]) -> Design:
    """Some of the columns. Rows of a level that is left out have the level that has no column."""
    encoded = design.encoded
    if encoded.columns is None:
        return design_of(replace(encoded, matrix=encoded.matrix[:, np.flatnonzero(kept)]))
    pieces, first = [], 0
    for piece in encoded.columns:
        here = kept[first : first + piece.n_columns]
        first += piece.n_columns
        if here.any():
            pieces.append(piece.narrowed(here))
    return design_of(replace(encoded, columns=tuple(pieces)))
