"""`logloss path`: a table in, certified fits for many penalties out."""

from __future__ import annotations

import json as js
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import logloss
from logloss.cli import interrupt, options
from logloss.cli.outcome import DONE, SAYS_NO
from logloss.cli.progress import Progress
from logloss.cli.tables import writer
from logloss.cli.terminal import emit, emit_json, say
from logloss.errors import UsageError, counted
from logloss.files.atomic import check_writable, replacing
from logloss.record.interface import COMMAND_LINE
from logloss.record.proof import Status
from logloss.report import verdict_words
from logloss.report.curves import Curve, Panel, check_picture, draw, terminal_chart
from logloss.report.figures import aligned, figure, visible, wrapped

if TYPE_CHECKING:
    from logloss.paths import Path as Fits
    from logloss.paths import PathStep

_WIDEST = 110
_IN_CHART = 6  # coefficients in the chart for the terminal
_COLOURED = 8  # coefficients in the picture that have a colour


def path(
    table: options.Table,
    target: options.Target,
    n_lambdas: Annotated[int | None, options.declared("n_lambdas", "path")] = None,
    lambdas: Annotated[str | None, options.declared("lambdas", "path")] = None,
    lambda_min_ratio: Annotated[float | None, options.declared("lambda_min_ratio", "path")] = None,
    l1_ratio: Annotated[float | None, options.declared("l1_ratio", "path")] = None,
    leave_one_out: Annotated[bool, options.declared("leave_one_out", "path")] = False,
    positive: options.Positive = None,
    solver: options.SolverName = None,
    penalty_factor: options.PenaltyFactors = None,
    bound: options.Bounds = None,
    standardize: options.Standardize = False,
    no_intercept: options.NoIntercept = False,
    weights: options.Weights = None,
    class_weight: options.ClassWeight = None,
    weights_are: options.WeightsAre = None,
    offset: options.Offset = None,
    exclude: options.Exclude = None,
    missing: options.Missing = None,
    na: options.Na = None,
    min_count: options.MinCount = None,
    sql: options.Sql = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    tol: Annotated[float | None, options.declared("tol", "path")] = None,
    max_iter: Annotated[int | None, options.declared("max_iter", "path")] = None,
    time_budget: Annotated[float | None, options.declared("time_budget", "path")] = None,
    random_state: options.RandomState = None,
    n_threads: options.Threads = None,
    memory: options.Memory = None,
    spool: options.Spool = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The fits: .parquet or .csv."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the path here: .png, .svg or .pdf."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="FILE", help="Write the fit of least leave-one-out loss, as JSON."
        ),
    ] = None,
    quiet: options.Quiet = False,
    json: Annotated[bool, typer.Option("--json", help="Print the path as JSON instead.")] = False,
) -> int:
    """Fit a table for many penalties, from the strongest down.

    Each fit starts from the one before and is certified. Printed are λ, how many coefficients are
    not 0, the log loss, and the gap. Exit status 0: all are certified to --tol. 1: not all, or
    Ctrl-C; what is there is printed and written all the same.
    """
    chosen = options.asked("path", locals())
    if quiet and json:
        raise UsageError("--quiet and --json contradict each other", "give one of the two")
    if model is not None and not leave_one_out:
        raise UsageError("--model needs --leave-one-out, which says which fit is best")
    write = None if output is None else writer(output)
    _check_outputs(output, plot, model)
    reading = options.Reading(sql, delimiter, quote, header, na, exclude)
    roles = {"--target": target, "--weights": weights, "--offset": offset}
    found = _fits(table, reading, roles, chosen, quiet)
    if output is not None and write is not None:
        with replacing(output) as file, write(found.table.schema, file) as out:
            out.write(found.table)
    if plot is not None:
        _draw(found, plot)
    if model is not None:
        found.model().save(model)
    if json:
        emit_json(js.dumps(_as_json(found), allow_nan=False))
    elif not quiet:
        emit(_text(found))
    return _verdict(found, [one for one in (output, plot, model) if one], quiet)


def _fits(
    table: str,
    reading: options.Reading,
    roles: dict[str, str | None],
    chosen: dict[str, Any],
    quiet: bool,
) -> Fits:
    with Progress(table, 1e-6, None, quiet) as progress:

        def show(step: PathStep) -> bool:
            interrupt.keep(True)
            progress.show(
                f"λ {step.index + 1} of {step.total}: {counted(step.nonzeros, 'coefficient')},"
                f" {counted(step.data_reads, 'read')} of the data"
            )
            return interrupt.asked_to_stop()

        source = progress.reading(reading.open(table, roles))
        return logloss.path(source, roles["--target"], callbacks=(show,), **chosen)


def _check_outputs(output: Path | None, plot: Path | None, model: Path | None) -> None:
    if plot is not None:
        check_picture(plot)
    for file in (output, plot, model):
        if file is not None:
            check_writable(file)


def _text(found: Fits) -> str:
    """The table of fits, a chart, and notes."""
    columns = {
        "lambda": [figure(x) for x in found.lambdas],
        "C": [figure(x) for x in 1.0 / (found.lambdas * found.template.weight_sum)],
        "nonzeros": [f"{n:,}" for n in found.degrees],
        "log loss": [figure(x, 6) for x in found.losses],
        "gap (relative)": [figure(one.relative_gap, 2) for one in found.certificates],
    }
    if found.leave_one_out is not None:
        columns["leave-one-out"] = [figure(x, 6) for x in found.leave_one_out.losses]
    cells = [
        [name, *(values if "e" in "".join(values) else aligned(values))]
        for name, values in columns.items()
    ]
    widths = [max(map(len, column)) for column in cells]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*cells, strict=True)
    ]
    parts = ["\n".join(lines)]
    if found.leave_one_out is not None:
        best = found.leave_one_out.best
        lines[best + 1] += "  least"
        rows = int(found.leave_one_out.refitted.sum())
        again = f"{counted(rows, 'row')} {'was' if rows == 1 else 'were'}"
        parts = [
            "\n".join(lines),
            f"leave-one-out: by one Hessian for each λ; {again} fitted again exactly.",
        ]
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    first = verdict_words(found.template, COMMAND_LINE)
    parts = [wrapped(first, indent=""), *parts] if first else parts
    notes = [wrapped(f"note: {visible(note)}") for note in found.notes]
    return "\n\n".join([*parts, *_chart(found, width), *notes])


def _chart(found: Fits, width: int) -> list[str]:
    panel = _panel(found, _IN_CHART)
    return [terminal_chart(panel, width)] if panel is not None and len(found) > 1 else []


def _panel(found: Fits, most: int | None = None) -> Any:
    """The sizes of the coefficients against λ, the largest first; None where all are 0."""
    sizes = abs(found.coefficients)
    order = sorted(range(len(found.names)), key=lambda j: -float(sizes[-1, j]))
    curves = []
    for rank, j in enumerate(order[:most]):
        seen = sizes[:, j] > 0.0
        if seen.any():
            points = found.lambdas[seen].tolist(), sizes[seen, j].tolist()
            curves.append(Curve(found.names[j], *points, muted=rank >= _COLOURED))
    return Panel("lambda", "|coefficient|", tuple(curves)) if curves else None


def _draw(found: Fits, file: Path) -> None:
    panel = _panel(found)
    if panel is None:
        raise UsageError("there is nothing to draw: all coefficients are 0", "add smaller λ")
    draw([panel], file)


def _as_json(found: Fits) -> dict[str, Any]:
    """All of a path as plain values; what is not known is null."""
    left = found.leave_one_out
    return {
        "l1_ratio": found.l1_ratio,
        "classes": list(found.template.classes),
        "names": list(found.names),
        "complete": found.complete,
        "best": None if left is None else left.best,
        "fits": [
            {
                "lambda": float(found.lambdas[i]),
                "C": 1.0 / (float(found.lambdas[i]) * found.template.weight_sum),
                "nonzeros": int(found.degrees[i]),
                "loss": float(found.losses[i]),
                "relative_gap": _known(one.relative_gap),
                "status": one.status.name.lower(),
                "data_reads": one.data_reads,
                "leave_one_out": None if left is None else float(left.losses[i]),
                "refitted": None if left is None else int(left.refitted[i]),
                "intercept": float(found.intercepts[i]),
                "coefficients": found.coefficients[i].tolist(),
            }
            for i, one in enumerate(found.certificates)
        ],
    }


def _known(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _verdict(found: Fits, files: list[Path], quiet: bool) -> int:
    for file in files if not quiet else ():
        say(f"written to {file}")
    proven = (Status.CERTIFIED, Status.SEPARATED)
    poor = [one for one in found.certificates if one.status not in proven]
    if found.complete and not poor:
        return DONE
    if poor:
        say(f"error: {len(poor)} of {len(found)} fits are not certified")
        say(f"hint: {COMMAND_LINE.status(poor[0].status)}")
    else:
        say(f"error: the path was ended after {len(found)} fits")
        say("hint: raise --time-budget, or ask for fewer by --n-lambdas")
    return SAYS_NO
