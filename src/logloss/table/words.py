"""Words that messages about tables share."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

SHOWN = 10  # columns listed in a message


def listed(words: Sequence[str], total: int | None = None) -> str:
    """The first words, and how many more there are."""
    total = len(words) if total is None else total
    shown = list(words[:SHOWN])
    more = f", and {total - len(shown)} more" if total > len(shown) else ""
    return ", ".join(shown) + more


def how_to_exclude(names: Sequence[str]) -> str:
    """How to leave columns out, on the command line and in Python."""
    them = "it" if len(names) == 1 else "them"
    options = " ".join(f"--exclude {shlex.quote(name)}" for name in names)
    in_python = f"{list(names)!r}" if len(names) <= SHOWN else "[…]"
    return f"leave {them} out with {options} (in Python exclude={in_python})"


def shortened(text: str) -> str:
    """A value in quotes, cut to a readable length."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
