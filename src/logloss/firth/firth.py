"""Firth's estimate: finite on separated data, and without the first-order bias.

It maximises the likelihood times √det M (Jeffreys' prior; Firth, Biometrika 80, 1993; Heinze &
Schemper, Statistics in Medicine 21, 2002),

    l*(β) = l(β) + ½ log det M,   M = XᵀSQX,   Q = diag(q), q = p(1−p),

over the columns that are no combinations of others. Its gradient is the modified score

    U* = Σ [s(y − p) + h(½ − p)] x,   h = s q xᵀM⁻¹x,

which is the score of the same rows with weights s + h and labels (s y + h/2)/(s + h): one read, and
the leverages h another, beside that for M. Weights are frequencies: a row of weight 2 is two rows.

The step is N⁻¹U*, halved until l* grows. N is M where it converges fast, as it does where no row
has a large leverage (each step shrinks the error to about the largest h), else N = Σ (s + h) q xxᵀ,
the Hessian of the rows with weights s + h, and steps that come back to each other are joined to a
leap (Anderson, J. ACM 12, 1965), taken where it is better. l* need not be concave, so a gap cannot
be proven. What is given instead is the length of the modified score in standard errors,
√(U*·M⁻¹U*).

Under a constraint Aβ = c the step is N⁻¹U* − N⁻¹Aᵀ(AN⁻¹Aᵀ)⁻¹AN⁻¹U*, and the score is what is left
of it likewise: for limits and tests (penalised.py).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from logloss.existence.direction import Cone
from logloss.numerics.algebra import inverse_factor
from logloss.objective.base import Objective
from logloss.objective.likelihood import RowSums
from logloss.objective.separable import Separable
from logloss.record.proof import Status, Step
from logloss.solvers.base import Result, Stop, minimise
from logloss.solvers.newton import Newton

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

EXACT = 1e-10  # the modified score in standard errors
_NEARLY = 1e-6  # the same where rounding allows no more
_STEPS = 500
_POOR = 0.2  # the same, before steps are joined
_SLOW = 0.05  # what a step may leave of the score, before N takes the leverages in
_FARTHEST = 5.0  # standard deviations of log odds that a coefficient moves in a step
_HALVINGS = 30
_MEMORY = 6  # steps that a leap is made of
_PATIENCE = 8  # steps without a gain, before rounding is what is left
_ROUNDS = 1e-13  # of l*: smaller differences are rounding
_CLOSE = 1e-3  # standard errors within which l* tells less than the score


@dataclass(frozen=True, eq=False)
class Penalised:
    """l* over the columns that are no combinations of others.

    Attributes
    ----------
    likelihood : RowSums
    free : ndarray
        These columns.
    held : ndarray of shape (m, len(free))
        A: what must not change.
    """

    likelihood: RowSums
    free: Indices
    held: Array

    @staticmethod
    def of(likelihood: RowSums) -> Penalised:
        """Without constraints; one Hessian, to find aliases."""
        every = np.arange(likelihood.shape.size)
        ridge = Separable.ridge(np.zeros(len(every)))
        free = Cone.over(likelihood, every, ridge).free
        return Penalised(likelihood, free, np.zeros((0, len(free))))

    def at(self, beta: Array) -> Point:
        """l* and M at a point: two reads, one of them for M."""
        total = self.likelihood.weight_sum
        loss = self.likelihood.loss_gradient(beta)[0]
        information = self.likelihood.hessian(beta, self.free) * total
        inverse, rank = inverse_factor(information)
        if rank < len(self.free) or not math.isfinite(loss):
            return Point(self, beta, -math.inf, inverse)
        return Point(self, beta, -loss * total - float(np.log(np.diag(inverse)).sum()), inverse)


@dataclass(frozen=True, eq=False)
class Point:
    """Where l* was evaluated. `inverse`: T, lower triangular with TᵀT = M⁻¹."""

    of: Penalised
    beta: Array
    value: float
    inverse: Array

    @cached_property
    def modified(self) -> RowSums:
        """The rows with weights s + h and labels (s y + h/2)/(s + h); one read."""
        likelihood = self.of.likelihood
        rows = likelihood.rows
        q = rows.bernoulli(likelihood.log_odds(self.beta))[2]
        h = likelihood.leverages(self.of.free, self.inverse) * q
        s = rows.weights
        h *= s
        weight = s + h
        with np.errstate(invalid="ignore"):
            y = np.where(weight > 0.0, (s * rows.y + 0.5 * h) / weight, rows.y)
        return likelihood.with_rows(replace(rows, y=np.clip(y, 0.0, 1.0), weight=weight))

    @cached_property
    def score(self) -> Array:
        """U*, shape (len(free),); one read."""
        gradient = self.modified.loss_gradient(self.beta)[1]
        score: Array = -gradient[self.of.free] * self.modified.weight_sum
        return score

    def freely(self, inverse: Array) -> tuple[Array, Array]:
        """The step N⁻¹(U* − Aᵀλ) that keeps Aβ, and λ, for TᵀT = N⁻¹."""
        step, A = inverse.T @ (inverse @ self.score), self.of.held
        if not len(A):
            return step, np.zeros(0)
        across = inverse.T @ (inverse @ A.T)
        multiplier = np.asarray(np.linalg.solve(A @ across, A @ step), dtype=np.float64)
        return step - across @ multiplier, multiplier

    @cached_property
    def length(self) -> float:
        """The modified score in standard errors, but for what the constraint takes."""
        step, multiplier = self.freely(self.inverse)
        left = self.score - (self.of.held.T @ multiplier if len(multiplier) else 0.0)
        return math.sqrt(max(float(step @ left), 0.0))

    def steered(self) -> Array:
        """TᵀT = N⁻¹ with the leverages in N; one Hessian."""
        total = self.modified.weight_sum
        return inverse_factor(self.modified.hessian(self.beta, self.of.free) * total)[0]


def maximise(
    start: Point, stop: Stop, history: list[Step] | None = None, enough: float = EXACT
) -> tuple[Point, Status]:
    """The point at which the modified score is 0, from a start at which l* is finite.

    `enough`: of the score, in standard errors, to be taken for 0.
    """
    point = best = start
    history = [] if history is None else history
    slow, tries, rate, past = False, 0, 0.0, Past()
    for _ in range(stop.max_iter or _STEPS):
        status = _recorded(point, stop, history, enough)
        if status is not None:
            return point, status
        inverse = point.steered() if slow else point.inverse
        past = past.with_step(point.beta[point.of.free], point.freely(inverse)[0])
        moved = _leapt(point, past) if rate > _POOR else None
        moved = moved or _stepped(point, past.steps[-1])
        if moved is None and slow:
            break
        rate = 1.0 if moved is None else moved.length / point.length
        if not slow and rate > _SLOW:
            slow, rate, past = True, 0.0, Past()
        point = point if moved is None else moved
        tries = 0 if point.length < 0.5 * best.length else tries + 1
        best = point if point.length < best.length or point.length > _CLOSE else best
        if tries > _PATIENCE and best.length <= _NEARLY:
            break
    else:
        return best, Status.BUDGET
    return best, Status.FIRTH if best.length <= _NEARLY else Status.STALLED


@dataclass(frozen=True, eq=False)
class Past:
    """The last points and the steps from them, each of shape (len(free),)."""

    points: tuple[Array, ...] = ()
    steps: tuple[Array, ...] = ()

    def with_step(self, point: Array, step: Array) -> Past:
        """One more; the oldest is forgotten."""
        return Past((*self.points, point)[-_MEMORY:], (*self.steps, step)[-_MEMORY:])

    def leap(self, inverse: Array) -> Array | None:
        """The step that would end it if steps were linear in the point; None at the first.

        As near as can be in standard errors, for TᵀT = M⁻¹.
        """
        if len(self.steps) < 2:
            return None
        changes = np.diff(np.array(self.steps), axis=0).T
        moves = np.diff(np.array(self.points), axis=0).T
        measured = np.linalg.solve(inverse, np.column_stack([changes, self.steps[-1]]))
        share, *_ = np.linalg.lstsq(measured[:, :-1], measured[:, -1], rcond=1e-10)
        leap: Array = self.steps[-1] - (moves + changes) @ share
        return leap


def _leapt(point: Point, past: Past) -> Point | None:
    """The point after a leap, if it is better than this one by both measures."""
    leap = past.leap(point.inverse)
    if leap is None or not np.abs(leap).max() <= _FARTHEST:
        return None
    beta = point.beta.copy()
    beta[point.of.free] += leap
    there = point.of.at(beta)
    if not there.value >= point.value - _ROUNDS * abs(point.value):
        return None
    return there if there.length < 0.5 * point.length else None


def _recorded(point: Point, stop: Stop, history: list[Step], enough: float) -> Status | None:
    """Write a step into the history; the status, if this is the end."""
    likelihood = point.of.likelihood
    loss = -point.value / likelihood.weight_sum
    history.append(Step(likelihood.reads, time.perf_counter() - stop.begun, loss, math.nan))
    answers = [callback(history[-1]) for callback in stop.callbacks]
    if any(answers):
        return Status.INTERRUPTED
    if point.length <= enough:
        return Status.FIRTH
    return Status.BUDGET if history[-1].seconds >= stop.seconds else None


def _stepped(point: Point, step: Array) -> Point | None:
    """One step, halved until l* grows, or the score shrinks where l* is rounding; None: neither."""
    step = step * min(1.0, _FARTHEST / max(float(np.abs(step).max()), 1e-300))
    for _ in range(_HALVINGS):
        beta = point.beta.copy()
        beta[point.of.free] += step
        there = point.of.at(beta)
        if there.value > point.value + _ROUNDS * abs(point.value):
            return there
        if point.length < _CLOSE and there.value > -math.inf and there.length < point.length:
            return there
        step = 0.5 * step
    return None


@dataclass(frozen=True)
class Firth:
    """What stands where a fit has its solver: no loop of the usual kind, as there is no gap."""

    name: ClassVar[str] = "firth"
    most_steps: ClassVar[int] = _STEPS
    affine_invariant: ClassVar[bool] = True
    nonsmooth: ClassVar[bool] = False

    def solve(self, objective: Objective, first: Array, stop: Stop) -> Result:
        """Firth's estimate of a likelihood, the smallest modified score that was reached.

        It starts from the maximum under a small ridge, which is near and always exists; `first` is
        where that starts. The gap is nan; `length` is that of the modified score.
        """
        return _solve(objective, first, stop)


@dataclass(frozen=True)
class FirthChoice:
    """What stands where a fit has the choice of a solver."""

    solver: Firth = field(default_factory=Firth)
    reason: str = "Firth's estimate was asked for"


def _solve(objective: Objective, first: Array, stop: Stop) -> Result:
    likelihood = objective.sums("Firth's estimate")
    problem = Penalised.of(likelihood)
    start = objective.null()
    if len(problem.free) == len(first):
        l2 = np.full(len(first), 1.0 / likelihood.weight_sum)
        l2[likelihood.shape.intercepts] = 0.0
        ridge = replace(objective, penalty=Separable.ridge(l2))
        roughly = Stop(1e-4, seconds=stop.seconds, begun=stop.begun)
        start = minimise(ridge, Newton(), first, roughly).beta
    point = problem.at(start)
    if point.value == -math.inf:
        point = problem.at(np.zeros_like(first))
    history: list[Step] = []
    if not math.isfinite(point.value):
        return Result(start, math.nan, math.nan, Status.FAILED, ())
    point, status = maximise(point, stop, history)
    value = _raw_value(point)
    return Result(point.beta, value, math.nan, status, tuple(history), length=point.length)


def _raw_value(point: Point) -> float:
    """−l*/Σs, with M in the units of the columns."""
    likelihood = point.of.likelihood
    scale = likelihood.shape.joined(likelihood.coordinates.units, 1.0)[point.of.free]
    return -(point.value + float(np.log(scale).sum())) / likelihood.weight_sum
