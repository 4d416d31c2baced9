"""glum: iteratively reweighted least squares over tabmat matrices.

Half the mean binomial deviance is the mean log loss, so that alpha is our l2 = 1/(C n).  In the
layout "csc" the columns are split by density into a dense and a sparse block, as glum does for
data frames.
"""

from __future__ import annotations

from typing import Any, ClassVar

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import Task


class Glum(Peer):
    module = "glum"
    distribution = "glum"
    layouts = ("f", "c", "csc")
    solver: ClassVar[str]

    def prepare(self, task: Task) -> None:
        import tabmat
        from glum import GeneralizedLinearRegressor

        self.y = task.y
        self.X: Any = tabmat.from_csc(task.X) if task.is_sparse else tabmat.DenseMatrix(task.X)
        self.model = GeneralizedLinearRegressor(
            family="binomial",
            alpha=task.l2,
            l1_ratio=0.0,
            fit_intercept=task.fit_intercept,
            solver=self.solver,
            max_iter=100_000,
            copy_X=False,
        )

    def fit(self, tolerance: float) -> None:
        self.model.set_params(gradient_tol=tolerance).fit(self.X, self.y)

    def solution(self) -> Solution:
        return Solution(self.model.coef_, float(self.model.intercept_), int(self.model.n_iter_))


class GlumIrls(Glum):
    name = "glum-irls"
    solver = "irls-ls"

    @classmethod
    def skip(cls, task: Task) -> str | None:
        return "its Hessian would not fit in memory" if task.X.shape[1] > 10_000 else None


class GlumLbfgs(Glum):
    name = "glum-lbfgs"
    solver = "lbfgs"
