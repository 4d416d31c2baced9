"""How a table is to be read, and its columns to become coefficients."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from logloss.checks import number
from logloss.errors import UsageError, nearest
from logloss.files.memory import n_bytes
from logloss.table.formula.terms import Formula, formula_of


class Missing(enum.Enum):
    """What to do about missing values of features."""

    AUTO = "auto"  # text: a level of its own; numbers: the mean, and an indicator
    ERROR = "error"
    DROP = "drop"  # leave out the row


def _policy(word: str) -> Missing:
    """What a word means; UsageError where it means nothing."""
    try:
        return Missing(word)
    except ValueError:
        near = nearest(str(word), [m.value for m in Missing])
        raise UsageError(
            f"missing must be 'auto', 'error' or 'drop', not {word!r}",
            f"did you mean {near!r}?" if near else None,
        ) from None


@dataclass(frozen=True)
class TableOptions:
    """What `logloss.fit` was told of the table.

    Attributes
    ----------
    missing : Missing
    na : tuple of str
        Texts that stand for a missing value, beside the usual ones.
    min_count : float
        Levels of less weight than this are taken together.
    memory : int or None
        Bytes that columns may take in memory; beyond, they go to a file. None: half of what is
        free.
    spool : str or None
        The folder of that file; by default the system's for temporary files.
    formula_text : str or None
        The terms of its columns that are features; None: the columns are, each on its own.
    """

    missing: Missing = Missing.AUTO
    na: tuple[str, ...] = ()
    min_count: float = 0.0
    memory: int | None = None
    spool: str | None = None
    formula_text: str | None = None

    @cached_property
    def formula(self) -> Formula | None:
        """The terms, parsed; UsageError where they cannot be."""
        return None if self.formula_text is None else formula_of(self.formula_text)

    def intercept(self, asked: bool) -> bool:
        """Whether to fit an intercept: where it is asked for, and the formula has one."""
        return asked and (self.formula is None or self.formula.intercept)


def table_options(
    missing: str = "auto",
    na: Collection[str] = (),
    min_count: float = 0.0,
    memory: int | str | None = None,
    spool: str | None = None,
    formula: str | None = None,
) -> TableOptions:
    """The options in the words of `logloss.fit`, checked; UsageError where they cannot be."""
    number("min_count", min_count, 0.0, math.inf)
    texts = (na,) if isinstance(na, str) else tuple(na)
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(f"na holds {text!r}, which is no text")
    if formula is not None and min_count:
        raise UsageError(
            "min_count does not go with a formula", "take rare levels together in the table itself"
        )
    options = TableOptions(
        _policy(missing),
        texts,
        float(min_count),
        memory=None if memory is None else n_bytes(memory),
        spool=spool,
        formula_text=formula,
    )
    _ = options.formula  # what cannot be parsed is an error before any work
    return options
