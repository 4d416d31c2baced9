"""λ paths with warm starts, and the approximate leave-one-out loss along them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.certificate import Status
from logloss.checks import flag, number, whole
from logloss.errors import DataError, UsageError
from logloss.fitted import Fitted
from logloss.fitting import check_limits, column_name, task_of
from logloss.paths.follow import Place
from logloss.paths.leave_one_out import LeaveOneOut, Minimum, left_out
from logloss.paths.result import Path
from logloss.paths.track import Track, grid
from logloss.paths.walk import FOLLOWED, Found, Plan, walk
from logloss.solvers.choose import choose
from logloss.strength import Strength
from logloss.table import split
from logloss.table.bad_values import check_finite
from logloss.table.design import threads

if TYPE_CHECKING:
    from logloss.solvers.base import Solver
    from logloss.table import Label

__all__ = ["LeaveOneOut", "Path", "PathStep", "path"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PathStep:
    """A fit of the path, as callbacks are told of it.

    Attributes
    ----------
    index, total : int
        Which fit, of how many.
    strength : float
        λ.
    nonzeros : int
        Coefficients that are not 0.
    loss, relative_gap, seconds : float
    data_reads : int
    """

    index: int
    total: int
    strength: float
    nonzeros: int
    loss: float
    relative_gap: float
    seconds: float
    data_reads: int


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
    positive: Label | None = None,
    exclude: Collection[str] = (),
    n_threads: int | None = None,
    time_budget: float | None = None,
    callbacks: Sequence[Callable[[PathStep], Any]] = (),
) -> Path:
    """Fit a logistic regression for each of many penalties, each to its proven optimum.

    The table is read and encoded once, and each fit starts from the one before. All λ are fitted:
    there is no early end where the loss hardly changes any more.

    Parameters
    ----------
    X, y, sample_weight, offset, class_weight
        As in `logloss.fit`.
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
    solver, fit_intercept, penalty_factors, bounds, positive, exclude, n_threads
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
    [0, 1, 1]
    """
    begun = time.perf_counter()
    strength = Strength(
        l1_ratio=l1_ratio, factors=penalty_factors, bounds=bounds, standardize=standardize
    )
    strength.check()
    check_limits(tol, max_iter, n_threads, time_budget)
    given = _check_grid(n_lambdas, lambdas, lambda_min_ratio)
    fit_intercept = flag("fit_intercept", fit_intercept)
    parts = split(X, y=y, sample_weight=sample_weight, offset=offset, exclude=exclude)
    task = task_of(parts, positive, class_weight, fit_intercept, threads(n_threads))
    track = Track.of(task, strength, float(l1_ratio))
    size = track.likelihood.n_coefficients
    chosen = choose(solver, task.design.n_rows, size, track.smooth)
    seconds = math.inf if time_budget is None else time_budget
    follow = isinstance(solver, str) and solver in _FOLLOWING and size <= FOLLOWED
    plan = Plan(chosen, follow, float(tol), max_iter, seconds, begun)
    record = {
        "options": {
            "C": "inf",
            "l1_ratio": 0.0,
            "l1": None,
            "l2": None,
            "fit_intercept": fit_intercept,
            "solver": solver if isinstance(solver, str) else chosen.solver.name,
            "tol": float(tol),
        },
        "target": column_name(y, parts.target_name),
        "offset": column_name(offset, parts.offset_name),
        "weights": column_name(sample_weight, parts.weights_name),
    }
    start, largest = _start(track, follow)
    values = grid(largest, n_lambdas, _ratio(track, lambda_min_ratio)) if given is None else given
    gathered = _Gathered(track, plan, flag("leave_one_out", leave_one_out))
    complete = gathered.walk(values, start, callbacks)
    return gathered.path(values, complete, record)


_FOLLOWING = frozenset(["auto"])  # solvers that leave the way to us


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


def _ratio(track: Track, given: float | None) -> float:
    few = track.task.design.n_rows < track.task.design.n_columns
    return given if given is not None else (1e-2 if few else 1e-4)


def _start(track: Track, follow: bool) -> tuple[Place | Array, float]:
    """The null model, and λ_max."""
    with np.errstate(invalid="ignore", over="ignore"):
        null = track.null()
        largest, gradient = track.largest(null)
        if not np.isfinite(gradient).all():
            check_finite(track.task.design.encoded, track.task.parts.features)
            raise DataError(
                "the values are too large: their sums overflow",
                "express the columns in larger units",
            )
        if not follow:
            return null, largest or 1.0
        return Place(null, gradient, track.likelihood.hessian(null)), largest or 1.0


class _Gathered:
    """The fits of a path as they come."""

    def __init__(self, track: Track, plan: Plan, leave_one_out: bool) -> None:
        self.track = track
        self.plan = plan
        self.leave_one_out = leave_one_out
        self.found: list[Found] = []
        self.left_out: list[tuple[float, int]] = []

    def walk(
        self,
        values: Array,
        start: Place | Array,
        callbacks: Sequence[Callable[[PathStep], Any]],
    ) -> bool:
        """Walk to the end, or until a budget, a callback or Ctrl-C ends it; whether all is done."""
        try:
            for found in walk(self.track, values, self.plan, start):
                self._keep(found)
                step = self._step(found, values)
                ended = [callback(step) for callback in callbacks]
                late = time.perf_counter() - self.plan.begun >= self.plan.seconds
                if any(ended) or late or found.certificate.status is Status.INTERRUPTED:
                    break
        except KeyboardInterrupt:
            if not self.found:
                raise
        return len(self.found) == len(values)

    def _keep(self, found: Found) -> None:
        if found.certificate.status is Status.FAILED:
            raise DataError(
                "the loss is not finite: products of the values and the coefficients overflow",
                "express the columns in larger units",
            )
        if self.leave_one_out:
            minimum = Minimum(found.objective, self.track.likelihood, found.beta, found.hessian)
            self.left_out.append(left_out(minimum, self.plan.chosen.solver))
        self.found.append(found)

    def _step(self, found: Found, values: Array) -> PathStep:
        certificate, index = found.certificate, len(self.found) - 1
        return PathStep(
            index,
            len(values),
            float(values[index]),
            int(np.count_nonzero(self.track.likelihood.coordinates.raw(found.beta)[0])),
            found.loss,
            certificate.relative_gap,
            certificate.seconds,
            certificate.data_reads,
        )

    def path(self, values: Array, complete: bool, record: dict[str, Any]) -> Path:
        """Lay out what was found."""
        raw = [self.track.likelihood.coordinates.raw(one.beta) for one in self.found]
        first = self.found[0]
        task, likelihood = self.track.task, self.track.likelihood
        template = Fitted(
            schema=task.schema,
            coefficients=raw[0][0],
            intercept=raw[0][1],
            classes=task.target.classes,
            certificate=first.certificate,
            history=(),
            n_rows=task.design.n_rows,
            weight_sum=likelihood.weight_sum,
            positive_share=task.rows.total(task.rows.y) / likelihood.weight_sum,
            loss=first.loss,
            objective=first.value,
            null_loss=likelihood.null_fit()[1],
            **record,
        )
        left = None
        if self.left_out:
            losses, refitted = zip(*self.left_out, strict=True)
            left = LeaveOneOut(np.array(losses), np.array(refitted, dtype=np.int64))
        return Path(
            lambdas=values[: len(raw)],
            l1_ratio=self.track.l1_ratio,
            coefficients=np.array([coef for coef, _ in raw]),
            intercepts=np.array([intercept for _, intercept in raw]),
            losses=np.array([one.loss for one in self.found]),
            objectives=np.array([one.value for one in self.found]),
            certificates=tuple(one.certificate for one in self.found),
            leave_one_out=left,
            complete=complete,
            template=template,
        )
