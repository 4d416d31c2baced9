"""The optimisation problems: a matrix, a strength of penalty, with or without an intercept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from benchmarks import datasets
from benchmarks.datasets import Matrix


@dataclass(frozen=True)
class Problem:
    """Minimise mean log loss + l2/2 · ‖w‖², l2 = 1/(C n); the intercept is not penalised."""

    name: str
    dataset: str
    C: float = 1.0
    fit_intercept: bool = True


@dataclass(frozen=True)
class Task:
    """A problem with its numbers, as a peer receives it.

    X is float64, C order or CSR; y holds 0.0 and 1.0.
    """

    X: Matrix
    y: np.ndarray
    C: float
    fit_intercept: bool

    @property
    def l2(self) -> float:
        """Weight of ‖w‖²/2 beside the *mean* loss."""
        return 0.0 if math.isinf(self.C) else 1.0 / (self.C * len(self.y))

    @property
    def is_sparse(self) -> bool:
        return bool(sp.issparse(self.X))


PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        Problem("brfss", "brfss"),
        Problem("brfss_no_penalty", "brfss", C=math.inf),
        Problem("gen_1m_100", "gen_1m_100"),
        Problem("gen_2m_28", "gen_2m_28"),
        Problem("a9a", "a9a"),
        Problem("a9a_no_intercept", "a9a", fit_intercept=False),
        Problem("kddcup", "kddcup"),
        Problem("imdb", "imdb"),
        Problem("imdb_no_intercept", "imdb", fit_intercept=False),
        Problem("breast_cancer", "breast_cancer"),
        Problem("breast_cancer_scaled", "breast_cancer_scaled"),
        Problem("breast_cancer_no_intercept", "breast_cancer", fit_intercept=False),
    )
}


def load(problem: Problem, cache: Path, scale: float = 1.0) -> Task:
    X, y = datasets.load(problem.dataset, cache, scale)
    return Task(X, y, problem.C, problem.fit_intercept)
