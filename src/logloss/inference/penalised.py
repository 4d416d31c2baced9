"""Limits and tests by the penalised likelihood, for Firth's estimate (firth.py).

A constraint Aβ = c leaves all columns in the penalty, as in logistf, so that

    2 (max l* − max {l* : Aβ = 0})

is a penalised likelihood ratio, χ² with as many degrees of freedom as A has rows, and a profile
limit a value of β_k at which it is the quantile of χ²₁ (Heinze & Ploner, Computer Methods and
Programs in Biomedicine 71, 2003). Limits are found by Newton's method on the root of the ratio: the
derivative of max {l* : β_k = c} by c is the Lagrange multiplier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from logloss.firth.firth import EXACT, Penalised, Point, maximise
from logloss.record.estimates import INTERCEPT
from logloss.record.evidence import Evidence
from logloss.solvers.base import Stop

Array = NDArray[np.float64]

_ROUGH = 1e-4  # of the modified score, in standard errors, on the way to a limit
_NEAR = 3e-3  # standard errors from a limit, within which the way is exact
_SQUARE = 1e-5  # the same: a step of Newton's leaves about the square


@final
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


def limits(evidence: Evidence, level: float = 0.95, optimum: Point | None = None) -> Limits:
    """Limits and tests of each coefficient, from the evidence of a fit with firth=True.

    Parameters
    ----------
    level : float
        Of the intervals, between 0 and 1.
    optimum : Point, optional
        What `optimum_of` gave.

    Returns
    -------
    Limits
        A limit is ±∞ where l* does not fall by enough.
    """
    optimum = optimum or optimum_of(evidence)
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


def joint_test(
    evidence: Evidence, names: Sequence[str], optimum: Point | None = None
) -> tuple[float, int, float]:
    """The penalised likelihood-ratio test that all of these coefficients are 0: χ², df, and p."""
    optimum = optimum or optimum_of(evidence)
    wanted = [_contrast(optimum, evidence.names.index(name)) for name in names]
    contrasts = [contrast for contrast in wanted if contrast is not None]
    if not contrasts:
        return 0.0, 0, math.nan
    there = _profile(optimum, np.array(contrasts), 0.0)
    chi2 = max(2.0 * (optimum.value - there.value), 0.0)
    return chi2, len(contrasts), float(_special().chdtrc(len(contrasts), chi2))


def standard_errors(evidence: Evidence) -> Array:
    """√ of the diagonal of M⁻¹ in the units of the columns, intercept first; nan for aliases."""
    optimum = optimum_of(evidence)
    first = 0 if not evidence.intercept else -1
    contrasts = [_contrast(optimum, k) for k in range(first, len(evidence.names))]
    errors = [math.nan if a is None else _norm(optimum.inverse @ a) for a in contrasts]
    return np.array(errors)


def optimum_of(evidence: Evidence) -> Point:
    """The point of the fit, with the modified score brought to 0 once more."""
    likelihood = evidence.objective.sums("Firth's estimate")
    point = Penalised.of(likelihood).at(evidence.beta)
    return maximise(point, Stop())[0]


def _norm(x: Array) -> float:
    return math.sqrt(float(x @ x))


def _contrast(point: Point, column: int) -> Array | None:
    """a with a·θ = the coefficient (−1: the intercept) in the units of the columns."""
    where, free = point.of.likelihood.coordinates, point.of.free
    at = where.shape.intercepts.start if column < 0 else column
    return where.functional(at)[free] if at in free else None


def _profile(near: Point, contrast: Array, value: float, *, roughly: bool = False) -> Point:
    """max {l* : Aβ = value}, from a point near it; l* is off by _ROUGH²/2 where `roughly`."""
    A = np.atleast_2d(contrast)
    inverse = near.inverse
    across = inverse.T @ (inverse @ A.T)
    off = value - A @ near.beta[near.of.free]
    beta = near.beta.copy()
    beta[near.of.free] += across @ np.linalg.solve(A @ across, off)
    start = replace(near.of, held=A).at(beta)
    if start.value == -math.inf:
        return start
    return maximise(start, Stop(), enough=_ROUGH if roughly else EXACT)[0]


def _limit(optimum: Point, contrast: Array, sign: float, root: float) -> float:
    """Where 2 (max l* − profile) = root², on one side, by Newton's method on its root."""
    start = float(contrast @ optimum.beta[optimum.of.free])
    error = _norm(optimum.inverse @ contrast)
    inner, outer = start, math.inf * sign
    c, near, roughly = start + sign * root * error, optimum, True
    for _ in range(60):
        near = _profile(near, contrast, c, roughly=roughly)
        drop = math.sqrt(max(2.0 * (optimum.value - near.value), 0.0))
        inner, outer = (c, outer) if drop < root else (inner, c)
        step = _root_step(near, drop, root)
        if not roughly and abs(step) <= _SQUARE * error:
            return c + sign * step
        roughly = roughly and abs(step) > _NEAR * error
        c = _enclosed(c, c + sign * step, (inner, outer), sign * error)
        if abs(c - start) > 1e4 * error:
            return sign * math.inf
    return c


def _root_step(near: Point, drop: float, root: float) -> float:
    """Newton's step of √(2 (max l* − profile)) to the root; infinite where it has no slope."""
    slope = abs(float(near.freely(near.inverse)[1][0])) / max(drop, 1e-300)
    return (root - drop) / slope if slope > 0.0 and math.isfinite(drop) else math.inf


def _enclosed(last: float, wanted: float, ends: tuple[float, float], error: float) -> float:
    """A value between those inside and outside of the limit, at most ten standard errors away."""
    inner, outer = ends
    inside = min(inner, outer) < wanted < max(inner, outer)
    if inside and not abs(wanted - last) > 10.0 * abs(error):
        return wanted
    return inner + 4.0 * error if math.isinf(outer) else 0.5 * (inner + outer)


def _inverse_erf(level: float) -> float:
    return float(_special().erfinv(level))


def _special() -> Any:
    """scipy.special, which is slow to import."""
    import scipy.special

    return scipy.special
