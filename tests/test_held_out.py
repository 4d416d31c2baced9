"""Models on rows that they have not seen: labels, priors, and `logloss evaluate`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

import logloss
from logloss.bernoulli import bce_with_logits
from logloss.cli import main
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.evaluation import evaluate, prior_shift
from logloss.model.model import Model
from logloss.table import encode_target, read, split
from logloss.table.roles.held_out import held_out_labels

Array = NDArray[np.float64]


def table(n: int, seed: int, labels: tuple[Any, Any] = ("<=50K", ">50K")) -> pa.Table:
    rng = np.random.default_rng(seed)
    age, hours = rng.normal(40, 10, n), rng.normal(40, 8, n)
    z = 0.06 * (age - 40) + 0.05 * (hours - 40) - 0.8
    rich = rng.random(n) < 1.0 / (1.0 + np.exp(-z))
    income = [labels[int(one)] for one in rich]
    return pa.table({"age": age, "income": income, "hours": hours, "w": rng.integers(1, 4, n)})


@pytest.fixture(scope="module")
def model() -> Model:
    return logloss.fit(table(600, 0), "income", exclude=["w"])


def truth(model: Model, held_out: pa.Table) -> float:
    y = np.array(held_out.column("income").to_pylist()) == ">50K"
    z = model.decision_function(held_out)
    return float(bce_with_logits(y.astype(float), z))


def test_the_target_is_found_by_its_name(model: Model) -> None:
    held_out = table(300, 1)
    e = model.evaluate(held_out)
    assert e.n_rows == 300
    assert e.log_loss == pytest.approx(truth(model, held_out), rel=1e-13)
    assert e.notes == ()
    assert str(e).startswith("Evaluation of income: probability of >50K against <=50K")


@pytest.mark.parametrize("labels", [("<=50K.", ">50K."), ("<=50k", ">50k"), (" <=50K. ", ">50K. ")])
def test_labels_that_are_spelled_apart_are_recognised(
    model: Model, labels: tuple[str, str]
) -> None:
    e = model.evaluate(table(300, 1, labels))
    assert e.log_loss == pytest.approx(truth(model, table(300, 1)), rel=1e-13)
    assert len(e.notes) == 1
    assert f"{labels[1].strip()!r} was read as '>50K'" in e.notes[0]
    assert "note:" in str(e)


def test_blanks_around_labels_are_no_part_of_them(model: Model) -> None:
    e = model.evaluate(table(300, 1, (" <=50K", ">50K ")))
    assert e.log_loss == pytest.approx(truth(model, table(300, 1)), rel=1e-13)
    assert e.notes == ()


def test_a_label_that_the_model_does_not_know(model: Model) -> None:
    with pytest.raises(DataError, match=r"'income' holds '>51K' in row \d+, which is no class"):
        model.evaluate(table(300, 1, ("<=50K", ">51K")))


def test_labels_that_could_be_either_are_refused() -> None:
    both = logloss.fit(table(600, 0, ("a", "a.")), "income", exclude=["w"])
    assert both.evaluate(table(200, 1, ("a", "a."))).n_rows == 200
    with pytest.raises(DataError, match="no class"):
        both.evaluate(table(200, 1, ("A", "a.")))


STORES = {
    "arrow": lambda t: t,
    "chunks": lambda t: pa.concat_tables([t.slice(0, 7), t.slice(7)]),
    "dictionary": lambda t: t.set_column(
        1, "income", t.column("income").combine_chunks().dictionary_encode()
    ),
    "pandas": lambda t: t.to_pandas(),
    "polars": pl.from_arrow,
    "large": lambda t: t.set_column(1, "income", t.column("income").cast(pa.large_string())),
}


@pytest.mark.parametrize("store", STORES)
def test_rows_without_a_label_are_left_out(model: Model, store: str) -> None:
    held_out = table(300, 1)
    income = held_out.column("income").to_pylist()
    for row in (0, 5, 299):
        income[row] = None
    holes = held_out.set_column(1, "income", pa.array(income, pa.string()))
    e = model.evaluate(STORES[store](holes))
    keep = np.ones(300, dtype=bool)
    keep[[0, 5, 299]] = False
    assert e.n_rows == 297
    assert e.n_dropped == 3
    assert e.log_loss == pytest.approx(truth(model, held_out.filter(keep)), rel=1e-12)
    assert "3 more without a label left out" in str(e)


def test_files(model: Model, tmp_path: Path) -> None:
    held_out = table(300, 1)
    pyarrow.csv.write_csv(held_out, tmp_path / "t.csv")
    pq.write_table(held_out, tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        e = model.evaluate(tmp_path / name, sample_weight="w")
        z = model.decision_function(held_out)
        y = np.array(held_out.column("income").to_pylist()) == ">50K"
        assert e.log_loss == pytest.approx(
            bce_with_logits(y.astype(float), z, held_out.column("w").to_numpy()), rel=1e-12
        )
        assert f"on {name}" in str(e)


@pytest.mark.parametrize(
    ("classes", "given"),
    [
        ((0, 1), np.array([0.0, 1.0, np.nan])),
        ((0, 1), np.array([False, True, False])),
        ((0, 1), ["0", "1", None]),
        ((False, True), np.array([0, 1, 1])),
        ((1, 2), np.array([1.0, 2.0, 2.0])),
        (("no", "yes"), np.array(["no", "yes", None], dtype=object)),
        (("no", "yes"), pd.Series(["no", "yes", pd.NA], dtype="string")),
        (("no", "yes"), pl.Series(["no", "yes", None])),
        (("1", "2"), pa.array([1, 2, None])),
        ((0, 1), pd.Series([0, 1, pd.NA], dtype="Int64")),
    ],
)
def test_labels_of_any_type(classes: tuple[Any, Any], given: Any) -> None:
    X = np.random.default_rng(0).standard_normal((40, 2))
    labels = np.array(classes)[(X[:, 0] + np.sin(9 * X[:, 1]) > 0).astype(int)]
    fitted = logloss.fit(X, labels)
    e = fitted.evaluate(X[:3], given)
    y, z = np.array([0.0, 1.0, 0.0]), fitted.decision_function(X[:3])
    known = [not (x is None or x is pd.NA or x != x) for x in list(given)]
    known = [k and str(x) != "None" for k, x in zip(known, list(given), strict=True)]
    third = list(given)[2]
    y[2] = float(known[2] and str(third) in ("1", "2.0", "True"))
    assert e.n_dropped == known.count(False)
    assert e.log_loss == pytest.approx(bce_with_logits(y[known], z[known]), rel=1e-12)


def test_soft_labels_stay_soft() -> None:
    X = np.random.default_rng(0).standard_normal((40, 2))
    soft = 1.0 / (1.0 + np.exp(-X[:, 0]))
    fitted = logloss.fit(X, soft, C=1.0)
    e = fitted.evaluate(X, soft)
    assert e.positive_share == pytest.approx(soft.mean())
    with pytest.raises(DataError, match="no class"):
        fitted.evaluate(X, soft + 1.0)


def test_sparse_matrices_and_offsets() -> None:
    rng = np.random.default_rng(0)
    X = sp.random(200, 6, 0.4, format="csr", random_state=1)
    o, y = rng.normal(size=200), rng.integers(0, 2, 200)
    fitted = logloss.fit(X, y, offset=o, C=1.0)
    e = fitted.evaluate(X, y, offset=o)
    assert e.log_loss == pytest.approx(fitted.fitted.loss, rel=1e-9)
    with pytest.raises(UsageError, match="offset"):
        fitted.evaluate(X, y)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"y": "incme"}, DataError, "no column 'incme'"),
        ({"y": ["<=50K"]}, DataError, "has 1 value, but"),
        ({"y": [None] * 300}, DataError, "all values are missing"),
        ({"sample_weight": "v"}, UsageError, "'v'"),
        ({"bins": 0}, UsageError, "bins"),
    ],
)
def test_what_cannot_be_evaluated(
    model: Model, given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        model.evaluate(table(300, 1), **given)


def test_a_model_of_an_array_needs_labels() -> None:
    X = np.random.default_rng(0).standard_normal((40, 2))
    fitted = logloss.fit(X, np.arange(40) % 2)
    with pytest.raises(UsageError, match="array of labels"):
        fitted.evaluate(X)


def test_the_perceptron_has_nothing_to_evaluate() -> None:
    fitted = logloss.fit(table(100, 0), "income", exclude=["w"], solver="perceptron", max_iter=5)
    with pytest.raises(UsageError, match="no probabilities"):
        fitted.evaluate(table(100, 0))


def test_a_weighted_fit_is_noted() -> None:
    fitted = logloss.fit(table(300, 0), "income", sample_weight="w")
    assert "'w'" in fitted.evaluate(table(100, 1)).notes[0]
    assert not fitted.evaluate(table(100, 1), sample_weight="w").notes


# ---- a prior


def test_a_prior_moves_the_intercept_by_the_formula() -> None:
    rows = table(600, 0)
    y = np.array(rows.column("income").to_pylist()) == ">50K"
    plain = logloss.fit(rows, "income", exclude=["w"], tol=1e-12)
    told = logloss.fit(rows, "income", exclude=["w"], tol=1e-12, prior=0.01)
    share = y.mean()
    assert told.intercept == pytest.approx(
        plain.intercept - math.log(share * 0.99 / ((1 - share) * 0.01)), rel=1e-12
    )
    assert dict(told.coefficients) == dict(plain.coefficients)
    assert told.certificate.gap == plain.certificate.gap
    assert told.fitted.options["prior"] == 0.01
    assert "0.01 positive in the population" in str(told.summary())
    assert plain.with_prior(0.01).intercept == told.intercept
    assert told.with_prior(0.3).intercept == pytest.approx(plain.with_prior(0.3).intercept)
    assert told.with_prior(None).intercept == pytest.approx(plain.intercept, rel=1e-13)


def test_a_prior_undoes_case_control_sampling() -> None:
    """The fit to all events and some of the others says what that to all rows says."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200_000, 2))
    z = X @ np.array([1.0, -0.5]) - 5.0
    y = rng.random(len(z)) < 1.0 / (1.0 + np.exp(-z))
    kept = y | (rng.random(len(z)) < 0.02)
    whole = logloss.fit(X, y)
    naive, told = logloss.fit(X[kept], y[kept]), logloss.fit(X[kept], y[kept], prior=y.mean())
    assert abs(naive.intercept - whole.intercept) > 3.0
    assert abs(told.intercept - whole.intercept) < 0.15


def test_class_weights_count_for_a_prior() -> None:
    rows = table(600, 0)
    y = np.array(rows.column("income").to_pylist()) == ">50K"
    balanced = logloss.fit(rows, "income", exclude=["w"], class_weight="balanced", tol=1e-12)
    told = balanced.with_prior(float(y.mean()))
    shift = prior_shift(0.5, float(y.mean()))
    assert told.intercept == pytest.approx(balanced.intercept - shift, rel=1e-10)
    assert told.evaluate(rows).recalibration.in_the_large == pytest.approx(0.0, abs=0.05)


def test_a_prior_lives_in_the_file(tmp_path: Path) -> None:
    told = logloss.fit(table(300, 0), "income", exclude=["w"], prior=0.02)
    told.save(tmp_path / "m.json")
    again = logloss.load(tmp_path / "m.json")
    assert again.intercept == told.intercept
    assert again.with_prior(None).intercept == told.with_prior(None).intercept
    assert "0.02 positives" in again.evaluate(table(100, 1)).notes[0]
    document = json.loads((tmp_path / "m.json").read_text())
    for damaged in (2.0, 0.0, "much"):
        document["options"]["prior"] = damaged
        (tmp_path / "m.json").write_text(json.dumps(document))
        with pytest.raises(ModelFileError, match="prior"):
            logloss.load(tmp_path / "m.json")


def test_a_fit_goes_on_from_the_uncorrected_point() -> None:
    rows = table(300, 0)
    told = logloss.fit(rows, "income", exclude=["w"], prior=0.001)
    again = logloss.fit(rows, "income", exclude=["w"], start=told)
    assert again.history[0].loss == pytest.approx(told.fitted.objective, rel=1e-9)


@pytest.mark.parametrize("prior", [0.0, 1.0, -1, 2, "x", math.nan, True])
def test_a_prior_that_cannot_be(prior: Any) -> None:
    with pytest.raises(UsageError, match="prior"):
        logloss.fit(table(50, 0), "income", exclude=["w"], C=1.0, prior=prior)


def test_a_prior_needs_an_intercept_and_probabilities() -> None:
    rows: Any = dict(X=table(50, 0), y="income", exclude=["w"], C=1.0)
    with pytest.raises(UsageError, match="intercept"):
        logloss.fit(**rows, prior=0.1, fit_intercept=False)
    with pytest.raises(UsageError, match="intercept"):
        logloss.fit(**rows, fit_intercept=False).with_prior(0.1)
    del rows["C"]
    with pytest.raises(UsageError, match="probabilities"):
        logloss.fit(**rows, solver="perceptron", max_iter=3).with_prior(0.1)


# ---- the command


@pytest.fixture
def files(model: Model, tmp_path: Path) -> tuple[Path, Path]:
    model.save(tmp_path / "m.json")
    pyarrow.csv.write_csv(table(400, 1, ("<=50K.", ">50K.")), tmp_path / "t.csv")
    return tmp_path / "m.json", tmp_path / "t.csv"


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    return status, *capfd.readouterr()


def test_evaluate_prints_and_draws(
    files: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "calibration.png"
    arguments = ["--cost-fp", 1, "--cost-fn", 5, "--min-recall", 0.9, "--plot", picture]
    status, out, err = run(capfd, "evaluate", *files, *arguments)
    assert status == 0
    assert "Evaluation of income on t.csv" in out
    assert out.count("threshold p ≥") == 3
    assert "'>50K.' was read as '>50K'" in out.replace("\n  ", " ")
    assert err == f"calibration drawn to {picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_evaluate_as_json(
    files: tuple[Path, Path], model: Model, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capfd, "evaluate", *files, "--json", "--threshold", 0.5, "--bins", 4)
    assert (status, err) == (0, "")
    told = json.loads(out)
    e = model.evaluate(files[1])
    assert told["measures"]["auc"]["value"] == e.auc
    assert len(told["bins"]) == 4
    assert told["decisions"][0]["recall"] == e.decide(0.5).recall


def test_evaluate_quietly_says_nothing(
    files: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(capfd, "evaluate", *files, "--quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--cost-fp", "1"], 2, "belong together"),
        (["--quiet", "--json"], 2, "contradict"),
        (["--plot", "x.bmp"], 2, "cannot tell the format"),
        (["--target", "nothing"], 1, "no column 'nothing'"),
        (["--min-precision", "2"], 2, "min_precision"),
        (["--weights", "wt"], 2, "'wt'"),
    ],
)
def test_evaluate_says_what_is_wrong(
    files: tuple[Path, Path],
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    words: str,
) -> None:
    found, out, err = run(capfd, "evaluate", *files, *arguments)
    assert (found, out) == (status, "")
    assert words in err
    assert "hint:" in err


def test_fit_takes_a_prior(
    files: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "p.json"
    words = ["--target", "income", "--exclude", "w", "--prior", 0.05, "--model", path]
    status, out, _ = run(capfd, "fit", files[1], *words)
    assert status == 0
    assert "0.05 positive in the population" in out
    assert logloss.load(path).fitted.options["prior"] == 0.05


def test_the_adult_test_part_is_read(data_file: Any) -> None:
    """Its labels end in a full stop, unlike those of the training part."""
    names = [f"c{j}" for j in range(14)] + ["income"]
    numeric = ["c0", "c2", "c4", "c10", "c11", "c12"]
    read = {"header": None, "names": names, "skipinitialspace": False, "na_values": [" ?"]}
    train = pd.read_csv(data_file("adult-train.csv.gz"), **read)[[*numeric, "income"]]
    test = pd.read_csv(data_file("adult-test.csv.gz"), **read)[[*numeric, "income"]]
    train, test = train.dropna(), test.dropna(subset=numeric)
    fitted = logloss.fit(train, "income")
    e = fitted.evaluate(test)
    assert e.n_rows == 16_281
    assert "full stop" not in str(e)
    assert "'>50K.' was read as" in e.notes[0]
    z = fitted.decision_function(test)
    y = test["income"].str.contains(">").to_numpy(dtype=float)
    assert evaluate(y, z=z).to_json()["measures"] == e.to_json()["measures"]
    assert e.auc > 0.8


# ---- a target and held-out labels are read by the same code


COLUMNS: list[Any] = [
    ["", "a", "", "a", "a", ""],
    ["no", "YES ", "no", "yes", "no", "Yes"],
    [b"b", b"a", b"a", b"b", b"a", b"b"],
    [1, 2, 1, 2, 2, 1],
    [1.0, 0.0, 1, True, 0, 0],
    [10**30, 0, 0, 10**30, 0, 0],
    np.array([True, False, True, False, False, False]),
    np.array([3, 5, 3, 5, 5, 3], dtype=np.int8)[:, np.newaxis],
    np.array([0.25, 1.0, 0.0, 0.5, 1.0, 0.0], dtype=np.float32),
    pd.Series(["b", "a", "b", "a", "a", "b"], dtype=pd.CategoricalDtype(["b", "a"])),
    pd.Series([4, 7, 4, 7, 7, 4], dtype=pd.CategoricalDtype([7, 4])),
    pd.Series([2, 9, 2, 2, 9, 9], dtype="Int64"),
    pa.chunked_array([["x", "y", "x"], ["y", "y", "x"]]),
]


@pytest.mark.parametrize("column", COLUMNS)
def test_what_a_target_is_its_labels_are_found_to_be(column: Any) -> None:
    """On the rows of the fit themselves."""
    rows = pd.DataFrame({"x": np.arange(6.0)})
    target = encode_target(split(rows, y=column).y_values)
    found = held_out_labels(read(rows), column, target.classes)
    np.testing.assert_array_equal(found.y, target.y)
    assert set(target.y) > {0.0, 1.0} if target.soft else set(target.y) == {0.0, 1.0}
