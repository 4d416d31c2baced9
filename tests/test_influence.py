"""Influence: against R's glm, statsmodels, and fits without each row."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp
import statsmodels.api as sm
from numpy.typing import NDArray
from problems import STORAGES

import logloss
from logloss.bernoulli import bce_with_logits
from logloss.cli import main
from logloss.errors import UsageError
from logloss.inference.influence import Influence

Array = NDArray[np.float64]

# d <- read.csv("birthwt.csv"); n <- nrow(d)
# m <- glm(low ~ age + lwt + race + smoke + ptl + ht + ui + ftv, family = binomial, data = d,
#          weights = w, control = glm.control(epsilon = 1e-15, maxit = 100))
# with w = 1, and w = 0.5 + (1:n)/n; i <- c(94, 13, 147, 1, 189); R 4.2.2, %.13g
# hatvalues(m)[i]; cooks.distance(m)[i]; rstandard(m)[i]; rstandard(m, type = "pearson")[i]
# r <- residuals(m, "response") * w
# ((model.matrix(m) %*% vcov(m)) * (r/(1 - hatvalues(m))))[94, ] / sqrt(diag(vcov(m)))
ROWS = [93, 12, 146, 0, 188]
OF_R: dict[bool, tuple[list[float], ...]] = {
    False: (
        [0.1349672530657, 0.1081816457641, 0.07449031568253, 0.0674450098721, 0.136928237597],
        [0.09799041674601, 0.04757282711708, 0.04567653824194, 0.002155779360857,
         0.007744132024227],
        [-2.024760502881, -1.786130284862, 1.941998934492, -0.6920014744877, 0.8631020068844],
        [-2.377470445333, -1.878720379015, 2.259999910961, -0.517947478881, 0.662803165011],
        [
            -0.07995413939683, 0.006711105360932, 0.08002581681173, 0.1563622652459,
            0.02743810895855, -0.8000523584928, -0.03488204707214, -0.1878579407796,
            0.09021219250147,
        ],
    ),
    True: (
        [0.09374322464485, 0.04369430422179, 0.1157728216567, 0.04072220697736, 0.1388139599276],
        [0.1104204618055, 0.01690216196437, 0.06519275253343, 0.000965775753452, 0.006292633658117],
        [-2.23781131275, -1.498108156185, 2.019581231504, -0.5881696845766, 0.8000706671221],
        [-3.099571958449, -1.824644831968, 2.116896059085, -0.4524972514819, 0.5927470456615],
        [
            -0.09092035365829, 0.0332025346196, 0.08404734002403, 0.1529290897648,
            0.01874338396007, -0.845764577314, -0.03702826482076, -0.2447441352315,
            0.08361003584805,
        ],
    ),
}  # fmt: skip


def birthwt(path: Path) -> pd.DataFrame:
    return pd.read_csv(path).drop(columns=["rownames", "bwt"])


@pytest.mark.parametrize("weighted", [False, True])
def test_it_agrees_with_r(data_file: Callable[[str], Path], weighted: bool) -> None:
    d = birthwt(data_file("birthwt.csv"))
    w = 0.5 + np.arange(1, len(d) + 1) / len(d) if weighted else None
    i = logloss.fit(d, "low", sample_weight=w).influence()
    hat, cook, deviance, pearson, pull = OF_R[weighted]
    np.testing.assert_allclose(i.leverages[ROWS], hat, rtol=1e-9)
    np.testing.assert_allclose(i.cooks_distance[ROWS], cook, rtol=1e-9)
    np.testing.assert_allclose(i.deviance_residuals[ROWS], deviance, rtol=1e-10)
    np.testing.assert_allclose(i.pearson_residuals[ROWS], pearson, rtol=1e-10)
    # R takes the Hessian one step before its last point: nine digits
    np.testing.assert_allclose(np.roll(i.dfbetas([93])[0], 1), pull, rtol=1e-8)
    assert i.degrees_of_freedom == 9.0
    assert i.leverages.sum() == pytest.approx(9.0, rel=1e-12)


def test_it_agrees_with_statsmodels_on_all_rows(data_file: Callable[[str], Path]) -> None:
    d = birthwt(data_file("birthwt.csv"))
    i = logloss.fit(d, "low").influence()
    X = sm.add_constant(d.drop(columns="low"))
    theirs = sm.GLM(d["low"], X, family=sm.families.Binomial()).fit(tol=1e-14).get_influence()
    np.testing.assert_allclose(i.leverages, theirs.hat_matrix_diag, rtol=1e-9)
    np.testing.assert_allclose(i.cooks_distance, theirs.cooks_distance[0], rtol=1e-9)
    np.testing.assert_allclose(i.pearson_residuals, theirs.resid_studentized, rtol=1e-9)
    np.testing.assert_allclose(
        np.roll(i.dfbetas(range(len(d))), 1, axis=1), theirs.dfbetas, rtol=1e-8, atol=1e-12
    )


def problem(n: int = 60, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((n, 3)) * 64.0) / 64.0
    X[rng.random(X.shape) < 0.3] = 0.0
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-X @ [1.0, -0.5, 0.3]))).astype(float)
    return X, y


@pytest.mark.parametrize("storage", STORAGES)
def test_all_storages_give_the_same(storage: str) -> None:
    X, y = problem()
    plain = logloss.fit(X, y, C=2.0).influence()
    other = logloss.fit(STORAGES[storage](X), y, C=2.0).influence()
    for name in ("leverages", "cooks_distance", "pearson_residuals", "deviance_residuals"):
        np.testing.assert_allclose(getattr(other, name), getattr(plain, name), rtol=1e-9)
    np.testing.assert_allclose(other.dfbetas([0, 7]), plain.dfbetas([0, 7]), rtol=1e-8)
    one, two = plain.top(3).to_pydict(), other.top(3).to_pydict()
    assert one["row"] == two["row"]
    values = np.column_stack([two[name] if name in two else np.zeros(3) for name in one][-3:])
    assert values.shape == (3, 3)
    row = one["row"][0]
    in_table = [float(two[f"x{j}"][0]) if f"x{j}" in two else 0.0 for j in range(3)]
    np.testing.assert_allclose(in_table, X[row])


@pytest.mark.parametrize("C", [math.inf, 0.5])
@pytest.mark.parametrize("weighing", [None, "whole", "parts"])
def test_it_is_near_the_fit_without_the_row(C: float, weighing: str | None) -> None:
    """One Newton step from the optimum, taken by the naive formula; and nearly the exact refit."""
    X, y = problem(200)
    rng = np.random.default_rng(5)
    s = {None: np.ones(200), "whole": rng.integers(1, 4, 200), "parts": rng.random(200) + 0.5}[
        weighing
    ].astype(float)
    given = None if weighing is None else s
    model = logloss.fit(X, y, sample_weight=given, C=C, tol=1e-14)
    i = model.influence()
    A = np.c_[X, np.ones(200)]
    z = model.decision_function(X)
    p = 1.0 / (1.0 + np.exp(-z))
    ridge = np.diag([0.0 if math.inf == C else 1.0 / C] * 3 + [0.0])
    M = (A.T * (s * p * (1 - p))) @ A + ridge
    for row in (0, 50, 199):
        k = s[row] if weighing == "parts" else 1.0
        x = A[row]
        less = M - k * p[row] * (1 - p[row]) * np.outer(x, x)
        step = np.linalg.solve(less, k * (p[row] - y[row]) * x)  # β without the row, minus β
        np.testing.assert_allclose(i.dfbetas([row], standardized=False)[0], -step, rtol=1e-6)
        df = np.linalg.matrix_rank(M) if math.inf == C else np.trace(np.linalg.solve(M, M - ridge))
        assert i.cooks_distance[row] == pytest.approx(step @ M @ step / df, rel=1e-6)
        assert i.loo_log_odds[row] - i.log_odds[row] == pytest.approx(x @ step, rel=1e-6)
        others = s.copy()
        others[row] -= k
        strength = {} if math.inf == C else {"C": C}
        refit = logloss.fit(X, y, sample_weight=others, tol=1e-12, **strength)
        assert refit.decision_function(X)[row] == pytest.approx(i.loo_log_odds[row], abs=0.02)


def test_the_leave_one_out_loss_is_near_the_exact_one() -> None:
    X, y = problem(80)
    model = logloss.fit(X, y)
    i = model.influence()
    exact = 0.0
    for row in range(80):
        s = np.ones(80)
        s[row] = 0.0
        z = logloss.fit(X, y, sample_weight=s).decision_function(X[[row]])
        exact += float(bce_with_logits(y[[row]], z))
    assert abs(i.loo_log_loss - exact / 80) < 0.1 * (exact / 80 - i.log_loss)
    assert i.log_loss == pytest.approx(model.fitted.loss, rel=1e-6)
    assert i.loo_log_loss > i.log_loss


def test_an_l1_penalty_leaves_the_active_columns() -> None:
    X, y = problem(200)
    wide = np.c_[X, np.random.default_rng(8).standard_normal((200, 5))]
    model = logloss.fit(wide, y, l1=0.03, tol=1e-12)
    active = [j for j, w in enumerate(model.coefficients.values()) if w != 0.0]
    assert 0 < len(active) < 8
    i = model.influence()
    A = np.c_[wide[:, active], np.ones(200)]
    q = i.probabilities * (1 - i.probabilities)
    M = (A.T * q) @ A
    np.testing.assert_allclose(
        i.leverages, q * np.einsum("ij,jk,ik->i", A, np.linalg.inv(M), A), rtol=1e-8
    )
    pulls = i.dfbetas([3])[0]
    assert not pulls[[j for j in range(8) if j not in active]].any()


def test_one_coefficient_over_all_rows() -> None:
    X, y = problem()
    i = logloss.fit(X, y).influence()
    whole, scaled = i.dfbetas(range(60), standardized=False), i.dfbetas(range(60))
    for j, name in enumerate(i.names):
        np.testing.assert_allclose(i.dfbeta(name), whole[:, j], rtol=1e-9)
        np.testing.assert_allclose(i.dfbeta(name, standardized=True), scaled[:, j], rtol=1e-9)
    assert i.names == ("x0", "x1", "x2", "(intercept)")


def test_an_alias_has_no_pull() -> None:
    X, y = problem()
    plain = logloss.fit(X, y).influence()
    i = logloss.fit(np.c_[X, X[:, 0] - X[:, 1]], y).influence()
    assert i.degrees_of_freedom == 4.0
    np.testing.assert_allclose(i.leverages, plain.leverages, rtol=1e-8)
    np.testing.assert_allclose(i.loo_log_odds, plain.loo_log_odds, rtol=1e-6, atol=1e-8)


def test_rows_without_weight_have_no_influence() -> None:
    X, y = problem()
    s = np.ones(60)
    s[[3, 9]] = 0.0
    i = logloss.fit(X, y, sample_weight=s).influence()
    kept = s > 0
    other = logloss.fit(X[kept], y[kept]).influence()
    assert not i.cooks_distance[~kept].any()
    assert np.array_equal(i.loo_log_odds[~kept], i.log_odds[~kept])
    np.testing.assert_allclose(i.cooks_distance[kept], other.cooks_distance, rtol=1e-8)
    for by in ("cook", "leverage", "shift", "residual"):
        assert not {3, 9} & set(i.top(100, by).column("row").to_pylist())
    assert i.top(100).num_rows == 58


def test_units_do_not_matter() -> None:
    X, y = problem()
    plain = logloss.fit(X, y).influence()
    scaled = logloss.fit(X * [1e-4, 1e5, 1.0] + [0.0, 3e6, 0.0], y).influence()
    np.testing.assert_allclose(scaled.leverages, plain.leverages, rtol=1e-7)
    np.testing.assert_allclose(scaled.dfbetas([5])[0, :3], plain.dfbetas([5])[0, :3], rtol=1e-6)


def test_a_loose_fit_is_brought_to_its_minimum() -> None:
    X, y = problem(500)
    loose, tight = (logloss.fit(X, y, solver="lbfgs", tol=t).influence() for t in (1e-3, 1e-13))
    np.testing.assert_allclose(loose.cooks_distance, tight.cooks_distance, rtol=1e-9)


def test_a_fit_that_is_not_certified_stays_where_it_stopped() -> None:
    X, y = problem(500)
    model = logloss.fit(X, y, solver="gd", max_iter=3)
    i = model.influence()
    np.testing.assert_allclose(i.log_odds, model.decision_function(X), rtol=1e-9, atol=1e-12)
    assert "not certified" in str(i)
    told = logloss.fit(X, X[:, 0] > 0).influence()  # separated
    assert not told.certified
    assert "not certified" in str(told)
    assert not np.isnan(told.cooks_distance).any()


def test_soft_labels() -> None:
    X, y = problem()
    soft = 0.8 * y + 0.1
    i = logloss.fit(X, soft).influence()
    fit = sm.GLM(soft, sm.add_constant(X), family=sm.families.Binomial()).fit(tol=1e-14)
    h = fit.get_influence().hat_matrix_diag
    np.testing.assert_allclose(i.deviance_residuals, fit.resid_deviance / np.sqrt(1 - h), rtol=1e-7)
    assert i.top(2).column("label").to_pylist() == soft[i.top(2).column("row")].tolist()


def test_an_offset_is_part_of_the_log_odds() -> None:
    X, y = problem()
    o = np.linspace(-1, 1, 60)
    i = logloss.fit(X, y, offset=o).influence()
    fit = sm.GLM(y, sm.add_constant(X), offset=o, family=sm.families.Binomial()).fit(tol=1e-14)
    np.testing.assert_allclose(i.cooks_distance, fit.get_influence().cooks_distance[0], rtol=1e-8)


def test_the_top_shows_the_rows_as_they_came() -> None:
    X, y = problem()
    frame = pa.table({"age": X[:, 0], "cook": X[:, 1], "z": X[:, 2], "ill": np.where(y, "y", "n")})
    i = logloss.fit(frame, "ill").influence()
    for by, size in {
        "cook": i.cooks_distance,
        "leverage": i.leverages,
        "shift": np.abs(i.loo_log_odds - i.log_odds),
        "residual": np.abs(i.deviance_residuals),
    }.items():
        top = i.top(4, by=by)
        rows = top.column("row").to_pylist()
        assert rows == np.argsort(-size, kind="stable")[:4].tolist()
        assert top.column("age").to_pylist() == X[rows, 0].tolist()
        assert top.column("cook (column)").to_pylist() == X[rows, 1].tolist()
        assert top.column("label").to_pylist() == ["yn"[::-1][int(y[r])] for r in rows]
        assert top.column("place").to_pylist() == [f"row {r}" for r in rows]
    text = str(i)
    assert len(text.splitlines()) == 14
    assert "Cook's distance" in text


def test_wide_sparse_rows_show_what_is_there() -> None:
    X = sp.random(100, 400, 0.01, format="csr", random_state=3)
    y = np.arange(100) % 2
    i = logloss.fit(X, y, C=1.0).influence()
    top = i.top(2)
    rows = top.column("row").to_pylist()
    shown = [name for name in top.column_names if name[0] == "x"]
    assert shown == [f"x{j}" for j in np.flatnonzero(abs(X[rows]).sum(axis=0))]


def test_a_prior_changes_no_influence() -> None:
    X, y = problem()
    plain, told = logloss.fit(X, y), logloss.fit(X, y, prior=0.01)
    assert np.array_equal(plain.influence().cooks_distance, told.influence().cooks_distance)


def test_what_has_no_influence(tmp_path: Path) -> None:
    X, y = problem()
    model = logloss.fit(X, y)
    model.save(tmp_path / "m.json")
    with pytest.raises(UsageError, match="needs the data"):
        logloss.load(tmp_path / "m.json").influence()
    with pytest.raises(UsageError, match="perceptron"):
        logloss.fit(X, y, solver="perceptron", max_iter=3).influence()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda i: i.top(3, by="cok"), "did you mean 'cook'"),
        (lambda i: i.top(0), "k must be"),
        (lambda i: i.dfbeta("x9"), "no coefficient 'x9'"),
        (lambda i: i.dfbetas([60]), "from 0 to 59"),
    ],
)
def test_wrong_questions(ask: Callable[[Influence], Any], words: str) -> None:
    X, y = problem()
    i = logloss.fit(X, y).influence()
    with pytest.raises(UsageError, match=words):
        ask(i)
    assert i.dfbetas([]).shape == (0, 4)


def test_fit_prints_influence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    X, y = problem()
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}).to_csv(path, index=False)
    assert main(["fit", str(path), "--target", "y", "--influence", "3"]) == 0
    out = capfd.readouterr().out
    assert out.count("row ") >= 3
    assert "Influence of single rows" in out
    assert main(["fit", str(path), "--target", "y", "--influence", "3", "--json"]) == 2
