"""The one way in: table + options → schema → design → likelihood → objective → solver → Model."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import logloss.clock as clock
from logloss.certificate import Certificate, Status
from logloss.checks import flag, number, whole
from logloss.errors import DataError, UsageError
from logloss.evidence import Evidence
from logloss.fitted import Fitted
from logloss.inference.causes import explained
from logloss.inference.covariance import check_choice, kind_named
from logloss.inference.firth import FirthChoice
from logloss.inference.narrowed import Narrowed
from logloss.inference.separation import Judge, judged_fit, settled
from logloss.model import Model
from logloss.objective import Objective
from logloss.prior import check_prior, with_prior
from logloss.solvers.base import Callback, Result, Solver, Stop
from logloss.solvers.choose import Choice, choose
from logloss.strength import Strength
from logloss.table import split
from logloss.table.bad_values import check_finite
from logloss.table.treatment import table_options
from logloss.task import Task, task_of
from logloss.weighting import check_weights_are
from logloss.writing import written

if TYPE_CHECKING:
    from logloss.table import Label, Schema
    from logloss.verdict import Separation

Array = NDArray[np.float64]

_ONE_CLASS = 1e-290  # the loss of the intercept alone where all weight is on one class


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
    missing: str = "auto",
    na: Collection[str] = (),
    min_count: float = 0.0,
    positive: Label | None = None,
    exclude: Collection[str] = (),
    prior: float | None = None,
    random_state: Any = None,
    n_threads: int | None = None,
    time_budget: float | None = None,
    memory: int | str | None = None,
    spool: str | None = None,
    formula: str | None = None,
    start: Model | None = None,
    callbacks: Sequence[Callback] = (),
    weights_are: str | None = None,
    covariance: str | None = None,
    groups: Any = None,
) -> Model:
    """Fit a logistic regression to its proven optimum.

    Parameters
    ----------
    X : array, sparse matrix, data frame, Arrow table, path or glob
        The table, shape (n, d). Arrays name their columns x0, x1, … Columns of text have a
        coefficient for each level; without a penalty, for each but one. Columns
        that say nothing (constant, repeated, text that differs in each row) are left out, and
        `Model.notes` says so; not those of arrays.
    y : array of shape (n,), or column name
        Two labels, or probabilities in [0, 1]. Rows without one are left out where it is a column.
        Two columns are successes and failures.
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
        What the penalty of a coefficient is multiplied by; 0 leaves it unpenalised. The name of a
        column of text means all of its levels.
    bounds : mapping of coefficient name to bounds, or sequence of d bounds, optional
        Of the coefficients as they are reported: a pair (lower, upper), in which None is none, or
        a sign, "+" or "-".
    standardize : bool
        Penalise coefficients per (weighted, population) standard deviation of their columns.
        What is reported is in the units of the columns all the same.
    missing : str
        Of features of tables: "auto" gives text a level for missing values, and numbers their mean
        and an indicator; "error" refuses them; "drop" leaves out the row.
    na : collection of str
        Texts that stand for a missing value, such as "?", beside the usual ones.
    min_count : float
        Levels of text that have less weight than this are taken together.
    positive : label, optional
        The class whose probability is modelled; by default the later one of declared categories,
        else the larger one.
    exclude : collection of column names
        Columns to leave out.
    prior : float, optional
        The share of the positive class in the population, where it was sampled or weighted more
        often than it occurs: the intercept is corrected for it at the end (King & Zeng 2001). The
        certificate and the log loss are those of the fit before that.
    random_state : int, Generator or RandomState, optional
        Seed of the solvers that read rows in random order (sag, saga, sgd, adam, sigmoid-update,
        perceptron): equal seeds give equal bits, as does none. Other results never depend on it.
    n_threads : int, optional
        By default as OpenMP would (OMP_NUM_THREADS, threadpoolctl). The result never depends on it.
    time_budget : float, optional
        Seconds from the call, reading included, after which the best point so far is taken: that
        of least F, not the last one. Its
        certificate takes a tenth more at most, beyond a read or two of the data.
    memory : int or str, optional
        Bytes ("2GB") that the columns of a file may take in memory; beyond, they go to a temporary
        file that is mapped into memory. By default half of what is free.
    spool : str, optional
        The folder of that file.
    formula : str, optional
        The terms to fit in place of the columns: "age + C(race) + bs(bmi, df=4) + age:smoke".
        Needs the extra ``formula``.
    start : Model, optional
        Where to start: its coefficients, by name. A model that was stopped goes on from there.
    callbacks : sequence of callables
        Called with a `Step` after each step; a true result stops the fit.
    weights_are : {"frequency", "sampling", "variance"}, optional
        What the weights mean, class weights included; the coefficients do not depend on it, but all
        that is said of them. A row stands for so many equal ones ("frequency"); was drawn with a
        chance of one in so many, or counts so much more ("sampling": robust standard errors, no
        likelihood); or is the mean of so many ("variance"). Where it is not said, whole numbers are
        frequencies, and other weights and class weights are sampling weights.
    covariance : {"hessian", "HC0", "HC1", "cluster"}, optional
        Of the estimates, wherever none is asked for: `Model.covariance` says what they are.
    groups : array of shape (n,), or column name, optional
        For covariance="cluster": one label per row. A column is fitted too, unless it is excluded.

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
    begun = clock.begun(time_budget)
    strength = Strength(C, l1_ratio, l1, l2, penalty_factors, bounds, standardize)
    strength.check()
    check_limits(tol, max_iter, n_threads, time_budget)
    check_weights_are(weights_are)
    covariance = check_choice(covariance, groups)
    if covariance is not None:
        strength.check_none(f"covariance={covariance!r}")
    options = table_options(missing, na, min_count, memory, spool, formula)
    fit_intercept = options.intercept(flag("fit_intercept", fit_intercept))
    prior = check_prior(prior, fit_intercept)
    if flag("firth", firth):
        strength.check_none("firth=True")
        _check_no_solver(solver)
        _check_no_covariance(covariance)
    choose(solver, 1, 1, strength.smooth)  # refuses what cannot be before any work
    parts = split(
        X,
        y=y,
        sample_weight=sample_weight,
        offset=offset,
        exclude=exclude,
        options=options,
        groups=groups,
    )
    task = task_of(
        parts, positive, class_weight, fit_intercept, n_threads, strength, options, weights_are
    ).with_groups(groups)
    if covariance is not None:
        kind_named(covariance, groups, task.weighting.meaning)
    strength = strength.by_coefficient(task.schema.groups)
    chosen: Choice | FirthChoice = choose(
        solver, task.design.n_rows, task.design.n_columns + fit_intercept, strength.smooth
    ).seeded(random_state)
    if firth:
        chosen = FirthChoice()
    seconds = math.inf if time_budget is None else time_budget
    stop = Stop(tol, max_iter, seconds, begun, tuple(callbacks))
    asked = {
        **task.asked(strength, class_weight),
        "firth": bool(firth),
        "solver": solver if isinstance(solver, str) else chosen.solver.name,
        "tol": float(tol),
        "max_iter": None if max_iter is None else int(max_iter),
        "time_budget": None if time_budget is None else float(time_budget),
        "missing": options.missing.value,
        "min_count": options.min_count,
        "prior": None,  # set by with_prior
        "covariance": covariance,
        "groups": groups if isinstance(groups, str) else column_name(groups, None),
    }
    names = {
        "target": column_name(y, parts.target_name),
        "offset": column_name(offset, parts.offset_name),
        "weights": column_name(sample_weight, parts.weights_name),
    }
    record = {"options": asked, **names}
    fitted, evidence = solve_task(task, strength, chosen, start, stop, record)
    return Model(fitted if prior is None else with_prior(fitted, prior), evidence)


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
    first = task.first(objective, where, None if start is None else start.fitted)
    with np.errstate(invalid="ignore", over="ignore"):
        result, loss, separation, chosen = _solved(objective, first, chosen, stop, task.schema)
    if result.status is Status.FAILED:
        check_finite(task.design.encoded, task.parts.features, task.schema.column_names)
        if start is not None:
            raise UsageError(
                "the loss at the start is no finite number: its coefficients are too large",
                "leave start (warm_start) out",
            )
        raise DataError(
            "the values are too large: their products with any coefficients overflow",
            "express the columns in larger units",
        )
    likelihood = objective.likelihood
    point = written(task.design, task.rows, where, result.beta, task.names)
    neglected = objective.penalty.neglect(point.coef)
    result = _as_written(result, point.lost, neglected, stop.tol)
    coef = strength.within_bounds(point.coef, task.names)
    said = _notes_on_classes(task, objective)
    fitted = Fitted(
        schema=task.schema,
        coefficients=coef,
        intercept=point.intercept,
        classes=task.target.classes,
        certificate=_certificate(result, objective, chosen, time.perf_counter() - stop.begun),
        history=result.history,
        n_rows=task.n_rows,
        weight_sum=likelihood.weight_sum,
        positive_share=task.rows.total(task.rows.y) / likelihood.weight_sum,
        loss=loss,
        objective=math.nan if result.status is Status.NO_LOSS else result.value,
        null_loss=objective.value_of_null(),
        notes=(*task.notes, *said, *task.aliases(where), *point.notes),
        separation=separation,
        weighting=task.weighting,
        centers=point.centers,
        **record,
    )
    return fitted, task.evidence(objective, where, result.beta)


def _notes_on_classes(task: Task, objective: Objective) -> tuple[str, ...]:
    if not _one_class(objective):
        return ()
    label = task.target.classes[int(task.rows.total(task.rows.y) > 0.0)]
    return (f"all rows with weight are {label!r}, so the intercept has no finite best value",)


def _as_written(result: Result, lost: float, neglected: float, tol: float) -> Result:
    """The end of a fit with what writing the coefficients cost, and tiny penalties left out."""
    if lost == neglected == 0.0:
        return result
    gap, value = result.gap + lost + neglected, result.value + neglected
    stalled = result.status is Status.CERTIFIED and gap > tol * value
    status = Status.STALLED if stalled else result.status
    return replace(result, gap=gap, value=value, status=status)


def _solved(
    objective: Objective,
    first: Array,
    chosen: Choice | FirthChoice,
    stop: Stop,
    schema: Schema,
) -> tuple[Result, float, Separation | None, Choice | FirthChoice]:
    """The end of the fit, the log loss there, the verdict that came with it, and the solver."""
    if isinstance(chosen, FirthChoice):
        result = chosen.solver.solve(objective, first, stop)
        return result, objective.value_gradient(result.beta)[0], None, chosen
    judge = Judge(objective.until(math.inf), stop.tol, stop.seconds == math.inf)
    narrow = None if getattr(chosen.solver, "by_row", False) else Narrowed.of(judge.objective)
    result, chosen = judged_fit(judge, first, chosen, stop, narrow)
    penalty = objective.penalty
    if _one_class(objective) and not (penalty.l1.any() or penalty.l2.any()) and result.gap >= 0.0:
        result = replace(result, status=Status.SEPARATED_SUSPECTED)
    result, separation = settled(judge, result, schema.coefficient_names, stop)
    if separation is not None:
        with contextlib.suppress(KeyboardInterrupt):  # it is a verdict without its causes too
            separation = explained(separation, judge.found, schema, patient=judge.patient)
    value = math.nan if result.status is Status.NO_LOSS else result.value
    return result, value - objective.penalty.value(result.beta), separation, chosen


def _one_class(objective: Objective) -> bool:
    """Whether all rows with weight have one label, so that the intercept would grow without end."""
    return objective.value_of_null() < _ONE_CLASS


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


def _check_no_covariance(covariance: str | None) -> None:
    if covariance is not None:
        raise UsageError(
            f"firth=True takes no covariance={covariance!r}: its penalty has the usual variance",
            "leave covariance out",
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
