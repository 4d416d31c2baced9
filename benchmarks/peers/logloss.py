"""logloss itself: ``fit``, and the scikit-learn estimator.  The tolerance is certified, so that
one setting suffices; the harness checks the gap all the same.
"""

from __future__ import annotations

from typing import Any, ClassVar

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import PENALTIES, Task


def _solution(model: Any, coef: Any, intercept: float) -> Solution:
    certificate = model.certificate
    return Solution(
        coef,
        intercept,
        iterations=len(model.history),
        data_reads=certificate.data_reads,
        certified_gap=certificate.relative_gap,
        engine_seconds=certificate.seconds,
    )


class Logloss(Peer):
    name = "logloss"
    module = "logloss"
    distribution = "logloss"
    layouts: ClassVar[tuple[str, ...]] = ("c", "f", "csr", "csc")
    tolerances = (1e-6,)
    penalties = PENALTIES

    def prepare(self, task: Task) -> None:
        self.task = task

    def fit(self, tolerance: float) -> None:
        import logloss

        task = self.task
        self.model = logloss.fit(
            task.X,
            task.y,
            C=task.C,
            l1_ratio=task.l1_ratio,
            fit_intercept=task.fit_intercept,
            solver="auto",
            tol=tolerance,
        )

    def solution(self) -> Solution:
        import numpy as np

        coef = np.fromiter(self.model.coefficients.values(), dtype=np.float64)
        return _solution(self.model, coef, self.model.intercept)


class LoglossEstimator(Logloss):
    name = "logloss-estimator"
    layouts = ("c", "csr")

    def fit(self, tolerance: float) -> None:
        from logloss import LogisticRegression

        task = self.task
        self.estimator = LogisticRegression(
            C=task.C, l1_ratio=task.l1_ratio, fit_intercept=task.fit_intercept, tol=tolerance
        ).fit(task.X, task.y)

    def solution(self) -> Solution:
        estimator = self.estimator
        return _solution(estimator.model_, estimator.coef_[0], float(estimator.intercept_[0]))
