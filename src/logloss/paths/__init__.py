"""λ paths with warm starts, and the approximate leave-one-out loss along them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import logloss.files.clock as clock
from logloss.checks import flag, number, whole
from logloss.errors import UsageError
from logloss.fitting.problem import problem
from logloss.paths.gather import Callback, PathStep, Plan, run
from logloss.paths.leave_one_out import LeaveOneOut
from logloss.paths.result import Path
from logloss.paths.search import Searched, search
from logloss.paths.track import mixed
from logloss.record.request import Limits, Request, Roles, SolverChoice
from logloss.solvers.choose import seed_of
from logloss.table.treatment import table_options

if TYPE_CHECKING:
    from logloss.solvers.base import Solver
    from logloss.table import Label

__all__ = ["LeaveOneOut", "Path", "PathStep", "Searched", "path", "search"]

Array = NDArray[np.float64]


def path(
    X: Any,
    y: Any,
    *,
    n_lambdas: int = 100,
    lambdas: Any = None,
    lambda_min_ratio: float | None = None,
    l1_ratio: float = 1.0,
    leave_one_out: bool = False,
    sample_weight: Any = None,
    offset: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    solver: str | Solver = "auto",
    tol: float = 1e-6,
    max_iter: int | None = None,
    fit_intercept: bool = True,
    penalty_factors: Any = None,
    bounds: Any = None,
    standardize: bool = False,
    missing: str = "auto",
    na: Collection[str] = (),
    min_count: float = 0.0,
    positive: Label | None = None,
    exclude: Collection[str] = (),
    random_state: Any = None,
    n_threads: int | None = None,
    memory: int | str | None = None,
    spool: str | None = None,
    time_budget: float | None = None,
    callbacks: Sequence[Callback] = (),
    weights_are: str | None = None,
) -> Path:
    """Fit a logistic regression for each of many penalties, each to its proven optimum.

    The table is read and encoded once, and each fit starts from the one before. All λ are fitted:
    there is no early end where the loss hardly changes any more.

    Parameters
    ----------
    X, y, sample_weight, offset, class_weight, weights_are
        As in `logloss.fit`. What weights mean decides on what is left out with a row.
    n_lambdas : int
        How many λ, evenly on a logarithmic scale from λ_max down. λ_max is the least at which all
        penalised coefficients are 0 (at an `l1_ratio` below 0.001: as if it were 0.001).
    lambdas : array of positive numbers, optional
        The λ themselves; fitted from the largest to the smallest.
    lambda_min_ratio : float, optional
        The least λ as a share of λ_max; 1e-4, or 1e-2 with fewer rows than columns.
    l1_ratio : float
        Share of the L1 penalty: λ·l1_ratio·|w| + λ·(1 − l1_ratio)·w²/2, on the mean loss.
    leave_one_out : bool
        Estimate the leave-one-out loss for each λ, by one more read of the data.
    standardize : bool
        As in `logloss.fit`. (glmnet's default is True.)
    tol : float
        The relative gap to prove for each λ.
    max_iter : int, optional
        Steps of the solver at most, for each λ.
    time_budget : float, optional
        Seconds after which the path ends with the fits so far.
    callbacks : sequence of callables
        Called with a `PathStep` after each fit; a true result ends the path.
    solver, fit_intercept, penalty_factors, bounds, missing, na, min_count, positive, exclude, \
random_state, n_threads, memory, spool
        As in `logloss.fit`.

    Returns
    -------
    Path
        Ended early by a budget, a callback or Ctrl-C, it holds the fits so far.

    Raises
    ------
    DataError
        The data cannot be fitted: the message says where and why.
    UsageError
        An option is wrong, or names a column that is not there.

    Examples
    --------
    >>> import numpy as np, logloss
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.5], [4.0, 0.0]])
    >>> fits = logloss.path(X, [0, 0, 1, 0, 1], n_lambdas=3, lambda_min_ratio=0.1)
    >>> fits.degrees.tolist()
    [0, 1, 2]
    """
    begun = clock.begun(time_budget)
    mix = number("l1_ratio", l1_ratio, 0.0, 1.0)
    plan = Plan(
        l1_ratio=mix,
        lambdas=_check_grid(n_lambdas, lambdas, lambda_min_ratio),
        n_lambdas=n_lambdas,
        ratio=lambda_min_ratio,
        leave_one_out=flag("leave_one_out", leave_one_out),
        callbacks=tuple(callbacks),
    )
    request = Request(
        mixed(mix, penalty_factors, bounds, standardize),
        Limits(tol, max_iter, time_budget, n_threads),
        table_options(missing, na, min_count, memory, spool),
        Roles(y, sample_weight, offset, None, exclude, positive, class_weight, weights_are),
        SolverChoice.of(solver, seed_of(random_state)),
        fit_intercept=fit_intercept,
    )
    return run(problem(request, X), plan, begun)


def _check_grid(n_lambdas: int, lambdas: Any, ratio: float | None) -> Array | None:
    """The λ that are given, from the largest down."""
    whole("n_lambdas", n_lambdas)
    if ratio is not None:
        number("lambda_min_ratio", ratio, 0.0, 1.0, open_low=True)
    if lambdas is None:
        return None
    values = np.sort(np.atleast_1d(np.asarray(lambdas, dtype=np.float64)))[::-1]
    if values.ndim != 1 or not values.size or not (np.isfinite(values) & (values > 0.0)).all():
        raise UsageError("lambdas must be positive numbers", "for no penalty use logloss.fit")
    return np.ascontiguousarray(values)
