"""celer: working sets with prox-Newton for L1, no intercept.

Its function for a path is called with one strength: the estimator's ``fit`` would copy the matrix
to rows first.  It multiplies the *sum* of losses by 1 and ‖w‖₁ by alpha = 1/C.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import L1, Task


class Celer(Peer):
    name = "celer"
    module = "celer"
    distribution = "celer"
    layouts = ("f", "csc")
    penalties = (L1,)

    @classmethod
    def skip(cls, task: Task) -> str | None:
        return super().skip(task) or ("has no intercept" if task.fit_intercept else None)

    def prepare(self, task: Task) -> None:
        self.task, self.signs = task, 2.0 * task.y - 1.0

    def fit(self, tolerance: float) -> None:
        from celer import celer_path

        _, coefs, _ = celer_path(
            self.task.X,
            self.signs,
            "logreg",
            alphas=np.array([1.0 / self.task.C]),
            use_PN=True,
            max_iter=1000,
            tol=tolerance,
        )
        self.coef = coefs[:, 0]

    def solution(self) -> Solution:
        return Solution(self.coef, 0.0)
