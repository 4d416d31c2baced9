"""LIBLINEAR by its own package: the primal Newton solver and, for L1, newGLMNET; single-threaded.

``-B 1 -R`` adds an intercept that is not penalised, which scikit-learn's copy cannot do.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from benchmarks.peers.base import Peer, Solution
from benchmarks.problems import L1, L2, Task


class LiblinearNewton(Peer):
    name = "liblinear-newton"
    module = "liblinear"
    distribution = "liblinear-official"
    layouts = ("csr", "c")  # converted to its own lists of nodes in either case
    penalties = (L2,)
    kind = 0  # its option -s

    def prepare(self, task: Task) -> None:
        from liblinear.liblinearutil import problem

        self.task = task
        self.problem = problem(2.0 * task.y - 1.0, sp.csr_matrix(task.X))

    def fit(self, tolerance: float) -> None:
        from liblinear.liblinearutil import train

        bias = "-B 1 -R" if self.task.fit_intercept else "-B -1"
        options = f"-s {self.kind} -c {self.task.C!r} -e {tolerance!r} {bias} -q"
        self.model = train(self.problem, options)

    def solution(self) -> Solution:
        coef, bias = self.model.get_decfun()
        return Solution(np.array(coef), float(bias))


class LiblinearL1(LiblinearNewton):
    name = "liblinear-l1"
    penalties = (L1,)
    kind = 6
