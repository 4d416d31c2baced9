"""`logloss evaluate`: a model against a table that holds the labels."""

from __future__ import annotations

import json as js
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import logloss
from logloss.cli import options
from logloss.cli.models import say_first
from logloss.cli.outcome import DONE
from logloss.cli.progress import Progress
from logloss.cli.terminal import emit, emit_json, say
from logloss.errors import UsageError
from logloss.files.atomic import check_writable
from logloss.report.curves import check_picture

if TYPE_CHECKING:
    from logloss.evaluation import Decision, Evaluation
    from logloss.model.model import Model

_WIDEST = 110


def evaluate(
    model: options.ModelFile,
    table: options.Table,
    target: Annotated[
        str | None,
        typer.Option(metavar="COL", help="The column of labels; by default the one fitted."),
    ] = None,
    weights: options.Weights = None,
    weights_are: options.WeightsAre = None,
    offset: options.Offset = None,
    bins: Annotated[
        int, typer.Option(metavar="N", min=1, help="Bins of about equal weight for calibration.")
    ] = 10,
    threshold: Annotated[
        float | None, typer.Option(metavar="P", help="Show what this threshold does.")
    ] = None,
    cost_fp: Annotated[
        float | None,
        typer.Option(
            metavar="A", help="Cost of a false positive: finds the threshold, with --cost-fn."
        ),
    ] = None,
    cost_fn: Annotated[
        float | None, typer.Option(metavar="B", help="Cost of a false negative; with --cost-fp.")
    ] = None,
    min_precision: Annotated[
        float | None, typer.Option(metavar="X", help="The largest recall at this precision.")
    ] = None,
    min_recall: Annotated[
        float | None, typer.Option(metavar="X", help="The largest precision at this recall.")
    ] = None,
    max_fpr: Annotated[
        float | None,
        typer.Option(metavar="X", help="The largest recall up to this false positive rate."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the calibration here: .png, .svg or .pdf."),
    ] = None,
    sql: options.Sql = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    n_threads: options.Threads = None,
    quiet: options.Quiet = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print all measures as JSON instead.")
    ] = False,
) -> int:
    """Judge a model by a table that it has not seen.

    Log loss and Brier score against the base rate, calibration, ranking, and thresholds by what
    mistakes cost or by what must hold. Rows without a label are left out and counted.
    """
    if quiet and json:
        raise UsageError("--quiet and --json contradict each other", "give one of the two")
    if (cost_fp is None) != (cost_fn is None):
        raise UsageError("--cost-fp and --cost-fn belong together", "give both")
    if plot is not None:
        _check_picture(plot)
    fitted = logloss.load(model)
    reading = options.Reading(sql, delimiter, quote, header)
    with Progress(table, 0.0, None, quiet) as progress:
        others = (target or fitted.fitted.target, weights, offset)
        source = progress.reading(reading.open_for(fitted, table, *others))
        found = fitted.evaluate(
            source,
            target,
            weights,
            bins,
            offset=offset,
            n_threads=n_threads,
            weights_are=weights_are,
        )
    decisions: list[Decision] = []
    if threshold is not None:
        decisions.append(found.decide(threshold))
    if cost_fp is not None and cost_fn is not None:
        decisions.extend(found.decide_by_cost(cost_fp, cost_fn))
    limits = {"min_precision": min_precision, "min_recall": min_recall, "max_fpr": max_fpr}
    for name, limit in limits.items():
        if limit is not None:
            decisions.append(found.decide_by(**{name: limit}))
    if plot is not None:
        found.plot(plot)
    _show(fitted, found, decisions, quiet, json)
    if plot is not None and not quiet:
        say(f"calibration drawn to {plot}")
    return DONE


def _show(
    model: Model, found: Evaluation, decisions: list[Decision], quiet: bool, json: bool
) -> None:
    if not quiet:
        say_first(model)
    if json:
        whole = found.to_json() | {"decisions": [one.to_json() for one in decisions]}
        emit_json(js.dumps(whole, allow_nan=False, indent=1))
    elif not quiet:
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        emit("\n\n".join([found.text(width), *map(logloss.evaluation.decision_text, decisions)]))


def _check_picture(path: Path) -> None:
    check_picture(path)
    check_writable(path)
