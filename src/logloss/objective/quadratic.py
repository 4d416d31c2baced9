"""Newton's model of F at a point, under the penalty, and the step to its minimum.

    m(d) = ∇f·d + d'Hd/2 + Σ_j a_j (|w_j + d_j| − |w_j|),   lo ≤ w + d ≤ hi

f is the smooth part of F. Without an L1 penalty and bounds the step is Newton's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import dot, solve
from logloss.objective.penalty import Penalty

Array = NDArray[np.float64]

_CLOSE = 1e-4  # of F, still to gain: the model's minimum is wanted to rounding


@dataclass(frozen=True, eq=False)
class ModelStep:
    """The step −d, so that β − step is better, and how good it is.

    Attributes
    ----------
    step : ndarray of shape (n,)
    decrease : float
        −m(d): how far F is expected to fall.
    left : ndarray of shape (n,)
        What still pulls at the end (Penalty.pull); 0 but for `accuracy` and rounding.
    """

    step: Array
    decrease: float
    left: Array


def model_step(
    penalty: Penalty,
    hessian: Array,
    beta: Array,
    gradient: Array,
    accuracy: float = 1e-20,
    far: float = math.inf,
) -> ModelStep:
    """Minimise the model, to rounding or until all but `accuracy` of the decrease is there.

    Parameters
    ----------
    penalty : Penalty
    hessian : ndarray of shape (n, n)
    beta, gradient : ndarray of shape (n,)
        The point, and the gradient of the smooth part of F there.
    far : float
        A decrease beyond which a rough minimum is enough.
    """
    if penalty.smooth:
        step, _ = solve(hessian, gradient)
        return ModelStep(step, 0.5 * dot(gradient, step), np.zeros_like(step))
    enough = math.inf if math.isnan(far) else far
    point, slope = penalty.minimum(hessian, beta, gradient, accuracy, enough)
    step = beta - point
    decrease = 0.5 * dot(gradient + slope, step) + penalty.less(beta, point)
    return ModelStep(step, decrease, penalty.pull(point, slope))


def step_towards(
    penalty: Penalty, hessian: Array, beta: Array, gradient: Array, value: float
) -> ModelStep:
    """`model_step`, as accurately as is worth it: roughly while F, now `value`, is far off."""
    return model_step(penalty, hessian, beta, gradient, far=_CLOSE * value)


def left_by_a_kept_hessian(
    penalty: Penalty, beta: Array, gradient: Array, before: float
) -> tuple[float, float]:
    """How hard F pulls, and what the step should leave of it in the gap of a certificate.

    The step should shrink the pull as the last one did. Smooth F needs neither: its gap is of
    second order in what an approximate Hessian leaves; both are nan.

    Parameters
    ----------
    before : float
        How hard F pulled at the previous point; nan where there was none.
    """
    if penalty.smooth:
        return math.nan, math.nan
    pull = penalty.pull(beta, gradient)
    size = math.sqrt(dot(pull, pull))
    rate = min(1.0, size / before) if before > 0.0 else 1.0
    return size, penalty.shortfall(rate * pull, beta)
