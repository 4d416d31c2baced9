"""R's glmnet, single-threaded, through a process of R; its seconds are R's own.

One strength is asked for, or, as its authors advise, a short path that ends there.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers import rscript
from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import ELASTIC, L1, Task


class Glmnet(Peer):
    name = "glmnet"
    module = "benchmarks"
    distribution = "glmnet (R)"
    layouts = ("f", "csc")
    penalties = (L1, ELASTIC)
    factors: tuple[float, ...] = (1.0,)

    @classmethod
    def version(cls) -> str | None:
        return rscript.glmnet_version()

    def prepare(self, task: Task) -> None:
        self.task = task
        self.process = rscript.Glmnet(task)

    def fit(self, tolerance: float) -> float:
        return self.process.fit(
            l1_ratio=self.task.l1_ratio,
            lambdas=self.task.strength * np.array(self.factors),
            fit_intercept=self.task.fit_intercept,
            thresh=tolerance,
        )

    def solution(self) -> Solution:
        found = self.process.coefficients()[-1]
        return Solution(found[1:], float(found[0]))


class GlmnetPath(Glmnet):
    name = "glmnet-path"
    factors = tuple(4.0**k for k in range(5, -1, -1))
