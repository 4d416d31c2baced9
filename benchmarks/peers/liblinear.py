"""LIBLINEAR by its own package: the primal Newton solver, single-threaded.

``-B 1 -R`` adds an intercept that is not penalised, which scikit-learn's copy cannot do.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import Task


class LiblinearNewton(Peer):
    name = "liblinear-newton"
    module = "liblinear"
    distribution = "liblinear-official"
    layouts = ("csr", "c")  # converted to its own lists of nodes in either case

    @classmethod
    def skip(cls, task: Task) -> str | None:
        return "needs a penalty" if math.isinf(task.C) else None

    def prepare(self, task: Task) -> None:
        from liblinear.liblinearutil import problem

        self.task = task
        self.problem = problem(2.0 * task.y - 1.0, sp.csr_matrix(task.X))

    def fit(self, tolerance: float) -> None:
        from liblinear.liblinearutil import train

        bias = "-B 1 -R" if self.task.fit_intercept else "-B -1"
        self.model = train(self.problem, f"-s 0 -c {self.task.C!r} -e {tolerance!r} {bias} -q")

    def solution(self) -> Solution:
        coef, bias = self.model.get_decfun()
        return Solution(np.array(coef), float(bias))
