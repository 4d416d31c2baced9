"""The columns of a table in the form that the kernels read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from logloss.table.design.piece import Laid, Piece
from logloss.table.design.pieces import MatrixPiece


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
    columns : tuple of Piece, or None
    n_rows : int
    """

    matrix: Any
    columns: tuple[Piece, ...] | None
    n_rows: int

    @property
    def pieces(self) -> tuple[Laid, ...]:
        """What lies side by side."""
        return (MatrixPiece(self.matrix),) if self.columns is None else self.columns
