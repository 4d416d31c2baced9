"""One problem: fit it, find its minimum, and say whether what the certificate claims is true."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

import logloss
from logloss.errors import LoglossError
from search.draw import Problem
from search.exact import Exact
from search.fixed import BITS, ONE, fixed, number, ratio, solve
from search.minimum import NoMinimum, minimum
from search.point import certified, columns, predicting, shown

ROUNDING = 1e-14  # of F: what the last bits of a float64 sum may hide
LEAST = 1e-16  # nats: what the last bit of any loss may hide
_SMALL = 1e-11  # own parts from which on nearly all fits must be certified
_ALIAS = ONE >> 250  # a squared own part below this is none at all
_NO_L2, _NO_L1 = 1e-17, 1e-14  # penalties per (squared) spread that are as good as none
_ULPS = 32.0  # an own part of fewer units in the last place is rounding of the column itself
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Verdict:
    """What came out; gaps are relative to F.

    Attributes
    ----------
    status : str
        How the fit ended, or "refused", or "crashed".
    exists : bool
        There is an optimum.
    own : float
        The least own part of an unpenalised column; 1 where there is none.
    grain : bool
        Some own part is no more than the rounding of the column itself.
    loss : float
        F at the point that the certificate is of.
    claimed, real, saved : float
        The gap that is claimed, that of the point it is claimed for, that of what is reported: as
        it is shown, or as the model predicts with it, whichever is farther off.
    value : float
        How far the reported objective is from F at that point.
    note : str
    """

    seed: int
    family: str
    penalty: str
    solver: str
    storage: str
    status: str
    exists: bool = True
    own: float = 1.0
    grain: bool = False
    loss: float = 1.0
    claimed: float = math.nan
    real: float = math.nan
    saved: float = math.nan
    value: float = 0.0
    tol: float = TOLERANCE
    note: str = ""
    seconds: tuple[float, float] = (0.0, 0.0)

    @property
    def certified(self) -> bool:
        return self.status == "CERTIFIED"

    @property
    def false(self) -> bool:
        """The claim is less than the truth."""
        return self._beyond(self.real)

    @property
    def false_as_saved(self) -> bool:
        """What is reported is farther off than what is claimed."""
        return self._beyond(self.saved)

    def _beyond(self, real: float) -> bool:
        """A fit that is called separated claims no gap to an optimum."""
        if math.isnan(self.claimed) or "SEPARATED" in self.status:
            return False
        return real > self.claimed * (1.0 + 1e-9) + self._rounding

    @property
    def _rounding(self) -> float:
        return ROUNDING + LEAST / max(self.loss, sys.float_info.min)

    @property
    def lost(self) -> bool:
        """A true certificate, and coefficients that are farther off than the tolerance."""
        allowed = max(self.tol, self.claimed) * (1.0 + 1e-9) + self._rounding
        return self.certified and not self.false and self.saved > allowed

    @property
    def wrong_verdict(self) -> bool:
        """Called separated, with an optimum that is proven."""
        return self.exists and self.status == "SEPARATED"

    @property
    def excess(self) -> float:
        """real/claimed, both beyond rounding."""
        if math.isnan(self.claimed) or math.isnan(self.real) or "SEPARATED" in self.status:
            return 0.0
        return max(self.real, 0.0) / max(self.claimed, self._rounding)

    @property
    def proven(self) -> bool:
        """Is the gap that is claimed no more than 1e-6, or than what was asked for?"""
        enough = max(self.tol, TOLERANCE) + self._rounding
        return "SEPARATED" not in self.status and self.claimed <= enough

    @property
    def due(self) -> bool:
        """Should it be certified at 1e-6?"""
        return self.exists and self.own >= _SMALL and self.solver in DUE


DUE = ("auto", "newton", "lbfgs", "newton-cg", "prox-newton")


def exact_of(problem: Problem) -> Exact:
    """The problem in whole numbers, with its penalties."""
    exact = Exact(problem.X, problem.y, problem.weight, problem.offset, problem.intercept)
    options, d = problem.options, problem.X.shape[1]
    l1 = Fraction(options.get("l1") or 0.0)
    l2 = Fraction(options.get("l2") or 0.0)
    if math.isfinite(options.get("C", math.inf)):
        total = 1 / (Fraction(options["C"]) * exact.weight_sum)
        ratio = Fraction(options.get("l1_ratio", 0.0))
        l1, l2 = ratio * total, (1 - ratio) * total
    given = options.get("penalty_factors")
    factors = [Fraction(f) for f in (np.ones(d) if given is None else given).tolist()]
    exact.penalise(
        [l2 * f for f in factors],
        [l1 * f for f in factors],
        problem.bounds,
        bool(options.get("standardize")),
    )
    return exact


def own_parts(exact: Exact, without: Sequence[int] = ()) -> tuple[float, list[int]]:
    """The least own part of the unpenalised columns, and those of which it is mere rounding.

    A penalty below rounding beside the spread of its column is none here.
    """
    unpenalised = [j for j in range(exact.d) if _unpenalised(exact, j)]
    free = [j for j in unpenalised if j not in without]
    free += list(range(exact.d, exact.size))
    gram = _gram(exact)
    kept = _independent(gram, free)
    part = [[gram[i][j] for j in kept[: k + 1]] for k, i in enumerate(kept)]
    least, grain = 1.0, []
    for place, j in enumerate(kept):
        if j >= exact.d:
            continue
        inverse = solve(part, [ONE if k == place else 0 for k in range(len(kept))])[place]
        own = math.sqrt(number((ONE << BITS) // max(inverse, 1)))
        spread = number(exact.deviation(j)) if exact.intercept else math.sqrt(number(gram[j][j]))
        least = min(least, own / spread if spread else 1.0)
        two = Fraction(2) ** exact.unit[j]
        largest = max(1.0, float(abs(exact.center[j]) / two))
        if own < _ULPS * 2.0**-53 * largest:
            grain.append(j)
    return least, grain


def _unpenalised(exact: Exact, j: int) -> bool:
    spread = number(exact.deviation(j))
    small = number(exact.l2[j]) < _NO_L2 * spread**2 and number(exact.l1[j]) < _NO_L1 * spread
    return small or not (exact.l2[j] or exact.l1[j])


def _gram(exact: Exact) -> list[list[int]]:
    """XᵀSX/Σs in scaled coordinates, the whole of it."""
    size = exact.size
    gram = [[0] * size for _ in range(size)]
    for i in range(size):
        bent = exact.columns[i] * exact.s
        for j in range(i + 1):
            gram[i][j] = gram[j][i] = int(
                bent @ exact.columns[j] >> exact.depth[i] + exact.depth[j]
            )
    return gram


def _independent(gram: list[list[int]], of: Sequence[int]) -> list[int]:
    """Those with something that the ones before lack; the intercept, which is last, comes first."""
    kept: list[int] = []
    for j in sorted(of, reverse=True):
        if not gram[j][j]:
            continue
        part = [[gram[i][k] for k in kept[: p + 1]] for p, i in enumerate(kept)]
        right = [gram[i][j] for i in kept]
        shadow = sum(a * b for a, b in zip(solve(part, right), right, strict=True)) >> BITS
        if gram[j][j] - shadow > _ALIAS * gram[j][j] >> BITS:
            kept.append(j)
    return kept


def judge(problem: Problem) -> Verdict:
    """Fit, find the minimum, compare."""
    begun = time.perf_counter()
    named = (problem.seed, problem.family, problem.penalty, problem.solver, problem.storage)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = logloss.fit(problem.table(), **problem.arguments())
    except LoglossError as error:
        return Verdict(*named, "refused", note=f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001
        return Verdict(*named, "crashed", note=f"{type(error).__name__}: {error}")
    fitted = time.perf_counter()
    try:
        return _compared(problem, model, named, fitted - begun)
    except NoMinimum as error:
        return Verdict(*named, "no oracle", note=str(error))


def _compared(problem: Problem, model: Any, named: Any, seconds: float) -> Verdict:
    begun = time.perf_counter()
    exact = exact_of(replace(problem, X=problem.X[:, columns(model)]))
    points = [exact.beta(of(model)) for of in (certified, predicting, shown)]
    certificate = model.certificate
    starts = [points[0], [0] * exact.size]
    if "SEPARATED" in certificate.status.name:
        starts.reverse()
    least = minimum(exact, *starts)
    values = [exact.value(beta) for beta in points]
    scale = max(values[0], 1)
    own, grain = own_parts(exact)
    claimed = certificate.gap / number(scale)
    found = Verdict(
        *named,
        certificate.status.name,
        least.exists,
        own,
        bool(grain),
        number(scale),
        claimed,
        ratio(values[0] - least.value, scale),
        ratio(max(values[1:]) - least.value, scale),
        value=abs(ratio(fixed(model.fitted.objective) - values[0], scale)),
        tol=problem.options["tol"],
        seconds=(seconds, time.perf_counter() - begun),
    )
    if not (grain and found.false):
        return found
    coarse = _coarse_minimum(exact, np.flatnonzero(points[0][: exact.d]).tolist())
    real, saved = (ratio(value - coarse, scale) for value in (values[0], max(values[1:])))
    return replace(found, real=real, saved=saved)


def _coarse_minimum(exact: Exact, used: Sequence[int]) -> int:
    """min F without columns that differ from combinations of others by their own rounding only.

    To call such a column an alias is right as well. They give each other away, so one goes at a
    time, first those that the model does not use.
    """
    held: list[int] = []
    while grain := own_parts(exact, held)[1]:
        j = next((j for j in reversed(grain) if j not in used), grain[-1])
        low, high = exact.lower[j], exact.upper[j]
        near = max(0, low) if low is not None else 0
        exact.lower[j] = exact.upper[j] = min(near, high) if high is not None else near
        held.append(j)
    return minimum(exact).value
