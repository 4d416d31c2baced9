"""What a model shows of inference: honest words, files that keep it, data that come back."""

from __future__ import annotations

import copy
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from problems import PROBLEMS
from sample_models import sample_fitted

import logloss
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.model.model import Model
from logloss.record.fitted import Fitted


def table(n: int = 400, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    age, dose = rng.normal(50.0, 9.0, n), rng.exponential(2.0, n)
    p = logloss.sigmoid(0.05 * (age - 50.0) + 0.4 * dose - 1.0)
    return pa.table(
        {
            "age": age,
            "dose": dose,
            "sum": age + 2.0 * dose,
            "times": rng.integers(0, 4, n),
            "shift": rng.standard_normal(n),
            "dead": np.where(rng.random(n) < p, "yes", "no"),
        }
    )


def fitted(**options: Any) -> Model:
    given = {"sample_weight": "times", "offset": "shift"} | options
    return logloss.fit(table(), "dead", **given)


def words(model: Model, **options: Any) -> str:
    return " ".join(str(model.summary(**options)).split())


# ---- honesty


@pytest.mark.parametrize(
    "options",
    [{"C": 1.0}, {"l1": 0.01}, {"l2": 0.1}, {"bounds": {"age": "+"}}, {"C": 9.0, "l1_ratio": 0.5}],
)
def test_a_penalised_fit_has_no_p_values(options: dict[str, Any]) -> None:
    model = fitted(**options)
    text = words(model)
    assert "std. error" not in text
    assert "a penalised or bounded fit has no p-values" in text
    assert "fit again without a penalty" in text
    summary = model.summary()
    assert summary.table["p_value"].null_count == summary.table.num_rows
    assert summary.table["estimate"].to_pylist() == [model.intercept, *model.coefficients.values()]
    assert "no_standard_errors" in summary.to_dict()
    asks = (
        model.covariance,
        lambda: model.summary(covariance="HC0"),
        model.confidence_intervals,
        lambda: model.confidence_intervals(method="profile"),
        model.test,
        model.marginal_effects,
        lambda: model.likelihood_ratio(model),
    )
    for ask in asks:
        with pytest.raises(UsageError, match="penalised or bounded"):
            ask()


def test_aliases_are_named_in_the_summary() -> None:
    text = words(fitted())
    assert "a column is not estimable" in text
    assert "sum = age + 2·dose" in text


def test_many_columns_for_the_rows_are_a_warning_with_its_source() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 25))
    y = rng.random(200) < logloss.sigmoid(X[:, 0])
    assert "26 coefficients on 200 rows" in words(logloss.fit(X, y))
    assert "Sur and Candès, PNAS 116, 2019" in words(logloss.fit(X, y))
    assert "Sur" not in words(logloss.fit(X[:, :5], y))
    weighted = logloss.fit(X, y, sample_weight=np.full(200, 3.0))
    assert "Sur" not in words(weighted)  # each row stands for three
    assert "Sur" in words(weighted, weights="variance")


def test_completely_separated_data_have_infinite_estimates_only() -> None:
    X = np.linspace(-1.0, 1.0, 30)[:, np.newaxis]
    model = logloss.fit(X, X[:, 0] > 0.02)
    text = words(model)
    assert "x0 (+inf) alone tells all 30 rows apart" in " ".join(text.split())
    assert "firth=True" in text
    assert "No coefficient is off" not in text
    assert "std. error" not in text
    assert np.isnan(model.covariance().matrix).all()
    found = model.summary().to_dict()
    assert found["separation"]["kind"] == "complete"
    assert found["deviance"] == 0.0
    limits = model.confidence_intervals()
    assert limits["estimate"].to_pylist() == [
        None,
        math.inf,
    ]  # an intercept of either sign would do
    assert limits["upper"].to_pylist()[1] == math.inf
    assert math.isfinite(limits["lower"].to_pylist()[1])
    refused = (
        lambda: model.covariance(kind="HC0"),
        lambda: model.summary(covariance="HC1"),
        model.marginal_effects,
        lambda: model.delta_method(lambda b: b["x0"]),
        lambda: model.test(method="wald"),
    )
    for ask in refused:
        with pytest.raises(UsageError, match="some estimates are infinite"):
            ask()


def test_a_fit_that_was_stopped_and_a_perceptron_have_none() -> None:
    problem = PROBLEMS["well"]
    stopped = logloss.fit(problem.X, problem.y, solver="gd", max_iter=1)
    with pytest.raises(UsageError, match="not near enough"):
        stopped.covariance()
    perceptron = logloss.fit(problem.X, problem.y, solver="perceptron", random_state=0)
    with pytest.raises(UsageError, match="perceptron"):
        perceptron.covariance()
    assert "no standard errors" in words(perceptron)


def test_the_summary_says_what_was_asked_for() -> None:
    model = fitted()
    assert "log-likelihood" in words(model)
    assert "from the Hessian, frequency weights" in words(model)
    assert "robust, HC1, sampling weights" in words(model, weights="sampling")
    assert "90 % from" in words(model, level=0.9)
    found = model.summary(level=0.9).table
    limits = model.confidence_intervals(0.9)
    assert found["lower"].to_pylist() == limits["lower"].to_pylist()
    assert found["odds_lower"].to_pylist()[0] is None
    assert found["odds_lower"][1].as_py() == pytest.approx(math.exp(found["lower"][1].as_py()))
    for level in (0.0, 1.0, 95, "high"):
        with pytest.raises(UsageError, match="level"):
            model.summary(level=level)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["walt", "bootstrap"])
def test_a_wrong_word_is_answered_with_the_right_ones(method: str) -> None:
    with pytest.raises(UsageError, match="wald"):
        fitted().confidence_intervals(method=method)
    with pytest.raises(UsageError, match="lr"):
        fitted().test(method=method)
    with pytest.raises(UsageError, match="average"):
        fitted().marginal_effects(at=method)
    with pytest.raises(UsageError, match="did you mean 'dose'"):
        fitted().test("doze")


# ---- files, and data that come back


def test_a_saved_model_shows_the_same(tmp_path: Path) -> None:
    model = fitted()
    model.save(tmp_path / "m.json")
    loaded = logloss.load(tmp_path / "m.json")
    assert str(loaded.summary()) == str(model.summary())
    assert loaded.covariance().matrix.tobytes() == model.covariance().matrix.tobytes()
    assert loaded.test(method="wald").equals(model.test(method="wald"))
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "m.json").read_bytes()


@pytest.mark.parametrize("lose", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_without_its_data_a_model_says_how_to_bring_it_back(lose: Any) -> None:
    model = fitted()
    model.covariance()
    lost = lose(model)
    assert str(lost.summary()) == str(model.summary())
    asks = (
        lambda: lost.covariance(kind="HC0"),
        lambda: lost.confidence_intervals(method="profile"),
        lost.test,
        lost.marginal_effects,
    )
    for ask in asks:
        with pytest.raises(UsageError, match="attach"):
            ask()
    never = lose(fitted())
    assert "model.attach(table)" in words(never)
    with pytest.raises(UsageError, match="attach"):
        never.covariance()


@pytest.mark.parametrize("how", ["table", "file", "arrays", "balanced", "penalised", "flipped"])
def test_attached_data_give_the_same_answers(how: str, tmp_path: Path) -> None:
    options: dict[str, dict[str, Any]] = {
        "balanced": {"class_weight": "balanced", "weights_are": "frequency"},
        "penalised": {"C": 0.5, "standardize": True},
        "flipped": {"positive": "no"},
    }
    model = fitted(**options.get(how, {}))
    again: dict[str, Any] = {}
    source: Any = table()
    if how == "file":
        pq.write_table(source, tmp_path / "t.parquet")
        source = tmp_path / "t.parquet"
    if how == "arrays":
        X, y = np.column_stack([source["age"], source["dose"]]), source["dead"].to_numpy()
        model = logloss.fit(X, y, sample_weight=np.asarray(source["times"]))
        again, source = {"y": y, "sample_weight": np.asarray(source["times"])}, X
    if how == "balanced":
        again = {"class_weight": "balanced"}
    model.save(tmp_path / "m.json")
    loaded = logloss.load(tmp_path / "m.json").attach(source, **again)
    if how == "penalised":
        with pytest.raises(UsageError, match="penalised"):
            loaded.covariance(kind="HC0")
        return
    a, b = loaded.covariance(kind="HC1").matrix, model.covariance(kind="HC1").matrix
    np.testing.assert_allclose(a, b, rtol=1e-8)
    np.testing.assert_allclose(
        loaded.confidence_intervals(method="profile")["lower"].to_numpy(zero_copy_only=False),
        model.confidence_intervals(method="profile")["lower"].to_numpy(zero_copy_only=False),
        rtol=1e-8,
    )


def test_another_table_is_not_taken() -> None:
    lost = pickle.loads(pickle.dumps(fitted()))
    with pytest.raises(DataError, match="another table"):
        lost.attach(table(seed=1))
    counted = np.count_nonzero(table()["times"])
    with pytest.raises(DataError, match=f"the fit had {counted}"):
        lost.attach(table().slice(5))
    with pytest.raises(DataError, match="class_weight"):
        lost.attach(table(), class_weight="balanced")
    arrays = logloss.fit(np.eye(4), np.array([0, 1, 0, 1]), C=1.0)
    with pytest.raises(UsageError, match="y=..."):
        pickle.loads(pickle.dumps(arrays)).attach(np.eye(4))
    factors = logloss.fit(table(), "dead", C=0.1, penalty_factors={"age": 0.0})
    known = pickle.loads(pickle.dumps(factors)).attach(table()).influence()
    np.testing.assert_allclose(known.leverages, factors.influence().leverages, rtol=1e-8)


def test_a_file_of_before_is_read_and_a_damaged_one_is_not() -> None:
    assert "estimates" not in sample_fitted().to_json()
    record = json.loads(fitted().dumps())
    assert Fitted.from_json(record).estimates is not None
    for change in (
        {"values": [1.0]},
        {"covariance": [1.0]},
        {"tjur": "high"},
        {"covariance": [-1.0] * len(record["estimates"]["covariance"])},
    ):
        with pytest.raises(ModelFileError, match="estimates"):
            Fitted.from_json({**record, "estimates": record["estimates"] | change})
    with pytest.raises(ModelFileError, match="unknown"):
        Fitted.from_json({**record, "extra": 1})


def test_the_estimates_are_the_coefficients_to_what_the_certificate_allows() -> None:
    model = fitted()
    found = model.summary().table
    known, errors = (
        dict(zip(found["name"].to_pylist(), found[column].to_pylist(), strict=True))
        for column in ("estimate", "standard_error")
    )
    few = table().drop_columns(["sum"])
    plain = logloss.fit(few, "dead", sample_weight="times", offset="shift")
    for name, value in plain.coefficients.items():
        assert abs(value - known[name]) <= 1e-3 * errors[name]


# ---- Firth's estimate, separated data in files, priors


def firth_rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(4)
    X = rng.standard_normal((60, 2))
    X = np.column_stack([X, X[:, 0] - X[:, 1], np.arange(60) < 8])
    return X, (rng.random(60) < logloss.sigmoid(X[:, 0])) | (X[:, 3] > 0)


def test_a_firth_fit_has_limits_and_tests_of_its_penalised_likelihood() -> None:
    from logloss.inference import penalised

    X, y = firth_rows()
    model = logloss.fit(X, y, firth=True)
    expected = penalised.limits(model._evidence, 0.9)
    limits = model.confidence_intervals(0.9)
    found = model.summary(level=0.9).table
    for column in ("lower", "upper", "estimate"):
        np.testing.assert_allclose(
            np.array(limits[column].to_pylist(), float), getattr(expected, column), rtol=1e-8
        )
        np.testing.assert_allclose(
            np.array(found[column].to_pylist(), float), getattr(expected, column), rtol=1e-8
        )
    np.testing.assert_allclose(
        np.array(found["p_value"].to_pylist(), float), expected.p_value, rtol=1e-8
    )
    tests = model.test()
    assert tests["df"].to_pylist() == [1, 1, 0, 1]  # x2 = x0 - x1
    np.testing.assert_allclose(tests["statistic"][3].as_py(), expected.chi2[4], rtol=1e-8)
    together = model.test(["x0", "x1"])
    assert together["term"].to_pylist() == ["x0", "x1"]
    errors = model.covariance().standard_errors
    np.testing.assert_allclose(errors, penalised.standard_errors(model._evidence), rtol=1e-8)
    wald = model.confidence_intervals(method="wald")
    reach = wald["upper"][4].as_py() - wald["estimate"][4].as_py()
    assert reach == pytest.approx(1.959963984540054 * errors[4], rel=1e-9)
    assert "x2 = x0 − x1" in words(model)
    shown = [one for one in str(model.summary()).splitlines() if one.startswith("  coefficient")]
    assert "z" not in shown[0].split()


def test_what_a_firth_fit_has_not() -> None:
    X, y = firth_rows()
    model = logloss.fit(X, y, firth=True)
    refused = (
        lambda: model.covariance(kind="HC0"),
        lambda: model.covariance(weights="sampling"),
        lambda: model.covariance(weights="variance"),
        lambda: model.marginal_effects(covariance="HC1"),
        lambda: model.likelihood_ratio(model),
        model.influence,
    )
    for ask in refused:
        with pytest.raises(UsageError, match="Firth"):
            ask()
    effects = model.marginal_effects()
    assert effects["change"].to_pylist()[3] == "0 to 1"
    lost = pickle.loads(pickle.dumps(model))
    never = Model(Fitted.from_json(json.loads(model.dumps())))
    for one in (lost, never):
        assert "p-values and limits of Firth's estimate follow" in words(one)
        assert one.summary().table["p_value"].null_count == 5
        np.testing.assert_array_equal(one.covariance().matrix, model.covariance().matrix)


def test_separated_data_are_shown_the_same_from_a_file(tmp_path: Path) -> None:
    X, y = firth_rows()
    model = logloss.fit(X, y)
    assert model.separation.columns == {"x3": math.inf}
    assert math.isnan(model.separation.estimates["x2"])  # x0 − x1, but for rounding
    assert math.isnan(model.separation.standard_errors["x2"])
    text = words(model)
    assert "x2 = x0 − x1" in text
    assert "x3 (+inf) alone tells 8 rows apart" in " ".join(text.split())
    model.save(tmp_path / "m.json")
    loaded = logloss.load(tmp_path / "m.json")
    assert str(loaded.summary()) == str(model.summary())
    assert np.array_equal(loaded.covariance().matrix, model.covariance().matrix, equal_nan=True)
    back = loaded.attach(X, y).confidence_intervals()
    assert back["lower"].to_pylist()[4] == pytest.approx(
        model.confidence_intervals()["lower"].to_pylist()[4], rel=1e-8
    )


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_no_solver_gets_standard_errors_of_infinite_estimates(solver: str) -> None:
    X, y = firth_rows()
    model = logloss.fit(X, y, solver=solver, tol=1e-3)
    found = model.summary()
    assert found.table["estimate"][4].as_py() == math.inf
    assert found.table["standard_error"][4].as_py() is None
    assert "x3 (+inf)" in str(found)


def test_a_prior_moves_the_intercept_and_its_limits() -> None:
    model = fitted()
    corrected = model.with_prior(0.02)
    shift = corrected.intercept - model.intercept
    for method in ("wald", "profile"):
        a = model.confidence_intervals(method=method)
        b = corrected.confidence_intervals(method=method)
        for column in ("estimate", "lower", "upper"):
            assert b[column][0].as_py() == pytest.approx(a[column][0].as_py() + shift, rel=1e-12)
            assert b[column].to_pylist()[1:] == a[column].to_pylist()[1:]
    a, b = model.summary().table, corrected.summary().table
    assert b["estimate"][0].as_py() == pytest.approx(a["estimate"][0].as_py() + shift, rel=1e-12)
    assert b["lower"][0].as_py() == pytest.approx(a["lower"][0].as_py() + shift, rel=1e-12)
    assert b["standard_error"].equals(a["standard_error"])
    assert b["z"][0].as_py() == pytest.approx(
        b["estimate"][0].as_py() / b["standard_error"][0].as_py(), rel=1e-12
    )
    assert "corrected for a share of 0.02" in words(corrected)
    value, _ = corrected.delta_method(lambda beta: beta["(intercept)"])
    assert value == pytest.approx(b["estimate"][0].as_py(), rel=1e-12)
    assert corrected.covariance().matrix.tobytes() == model.covariance().matrix.tobytes()
