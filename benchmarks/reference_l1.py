"""The optimum with an L1 part, and a proof of it: a prox-Newton iteration on a working set.

Each step minimises the quadratic model of the smooth part plus the penalty over a working set:
the intercept, the coefficients that are not zero, and those that violate |gradient| ≤ l1 most.
Coordinate descent on the Gram matrix finds the face (signs and zeros), exact solves on the face
finish.  A halving line search guards the step, and the model is damped by a multiple of the
largest curvature that is possible, ‖x_j‖²/(4n), which falls to nothing while full steps
succeed.  It shares no code with any solver timed.

It stops at a duality gap below 1e-14 of F, or when neither F nor the gap goes down any more.
The dual point: residuals r = (p − y) shifted along p(1 − p) so that they sum to zero (with an
intercept) and scaled by c so that no |X'r|/n exceeds l1 (without L2).  Then

    D = mean H(y + c r) − Σ_j max(0, |c v_j| − l1)²/(2 l2),   v = X'r/n,
    H(t) = −t log t − (1 − t) log(1 − t),

is a lower bound of F everywhere (Fenchel–Rockafellar), so that the gap F − D is rigorous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.special import entr, expit

from benchmarks import objective
from benchmarks.problems import Task

_TARGET = 1e-14
_MAX_STEPS = 200
_STILL = 1e-12  # relative decrease of F
_SWEEPS = 30  # of coordinate descent, before the exact solves on the face
_FACE_STEPS = 200
_DAMPING = (1e-3, 1e-9, 1e3)  # at first; taken as none below; given up above
_ROUNDING = 1e-12  # of the diagonal: added where the face is singular


@dataclass(frozen=True)
class Proven:
    """A point (w, b), F there, and how far below F the optimum can lie (relative to F)."""

    beta: np.ndarray
    value: float
    gap: float
    steps: int


def solve(task: Task, start: np.ndarray | None = None, target: float = _TARGET) -> Proven:
    """From zero, or from the point ``start`` of shape (d + 1,), to the relative gap ``target``."""
    d = task.X.shape[1]
    beta = np.zeros(d + 1) if start is None else start.copy()
    value, best, stalled, steps = objective.value(task, beta[:d], beta[d]), np.inf, 0, 0
    first, none, most = _DAMPING
    damping = first if start is None else 0.0  # a start is taken to be near
    before = np.inf
    largest = _largest_curvature(task)
    while steps < _MAX_STEPS and damping < most:
        slope, curvature = objective.gradient(task, beta[:d], beta[d])
        gap = (value - lower_bound(task, beta)) / value
        still = value > before * (1.0 - _STILL) and gap > 0.5 * best
        stalled, before = stalled + 1 if still else 0, value
        best = min(best, gap)
        if gap <= target or stalled > 8:
            break
        steps += 1
        chosen = _working_set(task, beta, slope)
        move = np.zeros(d + 1)
        H = _gram(task, curvature, chosen)
        H[np.diag_indices_from(H)] += damping * largest[chosen]
        move[chosen] = _model_step(task, H, slope[chosen], beta[chosen])
        found = _search(task, beta, move, value)
        if found is None:
            damping = 100.0 * max(damping, none)
            continue
        beta, value, halvings = found
        damping = 10.0 * max(damping, none) if halvings > 1 else 0.1 * damping
        damping = damping if damping > none else 0.0
    return Proven(beta, value, max(best, 0.0), steps)


def lower_bound(task: Task, beta: np.ndarray) -> float:
    """A value that F never goes below, by weak duality, from the residuals at (w, b)."""
    z = objective.scores(task, beta[:-1], beta[-1])
    residual = expit(z) - task.y
    if task.fit_intercept:
        q = expit(z) * expit(-z)
        residual = residual - q * (residual.sum() / q.sum())
    v = np.abs(task.X.T @ residual) / len(z)
    scale = 1.0
    if task.l2 == 0.0:
        scale = min(1.0, task.l1 / max(float(v.max()), 1e-300))
    t = task.y + scale * residual
    if t.min() < 0.0 or t.max() > 1.0:
        return -np.inf
    bound = float(np.mean(entr(t) + entr(1.0 - t)))
    if task.l2 > 0.0:
        bound -= float(np.sum(np.maximum(scale * v - task.l1, 0.0) ** 2)) / (2.0 * task.l2)
    return bound


def _search(
    task: Task, beta: np.ndarray, move: np.ndarray, value: float
) -> tuple[np.ndarray, float, int] | None:
    """The first of the steps 1, 1/2, 1/4, … that does not raise F; None where each does."""
    for halvings in range(12):
        trial = beta + 0.5**halvings * move
        lower = objective.value(task, trial[:-1], trial[-1])
        if lower <= value:
            return trial, lower, halvings
    return None


def _largest_curvature(task: Task) -> np.ndarray:
    """p(1 − p) ≤ 1/4: a bound of the diagonal of the Hessian anywhere, shape (d + 1,)."""
    n = len(task.y)
    squares = (
        task.X.multiply(task.X).sum(axis=0)
        if task.is_sparse
        else (np.einsum("ij,ij->j", task.X, task.X))
    )
    return np.append(np.asarray(squares).ravel() / (4.0 * n), 0.25)


def _working_set(task: Task, beta: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Indices into (w, b), the intercept last where there is one."""
    coef, inside = beta[:-1], slope[:-1]
    violation = np.where(coef != 0.0, np.inf, np.abs(inside) - task.l1)
    nonzero = int(np.count_nonzero(coef))
    size = min(len(coef), nonzero + max(100, nonzero))
    order = np.argsort(-violation)[:size]
    chosen = np.sort(order[violation[order] > 0.0])
    return np.append(chosen, len(coef)) if task.fit_intercept else chosen


def _model_step(task: Task, H: np.ndarray, g: np.ndarray, x0: np.ndarray) -> np.ndarray:
    """Minimise g·δ + δ'Hδ/2 + l1 ‖w + δ‖₁ over the working set; returns δ."""
    weights = np.full(len(g), task.l1)
    if task.fit_intercept:
        weights[-1] = 0.0
    x = _coordinate_descent(H, g, x0, weights)
    return _face_steps(H, g - H @ x0, x, weights) - x0


def _gram(task: Task, curvature: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The Hessian of the smooth part on the working set."""
    columns = chosen[:-1] if task.fit_intercept else chosen
    block = task.X[:, columns] if task.is_sparse else np.asarray(task.X)[:, columns]
    weighted = (
        block.multiply(curvature[:, None]).tocsr()
        if task.is_sparse
        else (block * curvature[:, None])
    )
    inner = block.T @ weighted
    H = np.zeros((len(chosen), len(chosen)))
    k = len(columns)
    H[:k, :k] = inner.toarray() if task.is_sparse else inner
    H[np.arange(k), np.arange(k)] += task.l2
    if task.fit_intercept:
        H[:k, k] = H[k, :k] = np.asarray(weighted.sum(axis=0)).ravel()
        H[k, k] = curvature.sum()
    return H


def _coordinate_descent(
    H: np.ndarray, g: np.ndarray, x0: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    x, inside = x0.copy(), g.copy()
    diagonal = np.diag(H).copy()
    for _ in range(_SWEEPS):
        largest = 0.0
        for j in np.flatnonzero(diagonal > 0.0):
            u = x[j] - inside[j] / diagonal[j]
            new = np.sign(u) * max(abs(u) - weights[j] / diagonal[j], 0.0)
            change = new - x[j]
            if change != 0.0:
                x[j] = new
                inside += change * H[j]
                largest = max(largest, diagonal[j] * change * change)
        if largest < 1e-30:
            break
    return x


def _face_steps(
    H: np.ndarray, linear: np.ndarray, x: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Minimise linear·x + x'Hx/2 + Σ weights |x|: exact on the face, one change of face a step.

    A step that would cross zero stops there and the coefficient leaves the face; when the face
    is solved, the zero that violates its bound most enters it.
    """
    x = x.copy()
    signs = np.where(weights > 0.0, np.sign(x), 0.0)
    free = (weights == 0.0) | (x != 0.0)
    for _ in range(_FACE_STEPS):
        face = np.flatnonzero(free)
        slope = linear[face] + H[face] @ x + weights[face] * signs[face]
        move = -_solve(H[np.ix_(face, face)], slope)
        crossing = (weights[face] > 0.0) & (signs[face] * (x[face] + move) < 0.0)
        if crossing.any():
            # A coefficient that is just entering has x = 0: it moves away from zero or not at all.
            lengths = np.where(crossing, -x[face] / np.where(crossing, move, 1.0), np.inf)
            length = float(lengths.min())
            x[face] += length * move
            out = face[lengths <= length]
            x[out], signs[out], free[out] = 0.0, 0.0, False
            continue
        x[face] += move
        inside = linear + H @ x
        excess = np.where(free, -np.inf, np.abs(inside) - weights)
        worst = int(np.argmax(excess))
        if excess[worst] <= 1e-12 * max(float(weights.max()), 1e-300):
            break
        free[worst], signs[worst] = True, -np.sign(inside[worst])
    return x


def _solve(matrix: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Scaled to a unit diagonal; a hair of ridge where the face is singular."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = matrix * scale[:, None] * scale
    try:
        factor = linalg.cho_factor(scaled, check_finite=False)
        if float(np.diag(factor[0]).min()) < 1e-7:
            raise linalg.LinAlgError
    except linalg.LinAlgError:
        factor = linalg.cho_factor(scaled + _ROUNDING * len(scale) * np.eye(len(scale)))
    return np.asarray(scale * linalg.cho_solve(factor, scale * slope))
