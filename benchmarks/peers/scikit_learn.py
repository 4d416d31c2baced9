"""scikit-learn's LogisticRegression: one class per solver.

C multiplies the sum of losses there, so that its C is ours.  Its liblinear penalises the
intercept and takes part only in problems without one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import L1, L2, PENALTIES, Task


class ScikitLearn(Peer):
    module = "sklearn"
    distribution = "scikit-learn"
    layouts = ("c", "csr")
    options: ClassVar[dict[str, Any]]

    def prepare(self, task: Task) -> None:
        library = import_module(f"{self.module}.linear_model")
        self.task = task
        self.model = library.LogisticRegression(
            C=task.C,
            l1_ratio=task.l1_ratio,
            fit_intercept=task.fit_intercept,
            max_iter=100_000,
            **self.options,
        )

    def fit(self, tolerance: float) -> None:
        self.model.set_params(tol=tolerance).fit(self.task.X, self.task.y)

    def solution(self) -> Solution:
        intercept = float(np.ravel(self.model.intercept_)[0])
        return Solution(np.ravel(self.model.coef_), intercept, int(np.ravel(self.model.n_iter_)[0]))


class Lbfgs(ScikitLearn):
    name = "sklearn-lbfgs"
    options: ClassVar[dict[str, Any]] = {"solver": "lbfgs"}


class NewtonCholesky(ScikitLearn):
    name = "sklearn-newton-cholesky"
    options: ClassVar[dict[str, Any]] = {"solver": "newton-cholesky"}

    @classmethod
    def skip(cls, task: Task) -> str | None:
        wide = "its Hessian would not fit in memory" if task.X.shape[1] > 10_000 else None
        return super().skip(task) or wide


class NewtonCg(ScikitLearn):
    name = "sklearn-newton-cg"
    options: ClassVar[dict[str, Any]] = {"solver": "newton-cg"}


class Saga(ScikitLearn):
    name = "sklearn-saga"
    penalties = PENALTIES
    options: ClassVar[dict[str, Any]] = {"solver": "saga", "random_state": 0}


class Liblinear(ScikitLearn):
    name = "sklearn-liblinear"
    penalties = (L2, L1)
    options: ClassVar[dict[str, Any]] = {"solver": "liblinear", "random_state": 0}

    @classmethod
    def skip(cls, task: Task) -> str | None:
        return super().skip(task) or ("penalises the intercept" if task.fit_intercept else None)


class LiblinearDual(Liblinear):
    name = "sklearn-liblinear-dual"
    penalties = (L2,)
    options: ClassVar[dict[str, Any]] = {"solver": "liblinear", "dual": True, "random_state": 0}
