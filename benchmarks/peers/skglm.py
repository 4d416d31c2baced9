"""skglm: working sets with prox-Newton, compiled by numba before the clock starts.

Its tolerance is a violation of the optimality conditions; here it is given in units of the
penalty 1/(C n), as rows and C change the meaning of an absolute one.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import ELASTIC, L1, Task


class Skglm(Peer):
    name = "skglm"
    module = "skglm"
    distribution = "skglm"
    layouts = ("f", "csc")
    tolerances = tuple(10.0**-k for k in range(-3, 10))
    penalties = (L1, ELASTIC)

    def prepare(self, task: Task) -> None:
        from skglm import SparseLogisticRegression

        self.task = task
        self.model = SparseLogisticRegression(
            l1_ratio=task.l1_ratio, fit_intercept=task.fit_intercept, max_iter=2
        )
        few = np.concatenate([np.flatnonzero(task.y == label)[:20] for label in (0.0, 1.0)])
        rows = task.X[few]  # of the same layout, so that the same code is compiled
        weak = {"alpha": 1e-3 * float(abs(rows).max()), "tol": 1e-12}  # so that all of it runs
        self.model.set_params(**weak).fit(
            rows if task.is_sparse else np.asfortranarray(rows), task.y[few]
        )
        self.model.set_params(alpha=task.strength, max_iter=1000)

    def fit(self, tolerance: float) -> None:
        self.model.set_params(tol=tolerance * self.task.strength).fit(self.task.X, self.task.y)

    def solution(self) -> Solution:
        intercept = float(np.ravel(self.model.intercept_)[0])
        return Solution(np.ravel(self.model.coef_), intercept, int(self.model.n_iter_))
