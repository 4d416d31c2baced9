"""SAG and SAGA, run for a number of epochs: ours and scikit-learn's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.base import PeerMissing, Solution
from benchmarks.problems import Task


class EpochPeer(ABC):
    """One stochastic solver with its stop rule switched off."""

    name: ClassVar[str]
    proximal: ClassVar[bool]  # can do L1

    def skip(self, task: Task) -> str | None:
        return "has no step for L1" if task.l1 > 0.0 and not self.proximal else None

    @abstractmethod
    def prepare(self, task: Task) -> None:
        """Not timed."""

    @abstractmethod
    def fit(self, epochs: int, seed: int) -> None:
        """From zero, ``epochs`` times n single-row steps.  Timed."""

    @abstractmethod
    def solution(self) -> Solution:
        """Coefficients of the last fit."""


class ScikitLearnSag(EpochPeer):
    name = "sklearn-sag"
    proximal = False
    solver: ClassVar[str] = "sag"

    def prepare(self, task: Task) -> None:
        from sklearn.linear_model import LogisticRegression

        self.task = task
        self.model = LogisticRegression(
            C=task.C,
            l1_ratio=task.l1_ratio,
            fit_intercept=task.fit_intercept,
            solver=self.solver,
            tol=1e-300,
        )

    def fit(self, epochs: int, seed: int) -> None:
        self.model.set_params(max_iter=epochs, random_state=seed).fit(self.task.X, self.task.y)

    def solution(self) -> Solution:
        return Solution(self.model.coef_[0], float(np.ravel(self.model.intercept_)[0]))


class ScikitLearnSaga(ScikitLearnSag):
    name = "sklearn-saga"
    proximal = True
    solver = "saga"


class LoglossSag(EpochPeer):
    """``logloss.solvers.SAG``: one step of its history is one epoch."""

    name = "logloss-sag"
    proximal = True
    solver: ClassVar[str] = "SAG"

    def prepare(self, task: Task) -> None:
        import logloss.solvers

        found: Any = getattr(logloss.solvers, self.solver, None)
        if found is None:
            raise PeerMissing(f"this version of logloss has no {self.solver}")
        self.task, self.build = task, found

    def fit(self, epochs: int, seed: int) -> None:
        import logloss

        task = self.task
        self.model = logloss.fit(
            task.X,
            task.y,
            C=task.C,
            l1_ratio=task.l1_ratio,
            fit_intercept=task.fit_intercept,
            solver=self.build(),
            max_iter=epochs,
            tol=1e-300,
            random_state=seed,
        )

    def solution(self) -> Solution:
        coef = np.fromiter(self.model.coefficients.values(), dtype=np.float64)
        return Solution(coef, float(self.model.intercept))


class LoglossSaga(LoglossSag):
    name = "logloss-saga"
    solver = "SAGA"


EPOCH_PEERS: dict[str, type[EpochPeer]] = {
    peer.name: peer for peer in (LoglossSag, LoglossSaga, ScikitLearnSag, ScikitLearnSaga)
}
