"""glum: iteratively reweighted least squares over tabmat matrices; with L1, by coordinate descent.

Half the mean binomial deviance is the mean log loss, so that alpha is our 1/(C n).  In the
layout "csc" the columns are split by density into a dense and a sparse block, as glum does for
data frames.
"""

from __future__ import annotations

from typing import Any, ClassVar

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import PENALTIES, Task


class Glum(Peer):
    module = "glum"
    distribution = "glum"
    layouts = ("f", "c", "csc")
    solver: ClassVar[str]

    def solver_for(self, task: Task) -> str:  # noqa: ARG002
        return self.solver

    def prepare(self, task: Task) -> None:
        import tabmat
        from glum import GeneralizedLinearRegressor

        self.y = task.y
        self.X: Any = tabmat.from_csc(task.X) if task.is_sparse else tabmat.DenseMatrix(task.X)
        self.model = GeneralizedLinearRegressor(
            family="binomial",
            alpha=task.strength,
            l1_ratio=task.l1_ratio,
            fit_intercept=task.fit_intercept,
            solver=self.solver_for(task),
            max_iter=100_000,
            copy_X=False,
        )

    def fit(self, tolerance: float) -> None:
        self.model.set_params(gradient_tol=tolerance).fit(self.X, self.y)

    def solution(self) -> Solution:
        return Solution(self.model.coef_, float(self.model.intercept_), int(self.model.n_iter_))


class GlumIrls(Glum):
    name = "glum-irls"
    penalties = PENALTIES

    def solver_for(self, task: Task) -> str:
        return "irls-cd" if task.l1 > 0.0 else "irls-ls"

    @classmethod
    def skip(cls, task: Task) -> str | None:
        wide = "its Hessian would not fit in memory" if task.X.shape[1] > 10_000 else None
        return super().skip(task) or wide


class GlumLbfgs(Glum):
    name = "glum-lbfgs"
    solver = "lbfgs"
