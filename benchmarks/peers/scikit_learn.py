"""scikit-learn's LogisticRegression: one class per solver.

C multiplies the sum of losses there, so that its C is ours.  Its liblinear penalises the
intercept and takes part only in problems without one.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import Task


class ScikitLearn(Peer):
    module = "sklearn"
    distribution = "scikit-learn"
    layouts = ("c", "csr")
    options: ClassVar[dict[str, Any]]

    def prepare(self, task: Task) -> None:
        from sklearn.linear_model import LogisticRegression

        self.task = task
        self.model = LogisticRegression(
            C=task.C, fit_intercept=task.fit_intercept, max_iter=100_000, **self.options
        )

    def fit(self, tolerance: float) -> None:
        self.model.set_params(tol=tolerance).fit(self.task.X, self.task.y)

    def solution(self) -> Solution:
        intercept = float(np.ravel(self.model.intercept_)[0])
        return Solution(self.model.coef_[0], intercept, int(self.model.n_iter_[0]))


class Lbfgs(ScikitLearn):
    name = "sklearn-lbfgs"
    options: ClassVar[dict[str, Any]] = {"solver": "lbfgs"}


class NewtonCholesky(ScikitLearn):
    name = "sklearn-newton-cholesky"
    options: ClassVar[dict[str, Any]] = {"solver": "newton-cholesky"}

    @classmethod
    def skip(cls, task: Task) -> str | None:
        return "its Hessian would not fit in memory" if task.X.shape[1] > 10_000 else None


class NewtonCg(ScikitLearn):
    name = "sklearn-newton-cg"
    options: ClassVar[dict[str, Any]] = {"solver": "newton-cg"}


class Saga(ScikitLearn):
    name = "sklearn-saga"
    options: ClassVar[dict[str, Any]] = {"solver": "saga", "random_state": 0}


class Liblinear(ScikitLearn):
    name = "sklearn-liblinear"
    options: ClassVar[dict[str, Any]] = {"solver": "liblinear", "random_state": 0}

    @classmethod
    def skip(cls, task: Task) -> str | None:
        if task.fit_intercept:
            return "penalises the intercept"
        return "needs a penalty" if math.isinf(task.C) else None


class LiblinearDual(Liblinear):
    name = "sklearn-liblinear-dual"
    options: ClassVar[dict[str, Any]] = {"solver": "liblinear", "dual": True, "random_state": 0}
