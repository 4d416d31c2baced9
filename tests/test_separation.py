"""The verdict on separation, against linear programs over all rows, closed forms and real data."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog
from sklearn.datasets import load_svmlight_file

import logloss
import logloss._kernels as _kernels
from logloss.errors import UsageError
from logloss.record.fitted import Fitted
from logloss.record.proof import Status
from logloss.record.separation import Kind, Separation

Array = NDArray[np.float64]


def program(X: Array, y: Array, weight: Array, intercept: bool = True) -> NDArray[np.bool_]:
    """The rows that can be told apart, by Konis's program with bounded slacks over all rows."""
    X = np.column_stack([X, np.ones(len(X))]) if intercept else X
    hard = (weight > 0) & ((y == 0) | (y == 1))
    soft = (weight > 0) & ~hard
    A = (2 * y[hard] - 1)[:, None] * X[hard]
    n, k = A.shape
    done = linprog(
        np.append(np.zeros(k), -np.ones(n)),
        A_ub=np.hstack([-A, np.eye(n)]),
        b_ub=np.zeros(n),
        A_eq=np.hstack([X[soft], np.zeros((soft.sum(), n))]) if soft.any() else None,
        b_eq=np.zeros(soft.sum()) if soft.any() else None,
        bounds=[(None, None)] * k + [(0, 1)] * n,
    )
    assert done.status == 0
    found = np.zeros(len(y), np.bool_)
    found[hard] = done.x[k:] > 0.5
    return found


def drawn(seed: int) -> tuple[Array, Array, Array, dict[str, Any]]:
    """Small integers, so that ties, aliases and all kinds of separation turn up."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(6, 30)), int(rng.integers(1, 5))
    X = rng.integers(-2, 3, (n, d)).astype(float)
    y = (X @ rng.integers(-2, 3, d) + rng.logistic(size=n) * rng.choice([0.2, 1.0, 3.0]) > 0) * 1.0
    y[:2] = 0.0, 1.0
    weight = rng.choice([0.0, 1.0, 2.5], n, p=[0.2, 0.5, 0.3]) if seed % 3 == 0 else np.ones(n)
    weight[:2] = 1.0
    if seed % 4 == 0:
        y[2:][rng.random(n - 2) < 0.15] = 0.25
    options: dict[str, Any] = {"fit_intercept": seed % 5 != 0}
    if seed % 3 == 0:
        options["sample_weight"] = weight
    if seed % 7 == 0:
        options["offset"] = rng.standard_normal(n)
    return X, y, weight, options


@pytest.mark.parametrize("seed", range(120))
def test_verdicts_are_those_of_a_program_over_all_rows(seed: int) -> None:
    X, y, weight, options = drawn(seed)
    apart = program(X, y, weight, options["fit_intercept"])
    model = logloss.fit(X, y, **options)
    found = model.separation
    assert found.exists is not apart.any()
    assert found.rows == apart.sum()
    assert found.first_rows == tuple(np.flatnonzero(apart)[:10])
    if not apart.any():
        assert model.certificate.status is Status.CERTIFIED
        assert found.kind is Kind.NONE
        return
    assert model.certificate.status is Status.SEPARATED
    assert found.kind is (Kind.COMPLETE if apart.sum() == (weight > 0).sum() else Kind.QUASI)
    d = np.array([found.direction.get(f"x{j}", 0.0) for j in range(X.shape[1])])
    towards = (2 * y - 1) * (X @ d + found.direction.get("(intercept)", 0.0))
    assert (towards[apart] > 1e-7).all()
    assert (np.abs(towards[(weight > 0) & ~apart]) < 1e-8).all()


def limit(X: Array, y: Array, weight: Array, offset: Array | float) -> tuple[Array, Array, Array]:
    """Newton's method by pseudo-inverses on some rows: coefficients, errors, which are determined.

    Columns that are combinations of earlier ones on all rows with weight are to be left out before.
    """
    on = weight > 0.0
    beta = np.zeros(X.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-(X @ beta + offset)))
        M = (X * (weight * p * (1 - p))[:, None]).T @ X
        beta = beta - np.linalg.pinv(M, rcond=1e-11) @ (X.T @ (weight * (p - y)))
    seen = np.linalg.pinv(X[on]) @ X[on]  # the identity, where a coefficient is determined
    determined = np.abs(seen - np.eye(len(beta))).max(axis=1) < 1e-9
    return beta, np.sqrt(np.diag(np.linalg.pinv(M, rcond=1e-11))), determined


@pytest.mark.parametrize("seed", range(120))
def test_what_is_left_is_the_fit_to_the_rows_that_are_left(seed: int) -> None:
    X, y, weight, options = drawn(seed)
    intercept = options["fit_intercept"]
    apart = program(X, y, weight, intercept)
    if not apart.any():
        return
    found = logloss.fit(X, y, **options).separation
    full = np.column_stack([X, np.ones(len(y))]) if intercept else X
    names = [f"x{j}" for j in range(X.shape[1])] + ["(intercept)"] * intercept
    ranks = [np.linalg.matrix_rank(full[weight > 0][:, : k + 1]) for k in range(len(names))]
    own = [k for k, rank in enumerate(ranks) if rank > ([0, *ranks])[k]]
    aliases = {names[k] for k in range(len(names)) if k not in own}
    assert {n for n in names if math.isnan(found.standard_errors[n])} == aliases
    left = np.where(apart, 0.0, weight)
    offset = options.get("offset", 0.0)
    beta, errors, determined = limit(full[:, own], y, left, offset)
    assert set(found.columns) == {names[own[k]] for k in np.flatnonzero(~determined)}
    for k in np.flatnonzero(determined):
        assert found.estimates[names[own[k]]] == pytest.approx(beta[k], rel=1e-7, abs=1e-7)
        assert found.standard_errors[names[own[k]]] == pytest.approx(errors[k], rel=1e-6)
    for name, value in found.columns.items():
        assert found.standard_errors[name] == math.inf
        sign = found.direction.get(name, 0.0)
        assert (math.isnan(value) and sign == 0.0) or value == math.copysign(math.inf, sign)


def overlapping(n: int = 40) -> tuple[Array, Array]:
    """x tells the labels apart, but for one row."""
    x = np.arange(n) - (n - 1) / 2
    y = (x > 0) * 1.0
    y[3] = 1.0
    return x[:, None], y


def test_one_row_makes_the_difference() -> None:
    X, y = overlapping()
    assert logloss.fit(X, y).separation.exists is True
    weight = np.ones(len(y))
    weight[3] = 0.0
    without = logloss.fit(X, y, sample_weight=weight)
    assert without.separation.kind is Kind.COMPLETE
    assert without.separation.rows == len(y) - 1
    weight[3] = 1e-6
    assert logloss.fit(X, y, sample_weight=weight).separation.exists is True


def dummy(n: int = 200, share: float = 1.0) -> tuple[Array, Array]:
    """A column of zeros and ones (20 of them) that has only positive labels."""
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.standard_normal((n, 2)), np.arange(n) < 20])
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
    y[:20] = share
    return X, y


@pytest.mark.parametrize("scale", [1e-9, 1.0 / 200, 1.0, 1e6])
@pytest.mark.parametrize("solver", ["auto", "newton-cg", "lbfgs"])
def test_weights_of_any_size_do_not_hide_it(scale: float, solver: str) -> None:
    """Small weights end a fit early, where log odds of 7 look like any other."""
    X, y = dummy()
    found = logloss.fit(X, y, sample_weight=np.full(len(y), scale), solver=solver).separation
    assert found.columns == {"x2": math.inf}
    assert found.first_rows == tuple(range(10))
    assert found.direction == {"x2": 1.0}


def test_estimates_are_those_without_the_column_and_its_rows() -> None:
    X, y = dummy()
    found = logloss.fit(X, y).separation
    ones = np.ones(len(y) - 20)
    beta, errors, _ = limit(np.column_stack([X[20:, :2], ones]), y[20:], ones, 0.0)
    for name, value, error in zip(["x0", "x1", "(intercept)"], beta, errors, strict=True):
        assert found.estimates[name] == pytest.approx(value, rel=1e-11)
        assert found.standard_errors[name] == pytest.approx(error, rel=1e-8)
    assert found.standard_errors["x2"] == found.estimates["x2"] == math.inf


def test_the_model_predicts_the_limit() -> None:
    X, y = dummy()
    model = logloss.fit(X, y)
    p = model.predict_proba(X)
    assert p[:20].min() > 1.0 - 1e-9
    np.testing.assert_allclose(
        p[20:], logloss.fit(X[20:, :2], y[20:]).predict_proba(X[20:, :2]), atol=1e-6
    )
    assert model.certificate.relative_gap < 1e-6


def test_soft_labels_and_offsets() -> None:
    X, y = dummy(share=0.99)
    assert logloss.fit(X, y).separation.exists is True
    X, y = dummy()
    found = logloss.fit(X, y, offset=5.0 * X[:, 0] - 30.0 * X[:, 2]).separation
    assert found.columns == {"x2": math.inf}


def test_aliased_columns() -> None:
    X, y = dummy()
    twice = np.column_stack([X, 1.0 - X[:, 2]])
    found = logloss.fit(twice, y).separation
    assert found.columns == {"x2": math.inf}
    assert math.isnan(found.estimates["x3"])
    overlap = y.copy()
    overlap[4] = 0.0
    assert logloss.fit(twice, overlap).separation.exists is True


@pytest.mark.parametrize(("bound", "exists"), [((None, 3.0), True), ((0.0, None), False)])
def test_bounds_on_the_side_where_it_goes(bound: Any, exists: bool) -> None:
    X, y = dummy()
    found = logloss.fit(X, y, bounds=[None, None, bound]).separation
    assert found.exists is exists


def test_only_unpenalised_columns_can_be_infinite() -> None:
    X, y = dummy()
    assert logloss.fit(X, y, C=1.0).separation.exists is True
    found = logloss.fit(X, y, l2=0.1, penalty_factors=[1, 1, 0]).separation
    assert found.columns == {"x2": math.inf}
    found = logloss.fit(X, y, l1=0.01, penalty_factors=[1, 1, 0]).separation
    assert found.columns == {"x2": math.inf}
    assert logloss.fit(X, y, l1=0.01, penalty_factors=[0, 0, 1]).separation.exists is True


@pytest.mark.parametrize("store", [np.asarray, sp.csr_array, sp.csc_array, np.asfortranarray])
def test_every_storage(store: Callable[[Array], Any]) -> None:
    X, y = dummy()
    assert logloss.fit(store(X), y).separation.columns == {"x2": math.inf}


@pytest.mark.parametrize("y0", [0.0, 1.0])
def test_far_columns_and_units(y0: float) -> None:
    """Years, millions and millionths: rounding must not look like overlap, nor hide it."""
    X, y = dummy()
    X = X * [1e6, 1e-6, 1.0] + [3e6, 2000.0, 0.0]
    y = y if y0 else 1.0 - y
    found = logloss.fit(X, y).separation
    assert found.columns == {"x2": math.inf if y0 else -math.inf}
    y[7] = 1.0 - y[7]
    assert logloss.fit(X, y).separation.exists is True


def test_a_row_far_on_the_wrong_side_is_overlap() -> None:
    """Its p(1 − p) is 0 in floating point, and yet there is an estimate, and a proof."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 4))
    z = X @ [1.0, -2.0, 0.5, 3.0]
    y = (z > 0.0) * 1.0
    y[z.argmax()] = 0.0
    model = logloss.fit(X, y)
    p = model.predict_proba(X[[z.argmax()]])
    assert p[0] > 1.0 - 1e-12
    assert "dual problem proves it" in model.separation.proof


def test_levels_of_a_factor() -> None:
    """300 levels, three of them without a positive label: found early, and only those."""
    rng = np.random.default_rng(0)
    level = rng.integers(0, 300, 30_000)
    y = (rng.random(len(level)) < 0.3) * 1.0
    y[np.isin(level, [34, 44, 172])] = 0.0
    one = sp.csr_array((np.ones(len(y)), (np.arange(len(y)), level)))[:, 1:]
    model = logloss.fit(one, y)
    assert model.separation.columns == {f"x{j - 1}": -math.inf for j in (34, 44, 172)}
    assert len(model.history) < 15
    y[level == 0] = 0.0  # the level that the others are compared with
    assert len(logloss.fit(one, y).separation.columns) == 300


def test_two_directions_one_behind_the_other() -> None:
    """Once x2 has told its rows apart, x1 tells those that are left apart."""
    x1 = np.array([-2.0, -1, 1, 2, -3, 3, 0, 0, 0, 0])
    x2 = np.array([0.0, 0, 0, 0, 1, 1, 0, 0, 0, 0])
    y = np.array([0.0, 0, 1, 1, 1, 1, 0, 1, 0, 1])
    found = logloss.fit(np.column_stack([x1, x2]), y).separation
    assert found.columns == {"x1": math.inf, "x2": math.inf} or set(found.columns) == {"x0", "x1"}
    assert found.rows == 6
    assert found.estimates["(intercept)"] == pytest.approx(0.0, abs=1e-9)


def test_endometrial(data_file: Callable[[str], Path]) -> None:
    """R's detectseparation 0.3, data(endometrial): NV Inf, the others 0.

    The limits are those of brglm2's vignette: glm(HG ~ NV + PI + EH) has 4.30452, -0.04218 and
    -2.90261 (standard errors 1.63730, 0.04433, 0.84555 there, at a finite NV of 18.2).
    """
    model = logloss.fit(data_file("endometrial.csv"), "HG", exclude=["rownames"])
    found = model.separation
    assert found.kind is Kind.QUASI
    assert found.columns == {"NV": math.inf}
    assert found.rows == 13
    limits = {"(intercept)": 4.30452, "PI": -0.04218, "EH": -2.90261}
    for name, value in limits.items():
        assert found.estimates[name] == pytest.approx(value, abs=5e-6)
    lines = str(model.summary()).splitlines()
    assert [line.split() for line in lines if line.startswith("  NV ")] == [["NV", "inf", "inf"]]
    assert "NV (+inf)" in " ".join(str(model.summary()).split())
    assert "firth=True" in found.text


def test_agaricus(data_file: Callable[[str], Path]) -> None:
    X, y = load_svmlight_file(str(data_file("agaricus-train.svm.gz")))
    found = logloss.fit(X, y).separation
    assert found.kind is Kind.COMPLETE
    assert found.rows == len(y)


@pytest.mark.parametrize("name", ["birthwt.csv", "pima.csv"])
def test_real_data_with_an_estimate(name: str, data_file: Callable[[str], Path]) -> None:
    import pandas as pd

    table = pd.read_csv(data_file(name)).select_dtypes("number")
    target = "low" if "low" in table else table.columns[-1]
    table = table.drop(columns=[c for c in ("bwt", "rownames") if c in table])
    assert logloss.fit(table, target).separation.exists is True


def test_four_traps() -> None:
    """80 rows, a column of zeros and ones whose ones are all positive.

    statsmodels' GLM reports 23.4 for it, converged; its Logit 24.8; scikit-learn 10.0 and 9.1; glum
    10.1, 25 standard errors from 0. It is infinite.
    """
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal(80), np.arange(80) < 12])
    y = (X[:, 0] + rng.logistic(size=80) > 0) * 1.0
    y[:12] = 1.0
    for solver in ("auto", "newton", "lbfgs", "newton-cg"):
        model = logloss.fit(X, y, solver=solver)
        assert model.separation.columns == {"x1": math.inf}
        assert model.separation.standard_errors["x1"] == math.inf
        assert "x1 (+inf)" in str(model.summary())


def test_a_slow_solver_is_judged_too() -> None:
    X, y = dummy()
    model = logloss.fit(X, y, solver="gd", max_iter=3)
    assert model.certificate.status is Status.BUDGET
    assert model.separation.columns == {"x2": math.inf}


def test_saved_with_the_model(tmp_path: Path) -> None:
    X, y = dummy()
    model = logloss.fit(X, y)
    model.save(tmp_path / "model.json")
    assert logloss.load(tmp_path / "model.json").separation == model.separation
    late = logloss.fit(X, 1.0 - y, solver="gd", max_iter=3)
    late.save(tmp_path / "late.json")
    with pytest.raises(UsageError, match="attach"):
        logloss.load(tmp_path / "late.json").separation  # noqa: B018


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
def test_a_damaged_verdict_is_refused(value: Any) -> None:
    X, y = dummy()
    document = logloss.fit(X, y).fitted.to_json()
    document["separation"]["exists"] = value
    with pytest.raises(logloss.ModelFileError, match="separation"):
        Fitted.from_json(document)
    document["separation"] = Separation(True, Kind.NONE, "words").to_json() | {"kind": "some"}
    with pytest.raises(logloss.ModelFileError, match="kind"):
        Fitted.from_json(document)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [5, 9000])
def test_margin_kernel(n: int, weighted: bool) -> None:
    """Against the formulas, in NumPy."""
    rng = np.random.default_rng(n)
    z, x, at = rng.standard_normal((3, n)) * [[3.0], [0.5], [3.0]]
    y = rng.choice([0.0, 1.0, 0.3], n)
    s = rng.choice([0.0, 0.5, 2.0], n) if weighted else np.ones(n)
    rows = _kernels.Observations(y, s if weighted else None, None)
    found = _kernels.dual_margin(rows, z, x, 0.125, 1.0, at, 2)
    least, pearson, absolute, square, steepest = found
    p, w = 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(-at)) / (1 + np.exp(at))
    t = p - p * (1 - p) * (x + 0.125)
    on = s > 0
    margin = np.minimum(t, 1 - t)[on] * np.sqrt(s[on] / w[on])
    np.testing.assert_allclose(least, max(margin.min(), 0.0), rtol=1e-9)
    np.testing.assert_allclose(pearson, (s * (t - y) ** 2 / w).sum(), rtol=1e-12)
    np.testing.assert_allclose(absolute, (s * np.abs(t - y)).sum(), rtol=1e-12)
    if margin.min() > 0.0:
        moves = np.abs(np.log(t) - np.log1p(-t) - z)
        assert (s * w * moves**2).sum() <= square <= 4.0 * (s * w * moves**2).sum()
        np.testing.assert_allclose(steepest, (w / np.minimum(t, 1 - t))[on].max(), rtol=1e-9)
    else:
        assert steepest == np.inf
    assert _kernels.dual_margin(rows, z, x, 0.125, 1.0, at, 1) == found
    far = _kernels.dual_margin(rows, z, x + 1e3, 0.0, 1.0, at, 1)
    assert far[0] == 0.0 and far[4] == np.inf


@pytest.mark.parametrize("scale", [0.25, 0.999])
def test_margin_kernel_at_a_scaled_point(scale: float) -> None:
    """t = y + c·r', against the formulas, in NumPy."""
    rng = np.random.default_rng(7)
    z, x = rng.standard_normal((2, 500)) * [[3.0], [0.2]]
    y = rng.choice([0.0, 1.0, 0.3], 500)
    p = 1 / (1 + np.exp(-z))
    w = p * (1 - p)
    u = scale * (p - y - w * x)
    t = y + u
    found = _kernels.dual_margin(_kernels.Observations(y), z, x, 0.0, scale, z, 2)
    moves = np.abs(np.log(t) - np.log1p(-t) - z)
    near = np.minimum(t, 1 - t)
    np.testing.assert_allclose(found[0], (near / np.sqrt(w)).min(), rtol=1e-9)
    np.testing.assert_allclose(found[1], (u**2 / w).sum(), rtol=1e-11)
    np.testing.assert_allclose(found[2], np.abs(u).sum(), rtol=1e-12)
    assert found[3] >= (w * moves**2).sum()
    np.testing.assert_allclose(found[4], (w / near).max(), rtol=1e-9)
