"""Does the estimate exist? A dual point inside (0, 1) proves it, with a margin for rounding.

The log loss has a minimum over the unpenalised coefficients U if and only if no direction d ≠ 0 of
them moves the log odds of each row towards its label or not at all: (2y − 1) x·d ≥ 0 where y is 0
or 1, x·d = 0 where it is between, some x·d ≠ 0 (Albert & Anderson, Biometrika 71, 1984). By
Stiemke's theorem there is none if and only if there are t with

    0 < t_i < 1 on every row with weight,   X_Uᵀ S (t − y) = 0,

as then 0 = Σ s (t − y) x·d = −Σ s |t − y| |x·d| for such a d. At an optimum t = p. Near it a Newton
step δ gives t = p − q ξ, ξ = Xδ, which is right in both tails when it is formed as

    t = p (1 − (1−p) ξ),   1 − t = (1−p) (1 + p ξ).

On separated data the same numbers turn up but for rounding: t = y on the rows that are told apart.
So rounding must be allowed for. With e = X_Uᵀ S r', r' = t − y, as summed, and w = q at a point
where M = X_UᵀSWX_U is known, t − w X M⁻¹e has a score of exactly 0. It stays inside where

    w_i |x_i·M⁻¹e| ≤ w_i √h_i E < ½ min(t_i, 1 − t_i),   h_i = x_iᵀM⁻¹x_i,  E = Σ_k ē_k ‖T_k‖,

for any e with |e| ≤ ē and M⁻¹ = TᵀT, by the Cauchy-Schwarz inequality. As s_i w_i h_i ≤ 1, it is
enough that E < ½ min(t_i, 1 − t_i) √(s_i/w_i), which needs no read at all; where some row fails
that, its leverage decides. ē is |e| and a bound on what summing may have rounded,

    u (√(Σ s r'²/w) √M_kk + (2 |μ_k|/σ_k + 4) Σ s |r'|),   u = (longest chain of additions) ε,

again by Cauchy-Schwarz, for columns centred at μ and scaled by σ. Where a row is far on the wrong
side, w = 0 to rounding; then √(Σ s |r'|) √(max s Σ x_k²) takes the place of the first product. The
inequality has ½ where 1 would do: that covers the rounding of T, h and t, where a column is not
others but for rounding; there nothing is said here, and whole numbers decide (exact.py).

A coefficient held at its only bound needs a score of the right sign instead of 0: with a lower
bound, only d_k ≥ 0 is possible, and v_k ≥ E √M_kk is enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import sigmoid
from logloss.numerics.algebra import inverse_diagonal, inverse_factor, solve
from logloss.objective.likelihood import Margin, RowSums
from logloss.objective.penalty import Penalty

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_BLUR = 0.01  # of T, where the ½ above covers it
_VOID = 1e-6  # of the residuals that a step leaves
_SUMS = 100.0 * float(np.finfo(np.float64).eps)  # of M, that its sums may have rounded

PROVEN = (
    "A finite estimate exists: a point strictly inside the dual problem proves it, with a margin"
    " for rounding."
)


def proven_by(
    likelihood: RowSums, free: Indices, at: tuple[Array, Array], hessian: Array, curved: Array
) -> bool:
    """Does a dual point prove existence? No read, where it is the last one.

    Parameters
    ----------
    free : ndarray
        U: the intercept and whatever else is not penalised.
    at : tuple of ndarray of shape (n_coefficients,)
        The point, and the step of its dual point.
    hessian : ndarray of shape (n_coefficients, n_coefficients)
        That of the loss, at the point `curved`.
    """
    information = hessian[np.ix_(free, free)] * likelihood.weight_sum
    spread, rank = inverse_diagonal(information)
    if rank < len(free):  # an alias, or a direction without information: that takes a closer look
        return False
    if not _is_sharp(likelihood, free, information, spread):
        return False
    margin = likelihood.margin(*at, curved)
    error = _error(likelihood, margin, free, np.diag(hessian) * likelihood.weight_sum, spread)
    there = 0.0 < error < 0.5 * margin.least  # 0: M is so small that T is not
    return there and not _is_void(likelihood, margin, at[0], hessian)


def prove(
    likelihood: RowSums, penalty: Penalty, free: Indices, squares: Array, beta: Array
) -> bool:
    """The same from any point near the optimum: a Hessian and a few more reads.

    Parameters
    ----------
    free : ndarray
        U without aliases.
    squares : ndarray of shape (len(free),)
        Σ x_k² over the rows with weight.
    """
    at_bound = free[~penalty.inside(beta)[free]]
    moving = np.setdiff1d(free, at_bound)
    hessian = likelihood.hessian(beta)
    inner = np.ascontiguousarray(hessian[np.ix_(moving, moving)])
    spread, rank = inverse_diagonal(inner * likelihood.weight_sum)
    if rank < len(moving):
        return False
    if not _is_sharp(likelihood, moving, inner * likelihood.weight_sum, spread):
        return False
    delta = np.zeros_like(beta)
    score = likelihood.loss_gradient(beta)[1]
    for _ in range(2):  # the second time for what rounding has left of the score
        delta = delta.copy()
        delta[moving] += solve(inner, score[moving])[0]
        margin = likelihood.margin(beta, delta)
        score = margin.score / likelihood.weight_sum
    information = np.diag(hessian) * likelihood.weight_sum
    known = np.full(len(beta), np.inf)
    known[free] = squares
    error = _error(likelihood, margin, moving, information, spread, known)
    if not _rightly_signed(penalty, margin, at_bound, information, error):
        return False
    if not error > 0.0 or _is_void(likelihood, margin, beta, hessian):
        return False
    if error < 0.5 * margin.least:
        return True
    xi = likelihood.along(delta) + margin.shift
    inverse, _ = inverse_factor(inner * likelihood.weight_sum)
    return _inside_by_leverage(likelihood, beta, xi, likelihood.leverages(moving, inverse), error)


def _is_void(likelihood: RowSums, margin: Margin, beta: Array, hessian: Array) -> bool:
    """Has the step taken all of the residuals, so that t is what rounding has left of them?

    So it is where all rows are told apart and move alike. At an optimum Σ s|r'| is Σ s|r| ≥ Σ s q.
    """
    if likelihood.shape.has_intercept:
        mass = float(np.diag(hessian)[likelihood.shape.intercepts].sum()) * likelihood.weight_sum
    else:
        mass = likelihood.rows.total(likelihood.rows.bernoulli(likelihood.log_odds(beta))[2])
    return not margin.absolute > _VOID * mass


def _is_sharp(likelihood: RowSums, free: Indices, information: Array, spread: Array) -> bool:
    """Is T right to some digits? With what sums have rounded of M, E, it is off by |T E Tᵀ|.

    `spread`: the diagonal of M⁻¹. Sparse columns are centred after they are summed, and lose
    (μ/σ)² of M to that.
    """
    where, columns = likelihood.coordinates, free[free < len(likelihood.coordinates.center)]
    lost = np.ones(len(free))
    far = (where.center[columns] / where.scale[columns]) ** 2
    lost[: len(columns)] += far * likelihood.sparse[columns]
    blurred = _SUMS * float(spread @ (lost * np.diag(information)))
    return blurred < _BLUR


def _error(
    likelihood: RowSums,
    margin: Margin,
    free: Indices,
    information: Array,
    spread: Array,
    squares: Array | None = None,
) -> float:
    """E: how far the score may be from 0, in standard errors; by the diagonals of M and M⁻¹."""
    where = likelihood.coordinates
    offset = np.zeros(likelihood.shape.size)
    offset[: len(where.center)] = 2.0 * np.abs(where.center) / where.scale
    with np.errstate(invalid="ignore"):
        size = np.sqrt(margin.pearson * information)
        if squares is not None:
            weight = likelihood.rows.weight
            most = 1.0 if weight is None else float(weight.max())
            size = np.fmin(size, np.sqrt(margin.absolute * most * squares))
    size = size + (offset + 4.0) * margin.absolute
    bound = np.abs(margin.score[free]) + margin.rounding * size[free]
    return float(bound @ np.sqrt(spread))


def _rightly_signed(
    penalty: Penalty, margin: Margin, held: Indices, information: Array, error: float
) -> bool:
    """Bounds hold these coefficients, and the score pushes them against the bounds."""
    sign = np.where(penalty.lower[held] > -np.inf, 1.0, -1.0)
    enough = 2.0 * error * np.sqrt(information[held])
    return bool((sign * margin.score[held] > enough).all())


def _inside_by_leverage(
    likelihood: RowSums, beta: Array, xi: Array, leverage: Array, error: float
) -> bool:
    """E √h < ½ min(t, 1 − t)/q on every row with weight, ξ that of the dual point at beta."""
    z = likelihood.log_odds(beta)
    p, rest = np.asarray(sigmoid(z)), np.asarray(sigmoid(-z))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inside = np.minimum((1.0 - rest * xi) / rest, (1.0 + p * xi) / p)  # min(t, 1 − t)/q
    return bool((inside > 2.0 * error * np.sqrt(leverage))[likelihood.rows.counted].all())
