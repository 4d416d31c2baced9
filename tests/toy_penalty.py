"""The group lasso, Σ_G a_G ‖w_G‖: all that a penalty has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(eq=False)
class GroupLasso:
    """A `Penalty`. `group`: of each coefficient, −1: none; `l1`: a of its group, 0 where none."""

    group: np.ndarray
    l1: np.ndarray
    neglected, allows_zero, separable, smooth = None, True, False, False

    def __post_init__(self) -> None:
        n = len(self.group)
        self.l2, self.lower, self.upper = np.zeros(n), np.full(n, -np.inf), np.full(n, np.inf)
        self.held, self.bounded = self.group >= 0, np.zeros(n, np.bool_)
        self.free = self.endless = self.unheld = ~self.held
        self.alike = (self.group[:, None] == self.group) & self.held

    def norms(self, v: np.ndarray) -> np.ndarray:
        """‖v_G‖ at each coefficient of G, 0 at others."""
        return np.sqrt(self.alike @ (v * v))

    def neglect(self, coef: np.ndarray) -> float:  # noqa: ARG002
        return 0.0

    def of(self, subset: np.ndarray) -> GroupLasso:
        return GroupLasso(self.group[subset], self.l1[subset])

    def scaled(self, more: float) -> GroupLasso:
        return GroupLasso(self.group, more * self.l1)

    def value(self, beta: np.ndarray) -> float:
        return float((self.l1 * self.norms(beta) / np.maximum(self.alike.sum(axis=1), 1)).sum())

    def less(self, beta: np.ndarray, than: np.ndarray) -> float:
        return self.value(beta) - self.value(than)

    def gradient(self, beta: np.ndarray) -> np.ndarray:
        return np.zeros_like(beta)

    def prox(self, x: np.ndarray, step: Any) -> np.ndarray:
        return x * (1.0 - step * self.l1 / np.maximum(self.norms(x), step * self.l1 + 1e-300))

    def settle(self, beta: np.ndarray) -> np.ndarray:
        return beta

    def pull(self, beta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        at, size = self.norms(beta), np.maximum(self.norms(gradient), 1e-300)
        there = gradient + self.l1 * beta / np.where(at > 0.0, at, 1.0)
        return -np.where(self.inside(beta), there, gradient * np.maximum(1.0 - self.l1 / size, 0.0))

    def inside(self, beta: np.ndarray) -> np.ndarray:
        return (self.norms(beta) > 0.0) | ~self.held

    def minimum(self, hessian: Any, beta: Any, gradient: Any, *_: float) -> tuple[Any, Any]:
        point, step = beta, 1.0 / np.linalg.eigvalsh(hessian)[-1]
        for _ in range(20_000):
            last = point
            point = self.prox(point - step * (gradient + hessian @ (point - beta)), step)
            if np.abs(point - last).max() <= 1e-15 * np.abs(point).max():
                break
        return point, gradient + hessian @ (point - beta)

    def shortfall(self, residual: np.ndarray, beta: np.ndarray, accuracy: float = 1.0) -> float:
        share = (self.norms(residual)[self.held] / self.l1[self.held]).max(initial=0.0)
        free = float((residual[self.free] ** 2).sum())
        return 0.5 * free / accuracy + min(float(share), 1.0) * self.value(beta)

    def reach(self, score: np.ndarray, rounding: Any = 0.0) -> float:  # noqa: ARG002
        over = self.held & (self.norms(score) > self.l1)
        return float((self.l1[over] / self.norms(score)[over]).min(initial=1.0))

    def excess(self, score: np.ndarray, rounding: Any = 0.0) -> np.ndarray:
        size, off = np.abs(score), rounding + np.zeros_like(score)
        most = np.where(self.held, self.norms(size) + self.norms(off), size + off)
        return np.maximum(most - self.l1, 0.0)

    def gap(self, beta: np.ndarray, score: np.ndarray) -> float:
        u = score * np.minimum(1.0, self.l1 / np.maximum(self.norms(score), 1e-300))
        return max(self.value(beta) + float(u[self.held] @ beta[self.held]), 0.0)
