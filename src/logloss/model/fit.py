"""The one way in: a table and options in, a certified Model out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import logloss.files.clock as clock
from logloss.checks import flag
from logloss.fitting.problem import problem
from logloss.fitting.solve import solve
from logloss.inference.covariance import check_choice, kind_named
from logloss.model.model import Model
from logloss.record.penalty_options import PenaltyOptions
from logloss.record.request import Limits, Request, Roles, SolverChoice
from logloss.solvers.base import Callback, Solver
from logloss.solvers.choose import seed_of
from logloss.table.treatment import table_options

if TYPE_CHECKING:
    from logloss.table import Label


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
    request = Request(
        PenaltyOptions(C, l1_ratio, l1, l2, penalty_factors, bounds, standardize),
        Limits(tol, max_iter, time_budget, n_threads),
        table_options(missing, na, min_count, memory, spool, formula),
        Roles(y, sample_weight, offset, groups, exclude, positive, class_weight, weights_are),
        SolverChoice.of(solver, seed_of(random_state)),
        fit_intercept=fit_intercept,
        firth=flag("firth", firth),
        prior=prior,
        covariance=check_choice(covariance, groups),
    )
    return fit_request(request, X, start, begun, callbacks)


def fit_request(
    request: Request, X: Any, start: Model | None, begun: float, callbacks: Sequence[Callback] = ()
) -> Model:
    """Fit what a request asks of a table.

    `start`, `callbacks`: as in `fit`; `begun`: the reading of `time.perf_counter` from which the
    time budget counts.
    """
    found = problem(request, X)
    if request.covariance is not None:
        kind_named(request.covariance, request.roles.groups, found.task.weighting.meaning)
    origin = None if start is None else start.fitted
    return Model(*solve(found, found.choice(), origin, found.stop(begun, callbacks)))
