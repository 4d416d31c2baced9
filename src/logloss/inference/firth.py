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
the Hessian of the rows with weights s + h. l* need not be concave, so a gap cannot be proven. What
is given instead is the length of the modified score in standard errors, √(U*·M⁻¹U*).

Under a constraint Aβ = c the step is N⁻¹U* − N⁻¹Aᵀ(AN⁻¹Aᵀ)⁻¹AN⁻¹U*, and the score is what is left
of it likewise. The penalty keeps all columns then, as in logistf, so that

    2 (max l* − max {l* : Aβ = 0})

is a penalised likelihood ratio, and a profile limit a value of β_k at which it is χ²₁ (Heinze &
Ploner, Computer Methods and Programs in Biomedicine 71, 2003). Limits are found by Newton's method
on the root of the ratio: the derivative of max {l* : β_k = c} by c is the Lagrange multiplier.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from logloss.algebra import inverse_factor
from logloss.backends.memory import MemoryLikelihood
from logloss.certificate import Status
from logloss.evidence import Evidence
from logloss.inference.direction import Cone
from logloss.objective import Objective
from logloss.penalty import Penalty
from logloss.solvers.base import Result, Step, Stop, minimise
from logloss.solvers.newton import Newton
from logloss.verdict import INTERCEPT

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_EXACT = 1e-10  # the modified score in standard errors
_NEARLY = 1e-6  # the same where rounding allows no more
_STEPS = 500
_SLOW = 0.05  # what a step may leave of the score, before N takes the leverages in
_FARTHEST = 5.0  # standard deviations of log odds that a coefficient moves in a step
_HALVINGS = 30
_ROUNDS = 1e-13  # of l*: smaller differences are rounding
_CLOSE = 1e-3  # standard errors within which l* tells less than the score


@dataclass(frozen=True, eq=False)
class Penalised:
    """l* over the columns that are no combinations of others.

    Attributes
    ----------
    likelihood : MemoryLikelihood
    free : ndarray
        These columns.
    held : ndarray of shape (m, len(free))
        A: what must not change.
    """

    likelihood: MemoryLikelihood
    free: Indices
    held: Array

    @staticmethod
    def of(likelihood: MemoryLikelihood) -> Penalised:
        """Without constraints; one Hessian, to find aliases."""
        every = np.arange(likelihood.n_coefficients)
        ridge = Penalty.ridge(np.zeros(len(every)))
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
    def modified(self) -> MemoryLikelihood:
        """The rows with weights s + h and labels (s y + h/2)/(s + h); one read."""
        likelihood = self.of.likelihood
        rows = likelihood.rows
        h = likelihood.leverages(self.of.free, self.inverse) * likelihood.curvatures(self.beta)
        s = np.ones(len(h)) if rows.weight is None else rows.weight
        h *= s
        weight = s + h
        with np.errstate(invalid="ignore"):
            y = np.where(weight > 0.0, (s * rows.y + 0.5 * h) / weight, rows.y)
        return likelihood.relabelled(np.clip(y, 0.0, 1.0), weight)

    @cached_property
    def score(self) -> Array:
        """U*, shape (len(free),); one read."""
        gradient = self.modified.loss_gradient(self.beta)[1]
        self.of.likelihood.reads += 1
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
        self.of.likelihood.reads += 1
        return inverse_factor(self.modified.hessian(self.beta, self.of.free) * total)[0]


def maximise(start: Point, stop: Stop, history: list[Step] | None = None) -> tuple[Point, Status]:
    """The point at which the modified score is 0, from a start at which l* is finite."""
    point = best = start
    history = [] if history is None else history
    slow, tries = False, 0
    for _ in range(stop.max_iter or _STEPS):
        status = _recorded(point, stop, history)
        if status is not None:
            return point, status
        moved = _stepped(point, point.steered() if slow else point.inverse)
        if moved is None and slow:
            break
        slow = slow or moved is None or moved.length > _SLOW * point.length
        point = point if moved is None else moved
        tries = 0 if point.length < 0.5 * best.length else tries + 1
        best = point if point.length < best.length or point.length > _CLOSE else best
        if tries > 20 and best.length <= _NEARLY:
            break
    else:
        return best, Status.BUDGET
    return best, Status.FIRTH if best.length <= _NEARLY else Status.STALLED


def _recorded(point: Point, stop: Stop, history: list[Step]) -> Status | None:
    """Write a step into the history; the status, if this is the end."""
    likelihood = point.of.likelihood
    loss = -point.value / likelihood.weight_sum
    history.append(Step(likelihood.reads, time.perf_counter() - stop.begun, loss, math.nan))
    answers = [callback(history[-1]) for callback in stop.callbacks]
    if any(answers):
        return Status.INTERRUPTED
    if point.length <= _EXACT:
        return Status.FIRTH
    return Status.BUDGET if history[-1].seconds >= stop.seconds else None


def _stepped(point: Point, inverse: Array) -> Point | None:
    """One step, halved until l* grows, or the score shrinks where l* is rounding; None: neither."""
    step = point.freely(inverse)[0]
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


# ---- fits


@dataclass(frozen=True)
class Firth:
    """What stands where a fit has its solver: no loop of the usual kind, as there is no gap."""

    name: str = "firth"
    most_steps: int = _STEPS
    affine_invariant: bool = True
    nonsmooth: bool = False

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
    likelihood = objective.likelihood
    assert isinstance(likelihood, MemoryLikelihood)
    problem = Penalised.of(likelihood)
    start = np.zeros_like(first)
    if len(problem.free) == len(first):
        l2 = np.full(len(first), 1.0 / likelihood.weight_sum)
        l2[-1] *= not likelihood.has_intercept
        ridge = replace(objective, penalty=Penalty.ridge(l2))
        roughly = Stop(1e-4, seconds=stop.seconds, begun=stop.begun)
        start = minimise(ridge, Newton(), first, roughly).beta
    elif likelihood.has_intercept:
        start[-1] = likelihood.null_fit()[0]
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
    scale = np.append(likelihood.coordinates.scale, 1.0)[point.of.free]
    return -(point.value + float(np.log(scale).sum())) / likelihood.weight_sum


# ---- what is said about it


@dataclass(frozen=True)
class Limits:
    """Profile penalised-likelihood limits, the intercept first; nan for aliases of other columns.

    `chi2` and `p_value`: the penalised likelihood-ratio test that the coefficient is 0.
    """

    names: tuple[str, ...]
    estimate: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    chi2: tuple[float, ...]
    p_value: tuple[float, ...]


def limits(evidence: Evidence, level: float = 0.95) -> Limits:
    """Limits and tests of each coefficient, from the evidence of a fit with firth=True.

    Parameters
    ----------
    level : float
        Of the intervals, between 0 and 1.

    Returns
    -------
    Limits
        A limit is ±∞ where l* does not fall by enough.
    """
    optimum = _optimum(evidence)
    root = math.sqrt(2.0) * _inverse_erf(level)
    names = (INTERCEPT, *evidence.names) if evidence.intercept else evidence.names
    rows = []
    for row, name in enumerate(names):
        contrast = _contrast(optimum, row - evidence.intercept)
        if contrast is None:
            rows.append((name, *[math.nan] * 5))
            continue
        there = _profile(optimum, contrast, 0.0)
        chi2 = max(2.0 * (optimum.value - there.value), 0.0)
        ends = [_limit(optimum, contrast, sign, root) for sign in (-1.0, 1.0)]
        estimate = float(contrast @ optimum.beta[optimum.of.free])
        rows.append((name, estimate, *ends, chi2, math.erfc(math.sqrt(0.5 * chi2))))
    return Limits(*zip(*rows, strict=True))


def test(evidence: Evidence, names: Sequence[str]) -> tuple[float, int, float]:
    """The penalised likelihood-ratio test that all of these coefficients are 0: χ², df, and p."""
    optimum = _optimum(evidence)
    wanted = [_contrast(optimum, evidence.names.index(name)) for name in names]
    held = np.array([contrast for contrast in wanted if contrast is not None])
    there = _profile(optimum, held, 0.0)
    chi2 = max(2.0 * (optimum.value - there.value), 0.0)
    import scipy.special

    return chi2, len(held), float(scipy.special.chdtrc(len(held), chi2))


def standard_errors(evidence: Evidence) -> Array:
    """√ of the diagonal of M⁻¹ in the units of the columns, intercept first; nan for aliases."""
    optimum = _optimum(evidence)
    first = 0 if not evidence.intercept else -1
    contrasts = [_contrast(optimum, k) for k in range(first, len(evidence.names))]
    errors = [math.nan if a is None else _norm(optimum.inverse @ a) for a in contrasts]
    return np.array(errors)


def _optimum(evidence: Evidence) -> Point:
    likelihood = evidence.objective.likelihood
    assert isinstance(likelihood, MemoryLikelihood)
    point = Penalised.of(likelihood).at(evidence.beta)
    return maximise(point, Stop())[0]


def _norm(x: Array) -> float:
    return math.sqrt(float(x @ x))


def _contrast(point: Point, column: int) -> Array | None:
    """a with a·θ = the coefficient (−1: the intercept) in the units of the columns."""
    where, free = point.of.likelihood.coordinates, point.of.free
    full = np.zeros(point.of.likelihood.n_coefficients)
    if column >= 0:
        full[column] = 1.0 / where.scale[column]
    else:
        full[: len(where.center)] = -where.center / where.scale
        full[-1] = 1.0
    at = len(full) - 1 if column < 0 else column
    return full[free] if at in free else None


def _profile(near: Point, contrast: Array, value: float) -> Point:
    """max {l* : Aβ = value}, from a point near it."""
    A = np.atleast_2d(contrast)
    inverse = near.inverse
    across = inverse.T @ (inverse @ A.T)
    off = value - A @ near.beta[near.of.free]
    beta = near.beta.copy()
    beta[near.of.free] += across @ np.linalg.solve(A @ across, off)
    start = replace(near.of, held=A).at(beta)
    return maximise(start, Stop())[0] if start.value > -math.inf else start


def _limit(optimum: Point, contrast: Array, sign: float, root: float) -> float:
    """Where 2 (max l* − profile) = root², on one side, by Newton's method on its root."""
    start = float(contrast @ optimum.beta[optimum.of.free])
    error = _norm(optimum.inverse @ contrast)
    inner, outer = start, math.inf * sign
    c, near = start + sign * root * error, optimum
    for _ in range(60):
        near = _profile(near, contrast, c)
        drop = math.sqrt(max(2.0 * (optimum.value - near.value), 0.0))
        if drop < root:
            inner = c
        else:
            outer = c
        slope = abs(float(near.freely(near.inverse)[1][0])) / max(drop, 1e-300)
        step = (root - drop) / slope if slope > 0.0 and math.isfinite(drop) else math.inf
        if abs(step) <= 1e-10 * max(abs(c), error):
            return c + sign * step
        c, wanted = c + sign * step, c
        if not min(inner, outer) < c < max(inner, outer) or abs(c - wanted) > 10.0 * error:
            c = inner + sign * 4.0 * error if math.isinf(outer) else 0.5 * (inner + outer)
        if abs(c - start) > 1e4 * error:
            return sign * math.inf
    return c


def _inverse_erf(level: float) -> float:
    import scipy.special

    return float(scipy.special.erfinv(level))
