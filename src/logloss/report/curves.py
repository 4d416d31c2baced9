"""Curves on logarithmic axes: as characters for a terminal, and as a picture file.

The picture is drawn by matplotlib, which comes with the extra `plot`; the chart for the terminal
needs nothing and no colour.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from logloss.errors import MissingExtra, UsageError
from logloss.files.atomic import replacing
from logloss.report.figures import visible

PICTURES = (".png", ".svg", ".pdf")
_MARKERS = "ox+*#@%&=~$^"
_LEFT, _AROUND = 8, 4  # what a chart has beside its cells: characters, lines
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b")
_DASHES = ("-", "--", "-.", ":")
_GREY = "#c4c4c4"
_MOST_POINTS = 120  # of a curve in a picture


@dataclass(frozen=True)
class Curve:
    """Points in the order in which they were reached; all of them positive.

    `muted`: in a picture it is grey, behind the others, and named at its end.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    muted: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves over one axis."""

    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    title: str = ""


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise where a picture cannot be drawn: an unknown ending, or no matplotlib."""
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURES:
        raise UsageError(
            f"cannot tell the format of {os.fspath(path)} from its name",
            f"let it end in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}",
        )
    if find_spec("matplotlib") is None:
        raise MissingExtra(
            "a picture needs matplotlib, which is not installed", "pip install 'logloss[plot]'"
        )


def terminal_chart(panel: Panel, width: int = 80, height: int = 20) -> str:
    """Return a panel as lines of characters, at most `width` wide and `height` high.

    Each curve has a character of its own; where two meet, the one listed first is seen.
    """
    across = _axis([x for curve in panel.curves for x in curve.x], width - _LEFT)
    up = _axis([y for curve in panel.curves for y in curve.y], height - _AROUND)
    grid = _grid(panel, across, up)
    legend = [f"{_MARKERS[i % len(_MARKERS)]} {c.label}" for i, c in enumerate(panel.curves)]
    marks = {row: f"{value:.0e}" for value, row in up.ticks(2)}
    lines = [
        f"  {panel.y_label}    {visible('   '.join(legend))}",
        *(
            f"{marks.get(row, ''):>{_LEFT - 2}} |{''.join(grid[row])}".rstrip()
            for row in reversed(range(up.cells))
        ),
        *_ruler(across),
        f"{panel.x_label:>{width}}",
    ]
    return "\n".join(lines)


def _grid(panel: Panel, across: _Axis, up: _Axis) -> list[list[str]]:
    """The characters of the curves, by row from below and column."""
    grid = [[" "] * across.cells for _ in range(up.cells)]
    for i, curve in reversed(list(enumerate(panel.curves))):
        cells = list(zip(map(across.cell, curve.x), map(up.cell, curve.y), strict=True))
        for column, row in _joined(cells):
            grid[row][column] = _MARKERS[i % len(_MARKERS)]
    return grid


def _ruler(across: _Axis) -> tuple[str, str]:
    """The line below the chart, and its labels."""
    ruler, labels = ["-"] * across.cells, [" "] * across.cells
    for value, column in across.ticks(8):
        ruler[column] = "+"
        text = f"{value:g}"
        first = min(column, across.cells - len(text))
        labels[first : first + len(text)] = text
    return f"{'':>{_LEFT - 2}} +{''.join(ruler)}", (" " * _LEFT + "".join(labels)).rstrip()


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis of so many cells, from exponent `low` to `high`."""

    low: float
    high: float
    cells: int

    def cell(self, value: float) -> int:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(share * (self.cells - 1))

    def ticks(self, apart: int) -> list[tuple[float, int]]:
        """Powers of ten at least so many cells apart, and their cells; if few, 2 and 5 too."""
        tens = self._spaced([(k, 1) for k in self._exponents()], apart)
        if len(tens) > 2:
            return tens
        return self._spaced([(k, digit) for k in self._exponents() for digit in (1, 2, 5)], apart)

    def _exponents(self) -> range:
        return range(math.floor(self.low), math.floor(self.high) + 1)

    def _spaced(self, candidates: list[tuple[int, int]], apart: int) -> list[tuple[float, int]]:
        marks: list[tuple[float, int]] = []
        for exponent, digit in candidates:
            value = float(f"{digit}e{exponent}")
            cell = self.cell(value)
            if 0 <= cell < self.cells and (not marks or cell - marks[-1][1] >= apart):
                marks.append((value, cell))
        return marks


def _axis(values: Sequence[float], cells: int) -> _Axis:
    low, high = math.log10(min(values)), math.log10(max(values))
    if high - low < 1.0:  # at least a decade, so that there is one mark
        low, high = math.floor(low), math.floor(low) + max(1.0, high - math.floor(low))
    return _Axis(low, high, max(cells, 2))


def _joined(cells: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The cells of a line through all of these."""
    yield cells[0]
    for (x0, y0), (x1, y1) in pairwise(cells):
        steps = max(abs(x1 - x0), abs(y1 - y0))
        for t in range(1, steps + 1):
            yield x0 + round(t * (x1 - x0) / steps), y0 + round(t * (y1 - y0) / steps)


def draw(panels: Sequence[Panel], path: str | os.PathLike[str], title: str = "") -> None:
    """Write panels side by side, with one legend, as a PNG, SVG or PDF by the ending of `path`.

    The same panels give the same bytes.

    Raises
    ------
    MissingExtra
        Where matplotlib is not installed.
    UsageError
        Where the ending is not known.
    DataError
        Where the file cannot be written.
    """
    with picture(path, 4.6 * len(panels) + 0.8, 3.8) as figure:
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            _fill(axis, panel)
        axes[0].set_ylabel(panels[0].y_label)
        if title:
            figure.suptitle(visible(title))
        shown: dict[str, Any] = {}
        for axis in axes:
            shown |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        figure.legend(shown.values(), shown, loc="outside right upper", frameon=False)


@contextmanager
def picture(path: str | os.PathLike[str], width: float, height: float) -> Iterator[Any]:
    """A matplotlib figure of so many inches to draw on; then a file, of the same bytes each time.

    Raises what `draw` raises.
    """
    check_picture(path)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stable: Any = {"svg.hashsalt": "logloss", "svg.fonttype": "none", "font.size": 9.0}
    with mpl.rc_context(stable):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        suffix = Path(path).suffix.lower()[1:]
        dated = {"svg": "Date", "pdf": "CreationDate"}.get(suffix)
        with replacing(path) as file:
            figure.savefig(file, format=suffix, dpi=130, metadata={dated: None} if dated else None)


def _fill(axis: Any, panel: Panel) -> None:
    for i, curve in enumerate(panel.curves):
        x, y = _thinned(curve)
        style = {
            "color": _COLOURS[i % len(_COLOURS)],
            "linestyle": _DASHES[i // len(_COLOURS) % len(_DASHES)],
            "linewidth": 1.4,
            "marker": ".",
            "markersize": 4.0 if len(x) < 40 else 0.0,
            "label": visible(curve.label),
        }
        if curve.muted:
            style |= {"color": _GREY, "linewidth": 0.8, "markersize": 0.0, "zorder": 1.0}
            del style["label"]
            axis.annotate(
                visible(curve.label), (x[-1], y[-1]), color="#888888", size=6.5,
                xytext=(2, 1), textcoords="offset points",
            )  # fmt: skip
        axis.plot(x, y, **style)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.minorticks_off()
    axis.set_xlabel(panel.x_label)
    axis.set_title(visible(panel.title), size=9.0)
    axis.grid(True, which="major", linewidth=0.4, alpha=0.5)
    axis.spines[["top", "right"]].set_visible(False)


def _thinned(curve: Curve) -> tuple[list[float], list[float]]:
    """At most about `_MOST_POINTS` of its points, evenly over a logarithmic axis."""
    if len(curve.x) <= _MOST_POINTS:
        return list(curve.x), list(curve.y)
    first, last = math.log(curve.x[0]), math.log(curve.x[-1])
    apart = (last - first) / _MOST_POINTS
    kept: list[int] = []
    for i, x in enumerate(curve.x):
        if not kept or i == len(curve.x) - 1 or math.log(x / curve.x[kept[-1]]) >= apart:
            kept.append(i)
    return [curve.x[i] for i in kept], [curve.y[i] for i in kept]
