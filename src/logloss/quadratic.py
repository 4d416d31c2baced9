"""Newton's model of F at a point, under the penalty, and the step to its minimum.

    m(d) = ∇f·d + d'Hd/2 + Σ_j a_j (|w_j + d_j| − |w_j|),   lo ≤ w + d ≤ hi

f is the smooth part of F. Without an L1 penalty and bounds the step is Newton's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels
from logloss.algebra import dot, solve
from logloss.penalty import Penalty

Array = NDArray[np.float64]

_ROUNDS = 100  # of coordinate descent and an exact step on its face


@dataclass(frozen=True, eq=False)
class ModelStep:
    """The step −d, so that β − step is better, and −m(d): how far F is expected to fall."""

    step: Array
    decrease: float


def model_step(
    penalty: Penalty, hessian: Array, beta: Array, gradient: Array, accuracy: float = 1e-20
) -> ModelStep:
    """Minimise the model, to rounding or until all but `accuracy` of the decrease is there.

    Parameters
    ----------
    penalty : Penalty
    hessian : ndarray of shape (n, n)
    beta, gradient : ndarray of shape (n,)
        The point, and the gradient of the smooth part of F there.
    """
    if penalty.smooth:
        step, _ = solve(hessian, gradient)
        return ModelStep(step, 0.5 * dot(gradient, step))
    point, slope, _ = _kernels.quadratic(
        np.ascontiguousarray(hessian),
        gradient,
        beta,
        penalty.l1,
        penalty.lower,
        penalty.upper,
        accuracy,
        _ROUNDS,
    )
    step = beta - point
    fallen = dot(penalty.l1, np.abs(beta) - np.abs(point))
    return ModelStep(step, 0.5 * dot(gradient + slope, step) + fallen)
