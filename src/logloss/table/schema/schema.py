"""Schema: what a model says of its columns, in the order of its coefficients; saved with it.

Abstract here: of the columns of a table it is in `of_columns`, of the terms of a formula in
`formula`. Both are learned from a training table, by `learn` and `learn_formula`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from logloss.table.columns.source import Source
from logloss.table.columns.typed import Columns
from logloss.table.design.encoded import Encoded
from logloss.table.schema.kind import Kind, Owner

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LeftOut:
    """A column that is not in the model, and why, in words that follow its name."""

    name: str
    reason: str


class Schema(ABC):
    """What owns the coefficients of a model, in their order, and how a table becomes its matrix.

    Attributes
    ----------
    of_terms : bool
        Whether the terms of a formula stand in the place of columns.
    columns : tuple of Owner
        Columns, or terms.
    left_out : tuple of LeftOut
        Columns of the training table that say nothing, or cannot be features.
    na : tuple of str
        Texts that stand for a missing value.
    """

    of_terms: ClassVar[bool]

    columns: tuple[Owner, ...]
    left_out: tuple[LeftOut, ...]
    na: tuple[str, ...]

    @cached_property
    def coefficient_names(self) -> tuple[str, ...]:
        """One name a coefficient, in order."""
        return tuple(name for owner in self.columns for name in owner.coefficient_names)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Column or term → the names of its coefficients."""
        return {owner.name: owner.coefficient_names for owner in self.columns}

    @property
    @abstractmethod
    def kinds(self) -> tuple[Kind[Any], ...]:
        """The kinds of the columns; none where terms stand in their place."""

    @property
    @abstractmethod
    def column_names(self) -> tuple[str, ...]:
        """The columns that a table must have."""

    @property
    @abstractmethod
    def text_names(self) -> tuple[str, ...]:
        """The columns that are text, whatever their values look like in another table."""

    @property
    @abstractmethod
    def looks_up(self) -> bool:
        """Whether values are looked up among those that were learned, so that some may be new."""

    @property
    @abstractmethod
    def factors_of_terms(self) -> Mapping[str, frozenset[str]]:
        """Column or term → what it is a product of."""

    @property
    @abstractmethod
    def notes(self) -> Sequence[str]:
        """What was done with the table that its owner should know, a sentence each."""

    @abstractmethod
    def encode(self, source: Source, new: bool = True) -> Encoded:
        """The matrix of a table, its columns found by name, in any order.

        Values that are looked up and that the model does not know get a column of their own, see
        `extended`, if `new`, or are refused; else they count as none.

        Raises
        ------
        DataError
            Columns are missing from the table, or are of another kind, or have missing values that
            the model does not know.
        """

    @abstractmethod
    def extended(self, coefficients: Array, encoded: Encoded) -> Array:
        """The coefficients of the columns of `encoded`, which may have more than the model."""

    @abstractmethod
    def unknown(self, columns: Columns) -> dict[str, int]:
        """Column → how many rows have a value, or miss one, as no row of the training table did."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """A plain record for the model file."""
