"""adelie: coordinate descent under reweighted least squares; a path of one strength.

Written for NumPy 1 by its metadata, it also runs under NumPy 2 (install it without its
dependencies).
"""

from __future__ import annotations

import os

import numpy as np

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import ELASTIC, L1, Task


class Adelie(Peer):
    name = "adelie"
    module = "adelie"
    distribution = "adelie"
    layouts = ("f", "csc")
    penalties = (L1, ELASTIC)

    def prepare(self, task: Task) -> None:
        import adelie

        self.task = task
        self.threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
        build = adelie.matrix.sparse if task.is_sparse else adelie.matrix.dense
        self.X = build(task.X, method="naive", n_threads=self.threads)
        self.glm = adelie.glm.binomial(y=task.y)

    def fit(self, tolerance: float) -> None:
        import adelie

        self.state = adelie.grpnet(
            X=self.X,
            glm=self.glm,
            alpha=self.task.l1_ratio,
            lmda_path=np.array([self.task.strength]),
            intercept=self.task.fit_intercept,
            tol=tolerance,
            irls_tol=tolerance,
            early_exit=False,
            n_threads=self.threads,
            progress_bar=False,
        )

    def solution(self) -> Solution:
        coef = self.state.betas.toarray()[-1]
        return Solution(coef, float(self.state.intercepts[-1]))
