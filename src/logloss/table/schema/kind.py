"""What owns coefficients: a column, by its kind, or a term of a formula.

A kind says how one column of a table becomes coefficients, and is saved by itself: it is a class
with a ``kind``, the word under which its records stand in a model file (see `kinds`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from logloss.table.columns.typed import Column
from logloss.table.design.piece import Piece
from logloss.table.formula.values import Values

Array = NDArray[np.float64]


class Owner(ABC):
    """What owns coefficients, one or more side by side.

    Attributes
    ----------
    name : str
    """

    name: str

    @property
    @abstractmethod
    def coefficient_names(self) -> tuple[str, ...]:
        """The names of its coefficients."""


C = TypeVar("C", bound=Column)


class Unfit(Exception):
    """A column is not of a kind: why, in words that follow its name."""


class Kind(Owner, Generic[C]):
    """A column of a training table, and how one of another table becomes the same coefficients.

    `C` is the form of column that it takes.

    Attributes
    ----------
    kind : str
        The word under which it is saved.
    looks_up : bool
        Whether values are looked up among those that were learned, so that some may be new: it is
        text then, whatever its values look like in another table.
    type : str
        Arrow's name for the type it was learned from.
    """

    kind: ClassVar[str]
    looks_up: ClassVar[bool]

    type: str

    @abstractmethod
    def taken(self, column: Column) -> C:
        """The column in the form of this kind, also where another form says the same.

        Raises
        ------
        Unfit
            It is no column of this kind.
        """

    @abstractmethod
    def piece(self, column: C, new: bool = True) -> Piece:
        """The column as the kernels read it, with as many columns as there are coefficients.

        Values that are looked up and of which the training table had none get one column more, the
        last, if `new`; else none.
        """

    @abstractmethod
    def unknown(self, column: C) -> int:
        """How many rows have a value of which the training table had none."""

    @abstractmethod
    def give(self, values: Values, column: C) -> None:
        """Add the column to those of which a formula makes its matrix."""

    @abstractmethod
    def extended(self, coefficients: Array, n_columns: int) -> Array:
        """The coefficients of the columns of its piece, which may have one more than it has."""

    @property
    @abstractmethod
    def n_levels(self) -> int:
        """How many values are told from each other; 0: it is a number."""

    @property
    @abstractmethod
    def stand_in(self) -> float | None:
        """What stands for the values that the training table missed; None: nothing does."""

    @property
    @abstractmethod
    def elsewhere(self) -> str:
        """The name of what a row is that is in none of its coefficients' columns."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """A plain record."""

    @classmethod
    @abstractmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; ModelFileError where it did not."""
