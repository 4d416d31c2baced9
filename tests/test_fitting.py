"""What must not change a fit, what other programs find, and options that cannot be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from problems import PROBLEMS
from sklearn.datasets import load_breast_cancer, load_svmlight_file
from sklearn.linear_model import LogisticRegression as Peer

import logloss
from logloss.errors import DataError, UsageError
from logloss.record.proof import Status

Array = NDArray[np.float64]


def draw(n: int = 300, d: int = 5, seed: int = 0) -> tuple[Array, NDArray[np.int64], Array]:
    """Correlated columns, labels that overlap, and whole weights, zeros among them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)
    y = (X @ rng.standard_normal(d) / d + rng.logistic(size=n) > 0.3).astype(np.int64)
    return X, y, rng.integers(0, 4, n).astype(np.float64)


X, Y, S = draw()


def fit(X: Any, y: Any, **options: Any) -> logloss.Model:
    model = logloss.fit(X, y, **({"tol": 1e-14, "n_threads": 1} | options))
    assert model.certificate.status is Status.CERTIFIED, model.certificate
    return model


def assert_close(a: Array, b: Array, rtol: float = 1e-6) -> None:
    """Every coefficient within a share of the largest: that is what a gap of 1e-14 promises."""
    np.testing.assert_allclose(a, b, rtol=0.0, atol=rtol * float(np.abs(b).max()))


def assert_same(first: logloss.Model, second: logloss.Model, rtol: float = 1e-6) -> None:
    a, b = first.fitted, second.fitted
    assert_close(a.coefficients, b.coefficients, rtol)
    assert a.intercept == pytest.approx(b.intercept, rel=rtol, abs=1e-6)
    assert a.objective == pytest.approx(b.objective, rel=1e-12)


PENALTIES: Mapping[str, dict[str, Any]] = {
    "none": {},
    "C": {"C": 0.3},
    "l2": {"l2": 0.01},
    "standardize": {"C": 0.3, "standardize": True},
    "factors": {"C": 0.3, "penalty_factors": [0.0, 1.0, 2.0, 3.0, 0.0]},
}
each_penalty = pytest.mark.parametrize("options", PENALTIES.values(), ids=list(PENALTIES))


# ---- what must not change a fit


@each_penalty
def test_a_weight_is_a_repeated_row(options: dict[str, Any]) -> None:
    times = S.astype(np.int64)
    assert_same(
        fit(X, Y, sample_weight=S, **options),
        fit(np.repeat(X, times, axis=0), np.repeat(Y, times), **options),
    )


@each_penalty
def test_rows_in_any_order(options: dict[str, Any]) -> None:
    order = np.random.default_rng(1).permutation(len(Y))
    assert_same(
        fit(X, Y, sample_weight=S, **options),
        fit(X[order], Y[order], sample_weight=S[order], **options),
    )


@each_penalty
def test_columns_in_any_order(options: dict[str, Any]) -> None:
    order = [3, 0, 4, 2, 1]
    turned = dict(options)
    if "penalty_factors" in options:
        turned["penalty_factors"] = [options["penalty_factors"][j] for j in order]
    a, b = fit(X, Y, **options), fit(X[:, order], Y, **turned)
    assert_close(a.fitted.coefficients[order], b.fitted.coefficients)
    assert a.intercept == pytest.approx(b.intercept, rel=1e-6)


@each_penalty
def test_the_other_class_has_the_opposite_coefficients(options: dict[str, Any]) -> None:
    a, b = fit(X, Y, **options), fit(X, 1 - Y, **options)
    c = fit(X, Y, positive=0, **options)
    assert_close(a.fitted.coefficients, -b.fitted.coefficients)
    assert a.intercept == pytest.approx(-b.intercept, rel=1e-6)
    assert_same(b, c)


@pytest.mark.parametrize("options", [{}, {"C": 0.3, "standardize": True}], ids=["none", "scaled"])
def test_columns_in_other_units(options: dict[str, Any]) -> None:
    unit, shift = 10.0 ** np.arange(-6, 9, 3), np.array([0.0, 1e3, -1.0, 1e6, 1e9])
    a, b = fit(X, Y, **options), fit(X * unit + shift, Y, **(options | {"tol": 1e-10}))
    assert_close(a.fitted.coefficients, b.fitted.coefficients * unit, 1e-5)
    assert a.fitted.objective == pytest.approx(b.fitted.objective, rel=1e-9)


def test_standardize_is_manual_scaling() -> None:
    """By the weighted population standard deviation; reported on the columns as they came."""
    mean = S @ X / S.sum()
    deviation = np.sqrt(S @ (X - mean) ** 2 / S.sum())
    a = fit(X, Y, sample_weight=S, C=0.1, standardize=True)
    b = fit((X - mean) / deviation, Y, sample_weight=S, C=0.1)
    assert_close(a.fitted.coefficients, b.fitted.coefficients / deviation)
    raw = b.intercept - mean @ (b.fitted.coefficients / deviation)
    assert a.intercept == pytest.approx(raw, rel=1e-6)
    assert a.fitted.objective == pytest.approx(b.fitted.objective, rel=1e-12)


def test_l2_on_the_mean_loss_is_c_by_the_weight_sum() -> None:
    a = fit(X, Y, sample_weight=S, C=2.0)
    assert_same(a, fit(X, Y, sample_weight=S, l2=1.0 / (2.0 * S.sum())))
    assert_same(a, fit(X, Y, sample_weight=10.0 * S, C=0.2))


@pytest.mark.parametrize("weights", [None, S], ids=["plain", "weighted"])
def test_class_weights_are_weights(weights: Array | None) -> None:
    s = np.ones(len(Y)) if weights is None else weights
    by_hand = s * np.where(Y == 1, 5.0, 0.25)
    given = fit(X, Y, sample_weight=weights, class_weight={1: 5.0, 0: 0.25}, C=0.7)
    assert_same(given, fit(X, Y, sample_weight=by_hand, C=0.7))
    assert given.fitted.weight_sum == pytest.approx(by_hand.sum())
    share = s @ Y / s.sum()
    balanced = s * np.where(Y == 1, 0.5 / share, 0.5 / (1.0 - share))
    same = fit(X, Y, sample_weight=weights, class_weight="balanced", C=0.7)
    assert_same(same, fit(X, Y, sample_weight=balanced, C=0.7))
    assert same.fitted.positive_share == pytest.approx(0.5)


def test_a_class_that_is_not_named_keeps_its_weight() -> None:
    assert_same(
        fit(X, Y, class_weight={1: 3.0}), fit(X, Y, sample_weight=np.where(Y == 1, 3.0, 1.0))
    )


def test_class_weights_by_label() -> None:
    label = np.where(Y == 1, "yes", "no")
    a = fit(X, label, class_weight={"yes": 2.0})
    assert a.classes == ("no", "yes")
    assert_same(a, fit(X, Y, class_weight={1: 2.0}))


def test_weights_and_offset_by_name_and_by_array() -> None:
    offset = np.random.default_rng(2).standard_normal(len(Y))
    table = pd.DataFrame(X, columns=list("abcde"))
    whole = table.assign(y=Y, s=S, o=offset)
    a = fit(whole, "y", sample_weight="s", offset="o", C=1.0)
    assert list(a.coefficients) == list("abcde")
    assert_same(a, fit(X, Y, sample_weight=S, offset=offset, C=1.0))


def test_an_offset_is_a_column_with_the_coefficient_one() -> None:
    """With a column and its own coefficient for an offset, the rest stays the same."""
    free = fit(X, Y)
    last = free.fitted.coefficients[-1]
    fixed = fit(X[:, :-1], Y, offset=last * X[:, -1])
    np.testing.assert_allclose(fixed.fitted.coefficients, free.fitted.coefficients[:-1], rtol=1e-6)
    assert fixed.intercept == pytest.approx(free.intercept, rel=1e-6)
    shifted = fit(X, Y, offset=np.full(len(Y), 0.75))
    assert shifted.intercept == pytest.approx(free.intercept - 0.75, rel=1e-6)


def test_penalty_factors_by_name() -> None:
    by_place = fit(X, Y, C=0.1, penalty_factors=[1.0, 0.0, 1.0, 5.0, 1.0])
    by_name = fit(X, Y, C=0.1, penalty_factors={"x3": 5.0, "x1": 0.0})
    assert by_place.fitted.coefficients.tobytes() == by_name.fitted.coefficients.tobytes()
    ones = fit(X, Y, C=0.1, penalty_factors=np.ones(5))
    assert ones.fitted.coefficients.tobytes() == fit(X, Y, C=0.1).fitted.coefficients.tobytes()


def test_soft_labels_are_two_rows_each() -> None:
    soft = np.random.default_rng(3).random(len(Y))
    both = np.concatenate([soft, 1.0 - soft])
    labels = np.repeat([1, 0], len(Y))
    assert_same(fit(X, soft, C=1.0), fit(np.vstack([X, X]), labels, sample_weight=both, C=1.0))


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "newton-cg"])
def test_a_warm_start_takes_fewer_reads(solver: str) -> None:
    near = logloss.fit(X, Y, C=1.0, solver=solver)
    cold = logloss.fit(X, Y, C=1.2, solver=solver)
    warm = logloss.fit(X, Y, C=1.2, solver=solver, start=near)
    again = logloss.fit(X, Y, C=1.2, solver=solver, start=warm)
    assert warm.certificate.status is Status.CERTIFIED
    assert again.certificate.data_reads <= warm.certificate.data_reads
    assert warm.certificate.data_reads < cold.certificate.data_reads
    assert warm.history[0].loss < cold.history[0].loss
    assert warm.fitted.objective == pytest.approx(cold.fitted.objective, rel=1e-6)


def test_a_start_is_matched_by_name() -> None:
    table = pd.DataFrame(X, columns=list("abcde"))
    start = logloss.fit(table, Y)
    turned = logloss.fit(table[list("ecabd")], Y, start=start)
    assert turned.history[0].loss == pytest.approx(start.fitted.objective, rel=1e-9)


# ---- what other programs find


def test_statsmodels_finds_the_same() -> None:
    offset = np.random.default_rng(4).standard_normal(len(Y))
    peer = sm.GLM(
        Y, sm.add_constant(X), family=sm.families.Binomial(), offset=offset, freq_weights=S
    ).fit(tol=1e-13)
    ours = fit(X, Y, offset=offset, sample_weight=S)
    assert_close(ours.fitted.coefficients, peer.params[1:])
    assert ours.intercept == pytest.approx(peer.params[0], rel=1e-6)
    assert ours.fitted.loss == pytest.approx(-peer.llf / S.sum(), rel=1e-12)


def test_statsmodels_finds_the_same_of_soft_labels() -> None:
    soft = np.random.default_rng(5).random(len(Y))
    peer = sm.GLM(soft, X, family=sm.families.Binomial()).fit(tol=1e-13)
    ours = fit(X, soft, fit_intercept=False)
    assert_close(ours.fitted.coefficients, peer.params)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_scikit_learn_finds_the_same(C: float, intercept: bool) -> None:
    data, label = load_breast_cancer(return_X_y=True)
    data = data / data.std(axis=0)
    peer = Peer(C=C, solver="newton-cholesky", tol=1e-12, fit_intercept=intercept, max_iter=500)
    peer.fit(data, label)
    ours = fit(data, label, C=C, fit_intercept=intercept)
    assert_close(ours.fitted.coefficients, peer.coef_[0])
    if intercept:
        assert ours.intercept == pytest.approx(peer.intercept_[0], rel=1e-6)


def test_ill_conditioned_columns_as_they_come() -> None:
    """Breast cancer unscaled, with the same penalty as on scaled columns."""
    data, label = load_breast_cancer(return_X_y=True)
    scale = data.std(axis=0)
    factors = scale**2
    raw = fit(data, label, C=1e4, penalty_factors=factors, tol=1e-9)
    scaled = fit(data / scale, label, C=1e4, tol=1e-9)
    assert raw.fitted.objective == pytest.approx(scaled.fitted.objective, rel=2e-9)
    assert raw.certificate.data_reads <= scaled.certificate.data_reads + 6


# ---- what is reported


def test_losses_that_are_reported() -> None:
    model = fit(X, Y, sample_weight=S, C=0.5)
    probability = model.predict_proba(X)
    loss = logloss.bce(Y, probability, sample_weight=S)
    assert model.fitted.loss == pytest.approx(loss, rel=1e-12)
    penalty = (model.fitted.coefficients**2).sum() / (2.0 * 0.5 * S.sum())
    assert model.fitted.objective == pytest.approx(loss + penalty, rel=1e-12)
    share = S @ Y / S.sum()
    assert model.fitted.positive_share == pytest.approx(share)
    assert model.fitted.null_loss == pytest.approx(
        logloss.bce(Y, share, sample_weight=S), rel=1e-12
    )
    assert model.fitted.weight_sum == S.sum()
    assert model.fitted.n_rows == np.count_nonzero(S)
    without = fit(X, Y, fit_intercept=False)
    assert without.intercept == 0.0
    assert without.fitted.null_loss == pytest.approx(math.log(2.0))


def test_null_loss_with_an_offset_is_that_of_the_best_intercept() -> None:
    offset = np.random.default_rng(6).standard_normal(len(Y)) * 2.0
    model = fit(X, Y, offset=offset, sample_weight=S)
    alone = fit(np.zeros((len(Y), 1)), Y, offset=offset, sample_weight=S)
    assert model.fitted.null_loss == pytest.approx(alone.fitted.objective, rel=1e-10)


# ---- options that cannot be


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"C": 0.0}, "C must be positive"),
        ({"C": -1.0}, "C must be positive"),
        ({"C": math.nan}, "C must be positive"),
        ({"l2": -0.1}, "l2"),
        ({"l2": math.inf}, "l2"),
        ({"C": 1.0, "l2": 0.1}, "C and l2"),
        ({"l1": 0.1, "solver": "lbfgs"}, "lbfgs cannot take an L1 penalty"),
        ({"C": 1.0, "l1_ratio": 0.5, "solver": "newton-cg"}, "the solvers that can"),
        ({"bounds": {"x0": "+"}, "solver": "newton"}, "or bounds"),
        ({"bounds": {"x9": "+"}}, "x9"),
        ({"bounds": {"x0": "positive"}}, "a sign"),
        ({"bounds": {"x0": (1.0, 0.0)}}, "nothing between"),
        ({"bounds": [(0.0, 1.0)]}, "bounds has 1 entries, not 5"),
        ({"C": 1.0, "l1_ratio": 1.5}, "l1_ratio"),
        ({"tol": 0.0}, "tol"),
        ({"tol": math.nan}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"n_threads": 0}, "n_threads"),
        ({"time_budget": 0.0}, "time_budget"),
        ({"time_budget": math.nan}, "time_budget"),
        ({"solver": "newtn"}, "newtn"),
        ({"penalty_factors": [1.0, 2.0]}, "penalty_factors"),
        ({"penalty_factors": [1.0, 2.0, 3.0, 4.0, -1.0]}, "penalty_factors"),
        ({"penalty_factors": [1.0, 2.0, 3.0, 4.0, math.nan]}, "penalty_factors"),
        ({"penalty_factors": {"x9": 1.0}}, "x9"),
        ({"class_weight": "balance"}, "balance"),
        ({"class_weight": {2: 1.0}}, "2"),
        ({"class_weight": {1: -1.0}}, "-1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        logloss.fit(X, Y, **options)


def test_a_misspelt_solver_is_corrected() -> None:
    with pytest.raises(UsageError, match="did you mean 'newton'"):
        logloss.fit(X, Y, solver="newtn")


def test_class_weights_need_labels() -> None:
    with pytest.raises(UsageError, match="labels"):
        logloss.fit(X, np.linspace(0.0, 1.0, len(Y)), class_weight="balanced")


def test_class_weights_that_leave_nothing() -> None:
    with pytest.raises((DataError, UsageError)):
        logloss.fit(X, Y, class_weight={0: 0.0, 1: 0.0})


# ---- real data: reads to a certified 1e-6


@pytest.mark.parametrize("C", [1.0, math.inf])
def test_brfss_in_seven_reads(C: float, data_file: Callable[[str], Path]) -> None:
    model = logloss.fit(data_file("brfss2015.csv.gz"), "Diabetes_binary", C=C)
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.relative_gap <= 1e-6
    assert model.certificate.data_reads <= 7


def test_a9a(data_file: Callable[[str], Path]) -> None:
    """Sparse and of deficient rank; the optimum as scikit-learn's best solver finds it."""
    matrix, y = load_svmlight_file(str(data_file("a9a.svm.gz")))
    model = logloss.fit(matrix, y, C=1.0)
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.data_reads <= 20
    peer = Peer(C=1.0, solver="newton-cholesky", tol=1e-10).fit(matrix.toarray(), y)
    value = logloss.bce(y > 0, peer.predict_proba(matrix)[:, 1])
    value += (peer.coef_**2).sum() / (2.0 * len(y))
    excess = model.fitted.objective - value
    assert -1e-13 <= excess <= model.certificate.gap + 1e-13


def test_kddcup_in_forty_reads(data_file: Callable[[str], Path]) -> None:
    """Numeric columns scaled, dummies of the text columns: near separation, scales of 0 to 1e9."""
    table = pd.read_csv(data_file("kddcup99-10pct.csv.gz"), header=None, nrows=120_000)
    target = (table.pop(41) != "normal.").to_numpy().astype(np.int64)
    numeric = table.select_dtypes("number")
    numeric = (numeric - numeric.mean()) / numeric.std(ddof=0).replace(0.0, 1.0)
    dummies = pd.get_dummies(table[[1, 2, 3]], dtype=np.float64)
    matrix = np.hstack([numeric.to_numpy(), dummies.to_numpy()])
    model = logloss.fit(matrix, target, C=1.0)
    assert model.certificate.status is Status.CERTIFIED
    assert model.certificate.data_reads <= 40


def test_problems_have_the_labels_they_say() -> None:
    """The table of problems itself: both labels are among the rows that count."""
    for name, problem in PROBLEMS.items():
        kept = problem.s > 0.0
        assert problem.y[kept].min() == 0.0 < problem.y[kept].max() == 1.0, name
        assert np.isfinite(problem.X).all(), name
