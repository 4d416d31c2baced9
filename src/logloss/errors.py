"""The errors that logloss raises on purpose.

Each carries a *message* (what is wrong, and where: file, column, row) and mostly a *hint* (what to
do about it). The class says who has to act, and the command line turns it into an exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LoglossError(Exception):
    """Base of all errors raised by logloss.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    hint : str, optional
        What to do about it; shown on a line of its own that begins with ``hint:``.
    """

    message: str
    hint: str | None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)  # both in args, so that pickle and copy keep them
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class DataError(LoglossError, ValueError):
    """The data, or the fit, says no. Exit code 1."""


class UsageError(LoglossError, ValueError):
    """A wrong parameter, an unknown name, a wrong use. Exit code 2."""


class ModelFileError(LoglossError, ValueError):
    """A model file that is damaged, hostile, or newer than this program. Exit code 1."""


class MissingExtra(LoglossError, ImportError):
    """An optional package is needed and not installed. Exit code 1."""


def counted(n: float, one: str) -> str:
    """Such as "1 row", "2,500 rows" or "2.5 rows"."""
    size = f"{n:,}" if isinstance(n, int) else f"{n:,.6g}"
    return f"{size} {one}{'' if n == 1 else 's'}"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate most like `name`, or None where none is near.

    Case and surrounding blanks do not count, so ``nearest("diabetes_binary",
    ["Diabetes_binary"])`` finds the column.
    """
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.strip().casefold(), candidate)
    found = difflib.get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None
