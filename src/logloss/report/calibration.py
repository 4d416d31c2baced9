"""Calibration to look at: a table with a strip of characters for a terminal, and a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from logloss.report.curves import picture
from logloss.report.figures import aligned, figure, visible

_NARROWEST, _WIDEST = 21, 51  # characters of a strip
_BLUE, _GREY, _RED = "#0072b2", "#8a8a8a", "#d55e00"


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar probability, and what became of them.

    Attributes
    ----------
    lower, upper : float
        The least and the largest probability in the bin.
    rows : int
    weight : float
        Sum of their weights; `rows` where there are none.
    predicted, observed : float
        Mean probability, and share of events.
    low, high : float
        Interval of that share (Wilson, 0.95).
    """

    lower: float
    upper: float
    rows: int
    weight: float
    predicted: float
    observed: float
    low: float
    high: float


def calibration_text(bins: Sequence[CalibrationBin], width: int = 100) -> str:
    """Return the bins as a table, and beside it where each lies between 0 and 1.

    `o` is the share of events, `-` its interval, and `|` the mean probability; where both fall on
    one character, `o` is seen.
    """
    left = _cells(bins)
    cells = min(width - len(left[0]) - 4, _WIDEST)
    if cells < _NARROWEST:
        return "\n".join(left)
    ends = max(max(one.high, one.predicted) for one in bins)
    top = next(t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if t >= ends)
    strips = [_ruler(cells, top), *(_strip(one, cells, top) for one in bins)]
    return "\n".join(f"{a}    {b}".rstrip() for a, b in zip(left, strips, strict=True))


def _cells(bins: Sequence[CalibrationBin]) -> list[str]:
    """The lines of the table, the titles first; all of one width."""
    rows = _flush([f"{one.rows:,}" for one in bins], "rows")
    predicted = _flush(aligned([figure(one.predicted, 3) for one in bins]), "predicted")
    observed = _flush(aligned([figure(one.observed, 3) for one in bins]), "observed")
    spans = [f"{_short(one.low)} to {_short(one.high)}" for one in bins]
    intervals = _flush(spans, "95 % interval")
    lines = zip(rows, predicted, observed, intervals, strict=True)
    return ["  " + "  ".join(cells) for cells in lines]


def _flush(cells: Sequence[str], title: str) -> list[str]:
    width = max(len(title), *map(len, cells))
    return [text.rjust(width) for text in (title, *cells)]


def _short(share: float) -> str:
    return figure(share, 3) if 0.0 < share < 1.0 else f"{share:.0f}"


def _ruler(cells: int, top: float) -> str:
    middle, last = f"{top / 2:g}", f"{top:g}"
    line = [" "] * cells
    line[0] = "0"
    place = cells // 2 - len(middle) // 2
    line[place : place + len(middle)] = middle
    line[cells - len(last) :] = last
    return "".join(line)


def _strip(one: CalibrationBin, cells: int, top: float) -> str:
    def cell(share: float) -> int:
        return min(int(share / top * cells), cells - 1)

    line = ["·" if k % 10 == 0 else " " for k in range(cells)]
    for k in range(cell(one.low), cell(one.high) + 1):
        line[k] = "-"
    line[cell(one.predicted)] = "|"
    line[cell(one.observed)] = "o"
    return "".join(line)


def save_calibration(
    path: str | os.PathLike[str],
    bins: Sequence[CalibrationBin],
    histogram: tuple[Sequence[float], Sequence[float]],
    title: str,
) -> None:
    """Draw shares of events over mean probabilities, and below how often each probability is.

    The same bins give the same bytes.

    Parameters
    ----------
    histogram : (edges, weights)
        Of the probabilities; one edge more than weights.

    Raises
    ------
    MissingExtra
        Where matplotlib is not installed.
    UsageError
        Where the ending is not known.
    DataError
        Where the file cannot be written.
    """
    with picture(path, 4.8, 5.4) as canvas:
        above, below = canvas.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        _points(above, bins)
        edges, weights = histogram
        below.stairs(weights, edges, fill=True, color=_GREY)
        below.set_xlabel("predicted probability")
        below.set_ylabel("rows")
        below.spines[["top", "right"]].set_visible(False)
        canvas.suptitle(visible(title), size=10.0)


def _points(axis: Any, bins: Sequence[CalibrationBin]) -> None:
    top = min(1.0, 1.08 * max(max(one.high, one.upper) for one in bins))
    axis.plot([0.0, top], [0.0, top], color=_GREY, linewidth=0.9, linestyle="--", label="ideal")
    axis.errorbar(
        [one.predicted for one in bins],
        [one.observed for one in bins],
        yerr=[
            [max(one.observed - one.low, 0.0) for one in bins],
            [max(one.high - one.observed, 0.0) for one in bins],
        ],
        color=_BLUE,
        ecolor=_BLUE,
        elinewidth=1.0,
        capsize=2.0,
        linewidth=1.2,
        marker="o",
        markersize=4.0,
        label="observed, 95 % interval",
    )
    axis.set_xlim(0.0, top)
    axis.set_ylim(0.0, top)
    axis.set_ylabel("share of events")
    axis.grid(True, linewidth=0.4, alpha=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(loc="upper left", frameon=False)
