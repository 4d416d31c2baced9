"""Whoever has the rows: a place that is a page of NumPy answers all that is ever asked of them.

The rows of a fit in memory are put into two lists; then solvers, certificates, inference, verdicts
on separation, Firth's estimate and leave-one-out run over these, and agree with memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from toy_backend import TwoLists

import logloss
from logloss.errors import UsageError
from logloss.existence.separation import decide
from logloss.firth.firth import Firth
from logloss.objective.base import Objective
from logloss.objective.certificate import duality_gap
from logloss.objective.separable import Separable
from logloss.paths.leave_one_out import Minimum, left_out
from logloss.record.proof import Status
from logloss.solvers import (
    LBFGS,
    SAGA,
    SGD,
    GradientDescent,
    Nesterov,
    Newton,
    NewtonCG,
    ProxNewton,
)
from logloss.solvers.base import Stop, minimise


def problem(seed: int = 0, n: int = 400, d: int = 5) -> tuple[np.ndarray, ...]:
    """X, labels, whole weights and offsets."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * np.linspace(0.5, 3.0, d) + 1.0
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-(X - 1.0) @ np.linspace(-1.0, 1.0, d)))).astype(float)
    return X, y, rng.integers(0, 4, n).astype(float), 0.3 * rng.standard_normal(n)


def listed(model: logloss.Model) -> logloss.Model:
    """The same fit with its rows in two lists, and nothing found out about it yet."""
    evidence = model._evidence
    assert evidence is not None
    memory = evidence.objective.sums()
    x = memory.entries(np.arange(memory.n_rows), np.arange(memory.shape.columns))
    third = memory.n_rows // 3
    toy = TwoLists([x[:third], x[third:]], memory.rows, memory.coordinates)
    objective = replace(evidence.objective, likelihood=toy)
    fitted = replace(model.fitted, estimates=None, separation=None)
    return logloss.Model(fitted, replace(evidence, objective=objective))


def pair(**given: Any) -> tuple[Objective, Objective]:
    """An objective in memory, and the same one in two lists."""
    X, y, s, o = problem()
    model = logloss.fit(X, y, sample_weight=s, offset=o, **given)
    other = listed(model)
    assert model._evidence is not None
    assert other._evidence is not None
    return model._evidence.objective, other._evidence.objective


PENALTIES = {"none": {}, "ridge": {"l2": 1e-2}, "elastic": {"l1": 1e-2, "l2": 1e-3}}
BOUNDS: dict[str, Any] = {"bounds": {"x0": (0.0, 1.0), "x3": (-0.1, 0.1)}}
SMOOTH = [LBFGS(), NewtonCG(), Newton()]
ANY = [GradientDescent(), Nesterov(), ProxNewton()]


@pytest.mark.parametrize("penalty", [*PENALTIES, "bounds"])
@pytest.mark.parametrize("solver", SMOOTH + ANY, ids=lambda solver: solver.name)
def test_every_solver_finds_and_proves_the_same(solver: Any, penalty: str) -> None:
    memory, toy = pair(**{**PENALTIES, "bounds": BOUNDS}[penalty])
    if not (memory.penalty.smooth or solver.nonsmooth):
        return
    start, stop = np.zeros(memory.n_coefficients), Stop(tol=1e-9)
    here, there = (minimise(one, solver, start, stop) for one in (memory, toy))
    assert here.status is there.status is Status.CERTIFIED
    assert there.gap <= 1e-9 * there.value
    np.testing.assert_allclose(there.beta, here.beta, rtol=0, atol=2e-4)
    assert there.value == pytest.approx(here.value, rel=2e-9)


@pytest.mark.parametrize("solver", [SAGA(), SGD()], ids=lambda solver: solver.name)
def test_a_solver_that_goes_row_by_row_says_what_it_lacks(solver: Any) -> None:
    _, toy = pair(l2=1e-2)
    with pytest.raises(UsageError, match=f"{solver.name} reads row by row.* two lists"):
        minimise(toy, solver, np.zeros(toy.n_coefficients), Stop())


@pytest.mark.parametrize("penalty", PENALTIES)
def test_certificates_are_the_same_far_from_the_minimum(penalty: str) -> None:
    memory, toy = pair(**PENALTIES[penalty])
    rng = np.random.default_rng(1)
    for _ in range(5):
        beta, delta = rng.standard_normal((2, memory.n_coefficients)) * 0.1
        assert duality_gap(toy, beta, delta) == pytest.approx(
            duality_gap(memory, beta, delta), rel=1e-9
        )


def close(one: Any, other: Any, rtol: float = 1e-6) -> None:
    for name in one.column_names:
        a, b = one[name].to_pylist(), other[name].to_pylist()
        if any(isinstance(value, float) for value in a):
            a, b = ([np.nan if v is None else v for v in values] for values in (a, b))
            np.testing.assert_allclose(b, a, rtol=rtol, atol=1e-9)
        else:
            assert a == b


def fits() -> logloss.Model:
    X, y, s, o = problem()
    return logloss.fit(X, y, sample_weight=s, offset=o, tol=1e-10)


def test_standard_errors_tests_and_limits() -> None:
    model = fits()
    other = listed(model)
    close(model.summary().table, other.summary().table)
    close(
        model.confidence_intervals(method="profile"), other.confidence_intervals(method="profile")
    )
    close(model.test(), other.test())
    np.testing.assert_allclose(other.covariance().matrix, model.covariance().matrix, rtol=1e-6)
    robust, mine = model.covariance("HC0").matrix, other.covariance("HC0").matrix
    np.testing.assert_allclose(mine, robust, rtol=1e-7)
    groups = np.arange(400) % 30
    np.testing.assert_allclose(
        other.covariance("cluster", groups=groups).matrix,
        model.covariance("cluster", groups=groups).matrix,
        rtol=1e-7,
    )


def test_models_of_the_same_rows_compare() -> None:
    X, y, s, o = problem()
    few = logloss.fit(X[:, :3], y, sample_weight=s, offset=o, tol=1e-10)
    other = logloss.fit(X[:, :2] @ [[1.0, 2.0], [3.0, -1.0]], y, sample_weight=s, offset=o)
    whole = fits()
    expected = whole.likelihood_ratio(few)
    found = listed(whole).likelihood_ratio(listed(few))
    assert found.df == expected.df == 2
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert listed(few).likelihood_ratio(listed(other)).df == 1  # spanned, by other names
    with pytest.raises(UsageError, match="not nested"):
        listed(logloss.fit(X[:, 3:], y, sample_weight=s, offset=o)).likelihood_ratio(listed(few))


def test_a_fit_without_an_intercept_and_one_with_an_alias() -> None:
    X, y, _, _ = problem()
    bare = logloss.fit(X, y, fit_intercept=False, tol=1e-10)
    close(bare.summary().table, listed(bare).summary().table)
    close(
        bare.confidence_intervals(method="profile"),
        listed(bare).confidence_intervals(method="profile"),
    )
    alias = logloss.fit(np.column_stack([X, X[:, 0] + X[:, 1]]), y, tol=1e-10)
    close(alias.summary().table, listed(alias).summary().table)


def test_influence() -> None:
    model = fits()
    other = listed(model)
    here, there = model.influence(), other.influence()
    for name in ("leverages", "cooks_distance", "loo_log_odds", "deviance_residuals"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(there.dfbeta("x1"), here.dfbeta("x1"), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(there.dfbetas([3, 8]), here.dfbetas([3, 8]), rtol=1e-5, atol=1e-9)


def separated(kind: str) -> tuple[np.ndarray, np.ndarray]:
    X, y, _, _ = problem(3)
    if kind == "complete":
        return X, (X[:, 0] + 0.1 * X[:, 1] > 1.0).astype(float)
    rare = np.zeros(len(X))
    rare[[5, 50, 300]] = 1.0
    return np.column_stack([X, rare]), np.where(rare == 1.0, 1.0, y)


@pytest.mark.parametrize("kind", ["complete", "quasi", "none"])
def test_verdicts_on_separation(kind: str) -> None:
    X, y = separated(kind) if kind != "none" else problem(3)[:2]
    model = logloss.fit(X, y)
    other = listed(model)._evidence
    assert other is not None
    verdict = decide(other, near=False, schema=model.fitted.schema)
    assert verdict.exists is model.separation.exists is (kind == "none")
    assert verdict.kind is model.separation.kind
    assert verdict.rows == model.separation.rows
    assert verdict.columns == model.separation.columns
    if kind == "quasi":
        close(
            model.confidence_intervals(method="profile"),
            listed(model).confidence_intervals(method="profile"),
            rtol=1e-5,
        )


def test_a_verdict_without_counting_names_the_same_column() -> None:
    """Too many rows for whole numbers, and no table whose columns could be counted."""
    rng = np.random.default_rng(0)
    rare = (rng.random(3000) < 0.01).astype(float)
    X = np.column_stack([rng.standard_normal((3000, 12)), rare])
    y = np.where(rare == 1.0, 1.0, rng.random(3000) < 0.4)
    model = logloss.fit(X, y)
    other = listed(model)._evidence
    assert other is not None
    verdict = decide(other, near=False, schema=model.fitted.schema)
    assert verdict.columns == model.separation.columns
    assert verdict.rows == model.separation.rows == int(rare.sum())
    assert [c.names for c in verdict.causes] == [c.names for c in model.separation.causes]


def test_a_fit_ends_where_the_rows_are_separated() -> None:
    from logloss.existence.separation import Judge, settled

    X, y = separated("quasi")
    other = listed(logloss.fit(X, y))._evidence
    assert other is not None
    judge = Judge(other.objective, 1e-6)
    stop = Stop(separated=judge.separated)
    result = minimise(other.objective, Newton(), np.zeros(other.objective.n_coefficients), stop)
    ended, verdict = settled(judge, result, other.names, stop)
    assert ended.status is Status.SEPARATED
    assert verdict is not None
    assert verdict.exists is False


def test_firths_estimate_and_its_limits() -> None:
    X, y, _, _ = problem(2, n=60, d=2)
    model = logloss.fit(X, y, firth=True)
    other = listed(model)
    objective = other._evidence.objective  # type: ignore[union-attr]
    found = Firth().solve(objective, np.zeros(objective.n_coefficients), Stop())
    where = objective.sums().coordinates
    coef, intercept = where.raw(found.beta)
    np.testing.assert_allclose(coef, list(model.coefficients.values()), rtol=1e-8)
    assert intercept == pytest.approx(model.intercept, rel=1e-8)
    assert found.status is Status.FIRTH
    close(model.confidence_intervals(), other.confidence_intervals())


@pytest.mark.parametrize("penalty", ["ridge", "elastic"])
def test_leave_one_out(penalty: str) -> None:
    memory, toy = pair(**PENALTIES[penalty])
    solver = ProxNewton()
    found = []
    for one in (memory, toy):
        at = minimise(one, solver, np.zeros(one.n_coefficients), Stop(tol=1e-10))
        loss = at.value - one.penalty.value(at.beta)
        found.append(left_out(Minimum(one, one.sums(), at.beta, loss, None), solver, counts=True))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    assert found[0][1] == found[1][1]


def test_a_penalty_and_two_lists_make_an_objective_of_their_own() -> None:
    """Against the closed form of a problem of one column: no memory backend behind it."""
    from logloss.objective.coordinates import Coordinates
    from logloss.objective.row_data import RowData

    x = np.array([1.0] * 30 + [-1.0] * 20)
    y = np.array([1.0] * 21 + [0.0] * 9 + [1.0] * 6 + [0.0] * 14)
    rows = x[:, np.newaxis]
    plain = Coordinates(np.zeros(1), np.ones(1), True)
    toy = TwoLists([rows[:7], rows[7:]], RowData(y), plain)
    result = minimise(
        Objective(toy, Separable.ridge(np.zeros(2))), Newton(), np.zeros(2), Stop(tol=1e-12)
    )
    high, low = np.log(21.0 / 9.0), np.log(6.0 / 14.0)
    np.testing.assert_allclose(result.beta, [(high - low) / 2.0, (high + low) / 2.0], atol=1e-6)
    assert toy.reads > 0


@pytest.mark.parametrize("which", [0, 1], ids=["memory", "two lists"])
def test_a_margin_does_not_depend_on_what_was_asked_before(which: int) -> None:
    """As a callback or a signal handler that reads the same rows would change that."""
    likelihood = pair(**PENALTIES["none"])[which].likelihood
    rng = np.random.default_rng(2)
    beta, delta, other, step = 0.1 * rng.standard_normal((4, likelihood.shape.size))
    likelihood.dual(beta, delta, lambda score: 1.0)  # noqa: ARG005
    first = likelihood.margin(beta, delta, scale=0.5)
    likelihood.dual(other, step, lambda score: 1.0)  # noqa: ARG005
    again = likelihood.margin(beta, delta, scale=0.5)
    np.testing.assert_array_equal(again.score, first.score)
    assert (again.least, again.pearson, again.square) == (first.least, first.pearson, first.square)
    assert again.shift == first.shift
