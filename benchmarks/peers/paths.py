"""Who fits a whole path of strengths: the same three methods, for all strengths at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import ClassVar

import numpy as np

from benchmarks.peers import rscript
from benchmarks.peers.base import PeerMissing
from benchmarks.problems import Task


class PathPeer(ABC):
    """One library's path for L1 on given strengths."""

    name: ClassVar[str]
    layout: ClassVar[str]
    default: ClassVar[float]  # the library's own tolerance
    ladder: ClassVar[tuple[float, ...]] = tuple(10.0**-k for k in range(2, 13))
    lambdas: np.ndarray

    @abstractmethod
    def prepare(self, task: Task, lambdas: np.ndarray) -> None:
        """Not timed.  Raises PeerMissing where the library is not there."""

    @abstractmethod
    def fit(self, tolerance: float) -> float | None:
        """The whole path.  Timed; a peer that keeps its own clock returns its seconds."""

    @abstractmethod
    def solutions(self) -> np.ndarray:
        """Of the last fit, shape (strengths reached, d + 1), the intercept last."""


class LoglossPath(PathPeer):
    """``logloss.path``; the tolerance is certified at every strength."""

    name = "logloss"
    layout = "c"
    default = 1e-6
    ladder = (1e-6,)
    leave_one_out: ClassVar[bool] = False

    def prepare(self, task: Task, lambdas: np.ndarray) -> None:
        self.task, self.lambdas = task, lambdas

    def fit(self, tolerance: float) -> None:
        import logloss

        self.path = logloss.path(
            self.task.X,
            self.task.y,
            lambdas=self.lambdas,
            leave_one_out=self.leave_one_out,
            fit_intercept=self.task.fit_intercept,
            tol=tolerance,
        )

    def solutions(self) -> np.ndarray:
        return np.column_stack([self.path.coefficients, self.path.intercepts])


class LoglossLeaveOneOut(LoglossPath):
    """The same, with the leave-one-out loss at every strength: what ``cv="alo"`` chooses by."""

    name = "logloss-alo"
    leave_one_out = True


class GlmnetPath(PathPeer):
    """R's glmnet, its stop at small changes of the deviance switched off."""

    name = "glmnet"
    layout = "f"
    default = 1e-7
    folds: ClassVar[int] = 0

    def prepare(self, task: Task, lambdas: np.ndarray) -> None:
        if rscript.glmnet_version() is None:
            raise PeerMissing("R with glmnet is not installed")
        self.task, self.lambdas = task, lambdas
        self.process = rscript.Glmnet(task)

    def fit(self, tolerance: float) -> float:
        return self.process.fit(
            l1_ratio=1.0,
            lambdas=self.lambdas,
            fit_intercept=self.task.fit_intercept,
            thresh=tolerance,
            folds=self.folds,
        )

    def solutions(self) -> np.ndarray:
        return np.roll(self.process.coefficients(), -1, axis=1)


class GlmnetCv(GlmnetPath):
    """cv.glmnet with five folds."""

    name = "glmnet-cv"
    folds = 5


class GlumPath(PathPeer):
    """glum's ``alpha_search`` over the given strengths."""

    name = "glum"
    layout = "f"
    default = 1e-4

    def prepare(self, task: Task, lambdas: np.ndarray) -> None:
        if find_spec("glum") is None:
            raise PeerMissing("glum is not installed")
        import tabmat
        from glum import GeneralizedLinearRegressor

        self.task, self.lambdas = task, lambdas
        self.X = tabmat.DenseMatrix(task.X)
        self.model = GeneralizedLinearRegressor(
            family="binomial",
            alpha=lambdas,
            alpha_search=True,
            l1_ratio=1.0,
            fit_intercept=task.fit_intercept,
            solver="irls-cd",
            max_iter=10_000,
            copy_X=False,
        )

    def fit(self, tolerance: float) -> None:
        self.model.set_params(gradient_tol=tolerance).fit(self.X, self.task.y)

    def solutions(self) -> np.ndarray:
        return np.column_stack([self.model.coef_path_, self.model.intercept_path_])


PATH_PEERS: dict[str, type[PathPeer]] = {
    peer.name: peer for peer in (LoglossPath, GlmnetPath, GlumPath, LoglossLeaveOneOut, GlmnetCv)
}
PATHS = tuple(peer.name for peer in (LoglossPath, GlmnetPath, GlumPath))
