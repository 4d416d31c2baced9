"""One panel per problem: a dot per solver at the median, a line from the minimum to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Bars = Mapping[str, Sequence[tuple[str, float, float]]]  # problem → (solver, median, minimum)
_OURS, _OTHERS = "#c2410c", "#94a3b8"
_COLUMNS = 3


def save(bars: Bars, ours: Sequence[str], path: Path) -> None:
    """A PNG with a logarithmic axis of seconds in each panel."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = {name: rows for name, rows in bars.items() if rows}
    if not shown:
        return
    height = max(len(rows) for rows in shown.values())
    lines = math.ceil(len(shown) / _COLUMNS)
    columns = min(_COLUMNS, len(shown))
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(5.2 * columns, lines * (0.28 * height + 0.9)),
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, (name, rows) in zip(grid.flat, shown.items(), strict=False):
        _panel(axes, rows, ours, height)
        axes.set_title(name, fontsize=11)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panel(
    axes: Any, rows: Sequence[tuple[str, float, float]], ours: Sequence[str], height: int
) -> None:
    """Dots, not bars: a logarithmic axis has no zero for a bar to start from."""
    low, high = min(row[2] for row in rows), max(row[1] for row in rows)
    for place, (solver, median, minimum) in enumerate(rows):
        colour = _OURS if solver in ours else _OTHERS
        axes.plot([minimum, median], [place, place], color=colour, linewidth=2)
        axes.plot(median, place, "o", color=colour, markersize=7)
        axes.annotate(
            seconds(median),
            (median, place),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set(xscale="log", xlim=(low / 1.5, high * 5), ylim=(height - 0.4, -0.6))
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("seconds to a relative gap of 1e-6", fontsize=8)


def seconds(value: float) -> str:
    """Three digits, in ms below a second."""
    return f"{value:.3g} s" if value >= 1.0 else f"{1e3 * value:.3g} ms"
