"""What it costs that a dual point is feasible only to rounding.

A dual point t = y + u bounds min F if v = XᵀSu/Σs keeps to what the penalty allows: 0 for an
unpenalised coefficient, |v_j| ≤ a_j under L1, one sign where one side has a bound. As summed in
floating point it does so but for some e, and the sums are rounded themselves: |e| ≤ ē is what is
known. So t is moved a little, to a point that keeps to it exactly, and what that costs is bounded.

With l the L2 penalties, w = q at a point at which H = XᵀSWX/Σs + diag(l) is known on a set B of
coefficients, g = H⁻¹e and ζ = Xg, the point t' = t − wζ has v' = v − e + l g: exactly what is
wanted where l = 0. Where l > 0 any v' will do. With H⁻¹ = TᵀT and ε = Σ_k ē_k ‖T_k‖ ≥ √(eᵀH⁻¹e),

    Σ s w ζ² + Σs Σ l g² = Σs eᵀH⁻¹e ≤ Σs ε².

t' lies in (0, 1) if |wζ| ≤ ½ min(t, 1−t) on each row, which either of these gives,

    √Σs ε ≤ ½ min(t, 1−t) √(s/w)            as |ζ| ≤ √(x·M⁻¹x) √Σs ε and s w x·M⁻¹x ≤ 1,
    |ζ| ≤ Σ |x_k| |H⁻¹|ē ≤ ½ min(t, 1−t)/w  and |x_k| ≤ √(16 Σs/s) in the coordinates of solvers.

The rows' part of the gap is Σ s KL(t‖p)/Σs, with slope ℓ = logit(t) − z and curvature 1/(t(1−t)) in
t; the penalty's part h(w) − h(ŵ) is strongly convex and so changes by |l g| √(2 part/l) + ½ l g²;
where l = 0 and an L1 penalty or bounds hold w, by |w − ŵ| for each unit of v, ŵ being 0 or a bound.
By the Cauchy-Schwarz inequality both together grow by no more than

    ε √(Σ s w ℓ²/Σs + 2 part) + (2 max w/min(t, 1−t) + ½) ε².

Coefficients outside B have scores that move by √H_kk ε at most: under L1 or a bound they need that
much room, under L2 the penalty's part grows by no more than √(2 part Σ move²/l) + ½ Σ move²/l, as
it does by what rounding makes of them.

A shorter u does for scores beyond a_j by rounding: (1−κ)u costs κD at most, as D is concave.

Nothing here says that a step is near the optimum, or how far that is. Where nothing but the
intercept is unpenalised, as in most fits with a penalty, B = {intercept} serves, without a read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.numerics.algebra import dot, inverse_diagonal
from logloss.objective.base import Objective
from logloss.objective.likelihood import DualSums, Likelihood, Margin
from logloss.objective.penalty import Penalty

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NOISE = 1e-14  # of a pivot of H on B
_MOST_PAIRS = 2000  # coefficients of which all of H⁻¹ is formed
_NEARLY_ZERO = 1e4  # times its rounding: a score that is as good as 0
_NEAR_L1 = 1e-6  # of a_j: coefficients that are that near to moving are in B
_LOG_RATIO = 200.0  # w ℓ² ≤ this · KL(t‖p) where t/p and (1−t)/(1−p) are above 1e-6 (row_gap)
_STEEPEST = 1e6  # and q/min(t, 1−t) at most this
_MOST_ROOT = 2.0  # √H_kk at most, as q ≤ ¼ and Σ s x_k² ≤ 16 Σs


@dataclass(frozen=True, eq=False)
class Known:
    """A Hessian of the smooth part of F over all rows, and where it was taken.

    Attributes
    ----------
    hessian : ndarray of shape (k, k)
    taken : ndarray of shape (n_coefficients,)
        The point.
    columns : ndarray of shape (k,), int64
        The coefficients, increasing.
    spans : bool
        Unpenalised columns that are not among them are known to be combinations of them.
    """

    hessian: Array
    taken: Array
    columns: Indices
    spans: bool = False


def wanted(objective: Objective, score: Array) -> Indices:
    """Coefficients without L2 that need a Hessian: unpenalised, or near to moving; increasing."""
    penalty = objective.penalty
    margin = objective.likelihood.rounding + _NEAR_L1 * penalty.l1
    return np.flatnonzero((penalty.l2 == 0.0) & (penalty.excess(score, margin) > 0.0))


def allowance(
    objective: Objective,
    beta: Array,
    sums: DualSums,
    part: float,
    most: float,
    extent: Array | None = None,
) -> float:
    """What rounding adds to the gap where only the intercept is unpenalised; inf where more is.

    No read and no pass over the rows.

    Parameters
    ----------
    part : float
        The penalty's part of the gap.
    most : float
        A value of F: D is no larger.
    extent : ndarray of shape (n_coefficients,), optional
        The largest |x_k|, where it is known.
    """
    penalty, rounding = objective.penalty, objective.likelihood.rounding
    shape = objective.likelihood.shape
    beyond = penalty.excess(sums.score, rounding)
    off = beyond > 0.0
    others = (off & (penalty.l1 == 0.0)).sum() > shape.n_intercepts
    if others or (shape.has_intercept and not sums.curvature > 0.0):
        return math.inf
    off &= penalty.l1 > 0.0
    shrunk = float((beyond[off] / (penalty.l1 + beyond)[off]).max(initial=0.0))
    moved = float(rounding[shape.intercepts].max(initial=0.0)) / (sums.curvature or 1.0)  # |ζ|
    if moved > 0.5 / _STEEPEST:
        return math.inf
    size = moved * math.sqrt(sums.curvature)  # ε
    push = _MOST_ROOT * size + np.zeros_like(rounding)  # |ζ| Σ s q |x_k|/Σs, by Cauchy, Schwarz
    if extent is not None:
        push = np.minimum(push, moved * sums.curvature * extent)
    slack = rounding + np.where(off, beyond, 0.0)
    beside = _shaken(penalty.l2, rounding + push, part) + _swayed(
        penalty, beta, sums.score, slack + push
    )
    rows = size * math.sqrt(_LOG_RATIO * sums.gap) + 2.0 * _STEEPEST * size**2
    return rows + beside + (shrunk * most if shrunk > 0.0 else 0.0)  # most may be infinite


def allowance_by_hessian(
    objective: Objective,
    beta: Array,
    delta: Array,
    sums: DualSums,
    part: float,
    known: Known,
    enough: float = 0.0,
) -> float:
    """What rounding adds to the gap, whatever is unpenalised; inf where that cannot be told.

    `sums`: of the dual point of the step `delta`, which is the last one: no read of the data, and
    one pass over what is kept of the rows. Coefficients under an L2 penalty
    may be in B or not: the first choice is taken that bounds it by `enough`, or the best.
    """
    likelihood = objective.likelihood
    margin = likelihood.margin(beta, delta, known.taken, sums.scale)
    total, most = likelihood.weight_sum, likelihood.rounding
    curvature = np.full(objective.n_coefficients, _MOST_ROOT**2)
    curvature[known.columns] = np.diag(known.hessian)
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.sqrt(margin.pearson / total * curvature)  # Σ s|u||x|/Σs, at most, by 1/w
    size = np.fmin(size, 4.0 * math.sqrt(margin.absolute / total))  # and as |u| ≤ 1
    share = float(most.min()) / 8.0  # of Σ|u|, where centring does not add to it
    rounding = np.fmin(share * size + most * margin.absolute / total, most)
    added = math.inf
    for there in _moving(objective, sums.score, rounding, known):
        error = _error(objective, sums.score, rounding, curvature, (known, there))
        added = min(added, _moved(objective, (beta, sums.score), part, rounding, margin, error))
        if added <= enough:
            break
    return added


def _moved(
    objective: Objective,
    at: tuple[Array, Array],
    part: float,
    rounding: Array,
    margin: Margin,
    error: _Error,
) -> float:
    """What the dual point t' of the head of this file costs; `at`: the point and its scores."""
    likelihood, total = objective.likelihood, objective.likelihood.weight_sum
    inside = math.sqrt(total) * error.size <= 0.5 * margin.least
    if not (inside or any(_in_reach(likelihood, moves, margin) for moves in error.moves())):
        return math.inf
    slope = math.sqrt(margin.square / total + 2.0 * part)
    penalty = objective.penalty
    beside = _shaken(np.where(error.outside, penalty.l2, 0.0), error.shaken, part)
    inner = np.where(penalty.l1 > 0.0, rounding, 0.0)  # in B v is 0, or within ±a
    beside += _swayed(penalty, *at, np.where(error.outside, error.shaken, inner))
    return error.size * slope + (2.0 * margin.steepest + 0.5) * error.size**2 + beside


def _in_reach(likelihood: Likelihood, moves: Array, margin: Margin) -> bool:
    """Is |ζ| ≤ Σ |x_k| |H⁻¹|ē small enough on each row?"""
    reach = math.sqrt(16.0 * likelihood.weight_sum / likelihood.least_weight) * float(moves.sum())
    if not reach * margin.steepest <= 0.5 and math.isfinite(reach):
        reach = float(likelihood.extent @ moves)
    return reach * margin.steepest <= 0.5


def _shaken(l2: Array, move: Array, part: float) -> float:
    """What scores that are off by `move` add to the penalty's part, where l2 > 0."""
    if not l2.any():
        return 0.0
    with np.errstate(over="ignore"):
        square = float((move[l2 > 0.0] ** 2 / l2[l2 > 0.0]).sum())
    return math.sqrt(2.0 * square * part) + 0.5 * square


def _swayed(penalty: Penalty, beta: Array, score: Array, move: Array) -> float:
    """The same where l2 = 0 and an L1 penalty or a bound holds w: the slope in v is w − ŵ(v).

    ŵ is a bound where v is beyond a on its side, or may be by the move, and 0 for |v| < a.
    """
    held = (penalty.l2 == 0.0) & ((penalty.l1 > 0.0) | penalty.bounded)
    if not held.any():
        return 0.0
    move = np.where(penalty.bounded, move, np.minimum(move, 2.0 * penalty.l1))  # |v| ≤ a all along
    ends = (
        np.where(score + move > penalty.l1, penalty.lower, math.inf),
        np.where(-score + move > penalty.l1, penalty.upper, math.inf),
        np.where(penalty.l1 > 0.0, 0.0, math.inf),
    )
    far = [np.where(np.isfinite(end), np.abs(beta - end), 0.0)[held] for end in ends]
    return dot(move[held], np.maximum.reduce(far))


@dataclass(frozen=True, eq=False)
class _Error:
    """How far a score is from what the penalty allows, in the metric of H⁻¹.

    Attributes
    ----------
    size : float
        ε; inf where H does not tell.
    moves : function
        Bounds on |H⁻¹|ē, shape (n_coefficients,); the best takes all of H⁻¹, where that is small.
    outside : ndarray of shape (n_coefficients,), bool
        Coefficients outside B.
    shaken : ndarray of shape (n_coefficients,)
        How far their scores may be off in the end.
    """

    size: float
    moves: Callable[[], Iterator[Array]]
    outside: NDArray[np.bool_]
    shaken: Array


def _moving(objective: Objective, score: Array, rounding: Array, known: Known) -> Iterator[Mask]:
    """B among the known coefficients: without those under an L2 penalty, and with them."""
    penalty, aliases = objective.penalty, objective.likelihood.aliases
    moving = np.zeros(len(score), np.bool_)
    moving[wanted(objective, score)] = True
    parts = sorted({k for of in aliases.values() for k in of})
    moving[[k for k in parts if abs(score[k]) <= _NEARLY_ZERO * rounding[k]]] = True
    between = penalty.bounded & (penalty.l1 == 0.0) & (penalty.l2 == 0.0)  # v = 0 but at a bound
    moving |= between & (np.abs(score) <= _NEARLY_ZERO * rounding)
    usable = np.ones(len(score), np.bool_)
    usable[list(aliases)] = False
    there = usable[known.columns] & (np.diag(known.hessian) > 0.0)
    needed, others = moving[known.columns] & there, (penalty.l2[known.columns] > 0.0) & there
    yield needed
    others &= ~needed
    if others.any():
        yield needed | others


def _error(
    objective: Objective,
    score: Array,
    rounding: Array,
    curvature: Array,
    asked: tuple[Known, Mask],
) -> _Error:
    """`asked`: a Hessian, and which of its coefficients are B."""
    penalty, aliases = objective.penalty, objective.likelihood.aliases
    known, there = asked
    inside = known.columns[there]
    outside = np.ones(len(score), np.bool_)
    outside[inside] = False
    off = np.where(penalty.l1 > 0.0, penalty.excess(score, rounding), np.abs(score) + rounding)
    told = np.where(penalty.l2 > 0.0, rounding, off)[inside]
    size, moves = _in_metric(known.hessian[np.ix_(there, there)], told, objective)
    shaken = rounding + size * np.sqrt(curvature)
    beside = outside & ((curvature > 0.0) | (score != 0.0))
    if known.spans:
        beside &= ~penalty.unheld
    for j, of in aliases.items():  # v_j is 0 where those of its parts are
        beside[j] &= bool(outside[list(of)].any())
    left = np.flatnonzero(beside)
    if not math.isfinite(size) or penalty.of(left).excess(score[left], shaken[left]).any():
        return _Error(math.inf, lambda: iter(()), outside, shaken)

    def all_moves() -> Iterator[Array]:
        for some in moves():
            whole = np.zeros(len(score))
            whole[inside] = some
            yield whole

    return _Error(size, all_moves, outside, shaken)


def _in_metric(
    hessian: Array, error: Array, objective: Objective
) -> tuple[float, Callable[[], Iterator[Array]]]:
    """√(eᵀH⁻¹e) and |H⁻¹|ē at most, for |e| ≤ ē; inf where rounding has too much of a say in H.

    H is known to E, |E| ≤ u√(H_ii H_jj): scaled to a unit diagonal, (1−θ)H ⪯ H+E if
    θ = k u tr H⁻¹ ≥ ‖E‖/λ_min.
    """
    root = np.sqrt(np.diag(hessian))
    scaled = np.ascontiguousarray(hessian / root / root[:, np.newaxis])
    spread, rank = inverse_diagonal(scaled, _NOISE)
    theta = len(root) * objective.likelihood.gram_rounding * float(spread.sum())
    if rank < len(root) or not theta <= 0.5:
        return math.inf, lambda: iter(())
    size = float((error / root) @ np.sqrt(spread))

    def moves() -> Iterator[Array]:
        yield 2.0 * size * np.sqrt(spread) / root  # as |H⁻¹_ij| ≤ √(H⁻¹_ii H⁻¹_jj)
        if len(root) > _MOST_PAIRS:
            return
        inverse, _ = _kernels.inverse_factor(scaled, _NOISE)
        each: Array = np.abs(inverse.T @ inverse) @ (error / root) / root
        yield 2.0 * each

    return size / (1.0 - theta), moves
