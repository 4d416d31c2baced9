"""scikit-learn-intelex: oneDAL under scikit-learn's interface; dense data only.

On sparse data it calls scikit-learn, which takes part itself.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import Task


class Intelex(Peer):
    module = "sklearnex"
    distribution = "scikit-learn-intelex"
    layouts = ("c", "f")
    options: ClassVar[dict[str, Any]]

    def prepare(self, task: Task) -> None:
        from sklearnex.linear_model import LogisticRegression

        self.task = task
        self.model = LogisticRegression(
            C=task.C, fit_intercept=task.fit_intercept, max_iter=100_000, **self.options
        )

    def fit(self, tolerance: float) -> None:
        self.model.set_params(tol=tolerance).fit(self.task.X, self.task.y)

    def solution(self) -> Solution:
        intercept = float(np.ravel(self.model.intercept_)[0])
        return Solution(np.ravel(self.model.coef_), intercept, int(np.ravel(self.model.n_iter_)[0]))


class IntelexLbfgs(Intelex):
    name = "sklearnex-lbfgs"
    options: ClassVar[dict[str, Any]] = {"solver": "lbfgs"}


class IntelexNewtonCg(Intelex):
    name = "sklearnex-newton-cg"
    options: ClassVar[dict[str, Any]] = {"solver": "newton-cg"}
