"""What lies side by side in a design: some columns of it, stored together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels

Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


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


class Laid(ABC):
    """Some columns of a design.

    Attributes
    ----------
    divisible : bool
        Whether some of its columns are had without making the others.
    """

    divisible: ClassVar[bool] = True

    @property
    @abstractmethod
    def n_columns(self) -> int:
        """How many columns of the design it is."""

    @property
    @abstractmethod
    def sparse(self) -> bool:
        """Whether its columns cannot be centred as they are read, as that would fill them."""

    @property
    def plain(self) -> NDArray[Any] | None:
        """The numbers, where it is one column of numbers, none of them missing."""
        return None

    @property
    @abstractmethod
    def vectors(self) -> Sequence[NDArray[Any]]:
        """What it holds a value a row of, each of shape (n_rows,)."""

    @abstractmethod
    def with_rows(self, vectors: Sequence[NDArray[Any]], rows: Indices, n_threads: int) -> Self:
        """The same of some rows, of which `vectors` are already copied."""

    @abstractmethod
    def part(self, begin: int, end: int) -> Laid:
        """Columns [begin, end) of it, if it is divisible."""

    @abstractmethod
    def add_to(self, kernel: _kernels.Design) -> None:
        """Add it to the blocks of a design."""

    @abstractmethod
    def entries(self, rows: Indices, wanted: Mapping[int, int], out: Array) -> None:
        """Write some rows of its columns into columns of `out`: column of it → column of `out`."""

    @abstractmethod
    def block(self, first: int) -> Block:
        """How it is stored, where its first column is that column of the design."""


class Piece(Laid):
    """A column of a table as a design reads it: one coefficient, two, or many."""

    @abstractmethod
    def zeros_and_ones(self, counted: Mask | None) -> Mask:
        """Whether each column is 0 or 1 in the rows that count, shape (n_columns,)."""

    @abstractmethod
    def narrowed(self, kept: Mask) -> Piece:
        """Some of the columns, at least one."""

    @abstractmethod
    def first_bad(self) -> tuple[int, float] | None:
        """The first row whose value is there and not finite, and that value."""


def take(pieces: Sequence[Laid], rows: Indices, n_threads: int) -> tuple[Laid, ...]:
    """These rows of each piece, copied."""
    copies = iter(_kernels.take([v for p in pieces for v in p.vectors], rows, n_threads))
    return tuple(p.with_rows([next(copies) for _ in p.vectors], rows, n_threads) for p in pieces)
