"""How far a point is from the optimum, at most: the duality gap, by a Newton step in the dual.

With p = σ(z), r = p − y, q = p(1−p), S = diag(s), a step δ, and the largest c ≤ 1 for which the
penalty holds cv (see penalty.py), the residuals r' = r − q·(Xδ) give the dual point t = y + cr'.
Where every t lies in [0, 1] and the unpenalised coefficients U have X_UᵀSr' = 0,

    D = (1/Σs) Σ s_i [H(t_i) + o_i cr'_i] − Σ_{j∉U} pen*_j(−cv_j),   v = XᵀSr'/Σs,

bounds min F from below (H the entropy; Fenchel duality). δ should be near the Newton step under the
penalty: with the exact one the penalised part of the gap is second order, X_UᵀSr' = 0 holds, and
c = 1 where the model's face is that of the optimum (1 − c costs that share of Σ a_j|w_j|).
F − D is never formed by subtraction; it is summed from its non-negative terms,

    gap = (1/Σs) Σ s_i [p φ(Δ/p) + (1−p) φ(−Δ/(1−p))] + Σ_{j∉U} [pen(w_j) + pen*(−cv_j) + cv_j w_j],
    Δ = −(1−c) r − cq·(Xδ),   φ(x) = (1+x) log1p(x) − x,

which is right down to 1e-30. In floating point ρ = X_UᵀSr' is not 0, and |v_j| is not quite within
a_j. What a dual point that keeps to both exactly would cost is bounded and added (feasibility.py);
a ρ that is more than rounding is first corrected by a step on U.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from logloss.numerics.algebra import conjugate_gradients, dot, solve
from logloss.objective.base import Objective
from logloss.objective.feasibility import Known, allowance, allowance_by_hessian, wanted
from logloss.objective.likelihood import DualSums
from logloss.objective.quadratic import model_step

Array = NDArray[np.float64]

LARGEST_HESSIAN = 2000  # coefficients up to which a certificate may form the Hessian
_MOST_FREE = 10_000  # unpenalised coefficients up to which δ is corrected exactly
_WEAK = 1e-8  # an L2 penalty in the face of rounding
_LOST = 1e-6


@dataclass(frozen=True, eq=False)
class DualPoint:
    """What a dual point r' proves.

    Attributes
    ----------
    gap : float
        F(β) − D; inf where there is no such point; nan where it would not be `worth` it.
    score : ndarray of shape (n_coefficients,)
        XᵀSr'/Σs; near the optimum also the gradient of the log loss at β − δ, up to second order.
    delta : ndarray of shape (n_coefficients,)
        δ, as corrected.
    """

    gap: float
    score: Array
    delta: Array


def duality_gap(
    objective: Objective,
    beta: Array,
    delta: Array,
    known: Known | None = None,
    goal: float = 0.0,
    value: float = math.inf,
    tilt: Array | None = None,
) -> float:
    """F(β) − D for the dual point of the step δ; inf where δ gives none. Reads: as `dual_point`.

    `tilt`: the slope of a term of F that neither objective nor `value` holds, linear in β.
    """
    return dual_point(objective, beta, delta, known=known, goal=goal, value=value, tilt=tilt).gap


def dual_point(
    objective: Objective,
    beta: Array,
    delta: Array,
    worth: float = math.inf,
    known: Known | None = None,
    goal: float = 0.0,
    value: float = math.inf,
    tilt: Array | None = None,
) -> DualPoint:
    """The dual point of the step δ.

    `worth`: what shrinking it by c may cost, about, for the gap to be of use. `known`: a Hessian at
    or near beta. `goal`: a gap that is small enough. `value`: F(β), where it is known. `tilt`: as
    in `duality_gap`.

    One read; two more where X_UᵀSr' is not 0 yet and δ has to be corrected on U.
    """
    penalty, dual = objective.penalty, _tilted(objective.likelihood.dual, tilt)
    size = penalty.less(beta, np.zeros_like(beta))
    reach = partial(penalty.reach, rounding=2.0 * objective.likelihood.rounding)
    sums = dual(beta, delta, partial(_worthwhile, reach, size, worth))
    if sums.scale == 0.0:
        return DualPoint(math.nan, sums.score, delta)
    if not sums.feasible:
        gap = _without_step(objective, beta, lambda b, d: dual(b, d, reach), known, (goal, value))
        told = delta if math.isinf(gap) else np.zeros_like(delta)
        return DualPoint(gap, sums.score / sums.scale, told)
    gap, added, known = _bound(objective, (beta, delta), sums, known, (goal, value))
    free = np.flatnonzero(penalty.free & penalty.inside(beta))
    if known is not None and not added <= max(gap, 0.5 * goal) and sums.score[free].any():
        free = np.intersect1d(free, known.columns)
        at = np.searchsorted(known.columns, free)
        delta = delta.copy()
        delta[free] += solve(known.hessian[np.ix_(at, at)], sums.score[free] / sums.scale)[0]
        sums = dual(beta, delta, reach)
        if not sums.feasible:
            return DualPoint(math.inf, sums.score / (sums.scale or 1.0), delta)
        gap, added, _ = _bound(objective, (beta, delta), sums, known, (goal, value))
    return DualPoint(gap + added, sums.score / sums.scale, delta)


_Dual = Callable[[Array, Array, Callable[[Array], float]], DualSums]


def _tilted(dual: _Dual, tilt: Array | None) -> _Dual:
    """The scores of a likelihood with a linear term: u + tilt in place of u, where c = 1."""
    if tilt is None:
        return dual

    def tilted(beta: Array, delta: Array, reach: Callable[[Array], float]) -> DualSums:
        sums = dual(beta, delta, lambda score: float(reach(score + tilt) == 1.0))
        return replace(sums, score=sums.score + tilt)

    return tilted


def _without_step(
    objective: Objective,
    beta: Array,
    dual: Callable[[Array, Array], DualSums],
    known: Known | None,
    ends: tuple[float, float],
) -> float:
    """The gap by the dual point of no step, t = p: it is inside everywhere.

    Rows of next to no weight may leave [0, 1] by a step that is rounding for all others. One read.
    """
    if known is None:
        return math.inf
    delta = np.zeros_like(beta)
    sums = dual(beta, delta)
    if not sums.feasible:
        return math.inf
    gap, added, _ = _bound(objective, (beta, delta), sums, known, ends)
    return gap + added


def _worthwhile(reach: Callable[[Array], float], size: float, worth: float, score: Array) -> float:
    """c; 0 where it costs more than that, as D falls by (1 − c) Σ a_j|w_j| at least."""
    c = reach(score)
    return c if (1.0 - c) * size <= worth else 0.0


def _bound(
    objective: Objective,
    at: tuple[Array, Array],
    sums: DualSums,
    known: Known | None,
    ends: tuple[float, float],
) -> tuple[float, float, Known | None]:
    """The gap, what rounding adds to it, and the Hessian that told, where one was needed.

    `at`: the point and the step. `ends`: a gap that is small enough, and F(β).
    """
    (goal, value), (beta, delta) = ends, at
    part = objective.penalty.gap(beta, sums.score)
    gap = sums.gap + part
    most = min(value, objective.value_of_null()) if objective.penalty.allows_zero else value
    enough = 0.1 * max(gap, goal)
    added = allowance(objective, beta, sums, part, most)
    if added <= enough:
        return gap, added, known
    if known is None:
        known = _hessian(objective, beta, sums.score)
    if known is not None:
        more = allowance_by_hessian(objective, beta, delta, sums, part, known, enough)
        added = min(added, more)
    if enough < added < math.inf:
        extent = objective.likelihood.extent
        added = min(added, allowance(objective, beta, sums, part, most, extent))
    return gap, added, known


def _hessian(objective: Objective, beta: Array, score: Array) -> Known | None:
    """The Hessian at a point of the coefficients that need it, where it can be formed."""
    columns = np.arange(objective.n_coefficients)
    if len(columns) > LARGEST_HESSIAN:
        penalty = objective.penalty
        weak = penalty.free | ((penalty.l2 > 0.0) & (penalty.l2 < _WEAK))
        columns = np.union1d(wanted(objective, score), np.flatnonzero(weak))
    if len(columns) > _MOST_FREE:
        return None
    return Known(objective.hessian(beta, columns), beta, columns)


def information_is_lost(objective: Objective, beta: Array, hessian: Array | None = None) -> bool:
    """Does a direction carry less than a millionth of the information it has at the start?

    The start is the intercept alone. That is how separation shows at a point where nothing is left
    to gain: along the direction in which the rows are told apart, p(1−p) has gone to 0 on all rows
    that it moves. The direction of least curvature is found by inverse iteration. Three reads at
    most.

    Parameters
    ----------
    hessian : ndarray, optional
        At or near beta, where it is known.
    """
    null = objective.null()
    hessian = objective.hessian(beta) if hessian is None else hessian
    v, rank = solve(hessian, np.ones(len(beta)))
    if rank < len(beta) and rank < solve(objective.hessian(null), v)[1]:
        return True
    for _ in range(3):
        v = v / float(np.abs(v).max() or 1.0)
        v, _ = solve(hessian, v)
    v = v / float(np.abs(v).max() or 1.0)
    left = dot(v, hessian @ v)
    if left > _LOST * float(np.diag(hessian).max()) * dot(v, v):
        return False
    at_null = dot(v, objective.hessian_product(null, v))
    return at_null > 0.0 and left <= _LOST * at_null


def newton_step(
    objective: Objective,
    beta: Array,
    gradient: Array,
    accuracy: float,
    precondition: Callable[[Array], Array] | None = None,
) -> Array:
    """A step near enough to Newton's for a certificate: exact where the Hessian can be formed.

    Otherwise conjugate gradients, until what is left of the gradient adds at most `accuracy` to
    the gap: ρ²/(2l), summed over the penalised coefficients.
    """
    if not objective.penalty.smooth:
        return _step_on_active(objective, beta, gradient)
    if objective.n_coefficients <= LARGEST_HESSIAN:
        return solve(objective.hessian(beta), gradient)[0]
    return conjugate_step(objective, beta, gradient, accuracy, precondition)


def _step_on_active(objective: Objective, beta: Array, gradient: Array) -> Array:
    """Newton's step under the penalty, on the coefficients that are not 0 or not to stay there."""
    penalty = objective.penalty
    pull = np.abs(penalty.pull(beta, gradient))
    active = np.flatnonzero(penalty.inside(beta) | (pull > 0.0))
    if len(active) > LARGEST_HESSIAN:
        urgency = np.where(penalty.inside(beta), np.inf, pull)[active]
        order = np.argsort(-urgency, kind="stable")
        active = np.sort(active[order[:LARGEST_HESSIAN]])
    step = np.zeros_like(gradient)
    hessian = objective.hessian(beta, active)
    step[active] = model_step(penalty.of(active), hessian, beta[active], gradient[active]).step
    return step


def conjugate_step(
    objective: Objective,
    beta: Array,
    gradient: Array,
    accuracy: float,
    precondition: Callable[[Array], Array] | None = None,
    most: int = 500,
) -> Array:
    """H⁻¹g by conjugate gradients, one read an iteration; see `newton_step`."""
    step = np.zeros_like(gradient)
    product = partial(objective.hessian_product, beta)
    for x, residual, _ in islice(conjugate_gradients(product, gradient, precondition), most):
        step = x
        left = objective.penalty.shortfall(residual, beta, accuracy)
        if left <= accuracy or objective.late:
            break
    return step
