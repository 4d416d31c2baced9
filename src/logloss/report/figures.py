"""Numbers and names as people read them: sensible digits, points above points, nothing hidden."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

_FIXED_FROM = 1e-4
_FIXED_BELOW = 1e6
_LONGEST_EXPONENT = math.log(1e300)


def figure(value: float, digits: int = 4) -> str:
    """Return `value` with `digits` significant digits; an exponent only where a plain form is long.

    >>> figure(0.0123456), figure(-12345.678, 5), figure(3.14e-9, 2)
    ('0.01235', '-12346', '3.1e-09')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    scientific = f"{value:.{digits - 1}e}"
    rounded = abs(float(scientific))
    if not _FIXED_FROM <= rounded < _FIXED_BELOW:
        return scientific
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(rounded)))}f}"


def aligned(figures: Sequence[str]) -> list[str]:
    """Pad the figures to one width, with their decimal points in one column; inf at its end."""
    whole = [len(text.partition("e")[0].partition(".")[0]) for text in figures]
    plain = [any(map(str.isdigit, text)) for text in figures]
    widest = max((n for n, digits in zip(whole, plain, strict=True) if digits), default=0)
    shifted = [" " * (widest - n) + text for n, text in zip(whole, figures, strict=True)]
    sized = zip(shifted, figures, plain, strict=True)
    width = max((len(long if digits else text) for long, text, digits in sized), default=0)
    return [
        long.ljust(width) if digits else text.rjust(width)
        for long, text, digits in zip(shifted, figures, plain, strict=True)
    ]


def visible(name: object) -> str:
    """Return a name with every control character and line break spelled out.

    A name comes from a file; shown raw it could move the cursor of a terminal.
    """
    text = str(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def odds_ratio(coefficient: float) -> float:
    """Return e to the coefficient; inf above the largest float, never an error."""
    return math.inf if coefficient > _LONGEST_EXPONENT else math.exp(coefficient)


def columns(names: Sequence[str], *numbers: Sequence[str]) -> list[str]:
    """Return the lines of a table: the first column flush left, the others flush right."""
    name_width = max(map(len, names))
    widths = [max(map(len, column)) for column in numbers]
    lines = []
    for name, *cells in zip(names, *numbers, strict=True):
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append("  ".join(["  " + name.ljust(name_width), *padded]).rstrip())
    return lines


def wrapped(text: str, indent: str = "  ") -> str:
    """Return the text in lines of readable length; all but the first begin with `indent`."""
    return textwrap.fill(
        text, width=79, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
