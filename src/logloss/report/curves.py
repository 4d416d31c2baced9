"""Curves on logarithmic axes: as characters for a terminal, and as a picture file.

The terminal chart is drawn by plotext and the picture by matplotlib; both come with the extra
`plot`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from logloss.errors import MissingExtra, UsageError
from logloss.files.atomic import replacing
from logloss.report.figures import visible

PICTURES = (".png", ".svg", ".pdf")
_MARKERS = "ox+*#@%&=~$^"  # one a curve, for terminals without colour
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
_DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Curve:
    """Points in the order in which they were reached; all of them positive."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """Curves over one axis."""

    x_label: str
    y_label: str
    curves: tuple[Curve, ...]


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise where a picture cannot be drawn: an unknown ending, or no matplotlib."""
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURES:
        raise UsageError(
            f"cannot tell the format of {os.fspath(path)} from its name",
            f"let it end in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}",
        )
    _need("matplotlib", "a picture")


def has_terminal_charts() -> bool:
    """Whether plotext is installed."""
    return find_spec("plotext") is not None


def _need(package: str, what: str) -> None:
    if find_spec(package) is None:
        raise MissingExtra(
            f"{what} needs {package}, which is not installed", "pip install 'logloss[plot]'"
        )


def terminal_chart(panel: Panel, width: int = 80, height: int = 20, colour: bool = False) -> str:
    """Return a panel as lines of characters.

    Raises
    ------
    MissingExtra
        Where plotext is not installed.
    """
    _need("plotext", "a chart on a terminal")
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(width, height)
    for i, curve in enumerate(panel.curves):
        marker = _MARKERS[i % len(_MARKERS)]
        style = {"color": i % 6 + 1} if colour else {}
        plotext.plot(
            list(curve.x), list(curve.y), marker=marker, label=visible(curve.label), **style
        )
    plotext.xscale("log")
    plotext.yscale("log")
    plotext.xlabel(panel.x_label)
    plotext.title(panel.y_label)
    drawn = str(plotext.build())
    plotext.clear_figure()
    lines = (drawn if colour else plotext.uncolorize(drawn)).splitlines()
    return "\n".join(line.rstrip() for line in lines)


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
    check_picture(path)
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stable = {"svg.hashsalt": "logloss", "svg.fonttype": "none", "font.size": 9.0}
    with matplotlib.rc_context(stable):
        figure = Figure(figsize=(4.6 * len(panels) + 0.8, 3.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            _fill(axis, panel)
        axes[0].set_ylabel(panels[0].y_label)
        if title:
            figure.suptitle(visible(title))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", frameon=False)
        suffix = Path(path).suffix.lower()[1:]
        dated = {"svg": "Date", "pdf": "CreationDate"}.get(suffix)
        with replacing(path) as file:
            figure.savefig(file, format=suffix, dpi=130, metadata={dated: None} if dated else None)


def _fill(axis: Any, panel: Panel) -> None:
    for i, curve in enumerate(panel.curves):
        axis.plot(
            curve.x,
            curve.y,
            label=visible(curve.label),
            color=_COLOURS[i % len(_COLOURS)],
            linestyle=_DASHES[i // len(_COLOURS) % len(_DASHES)],
            linewidth=1.4,
            marker=".",
            markersize=4.0 if len(curve.x) < 60 else 0.0,
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(panel.x_label)
    axis.grid(True, which="major", linewidth=0.4, alpha=0.5)
    axis.spines[["top", "right"]].set_visible(False)
