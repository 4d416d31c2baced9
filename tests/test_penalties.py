"""L1, elastic net, bounds and signs: every problem by every solver that can, to a proven optimum.

Truth is the optimum to 50 digits, found on faces in mpmath (truth.py), which is itself checked by
its duality gap in 60 digits.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from penalties import CORNERS, PENALTIES, Shrinkage
from problems import PROBLEMS, STORAGES, Problem
from sklearn.linear_model import LogisticRegression as SklearnLogistic
from test_solvers import FIRST_ORDER, LARGE, assert_certified, assert_proven, bits, fit
from truth import DIGITS, best, exact

import logloss
import logloss.fitting.problem as fitting
from logloss.errors import UsageError
from logloss.record.proof import Status
from logloss.solvers import choose
from logloss.solvers.prox_newton import ProxNewton

Array = NDArray[np.float64]

TABLE = [(p, s) for p in PROBLEMS for s in CORNERS if CORNERS[s].suits(PROBLEMS[p])]


# ---- the truth


@pytest.mark.parametrize(
    ("name", "penalty"),
    [(p, s) for p in PROBLEMS for s in PENALTIES if PENALTIES[s].suits(PROBLEMS[p])],
)
def test_the_truth_has_no_gap(name: str, penalty: str) -> None:
    task, beta, least = best(name, penalty)
    assert abs(task.gap(beta)) <= mpmath.mpf(10) ** -17
    given = zip(task.lower, beta, task.upper, strict=True)
    assert all(lo <= w <= hi for lo, w, hi in given)
    assert task.value(beta, beta[-1]) if not task.intercept else least > 0


# ---- every solver


def assert_on_the_face(model: logloss.Model, name: str, penalty: str, margin: float) -> None:
    """Bounds hold; what is held at 0 by more than `margin` of a_j and the gap allows is 0 exactly.

    A gap ε moves the gradient of a column of deviation σ by about σ√(ε/2), as q ≤ 1/4.
    """
    task, beta, _ = best(name, penalty)
    problem, found = PROBLEMS[name], model.fitted.coefficients
    _, _, lower, upper = PENALTIES[penalty].weights(problem)
    assert (found >= lower).all()
    assert (found <= upper).all()
    shaken = 10.0 * problem.deviation() * math.sqrt(model.certificate.gap)
    for j, spare in enumerate(task.pull(beta)[: len(found)]):
        if beta[j] == 0 and task.l1[j] > 0 and spare > margin * task.l1[j] + shaken[j]:
            assert found[j] == 0.0, j


def assert_near(model: logloss.Model, name: str, penalty: str) -> None:
    """What a gap says of z and w: the loss bends by q, and less than e-fold over a step of 1.

    F(β) − F(β*) ≥ (1/Σs) Σ s q* (e^−|Δ| + |Δ| − 1) + Σ (l/2)(w − w*)², Δ = z − z*
    (Bach, Electron. J. Stat. 4, 2010, lemma 1), and a coefficient that is 0 at the optimum costs
    what its gradient there falls short of a_j.
    """
    task, beta, _ = best(name, penalty)
    found = [*model.fitted.coefficients.tolist(), *([model.intercept] if task.intercept else [])]
    with mpmath.workdps(DIGITS):
        apart = mpmath.fsum(
            l2 / 2 * (w - b) ** 2 for l2, w, b in zip(task.l2, found, beta, strict=True)
        )
        for b, w, spare in zip(beta, found, task.pull(beta), strict=True):
            apart += max(spare, 0) * abs(w) if b == 0 else 0
        loss = []
        for x, o, s in zip(task.rows, task.offset, task.s, strict=True):
            p = 1 / (1 + mpmath.exp(-mpmath.fdot(x, beta) - o))
            step = abs(mpmath.fdot(x, found) - mpmath.fdot(x, beta))
            loss.append(s * p * (1 - p) * (mpmath.exp(-step) + step - 1))
        apart += mpmath.fsum(loss) / mpmath.fsum(task.s)
    assert apart <= model.certificate.gap + 1e-15 * model.fitted.objective


@pytest.mark.parametrize("solver", ["prox-newton", "auto"])
@pytest.mark.parametrize(("name", "penalty"), TABLE)
def test_prox_newton_proves_every_optimum(name: str, penalty: str, solver: str) -> None:
    tol = 1e-6 if solver == "auto" else 1e-8
    model = fit(PROBLEMS[name], penalty, solver=solver, tol=tol)
    if (name, penalty, tol) == ("correlated", "signs", 1e-8):  # w = 3e5: u·w of rounding is 6e-8
        assert model.certificate.status in (Status.CERTIFIED, Status.STALLED)
        assert_proven(model, name, penalty)
    else:
        assert_certified(model, name, penalty, tol)
    assert model.certificate.solver == "prox-newton"
    assert_on_the_face(model, name, penalty, 0.01)
    assert_near(model, name, penalty)


@pytest.mark.parametrize("solver", FIRST_ORDER)
@pytest.mark.parametrize(("name", "penalty"), TABLE)
def test_proximal_gradients_prove_every_optimum(name: str, penalty: str, solver: str) -> None:
    """To a looser tolerance where columns are nearly combinations of each other."""
    if PROBLEMS[name].slow:
        model = fit(PROBLEMS[name], penalty, solver=solver, tol=1e-3, max_iter=1000)
        assert model.certificate.status in (Status.CERTIFIED, Status.BUDGET)
        assert_proven(model, name, penalty)
    else:
        model = fit(PROBLEMS[name], penalty, solver=solver, tol=1e-6)
        assert_certified(model, name, penalty, 1e-6)
        assert_on_the_face(model, name, penalty, 0.2)
    assert_near(model, name, penalty)


SLOW_BY_ROW = {("correlated", "signs"), ("wide", "L1, weak"), ("wide", "box")}


@pytest.mark.parametrize("solver", ["sag", "saga"])
@pytest.mark.parametrize(("name", "penalty"), TABLE)
def test_averaged_gradients_prove_every_optimum(name: str, penalty: str, solver: str) -> None:
    steps = 50 if (name, penalty) in SLOW_BY_ROW else None
    model = fit(PROBLEMS[name], penalty, solver=solver, tol=1e-3, max_iter=steps)
    if steps is None:
        assert_certified(model, name, penalty, 1e-3)
    assert_proven(model, name, penalty)
    assert_near(model, name, penalty)


@pytest.mark.parametrize("penalty", list(CORNERS))
@pytest.mark.parametrize("storage", [s for s in STORAGES if s != "float32"])
@pytest.mark.parametrize("name", ["empty_rows", "soft"])
def test_every_storage_has_the_same_optimum(name: str, storage: str, penalty: str) -> None:
    X = STORAGES[storage](PROBLEMS[name].X)
    model = fit(PROBLEMS[name], penalty, X, tol=1e-9)
    assert_certified(model, name, penalty, 1e-9)
    assert_on_the_face(model, name, penalty, 0.01)


@pytest.mark.parametrize("tol", [1e-3, 1e-10, 1e-13])
@pytest.mark.parametrize("penalty", list(CORNERS))
@pytest.mark.parametrize("name", ["well", "weighted", "offset", "rank_deficient", "no_intercept"])
def test_tolerances(name: str, penalty: str, tol: float) -> None:
    if not CORNERS[penalty].suits(PROBLEMS[name]):
        return
    model = fit(PROBLEMS[name], penalty, tol=tol)
    assert model.certificate.status in (Status.CERTIFIED, Status.STALLED)
    assert model.certificate.gap <= max(tol, 1e-12) * model.fitted.objective
    assert_proven(model, name, penalty)


# ---- what cannot be asked for


ABLE = {"gd", "nesterov", "prox-newton", "sag", "saga", "sgd"}


@pytest.mark.parametrize(
    "options", [{"C": 1.0, "l1_ratio": 1.0}, {"l1": 0.1}, {"C": 1.0, "bounds": {"x0": "+"}}]
)
@pytest.mark.parametrize("solver", sorted(set(choose.NAMED) - ABLE))
def test_others_are_refused_before_any_work(
    solver: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "split", None)  # nothing is even looked at
    with pytest.raises(UsageError, match=f"{solver} cannot take an L1 penalty or bounds") as raised:
        logloss.fit(PROBLEMS["well"].X, PROBLEMS["well"].y, solver=solver, **options)
    hint = str(raised.value.hint)
    assert set(hint.partition(": ")[2].split(", ")) == ABLE | {"auto"}


# ---- the same problem said in another way


def solution(problem: Problem, penalty: str, **options: Any) -> tuple[float, Array]:
    """F, and the coefficients with the intercept."""
    model = fit(problem, penalty, tol=1e-12, **options)
    assert model.certificate.status is Status.CERTIFIED
    return model.fitted.objective, np.append(model.fitted.coefficients, model.intercept)


def assert_same(left: tuple[float, Array], right: tuple[float, Array]) -> None:
    assert left[0] == pytest.approx(right[0], rel=1e-11)
    np.testing.assert_allclose(left[1], right[1], rtol=1e-5, atol=1e-6)
    assert ((left[1] == 0.0) == (right[1] == 0.0)).all()


SAME = ["L1", "elastic, standardize", "L1, factors", "signs, L1", "box, L1", "away from 0, elastic"]


@pytest.mark.parametrize("penalty", SAME)
@pytest.mark.parametrize("name", ["zero_weights", "soft"])
def test_weights_are_repeated_rows(name: str, penalty: str) -> None:
    given = PROBLEMS[name]
    times = given.s.astype(np.int64)
    shift = None if given.offset is None else np.repeat(given.offset, times)
    X, y = np.repeat(given.X, times, axis=0), np.repeat(given.y, times)
    repeated = replace(given, X=X, y=y, weight=None, offset=shift)
    assert_same(solution(given, penalty), solution(repeated, penalty))


@pytest.mark.parametrize("penalty", SAME)
def test_the_order_of_rows_does_not_matter(penalty: str) -> None:
    given = PROBLEMS["weighted"]
    order = np.random.default_rng(0).permutation(len(given.y))
    turned = replace(given, X=given.X[order], y=given.y[order], weight=given.s[order])
    assert_same(solution(given, penalty), solution(turned, penalty))


@pytest.mark.parametrize("solver", ["prox-newton", "nesterov"])
def test_units_scale_with_penalty_factors_and_bounds(solver: str) -> None:
    """a|w| = (a u)|w/u|: a column in other units, its factor in the inverse ones."""
    given = PROBLEMS["offset"]
    unit = np.array([1e-5, 7.0, 1e5, 1.0])
    scaled = replace(given, X=given.X * unit)
    bounds = [(None, 0.5), (-0.2, None), None, (-0.1, 0.1)]
    there = [
        pair and tuple(None if end is None else end / u for end in pair)
        for pair, u in zip(bounds, unit, strict=True)
    ]
    plain = solution(given, "L1", solver=solver, bounds=bounds)
    value, beta = solution(scaled, "L1", solver=solver, bounds=there, penalty_factors=unit)
    assert_same(plain, (value, beta * np.append(unit, 1.0)))


@pytest.mark.parametrize("storage", ["C", "csr", "csc", "arrow"])
@pytest.mark.parametrize("solver", ["prox-newton", "nesterov"])
def test_same_bits_for_any_number_of_threads(solver: str, storage: str) -> None:
    X, y, weight, offset = LARGE
    X = STORAGES[storage](X)
    given = {"sample_weight": weight, "offset": offset, "C": 1e-3, "l1_ratio": 0.8, "max_iter": 10}
    given["bounds"] = ["+", "-", (-0.1, 0.1)] * 3
    one = bits(logloss.fit(X, y, solver=solver, n_threads=1, **given))
    for n_threads in (2, 3):
        assert bits(logloss.fit(X, y, solver=solver, n_threads=n_threads, **given)) == one


# ---- more columns than a Hessian has


def spread_out(sparse: bool, n: int = 40, d: int = 3000) -> tuple[Any, Array]:
    """Beyond 2,000 coefficients prox-Newton works on a part of them."""
    rng = np.random.default_rng(17)
    X = rng.standard_normal((n, d)) * np.exp(rng.normal(0.0, 0.5, d))
    if sparse:
        X[rng.random((n, d)) < 0.9] = 0.0
    y = (X[:, :5].sum(axis=1) + rng.logistic(size=n) > 0.0).astype(np.float64)
    return (sp.csr_array(X) if sparse else X), y


def longdouble_gap(model: logloss.Model, X: Any, y: Array, l1: float, l2: float) -> float:
    """F − D by subtraction in 80 bits, at the residuals, shifted and scaled until they fit."""
    X = np.asarray(X.todense() if sp.issparse(X) else X, dtype=np.longdouble)
    w = model.fitted.coefficients.astype(np.longdouble)
    z = X @ w + np.longdouble(model.intercept)
    r = 1.0 / (1.0 + np.exp(-z)) - y
    if model.intercept:
        r -= r.mean()  # 1e-9 and less
    v = X.T @ r / len(y)
    c = np.longdouble(1.0) if l2 else min(np.longdouble(1.0), l1 / np.abs(v).max())
    t = np.clip(y + c * r, 0.0, 1.0)
    entropy = -sum(
        np.where(p > 0.0, p * np.log(np.where(p > 0.0, p, 1.0)), 0.0) for p in (t, 1 - t)
    )
    conjugate = (np.maximum(np.abs(c * v) - l1, 0.0) ** 2 / (2.0 * l2)).sum() if l2 else 0.0
    loss = np.mean(np.logaddexp(np.longdouble(0.0), z) - y * z)
    return float(loss + l1 * np.abs(w).sum() + l2 / 2 * (w @ w) - entropy.mean() + conjugate)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("C", "ratio"), [(0.3, 1.0), (3.0, 1.0), (100.0, 1.0), (1.0, 0.5)])
def test_more_columns_than_a_hessian_has(
    C: float, ratio: float, sparse: bool, intercept: bool
) -> None:
    X, y = spread_out(sparse)
    model = logloss.fit(X, y, C=C, l1_ratio=ratio, fit_intercept=intercept, tol=1e-12)
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.solver == "prox-newton"
    total = 1.0 / (C * len(y))
    gap = longdouble_gap(model, X, y, ratio * total, (1.0 - ratio) * total)
    assert gap <= 1e-5 * model.fitted.objective  # of first order in what is left
    if ratio == 1.0:
        assert np.count_nonzero(model.fitted.coefficients) <= len(y)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("C", [1.0, 20.0])
def test_liblinear_finds_the_same(C: float, sparse: bool) -> None:
    """Without an intercept: LIBLINEAR penalises it."""
    X, y = spread_out(sparse)
    theirs = SklearnLogistic(
        C=C, l1_ratio=1.0, fit_intercept=False, solver="liblinear", tol=1e-9, random_state=0
    ).fit(X, y)
    ours = logloss.fit(X, y, C=C, l1_ratio=1.0, fit_intercept=False, tol=1e-10)
    w = theirs.coef_[0]
    value = np.logaddexp(0.0, (X @ w) * (1.0 - 2.0 * y)).mean() + np.abs(w).sum() / (C * len(y))
    assert ours.fitted.objective <= value * (1.0 + 1e-9)
    assert value <= ours.fitted.objective * (1.0 + 1e-4)
    np.testing.assert_allclose(ours.fitted.coefficients, w, atol=0.02 * np.abs(w).max())


@pytest.mark.parametrize("solver", ["prox-newton", "nesterov"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("d", [3000, 100])
def test_beside_the_largest_penalty_that_matters(d: int, sparse: bool, solver: str) -> None:
    """λ_max = max |x_j·(ȳ − y)|/n: nothing above it, one coefficient just below, of known sign."""
    X, y = spread_out(sparse, d=d)
    slope = X.T @ (y - y.mean()) / len(y)
    first, most = int(np.argmax(np.abs(slope))), float(np.abs(slope).max())
    above = logloss.fit(X, y, l1=most * (1.0 + 1e-9), solver=solver)
    assert above.certificate.status is Status.CERTIFIED
    assert not above.fitted.coefficients.any()
    assert above.intercept == pytest.approx(math.log(y.mean() / (1.0 - y.mean())))
    below = logloss.fit(X, y, l1=most * (1.0 - 1e-4), solver=solver, tol=1e-12)
    assert below.certificate.status is Status.CERTIFIED
    assert np.flatnonzero(below.fitted.coefficients).tolist() == [first]
    assert below.fitted.coefficients[first] * slope[first] > 0.0


# ---- far ends


def check(problem: Problem, penalty: Shrinkage, tol: float = 1e-6, **options: Any) -> None:
    """Certified, and the truth is within the gap."""
    given = {"n_threads": 1, "tol": tol, **problem.options(), **penalty.options(problem)}
    model = logloss.fit(problem.X, problem.y, **(given | options))
    task = exact(problem, penalty.weights(problem))
    true = task.value(model.fitted.coefficients.tolist(), model.intercept) - task.minimum()[1]
    value, gap = model.fitted.objective, model.certificate.gap
    assert model.certificate.status is Status.CERTIFIED, (model.certificate, float(true))
    assert true <= gap * (1.0 + 1e-9) + 1e-15 * value
    assert gap <= tol * value


@pytest.mark.parametrize("C", [1e-6, 1e-3, 1.0, 1e3, 1e8])
@pytest.mark.parametrize("ratio", [0.1, 1.0])
@pytest.mark.parametrize("name", ["well", "timestamps", "unscaled", "wide", "nearly_separated"])
def test_weak_and_strong_penalties(name: str, ratio: float, C: float) -> None:
    problem = PROBLEMS[name]
    if problem.minimum or C <= 1e3:
        check(problem, Shrinkage(C, l1_ratio=ratio))
        check(problem, Shrinkage(C, l1_ratio=ratio, standardize=True))


@pytest.mark.parametrize("C", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("solver", ["prox-newton", "nesterov"])
def test_units_from_1e_minus_8_to_1e8(solver: str, bounded: bool, ratio: float, C: float) -> None:
    problem = PROBLEMS["weighted"]
    problem = replace(problem, X=problem.X * np.array([1e-8, 1e8, 1e-3, 1e3]))
    bounds = (lambda j: [(-0.1, 0.2), "+", None, (None, 0.3)][j]) if bounded else None
    check(problem, Shrinkage(C, l1_ratio=ratio, bounds=bounds), solver=solver, tol=1e-5)


@pytest.mark.parametrize("penalty", ["L1", "elastic", "L1, standardize", "box", "signs, L1"])
def test_heavy_weights(penalty: str) -> None:
    """From 1e-3 to 1e6: a few rows say it all, others speak up where those do not."""
    problem = PROBLEMS["well"]
    weight = 10.0 ** np.random.default_rng(3).uniform(-3.0, 6.0, len(problem.y))
    check(replace(problem, weight=weight), PENALTIES[penalty])


def test_a_light_row_far_on_the_wrong_side() -> None:
    """Its p(1−p) is 0 there: Newton's model is flat, and its step would be of 1e9."""
    problem = PROBLEMS["empty_rows"]
    weight = 10.0 ** np.random.default_rng(5).uniform(-3.0, 6.0, len(problem.y))
    unit = np.array([2.0**20, 1.0, 2.0**-5, 2.0**-8])
    problem = replace(problem, X=problem.X * unit, weight=weight)
    check(problem, Shrinkage(1e-5, l1_ratio=1.0))


@pytest.mark.parametrize("value", [0.1, -1.0 / 3.0, 1e-9 / 7.0, 1e9 / 7.0])
@pytest.mark.parametrize("storage", ["C", "csc"])
@pytest.mark.parametrize("penalty", ["none", "C=1", "standardize", "L1", "elastic, standardize"])
def test_a_constant_column_says_nothing(penalty: str, storage: str, value: float) -> None:
    """Its mean is not exact: what is left of it once centred is rounding."""
    problem = PROBLEMS["well"]
    X = np.column_stack([problem.X, np.full(len(problem.y), value)])
    for n in (1, 600):  # in memory at once, and by a sample first
        wider = replace(problem, X=np.tile(X, (n, 1)), y=np.tile(problem.y, n))
        plain = replace(wider, X=wider.X[:, :4])
        with_it = fit(wider, penalty, STORAGES[storage](wider.X), tol=1e-9)
        without = fit(plain, penalty, tol=1e-9)
        assert with_it.certificate.status is Status.CERTIFIED
        assert with_it.fitted.objective == pytest.approx(without.fitted.objective, rel=1e-8)
        assert with_it.fitted.coefficients[-1] == 0.0


@pytest.mark.parametrize("options", [{"l1_ratio": 1.0}, {"bounds": ["+"] * 2500}, {}])
def test_a_working_set_of_a_few_at_a_time(options: dict[str, Any]) -> None:
    """More coefficients have to move than the working set may hold: each step moves some."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 2500))
    y = (X[:, :5].sum(axis=1) + rng.standard_normal(120) > 0).astype(np.float64)
    fits = [
        logloss.fit(X, y, C=1.0, solver=ProxNewton(first=20, most=most), tol=1e-4, **options)
        for most in (40, 5000)
    ]
    for model in fits:
        assert model.certificate.status is Status.CERTIFIED
    assert fits[0].fitted.objective == pytest.approx(fits[1].fitted.objective, rel=1e-4)
