"""What leverages need: the inverse Hessian of the coefficients that are free to move, as a factor.

h_i = x_iᵀM⁻¹x_i, M = X_PᵀSQX_P + Σs·diag l_P over the coefficients P that are free to move: with an
L1 penalty the active set, without those that lie on a bound.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError
from logloss.numerics.algebra import dot, inverse_factor, solve
from logloss.objective.base import Objective

Array = NDArray[np.float64]
Positions = NDArray[np.int64]

_MOST_FREE = 10_000  # coefficients of which a matrix of all pairs is made
_AT_IT = 1e-9  # standard errors from the minimum
_NEAR = 0.5  # standard errors up to which a Newton step may be taken unseen
_MOST_STEPS = 8


def whole_rows(weight: Array | None, counts: bool) -> bool:
    """Do weights belong to one row each, rather than count equal rows?"""
    return weight is not None and not counts


def leverage_factor(hessian: Array, weight_sum: float) -> tuple[Array, int]:
    """T, lower triangular with TᵀT = M⁻¹, and the rank of M.

    Parameters
    ----------
    hessian : ndarray of shape (k, k)
        M/Σs: of the mean loss and the L2 penalty, over P. It is changed.
    """
    inverse, rank = inverse_factor(hessian)
    return inverse / math.sqrt(weight_sum), rank


def left_out_weight(weight: Array | None, n: int, counts: bool) -> Array:
    """k: the weight that goes with a row."""
    if weight is None:
        return np.ones(n)
    return np.minimum(weight, 1.0) if counts else weight


def minimum_near(
    objective: Objective, beta: Array, certified: bool
) -> tuple[Array, Positions, Array, int]:
    """The minimum near a point, the coefficients that move there, and T of M⁻¹ with its rank.

    Where the point is not certified it stays: there may be no minimum near it, or at all.
    """
    if not objective.penalty.separable:
        raise UsageError("influence takes penalties and bounds of each coefficient by itself only")
    total = objective.likelihood.weight_sum
    for _ in range(_MOST_STEPS):
        inside = objective.penalty.inside(beta)
        moving = np.flatnonzero(inside)
        if len(moving) > _MOST_FREE:
            raise UsageError(
                f"influence needs a matrix of all pairs of the {len(moving):,} coefficients",
                f"fit at most {_MOST_FREE:,}, or take an L1 penalty that leaves fewer",
            )
        hessian = objective.hessian(beta, moving)
        if not certified:
            break
        slope = objective.value_gradient(beta)[1]
        slope = (slope + objective.penalty.l1 * np.sign(beta))[moving]
        step = solve(hessian.copy(), slope)[0]
        size = math.sqrt(max(total * dot(step, slope), 0.0))
        near = beta.copy()
        near[moving] -= step
        same = (
            np.array_equal(objective.penalty.inside(near), inside)
            and not ((np.sign(near) != np.sign(beta)) & (objective.penalty.l1 > 0.0)).any()
        )
        if size <= _AT_IT or not size < _NEAR or not same:
            break
        beta = near
    factor, rank = leverage_factor(hessian, total)
    return beta, moving, factor, rank
