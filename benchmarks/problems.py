"""The optimisation problems: a matrix, a penalty, with or without an intercept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from benchmarks import datasets
from benchmarks.datasets import Matrix

NONE, L2, L1, ELASTIC = PENALTIES = ("no penalty", "L2", "L1", "elastic net")


@dataclass(frozen=True)
class Problem:
    """Minimise mean log loss + l1 ‖w‖₁ + l2/2 ‖w‖²; the intercept is not penalised.

    l1 = l1_ratio/(C n), l2 = (1 − l1_ratio)/(C n): scikit-learn's meaning of C and l1_ratio.
    """

    name: str
    dataset: str
    C: float = 1.0
    fit_intercept: bool = True
    l1_ratio: float = 0.0


@dataclass(frozen=True)
class Task:
    """A problem with its numbers, as a peer receives it.

    X is float64, C order or CSR; y holds 0.0 and 1.0.
    """

    X: Matrix
    y: np.ndarray
    C: float
    fit_intercept: bool
    l1_ratio: float = 0.0

    @property
    def strength(self) -> float:
        """1/(C n): what glum, skglm, glmnet and adelie call alpha or lambda."""
        return 0.0 if math.isinf(self.C) else 1.0 / (self.C * len(self.y))

    @property
    def l1(self) -> float:
        """Weight of ‖w‖₁ beside the *mean* loss."""
        return self.l1_ratio * self.strength

    @property
    def l2(self) -> float:
        """Weight of ‖w‖²/2 beside the *mean* loss."""
        return (1.0 - self.l1_ratio) * self.strength

    @property
    def penalty(self) -> str:
        """One of PENALTIES."""
        kinds = {(False, False): NONE, (False, True): L2, (True, False): L1, (True, True): ELASTIC}
        return kinds[self.l1 > 0.0, self.l2 > 0.0]

    @property
    def is_sparse(self) -> bool:
        return bool(sp.issparse(self.X))


def _sparse_problems() -> tuple[Problem, ...]:
    """L1 with an intercept and without (celer has none), and elastic net."""
    l1 = [
        Problem(f"{name}_l1{suffix}", name, fit_intercept=intercept, l1_ratio=1.0)
        for name in ("a9a", "w8a", "imdb", "arcene", "arcene_raw")
        for suffix, intercept in (("", True), ("_no_intercept", False))
    ]
    mixed = [
        Problem(f"{name}_enet", name, l1_ratio=0.5) for name in ("brfss", "heart2020", "a9a", "w8a")
    ]
    return (
        Problem("brfss_l1", "brfss", l1_ratio=1.0),
        Problem("brfss_scaled", "brfss_scaled"),
        Problem("brfss_scaled_l1", "brfss_scaled", l1_ratio=1.0),
        Problem("heart2020_l1", "heart2020", l1_ratio=1.0),
        *l1,
        *mixed,
        Problem("gen_1m_100_enet", "gen_1m_100", l1_ratio=0.5),
        Problem("imdb_enet", "imdb", l1_ratio=0.5),
    )


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
        *_sparse_problems(),
    )
}


def load(problem: Problem, cache: Path, scale: float = 1.0) -> Task:
    X, y = datasets.load(problem.dataset, cache, scale)
    return Task(X, y, problem.C, problem.fit_intercept, problem.l1_ratio)
