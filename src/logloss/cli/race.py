"""`logloss race`: solvers side by side on one table, by data reads and by seconds."""

from __future__ import annotations

import contextlib
import json as js
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import logloss
from logloss.cli import options
from logloss.cli.outcome import DONE
from logloss.cli.progress import Progress
from logloss.cli.terminal import emit, emit_json, say
from logloss.errors import UsageError
from logloss.files.atomic import check_writable
from logloss.record.interface import COMMAND_LINE
from logloss.report.curves import check_picture

if TYPE_CHECKING:
    from logloss.racing.race import Race

_WIDEST = 110


def race(
    table: options.Table,
    target: options.Target,
    solvers: Annotated[str | None, options.declared("solvers", "race")] = None,
    positive: options.Positive = None,
    c: options.C = None,
    l1_ratio: options.L1Ratio = None,
    l1: options.L1 = None,
    l2: options.L2 = None,
    penalty_factor: options.PenaltyFactors = None,
    bound: options.Bounds = None,
    standardize: options.Standardize = False,
    no_intercept: options.NoIntercept = False,
    weights: options.Weights = None,
    class_weight: options.ClassWeight = None,
    offset: options.Offset = None,
    exclude: options.Exclude = None,
    missing: options.Missing = None,
    na: options.Na = None,
    min_count: options.MinCount = None,
    sql: options.Sql = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    tol: Annotated[float | None, options.declared("tol", "race")] = None,
    max_iter: Annotated[int | None, options.declared("max_iter", "race")] = None,
    time_budget: Annotated[float | None, options.declared("time_budget", "race")] = None,
    random_state: options.RandomState = None,
    n_threads: options.Threads = None,
    memory: options.Memory = None,
    spool: options.Spool = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Draw the race here: .png, .svg or .pdf."
        ),
    ] = None,
    quiet: options.Quiet = False,
    json: Annotated[bool, typer.Option("--json", help="Print every step as JSON instead.")] = False,
) -> int:
    """Race solvers on a table.

    All minimise the same log loss and penalty; shown is how far above the optimum each still is,
    against reads of the data and against seconds. The optimum comes from a tight fit before the
    race. A solver ends when its gap is proven to be within --tol, or when its time is over.
    Ctrl-C ends the race with the solvers so far.
    """
    chosen = options.asked("race", locals())
    if quiet and json:
        raise UsageError("--quiet and --json contradict each other", "give one of the two")
    if output is not None:
        _check_output(output)
    reading = options.Reading(sql, delimiter, quote, header, na, exclude)
    roles = {"--target": target, "--weights": weights, "--offset": offset}
    with Progress(table, tol or 1e-6, time_budget, quiet) as progress:
        source = progress.reading(reading.open(table, roles))
        with _own_words():
            found = logloss.race(
                source, target, callbacks=(progress,), announce=progress.begin, **chosen
            )
    if output is not None:
        found.plot(output)
    if json:
        emit_json(js.dumps(_as_json(found), allow_nan=False))
    elif not quiet:
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        emit(f"{found.chart(width)}\n\n{found}")
    if output is not None and not quiet:
        say(f"race drawn to {output}")
    return DONE


@contextlib.contextmanager
def _own_words() -> Iterator[None]:
    """A verdict says what to do in the words of the command line."""
    from logloss.racing.race import Separated, no_optimum

    try:
        yield
    except Separated as error:
        raise no_optimum(error.separation, COMMAND_LINE) from None


def _check_output(path: Path) -> None:
    check_picture(path)
    check_writable(path)


def _as_json(race: Race) -> dict[str, Any]:
    """All of a race as plain values; what is not known is null."""
    return {
        "optimum": race.optimum,
        "optimum_gap": race.optimum_gap,
        "n_rows": race.n_rows,
        "n_columns": race.n_columns,
        "penalty": race.penalty,
        "solvers": [
            {
                "solver": run.label,
                "status": run.certificate.status.name.lower(),
                "gap": _known(run.certificate.gap),
                "data_reads": run.certificate.data_reads,
                "seconds": run.certificate.seconds,
            }
            for run in race.runs
        ],
        "steps": [
            {name: _known(value) for name, value in row.items()} for row in race.table.to_pylist()
        ],
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
