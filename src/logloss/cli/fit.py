"""`logloss fit`: a table in, a certified model out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import logloss
from logloss.cli import options
from logloss.cli.models import emit_model, say_first
from logloss.cli.outcome import DONE, SAYS_NO
from logloss.cli.progress import Progress
from logloss.cli.terminal import emit, say
from logloss.errors import UsageError
from logloss.files.atomic import check_writable
from logloss.record.interface import COMMAND_LINE
from logloss.report import first_words, reached

if TYPE_CHECKING:
    from logloss.model.model import Model
    from logloss.record.proof import Status
    from logloss.table import Source

_DEFAULT_TOL = 1e-6  # for the time left only; the fit has its own


def fit(
    table: options.Table,
    target: options.Target,
    positive: options.Positive = None,
    c: options.C = None,
    l1_ratio: options.L1Ratio = None,
    l1: options.L1 = None,
    l2: options.L2 = None,
    penalty_factor: options.PenaltyFactors = None,
    bound: options.Bounds = None,
    standardize: options.Standardize = False,
    no_intercept: options.NoIntercept = False,
    firth: Annotated[bool, options.declared("firth")] = False,
    solver: options.SolverName = None,
    weights: options.Weights = None,
    class_weight: options.ClassWeight = None,
    weights_are: options.WeightsAre = None,
    covariance: options.Covariance = None,
    distribution: options.Distribution = None,
    offset: options.Offset = None,
    exclude: options.Exclude = None,
    missing: options.Missing = None,
    na: options.Na = None,
    min_count: options.MinCount = None,
    formula: options.Formula = None,
    sql: options.Sql = None,
    delimiter: options.Delimiter = None,
    quote: options.Quote = None,
    header: options.Header = None,
    prior: options.Prior = None,
    tol: Annotated[float | None, options.declared("tol")] = None,
    max_iter: Annotated[int | None, options.declared("max_iter")] = None,
    time_budget: Annotated[float | None, options.declared("time_budget")] = None,
    start: Annotated[Path | None, options.declared("start")] = None,
    random_state: options.RandomState = None,
    n_threads: options.Threads = None,
    memory: options.Memory = None,
    spool: options.Spool = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the model to FILE, as JSON.")
    ] = None,
    influence: Annotated[
        int | None,
        typer.Option(metavar="K", min=1, help="Print the K rows that the fit hangs on most, too."),
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Fit a table and print the result.

    The result: the coefficients, and a certificate of how far they are from the optimum at most.
    Without --C, --l1 and --l2 there is no penalty. Exit status 0: certified to --tol, or proven to
    have no finite estimate, which the summary then begins with. 1: not certified, or Ctrl-C; the
    best point is printed and written all the same, and --start goes on from it.
    """
    chosen = options.asked("fit", locals())
    if quiet and json:
        raise UsageError("--quiet and --json contradict each other", "give one of the two")
    if influence is not None and (quiet or json):
        raise UsageError("--influence prints words: not with --quiet or --json", "leave one out")
    if model is not None:
        check_writable(model)
    kind, groups = (None, None) if covariance is None else options.covariance(covariance)
    options.check_distribution(distribution)
    reading = options.Reading(sql, delimiter, quote, header, na, exclude, groups)
    roles = {"--target": target, "--weights": weights, "--offset": offset}
    chosen |= {"covariance": kind, "groups": groups, "exclude": reading.beside or ()}
    with Progress(table, tol or _DEFAULT_TOL, time_budget, quiet) as progress:
        fitted = _fit(progress.reading(reading.open(table, roles)), target, chosen, progress)
    try:
        if model is not None:
            fitted.save(model)
    finally:  # a full disk must not cost the result of a long fit
        if not quiet:
            emit_model(fitted, json, distribution)
    if influence is not None:
        emit("\n" + fitted.influence().text(influence))
    if json:
        say_first(fitted)
    return _verdict(fitted, model, quiet, table)


def _fit(table: Source, target: str, chosen: dict[str, Any], progress: Progress) -> Model:
    return logloss.fit(table, target, callbacks=(progress,), **chosen)


def _verdict(model: Model, path: Path | None, quiet: bool, table: str) -> int:
    if path is not None and not quiet:
        say(f"model written to {path}")
    status = model.certificate.status
    if model.fitted.converged or status.name == "SEPARATED":  # a verdict is a proven answer too
        return DONE
    if status.name == "NO_LOSS":  # nothing that could be certified, and nothing went wrong
        if not quiet:
            say(f"note: {COMMAND_LINE.status(status)}")
        return DONE
    how = reached(model.fitted) or status.name.lower()
    kept = "" if path is None else "; the model file is marked so"
    first = first_words(model.fitted, COMMAND_LINE) if status.name == "BUDGET" else ""
    if first and quiet:  # the summary begins with it
        say(f"note: {first}")
    say(f"error: the fit is not certified: {how}{kept}")
    verdict = model.fitted.separation
    apart = verdict is not None and verdict.exists is False
    words = verdict.in_words(COMMAND_LINE) if verdict and apart else _way_on(status, path, table)
    say(f"hint: {words}")
    return SAYS_NO


def _way_on(status: Status, path: Path | None, table: str) -> str:
    if status.name not in ("BUDGET", "INTERRUPTED"):
        return COMMAND_LINE.status(status)
    if path is None:
        return "--model FILE keeps the model, and --start FILE goes on from it"
    again = f"to go on from it, give the same command with --start {path}"
    if status.name == "BUDGET" or table.endswith(".spool") or table == "-":
        return again
    return f"{again} ('logloss encode {table} -o table.spool' saves the reading)"
