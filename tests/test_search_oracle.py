"""The instrument itself: whatever finds false certificates must be right about F and its minimum.

Truth is mpmath, closed forms, statsmodels and the other exact minimum of the tests (truth.py).
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import statsmodels.api as sm
from mpmath import mpf
from penalties import PENALTIES
from problems import PROBLEMS
from search import judge as judging
from search.campaign import table, verdicts, wrong
from search.columns import FAMILIES
from search.draw import PENALTIES as PENALTY_KINDS
from search.draw import STORAGES, Problem, draw
from search.exact import Exact, Point
from search.fixed import ONE, fixed, integers, log_of, number, probability, solve
from search.judge import Verdict, exact_of, judge, own_parts
from search.minimum import minimum
from truth import solved

import logloss

Array = np.ndarray


def problem_of(X: Array, y: Array, **options: Any) -> Problem:
    options = {"fit_intercept": True, "solver": "auto", "tol": 1e-6, **options}
    named = {k: options.pop(k, None) for k in ("weight", "offset")}
    return Problem(0, "by hand", X, y, named["weight"], named["offset"], "C", "", options)


def near(a: int, b: float | mpf, digits: int = 50) -> bool:
    with mpmath.workdps(140):
        return abs(mpf(a) / ONE - b) <= mpf(10) ** -digits * max(1, abs(b))


# ---- numbers


@pytest.mark.parametrize("z", [0.0, 1e-30, -0.3, 2.5, -17.0, 100.0, -160.0, 1e5])
def test_probabilities_and_logarithms(z: float) -> None:
    p, q = probability(fixed(z))
    with mpmath.workdps(120):
        assert near(p, 1 / (1 + mpmath.exp(-mpf(z))), 110)
        assert near(q, 1 / (1 + mpmath.exp(mpf(z))), 110)
    x = abs(z) + 1e-3
    with mpmath.workdps(70):
        assert near(log_of(fixed(x)), mpmath.log(mpf(x)), 55)


def test_floats_become_whole_numbers_exactly() -> None:
    for values in ([0.1, -3.0, 1e-9], [0.0, 0.0], [5e-324, 1.0], [1e200, -1e190], [1.7e12, 0.5]):
        parts, exponent = integers(values)
        assert [p * Fraction(2) ** exponent for p in parts] == [Fraction(v) for v in values]


def test_systems_are_solved_where_float64_sees_a_singular_one() -> None:
    """The Hilbert matrix of order 12: its condition is 1e16, its inverse whole numbers."""
    size = 12
    matrix = [[fixed(Fraction(1, i + j + 1)) for j in range(size)] for i in range(size)]
    ones = solve(matrix, [sum(row) for row in matrix])
    assert all(abs(x - ONE) < ONE >> 280 for x in ones)


# ---- F


@pytest.mark.parametrize("seed", range(60))
def test_f_is_f(seed: int) -> None:
    """At any point, by plain sums in mpmath over the floats that are given."""
    problem = draw(seed)
    exact = exact_of(problem)
    rng = np.random.default_rng(seed)
    d = problem.X.shape[1]
    unit = np.abs(problem.X).max(axis=0)
    coef = rng.standard_normal(d) / np.where(unit > 0.0, unit, 1.0)
    centers = np.where(rng.random(d) < 0.5, problem.X.mean(axis=0), 0.0)
    point = Point.of(coef, centers, rng.standard_normal() if problem.intercept else 0.0)
    if not problem.intercept:
        point = replace(point, centers=(Fraction(0),) * d)
    assert near(exact.value(exact.beta(point)), plainly(problem, exact, point))


def plainly(problem: Problem, exact: Exact, point: Point) -> mpf:
    with mpmath.workdps(700):  # columns in units of 1e±200 beside each other
        rational = [mpf(w.numerator) / w.denominator for w in point.coef]
        centers = [mpf(float(m)) for m in point.centers]
        s = [mpf(1)] * len(problem.y) if problem.weight is None else problem.weight.tolist()
        total, loss = mpmath.fsum(s), mpf(0)
        for i, y in enumerate(map(mpf, problem.y.tolist())):
            row = problem.X[i].tolist()
            z = mpf(float(point.intercept)) + (
                0 if problem.offset is None else problem.offset[i].item()
            )
            z += mpmath.fsum(w * (x - m) for w, x, m in zip(rational, row, centers, strict=True))
            tail = mpmath.log1p(mpmath.exp(-abs(z)))
            loss += s[i] * (tail + (1 - y) * max(z, 0) + y * max(-z, 0))
        return loss / total + penalty_of(problem, rational, total)


def penalty_of(problem: Problem, coef: list[mpf], total: mpf) -> mpf:
    """As DESIGN says: a_j and l_j of C and l1_ratio, or of l1 and l2."""
    options = problem.options
    l1, l2 = mpf(options.get("l1") or 0), mpf(options.get("l2") or 0)
    if math.isfinite(options.get("C", math.inf)):
        ratio = mpf(options.get("l1_ratio", 0.0))
        l1, l2 = ratio / (options["C"] * total), (1 - ratio) / (options["C"] * total)
    factors = options.get("penalty_factors")
    value = mpf(0)
    for j, w in enumerate(coef):
        factor = 1 if factors is None else factors[j].item()
        unit = deviation(problem, j) if options.get("standardize") else 1
        value += factor * (l1 * unit * abs(w) + l2 / 2 * (unit * w) ** 2)
    return value


def deviation(problem: Problem, j: int) -> mpf:
    s = np.ones(len(problem.y)) if problem.weight is None else problem.weight
    total = mpmath.fsum(s.tolist())
    column = problem.X[:, j].tolist()
    mean = mpmath.fdot(s.tolist(), column) / total
    squares = mpmath.fsum(w * (x - mean) ** 2 for w, x in zip(s.tolist(), column, strict=True))
    return mpmath.sqrt(squares / total)


# ---- its minimum

CASES = [
    (name, shrinkage)
    for name, problem in PROBLEMS.items()
    for shrinkage, kind in PENALTIES.items()
    if kind.suits(problem) and not kind.standardize
]


@pytest.mark.parametrize(("name", "shrinkage"), CASES[:: max(1, len(CASES) // 40)])
def test_the_minimum_is_that_of_another_oracle(name: str, shrinkage: str) -> None:
    """From far away, and from the wrong face."""
    given, kind = PROBLEMS[name], PENALTIES[shrinkage]
    l2, l1, lower, upper = (part.tolist() for part in kind.weights(given))
    exact = Exact(given.X, given.y, given.weight, given.offset, given.intercept)
    bounds = list(zip(lower, upper, strict=True))
    exact.penalise([Fraction(v) for v in l2], [Fraction(v) for v in l1], bounds, False)
    _, least = solved(name, shrinkage)
    rng = np.random.default_rng(0)
    for starts in ([], [[fixed(x) for x in rng.standard_normal(exact.size).tolist()]]):
        found = minimum(exact, *starts)
        assert found.exists
        assert near(found.value, least, 45)


def test_closed_forms() -> None:
    x = np.array([0.0] * 7 + [1.0] * 9)
    y = np.array([0] * 4 + [1] * 3 + [0] * 2 + [1] * 7)
    exact = exact_of(problem_of(x[:, None], y))
    with mpmath.workdps(70):
        parts = [(7, mpf(3) / 7), (9, mpf(7) / 9)]
        entropy = -sum(n * (p * mpmath.log(p) + (1 - p) * mpmath.log(1 - p)) for n, p in parts)
        found = minimum(exact)
        assert found.exists
        assert near(found.value, entropy / 16)
    both = np.array([[1.0], [-1.0]])  # by symmetry F = log(1 + e^-w) + a|w|
    for a in (0.1, 0.49, 0.5, 0.7):
        options = {"l1": a, "fit_intercept": False}
        found = minimum(exact_of(problem_of(both, np.array([1, 0]), **options)))
        with mpmath.workdps(70):
            w = max(mpmath.log(1 / mpf(a) - 1), mpf(0))
            assert near(found.value, mpmath.log1p(mpmath.exp(-w)) + a * w)
            assert near(found.beta[0], w * 2)  # of a column in units of 2
    at = minimum(exact_of(problem_of(both, np.array([1, 0]), bounds=[(None, 0.25)])))
    with mpmath.workdps(70):
        assert near(at.value, mpmath.log1p(mpmath.exp(-mpf("0.25"))))


def test_statsmodels_finds_the_same() -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((200, 4))
    y = (X[:, 0] + rng.logistic(size=200) > 0.0).astype(int)
    weight = rng.integers(1, 5, 200).astype(float)
    offset = rng.standard_normal(200)
    found = minimum(exact_of(problem_of(X, y, weight=weight, offset=offset)))
    design = sm.add_constant(X)
    peer = sm.GLM(y, design, sm.families.Binomial(), freq_weights=weight, offset=offset)
    fitted = peer.fit(tol=1e-14)
    assert number(found.value) == pytest.approx(-fitted.llf / weight.sum(), rel=1e-13)


def test_units_do_not_change_the_minimum() -> None:
    rng = np.random.default_rng(8)
    X = rng.standard_normal((50, 3))
    X[:, 1] = X[:, 0] + 1e-12 * X[:, 1]
    y = (X[:, 2] + rng.logistic(size=50) > 0.0).astype(int)
    plain = minimum(exact_of(problem_of(X, y)))
    moved = minimum(exact_of(problem_of(X * 2.0 ** np.array([600, -600, 3]), y)))
    assert abs(plain.value - moved.value) < ONE >> 165


def test_separation_is_no_minimum() -> None:
    x = np.arange(12.0)[:, None]
    y = (x[:, 0] > 5.5).astype(int)
    assert not minimum(exact_of(problem_of(x, y))).exists
    y[[2, 9]] ^= 1
    assert minimum(exact_of(problem_of(x, y))).exists
    level = np.column_stack([x[:, 0], np.arange(12) % 4 == 0])
    y[::4] = 1  # quasi-separated: all rows of the level are positive
    found = minimum(exact_of(problem_of(level, y)))
    assert not found.exists
    rest = np.arange(12) % 4 != 0
    inner = minimum(exact_of(problem_of(x[rest], y[rest])))
    assert inner.exists
    assert number(found.value) == pytest.approx(number(inner.value) * 9 / 12, rel=1e-15)
    assert minimum(exact_of(problem_of(level, y, bounds=[None, (0.0, 1.0)]))).exists


@pytest.mark.parametrize("share", [1e-1, 1e-5, 1e-9, 1e-12])
def test_own_parts(share: float) -> None:
    rng = np.random.default_rng(3)
    basis = np.linalg.qr(np.column_stack([np.ones(40), rng.standard_normal((40, 2))]))[0][:, 1:]
    X = np.column_stack([basis[:, 0], basis[:, 0] + share * basis[:, 1]])
    y = rng.integers(0, 2, 40)
    own, grain = own_parts(exact_of(problem_of(X, y)))
    assert own == pytest.approx(share / math.sqrt(1.0 + share**2), rel=1e-3)
    assert not grain
    thrice = np.column_stack([X, X[:, 0], 4.0 * X[:, 1]])  # aliases have none, and take none
    assert own_parts(exact_of(problem_of(thrice, y)))[0] == pytest.approx(own)
    assert own_parts(exact_of(problem_of(X, y, C=1.0)))[0] == 1.0
    far = X + 1e12 * share
    assert own_parts(exact_of(problem_of(np.round(far * 1e6), y)))[1] == []


def test_a_column_that_is_rounding_of_the_others() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 30))
    X = np.column_stack([a, b, a + b])
    own, grain = own_parts(exact_of(problem_of(X, rng.integers(0, 2, 30))))
    assert 0.0 < own < 1e-15
    assert grain


# ---- problems and verdicts


def test_problems_are_what_they_say() -> None:
    """The same for the same seed; what is stored is what is judged; every kind comes up."""
    drawn = [draw(seed) for seed in range(400)]
    again = draw(17)
    assert (again.X == drawn[17].X).all() and (again.y == drawn[17].y).all()
    for problem in drawn:
        stored = problem.table()
        shown = stored.toarray() if hasattr(stored, "toarray") else np.asarray(stored)
        assert (shown.astype(np.float64) == problem.X).all()
        assert np.isfinite(problem.X).all()
    assert {p.family for p in drawn} == set(FAMILIES)
    assert {p.storage for p in drawn} == set(STORAGES)
    assert {p.penalty for p in drawn} == set(PENALTY_KINDS)
    scale = [np.abs(p.X).max() for p in drawn]
    assert min(scale) < 1e-50 and max(scale) > 1e100


def overlapping() -> Problem:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((80, 3))
    return problem_of(X, (X[:, 0] + rng.logistic(size=80) > 0.0).astype(int), tol=1e-2)


def test_a_true_certificate_is_true() -> None:
    verdict = judge(overlapping())
    assert verdict.certified and verdict.exists and not verdict.false and verdict.due
    assert not wrong([verdict])


def test_a_false_certificate_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same fit that claims a little less than the truth."""
    real = judge(overlapping()).real
    fit = logloss.fit

    def lies(*arguments: Any, **options: Any) -> Any:
        model = fit(*arguments, **options)
        certificate = replace(model.certificate, gap=0.9 * real * model.fitted.objective)
        model._results.fitted = replace(model.fitted, certificate=certificate)
        return model

    assert real > 1e-12
    monkeypatch.setattr(judging.logloss, "fit", lies)
    verdict = judge(overlapping())
    assert verdict.false and verdict.false_as_saved
    assert verdict.excess == pytest.approx(1.0 / 0.9, rel=1e-6)
    assert wrong([verdict]) == [verdict]
    assert " 1 " in table([verdict]).split("all")[1]


def test_crashes_and_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    def crashes(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(judging.logloss, "fit", crashes)
    crashed = judge(overlapping())
    assert crashed.status == "crashed" and wrong([crashed])
    monkeypatch.undo()
    refused = judge(replace(overlapping(), y=np.full(80, math.nan)))
    assert refused.status == "refused" and not wrong([refused])


def test_processes_find_what_one_finds() -> None:
    def shown(found: list[Verdict]) -> list[str]:
        return sorted(repr(replace(v, seconds=(0.0, 0.0))) for v in found)

    seeds = range(4)
    assert shown(list(verdicts(seeds, 2))) == shown(list(verdicts(seeds, 1)))
