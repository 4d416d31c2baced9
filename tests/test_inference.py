"""Estimates, covariance and tests against the truth in many digits, and against statsmodels."""

from __future__ import annotations

import json
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import statsmodels.api as sm
from likelihoods import minimise, truth
from problems import PROBLEMS, STORAGES

import logloss
from logloss.errors import DataError, UsageError
from logloss.model.model import Model
from logloss.numerics import distributions

FULL_RANK = [
    *("well", "mirrored", "correlated", "unscaled", "timestamps", "weighted", "zero_weights"),
    *("offset", "soft", "empty_rows", "nearly_separated", "no_intercept", "one_column"),
]
ESTIMABLE = {"constant_column": (0, 2, 4), "duplicates": (0, 1, 2), "rank_deficient": (0, 1, 2, 3)}


def fitted(name: str, storage: str = "C", **options: Any) -> Model:
    problem = PROBLEMS[name]
    return logloss.fit(STORAGES[storage](problem.X), problem.y, **problem.options(), **options)


def error_in_units(found: Any, expected: Any) -> float:
    """Largest difference of two covariances, in standard errors times standard errors."""
    scale = np.sqrt(np.diag(expected))
    return float(np.abs((np.asarray(found) - expected) / scale / scale[:, None]).max())


# ---- the polished point


@pytest.mark.parametrize(
    ("name", "storage"),
    [
        (name, storage)
        for name in [*FULL_RANK, *ESTIMABLE]
        for storage in ["C", "F", "csr", "csc", "arrow", "strided"]
        # tables leave out a constant column: there is no alias to name
        if (name, storage) != ("constant_column", "arrow")
    ],
)
def test_estimates_and_covariances_are_the_true_ones(name: str, storage: str) -> None:
    problem = PROBLEMS[name]
    columns = ESTIMABLE.get(name, tuple(range(problem.X.shape[1])))
    true = truth(name, columns)
    model = fitted(name, storage, weights_are="frequency")
    table, found = model.summary().table, model.covariance()
    kept = ([0] if problem.intercept else []) + [c + problem.intercept for c in columns]
    beta = table["estimate"].to_numpy(zero_copy_only=False)
    errors = np.sqrt(np.diag(true.covariance))
    assert np.all(np.abs(beta[kept] - true.beta) <= 1e-10 * (np.abs(true.beta) + errors))
    assert np.isnan(np.delete(beta, kept)).all()
    # a Gram matrix loses twice the digits that columns have in common
    tolerance = {"correlated": 1e-3, "timestamps": 1e-6}.get(name, 1e-8)
    grid = np.ix_(kept, kept)
    assert error_in_units(found.matrix[grid], true.covariance) <= tolerance
    assert np.isnan(np.delete(found.matrix, kept, axis=0)).all()
    assert error_in_units(model.covariance(kind="HC0").matrix[grid], true.hc0) <= tolerance
    sampled = model.covariance(kind="HC0", weights="sampling").matrix[grid]
    assert error_in_units(sampled, true.sampled_hc0) <= tolerance
    minus_twice = -2.0 * model.summary().to_dict()["log_likelihood"]
    assert minus_twice == pytest.approx(true.deviance, rel=1e-11)


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "saga", "newton-cg"])
def test_any_solver_ends_in_the_same_digits(solver: str) -> None:
    expected = fitted("weighted").covariance().matrix
    found = fitted("weighted", solver=solver, random_state=0).covariance().matrix
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_threads_change_no_bit() -> None:
    rng = np.random.default_rng(0)
    X, group = rng.standard_normal((20_000, 12)), rng.integers(0, 99, 20_000)
    y = rng.random(20_000) < logloss.sigmoid(X[:, 0])
    bits = set()
    for n_threads in (1, 2, 5):
        model = logloss.fit(X, y, n_threads=n_threads)
        parts = [model.covariance().matrix, model.covariance(groups=group).matrix]
        parts += [model.covariance(kind="HC1").matrix]
        bits.add(b"".join(part.tobytes() for part in parts))
    assert len(bits) == 1


def test_a_robust_covariance_takes_two_reads_at_most() -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3000, 5))
    model = logloss.fit(X, rng.random(3000) < logloss.sigmoid(X[:, 0]))
    model.covariance()
    assert model._evidence is not None
    objective = model._evidence.objective
    for options in ({"kind": "HC0"}, {"kind": "HC1"}, {"groups": np.arange(3000) // 10}):
        before = objective.reads
        model.covariance(**options)
        assert objective.reads - before <= 2


# ---- what weights mean, and clusters


def test_frequency_weights_are_repeated_rows() -> None:
    problem = PROBLEMS["zero_weights"]
    times = problem.s.astype(int)
    repeated = logloss.fit(np.repeat(problem.X, times, axis=0), np.repeat(problem.y, times))
    weighted = fitted("zero_weights")
    group = np.arange(len(problem.y)) % 9
    for kind, which in (("hessian", None), ("HC0", None), ("HC1", None), ("cluster", group)):
        a = weighted.covariance(kind=kind, groups=which).matrix
        copied = None if which is None else np.repeat(which, times)
        b = repeated.covariance(kind=kind, groups=copied).matrix
        np.testing.assert_allclose(a, b, rtol=1e-9)
    few, many = weighted.summary().to_dict(), repeated.summary().to_dict()
    for key in ("log_likelihood", "aic", "bic", "tjur", "lr", "n"):
        assert few[key] == pytest.approx(many[key], rel=1e-10)


def test_sampling_weights_have_no_scale_and_no_likelihood() -> None:
    problem = PROBLEMS["weighted"]
    one = fitted("weighted").covariance(weights="sampling")
    tenth = logloss.fit(problem.X, problem.y, sample_weight=problem.s / 10.0)
    np.testing.assert_allclose(tenth.covariance(weights="sampling").matrix, one.matrix, rtol=1e-9)
    assert one.kind == "HC1"
    with pytest.raises(UsageError, match="no likelihood"):
        tenth.covariance(kind="hessian", weights="sampling")
    with pytest.raises(UsageError, match="need a likelihood"):
        tenth.confidence_intervals(method="profile", weights="sampling")
    summary = tenth.summary(weights="sampling")
    assert "likelihood none, as weights are sampling weights" in " ".join(str(summary).split())
    assert summary.to_dict()["aic"] is None
    assert summary.to_dict()["n"] == 40


def test_a_row_that_is_its_own_cluster_is_hc0_times_its_factor() -> None:
    model = fitted("well")
    n, k = 40, 5
    factor = n / (n - 1) * (n - 1) / (n - k)
    alone = model.covariance(groups=[f"row {i}" for i in range(n)]).matrix
    np.testing.assert_allclose(alone, model.covariance(kind="HC0").matrix * factor, rtol=1e-10)


def test_a_column_that_was_fitted_names_the_clusters() -> None:
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.standard_normal(300), rng.integers(0, 9, 300)])
    model = logloss.fit(X, rng.random(300) < 0.4)
    by_name = model.covariance(groups="x1").matrix
    np.testing.assert_array_equal(by_name, model.covariance(groups=X[:, 1]).matrix)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"kind": "HC2"}, UsageError),
        ({"kind": "cluster"}, UsageError),
        ({"kind": "HC0", "groups": np.zeros(40)}, UsageError),
        ({"weights": "inverse"}, UsageError),
        ({"groups": np.zeros(40)}, DataError),
        ({"groups": np.zeros(39)}, DataError),
        ({"groups": [math.nan, *range(39)]}, DataError),
        ({"groups": [None, *"ab" * 19, 1]}, DataError),
        ({"groups": "x9"}, UsageError),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        fitted("well").covariance(**options)


# ---- effects


def margins(at: str) -> tuple[Any, Any, Model]:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((500, 4))
    X[:, 1] = X[:, 1] > 0.3
    X[:, 2] = 100.0 * X[:, 2] + 400.0
    y = (rng.random(500) < logloss.sigmoid(X[:, 0] + X[:, 1] - 0.6)).astype(float)
    peer = sm.Logit(y, sm.add_constant(X)).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    model = logloss.fit(X, y)
    places = {"average": "overall", "mean": "mean"}
    return model.marginal_effects(at=at), peer.get_margeff(at=places[at], dummy=True), model


@pytest.mark.parametrize("at", ["average", "mean"])
def test_marginal_effects_are_those_of_statsmodels(at: str) -> None:
    found, peer, _ = margins(at)
    np.testing.assert_allclose(found["effect"], peer.margeff, rtol=1e-9)
    np.testing.assert_allclose(found["standard_error"], peer.margeff_se, rtol=1e-9)
    np.testing.assert_allclose(found["p_value"], peer.pvalues, rtol=1e-7)
    limits = np.column_stack([found["lower"], found["upper"]])
    np.testing.assert_allclose(limits, peer.conf_int(), rtol=1e-8)
    assert found["change"].to_pylist() == ["slope", "0 to 1", "slope", "slope"]


def test_the_delta_method_is_that_of_a_ratio() -> None:
    _, _, model = margins("average")
    value, error = model.delta_method(lambda b: -b["(intercept)"] / b["x0"])
    b, V = model.summary().table["estimate"].to_numpy(), model.covariance().matrix
    gradient = np.array([-1.0 / b[1], b[0] / b[1] ** 2])
    assert value == pytest.approx(-b[0] / b[1], rel=1e-14)
    assert error == pytest.approx(math.sqrt(gradient @ V[:2, :2] @ gradient), rel=1e-7)
    robust = model.delta_method(lambda b: b["x0"], covariance="HC0")[1]
    assert robust == pytest.approx(model.covariance(kind="HC0").standard_errors[1], rel=1e-9)


# ---- tests of terms


@pytest.mark.parametrize("name", ["well", "weighted", "soft", "no_intercept", "nearly_separated"])
def test_likelihood_ratios_are_those_of_the_fits_without(name: str) -> None:
    problem = PROBLEMS[name]
    A = np.column_stack([problem.X, np.ones(len(problem.y))] if problem.intercept else [problem.X])
    o = np.zeros(len(problem.y)) if problem.offset is None else problem.offset
    _, best = minimise(A, problem.y, problem.s, o, np.zeros(A.shape[1]))
    found = fitted(name, weights_are="frequency").test()
    for j, statistic in enumerate(found["statistic"].to_pylist()):
        few = np.delete(A, j, axis=1)
        _, value = minimise(few, problem.y, problem.s, o, np.zeros(few.shape[1]))
        assert statistic == pytest.approx(value - best, rel=1e-9, abs=1e-10)
        p = float(mpmath.gammainc(0.5, statistic / 2, regularized=True))
        assert found["p_value"][j].as_py() == pytest.approx(p, rel=1e-10)


def test_a_column_that_others_make_up_has_no_test() -> None:
    found = fitted("rank_deficient").test()
    assert found["df"].to_pylist() == [0, 0, 0, 0, 0, 0]
    assert found["p_value"].to_pylist() == [None] * 6
    some = fitted("duplicates").test(["x1", "x3"])
    assert some["term"].to_pylist() == ["x1", "x3"]
    assert some["df"].to_pylist() == [1, 0]


def test_wald_tests_are_z_squared() -> None:
    model = fitted("weighted")
    z = model.summary().table["z"].to_numpy()[1:]
    np.testing.assert_allclose(model.test(method="wald")["statistic"], z**2, rtol=1e-12)


def test_without_what_keeps_the_labels_apart_from_being_told() -> None:
    """Without x1 the other column tells nearly all; the test is finite all the same."""
    x = np.linspace(-1.0, 1.0, 40)
    X = np.column_stack([x, np.where(np.arange(40) % 2 == 0, 1.0, -1.0)])
    y = ((x > 0) ^ (np.abs(x) < 0.2)).astype(float)
    statistic = logloss.fit(X, y).test("x0")["statistic"][0].as_py()
    A = np.column_stack([X, np.ones(40)])
    ones = np.ones(40)
    best = minimise(A, y, ones, 0 * ones, np.zeros(3))[1]
    assert statistic == pytest.approx(minimise(A[:, 1:], y, ones, 0 * ones, np.zeros(2))[1] - best)


def test_two_models_are_compared() -> None:
    problem = PROBLEMS["well"]
    large = logloss.fit(STORAGES["arrow"](problem.X), problem.y)
    small = logloss.fit(STORAGES["arrow"](problem.X).select(["x0", "x2", "x3"]), problem.y)
    found = large.likelihood_ratio(small)
    assert found.statistic == pytest.approx(large.test("x1")["statistic"][0].as_py(), rel=1e-9)
    assert found.df == 1
    assert small.likelihood_ratio(large) == found
    other = logloss.fit(STORAGES["arrow"](problem.X).select(["x1"]), problem.y)
    with pytest.raises(UsageError, match="not nested"):
        small.likelihood_ratio(other)
    with pytest.raises(UsageError, match="other rows"):
        small.likelihood_ratio(logloss.fit(STORAGES["arrow"](problem.X), 1.0 - problem.y))


# ---- distributions


@pytest.mark.parametrize("df", [1, 2, 3, 7, 40, 501])
@pytest.mark.parametrize("share", [1e-6, 0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0, 20.0])
def test_the_tail_of_chi_squared(df: int, share: float) -> None:
    x = df * share
    with mpmath.workdps(40):
        expected = mpmath.gammainc(mpmath.mpf(df) / 2, mpmath.mpf(x) / 2, regularized=True)
    assert distributions.chi_squared(x, df) == pytest.approx(float(expected), rel=1e-11, abs=1e-305)


def test_ends_of_the_distributions() -> None:
    assert distributions.chi_squared(0.0, 3) == 1.0
    assert math.isnan(distributions.chi_squared(1.0, 0))
    assert distributions.quantile(0.95) == pytest.approx(1.959963984540054, rel=1e-15)
    assert distributions.two_sided(1.959963984540054) == pytest.approx(0.05, rel=1e-13)


def test_the_summary_as_json_is_the_table() -> None:
    summary = fitted("rank_deficient").summary()
    loaded = json.loads(summary.to_json())
    assert loaded["coefficients"] == summary.table.to_pylist()
    assert loaded["coefficients"][5]["estimate"] is None
    assert set(loaded["aliases"]) == {"x4", "x5"}
    assert loaded["aliases"]["x5"] == pytest.approx({"x0": 1.0, "x1": -2.0}, abs=1e-8)
    assert loaded["aliases"]["x4"] == pytest.approx(
        {"x2": -1.0, "x3": -1.0, "(intercept)": 1.0}, abs=1e-8
    )
