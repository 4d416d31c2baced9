"""Kinds of columns: how a typed column becomes coefficients.

A number is one coefficient, with a second for "its value is missing" where the training table had
missing values; the mean stands for those. Text is a coefficient for each level, which is 1 in the
rows that have it; without a penalty one level, the reference, has none, as the
levels and the intercept would say the same thing twice. A level that is met for the first time when
predicting scores as the average level does.

Each kind is a class with a ``kind``: the word under which it is saved, by which it is found again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.table.columns.levels import MISSING, RARE, Places
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.design.pieces import CodesPiece, NullablePiece, NumberPiece, Piece
from logloss.table.schema.forms import as_numbers, as_text, reads_as_number
from logloss.table.words import shortened

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers or bools: one coefficient, or two.

    Attributes
    ----------
    name : str
    type : str
        Arrow's name for the type it was learned from ("double", "int8", "bool"). Any numbers will
        do when predicting.
    mean : float or None
        Weighted mean in the training table: it stands for missing values. None: they are refused.
    indicated : bool
        Whether there is a coefficient for rows without a value.
    """

    kind: ClassVar[str] = "numeric"

    name: str
    type: str
    mean: float | None = None
    indicated: bool = False

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The names of its coefficients."""
        return (self.name, f"{self.name}={MISSING}") if self.indicated else (self.name,)

    def piece(self, column: Column, new: bool = True) -> Piece:  # noqa: ARG002
        """The column as the kernels read it, with as many columns as there are coefficients."""
        assert isinstance(column, Numbers)
        if column.valid is None and not self.indicated:
            return NumberPiece(column.values)
        valid = _all_valid(len(column)) if column.valid is None else column.valid
        return NullablePiece(column.values, valid, self.mean or 0.0, self.indicated)

    def suited(self, column: Column) -> Column:
        """The column in the form of this kind, where another form says the same."""
        return as_numbers(column) if isinstance(column, Codes) else column

    def fits(self, column: Column) -> str | None:
        """What is wrong with a column for this kind, in words that follow its name; or None."""
        if isinstance(column, Codes):
            texts = [level for level in column.levels if level]
            strange = (level for level in texts if not reads_as_number(level))
            text = next(strange, texts[0])  # each may read as a number, but not together
            return f"holds text ({shortened(text)}), and numbers when the model was fitted"
        if not isinstance(column, Numbers):
            return f"{column.reason}; numbers are needed"
        if column.valid is not None and self.mean is None:
            return "has missing values, and had none when the model was fitted"
        return None

    def unknown(self, column: Column) -> int:
        """How many rows have a value of which the training table had none."""
        assert isinstance(column, Numbers)
        if column.valid is None or self.indicated:
            return 0
        return len(column) - int(
            np.unpackbits(column.valid, count=len(column), bitorder="little").sum()
        )

    def to_json(self) -> dict[str, Any]:
        """A plain record."""
        record: dict[str, Any] = {"kind": self.kind, "name": self.name, "type": self.type}
        if self.mean is not None:
            record["mean"] = self.mean
        if self.indicated:
            record["indicated"] = True
        return record

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> NumericColumn:
        """Read what `to_json` gave; ModelFileError where it did not."""
        name, type_ = record.get("name"), record.get("type")
        mean, indicated = record.get("mean"), record.get("indicated", False)
        if not (isinstance(name, str) and isinstance(type_, str)) or record.keys() - _NUMERIC:
            raise ModelFileError("schema: a numeric column has a kind, a name and a type, all text")
        if not _is_mean(mean) or not isinstance(indicated, bool) or (indicated and mean is None):
            raise ModelFileError(f"schema: the mean of the column {name!r} is not a finite number")
        return NumericColumn(name, type_, None if mean is None else float(mean), indicated)


_NUMERIC = frozenset(("kind", "name", "type", "mean", "indicated"))


@dataclass(frozen=True)
class CategoricalColumn:
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

    def piece(self, column: Column, new: bool = True) -> Piece:
        """The column as the kernels read it.

        Levels of which the training table had none get one column more, the last, if `new`; else
        none.
        """
        assert isinstance(column, Codes)
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

    def suited(self, column: Column) -> Column:
        """The column in the form of this kind, where another form says the same."""
        return as_text(column) if isinstance(column, Numbers) else column

    def fits(self, column: Column) -> str | None:
        """What is wrong with a column for this kind, in words that follow its name; or None."""
        return f"{column.reason}; text is needed" if isinstance(column, Unusable) else None

    def unknown(self, column: Column) -> int:
        """How many rows have a level of which the training table had none."""
        assert isinstance(column, Codes)
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

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> CategoricalColumn:
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
        return CategoricalColumn(name, type_, levels, shares, reference, rare, spelled)


_CATEGORICAL = frozenset(
    ("kind", "name", "type", "levels", "shares", "reference", "rare", "spelled")
)

Kind: TypeAlias = NumericColumn | CategoricalColumn

KINDS: dict[str, type[NumericColumn] | type[CategoricalColumn]] = {
    NumericColumn.kind: NumericColumn,
    CategoricalColumn.kind: CategoricalColumn,
}


def _all_valid(n_rows: int) -> NDArray[np.uint8]:
    return np.full((n_rows + 7) // 8, 255, np.uint8)


def _is_mean(mean: Any) -> bool:
    return mean is None or (type(mean) in (int, float) and math.isfinite(mean))


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
