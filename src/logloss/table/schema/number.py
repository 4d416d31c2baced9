"""A column of numbers or bools: one coefficient, or two.

The second is for "its value is missing", where the training table had missing values; the mean
stands for those.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.table.columns.levels import MISSING
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.design.piece import Piece
from logloss.table.design.pieces import NullablePiece, NumberPiece
from logloss.table.formula.values import Values, filled
from logloss.table.schema.forms import as_numbers, reads_as_number
from logloss.table.schema.kind import Kind, Unfit
from logloss.table.words import shortened

Array = NDArray[np.float64]


@final
@dataclass(frozen=True)
class NumericColumn(Kind[Numbers]):
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
    looks_up: ClassVar[bool] = False

    name: str
    type: str
    mean: float | None = None
    indicated: bool = False

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The names of its coefficients."""
        return (self.name, f"{self.name}={MISSING}") if self.indicated else (self.name,)

    def piece(self, column: Numbers, new: bool = True) -> Piece:  # noqa: ARG002
        """The column as the kernels read it, with as many columns as there are coefficients."""
        if column.valid is None and not self.indicated:
            return NumberPiece(column.values)
        valid = _all_valid(len(column)) if column.valid is None else column.valid
        return NullablePiece(column.values, valid, self.mean or 0.0, self.indicated)

    def taken(self, column: Column) -> Numbers:
        """Numbers; text that reads as numbers throughout is that.

        Raises
        ------
        Unfit
            Other text, dates; values are missing, and no mean stands for them.
        """
        found = as_numbers(column) if isinstance(column, Codes) else column
        if isinstance(found, Codes):
            texts = [level for level in found.levels if level]
            strange = (level for level in texts if not reads_as_number(level))
            text = next(strange, texts[0])  # each may read as a number, but not together
            raise Unfit(f"holds text ({shortened(text)}), and numbers when the model was fitted")
        if isinstance(found, Unusable):
            raise Unfit(f"{found.reason}; numbers are needed")
        assert isinstance(found, Numbers)
        if found.valid is not None and self.mean is None:
            raise Unfit("has missing values, and had none when the model was fitted")
        return found

    def unknown(self, column: Numbers) -> int:
        """How many rows have a value of which the training table had none."""
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

    def give(self, values: Values, column: Numbers) -> None:
        """Add the column to those of which a formula makes its matrix."""
        values.numbers[self.name] = filled(column, self.mean or 0.0)

    def extended(self, coefficients: Array, n_columns: int) -> Array:  # noqa: ARG002
        """The coefficients themselves: no value is looked up, none is new."""
        return coefficients

    @property
    def n_levels(self) -> int:
        """0: it is a number."""
        return 0

    @property
    def stand_in(self) -> float | None:
        """The mean, where values are missing."""
        return self.mean if self.indicated else None

    @property
    def elsewhere(self) -> str:
        """Zero: its own name."""
        return self.name

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; ModelFileError where it did not."""
        name, type_ = record.get("name"), record.get("type")
        mean, indicated = record.get("mean"), record.get("indicated", False)
        if not (isinstance(name, str) and isinstance(type_, str)) or record.keys() - _NUMERIC:
            raise ModelFileError("schema: a numeric column has a kind, a name and a type, all text")
        if not _is_mean(mean) or not isinstance(indicated, bool) or (indicated and mean is None):
            raise ModelFileError(f"schema: the mean of the column {name!r} is not a finite number")
        return cls(name, type_, None if mean is None else float(mean), indicated)


_NUMERIC = frozenset(("kind", "name", "type", "mean", "indicated"))


def _all_valid(n_rows: int) -> NDArray[np.uint8]:
    return np.full((n_rows + 7) // 8, 255, np.uint8)


def _is_mean(mean: Any) -> bool:
    return mean is None or (type(mean) in (int, float) and math.isfinite(mean))
