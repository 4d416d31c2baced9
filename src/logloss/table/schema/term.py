"""A term of a formula: it owns coefficients as a column does, and is no column of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from logloss.table.schema.kind import Owner


@final
@dataclass(frozen=True)
class Term(Owner):
    """A term of a formula: its name, and those of its coefficients. Saved with the formula."""

    name: str
    names: tuple[str, ...]

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """The names of its coefficients."""
        return self.names
