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

from logloss.existence import proof as existence
from logloss.existence.decision import Decision
from logloss.existence.direction import (
    Cone,
    Direction,
    NullSpace,
    find,
    gram_over,
    null_space,
)
from logloss.existence.program import Undecided
from logloss.numerics.algebra import dot, solve
from logloss.objective.base import Objective
from logloss.objective.certificate import dual_point, newton_step
from logloss.objective.feasibility import Known as KnownHessian
from logloss.solvers.base import Stop, minimise
from logloss.solvers.choose import choose

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

_STEPS = 6  # with a kept Hessian
_EXACT = 1e-9  # standard errors: the fit to the rows that are left is exact to this
_SAME = 1e-7  # standard errors between two points with the same Hessian
_PEELS = 20
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
    known : Known or None
        Where it was found by counting or in whole numbers: then nothing of it is rounding.
    """

    direction: Direction
    cone: Cone
    null: NullSpace
    rest: Rest | None
    known: Known | None = None

    @property
    def along(self) -> Array:
        """The direction in the units of the columns, intercept first."""
        if self.known is None:
            return reported(self.cone, self.direction.d)
        return self.known.along

    @property
    def infimum(self) -> float:
        """A lower bound on the objective: that of the rows that are left, as a share of all."""
        if self.rest is None:
            return 0.0
        left, all_rows = self.rest.cone.likelihood.weight_sum, self.cone.likelihood.weight_sum
        return max(self.rest.value - self.rest.gap, 0.0) * (left / all_rows)


@dataclass(frozen=True, eq=False)
class Known:
    """A direction without rounding.

    Attributes
    ----------
    along : ndarray of shape (1 + n_columns,)
        In the units of the columns, the intercept first.
    endless : ndarray of the same shape, bool
        Coefficients that the rows that are left say nothing of.
    """

    along: Array
    endless: Mask


@dataclass(frozen=True, eq=False)
class Rest:
    """The fit to the rows that are left.

    Attributes
    ----------
    cone : Cone
        The columns that they tell apart.
    beta, gap : ndarray, float
        β̂, and its gap over these rows alone.
    information : ndarray of shape (n_coefficients, n_coefficients), or None
        Σs times the Hessian at β̂, where it is not too large.
    proven : bool
        β̂ is known to exist.
    value, loss : float
        Of these rows at β̂: the objective, and the weighted mean log loss in it.
    columns : ndarray of int64, or None
        Which columns the fit has, where it has not all; the others are 0.
    """

    cone: Cone
    beta: Array
    gap: float
    information: Array | None
    proven: bool
    value: float
    loss: float
    columns: Indices | None = None

    def raw(self, n_columns: int) -> tuple[Array, float]:
        """Coefficients of all columns, and the intercept."""
        some, intercept = self.cone.likelihood.coordinates.raw(self.beta)
        if self.columns is None:
            return some, intercept
        coef = np.zeros(n_columns)
        coef[self.columns] = some
        return coef, intercept


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
        some = _on(objective, cone, left)
        rest = fitted(some, beta, tol, cone.left(some.sums(), null))
        beta = rest.beta
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
    like, own = objective.sums(), decision.own
    assert decision.direction is not None
    every = like.rows.counted
    cone = Cone(like, own, gram_over(like, every, own), objective.penalty)
    left = every & ~decision.moved
    null = NullSpace(decision.basis, gram_over(like, left, own))
    along = like.along(decision.direction)
    direction = Direction(decision.direction, decision.moved, along, null)
    along, endless = decision.raw, (decision.raw_basis != 0.0).any(axis=1)
    if not like.shape.has_intercept:
        along, endless = np.append(0.0, along), np.append(False, endless)
    known = Known(along, endless)
    if not left.any():
        return Separated(direction, cone, null, None, known)
    some = _on(objective, cone, left)
    rest = fitted(some, beta, tol, cone.left(some.sums(), null), proven=True)
    return Separated(direction, cone, null, rest, known)


def _on(objective: Objective, cone: Cone, rows: Mask) -> Objective:
    """The objective of some of the rows; what it leaves out is of the same scale."""
    like = cone.likelihood
    weight = np.where(rows, like.rows.weights, 0.0)
    rest = like.with_rows(replace(like.rows, weight=weight))
    more, pen = like.weight_sum / rest.weight_sum, objective.penalty
    penalty = pen.scaled(more)
    return replace(objective, likelihood=rest, penalty=penalty, deadline=math.inf)


def fitted(rest: Objective, beta: Array, tol: float, within: Cone, proven: bool = False) -> Rest:
    """The optimum on the rows that are left, from a point that is mostly near it.

    Parameters
    ----------
    within : Cone
        The columns that they tell apart.
    proven : bool
        It is known to exist.
    """
    likelihood = rest.sums()
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
    rows_tell = np.union1d(within.free, np.flatnonzero(~rest.penalty.unheld))
    block = np.ascontiguousarray(hessian[np.ix_(rows_tell, rows_tell)])
    dual = dual_point(rest, beta, step, known=KnownHessian(block, taken, rows_tell, spans=True))
    moved = beta - taken
    proven = proven or existence.proven_by(
        likelihood, within.free, (beta, dual.delta), hessian, taken
    )
    proven = proven or existence.prove(
        likelihood, rest.penalty, within.free, np.diag(within.gram), beta
    )
    if dot(moved, hessian @ moved) * likelihood.weight_sum > _SAME**2:
        hessian = rest.hessian(beta)
    loss = value - rest.penalty.value(beta)
    return Rest(within, beta, dual.gap, hessian * likelihood.weight_sum, proven, value, loss)


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


def reported(cone: Cone, d: Array) -> Array:
    """In the units of the columns, intercept first, with rounding put to 0."""
    where = cone.likelihood.coordinates
    coef, intercept = where.raw(d)
    size = np.abs(d).max()
    coef = np.where(np.abs(coef * where.units) > 1e-9 * size, coef, 0.0)
    reach = size + float(np.abs(where.center * coef).sum())
    full = np.append(intercept if abs(intercept) > 1e-9 * reach else 0.0, coef)
    exponent = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.where(full == 0.0, 1.0, np.abs(full)))))
    rounded: Array = np.round(full * exponent) / exponent
    return rounded


def undetermined(found: Separated) -> Mask:
    """Coefficients that the rows that are left say nothing of, intercept first."""
    cone = found.cone
    if found.known is not None:
        return found.known.endless
    seen = np.array([reported(cone, cone.full(b)) for b in found.null.basis.T]) != 0.0
    endless: Mask = seen.any(axis=0)
    return endless
