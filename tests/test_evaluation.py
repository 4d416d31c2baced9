"""Measures of probabilities, against scikit-learn, SciPy, statsmodels and their definitions."""

from __future__ import annotations

import itertools
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from logloss.errors import DataError, UsageError
from logloss.evaluation import Evaluation, decision_text, evaluate
from logloss.report.calibration import calibration_text

Array = NDArray[np.float64]


def rows(n: int = 400, seed: int = 0, ties: bool = True) -> tuple[Array, Array]:
    """Labels, and probabilities that are a little too extreme."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-0.5, 1.3, n)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-z))).astype(float)
    p = 1.0 / (1.0 + np.exp(-1.4 * z - 0.2))
    return y, np.round(p, 2) if ties else p


WEIGHTS = [None, "whole", "parts"]


def weights(kind: str | None, n: int) -> Array | None:
    rng = np.random.default_rng(9)
    if kind is None:
        return None
    return rng.integers(0, 4, n).astype(float) if kind == "whole" else rng.exponential(size=n)


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("ties", [True, False])
def test_scores_agree_with_scikit_learn(kind: str | None, ties: bool) -> None:
    y, p = rows(ties=ties)
    p = np.clip(p, 1e-3, 1 - 1e-3)
    s = weights(kind, len(y))
    e = evaluate(y, p, sample_weight=s)
    known = {
        e.log_loss: metrics.log_loss(y, p, sample_weight=s),
        e.brier.score: metrics.brier_score_loss(y, p, sample_weight=s),
        e.brier.skill: metrics.d2_brier_score(y, p, sample_weight=s),
        e.loss.skill: metrics.d2_log_loss_score(y, p, sample_weight=s),
        e.auc: metrics.roc_auc_score(y, p, sample_weight=s),
        e.ranking.average_precision: metrics.average_precision_score(y, p, sample_weight=s),
    }
    for ours, theirs in known.items():
        assert ours == pytest.approx(theirs, rel=1e-11)
    fpr, tpr, _ = metrics.roc_curve(y, p, sample_weight=s, drop_intermediate=False)
    np.testing.assert_allclose(e.roc.column("false_positive_rate").to_numpy(), fpr, atol=1e-13)
    np.testing.assert_allclose(e.roc.column("recall").to_numpy(), tpr, atol=1e-13)
    precision, recall, _ = metrics.precision_recall_curve(y, p, sample_weight=s)
    np.testing.assert_allclose(
        e.precision_recall.column("precision").to_numpy(), precision[-2::-1], rtol=1e-12
    )
    np.testing.assert_allclose(
        e.precision_recall.column("recall").to_numpy(), recall[-2::-1], rtol=1e-12
    )


def test_the_ks_distance_agrees_with_scipy() -> None:
    y, p = rows()
    found = ks_2samp(p[y == 1], p[y == 0])
    e = evaluate(y, p)
    assert e.ranking.ks == pytest.approx(found.statistic, rel=1e-12)
    at = e.decide(e.ranking.ks_threshold)
    assert at.recall - at.false_positive_rate == pytest.approx(found.statistic, rel=1e-12)


def delong(y: Array, p: Array, s: Array, counts: bool) -> tuple[float, float]:
    """By its definition: all pairs."""
    P, N = np.flatnonzero((y == 1) & (s > 0)), np.flatnonzero((y == 0) & (s > 0))
    wins = (p[P][:, None] > p[N]) + 0.5 * (p[P][:, None] == p[N])
    u, v = s[P], s[N]
    theta = u @ wins @ v / (u.sum() * v.sum())
    variance = 0.0
    for w, place in ((u, wins @ v / v.sum()), (v, u @ wins / u.sum())):
        if counts:
            variance += w @ (place - theta) ** 2 / (w.sum() - 1) / w.sum()
        else:
            part = w / w.sum()
            variance += (part**2) @ (place - theta) ** 2 * len(w) / (len(w) - 1)
    return theta, math.sqrt(variance)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_delongs_error_is_that_of_its_definition(kind: str | None) -> None:
    y, p = rows(150)
    s = weights(kind, len(y))
    e = evaluate(y, p, sample_weight=s).ranking
    auc, error = delong(y, p, np.ones(len(y)) if s is None else s, kind != "parts")
    assert e.auc == pytest.approx(auc, rel=1e-12)
    assert e.auc_error == pytest.approx(error, rel=1e-11)
    assert e.auc_low == pytest.approx(auc - 1.959963984540054 * error, rel=1e-11)


def test_delongs_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits, truth = 0, 0.5 * (1.0 + math.erf(1.0 / 2.0))  # P(N(1,1) > N(0,1))
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = np.repeat([0.0, 1.0], 60)
        e = evaluate(y, z=rng.normal(size=120) + y).ranking
        hits += e.auc_low <= truth <= e.auc_high
    assert 0.92 <= hits / 400 <= 0.975


@pytest.mark.parametrize("kind", WEIGHTS)
@given(seed=st.integers(0, 10_000), bins=st.integers(1, 30), soft=st.booleans())
def test_the_brier_score_is_the_sum_of_its_parts(
    kind: str | None, seed: int, bins: int, soft: bool
) -> None:
    y, p = rows(60, seed)
    if soft:
        y = np.clip(0.7 * y + 0.1, 0, 1)
    b = evaluate(y, p, sample_weight=weights(kind, 60), bins=bins).brier
    parts = b.reliability - b.resolution + b.uncertainty + b.within_variance - b.within_covariance
    assert parts == pytest.approx(b.score, abs=1e-15, rel=1e-13)


def test_bins_of_one_probability_leave_murphys_three_parts() -> None:
    y, p = rows(500)
    p = np.round(p, 1)
    e = evaluate(y, p, bins=10_000)
    assert len(e.bins) == len(np.unique(p))
    assert e.brier.within_variance == pytest.approx(0.0, abs=1e-30)
    assert e.brier.within_covariance == pytest.approx(0.0, abs=1e-18)
    share = y.mean()
    assert e.brier.uncertainty == pytest.approx(share * (1 - share), rel=1e-13)
    cells = [(p == v) for v in np.unique(p)]
    reliability = sum(c.sum() * (p[c].mean() - y[c].mean()) ** 2 for c in cells) / len(y)
    resolution = sum(c.sum() * (y[c].mean() - share) ** 2 for c in cells) / len(y)
    assert e.brier.reliability == pytest.approx(reliability, rel=1e-12)
    assert e.brier.resolution == pytest.approx(resolution, rel=1e-12)


def test_bins_agree_with_scikit_learn_where_all_probabilities_differ() -> None:
    y, p = rows(400, ties=False)
    e = evaluate(y, p, bins=8)
    true, predicted = calibration_curve(y, p, n_bins=8, strategy="quantile")
    np.testing.assert_allclose([b.predicted for b in e.bins], predicted, rtol=1e-12)
    np.testing.assert_allclose([b.observed for b in e.bins], true, rtol=1e-12)
    assert [b.rows for b in e.bins] == [50] * 8
    expected = sum(abs(a - b) for a, b in zip(true, predicted, strict=True)) / 8
    assert e.calibration_error == pytest.approx(expected, rel=1e-12)


def test_intervals_are_wilsons() -> None:
    y, p = rows()
    for one in evaluate(y, p).bins:
        low, high = proportion_confint(one.observed * one.rows, one.rows, 0.05, "wilson")
        assert one.low == pytest.approx(low, abs=1e-13)
        assert one.high == pytest.approx(high, rel=1e-12)


@given(
    p=st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.7]), min_size=1, max_size=30),
    bins=st.integers(1, 12),
)
def test_equal_probabilities_share_a_bin(p: list[float], bins: int) -> None:
    y = (np.arange(len(p)) % 2).astype(float)
    e = evaluate(y, p, bins=bins)
    assert len(e.bins) <= min(bins, len(set(p)))
    assert sum(b.rows for b in e.bins) == len(p)
    for low, high in itertools.pairwise(e.bins):
        assert low.upper < high.lower


@pytest.mark.parametrize("kind", WEIGHTS)
def test_recalibration_agrees_with_statsmodels(kind: str | None) -> None:
    y, p = rows()
    p = np.clip(p, 0.01, 0.99)
    z = np.log(p / (1 - p))
    s = weights(kind, len(y))
    got = evaluate(y, z=z, sample_weight=s).recalibration
    family, X = sm.families.Binomial(), sm.add_constant(z)
    given = {} if s is None else {"freq_weights": s}
    line = sm.GLM(y, X, family=family, **given).fit(tol=1e-14)
    large = sm.GLM(y, X[:, :1], family=family, offset=z, **given).fit(tol=1e-14)
    np.testing.assert_allclose([got.intercept, got.slope], line.params, rtol=1e-9)
    np.testing.assert_allclose(got.in_the_large, large.params[0], rtol=1e-9)
    if kind == "parts":  # the sandwich, which statsmodels has for no such weights
        for fit, A, errors in (
            (line, X, [got.intercept_error, got.slope_error]),
            (large, X[:, :1], [got.in_the_large_error]),
        ):
            mu = fit.fittedvalues
            bread = np.linalg.inv((A.T * (s * mu * (1 - mu))) @ A)
            meat = (A.T * (s * (y - mu)) ** 2) @ A
            np.testing.assert_allclose(errors, np.sqrt(np.diag(bread @ meat @ bread)), rtol=1e-8)
    else:
        np.testing.assert_allclose([got.intercept_error, got.slope_error], line.bse, rtol=1e-9)
        np.testing.assert_allclose(got.in_the_large_error, large.bse[0], rtol=1e-9)


def test_recalibration_far_from_the_mean_loses_nothing() -> None:
    y, p = rows(ties=False)
    z = np.log(p / (1 - p))
    near, far = evaluate(y, z=z).recalibration, evaluate(y, z=z + 300.0).recalibration
    assert far.slope == pytest.approx(near.slope, rel=1e-9)
    assert far.slope_error == pytest.approx(near.slope_error, rel=1e-9)
    assert far.in_the_large == pytest.approx(near.in_the_large - 300.0, rel=1e-9)


def test_spiegelhalters_z_is_standard_normal_where_probabilities_are_right() -> None:
    found = []
    for seed in range(500):
        rng = np.random.default_rng(seed)
        p = rng.beta(0.8, 2.0, 200)
        y = (rng.random(200) < p).astype(float)
        s = rng.exponential(size=200) if seed % 2 else None
        found.append(evaluate(y, p, sample_weight=s).spiegelhalter.z)
    assert abs(np.mean(found)) < 0.15
    assert 0.87 < np.std(found) < 1.13


def test_spiegelhalters_z_is_its_formula() -> None:
    y, p = rows(50)
    test = evaluate(y, p).spiegelhalter
    top = sum((a - b) * (1 - 2 * b) for a, b in zip(y, p, strict=True))
    z = top / math.sqrt(sum((1 - 2 * b) ** 2 * b * (1 - b) for b in p))
    assert test.z == pytest.approx(z, rel=1e-12)
    assert test.p_value == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-12)


def numbers(e: Evaluation) -> dict[str, Any]:
    told = e.to_json()
    for one in [*told["bins"], *told["gains"]]:
        del one["rows"]
    del told["n_rows"]
    return told


def test_whole_weights_count_equal_rows() -> None:
    y, p = rows(200)
    s = weights("whole", 200)
    assert s is not None
    again = np.repeat(np.arange(200), s.astype(int))
    one, other = evaluate(y, p, sample_weight=s), evaluate(y[again], p[again])
    assert one.weight_sum == other.n_rows

    def check(a: Any, b: Any) -> None:
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                check(a[key], b[key])
        elif isinstance(a, list):
            for x, y in zip(a, b, strict=True):
                check(x, y)
        else:
            assert a == (pytest.approx(b, rel=1e-9, abs=1e-15) if isinstance(b, float) else b)

    check(numbers(one), numbers(other))


def test_the_order_of_the_rows_does_not_matter() -> None:
    y, p = rows(300)
    turned = np.random.default_rng(1).permutation(300)
    assert evaluate(y, p).auc == evaluate(y[turned], p[turned]).auc
    assert evaluate(y, p).curves.false_positives.tolist() == (
        evaluate(y[turned], p[turned]).curves.false_positives.tolist()
    )


def test_gains_hold_all_rows_in_the_end() -> None:
    y, p = rows(ties=False)
    gains = evaluate(y, p, bins=4).gains.to_pylist()
    order = np.argsort(-p)
    assert gains[0]["rows"] == 100
    assert gains[0]["recall"] == pytest.approx(y[order[:100]].sum() / y.sum())
    assert gains[0]["lift"] == pytest.approx(gains[0]["recall"] / 0.25)
    assert gains[-1]["recall"] == pytest.approx(1.0)
    assert gains[-1]["lift"] == pytest.approx(1.0)


# ---- thresholds


def confusion(y: Array, p: Array, t: float) -> tuple[float, float, float, float]:
    called = p >= t
    return tuple(  # type: ignore[return-value]
        float(np.sum((called == c) & (y == v)))
        for c, v in ((True, 1), (True, 0), (False, 1), (False, 0))
    )


def brute(y: Array, p: Array) -> list[tuple[float, float, float, float, float]]:
    return [(t, *confusion(y, p, t)) for t in [*np.unique(p), math.inf]]


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (1.0, 9.0), (20.0, 1.0), (1.0, 0.0), (0.0, 2.0)])
def test_the_threshold_of_least_cost(a: float, b: float) -> None:
    y, p = rows()
    e = evaluate(y, p)
    theory, here = e.decide_by_cost(a, b)
    assert theory.threshold == pytest.approx(a / (a + b))
    counted = (
        theory.true_positives, theory.false_positives,
        theory.false_negatives, theory.true_negatives,
    )  # fmt: skip
    assert counted == confusion(y, p, a / (a + b))
    least = min((a * fp + b * fn) / len(y) for _, _, fp, fn, _ in brute(y, p))
    assert here.cost == pytest.approx(least, rel=1e-12)
    assert here.cost <= theory.cost + 1e-15
    assert (
        here.true_positives,
        here.false_positives,
        here.false_negatives,
        here.true_negatives,
    ) == confusion(y, p, here.threshold)


@pytest.mark.parametrize("limit", [0.0, 0.3, 0.6, 0.9])
def test_the_best_threshold_under_a_constraint(limit: float) -> None:
    y, p = rows()
    e = evaluate(y, p)
    cases = [one for one in brute(y, p) if one[1] + one[2] > 0]
    recall = [(tp / (tp + fn), tp / (tp + fp), fp / (fp + tn)) for _, tp, fp, fn, tn in cases]
    assert e.decide_by(min_precision=limit).recall == max(r for r, q, _ in recall if q >= limit)
    assert e.decide_by(min_precision=limit).precision >= limit
    assert e.decide_by(min_recall=limit).precision == max(q for r, q, _ in recall if r >= limit)
    assert e.decide_by(min_recall=limit).recall >= limit
    within = [r for r, _, f in recall if f <= limit]
    assert e.decide_by(max_fpr=limit).recall == max(within, default=0.0)


def test_rates_agree_with_scikit_learn() -> None:
    y, p = rows()
    d, called = evaluate(y, p).decide(0.4), p >= 0.4
    assert d.precision == pytest.approx(metrics.precision_score(y, called))
    assert d.recall == pytest.approx(metrics.recall_score(y, called))
    assert d.accuracy == pytest.approx(metrics.accuracy_score(y, called))
    assert d.f1 == pytest.approx(metrics.f1_score(y, called))


def test_a_constraint_that_cannot_be_met() -> None:
    y, p = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.1, 0.9, 0.8, 0.2])
    e = evaluate(y, p)
    with pytest.raises(DataError, match="the most is 0.5"):
        e.decide_by(min_precision=0.8)
    nothing = e.decide_by(max_fpr=0.2)
    assert nothing.threshold == math.inf
    assert nothing.recall == 0.0
    assert "none is called positive" in decision_text(nothing)
    assert nothing.to_json()["threshold"] is None


@pytest.mark.parametrize(
    "given", [{}, {"min_recall": 1.5}, {"min_recall": 0.5, "max_fpr": 0.1}, {"max_fpr": "x"}]
)
def test_wrong_constraints(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        evaluate(*rows()).decide_by(**given)


@pytest.mark.parametrize("costs", [(0.0, 0.0), (-1.0, 1.0), (1.0, math.nan)])
def test_wrong_costs(costs: tuple[float, float]) -> None:
    with pytest.raises(UsageError):
        evaluate(*rows()).decide_by_cost(*costs)


# ---- the ends


def test_a_perfect_forecast() -> None:
    e = evaluate([0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    assert e.log_loss == 0.0
    assert e.brier.score == 0.0
    assert e.auc == 1.0
    assert e.loss.skill == 1.0
    assert math.isnan(e.spiegelhalter.z)
    assert math.isnan(e.recalibration.slope)  # the log odds are infinite
    assert evaluate([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.7]).recalibration.slope == math.inf
    assert evaluate([1, 1, 0, 0], [0.1, 0.2, 0.8, 0.7]).recalibration.slope == -math.inf


def test_a_sure_mistake_costs_all() -> None:
    e = evaluate([0.0, 1.0, 1.0], [1.0, 0.5, 1.0])
    assert e.log_loss == math.inf
    assert e.to_json()["measures"]["log_loss"]["value"] is None
    assert "inf" in str(e)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_only(label: float) -> None:
    e = evaluate(np.full(5, label), [0.1, 0.2, 0.3, 0.4, 0.5])
    assert math.isnan(e.auc)
    assert math.isnan(e.recalibration.slope)
    assert math.isfinite(e.log_loss)
    assert "one class" in str(e)
    json.dumps(e.to_json(), allow_nan=False)
    with pytest.raises(DataError, match="both classes"):
        e.decide_by(min_recall=0.5)


def test_the_same_probability_for_all() -> None:
    e = evaluate([0.0, 1.0, 1.0, 0.0], np.full(4, 0.5))
    assert e.auc == 0.5
    assert len(e.bins) == 1
    assert e.recalibration.in_the_large == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(e.recalibration.slope)


def test_log_odds_tell_apart_what_rounds_to_one() -> None:
    z = np.array([50.0, 60.0, 40.0, 30.0])
    e = evaluate([0.0, 1.0, 0.0, 0.0], z=z)
    assert e.auc == 1.0
    assert e.decide_by(min_precision=1.0).log_odds == 60.0


def test_soft_labels_count_in_part() -> None:
    y, p = rows(100)
    soft = 0.8 * y + 0.1
    both = evaluate(np.r_[np.ones(100), np.zeros(100)], np.r_[p, p],
                    sample_weight=np.r_[soft, 1.0 - soft])  # fmt: skip
    e = evaluate(soft, p)
    assert e.auc == pytest.approx(both.auc, rel=1e-12)
    assert math.isnan(e.ranking.auc_error)
    assert e.ranking.average_precision == pytest.approx(both.ranking.average_precision, rel=1e-12)
    assert e.recalibration.slope == pytest.approx(both.recalibration.slope, rel=1e-9)


def test_rows_without_weight_are_not_there() -> None:
    y, p = rows(50)
    s = np.r_[np.ones(40), np.zeros(10)]
    p[45] = math.nan
    with pytest.raises(DataError, match="p is nan in row 45"):
        evaluate(y, p, sample_weight=s)
    p[45] = 0.3
    assert str(evaluate(y, p, sample_weight=s)) == str(evaluate(y[:40], p[:40]))


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"y": [0, 1]}, UsageError, "either probabilities"),
        ({"y": [0, 1], "p": [0.1, 0.2], "z": [1, 2]}, UsageError, "either probabilities"),
        ({"y": [0, 2], "p": [0.1, 0.2]}, DataError, "y is 2 in row 1"),
        ({"y": [0, 1], "p": [0.1, 1.2]}, DataError, "p is 1.2 in row 1"),
        ({"y": [0, 1], "p": [0.1]}, DataError, "2 values"),
        ({"y": [[0, 1]], "p": [0.1]}, DataError, "shape"),
        ({"y": [0, 1], "z": [0.1, math.nan]}, DataError, "z is nan"),
        ({"y": [0, 1], "p": [0.1, 0.2], "sample_weight": [0, 0]}, DataError, "no rows"),
        ({"y": [0, 1], "p": [0.1, 0.2], "sample_weight": [-1, 0]}, DataError, "-1 in row 0"),
        ({"y": [0, 1], "p": [0.1, 0.2], "bins": 0}, UsageError, "bins"),
    ],
)
def test_wrong_arrays(given: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        evaluate(**given)


# ---- to look at


def test_the_text_and_the_table_say_the_same() -> None:
    y, p = rows()
    e = evaluate(y, p)
    table = {row["measure"]: row for row in e.table.to_pylist()}
    assert table["auc"]["value"] == e.auc
    assert table["auc"]["lower"] == e.ranking.auc_low
    assert table["log_loss"]["error"] is None
    assert f"{e.auc:.4f}" in str(e)
    assert e.reliability.num_rows == len(e.bins) == 10
    told = json.loads(json.dumps(e.to_json(), allow_nan=False))
    assert told["measures"]["auc"]["value"] == e.auc
    assert all(len(line) <= 110 for line in str(e).splitlines())


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_the_strip_stands_where_the_shares_are(width: int) -> None:
    y, p = rows()
    bins = evaluate(y, p).bins
    lines = calibration_text(bins, width).splitlines()
    assert len(lines) == 11
    assert all(len(line) <= max(width, 52) for line in lines)
    places = [line.rfind("o") for line in lines[1:]]
    if width >= 80:
        order = np.argsort([one.observed for one in bins])
        assert sorted(places) == [places[k] for k in order]


def test_the_picture_is_drawn_the_same_twice(tmp_path: Path) -> None:
    y, p = rows()
    for ending in ("png", "svg", "pdf"):
        for name in ("a", "b"):
            evaluate(y, p).plot(tmp_path / f"{name}.{ending}")
        drawn = [(tmp_path / f"{name}.{ending}").read_bytes() for name in ("a", "b")]
        assert drawn[0] == drawn[1]
        assert len(drawn[0]) > 2000


@pytest.mark.alone
def test_a_million_rows_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=1_000_000)
    y = (rng.random(1_000_000) < 1.0 / (1.0 + np.exp(-z))).astype(float)
    evaluate(y[:1000], z=z[:1000])
    begun = time.perf_counter()
    evaluate(y, z=z)
    assert time.perf_counter() - begun < 1.5


@pytest.mark.parametrize(
    ("y", "p", "words"),
    [
        (["no", "yes"], [0.2, 0.7], "y must hold numbers.*<U3"),
        (np.array(["no", "yes"], dtype=object), [0.2, 0.7], "y must hold numbers.*text"),
        ([0, 1], ["a", "b"], "p must hold numbers"),
        ([0, 1j], [0.2, 0.7], "y must hold numbers"),
        ([[0], [1, 2]], [0.2, 0.7], "y must hold numbers"),
        ([0, None], [0.2, 0.7], "y is nan in row 1"),
        (np.array(["2020-01-01"] * 2, "M8[D]"), [0.2, 0.7], "y must hold numbers"),
        (None, [0.2, 0.7], "shape"),
    ],
)
def test_what_are_no_labels_or_probabilities_is_refused(y: Any, p: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        evaluate(y, p)


def test_one_column_is_a_column() -> None:
    plain = evaluate([0, 1, 1], [0.2, 0.7, 0.4]).log_loss
    assert evaluate([[0], [1], [1]], [[0.2], [0.7], [0.4]]).log_loss == plain
    assert evaluate([False, True, True], [0.2, 0.7, 0.4], sample_weight=[[1]] * 3).log_loss == plain
