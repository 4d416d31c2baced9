"""Labels keep their type and declared order; spellings apart are one; words such as NA are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import logloss
from logloss.cli import main
from logloss.errors import DataError, UsageError
from logloss.table.encoding import whole
from logloss.table.roles.labels import label_array, without_missing_words
from logloss.table.spelling import MISSING_NUMBERS, spelled

X = pd.DataFrame({"x": [0.0, 1, 2, 3, 4, 5, 6, 7]})
HIGH = np.array([0, 0, 0, 1, 0, 1, 0, 1])
PLAIN = dict(logloss.fit(X, HIGH).coefficients)

# ---- types


@pytest.mark.parametrize("pair", [(9, 10), (9.0, 10.0), (False, True), ("no", "yes"), (-2.5, 0.5)])
@pytest.mark.parametrize(
    "hold",
    [
        np.array,
        lambda v: np.array(v, dtype=object),
        pd.Series,
        lambda v: pd.Series(v, dtype="category"),
        lambda v: pd.Series(v).convert_dtypes(),
        pl.Series,
        pa.array,
        lambda v: pa.array(v).dictionary_encode(),
    ],
    ids=["array", "object", "pandas", "category", "nullable", "polars", "arrow", "dictionary"],
)
@pytest.mark.parametrize("named", [False, True])
def test_labels_keep_their_type_and_order(
    pair: tuple[Any, Any], hold: Any, named: bool, tmp_path: Path
) -> None:
    y = hold([pair[k] for k in HIGH])
    if named and isinstance(y, (pl.Series, pa.Array)):
        x = pa.array(X["x"])
        table = pl.DataFrame({"x": X["x"].to_numpy(), "y": y}) if isinstance(y, pl.Series) else None
        model = logloss.fit(pa.table({"x": x, "y": y}) if table is None else table, "y")
    else:
        model = logloss.fit(X.assign(y=y), "y") if named else logloss.fit(X, y)
    assert dict(model.coefficients) == pytest.approx(PLAIN, rel=1e-9)
    loaded = save_and_load(model, tmp_path)
    for one in (model, loaded):
        assert one.classes == pair
        if not (hold is not np.array and isinstance(pair[0], float)):
            assert [type(label) for label in one.classes] == [type(label) for label in pair]
        predicted = one.predict(X)
        assert predicted.dtype == np.array(one.classes).dtype
        assert set(predicted.tolist()) == set(pair)
        assert np.mean(predicted == np.array([pair[k] for k in HIGH])) == 0.75


def save_and_load(model: logloss.Model, folder: Path) -> logloss.Model:
    model.save(folder / "m.json")
    return logloss.load(folder / "m.json")


def test_one_label_against_all_others_keeps_its_type(tmp_path: Path) -> None:
    y = [0, 0, 1, 2, 1, 2, 0, 2]
    for labels in (y, pd.Series(y, dtype="category"), [0.0, 0, 1, 2, 1, 2, 0, 2]):
        for positive in (2, "2", 2.0, "2.0"):
            model = logloss.fit(X, labels, positive=positive)
            for one in (model, save_and_load(model, tmp_path)):
                assert one.classes == ("not 2", 2) or one.classes == ("not 2.0", 2.0)
                assert (one.predict(X) == 2).sum() == (one.predict_proba(X) > 0.5).sum() > 0
    assert label_array(("not 2", 2)).dtype == object
    assert label_array((1, 2)).dtype == np.int64
    assert label_array((False, True)).dtype == np.bool_


# ---- declared order


CATEGORIES = {
    "ordered": lambda v, c: pd.Series(pd.Categorical(v, categories=c, ordered=True)),
    "unordered": lambda v, c: pd.Series(pd.Categorical(v, categories=c)),
    "enum": lambda v, c: pl.Series(v, dtype=pl.Enum(c)),
    "arrow": lambda v, c: pa.DictionaryArray.from_arrays([c.index(x) for x in v], c),
    "chunks": lambda v, c: pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays([c.index(x) for x in v[:3]], c),
            pa.DictionaryArray.from_arrays([c.index(x) for x in v[3:]], c),
        ]
    ),
}


@pytest.mark.parametrize("kind", CATEGORIES)
@pytest.mark.parametrize(
    "declared", [["control", "case"], ["case", "control"], ["a", "control", "b", "case", "c"]]
)
def test_the_later_of_two_declared_labels_is_positive(kind: str, declared: list[str]) -> None:
    y = ["case" if high else "control" for high in HIGH]
    last = max(("case", "control"), key=declared.index)
    sign = 1.0 if last == "case" else -1.0
    column = CATEGORIES[kind](y, declared)
    tables: list[tuple[Any, Any]] = [(X, column)]
    if isinstance(column, pd.Series):
        tables.append((X.assign(y=column), "y"))
    elif isinstance(column, pl.Series):
        tables.append((pl.DataFrame({"x": X["x"].to_numpy(), "y": column}), "y"))
    else:
        tables.append((pa.table({"x": X["x"].to_numpy(), "y": column}), "y"))
    for table, target in tables:
        model = logloss.fit(table, target)
        assert model.classes[1] == last
        assert model.coefficients["x"] == pytest.approx(sign * PLAIN["x"], rel=1e-9)
        turned = logloss.fit(table, target, positive="control")
        assert turned.classes == ("case", "control")


def test_a_categorical_of_polars_has_no_order() -> None:
    y = pl.Series(["yes" if high else "no" for high in HIGH[::-1]], dtype=pl.Categorical)
    assert logloss.fit(X, y).classes == ("no", "yes")


# ---- spellings


@pytest.mark.parametrize("hold", [list, np.array, pd.Series, pl.Series, pa.array])
@pytest.mark.parametrize("positive", [None, "Yes", "YES", " yes"])
def test_capitals_and_blanks_make_no_label(hold: Any, positive: Any) -> None:
    words = ["No", "no", "No ", "Yes", "no", "yes", "No", "Yes"]
    model = logloss.fit(X, hold(words), positive=positive)
    assert model.classes == ("No", "Yes")
    assert dict(model.coefficients) == pytest.approx(PLAIN, rel=1e-9)
    assert len(model.notes) == 1
    assert "'yes' as 'Yes'" in model.notes[0]
    e = model.evaluate(X, words)
    assert e.log_loss == pytest.approx(model.fitted.loss, rel=1e-9)


def test_two_spellings_are_two_labels() -> None:
    model = logloss.fit(X, ["a" if high else "A" for high in HIGH])
    assert model.classes == ("A", "a")
    assert model.notes == ()


def test_the_commonest_spelling_names_the_label_whatever_the_order_of_rows() -> None:
    words = np.array(["b", "B", "B", "a", "a", "A", "B", "b"])
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(8)
        assert logloss.fit(X, words[order], C=1.0).classes == ("a", "B")


def test_a_label_against_all_others_counts_all_its_spellings() -> None:
    words = ["low", "LOW", "mid", "high", "mid", "High", "low", "high"]
    model = logloss.fit(X, words, positive="HIGH")
    assert model.classes == ("not high", "high")
    assert model.fitted.positive_share == pytest.approx(3 / 8)


# ---- words that mean there is no label


WORDS = ["Yes", "NA", "No", "n/a", "Yes", "No", "null", "No", "Yes", "No"]
KEPT = [0, 2, 4, 5, 7, 8, 9]


def frame() -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(10.0) % 7, "y": WORDS})


def forms(folder: Path) -> dict[str, Any]:
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    pyarrow.csv.write_csv(table, folder / "t.csv")
    pq.write_table(table, folder / "t.parquet")
    assert main(["encode", str(folder / "t.csv"), "-o", str(folder / "t.spool"), "--quiet"]) == 0
    return {
        "pandas": frame(),
        "category": frame().astype({"y": "category"}),
        "polars": pl.from_arrow(table),
        "arrow": table,
        "csv": folder / "t.csv",
        "parquet": folder / "t.parquet",
        "spool": folder / "t.spool",
    }


@pytest.mark.parametrize("positive", [None, "Yes", "yes"])
def test_words_for_missing_are_no_labels(
    positive: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole_rows = frame().iloc[KEPT].reset_index(drop=True)
    truth = logloss.fit(whole_rows, "y", C=1.0)
    for form, table in forms(tmp_path).items():
        model = logloss.fit(table, "y", C=1.0, positive=positive)
        assert model.classes == ("No", "Yes"), form
        assert model.fitted.n_rows == 7
        assert model.coefficients["x"] == pytest.approx(truth.coefficients["x"], rel=1e-6)
        assert any("3 rows without a target left out ('NA', 'n/a'" in n for n in model.notes)
        e = model.evaluate(table)
        assert (e.n_rows, e.n_dropped) == (7, 3)
        path = logloss.path(table, "y", n_lambdas=3)
        assert path.model(0).fitted.n_rows == 7
        assert logloss.race(table, "y", solvers=["auto"], C=1.0).optimum == pytest.approx(
            truth.fitted.objective, rel=1e-9
        )
    capfd.readouterr()


def test_one_label_against_all_others_never_counts_what_is_missing() -> None:
    table = pd.DataFrame({"x": X["x"], "y": ["a", "b", "c", "NA", "b", "a", "c", "a"]})
    model = logloss.fit(table, "y", positive="a", C=1.0)
    assert (model.fitted.n_rows, model.fitted.positive_share) == (7, pytest.approx(3 / 7))
    e = model.evaluate(table)
    assert (e.n_rows, e.n_dropped) == (7, 1)


def test_words_for_missing_in_labels_beside_the_table_are_refused() -> None:
    for labels in (WORDS, np.array(WORDS), pd.Series(WORDS), pl.Series(WORDS)):
        with pytest.raises(DataError, match="missing value in row 1"):
            logloss.fit(frame()[["x"]], labels, C=1.0)
    with pytest.raises(UsageError, match="no class 'NA'"):
        logloss.fit(frame(), "y", positive="NA")
    with pytest.raises(DataError, match="one class only: 'EU'"):
        logloss.fit(pd.DataFrame({"x": X["x"], "y": ["NA", "EU"] * 4}), "y")


def test_columns_lose_their_words_only_where_they_are_the_target() -> None:
    column = whole.columns_of(pa.table({"c": ["NA", "b", None, "null", "b"]})).by_name["c"]
    found, words = without_missing_words(column)  # type: ignore[arg-type]
    assert [found.value(row) for row in range(5)] == [None, "b", None, None, "b"]
    assert words == ["NA", "null"]
    assert len(found.levels) == 2


# ---- one spelling for every type


@pytest.mark.parametrize(
    ("same", "spelling"),
    [
        ((1, 1.0, "1", "1.0", " 1 ", np.int8(1), np.float32(1), "1e0", "+1"), "1"),
        ((True, "True", "true", "TRUE", np.bool_(True)), "True"),
        ((0.5, "0.5", ".50", np.float64(0.5)), "0.5"),
        ((-0.0, 0, "0", "-0"), "0"),
        ((2**70, float(2**70), str(2**70)), str(2**70)),
        (("Yes", " Yes "), "Yes"),
        (("1_000",), "1_000"),
        (("1e999",), "1e999"),
        (("9" * 5000,), "9" * 5000),
    ],
)
def test_one_spelling(same: tuple[Any, ...], spelling: str) -> None:
    assert {spelled(value) for value in same} == {spelling}
    assert "NA" in MISSING_NUMBERS


@pytest.mark.parametrize("classes", [(0, 1), (0.0, 1.0), ("0", "1"), (False, True)])
@pytest.mark.parametrize(
    "given",
    [
        [0, 1],
        [0.0, 1.0],
        ["0", "1"],
        ["0.0", "1.0"],
        pd.Series([0, 1], dtype="category"),
        pd.Series([0.0, 1.0], dtype="category"),
        pd.Series([0, 1], dtype="Int64"),
        pl.Series([0, 1]),
        pa.array(["0", "1"]),
    ],
)
def test_labels_of_another_type_are_found(classes: tuple[Any, Any], given: Any) -> None:
    model = logloss.fit(X, np.array(classes)[HIGH], C=1.0)
    e = model.evaluate(X.iloc[[0, 7]].reset_index(drop=True), given)
    z = model.decision_function(X.iloc[[0, 7]])
    assert e.log_loss == pytest.approx(logloss.bce_with_logits([0, 1], z), rel=1e-12)
    assert e.notes == ()
    assert logloss.fit(X, np.array(classes)[HIGH], C=1.0, positive="0").classes == classes[::-1]


# ---- a class without weight


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd", "saga", "newton-cg", "adam", "sgd"])
@pytest.mark.parametrize("there", [0, 1])
@pytest.mark.parametrize("soft", [False, True])
def test_a_class_whose_rows_have_no_weight(solver: str, there: int, soft: bool) -> None:
    """As in a bootstrap: fitted under a penalty, as scikit-learn does; a verdict without one."""
    y = HIGH * 1.0
    weight = (there == HIGH) * 1.0
    if soft:
        y[there != HIGH] = 0.5
    model = logloss.fit(X, y, sample_weight=weight, C=1.0, solver=solver)
    assert model.certificate.status.name == "CERTIFIED"
    assert (model.predict(X) == there).all()
    assert model.coefficients["x"] == pytest.approx(0.0, abs=1e-3)  # scikit-learn: 4e-5
    assert "has no finite best value" in model.notes[-1]
    assert "summary" in repr(model.summary) and str(model.summary())
    free = logloss.fit(X, y, sample_weight=weight, solver=solver)
    assert free.certificate.status.name == "SEPARATED"
    assert free.separation.exists is False
    assert free.separation.columns["(intercept)"] == (np.inf if there else -np.inf)
    assert str(free.summary())


def test_class_weights_where_a_class_has_no_weight() -> None:
    for class_weight in ("balanced", {0: 1.0, 1: 0.0}, {"0": 1.0, "1": 0.0}):
        weight = (HIGH == 0) * 1.0 if class_weight == "balanced" else None
        model = logloss.fit(X, HIGH, sample_weight=weight, class_weight=class_weight, C=1.0)
        assert (model.predict(X) == 0).all()
    with pytest.raises(UsageError, match="both class weights are zero"):
        logloss.fit(X, HIGH, class_weight={0: 0.0, 1: 0.0})
    with pytest.raises(UsageError, match="class weight of 0 must be"):
        logloss.fit(X, HIGH, class_weight={0: -1.0})
    twice = logloss.fit(X, HIGH, class_weight={"1": 2.0}, C=1.0)
    assert dict(twice.coefficients) == dict(
        logloss.fit(X, HIGH, class_weight={1: 2.0}, C=1.0).coefficients
    )


def test_without_an_intercept_one_class_has_an_optimum() -> None:
    from sklearn.linear_model import LogisticRegression

    weight = (HIGH == 1) * 1.0
    model = logloss.fit(X, HIGH, sample_weight=weight, C=1.0, fit_intercept=False, tol=1e-12)
    truth = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12).fit(X, HIGH, weight)
    assert model.coefficients["x"] == pytest.approx(truth.coef_[0, 0], rel=1e-6)


def test_rows_that_are_left_out_are_no_rows_of_a_class() -> None:
    table = pd.DataFrame({"x": [np.nan, 1.0, 2.0, 3.0], "y": [1, 0, 0, 0]})
    with pytest.raises(DataError, match="one class only among the rows that are kept: 0"):
        logloss.fit(table, "y", missing="drop")


def test_notes_on_labels_are_told_by_path_and_race(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["No", "no", "No", "Yes", "NA", "yes", "No", "Yes"]
    X.assign(y=words).to_csv(tmp_path / "t.csv", index=False)
    commands = [
        ["fit", tmp_path / "t.csv", "--target", "y", "--C", 1],
        ["path", tmp_path / "t.csv", "--target", "y", "--n-lambdas", 3],
        ["race", tmp_path / "t.csv", "--target", "y", "--C", 1, "--solvers", "lbfgs"],
    ]
    for command in commands:
        assert main([str(word) for word in command]) == 0
        out = " ".join(capfd.readouterr().out.split())
        assert "'yes' as 'Yes'" in out
        assert "1 row without a target left out ('NA' means there is none)" in out
