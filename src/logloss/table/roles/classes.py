"""Which class a label means, however it is spelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from logloss.table.roles.labels import Label
from logloss.table.spelling import folded, spelled


def place_of(name: Any, classes: Sequence[Label]) -> int | None:
    """The position of the class that `name` is: as it is, as text ("1" is 1.0), as a number."""
    return _first(name, classes, _EXACT)


def place_folded(name: Any, classes: Sequence[Label]) -> int | None:
    """The same where capitals do not count, if it is none as it stands."""
    return _first(name, classes, (*_EXACT, _equal_folded))


def alike(name: Any, classes: Sequence[Label]) -> list[int]:
    """The classes that differ in capitals, blanks and a full stop at the end only."""
    return [k for k, label in enumerate(classes) if _bare(name) == _bare(label)]


def _first(
    name: Any, classes: Sequence[Label], tests: Sequence[Callable[[Any, Label], bool]]
) -> int | None:
    found = (k for same in tests for k, label in enumerate(classes) if same(name, label))
    return next(found, None)


def _equal(name: Any, label: Label) -> bool:
    return bool(name == label) and isinstance(name, str) == isinstance(label, str)


def _equal_text(name: Any, label: Label) -> bool:
    return spelled(name) == spelled(label)


def _equal_number(name: Any, label: Label) -> bool:
    try:
        return float(name) == float(label)
    except (TypeError, ValueError):
        return False


def _equal_folded(name: Any, label: Label) -> bool:
    return folded(name) == folded(label)


_EXACT = (_equal, _equal_text, _equal_number)


def _bare(label: Any) -> str:
    return str(label).strip().removesuffix(".").rstrip().casefold()
