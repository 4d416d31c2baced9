"""statsmodels: Logit by Newton's method; with a penalty, through its PenalizedMixin.

Its covariance (``skip_hessian``) and its rank check are left out: the others compute neither.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import Task


class Statsmodels(Peer):
    name = "statsmodels-newton"
    module = "statsmodels"
    distribution = "statsmodels"
    layouts = ("c", "f")

    @classmethod
    def skip(cls, task: Task) -> str | None:
        wide = "dense data only" if task.X.shape[1] > 10_000 else None
        return super().skip(task) or wide

    def prepare(self, task: Task) -> None:
        from statsmodels.base._penalized import PenalizedMixin
        from statsmodels.base._penalties import L2
        from statsmodels.discrete.discrete_model import Logit

        class PenalizedLogit(PenalizedMixin, Logit):  # type: ignore[misc]
            """Maximises log-likelihood − Σ weight · β²."""

        self.task = task
        ones = [np.ones((len(task.y), 1))] if task.fit_intercept else []
        design = np.concatenate([task.X, *ones], axis=1)  # in the order of X
        if task.l2 == 0.0:
            self.model = Logit(task.y, design, check_rank=False)
        else:
            weights = np.full(design.shape[1], 0.5 / task.C)
            weights[task.X.shape[1] :] = 0.0
            self.model = PenalizedLogit(
                task.y, design, check_rank=False, penal=L2(weights), pen_weight=1.0
            )

    def fit(self, tolerance: float) -> None:
        self.result = self.model.fit(
            method="newton", tol=tolerance, maxiter=1000, disp=False, skip_hessian=True
        )

    def solution(self) -> Solution:
        beta = np.asarray(self.result.params)
        d = self.task.X.shape[1]
        steps = int(self.result.mle_retvals["iterations"])
        return Solution(beta[:d], float(beta[d:].sum()), steps)
