"""Firth's estimate against closed forms, NumPy's formulas, direct maximisation and logistf."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.stats import chi2 as chi_squared

import logloss
from logloss import cli
from logloss.errors import UsageError
from logloss.inference.penalised import joint_test, limits, standard_errors
from logloss.record.evidence import Evidence
from logloss.record.proof import Status

Array = NDArray[np.float64]


def evidence(model: logloss.Model) -> Evidence:
    assert model._evidence is not None
    return model._evidence


def terms(X: Array, y: Array, s: Array, beta: Array, o: Array | float = 0.0) -> tuple[float, Array]:
    """l* and U*, by their definitions; X with a column of ones where there is an intercept."""
    z = X @ beta + o
    p = 1 / (1 + np.exp(-z))
    M = (X * (s * p * (1 - p))[:, None]).T @ X
    h = s * p * (1 - p) * np.einsum("ij,jk,ik->i", X, np.linalg.inv(M), X)
    value = -(s * (np.logaddexp(0.0, z) - y * z)).sum() + 0.5 * np.linalg.slogdet(M)[1]
    return float(value), X.T @ (s * (y - p) + h * (0.5 - p))


def drawn(seed: int) -> tuple[Array, Array, Array, dict[str, Any]]:
    """Small problems, separated ones among them."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(10, 60)), int(rng.integers(1, 5))
    X = rng.standard_normal((n, d)) * rng.choice([0.1, 1.0, 30.0], d) + rng.choice([0.0, 5.0])
    if seed % 3 == 0:
        X[:, 0] = rng.random(n) < 0.3
    y = (rng.random(n) < 0.4) * 1.0
    y[:2] = 0.0, 1.0
    if seed % 3 == 0:
        y[X[:, 0] == 1] = 1.0
    if seed % 5 == 0:
        y = (X[:, 0] > np.median(X[:, 0])) * 1.0
    s, options = np.ones(n), {}
    if seed % 2 == 0:
        s = rng.choice([0.0, 1.0, 3.0], n)
        s[:4] = 1.0
        options["sample_weight"] = s
    if seed % 4 == 1:
        options["offset"] = rng.standard_normal(n)
    return X, y, s, options


@pytest.mark.parametrize("seed", range(40))
def test_the_modified_score_is_zero_where_the_penalised_likelihood_is_largest(seed: int) -> None:
    X, y, s, options = drawn(seed)
    on = s > 0
    if len(set(y[on])) < 2:
        return
    model = logloss.fit(X, y, firth=True, **options)
    assert model.certificate.status is Status.FIRTH
    assert model.certificate.coefficient_error <= 1e-10
    full = np.column_stack([X, np.ones(len(y))])
    beta = np.append(list(model.coefficients.values()), model.intercept)
    o = options.get("offset", 0.0)
    value, score = terms(full, y, s, beta, o)
    p = 1 / (1 + np.exp(-(full @ beta + o)))
    M = (full * (s * p * (1 - p))[:, None]).T @ full
    assert math.sqrt(score @ np.linalg.solve(M, score)) < 1e-8
    assert model.fitted.objective * s.sum() == pytest.approx(-value, rel=1e-10)
    scale = np.append(1 / np.abs(X).max(axis=0), 1.0)
    found = minimize(lambda b: -terms(full, y, s, b * scale, o)[0], np.zeros(len(beta)))
    assert value >= -found.fun - 1e-7


def test_a_table_of_four_cells_has_a_half_added_to_each() -> None:
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [30, 12, 0, 9])
    y = np.repeat([0.0, 1.0, 0.0, 1.0], [30, 12, 0, 9])
    model = logloss.fit(x[:, None], y, firth=True)
    assert model.intercept == pytest.approx(math.log(12.5 / 30.5), abs=1e-12)
    assert model.coefficients["x0"] == pytest.approx(
        math.log(9.5 / 0.5) - math.log(12.5 / 30.5), abs=1e-10
    )


def test_endometrial_is_that_of_logistf(data_file: Callable[[str], Path]) -> None:
    """logistf(HG ~ NV + PI + EH, data = endometrial), logistf 1.26, as published."""
    model = logloss.fit(data_file("endometrial.csv"), "HG", exclude=["rownames"], firth=True)
    expected = {"NV": 2.92927330, "PI": -0.03475175, "EH": -2.60416387}
    for name, value in expected.items():
        assert model.coefficients[name] == pytest.approx(value, abs=2e-7)
    assert model.intercept == pytest.approx(3.77455951, abs=3e-7)
    found = limits(evidence(model))
    assert found.names == ("(intercept)", "NV", "PI", "EH")
    assert found.lower == pytest.approx((1.0825371, 0.6097244, -0.1244587, -4.3651832), abs=1e-6)
    assert found.upper == pytest.approx((7.2092810, 7.8546317, 0.0404555, -1.2327205), abs=1e-6)
    assert found.p_value == pytest.approx((0.00419363, 0.00912366, 0.3874822, 2.50686e-5), rel=2e-5)


def profile(X: Array, y: Array, k: int, value: float, start: Array) -> float:
    """max l* with β_k held, by SciPy."""
    others = [j for j in range(X.shape[1]) if j != k]

    def negative(b: Array) -> tuple[float, Array]:
        beta = np.insert(b, k, value)
        loss, score = terms(X, y, np.ones(len(y)), beta)
        return -loss, -score[others]

    done = minimize(negative, start[others], jac=True, method="BFGS", options={"gtol": 1e-10})
    return -float(done.fun)


@pytest.mark.parametrize("seed", [1, 3])
def test_limits_and_tests_against_direct_root_finding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal(50), rng.random(50) < 0.2])
    y = (rng.random(50) < 0.4) * 1.0
    y[X[:, 1] == 1] = 1.0
    model = logloss.fit(X, y, firth=True)
    full = np.column_stack([np.ones(50), X])
    beta = np.array([model.intercept, *model.coefficients.values()])
    top = terms(full, y, np.ones(50), beta)[0]
    found = limits(evidence(model), level=0.9)
    target = 0.5 * chi_squared.ppf(0.9, 1)
    errors = standard_errors(evidence(model))
    for k in range(3):

        def short(value: float, k: int = k) -> float:
            return top - profile(full, y, k, value, beta) - target

        low = brentq(short, beta[k] - 12 * errors[k], beta[k], xtol=1e-10)
        high = brentq(short, beta[k], beta[k] + 12 * errors[k], xtol=1e-10)
        assert found.lower[k] == pytest.approx(low, abs=1e-7)
        assert found.upper[k] == pytest.approx(high, abs=1e-7)
        ratio = 2 * (top - profile(full, y, k, 0.0, beta))
        assert found.chi2[k] == pytest.approx(ratio, abs=1e-8)
        assert found.p_value[k] == pytest.approx(chi_squared.sf(ratio, 1), rel=1e-6)
    alone = minimize(
        lambda b: -terms(full, y, np.ones(50), np.array([b[0], 0.0, 0.0]))[0], [0.0], tol=1e-12
    )
    chi2, df, p = joint_test(evidence(model), ["x0", "x1"])
    assert df == 2
    assert chi2 == pytest.approx(2 * (top + alone.fun), abs=1e-8)
    assert p == pytest.approx(chi_squared.sf(chi2, 2), rel=1e-9)
    M_inverse_diagonal = errors**2
    p1 = 1 / (1 + np.exp(-full @ beta))
    M = (full * (p1 * (1 - p1))[:, None]).T @ full
    np.testing.assert_allclose(M_inverse_diagonal, np.diag(np.linalg.inv(M)), rtol=1e-8)


def test_weights_are_repetitions() -> None:
    X, y, _, _ = drawn(3)
    times = np.random.default_rng(0).integers(0, 4, len(y))
    times[:2] = 1
    weighted = logloss.fit(X, y, sample_weight=times.astype(float), firth=True)
    repeated = logloss.fit(np.repeat(X, times, axis=0), np.repeat(y, times), firth=True)
    for name, value in repeated.coefficients.items():
        assert weighted.coefficients[name] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("store", [sp.csr_array, sp.csc_array, np.asfortranarray])
def test_every_storage(store: Callable[[Array], Any]) -> None:
    X, y, _, _ = drawn(3)
    plain, other = (logloss.fit(table, y, firth=True) for table in (X, store(X)))
    for name, value in plain.coefficients.items():
        assert other.coefficients[name] == pytest.approx(value, rel=1e-9, abs=1e-11)


def test_aliases_are_left_out_first() -> None:
    X, y, _, _ = drawn(3)
    model = logloss.fit(np.column_stack([X, X[:, 0] + 2.0]), y, firth=True)
    plain = logloss.fit(X, y, firth=True)
    names = list(plain.coefficients)
    assert model.coefficients[f"x{len(names)}"] == 0.0
    for name in names:
        assert model.coefficients[name] == pytest.approx(plain.coefficients[name], rel=1e-8)
    assert math.isnan(limits(evidence(model)).estimate[-1])


def test_many_rows_take_few_steps() -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((60_000, 5))
    y = (rng.random(len(X)) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
    model = logloss.fit(X, y, firth=True)
    assert model.certificate.coefficient_error <= 1e-10
    assert len(model.history) <= 4
    full = np.column_stack([X, np.ones(len(y))])
    beta = np.append(list(model.coefficients.values()), model.intercept)
    assert np.abs(terms_fast(full, y, beta)).max() < 1e-6


def terms_fast(X: Array, y: Array, beta: Array) -> Array:
    p = 1 / (1 + np.exp(-(X @ beta)))
    q = p * (1 - p)
    M = (X * q[:, None]).T @ X
    h = q * ((X @ np.linalg.inv(M)) * X).sum(axis=1)
    return X.T @ (y - p + h * (0.5 - p))


@pytest.mark.parametrize(
    "options",
    [
        {"C": 1.0},
        {"l1": 0.1},
        {"l2": 0.1},
        {"bounds": [(0, None)]},
        {"penalty_factors": [1.0]},
        {"standardize": True},
        {"solver": "lbfgs"},
    ],
)
def test_nothing_goes_with_it(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=name):
        logloss.fit("no such file.csv", "y", firth=True, **options)


def test_stopped_early() -> None:
    X, y, _, _ = drawn(3)
    model = logloss.fit(X, y, firth=True, max_iter=1)
    assert model.certificate.status is Status.BUDGET
    stopped = logloss.fit(X, y, firth=True, callbacks=[lambda _: True])
    assert stopped.certificate.status is Status.INTERRUPTED


def test_separation_is_that_of_the_likelihood() -> None:
    x = np.repeat([0.0, 0.0, 1.0], [30, 12, 9])
    y = np.repeat([0.0, 1.0, 1.0], [30, 12, 9])
    model = logloss.fit(x[:, None], y, firth=True)
    assert model.separation.columns == {"x0": math.inf}
    assert "Firth" in str(model.summary())
    assert math.isnan(model.certificate.gap)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "a,b,y\n" + "\n".join(f"{k},{k % 3},{int(k > 9)}" for k in range(20))
    (tmp_path / "t.csv").write_text(rows)
    table = str(tmp_path / "t.csv")
    assert cli.main(["fit", table, "--target", "y"]) == 0
    said = capsys.readouterr()
    assert "separated" in said.out + said.err
    assert "--firth" in said.out + said.err
    model = str(tmp_path / "m.json")
    assert cli.main(["fit", table, "--target", "y", "--firth", "--model", model]) == 0
    assert "Firth's" in capsys.readouterr().out
    again = logloss.load(model)
    assert again.certificate.status is Status.FIRTH
    assert cli.main(["fit", table, "--target", "y", "--firth", "--C", "1"]) == 2
