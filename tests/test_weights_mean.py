"""What weights mean: said in the fit, kept by the model, and read by all that depends on it.

The truth: statsmodels' GLM with freq_weights and var_weights, and the sandwich of R's survey
(svyglm: the linearised variance with n/(n − 1)) and of Stata's pweight, written out here.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import statsmodels.api as sm

import logloss
from logloss.cli import main
from logloss.errors import ModelFileError, UsageError
from logloss.model.model import Model
from logloss.record.fitted import Fitted

rng = np.random.default_rng(0)
N = 400
X = np.column_stack([rng.normal(size=N), rng.integers(0, 3, N)])
Y = (rng.random(N) < logloss.sigmoid(X[:, 0] - 1.5)).astype(float)
WHOLE = rng.integers(0, 5, N).astype(float)
PARTS = rng.exponential(1.0, N)
A = np.column_stack([np.ones(N), X])
CLASSES = {0.0: 1.0, 1.0: 4.0}
BALANCED = np.where(Y == 1.0, N / 2.0 / Y.sum(), N / 2.0 / (N - Y.sum()))


def sandwich(s: Any, squared: bool) -> Any:
    """The estimate, V, and V M V of the weighted likelihood, by Newton's method."""
    b = np.zeros(3)
    for _ in range(60):
        p = logloss.sigmoid(A @ b)
        V = np.linalg.inv((A.T * (s * p * (1.0 - p))) @ A)
        b = b + V @ (A.T @ (s * (Y - p)))
    r = Y - logloss.sigmoid(A @ b)
    M = (A.T * ((s * s if squared else s) * r * r)) @ A
    return b, V, V @ M @ V


def peer(s: Any, **how: Any) -> Any:
    return sm.GLM(Y, A, sm.families.Binomial(), **how).fit(tol=1e-14, maxiter=200)


def close(found: Any, expected: Any, rtol: float = 1e-8) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=rtol)


def survey(s: Any) -> Any:
    """Standard errors as R's svyglm has them: V (n/(n − 1) Σ u uᵀ) V, u = s r x."""
    n = np.count_nonzero(s)
    return np.sqrt(np.diag(sandwich(s, True)[2]) * n / (n - 1.0))


def loaded(model: Model) -> Model:
    return Model(Fitted.from_json(json.loads(model.dumps())))


def refused_without_likelihood(model: Model) -> None:
    other = logloss.fit(X[:, :1], Y, sample_weight=PARTS)
    asks: list[Callable[[], Any]] = [
        lambda: model.confidence_intervals(method="profile"),
        model.test,
        lambda: model.likelihood_ratio(other),
        lambda: other.likelihood_ratio(model),
        lambda: model.covariance("hessian"),
    ]
    for ask in asks:
        with pytest.raises(UsageError, match="likelihood"):
            ask()
    figures = model.summary().to_dict()
    none = ("log_likelihood", "deviance", "null_deviance", "aic", "bic", "mcfadden", "lr", "lr_p")
    assert [figures[name] for name in none] == [None] * len(none)
    assert figures["n"] == np.count_nonzero(PARTS)


# ---- what is not said


SAMPLING: dict[str, tuple[dict[str, Any], Any, str]] = {
    "fractions": ({"sample_weight": PARTS}, PARTS, "as they are not whole numbers"),
    "halves": ({"sample_weight": WHOLE / 2.0}, WHOLE, "as they are not whole numbers"),
    "classes": ({"class_weight": CLASSES}, np.where(Y == 1.0, 4.0, 1.0), "as class weights"),
    "balanced": ({"class_weight": "balanced"}, BALANCED, "as class weights are in them"),
    "both": (
        {"class_weight": CLASSES, "sample_weight": WHOLE},
        WHOLE * np.where(Y == 1.0, 4.0, 1.0),
        "as class weights are in them",
    ),
    "said": ({"sample_weight": WHOLE, "weights_are": "sampling"}, WHOLE, "as was said"),
}
LOSE: dict[str, Callable[[Model], Model]] = {
    "alive": lambda m: m,
    "loaded": loaded,
    "pickled": lambda m: pickle.loads(pickle.dumps(m)),
    "copied": copy.deepcopy,
}


@pytest.mark.parametrize("name", SAMPLING)
@pytest.mark.parametrize("how", LOSE)
def test_sampling_weights_have_robust_errors_wherever_they_are_shown(name: str, how: str) -> None:
    options, s, why = SAMPLING[name]
    model = logloss.fit(X, Y, **options)
    b, _, V = sandwich(s, True)
    n, k = np.count_nonzero(s), 3
    errors = np.sqrt(np.diag(V) * n / (n - k))
    model.summary()
    one = LOSE[how](model)
    summary = one.summary()
    close(summary.table["estimate"], b)
    close(summary.table["standard_error"], errors)
    close(one.covariance().standard_errors, errors)
    assert (one.covariance().kind, one.covariance().weights) == ("HC1", "sampling")
    wald = one.confidence_intervals()
    close(wald["upper"], b + 1.959963984540054 * errors)
    close(one.test(method="wald")["statistic"], (b / errors)[1:] ** 2)
    value, error = one.delta_method(lambda beta: 2.0 * beta["x0"])
    close([value, error], [2.0 * b[1], 2.0 * errors[1]], 1e-6)
    text = " ".join(str(summary).split())
    assert f"weights are sampling weights, {why}" in text
    assert "standard errors robust, HC1, sampling weights" in text
    assert "AIC, BIC" not in text
    assert "LR test" not in text


def test_hc0_times_its_factor_is_that_of_r_and_of_statsmodels() -> None:
    model = logloss.fit(X, Y, sample_weight=PARTS)
    n = len(Y)
    found = model.covariance("HC0").standard_errors
    close(found * np.sqrt(n / (n - 1.0)), survey(PARTS))
    close(
        found,
        sm.GLM(Y, A, sm.families.Binomial(), var_weights=PARTS).fit(tol=1e-14, cov_type="HC0").bse,
        1e-6,
    )


def test_sampling_weights_have_no_scale() -> None:
    one, other = (logloss.fit(X, Y, sample_weight=PARTS * c) for c in (1.0, 1e-3))
    close(one.covariance().matrix, other.covariance().matrix)


@pytest.mark.parametrize("how", ["alive", "loaded"])
@pytest.mark.parametrize("name", ["fractions", "balanced", "said"])
def test_without_a_likelihood_nothing_of_it_is_given(name: str, how: str) -> None:
    options = SAMPLING[name][0]
    if name == "said":
        options = {"sample_weight": np.ceil(PARTS), "weights_are": "sampling"}
    refused_without_likelihood(LOSE[how](logloss.fit(X, Y, **options)))


def test_whole_numbers_are_frequencies() -> None:
    model = logloss.fit(X, Y, sample_weight=WHOLE)
    truth = peer(WHOLE, freq_weights=WHOLE)
    close(model.covariance().standard_errors, truth.bse, 1e-7)
    figures = model.summary().to_dict()
    close([figures["log_likelihood"], figures["aic"]], [truth.llf, truth.aic])
    assert figures["n"] == WHOLE.sum()
    text = " ".join(str(model.summary()).split())
    assert "weights are frequencies, as they are whole numbers" in text
    plain = " ".join(str(logloss.fit(X, Y).summary()).split())
    assert "weights" not in plain


def test_large_whole_weights_are_frequencies_with_a_note() -> None:
    s = 1000.0 + np.round(500.0 * PARTS)
    for options, noted in (
        ({"sample_weight": s}, True),
        ({"sample_weight": s, "weights_are": "frequency"}, False),
        ({"sample_weight": s, "weights_are": "sampling"}, False),
        ({"sample_weight": WHOLE}, False),
    ):
        model = logloss.fit(X, Y, **options)
        text = " ".join(str(model.summary()).split())
        assert ("If they are a survey's, standard errors are far too small" in text) == noted
    assert "survey's" not in str(logloss.fit(X, Y, sample_weight=s).summary(weights="sampling"))


# ---- what is said


def test_variance_weights_are_the_prior_weights_of_glm() -> None:
    model = logloss.fit(X, Y, sample_weight=PARTS, weights_are="variance")
    truth = peer(PARTS, var_weights=PARTS)
    close(model.covariance().standard_errors, truth.bse, 1e-7)
    figures = model.summary().to_dict()
    close(
        [figures["deviance"], figures["lr"]], [truth.deviance, truth.null_deviance - truth.deviance]
    )
    assert figures["n"] == N
    close(model.covariance("HC0").standard_errors, survey(PARTS) * np.sqrt((N - 1.0) / N))
    small = logloss.fit(X[:, :1], Y, sample_weight=PARTS, weights_are="variance")
    assert model.likelihood_ratio(small).df == 1
    assert model.confidence_intervals(method="profile").num_rows == 3


def test_class_weights_that_are_said_to_be_frequencies_are_that() -> None:
    model = logloss.fit(X, Y, class_weight=CLASSES, weights_are="frequency")
    s = np.where(Y == 1.0, 4.0, 1.0)
    close(model.covariance().standard_errors, np.sqrt(np.diag(sandwich(s, True)[1])))
    assert model.summary().to_dict()["n"] == s.sum()
    assert model.test()["df"].to_pylist() == [1, 1]


def test_one_answer_may_be_asked_for_another_meaning() -> None:
    model = logloss.fit(X, Y, sample_weight=PARTS)
    close(
        model.covariance(weights="variance").standard_errors,
        np.sqrt(np.diag(sandwich(PARTS, True)[1])),
    )
    assert "AIC" in str(model.summary(weights="frequency"))
    whole = logloss.fit(X, Y, sample_weight=WHOLE)
    close(whole.covariance("HC0", weights="sampling").matrix, sandwich(WHOLE, True)[2])
    assert whole.summary(weights="sampling").to_dict()["aic"] is None


@pytest.mark.parametrize("word", ["frequencies", "survey", 1, True])
def test_a_meaning_that_there_is_not_is_refused_before_any_work(word: Any) -> None:
    for ask in (logloss.fit, logloss.path):
        with pytest.raises(UsageError, match="weights_are must be one of 'frequency'"):
            ask("no such file.csv", "y", weights_are=word)
    with pytest.raises(UsageError, match="weights_are"):
        logloss.LogisticRegression(weights_are=word).fit(X, Y)
    with pytest.raises(UsageError, match="weights_are"):
        logloss.fit(X, Y).evaluate(X, Y, weights_are=word)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "saga", "newton"])
@pytest.mark.parametrize("storage", ["F", "csr", "csc", "pandas", "polars", "arrow", "parquet"])
def test_no_solver_or_storage_changes_it(solver: str, storage: str, tmp_path: Path) -> None:
    columns = {"x0": X[:, 0], "x1": X[:, 1], "y": Y, "s": PARTS}
    frames = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}
    matrices = {"F": np.asfortranarray, "csr": sp.csr_array, "csc": sp.csc_array}
    table: Any = tmp_path / "t.parquet"
    if storage in matrices:
        model = logloss.fit(matrices[storage](X), Y, sample_weight=PARTS, solver=solver)
    else:
        if storage in frames:
            table = frames[storage](columns)
        else:
            pq.write_table(pa.table(columns), table)
        model = logloss.fit(table, "y", sample_weight="s", solver=solver, random_state=0)
    errors = model.covariance().standard_errors
    close(errors, survey(PARTS) * np.sqrt((N - 1.0) / (N - 3.0)), 1e-7)


# ---- files, data that come back, estimators


def test_a_file_of_before_takes_weights_for_frequencies_until_its_data_come_back() -> None:
    model = logloss.fit(X, Y, sample_weight=PARTS)
    record = json.loads(model.dumps())
    assert record["weighting"] == {"meaning": "sampling", "because": "fractions"}
    del record["weighting"], record["estimates"]["robust"]
    old = Model(Fitted.from_json(record))
    assert old.covariance().kind == "hessian"
    assert "frequencies, as the file of the model does not say" in " ".join(
        str(old.summary()).split()
    )
    old.attach(X, Y, sample_weight=PARTS)
    close(old.covariance().matrix, model.covariance().matrix)
    for change in ("x", {"meaning": "survey", "because": "said"}, {"meaning": "sampling"}):
        with pytest.raises(ModelFileError, match="weighting"):
            Fitted.from_json({**record, "weighting": change})
    estimates = json.loads(model.dumps())["estimates"]
    for robust in ({**estimates["robust"], "matrix": [1.0]}, {"kind": "HC1"}, 3):
        with pytest.raises(ModelFileError, match="robust"):
            Fitted.from_json({**record, "estimates": {**estimates, "robust": robust}})


def test_attached_data_keep_what_was_said() -> None:
    model = logloss.fit(X, Y, sample_weight=WHOLE, weights_are="sampling")
    back = loaded(model).attach(X, Y, sample_weight=WHOLE)
    close(back.covariance("HC0").matrix, sandwich(WHOLE, True)[2])
    refused_by = back.confidence_intervals
    with pytest.raises(UsageError, match="profile limits need a likelihood"):
        refused_by(method="profile")


def test_estimators_say_it_too() -> None:
    import math

    options: dict[str, Any] = {"C": math.inf, "class_weight": "balanced"}
    model = logloss.LogisticRegression(**options).fit(X, Y).model_
    close(model.covariance("HC0").matrix, sandwich(BALANCED, True)[2])
    assert model.covariance().weights == "sampling"
    said = logloss.LogisticRegression(**options, weights_are="variance").fit(X, Y).model_
    close(said.covariance().matrix, sandwich(BALANCED, True)[1])
    found = logloss.LogisticRegressionCV(Cs=[1.0], cv=3, weights_are="variance").fit(X, Y)
    assert found.model_.fitted.weighting.meaning == "variance"


# ---- leave-one-out, influence, evaluation


def test_leaving_out_a_row_leaves_out_what_it_stands_for() -> None:
    """Class weights of whole numbers belong to one row; frequencies count rows."""
    s = np.where(Y == 1.0, 4.0, 1.0)
    row = int(np.argmax(np.abs(X[:, 0]) * (Y == 1.0)))
    for options, gone in (
        ({"class_weight": CLASSES}, 4.0),
        ({"sample_weight": s}, 1.0),
        ({"sample_weight": s, "weights_are": "variance"}, 4.0),
    ):
        less = s.copy()
        less[row] -= gone
        without = logloss.fit(X, Y, sample_weight=less)
        influence = logloss.fit(X, Y, **options).influence()
        exact = without.decision_function(X[[row]])[0]
        assert influence.loo_log_odds[row] == pytest.approx(exact, abs=2e-3)


def test_a_path_leaves_out_whole_rows_of_class_weights() -> None:
    few, y = X[:60], Y[:60]
    s = np.where(y == 1.0, 4.0, 1.0)
    options: dict[str, Any] = {"lambdas": [0.05], "l1_ratio": 0.0, "leave_one_out": True}
    found = logloss.path(few, y, class_weight=CLASSES, **options).leave_one_out.losses[0]
    total = 0.0
    for i in range(60):
        less = s.copy()
        less[i] = 0.0
        l2 = 0.05 * s.sum() / less.sum()
        z = logloss.fit(few, y, sample_weight=less, l2=l2).decision_function(few[[i]])
        total += s[i] * float(logloss.bce_with_logits(y[[i]], z))
    assert found == pytest.approx(total / s.sum(), rel=2e-3)
    as_counts = logloss.path(few, y, sample_weight=s, **options).leave_one_out.losses[0]
    assert as_counts < found


def test_an_evaluation_reads_weights_as_the_fit_does() -> None:
    def width(model: Model, **how: Any) -> float:
        ranking = model.evaluate(X, Y, sample_weight=WHOLE, **how).ranking
        return ranking.auc_high - ranking.auc_low

    counts = width(logloss.fit(X, Y, sample_weight=WHOLE))
    said = logloss.fit(X, Y, sample_weight=WHOLE, weights_are="sampling")
    assert width(said) > counts
    assert width(said, weights_are="frequency") == pytest.approx(counts, rel=1e-6)
    assert width(logloss.fit(X, Y), weights_are="sampling") > width(logloss.fit(X, Y))


# ---- what has no robust covariance


def test_firth_and_separated_fits_say_what_they_lack() -> None:
    model = logloss.fit(X, Y, class_weight="balanced", firth=True)
    text = " ".join(str(model.summary()).split())
    assert "no standard errors: Firth's penalty has the usual variance" in text
    for ask in (model.covariance, model.confidence_intervals, model.test):
        with pytest.raises(UsageError, match=r"Firth|likelihood"):
            ask()
    assert loaded(model).coefficients == model.coefficients
    said = logloss.fit(X, Y, class_weight="balanced", firth=True, weights_are="frequency")
    assert said.covariance().kind == "hessian"
    apart = logloss.fit((Y + 0.1 * X[:, 0])[:, None], Y, class_weight="balanced")
    assert "no standard errors" in str(apart.summary())
    assert str(loaded(apart).summary()) == str(apart.summary())
    with pytest.raises(UsageError, match="infinite"):
        apart.covariance()


# ---- the claim itself: limits hold as often as they say


def test_limits_under_class_weights_and_survey_weights_hold_as_often_as_they_say() -> None:
    """Case 04: rare events weighted up. And a survey that draws some rows more often."""
    estimates, errors, hits = [], [], {"balanced": 0, "survey": 0}
    runs = 200
    for seed in range(runs):
        r = np.random.default_rng(seed)
        x = r.normal(size=1000)
        y = (r.random(1000) < logloss.sigmoid(0.5 * x - 3.0)).astype(int)
        model = logloss.fit(x[:, None], y, class_weight="balanced")
        found = model.summary().table.to_pylist()[1]
        estimates.append(found["estimate"])
        errors.append(found["standard_error"])
        hits["balanced"] += found["lower"] <= 0.5 <= found["upper"]
        chance = np.where(x > 0.0, 0.9, 0.15)
        drawn = r.random(1000) < chance
        often = (r.random(1000) < logloss.sigmoid(0.5 * x - 0.5)).astype(int)
        s = 7.3 / chance[drawn]
        part = logloss.fit(x[drawn][:, None], often[drawn], sample_weight=s).summary().table
        found = part.to_pylist()[1]
        hits["survey"] += found["lower"] <= 0.5 <= found["upper"]
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.12)
    for name, hit in hits.items():
        assert 0.90 <= hit / runs <= 0.99, name


# ---- the command line


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    pc.write_csv(pa.table({"x0": X[:, 0], "x1": X[:, 1], "y": Y, "s": PARTS, "w": WHOLE}), path)
    return path


def test_the_command_line_says_it_and_a_file_keeps_it(table: Path, capfd: Any) -> None:
    file = table.with_name("m.json")
    words = ["fit", str(table), "--target", "y", "--exclude", "s", "--model", str(file)]
    assert main([*words[:-4], "--exclude", "w", "--weights", "s", *words[-2:]]) == 0
    shown = capfd.readouterr().out
    assert "sampling weights, as they are not whole numbers" in shown
    assert main(["show", str(file)]) == 0
    assert capfd.readouterr().out.split() == shown.split()
    close(
        logloss.load(file).covariance().standard_errors,
        survey(PARTS) * np.sqrt((N - 1.0) / (N - 3.0)),
        1e-7,
    )
    assert main([*words, "--weights", "w", "--weights-are", "sampling"]) == 0
    assert "sampling weights, as was said" in capfd.readouterr().out
    assert logloss.load(file).covariance().kind == "HC1"
    assert main([*words, "--weights", "w", "--weights-are", "survey"]) == 2
    assert "weights_are must be one of" in capfd.readouterr().err
    evaluate = ["evaluate", str(file), str(table), "--weights", "w", "--weights-are", "frequency"]
    assert main(evaluate) == 0
    path = ["path", str(table), "--target", "y", "--exclude", "s", "--weights", "w"]
    assert main([*path, "--weights-are", "sampling", "--lambdas", "0.1"]) == 0
