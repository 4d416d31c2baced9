"""The optimum of each problem, from a Newton iteration that shares no code with any solver timed.

Problems with an L1 part go to reference_l1.py, where the uncertainty is a proven duality gap.
Here, for the others:

The direction solves H p = −g: by Cholesky for up to a thousand columns, by conjugate gradients
with a diagonal preconditioner beyond.  It stops when half the squared Newton decrement, which is
the expected decrease, falls below 1e-14 of F, or when rounding allows no further decrease.  What
is left is kept beside the value as ``uncertainty`` (relative to F).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, cg

from benchmarks import datasets, objective, problems, reference_l1
from benchmarks.problems import Problem, Task

_DIRECT = 1000  # columns up to which the Hessian is formed
_TARGET = 1e-14
_MAX_STEPS = 200

Direction = Callable[[Task, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Reference:
    """The optimum: its value, and how far below it the truth may lie, relative to the value."""

    value: float
    uncertainty: float
    steps: int


def reference(problem: Problem, cache: Path, scale: float = 1.0) -> Reference:
    """From the cache, or solved now."""
    place = datasets.folder(problem.dataset, cache, scale) / f"reference-{problem.name}.json"
    if not place.exists():
        found = solve(problems.load(problem, cache, scale))
        place.write_text(json.dumps(asdict(found)))
    return Reference(**json.loads(place.read_text()))


def solve(task: Task) -> Reference:
    """Newton's method with a halving line search, from zero."""
    if task.l1 > 0.0:
        proven = reference_l1.solve(task)
        return Reference(proven.value, proven.gap, proven.steps)
    d = task.X.shape[1]
    direction = _cholesky if d <= _DIRECT else _conjugate_gradients
    beta = np.zeros(d + 1)
    value, decrease = objective.value(task, beta[:d], beta[d]), np.inf
    steps = 0
    while steps < _MAX_STEPS:
        steps += 1
        slope, curvature = objective.gradient(task, beta[:d], beta[d])
        move = direction(task, slope, curvature)
        decrease = -0.5 * float(slope @ move)
        if decrease <= _TARGET * value:
            break
        trial = _search(task, beta, move, value)
        if trial is None:
            break
        beta, value = trial
    return Reference(value, max(decrease, 0.0) / value, steps)


def _search(
    task: Task, beta: np.ndarray, move: np.ndarray, value: float
) -> tuple[np.ndarray, float] | None:
    """The first of the steps 1, 1/2, 1/4, … that lowers F; None where none does."""
    for halvings in range(30):
        trial = beta + 0.5**halvings * move
        lower = objective.value(task, trial[:-1], trial[-1])
        if lower < value:
            return trial, lower
    return None


def _cholesky(task: Task, slope: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    matrix = objective.hessian(task, curvature)
    free = slice(None) if task.fit_intercept else slice(-1)
    move = np.zeros_like(slope)
    # Scaled to a unit diagonal: columns may differ by many orders of magnitude.
    scale = 1.0 / np.sqrt(np.diag(matrix)[free])
    scaled = matrix[free, free] * scale[:, None] * scale
    move[free] = -scale * linalg.solve(scaled, scale * slope[free], assume_a="pos")
    return move


def _conjugate_gradients(task: Task, slope: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    X, size = task.X, len(slope)
    intercept = float(task.fit_intercept)

    def product(v: np.ndarray) -> np.ndarray:
        weighted = curvature * (X @ v[:-1] + intercept * v[-1])
        last = weighted.sum() if task.fit_intercept else v[-1]
        return np.append(X.T @ weighted + task.l2 * v[:-1], last)

    diagonal = np.append(X.multiply(X).T @ curvature + task.l2, curvature.sum())
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    preconditioner = LinearOperator((size, size), matvec=lambda v: v / diagonal, dtype=np.float64)
    accuracy = min(0.1, float(np.sqrt(np.linalg.norm(slope))))
    move, _ = cg(operator, -slope, rtol=accuracy, maxiter=2000, M=preconditioner)
    return np.asarray(move)
