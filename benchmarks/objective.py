"""F(w, b) = mean_i bce(y_i, x_i·w + b) + l1 ‖w‖₁ + l2/2 ‖w‖², computed here and only here.

Everything is float64.

With s = ±1 for the label, bce(y, z) = log(1 + e^{−s z}) = logaddexp(0, −s z): no cancellation at
either end.  Peers report coefficients; their own idea of the objective is never used.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from benchmarks.problems import Task

_CHUNK = 1 << 16  # rows at a time, so that a weighted copy of X stays small


def scores(task: Task, coef: np.ndarray, intercept: float) -> np.ndarray:
    return np.asarray(task.X @ coef) + intercept


def value(task: Task, coef: np.ndarray, intercept: float) -> float:
    """F at the coefficients; NaN or infinity where they are not finite."""
    margins = scores(task, coef, intercept) * (2.0 * task.y - 1.0)
    loss = float(np.mean(np.logaddexp(0.0, -margins)))
    return loss + task.l1 * float(np.abs(coef).sum()) + 0.5 * task.l2 * float(coef @ coef)


def gradient(task: Task, coef: np.ndarray, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    """Of F without its L1 part: the gradient in (w, b), shape (d + 1,), and p(1 − p)/n, (n,)."""
    z = scores(task, coef, intercept)
    sign = 2.0 * task.y - 1.0
    residual = -sign * expit(-sign * z) / len(z)
    slope = np.append(task.X.T @ residual + task.l2 * coef, residual.sum())
    if not task.fit_intercept:
        slope[-1] = 0.0
    return slope, expit(z) * expit(-z) / len(z)


def hessian(task: Task, curvature: np.ndarray) -> np.ndarray:
    """The Hessian in (w, b), shape (d + 1, d + 1); for d of at most a few hundred."""
    d = task.X.shape[1]
    result = np.zeros((d + 1, d + 1))
    for start in range(0, len(curvature), _CHUNK):
        rows = slice(start, start + _CHUNK)
        block = task.X[rows].toarray() if task.is_sparse else np.asarray(task.X[rows])
        weighted = block * curvature[rows, None]
        result[:d, :d] += block.T @ weighted
        result[:d, d] += weighted.sum(axis=0)
    result[d, :d] = result[:d, d]
    result[d, d] = curvature.sum()
    result[np.arange(d), np.arange(d)] += task.l2
    return result
