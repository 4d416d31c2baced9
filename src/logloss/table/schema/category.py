"""A column of text: a coefficient for each level, which is 1 in the rows that have it.

Without a penalty one level, the reference, has none, as the levels and the intercept would say the
same thing twice. A level that is met for the first time when predicting scores as the average level
does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.table.columns.levels import MISSING, RARE, Places
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.design.piece import Piece
from logloss.table.design.pieces import CodesPiece, NumberPiece
from logloss.table.formula.values import Values
from logloss.table.schema.forms import as_text
from logloss.table.schema.kind import Kind, Unfit

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class CategoricalColumn(Kind[Codes]):
    """A column of text: a coefficient for each level but the reference.

    Attributes
    ----------
    name : str
    type : str
        Arrow's name for the type it was learned from.
    levels : tuple of str
        In order; `MISSING` stands for rows without a value, `RARE` for the levels in `rare`.
    shares : tuple of float
        Weight of each level in the training table, as a share of all rows.
    reference : int or None
        Which of `levels` has no coefficient; None: each has one.
    rare : tuple of str
        Levels of too few rows, taken together as `RARE`.
    spelled : tuple of str
        Which of `MISSING` and `RARE` the training table had as text: of another table such text is
        a level like any other that is new.
    """

    kind: ClassVar[str] = "categorical"
    looks_up: ClassVar[bool] = True

    name: str
    type: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]
    reference: int | None = None
    rare: tuple[str, ...] = ()
    spelled: tuple[str, ...] = ()

    @cached_property
    def own(self) -> tuple[int, ...]:
        """Which of `levels` have a coefficient, in order."""
        return tuple(k for k in range(len(self.levels)) if k != self.reference)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The names of its coefficients."""
        return tuple(f"{self.name}={self.levels[k]}" for k in self.own)

    @cached_property
    def _places(self) -> Places:
        place = {level: k for k, level in enumerate(self.levels)}
        return Places(place | dict.fromkeys(self.rare, place.get(RARE, -1)))

    def places(self, column: Codes) -> NDArray[np.int32]:
        """Which of `levels` each level of a column is; −1: none of them."""
        strange = {MISSING, RARE}.difference(self.spelled)
        found = (None if v in strange else self._places.find(v) for v in column.levels)
        return np.array([-1 if place is None else place for place in found], np.int32)

    @property
    def average(self) -> Array:
        """What the average row has in place of the 0 and 1 of each coefficient."""
        return np.array([self.shares[k] for k in self.own])

    def piece(self, column: Codes, new: bool = True) -> Piece:
        """The column as the kernels read it.

        Levels of which the training table had none get one column more, the last, if `new`; else
        none.
        """
        n_own = len(self.own)
        slot_of = np.full(len(self.levels) + 1, -1, np.int32)
        slot_of[list(self.own)] = np.arange(n_own)
        slot_of[-1] = n_own if new else -1
        slots = slot_of[self.places(column)]
        n_columns = n_own + bool((slots == n_own).any())
        if n_columns == 1 and len(slots) == 2 and column.codes.dtype == np.uint8:
            if slots.tolist() == [-1, 0]:  # the codes are the column
                return NumberPiece(column.codes)
            if slots.tolist() == [0, -1]:
                return NumberPiece(np.equal(column.codes, 0).view(np.uint8))
        return CodesPiece(column.codes, slots, n_columns)

    def extended(self, coefficients: Array, n_columns: int) -> Array:
        """The coefficients, and where levels are new one more: that of the average level."""
        if n_columns == len(self.own):
            return coefficients
        return np.append(coefficients, coefficients @ self.average)

    def taken(self, column: Column) -> Codes:
        """Text; numbers and bools are levels too.

        Raises
        ------
        Unfit
            Dates, nested values.
        """
        if isinstance(column, Unusable):
            raise Unfit(f"{column.reason}; text is needed")
        found = as_text(column) if isinstance(column, Numbers) else column
        assert isinstance(found, Codes)
        return found

    def unknown(self, column: Codes) -> int:
        """How many rows have a level of which the training table had none."""
        new = self.places(column) < 0
        if not new.any():
            return 0
        counts = np.bincount(column.codes, minlength=len(column.levels))
        return int(counts[new].sum())

    def to_json(self) -> dict[str, Any]:
        """A plain record."""
        record: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "type": self.type,
            "levels": list(self.levels),
            "shares": list(self.shares),
            "reference": self.reference,
        }
        if self.rare:
            record["rare"] = list(self.rare)
        if self.spelled:
            record["spelled"] = list(self.spelled)
        return record

    def give(self, values: Values, column: Codes) -> None:
        """Add the column to those of which a formula makes its matrix."""
        codes = self.places(column).astype(np.intp)[column.codes]
        values.levels[self.name] = self.levels, codes

    @property
    def n_levels(self) -> int:
        """How many levels there are, the reference among them."""
        return len(self.levels)

    @property
    def stand_in(self) -> float | None:
        """None: rows without a value have a level of their own."""
        return None

    @property
    def elsewhere(self) -> str:
        """The reference; where each level has a coefficient, rows without any of them."""
        level = MISSING if self.reference is None else self.levels[self.reference]
        return f"{self.name}={level}"

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; ModelFileError where it did not."""
        name, type_ = record.get("name"), record.get("type")
        if not (isinstance(name, str) and isinstance(type_, str)) or record.keys() - _CATEGORICAL:
            raise ModelFileError("schema: a categorical column has a name and a type, both text")
        levels, rare = _texts(record.get("levels")), _texts(record.get("rare", []))
        shares, reference = _shares(record.get("shares")), record.get("reference")
        spelled = _texts(record.get("spelled", []))
        sound = (
            len(set(levels) | set(rare)) == len(levels) + len(rare)
            and len(levels) > 0
            and len(shares) == len(levels)
            and (not rare or RARE in levels)
            and set(spelled) <= {MISSING, RARE}.intersection(levels)
            and _is_place(reference, len(levels))
        )
        if not sound:
            raise ModelFileError(f"schema: the levels of the column {name!r} make no sense")
        return cls(name, type_, levels, shares, reference, rare, spelled)


_CATEGORICAL = frozenset(
    ("kind", "name", "type", "levels", "shares", "reference", "rare", "spelled")
)


def _texts(record: Any) -> tuple[str, ...]:
    """The texts; two equal ones, which make no sense, where it is anything else."""
    sound = isinstance(record, list) and all(type(text) is str for text in record)
    return tuple(record) if sound else ("", "")


def _shares(record: Any) -> tuple[float, ...]:
    if not isinstance(record, list):
        return ()
    sound = all(type(share) in (int, float) and 0.0 <= share <= 1.0 for share in record)
    return tuple(map(float, record)) if sound else ()


def _is_place(reference: Any, n_levels: int) -> bool:
    return reference is None or (type(reference) is int and 0 <= reference < n_levels)
