"""Paths for all folds of a cross-validation and all mixes of penalties; the table encoded once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError
from logloss.fitting.problem import Problem, problem
from logloss.fitting.task import Task
from logloss.model.model import Model
from logloss.paths.gather import Plan, run
from logloss.paths.result import Path
from logloss.record.proof import Certificate, Status

if TYPE_CHECKING:
    from logloss.record.request import Request

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


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
        size, l1_ratio = float(self.Cs[position]), float(self.l1_ratios[mix])
        asked = fitted.request.penalised_by(C=size, l1_ratio=l1_ratio)
        return Model(replace(fitted, request=asked))


def search(
    request: Request, X: Any, Cs: Array, l1_ratios: Array, folds: Sequence[Mask] | None
) -> Searched:
    """A path for each fold and mix; without folds, one over all rows, with leave-one-out.

    Parameters
    ----------
    request : Request
        Of all fits; the size and the mix of its penalty are those that are searched.
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
    for size in Cs:
        for l1_ratio in l1_ratios:
            request.penalised_by(C=size, l1_ratio=l1_ratio).penalty.check()
    most = float(np.max(l1_ratios))
    whole = problem(request.penalised_by(l1=most, l2=1.0 - most), X)
    of_folds = [whole]
    if folds is not None:
        of_folds = [
            replace(whole, task=on_rows(whole.task, rows, i)) for i, rows in enumerate(folds)
        ]
    paths = [
        [_one(of_fold, Cs, float(ratio), folds is None, begun) for ratio in l1_ratios]
        for of_fold in of_folds
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


def _one(of_fold: Problem, Cs: Array, l1_ratio: float, leave_one_out: bool, begun: float) -> Path:
    values = 1.0 / (Cs[_order(Cs)] * of_fold.task.rows.total())
    return run(of_fold, Plan(l1_ratio, values, leave_one_out=leave_one_out, keep=False), begun)


def _order(Cs: Array) -> NDArray[np.int64]:
    return np.argsort(Cs, kind="stable").astype(np.int64)
