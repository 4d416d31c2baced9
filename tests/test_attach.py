"""Attach is the same request on the table again: each answer, or refusal, is that of the fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
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

import logloss
from logloss.errors import DataError, LoglossError, ModelFileError, UsageError
from logloss.model.model import Model
from logloss.record.fitted import Fitted


def table(n: int = 300) -> pa.Table:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=n), rng.normal(50.0, 9.0, n)
    place = np.array(["city", "town", "farm", "sea"])[np.minimum(rng.integers(0, 40, n) // 12, 3)]
    p = logloss.sigmoid(0.8 * a - 0.03 * (b - 50.0) + 0.5 * (place == "town") - 0.4)
    holes = np.arange(n) % 7 == 0
    return pa.table(
        {
            "a": a,
            "b": pa.array(b, mask=holes),
            "place": place,
            "flat": pa.array(np.ones(n), mask=np.arange(n) % 11 == 3),  # says nothing
            "extra": rng.normal(size=n),
            "w": rng.integers(0, 4, n).astype(float),
            "shift": 0.3 * rng.normal(size=n),
            "ill": pa.array(np.where(rng.random(n) < p, "yes", "no"), mask=np.arange(n) % 50 == 1),
        }
    )


ROLES: dict[str, Any] = {"exclude": ["w", "shift"]}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": ROLES,
    "weights": {"sample_weight": "w", "exclude": ["shift"]},
    "offset": {"offset": "shift", "exclude": ["w", "extra"]},
    "both": {"sample_weight": "w", "offset": "shift"},
    "balanced": ROLES | {"class_weight": "balanced"},
    "class weights": ROLES | {"class_weight": {"yes": 2.0, "no": 0.5}},
    "C": ROLES | {"C": 0.5},
    "C, standardize": ROLES | {"C": 0.5, "standardize": True},
    "l1": ROLES | {"l1": 0.01},
    "elastic": ROLES | {"C": 0.3, "l1_ratio": 0.5, "class_weight": "balanced"},
    "l1, l2, factors": ROLES | {"l1": 0.01, "l2": 0.02, "penalty_factors": {"a": 0.0, "place": 2}},
    "no factor left": ROLES
    | {"l2": 0.02, "penalty_factors": dict.fromkeys(("a", "b", "place", "extra"), 0.0)},
    "bound that holds": ROLES | {"bounds": {"a": (None, 0.2)}},
    "bound that does not": ROLES | {"bounds": {"a": (0.0, None)}},
    "sign of levels": ROLES | {"bounds": {"place": "+"}},
    "endless bounds": ROLES | {"bounds": {"a": (None, None)}},
    "bounds and L2": ROLES | {"bounds": {"b": "+"}, "l2": 0.01, "standardize": True},
    "drop": ROLES | {"missing": "drop"},
    "drop, C": ROLES | {"missing": "drop", "C": 1.0},
    "min_count": ROLES | {"min_count": 40},
    "prior": ROLES | {"prior": 0.05},
    "positive": ROLES | {"positive": "no"},
    "no intercept": ROLES | {"fit_intercept": False},
    "firth": ROLES | {"firth": True},
    "formula": {"formula": "a * place + bs(extra, df=4)"},
    "formula without intercept": {"formula": "0 + a + place", "missing": "drop"},
    "formula, bounds": {"formula": "a + extra", "bounds": {"a": (None, 0.2)}},
    "stopped": ROLES | {"solver": "gd", "max_iter": 1},
    "gd": ROLES | {"solver": "gd", "l2": 0.1},
    "all": {
        "sample_weight": "w",
        "offset": "shift",
        "class_weight": {"yes": 2.0},
        "l1": 0.003,
        "l2": 0.01,
        "penalty_factors": {"a": 0.0},
        "bounds": {"extra": "+"},
        "standardize": True,
        "missing": "drop",
        "min_count": 40,
        "prior": 0.2,
        "positive": "no",
    },
}


def again(model: Model, source: Any, folder: Path, **given: Any) -> Model:
    model.save(folder / "m.json")
    return logloss.load(folder / "m.json").attach(source, **given)


def answer(ask: Callable[[], Any]) -> Any:
    """What is answered, or in which words it is refused."""
    try:
        return ask()
    except LoglossError as error:
        return f"{type(error).__name__}: {error.message}"


def numbers(table: Any) -> Any:
    if isinstance(table, str):
        return table
    return [table[name].to_pylist() for name in table.column_names]


ASKED: dict[str, Callable[[Model], Any]] = {
    "covariance": lambda m: m.covariance().matrix,
    "HC1": lambda m: m.covariance(kind="HC1").matrix,
    "limits": lambda m: m.confidence_intervals(),
    "profile": lambda m: m.confidence_intervals(method="profile"),
    "test": lambda m: m.test(),
    "effects": lambda m: m.marginal_effects(),
    "leverages": lambda m: m.influence().leverages,
    "degrees": lambda m: m.influence().degrees_of_freedom,
    "cook": lambda m: m.influence().cooks_distance,
    "loo": lambda m: m.influence().loo_log_loss,
    "separation": lambda m: (m.separation.exists, m.separation.kind),
}


def same(found: Any, expected: Any) -> None:
    if isinstance(expected, str | tuple):
        assert found == expected
        return
    if isinstance(expected, pa.Table):
        assert found.select(found.column_names[:1]).equals(
            expected.select(expected.column_names[:1])
        )
        for name in expected.column_names[1:]:
            one, other = found[name].to_pylist(), expected[name].to_pylist()
            if expected[name].type == pa.string():
                assert one == other
                continue
            same(np.array(one, float), np.array(other, float))
        return
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def agree(attached: Model, model: Model, questions: Collection[str] = tuple(ASKED)) -> None:
    for name in questions:
        found, expected = (answer(partial(ASKED[name], one)) for one in (attached, model))
        try:
            same(found, expected)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


def compare(attached: Model, model: Model) -> None:
    agree(attached, model)
    one, other = (re.sub(r"time .*s\n", "", str(m.summary())) for m in (attached, model))
    assert one == other


@pytest.mark.parametrize("name", OPTIONS)
def test_an_attached_model_answers_and_refuses_as_the_fit_does(name: str, tmp_path: Path) -> None:
    model = logloss.fit(table(), "ill", **OPTIONS[name])
    compare(again(model, table(), tmp_path), model)


@pytest.mark.parametrize("name", ["both", "bound that holds", "no factor left", "all", "firth"])
def test_saving_an_attached_model_writes_what_the_fit_wrote(name: str, tmp_path: Path) -> None:
    model = logloss.fit(table(), "ill", **OPTIONS[name])
    attached = again(model, table(), tmp_path)
    attached.summary()
    attached.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "m.json").read_bytes()


def test_an_attached_bounded_fit_keeps_its_bounds(tmp_path: Path) -> None:
    model = logloss.fit(table(), "ill", **OPTIONS["bound that holds"])
    assert model.coefficients["a"] == 0.2
    loaded = again(model, table(), tmp_path)
    for one in (logloss.load(tmp_path / "m.json"), loaded):
        for ask in (one.covariance, one.confidence_intervals, one.test, one.marginal_effects):
            with pytest.raises(UsageError, match="penalised or bounded"):
                ask()
    free = model.influence().degrees_of_freedom
    assert loaded.influence().degrees_of_freedom == free
    assert free == len(model.coefficients) + 1 - 2  # the bound, and a constant column
    loaded.save(tmp_path / "again.json")
    assert "estimates" not in json.loads((tmp_path / "again.json").read_text())


@pytest.mark.parametrize("options", [{}, {"missing": "drop"}, {"bounds": {"a": "+"}}])
@pytest.mark.parametrize("given", [{}, {"sample_weight": "w"}, {"offset": "shift"}])
def test_models_of_a_path_take_their_table(
    options: dict[str, Any], given: dict[str, Any], tmp_path: Path
) -> None:
    out = [name for name in ("w", "shift") if name not in given.values()]
    common: dict[str, Any] = {"exclude": out, "standardize": True, **options, **given}
    path = logloss.path(table(), "ill", n_lambdas=4, l1_ratio=0.5, **common)
    model = path.model(3)
    attached = again(model, table(), tmp_path)
    alone = logloss.fit(
        table(), "ill", l1=model.fitted.options["l1"], l2=model.fitted.options["l2"], **common
    )
    assert model.fitted.n_rows == alone.fitted.n_rows
    assert model.notes == alone.notes
    found, expected = attached.influence(), alone.influence()
    np.testing.assert_allclose(found.leverages, expected.leverages, rtol=1e-6)
    assert found.degrees_of_freedom == pytest.approx(expected.degrees_of_freedom, rel=1e-6)


@pytest.mark.parametrize("how", ["pandas", "polars", "csv", "parquet"])
@pytest.mark.parametrize("name", ["all", "drop", "bound that holds", "balanced", "formula"])
def test_tables_of_any_kind_come_back(how: str, name: str, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "t.parquet")
    pc.write_csv(table(), tmp_path / "t.csv")
    sources: Mapping[str, Any] = {
        "pandas": table().to_pandas(),
        "polars": pl.from_arrow(table()),
        "csv": tmp_path / "t.csv",
        "parquet": tmp_path / "t.parquet",
    }
    model = logloss.fit(sources[how], "ill", **OPTIONS[name])
    compare(again(model, sources[how], tmp_path), model)


@pytest.mark.parametrize("storage", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bounds": [(None, 0.1), None, "+"]},
        {"C": 2.0, "penalty_factors": [0.0, 1.0, 3.0]},
        {"class_weight": {1: 3.0}},
        {"class_weight": {np.int64(1): 3.0, np.int64(0): 1.0}},
        {"fit_intercept": False, "l1": 0.01},
    ],
)
def test_arrays_come_back(storage: Any, options: dict[str, Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 3)) * (rng.random((200, 3)) < 0.6)
    y = (rng.random(200) < logloss.sigmoid(X[:, 0])).astype(int)
    roles = {"sample_weight": rng.random(200), "offset": 0.2 * rng.normal(size=200)}
    model = logloss.fit(storage(X), y, **roles, **options)
    compare(again(model, storage(X), tmp_path, y=y, **roles), model)


def test_soft_labels_and_one_class_against_all_others_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(100, 2))
    soft = logloss.sigmoid(X[:, 0] + rng.normal(size=100))
    model = logloss.fit(X, soft, bounds={"x0": (None, 0.3)})
    compare(again(model, X, tmp_path, y=soft), model)
    three = pd.DataFrame({"x": X[:, 0], "kind": np.array(["a", "b", "c"])[rng.integers(0, 3, 100)]})
    for positive in ("a", "b", "c"):
        options = {"positive": positive, "class_weight": {positive: 2.0}}
        model = logloss.fit(three, "kind", **options)
        compare(again(model, three, tmp_path), model)


def test_a_separated_fit_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    X = rng.standard_normal((60, 3))
    X[:, 2] = np.arange(60) < 8
    y = (rng.random(60) < logloss.sigmoid(X[:, 0])) | (X[:, 2] > 0)
    for options in ({}, {"bounds": {"x2": (None, 3.0)}}, {"bounds": {"x2": (0.0, None)}}):
        model = logloss.fit(X, y, **options)
        attached = again(model, X, tmp_path, y=y)
        agree(attached, model, ("separation", "limits"))


def test_another_request_is_not_taken(tmp_path: Path) -> None:
    model = logloss.fit(table(), "ill", **OPTIONS["class weights"])
    for other in ("balanced", {"yes": 2.0}):
        with pytest.raises(DataError, match="class_weight"):
            again(model, table(), tmp_path, class_weight=other)
    model = logloss.fit(table(), "ill", **OPTIONS["drop"])
    assert [out.name for out in model.fitted.schema.left_out] == [
        "flat"
    ]  # and yet rows went for it
    with pytest.raises(DataError, match="rows"):
        again(model, table().slice(3), tmp_path)
    X = np.eye(4)
    perceptron = logloss.fit(X, [0, 1, 0, 1], solver="perceptron", random_state=0)
    with pytest.raises(UsageError, match="perceptron"):
        again(perceptron, X, tmp_path, y=[0, 1, 0, 1])


def test_rows_that_do_not_count_are_not_counted() -> None:
    X, y = np.arange(12.0)[:, np.newaxis] % 5, np.arange(12) % 3 == 0
    weight = np.where(np.arange(12) < 9, 2.0, 0.0)
    assert logloss.fit(X, y, sample_weight=weight, C=1.0).fitted.n_rows == 9
    assert logloss.path(X, y, sample_weight=weight, n_lambdas=2).model(1).fitted.n_rows == 9
    frame = pd.DataFrame({"x": X[:, 0], "y": np.where(np.arange(12) < 9, y, np.nan), "w": 1.0})
    frame.loc[0, "w"] = 0.0
    assert logloss.fit(frame, "y", sample_weight="w", C=1.0).fitted.n_rows == 8


# ---- files of before, and damaged ones


def of_before(model: Model, n_rows: int | None = None) -> Model:
    record = json.loads(model.dumps())
    for key in ("bounds", "penalty_factors", "class_weight"):
        del record["options"][key]
    record["n_rows"] = n_rows or record["n_rows"]
    return Model(Fitted.from_json(record))


def test_a_file_of_before_is_attached_where_it_says_enough() -> None:
    for name in ("plain", "both", "C, standardize", "l1", "prior", "firth", "formula"):
        model = logloss.fit(table(), "ill", **OPTIONS[name])
        attached = of_before(model, 294).attach(table())  # rows of weight 0 counted then
        agree(attached, model, ("covariance", "leverages", "test"))
    model = logloss.fit(table(), "ill", **OPTIONS["balanced"])
    compare(of_before(model).attach(table(), class_weight="balanced"), model)


@pytest.mark.parametrize("name", ["bound that holds", "sign of levels", "l1, l2, factors"])
def test_a_file_of_before_that_does_not_say_enough_is_refused(name: str) -> None:
    model = logloss.fit(table(), "ill", **OPTIONS[name])
    with pytest.raises(UsageError, match="penalty factors and bounds"):
        of_before(model).attach(table())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bounds", {"nobody": [0.0, None]}),
        ("bounds", {"a": [0.0]}),
        ("bounds", {"a": [1.0, 0.0]}),
        ("bounds", [[0.0, 1.0]]),
        ("penalty_factors", {"nobody": 1.0}),
        ("penalty_factors", {"a": -1.0}),
        ("penalty_factors", {"a": "1"}),
        ("class_weight", "balance"),
        ("class_weight", {"yes": 1.0}),
        ("class_weight", [["yes", "2"]]),
    ],
)
def test_damaged_options_are_refused(key: str, value: Any) -> None:
    record = json.loads(logloss.fit(table(), "ill", **OPTIONS["plain"]).dumps())
    record["options"][key] = value
    with pytest.raises(ModelFileError, match=f"options.{key}"):
        Fitted.from_json(record)
