"""Pieces of a design: one column of a table each, in the storage that the kernels read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NumberPiece:
    """Numbers as they lie: one column."""

    values: NDArray[Any]


@dataclass(frozen=True, eq=False)
class NullablePiece:
    """Numbers of which some are missing: `fill` stands for those, and tells where they are.

    With `indicator` a second column is 1 where the value is missing.
    """

    values: NDArray[Any]
    valid: NDArray[np.uint8]
    fill: float
    indicator: bool


@dataclass(frozen=True, eq=False)
class CodesPiece:
    """Codes of levels: row i is 1 in column `slots[codes[i]]` and 0 elsewhere; −1 is no column."""

    codes: NDArray[Any]
    slots: NDArray[np.int32]
    n_columns: int


Piece: TypeAlias = NumberPiece | NullablePiece | CodesPiece
