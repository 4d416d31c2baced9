"""The one way in: table + options → schema → design → likelihood → objective → solver → Model."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.backends.coordinates import Coordinates, Spread, coordinates, spread, spread_of_some
from logloss.backends.memory import MemoryLikelihood, RowData
from logloss.certificate import Certificate, Status
from logloss.checks import flag, number, whole
from logloss.errors import DataError, UsageError
from logloss.evidence import Evidence
from logloss.fitted import Fitted
from logloss.inference.firth import FirthChoice
from logloss.inference.separation import Judge, settled
from logloss.model import Model
from logloss.objective import Objective
from logloss.solvers.base import Callback, Result, Solver, Stop, minimise
from logloss.solvers.choose import Choice, choose
from logloss.strength import Strength
from logloss.table import Schema, Split, encode_target, learn, split
from logloss.table.bad_values import check_finite
from logloss.table.class_weight import class_weights
from logloss.table.design import Design, design_of, threads

if TYPE_CHECKING:
    from logloss.table import Label, Target
    from logloss.verdict import Separation

Array = NDArray[np.float64]

_FEW_ROWS = 20_000  # up to which a read to measure the columns costs nothing worth saving


def fit(
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    offset: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    C: float = math.inf,
    l1_ratio: float = 0.0,
    l1: float | None = None,
    l2: float | None = None,
    firth: bool = False,
    solver: str | Solver = "auto",
    tol: float = 1e-6,
    max_iter: int | None = None,
    fit_intercept: bool = True,
    penalty_factors: Any = None,
    bounds: Any = None,
    standardize: bool = False,
    positive: Label | None = None,
    exclude: Collection[str] = (),
    random_state: Any = None,
    n_threads: int | None = None,
    time_budget: float | None = None,
    start: Model | None = None,
    callbacks: Sequence[Callback] = (),
) -> Model:
    """Fit a logistic regression to its proven optimum.

    Parameters
    ----------
    X : array, sparse matrix, data frame, Arrow table, path or glob
        The table, shape (n, d). Arrays name their columns x0, x1, …
    y : array of shape (n,), or column name
        Two labels, or probabilities in [0, 1].
    sample_weight, offset : array of shape (n,), or column name, optional
    class_weight : mapping of label to weight, or "balanced", optional
        Multiplied into the weights. "balanced" gives both classes the same weight in total.
    C, l1_ratio : float
        scikit-learn's meaning: a = l1_ratio/(C Σs), l = (1 − l1_ratio)/(C Σs). inf: no penalty.
    l1, l2 : float, optional
        glmnet's meaning: the penalty on the mean loss. Not together with a finite C.
    firth : bool
        Firth's penalised likelihood: finite estimates on separated data, less bias on small ones.
        Without other penalties, bounds or a solver. The certificate's gap is nan, and its
        coefficient error the length of the modified score in standard errors.
    solver : str or Solver
        "auto", gd, nesterov, lbfgs, newton, newton-cg, prox-newton, sag, saga, sgd, adam,
        sigmoid-update, perceptron; or an object of `logloss.solvers`.
    tol : float
        The relative gap to prove: (F − min F)/F ≤ tol.
    max_iter : int, optional
        Steps of the solver at most.
    fit_intercept : bool
    penalty_factors : mapping of coefficient name to factor, or array of shape (d,), optional
        What the penalty of a coefficient is multiplied by; 0 leaves it unpenalised.
    bounds : mapping of coefficient name to bounds, or sequence of d bounds, optional
        Of the coefficients as they are reported: a pair (lower, upper), in which None is none, or
        a sign, "+" or "-".
    standardize : bool
        Penalise coefficients per (weighted, population) standard deviation of their columns.
        What is reported is in the units of the columns all the same.
    positive : label, optional
        The class whose probability is modelled; the larger one by default.
    exclude : collection of column names
        Columns to leave out.
    random_state : int, Generator or RandomState, optional
        Seed of the solvers that read rows in random order (sag, saga, sgd, adam, sigmoid-update,
        perceptron): equal seeds give equal bits, as does none. Other results never depend on it.
    n_threads : int, optional
        By default as OpenMP would (OMP_NUM_THREADS, threadpoolctl). The result never depends on it.
    time_budget : float, optional
        Seconds after which the best point so far is taken: that of least F, not the last one. Its
        certificate takes a tenth more at most, beyond a read or two of the data.
    start : Model, optional
        Where to start: its coefficients, by name. A model that was stopped goes on from there.
    callbacks : sequence of callables
        Called with a `Step` after each step; a true result stops the fit.

    Returns
    -------
    Model
        Its `certificate` says how far it is from the optimum at most, and how the fit ended.

    Raises
    ------
    DataError
        The data cannot be fitted: the message says where and why.
    UsageError
        An option is wrong, or names a column that is not there.
    """
    begun = time.perf_counter()
    strength = Strength(C, l1_ratio, l1, l2, penalty_factors, bounds, standardize)
    strength.check()
    check_limits(tol, max_iter, n_threads, time_budget)
    fit_intercept = flag("fit_intercept", fit_intercept)
    if flag("firth", firth):
        strength.check_none("firth=True")
        _check_no_solver(solver)
    choose(solver, 1, 1, strength.smooth)  # refuses what cannot be before any work
    parts = split(X, y=y, sample_weight=sample_weight, offset=offset, exclude=exclude)
    task = task_of(parts, positive, class_weight, fit_intercept, threads(n_threads))
    chosen: Choice | FirthChoice = choose(
        solver, task.design.n_rows, task.design.n_columns + fit_intercept, strength.smooth
    ).seeded(random_state)
    if firth:
        chosen = FirthChoice()
    seconds = math.inf if time_budget is None else time_budget
    stop = Stop(tol, max_iter, seconds, begun, tuple(callbacks))
    options = {
        "C": float(C) if math.isfinite(C) else "inf",
        "l1_ratio": float(l1_ratio),
        "l1": None if l1 is None else float(l1),
        "l2": None if l2 is None else float(l2),
        "fit_intercept": bool(fit_intercept),
        "firth": bool(firth),
        "solver": solver if isinstance(solver, str) else chosen.solver.name,
        "tol": float(tol),
        "standardize": bool(standardize),
        "max_iter": None if max_iter is None else int(max_iter),
        "time_budget": None if time_budget is None else float(time_budget),
    }
    names = {
        "target": column_name(y, parts.target_name),
        "offset": column_name(offset, parts.offset_name),
        "weights": column_name(sample_weight, parts.weights_name),
    }
    record = {"options": options, **names}
    fitted, evidence = solve_task(task, strength, chosen, start, stop, record)
    return Model(fitted, evidence)


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be fitted: the matrix, its rows' labels, weights and offsets, and their names."""

    parts: Split
    schema: Schema
    target: Target
    design: Design
    rows: RowData
    intercept: bool
    n_threads: int

    def objective(
        self, strength: Strength, exact: bool, by_row: bool = False
    ) -> tuple[Objective, Coordinates]:
        """The objective in coordinates that suit it, measured on all rows if `exact`.

        `by_row`: that suit a solver which goes row by row.
        """
        measured = self.measure(exact)
        weights = strength.weights(self.names, self.rows.total(), measured.deviation)
        likelihood = self.likelihood(measured, weights[0], by_row)
        where = likelihood.coordinates
        penalty = strength.penalty(weights, self.names, where.scale, self.intercept)
        return Objective(likelihood, penalty), where

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients, in order."""
        return self.schema.coefficient_names

    def measure(self, exact: bool) -> Spread:
        """Means and deviations of the columns: of all rows if `exact`, or where they are few."""
        if not exact and self.design.n_rows > _FEW_ROWS:
            measured = spread_of_some(self.design, self.n_threads)
            if not measured.still.any():  # in all rows?
                return measured
        return spread(self.design, self.rows.weight, self.n_threads)

    def likelihood(self, measured: Spread, l2: Array, by_row: bool = False) -> MemoryLikelihood:
        """The likelihood in coordinates that suit the columns and their L2 penalties."""
        mean = self.rows.total(self.rows.y) / self.rows.total()
        where = coordinates(measured, l2, max(mean * (1.0 - mean), 1e-6), self.intercept)
        if by_row and self.design.sparse.any():
            square = float((measured.mean**2 + measured.deviation**2)[self.design.sparse].sum())
            where = where.by_row(self.design.sparse, square)
        reads = int(measured.whole)
        return MemoryLikelihood(self.design, self.rows, where, self.n_threads, reads)

    def evidence(self, objective: Objective, where: Coordinates, beta: Array) -> Evidence:
        """What the fit leaves for questions that need its data."""
        features = self.parts.features
        return Evidence(
            objective,
            where,
            beta,
            self.names,
            self.intercept,
            self.design,
            self.rows,
            features,
            self.n_threads,
        )

    def first(self, objective: Objective, where: Coordinates, start: Model | None) -> Array:
        """Where to start: the coefficients of a model, or the intercept alone."""
        if start is not None:
            return objective.penalty.prox(where.inner(*self._known(start)), 0.0)
        beta = np.zeros(objective.n_coefficients)
        if self.intercept:
            beta[-1] = objective.likelihood.null_fit()[0]
        return beta

    def _known(self, start: Model) -> tuple[Array, float]:
        """The coefficients of a model in the order of ours; an error where it is of other data."""
        names, known = self.names, start.coefficients
        missing = [name for name in names if name not in known]
        surplus = sorted(set(known) - set(names))
        if missing or surplus:
            lacks = f"it lacks {_listed(missing)}" if missing else ""
            has = f"the table lacks {_listed(surplus)}" if surplus else ""
            raise UsageError(
                f"start is a model of other columns: {', '.join(filter(None, [lacks, has]))}",
                "fit the columns that it was fitted on (see exclude), or leave start out",
            )
        if start.classes != self.target.classes:
            raise UsageError(
                f"start models {start.classes[1]!r} against {start.classes[0]!r}, this fit"
                f" {self.target.classes[1]!r} against {self.target.classes[0]!r}",
                "say by positive which label is meant, or leave start out",
            )
        return np.array([known[name] for name in names]), start.intercept


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def task_of(
    parts: Split,
    positive: Label | None,
    class_weight: Mapping[Any, float] | str | None,
    intercept: bool,
    n_threads: int,
) -> Task:
    """Learn what the columns are, and encode them and the target."""
    schema = learn(parts.features)
    target = encode_target(
        parts.y_values, positive=positive, where=parts.y_where, weights=parts.weights
    )
    weight = class_weights(target, parts.weights, class_weight)
    rows = RowData(target.y, weight, parts.offset)
    design = design_of(schema.encode(parts.features))
    return Task(parts, schema, target, design, rows, intercept, n_threads)


def solve_task(
    task: Task,
    strength: Strength,
    chosen: Choice | FirthChoice,
    start: Model | None,
    stop: Stop,
    record: dict[str, Any],
) -> tuple[Fitted, Evidence]:
    """Minimise, and put into a record what was found; `record` says what was asked for."""
    exact = strength.standardize or not chosen.solver.affine_invariant
    by_row = getattr(chosen.solver, "by_row", False)
    objective, where = task.objective(strength, exact, by_row)
    first = task.first(objective, where, start)
    with np.errstate(invalid="ignore", over="ignore"):
        result, loss, separation = _solved(objective, first, chosen, stop, task.names)
    if result.status is Status.FAILED:
        check_finite(task.design.encoded, task.parts.features)
        raise DataError(
            "the values are too large: their products with any coefficients overflow",
            "express the columns in larger units",
        )
    likelihood = objective.likelihood
    coef, intercept = where.raw(result.beta)
    coef = strength.within_bounds(coef, task.schema.coefficient_names)
    fitted = Fitted(
        schema=task.schema,
        coefficients=coef,
        intercept=intercept,
        classes=task.target.classes,
        certificate=_certificate(result, objective, chosen, time.perf_counter() - stop.begun),
        history=result.history,
        n_rows=task.design.n_rows,
        weight_sum=likelihood.weight_sum,
        positive_share=task.rows.total(task.rows.y) / likelihood.weight_sum,
        loss=loss,
        objective=math.nan if result.status is Status.NO_LOSS else result.value,
        null_loss=objective.value_of_null(),
        separation=separation,
        **record,
    )
    return fitted, task.evidence(objective, where, result.beta)


def _solved(
    objective: Objective,
    first: Array,
    chosen: Choice | FirthChoice,
    stop: Stop,
    names: tuple[str, ...],
) -> tuple[Result, float, Separation | None]:
    """The end of the fit, the log loss there, and the verdict that came with it."""
    if isinstance(chosen, FirthChoice):
        result = chosen.solver.solve(objective, first, stop)
        return result, objective.value_gradient(result.beta)[0], None
    judge = Judge(objective.until(math.inf), stop.tol, stop.seconds == math.inf)
    result = minimise(objective, chosen.solver, first, replace(stop, separated=judge.separated))
    result, separation = settled(judge, result, names, stop)
    value = math.nan if result.status is Status.NO_LOSS else result.value
    return result, value - objective.penalty.value(result.beta), separation


def _certificate(
    result: Result, objective: Objective, chosen: Choice | FirthChoice, seconds: float
) -> Certificate:
    gap = result.gap
    error = math.sqrt(2.0 * objective.likelihood.weight_sum * max(gap, 0.0))
    return Certificate(
        gap=gap,
        relative_gap=gap / result.value if result.value > 0.0 else gap,
        coefficient_error=result.length if math.isnan(gap) else error,
        data_reads=objective.reads,
        solver=chosen.solver.name,
        reason=chosen.reason,
        status=result.status,
        seconds=seconds,
    )


def column_name(given: Any, column: str | None) -> str | None:
    """What the model remembers: the column, "" for an array, None for nothing."""
    return column if column is not None else ("" if given is not None else None)


def _check_no_solver(solver: str | Solver) -> None:
    if solver not in ("auto", None):
        raise UsageError(
            "firth=True has a method of its own and takes no solver", "leave solver out"
        )


def check_limits(
    tol: float, max_iter: int | None, n_threads: int | None, time_budget: float | None
) -> None:
    """Raise a UsageError where a limit of a fit cannot be."""
    number("tol", tol, 0.0, 1.0, open_low=True)
    for name, value in (("max_iter", max_iter), ("n_threads", n_threads)):
        if value is not None:
            whole(name, value)
    if time_budget is not None:
        number("time_budget", time_budget, 0.0, math.inf, open_low=True)
