"""Typed columns: a table as it is, each column in the narrowest form that holds it exactly.

What a table becomes before anything is learned from it: numbers in their own width with Arrow's
bitmap of missing values beside them, text as codes into its levels. They lie in memory, in another
library's buffers, or in a file that is mapped into memory; whoever reads them cannot tell.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]


class Column(ABC):
    """A column of a table.

    Attributes
    ----------
    type : str
        Arrow's name of the type that the table gave it ("double", "int8", "string").
    remarks : tuple of str
        What was decided when it was read, each in words that follow its name: ``"is read as
        amounts in $"``.
    """

    type: str
    remarks: tuple[str, ...]

    @abstractmethod
    def missing(self) -> Mask | None:
        """Which rows have no value; None where all have one, or values were not kept."""

    @abstractmethod
    def value(self, row: int) -> Any:
        """The value of a row; None where it is missing."""

    @property
    @abstractmethod
    def held_as(self) -> str | None:
        """How values are held, in a word or two; None where they are not."""

    @property
    @abstractmethod
    def n_bytes(self) -> int:
        """The memory of a value a row."""


@final
@dataclass(frozen=True, eq=False)
class Numbers(Column):
    """A column of numbers or bools.

    Attributes
    ----------
    values : ndarray of shape (n_rows,), contiguous
        float64, float32, int8, int16, int32, int64 or uint8. What stands in place of a missing
        value means nothing.
    valid : ndarray of uint8, shape (ceil(n_rows/8),), or None
        Arrow's validity bitmap: bit i % 8 of byte i // 8 is 1 where row i has a value. None where
        all rows have one; else there is at least one row without.
    type : str
        Arrow's name of the type that the table gave it ("double", "int8", "bool").
    """

    values: NDArray[Any]
    valid: NDArray[np.uint8] | None
    type: str
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def missing(self) -> Mask | None:
        """Which rows have no value; None where all have one."""
        if self.valid is None:
            return None
        return ~np.unpackbits(self.valid, count=len(self), bitorder="little").view(np.bool_)

    def value(self, row: int) -> float | int | bool | None:
        """The value of a row; None where it is missing."""
        if self.valid is not None and not self.valid[row // 8] >> row % 8 & 1:
            return None
        value = self.values[row].item()
        return bool(value) if self.type == "bool" else value

    @property
    def held_as(self) -> str:
        """The NumPy type of the values."""
        return self.values.dtype.name

    @property
    def n_bytes(self) -> int:
        """Of the values, and of the bitmap."""
        return self.values.nbytes + (0 if self.valid is None else self.valid.nbytes)


@final
@dataclass(frozen=True, eq=False)
class Codes(Column):
    """A column of text: a code per row, into its levels.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), contiguous
        uint8, uint16 or int32, all of them smaller than `len(levels)`.
    levels : tuple of str or None
        By code, in the order of their first rows. None: the value is missing; there is at most one
        of it. Blanks around a level are trimmed. A level may have no row.
    type : str
        Arrow's name of the type that the table gave it ("string", "dictionary<…>").
    declared : tuple or None
        The values that a category, an enum or a dictionary declares, in its order and of their own
        types, those without a row too. None: it declares none.
    """

    codes: NDArray[Any]
    levels: tuple[str | None, ...]
    type: str
    declared: tuple[Any, ...] | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    def missing(self) -> Mask | None:
        """Which rows have no value; None where all have one."""
        if None not in self.levels:
            return None
        rows: Mask = self.codes == self.levels.index(None)
        return rows if rows.any() else None

    def value(self, row: int) -> str | None:
        """The value of a row; None where it is missing."""
        return self.levels[int(self.codes[row])]

    @property
    def held_as(self) -> str:
        """The NumPy type of the codes."""
        return f"codes in {self.codes.dtype.name}"

    @property
    def n_bytes(self) -> int:
        """Of the codes."""
        return self.codes.nbytes


@final
@dataclass(frozen=True, eq=False)
class Unusable(Column):
    """A column that cannot be a feature, kept so that it can be named.

    Dates, nested values, text with a level for nearly each row.

    Attributes
    ----------
    reason : str
        In words that follow the name of the column: ``"holds dates or times (timestamp[us])"``.
    hint : str
    fatal : bool
        Whether a fit that was not told to leave it out is refused; else it is left out and said so.
    type : str
    """

    reason: str
    hint: str
    fatal: bool
    type: str
    remarks: tuple[str, ...] = ()

    def missing(self) -> None:
        """None: the values were not kept."""

    def value(self, row: int) -> None:
        """None: the values were not kept."""

    @property
    def held_as(self) -> None:
        """None: they are not."""

    @property
    def n_bytes(self) -> int:
        """None of it."""
        return 0


@dataclass(frozen=True, eq=False)
class Columns:
    """All columns of a table, by name, in its order."""

    by_name: Mapping[str, Column]
    n_rows: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.by_name)

    @cached_property
    def numbers(self) -> dict[str, Numbers]:
        """The columns of numbers."""
        return {name: c for name, c in self.by_name.items() if isinstance(c, Numbers)}

    @cached_property
    def codes(self) -> dict[str, Codes]:
        """The columns of text."""
        return {name: c for name, c in self.by_name.items() if isinstance(c, Codes)}

    @cached_property
    def unusable(self) -> dict[str, Unusable]:
        """The columns that cannot be features."""
        return {name: c for name, c in self.by_name.items() if isinstance(c, Unusable)}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided when the columns were read, a sentence each."""
        each = self.by_name.items()
        return tuple(f"column {name!r} {remark}" for name, c in each for remark in c.remarks)

    def select(self, names: Sequence[str]) -> Columns:
        """These columns, in this order."""
        return replace(self, by_name={name: self.by_name[name] for name in names})
