"""The limit of the likelihood on separated data: what takes the place of the estimate.

Along a direction d the log loss falls to that of the rows with x·d = 0, so
its infimum is that of the fit to those rows alone, and the estimates tend to

    β̂ + c d,   c → ∞,   β̂ the fit to the rows that d does not move

(Geyer, Electron. J. Statist. 3, 2009: the limiting conditional model). β̂ may not exist either; then
the rows left have a direction e of their own, and d + ε e moves both, until what is left is proven
to have an estimate: so the rows that are told apart are all there are. On the rows left the columns
are aliases of each other along the null space N of X_R. A coefficient is determined by them, and
finite, if every vector of N is 0 there; the others have no finite estimate, and the sign of d_k
says which infinity where it is not 0.

Standard errors are those of the fit to the rows that are left, infinite for the infinite.

The coefficients of such a fit are taken at a finite c, far enough along for the tolerance: the
dual point of β̂, with t = y on the rows that are told apart, is feasible for all rows, and so

    gap = (loss of those rows at β̂ + c d) + (gap of β̂).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logloss.algebra import dot, inverse_factor, solve
from logloss.backends.memory import MemoryLikelihood
from logloss.bernoulli import bce_with_logits
from logloss.certificate import duality_gap, newton_step
from logloss.inference import existence
from logloss.inference.decision import Decision
from logloss.inference.direction import (
    Cone,
    Direction,
    NullSpace,
    counted,
    find,
    gram_over,
    null_space,
)
from logloss.inference.program import Undecided
from logloss.objective import Objective
from logloss.penalty import Penalty
from logloss.solvers.base import Stop, minimise
from logloss.solvers.choose import choose
from logloss.verdict import INTERCEPT, Kind, Separation

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_STEPS = 6  # with a kept Hessian
_EXACT = 1e-9  # standard errors: the fit to the rows that are left is exact to this
_SAME = 1e-7  # standard errors between two points with the same Hessian
_FIRST = 10
_PEELS = 20
_FARTHEST = 1e4  # log odds to which a coefficient that has no finite estimate is taken
_DIGITS = 10  # of a direction, which is known but for rounding


@dataclass(frozen=True, eq=False)
class Separated:
    """What was found about an objective whose minimum does not exist.

    Attributes
    ----------
    direction : Direction
        That moves all rows that can be told apart.
    cone : Cone
        The problem as it was.
    null : NullSpace
        Of the rows that are left.
    rest : Rest or None
        The fit to them; None where no row is left: complete separation.
    decision : Decision or None
        Where whole numbers found it: then nothing of it is rounding.
    """

    direction: Direction
    cone: Cone
    null: NullSpace
    rest: Rest | None
    decision: Decision | None = None

    @property
    def infimum(self) -> float:
        """A lower bound on the objective: that of the rows that are left, as a share of all."""
        if self.rest is None:
            return 0.0
        left, all_rows = self.rest.cone.likelihood.weight_sum, self.cone.likelihood.weight_sum
        return max(self.rest.value - self.rest.gap, 0.0) * (left / all_rows)


@dataclass(frozen=True, eq=False)
class Rest:
    """The fit to the rows that are left.

    Attributes
    ----------
    cone : Cone
        The columns that they tell apart.
    beta, gap : ndarray, float
        β̂, and its gap over these rows alone.
    information : ndarray of shape (n_coefficients, n_coefficients)
        Σs times the Hessian at β̂.
    proven : bool
        β̂ is known to exist.
    value, loss : float
        Of these rows at β̂: the objective, and the weighted mean log loss in it.
    """

    cone: Cone
    beta: Array
    gap: float
    information: Array
    proven: bool
    value: float
    loss: float


def step_within(cone: Cone, beta: Array) -> Array:
    """Newton's step on the unpenalised coefficients; two reads."""
    step = np.zeros_like(beta)
    gradient = cone.likelihood.loss_gradient(beta)[1][cone.free]
    step[cone.free] = solve(cone.likelihood.hessian(beta, cone.free), gradient)[0]
    return step


def peeled(
    objective: Objective,
    cone: Cone,
    direction: Direction,
    beta: Array,
    tol: float,
    *,
    thorough: bool,
) -> Separated:
    """The rows that are left, once all that can be told apart are, and the fit to them.

    `thorough`: a linear program may take its time.
    """
    for _ in range(_PEELS):
        left = cone.counted & ~direction.moved
        null = direction.null or null_space(cone, left)
        if not left.any():
            return Separated(direction, cone, null, None)
        rest = _fitted(_on(objective, cone, left), beta, tol, cone, null)
        beta = rest.beta
        cone.likelihood.reads += rest.cone.likelihood.reads
        if rest.proven:
            break
        try:
            more = find(rest.cone, step_within(rest.cone, beta), beta, thorough)
        except Undecided:
            break
        if more is None:
            break
        direction = _joined(direction, more, cone)
    return Separated(direction, cone, null, rest)


def decided(objective: Objective, decision: Decision, beta: Array, tol: float) -> Separated:
    """The same where whole numbers have told which rows are left: they have an estimate."""
    like, own = objective.likelihood, decision.own
    assert isinstance(like, MemoryLikelihood)
    assert decision.direction is not None
    every = counted(like)
    cone = Cone(like, own, gram_over(like, every, own), objective.penalty)
    left = every & ~decision.moved
    null = NullSpace(decision.basis, gram_over(like, left, own))
    along = like.along(decision.direction)
    direction = Direction(decision.direction, decision.moved, along, null)
    if not left.any():
        return Separated(direction, cone, null, None, decision)
    rest = _fitted(_on(objective, cone, left), beta, tol, cone, null, proven=True)
    like.reads += rest.cone.likelihood.reads
    return Separated(direction, cone, null, rest, decision)


def _on(objective: Objective, cone: Cone, rows: Mask) -> Objective:
    """The objective of some of the rows; what it leaves out is of the same scale."""
    like = cone.likelihood
    weight = np.where(rows, 1.0 if like.rows.weight is None else like.rows.weight, 0.0)
    rest = like.reweighted(weight)
    more, pen = like.weight_sum / rest.weight_sum, objective.penalty
    penalty = Penalty(pen.l2 * more, pen.l1 * more, pen.lower, pen.upper)
    return replace(objective, likelihood=rest, penalty=penalty, deadline=math.inf)


def _fitted(
    rest: Objective, beta: Array, tol: float, cone: Cone, null: NullSpace, proven: bool = False
) -> Rest:
    """The optimum on the rows that are left, from a point that is mostly near it.

    `proven`: it is known to exist.
    """
    likelihood = rest.likelihood
    assert isinstance(likelihood, MemoryLikelihood)
    within = cone.left(likelihood, null)
    hessian, taken = rest.hessian(beta), beta
    near = _settle(rest, beta, hessian) if rest.penalty.smooth else None
    if near is None:
        solver = choose("auto", rest.n_rows, rest.n_coefficients, rest.penalty.smooth).solver
        beta = minimise(rest, solver, beta, Stop(tol=min(tol, 1e-9))).beta
        hessian, taken = rest.hessian(beta), beta
        near = _settle(rest, beta, hessian) if rest.penalty.smooth else None
    beta = beta if near is None else near
    value, gradient = rest.value_gradient(beta)
    smooth = rest.penalty.smooth
    step = solve(hessian, gradient)[0] if smooth else newton_step(rest, beta, gradient, 0.0)
    gap = duality_gap(rest, beta, step)
    moved = beta - taken
    proven = proven or existence.proven_by(likelihood, within.free, beta, hessian, taken)
    proven = proven or existence.prove(
        likelihood, rest.penalty, within.free, np.diag(within.gram), beta
    )
    if dot(moved, hessian @ moved) * likelihood.weight_sum > _SAME**2:
        hessian = rest.hessian(beta)
    loss = value - rest.penalty.value(beta)
    return Rest(within, beta, gap, hessian * likelihood.weight_sum, proven, value, loss)


def _settle(rest: Objective, beta: Array, hessian: Array) -> Array | None:
    """Steps with a kept Hessian, until they are rounding; None where they do not get there."""
    for _ in range(_STEPS):
        step = solve(hessian, rest.value_gradient(beta)[1])[0]
        beta = beta - step
        if dot(step, hessian @ step) * rest.likelihood.weight_sum <= _EXACT**2:
            return beta
    return None


def _joined(first: Direction, second: Direction, cone: Cone) -> Direction:
    """A direction that moves the rows of both: the second does not outdo the first anywhere."""
    moved = first.moved
    least = float(np.abs(first.along[moved]).min())
    most = float(np.abs(second.along[moved]).max(initial=0.0))
    share = 0.5 * least / most if most > 0.0 else 1.0
    d = first.d + min(share, 1.0) * second.d
    return Direction(d, moved | second.moved, cone.likelihood.along(d))


# ---- what is said about it


def far_along(found: Separated, goal: float) -> tuple[Array, float]:
    """β̂ + c d with a gap below `goal` (where numbers reach that far), and that gap."""
    cone, direction = found.cone, found.direction
    rows, moved = cone.likelihood.rows, direction.moved
    beta = np.zeros_like(direction.d) if found.rest is None else found.rest.beta
    at = cone.likelihood.along(beta)
    at = at if rows.offset is None else at + rows.offset
    sign = cone.sign[moved]
    total = cone.likelihood.weight_sum
    wanted = math.log(1.0 / min(max(goal, 1e-300), 0.5)) + 2.0
    speed = sign * direction.along[moved]
    there = speed > 0.0  # but for rounding, where rows move very little beside others
    c = float(np.max((wanted - sign * at[moved])[there] / speed[there], initial=0.0))
    c = min(c, _FARTHEST / float(speed.max(initial=1e-300)))
    z = at[moved] + c * direction.along[moved]
    weight = None if rows.weight is None else rows.weight[moved]
    loss = np.asarray(bce_with_logits(rows.y[moved], z, reduction="none"))
    lost = float(loss.sum() if weight is None else (weight * loss).sum())
    gap = lost / total
    if found.rest is not None:
        gap += found.rest.gap * found.rest.cone.likelihood.weight_sum / total
    return beta + c * direction.d, gap


def verdict(found: Separated, names: tuple[str, ...]) -> Separation:
    """What is to be said where a direction was found.

    Parameters
    ----------
    names : tuple of str
        Of the coefficients, without the intercept.
    """
    cone, direction = found.cone, found.direction
    labels = (INTERCEPT, *names)
    along = _along(found)
    along = along / np.abs(along).max()
    endless = _undetermined(found)
    infinite = np.where(along == 0.0, np.nan, np.copysign(np.inf, along))
    estimates, covariance = _limit(found, endless, infinite)
    errors = np.where(endless, np.inf, np.sqrt(np.diag(covariance)))
    skipped = 0 if cone.likelihood.has_intercept else 1
    which = [k for k in range(skipped, len(labels)) if endless[k]]
    kind = Kind.COMPLETE if found.rest is None else Kind.QUASI
    rows = np.flatnonzero(direction.moved)
    known = (
        "A direction that moves the log odds of no row away from its label, checked on all rows"
        + ("." if found.rest is None else "; the rows that it does not move have a finite estimate")
    )
    if found.rest is not None:
        known += ", which a dual point proves." if found.rest.proven else ", as far as is known."
    return Separation(
        exists=False,
        kind=kind,
        proof=known,
        direction={labels[k]: float(along[k]) for k in range(len(labels)) if along[k] != 0.0},
        columns={labels[k]: float(infinite[k]) for k in which},
        rows=len(rows),
        first_rows=tuple(rows[:_FIRST].tolist()),
        estimates=dict(zip(labels[skipped:], estimates[skipped:].tolist(), strict=True)),
        standard_errors=dict(zip(labels[skipped:], errors[skipped:].tolist(), strict=True)),
        loss=_infimum(found),
        covariance=covariance[skipped:, skipped:],
    )


def _reported(cone: Cone, d: Array) -> Array:
    """In the units of the columns, intercept first, with rounding put to 0."""
    where = cone.likelihood.coordinates
    coef, intercept = where.raw(d)
    size = np.abs(d).max()
    coef = np.where(np.abs(coef * where.scale) > 1e-9 * size, coef, 0.0)
    reach = size + float(np.abs(where.center * coef).sum())
    full = np.append(intercept if abs(intercept) > 1e-9 * reach else 0.0, coef)
    exponent = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.where(full == 0.0, 1.0, np.abs(full)))))
    rounded: Array = np.round(full * exponent) / exponent
    return rounded


def _along(found: Separated) -> Array:
    """The direction in the units of the columns, intercept first."""
    if found.decision is None:
        return _reported(found.cone, found.direction.d)
    raw = found.decision.raw
    return raw if found.cone.likelihood.has_intercept else np.append(0.0, raw)


def _undetermined(found: Separated) -> Mask:
    """Coefficients that the rows that are left say nothing of, intercept first."""
    cone = found.cone
    if found.decision is not None:
        free: Mask = (found.decision.raw_basis != 0.0).any(axis=1)
        return free if cone.likelihood.has_intercept else np.append(False, free)
    seen = np.array([_reported(cone, cone.full(b)) for b in found.null.basis.T]) != 0.0
    endless: Mask = seen.any(axis=0)
    return endless


def _infimum(found: Separated) -> float | None:
    """What the log loss tends to; None beside a penalty."""
    if _is_penalised(found.cone.penalty):
        return None
    if found.rest is None:
        return 0.0
    share = found.rest.cone.likelihood.weight_sum / found.cone.likelihood.weight_sum
    return found.rest.loss * share


def _is_penalised(penalty: Penalty) -> bool:
    return not penalty.smooth or bool(penalty.l2.any())


def _limit(found: Separated, endless: Mask, infinite: Array) -> tuple[Array, Array]:
    """Estimates and their covariance, intercept first."""
    cone = found.cone
    where = cone.likelihood.coordinates
    estimates, covariance = np.empty(len(endless)), np.full((len(endless),) * 2, np.nan)
    beta = np.zeros_like(found.direction.d) if found.rest is None else found.rest.beta
    estimates[1:], estimates[0] = where.raw(beta)
    penalised = _is_penalised(cone.penalty)
    if found.rest is not None and not penalised:
        covariance = _covariance(found.rest)
    known = np.zeros(len(endless), np.bool_)
    known[0] = where.intercept
    known[1:][cone.free[cone.free < len(where.center)]] = True
    aliased = ~known if not penalised else np.zeros_like(known)
    estimates[aliased] = np.nan
    estimates[endless] = infinite[endless]
    gone = aliased | endless
    covariance[gone] = covariance[:, gone] = np.nan
    return estimates, covariance


def _covariance(rest: Rest) -> Array:
    """That of the fit to the rows that are left, intercept first; aliases of others get 0."""
    where = rest.cone.likelihood.coordinates
    free = rest.cone.free
    inverse = np.zeros_like(rest.information)
    inverse[np.ix_(free, free)] = inverse_factor(rest.information[np.ix_(free, free)])[0]
    columns = inverse[:, : len(where.center)] / where.scale  # T, in the units of the columns
    ones = inverse[:, -1] - columns @ where.center if where.intercept else np.zeros(len(inverse))
    factor = np.column_stack([ones, columns])
    covariance: Array = factor.T @ factor
    return covariance
