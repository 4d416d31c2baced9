"""Paths for all folds of a cross-validation and all mixes of penalties; the table encoded once."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.checks import flag
from logloss.errors import DataError
from logloss.fitting.solve import check_limits, column_name
from logloss.fitting.task import Task, task_of
from logloss.model.model import Model
from logloss.paths.gather import Request, run
from logloss.paths.result import Path
from logloss.record.proof import Certificate, Status
from logloss.record.strength import Strength
from logloss.table import split

if TYPE_CHECKING:
    from logloss.solvers.base import Solver

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Options:
    """Of all fits of a search; each as in `logloss.fit`."""

    solver: str | Solver = "auto"
    tol: float = 1e-6
    max_iter: int | None = None
    class_weight: Mapping[Any, float] | str | None = None
    fit_intercept: bool = True
    penalty_factors: Any = None
    bounds: Any = None
    standardize: bool = False
    random_state: Any = None
    n_threads: int | None = None
    time_budget: float | None = None
    weights_are: str | None = None


@dataclass(frozen=True, eq=False)
class Searched:
    """What a search found.

    Attributes
    ----------
    Cs : ndarray of shape (n_cs,)
    l1_ratios : ndarray of shape (n_l1_ratios,)
    paths : list of lists of Path
        One for each fold and mix, from the least C up: as many as the time has allowed.
    """

    Cs: Array
    l1_ratios: Array
    paths: list[list[Path]]

    def place(self, position: int) -> int:
        """Where the C at this position stands on a path."""
        return int(np.flatnonzero(_order(self.Cs) == position)[0])

    def not_certified(self) -> list[Certificate]:
        """Of all fits, what is proven about those without a proof of the tolerance."""
        every = (one for paths in self.paths for path in paths for one in path.certificates)
        return [one for one in every if one.status is not Status.CERTIFIED]

    def model(self, fold: int, mix: int, position: int) -> Model | None:
        """One fit, as if it had been asked for by its C; None where time was out."""
        path, at = self.paths[fold][mix], self.place(position)
        if at >= len(path):
            return None
        fitted = path.model(at).fitted
        strength, l1_ratio = float(self.Cs[position]), float(self.l1_ratios[mix])
        asked = {
            "C": strength if math.isfinite(strength) else "inf",
            "l1_ratio": l1_ratio,
            "l1": None,
            "l2": None,
        }
        return Model(replace(fitted, options={**fitted.options, **asked}))


def search(
    X: Any,
    y: Any,
    sample_weight: Array | None,
    offset: Array | None,
    Cs: Array,
    l1_ratios: Array,
    folds: Sequence[Mask] | None,
    options: Options,
) -> Searched:
    """A path for each fold and mix; without folds, one over all rows, with leave-one-out.

    Parameters
    ----------
    folds : sequence of ndarrays of shape (n,), bool
        The rows to fit.

    Raises
    ------
    DataError
        The data cannot be fitted; a fold has rows of one class only.
    UsageError
        An option is wrong.
    """
    begun = time.perf_counter()
    check_limits(options.tol, options.max_iter, options.n_threads, options.time_budget)
    flag("fit_intercept", options.fit_intercept)
    for strength in Cs:
        for l1_ratio in l1_ratios:
            Strength(strength, l1_ratio, standardize=options.standardize).check()
    parts = split(X, y=y, sample_weight=sample_weight, offset=offset)
    task = task_of(
        parts,
        None,
        options.class_weight,
        options.fit_intercept,
        options.n_threads,
        Strength(l2=1.0),
        weights_are=options.weights_are,
    )
    tasks = [task] if folds is None else [on_rows(task, rows, i) for i, rows in enumerate(folds)]
    paths = [
        [_one(of_fold, options, Cs, float(ratio), folds is None, begun) for ratio in l1_ratios]
        for of_fold in tasks
    ]
    return Searched(Cs, l1_ratios, paths)


def on_rows(task: Task, rows: Mask, fold: int) -> Task:
    """The same table with weights of 0 but for some rows: nothing is copied."""
    weight = task.rows.weight
    kept = rows.astype(np.float64) if weight is None else np.where(rows, weight, 0.0)
    labels = task.rows.y[kept > 0.0]
    if not labels.size or labels.min() == labels.max():
        raise DataError(
            f"the training rows of fold {fold} hold only one class",
            "take fewer folds, or stratified ones",
        )
    return replace(task, rows=replace(task.rows, weight=kept))


def _one(
    task: Task, options: Options, Cs: Array, l1_ratio: float, leave_one_out: bool, begun: float
) -> Path:
    strength = Strength(
        factors=options.penalty_factors, bounds=options.bounds, standardize=options.standardize
    )
    values = 1.0 / (Cs[_order(Cs)] * task.rows.total())
    request = Request(
        l1_ratio=l1_ratio,
        lambdas=values,
        leave_one_out=leave_one_out,
        solver=options.solver,
        random_state=options.random_state,
        tol=options.tol,
        max_iter=options.max_iter,
        seconds=math.inf if options.time_budget is None else options.time_budget,
        begun=begun,
        keep=False,
        record=_record(task, strength, options),
    )
    return run(task, strength, request)


def _order(Cs: Array) -> NDArray[np.int64]:
    return np.argsort(Cs, kind="stable").astype(np.int64)


def _record(task: Task, strength: Strength, options: Options) -> dict[str, Any]:
    solver = options.solver
    return {
        "options": {
            **task.asked(strength, options.class_weight),
            "solver": solver if isinstance(solver, str) else solver.name,
            "tol": float(options.tol),
            "max_iter": options.max_iter,
            "time_budget": options.time_budget,
        },
        "target": column_name(True, task.parts.target_name),
        "offset": column_name(task.parts.offset, task.parts.offset_name),
        "weights": column_name(task.parts.weights, task.parts.weights_name),
    }
