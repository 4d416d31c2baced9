"""`logloss fit`: a table in, a certified model out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logloss.cli import options
from logloss.cli.outcome import DONE, SAYS_NO
from logloss.cli.progress import Progress
from logloss.cli.terminal import emit, say
from logloss.errors import UsageError
from logloss.files.atomic import check_writable

if TYPE_CHECKING:
    from logloss.model import Model

_DEFAULT_TOL = 1e-6  # for the time left only; the fit has its own


def fit(
    table: options.Table,
    target: Annotated[str, typer.Option(metavar="COL", help="The column to explain.")],
    positive: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Which label of the target is positive.")
    ] = None,
    c: Annotated[
        float | None,
        typer.Option(
            "--C", metavar="C", help="Strength of the data against the penalty, as in scikit-learn."
        ),
    ] = None,
    l1_ratio: Annotated[
        float | None, typer.Option(metavar="R", help="Share of L1 in the penalty of --C.")
    ] = None,
    l1: Annotated[
        float | None, typer.Option(metavar="A", help="L1 penalty on the mean loss, as in glmnet.")
    ] = None,
    l2: Annotated[
        float | None, typer.Option(metavar="B", help="L2 penalty on the mean loss, as in glmnet.")
    ] = None,
    solver: Annotated[
        str | None, typer.Option(metavar="S", help="The solver; by default the one that fits.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="COL", help="The column of row weights.")
    ] = None,
    offset: Annotated[
        str | None, typer.Option(metavar="COL", help="The column added to the log odds.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Leave a column out; may be repeated.")
    ] = None,
    tol: Annotated[
        float | None, typer.Option(metavar="T", help="Relative gap to the optimum. [default: 1e-6]")
    ] = None,
    max_iter: Annotated[int | None, typer.Option(metavar="N", help="At most N steps.")] = None,
    time_budget: Annotated[
        float | None, typer.Option(metavar="S", help="Stop after S seconds.")
    ] = None,
    n_threads: options.Threads = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the model to FILE, as JSON.")
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> int:
    """Fit a table and print the result.

    The result: the coefficients, and a certificate of how far they are from the optimum at most.
    Without --C, --l1 and --l2 there is no penalty. Exit status 0: certified to --tol.
    1: not certified, or Ctrl-C; the best iterate is printed and written all the same.
    """
    if quiet and json:
        raise UsageError("--quiet and --json contradict each other", "give one of the two")
    if model is not None:
        check_writable(model)
    chosen = {
        "positive": positive,
        "C": c,
        "l1_ratio": l1_ratio,
        "l1": l1,
        "l2": l2,
        "solver": solver,
        "sample_weight": weights,
        "offset": offset,
        "exclude": tuple(exclude) if exclude else None,
        "tol": tol,
        "max_iter": max_iter,
        "time_budget": time_budget,
        "n_threads": n_threads,
    }
    with Progress(table, tol or _DEFAULT_TOL, time_budget, quiet) as progress:
        fitted = _fit(table, target, chosen, progress)
    try:
        if model is not None:
            fitted.save(model)
    finally:  # a full disk must not cost the result of a long fit
        if not quiet:
            emit(fitted.fitted.dumps().rstrip("\n") if json else str(fitted.summary()))
    return _verdict(fitted, model, quiet)


def _fit(table: str, target: str, chosen: dict[str, Any], progress: Progress) -> Model:
    """Fit with the options that were given; the others keep the defaults of `logloss.fit`."""
    from logloss.fitting import fit as run_fit

    given = {name: value for name, value in chosen.items() if value is not None}
    return run_fit(table, target, callbacks=(progress,), **given)


def _verdict(model: Model, path: Path | None, quiet: bool) -> int:
    if path is not None and not quiet:
        say(f"model written to {path}")
    if model.fitted.certified:
        return DONE
    kept = "" if path is None else "; the model file is marked so"
    say(f"error: the fit is not certified ({model.certificate.status.name.lower()}){kept}")
    say(f"hint: {model.certificate.status.value}")
    return SAYS_NO
