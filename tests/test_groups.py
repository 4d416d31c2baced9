"""Clusters: who belongs together, in any type, from any place; missing labels, few clusters.

The truth is statsmodels' cov_type="cluster" with its factor G/(G − 1) · (n − 1)/(n − k), and SciPy
for Student's t.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import sys
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
import scipy.stats
import statsmodels.api as sm

import logloss
from logloss.cli import main
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.model.model import Model
from logloss.numerics import distributions
from logloss.record.fitted import Fitted

rng = np.random.default_rng(3)
N, G = 300, 25
WHO = np.repeat(np.arange(G), N // G)
U = 0.5 * rng.normal(size=G)[WHO]
X = (rng.normal(size=N) + U)[:, None]
Y = (rng.random(N) < logloss.sigmoid(X[:, 0] / 2.0 - U)).astype(int)
NAMES = np.array([f"s{k:02d}" for k in WHO])
HOLES = np.zeros(N, dtype=bool)
HOLES[[3, 70, 71]] = True


def peer(columns: Any, who: Any) -> Any:
    how = {"cov_type": "cluster", "cov_kwds": {"groups": who}}
    return sm.Logit(Y, sm.add_constant(columns)).fit(disp=0, tol=1e-14, method="newton", **how)


ERRORS = peer(X, WHO).bse
DAYS = np.datetime64("2020-01-01") + WHO.astype("timedelta64[D]")
LABELS: dict[str, Any] = {
    "int": WHO,
    "uint8": WHO.astype(np.uint8),
    "float": WHO / 4.0,
    "complex": WHO * 1j,
    "str": NAMES,
    "bytes": NAMES.astype("S"),
    "object": NAMES.astype(object),
    "mixed": np.where(WHO % 2, NAMES.astype(object), WHO.astype(object)),
    "list": NAMES.tolist(),
    "tuples": [(int(k), "a") for k in WHO],
    "dates": DAYS,
    "durations": WHO.astype("timedelta64[s]"),
    "python dates": [dt.date(2020, 1, 1 + int(k)) for k in WHO],
    "column": WHO[:, None],
    "pandas": pd.Series(NAMES),
    "pandas category": pd.Series(NAMES, dtype="category"),
    "pandas Int64": pd.Series(WHO, dtype="Int64"),
    "pandas string": pd.Series(NAMES, dtype="string"),
    "pandas dates": pd.Series(DAYS),
    "pandas zones": pd.Series(DAYS).dt.tz_localize("UTC"),
    "pandas frame": pd.DataFrame({"g": NAMES}),
    "polars": pl.Series(NAMES),
    "polars category": pl.Series(NAMES, dtype=pl.Categorical),
    "arrow": pa.array(NAMES),
    "arrow chunks": pa.chunked_array([NAMES[:100], NAMES[100:]]),
    "arrow dictionary": pa.array(NAMES).dictionary_encode(),
    "arrow dates": pa.array(DAYS.astype("datetime64[s]")),
    "masked": np.ma.masked_array(WHO, mask=False),
}


def listed(labels: Any) -> list[Any]:
    return [None if hole else one for hole, one in zip(HOLES, labels, strict=True)]


MISSING: dict[str, Any] = {
    "float": np.where(HOLES, np.nan, WHO),
    "complex": np.where(HOLES, np.nan, WHO * 1j),
    "infinite": np.where(HOLES, np.inf, WHO),
    "object None": np.array(listed(NAMES.tolist()), dtype=object),
    "object NaN": np.where(HOLES, np.nan, WHO).astype(object),
    "object NaN in text": np.where(HOLES, np.nan, NAMES.astype(object)),
    "object NA": np.where(HOLES, pd.NA, NAMES.astype(object)),
    "object NaT": np.where(HOLES, pd.NaT, NAMES.astype(object)),
    "object datetime64 NaT": np.array([np.datetime64("NaT"), *WHO[1:]], dtype=object),
    "list None": listed(NAMES.tolist()),
    "list of numbers and None": listed(WHO.tolist()),
    "NaT": np.where(HOLES, np.datetime64("NaT"), DAYS),
    "NaT of durations": np.where(HOLES, np.timedelta64("NaT"), WHO.astype("timedelta64[s]")),
    "pandas": pd.Series(listed(NAMES.tolist())),
    "pandas category": pd.Series(listed(NAMES.tolist()), dtype="category"),
    "pandas Int64": pd.Series(listed(WHO.tolist()), dtype="Int64"),
    "pandas Float64": pd.Series(listed((WHO / 4.0).tolist()), dtype="Float64"),
    "pandas string": pd.Series(listed(NAMES.tolist()), dtype="string"),
    "pandas arrow": pd.Series(listed(NAMES.tolist()), dtype=pd.ArrowDtype(pa.string())),
    "pandas dates": pd.Series(np.where(HOLES, np.datetime64("NaT"), DAYS)),
    "polars": pl.Series(listed(NAMES.tolist())),
    "polars NaN": pl.Series(np.where(HOLES, np.nan, WHO)),
    "arrow": pa.array(listed(NAMES.tolist())),
    "arrow NaN": pa.array(np.where(HOLES, np.nan, WHO)),
    "arrow dictionary": pa.array(listed(NAMES.tolist())).dictionary_encode(),
    "arrow dates": pa.array(listed(DAYS.astype("datetime64[s]").tolist())),
    "masked": np.ma.masked_array(WHO, mask=HOLES),
    "masked text": np.ma.masked_array(NAMES, mask=HOLES),
}


def close(found: Any, expected: Any, rtol: float = 1e-8) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=rtol)


# ---- labels of any type


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_type_make_the_same_groups(name: str) -> None:
    found = logloss.fit(X, Y).covariance(groups=LABELS[name])
    close(found.standard_errors, ERRORS)
    assert found.clusters == G


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_label_is_an_error_in_any_type(name: str) -> None:
    model = logloss.fit(X, Y)
    asks: list[Callable[[], Any]] = [
        lambda: model.covariance(groups=MISSING[name]),
        lambda: logloss.fit(X, Y, covariance="cluster", groups=MISSING[name]),
    ]
    for ask in asks:
        with pytest.raises(DataError, match=r"groups has no label.* in row [03]"):
            ask()


@pytest.mark.parametrize("name", MISSING)
def test_rows_that_do_not_count_need_none(name: str) -> None:
    gone = HOLES.copy()
    gone[0] = True
    labels = np.where(gone, np.nan, Y)
    frame = pd.DataFrame({"x": X[:, 0], "y": labels})
    model = logloss.fit(frame, "y")
    known = model.covariance(groups=np.where(gone, 999, WHO)).standard_errors
    close(model.covariance(groups=MISSING[name]).standard_errors, known)
    weighted = logloss.fit(X, Y, sample_weight=(~gone).astype(float))
    close(weighted.covariance(groups=MISSING[name]).standard_errors, known)
    kept = ~gone
    how = {"cov_type": "cluster", "cov_kwds": {"groups": WHO[kept]}}
    truth = sm.Logit(Y[kept], sm.add_constant(X[kept])).fit(disp=0, tol=1e-14, **how)
    close(known, truth.bse, 1e-7)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (WHO[:-1], "shape"),
        (np.column_stack([WHO, WHO]), "shape"),
        (pd.DataFrame({"a": WHO, "b": WHO}), "2 columns"),
        (np.zeros(N), "one group only"),
        (["a"] * N, "one group only"),
        ([{"a": 1}] * N, "no label"),
        ([["a"]] * N, "no label"),
    ],
)
def test_what_tells_no_groups_is_refused(labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        logloss.fit(X, Y).covariance(groups=labels)


def test_a_series_in_another_order_is_refused() -> None:
    frame = pd.DataFrame({"x": X[:, 0], "y": Y}, index=[f"r{i}" for i in range(N)])
    who = pd.Series(WHO, index=frame.index)
    model = logloss.fit(frame, "y")
    close(model.covariance(groups=who).standard_errors, ERRORS)
    with pytest.raises(DataError, match="another index"):
        model.covariance(groups=who.sample(frac=1.0, random_state=0))


# ---- columns of the table


def frame_of(kind: str, folder: Path) -> Any:
    table = pa.table(
        {"x": X[:, 0], "s": NAMES, "k": WHO, "d": DAYS.astype("datetime64[s]"), "y": Y}
    )
    makes: dict[str, Callable[[], Any]] = {
        "pandas": table.to_pandas,
        "polars": lambda: pl.from_arrow(table),
        "arrow": lambda: table,
        "csv": lambda: pc.write_csv(table, folder / "t.csv") or folder / "t.csv",
        "parquet": lambda: pq.write_table(table, folder / "t.parquet") or folder / "t.parquet",
    }
    return makes[kind]()


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "csv", "parquet"])
@pytest.mark.parametrize("name", ["s", "k", "d"])
def test_any_column_can_be_named_even_one_that_is_excluded(
    kind: str, name: str, tmp_path: Path
) -> None:
    table = frame_of(kind, tmp_path)
    model = logloss.fit(table, "y", exclude=["s", "k", "d"])
    if name == "d" and kind == "parquet":
        with pytest.raises((DataError, UsageError), match="dates"):
            model.covariance(groups=name)
        return
    close(model.covariance(groups=name).standard_errors, ERRORS)
    said = logloss.fit(table, "y", exclude=["s", "k", "d"], covariance="cluster", groups=name)
    assert list(said.coefficients) == ["x"]
    close(said.covariance().standard_errors, ERRORS)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "csv", "parquet"])
def test_a_column_that_was_fitted_can_be_named(kind: str, tmp_path: Path) -> None:
    table = frame_of(kind, tmp_path)
    text = logloss.fit(table, "y", exclude=["k", "d", "x"]).covariance(groups="s")
    assert text.clusters == G
    number = logloss.fit(table, "y", exclude=["s", "d"])
    close(number.covariance(groups="k").standard_errors, peer(np.c_[X[:, 0], WHO], WHO).bse, 1e-7)
    with pytest.raises(UsageError, match=r"no column 'z'|cannot be found|left out"):
        number.covariance(groups="z")


def test_columns_of_matrices_and_formulas() -> None:
    both = np.c_[X[:, 0], WHO]
    truth = peer(both, WHO).bse
    for matrix in (both, np.asfortranarray(both), sp.csr_array(both), sp.csc_array(both)):
        close(logloss.fit(matrix, Y).covariance(groups="x1").standard_errors, truth, 1e-7)
    frame = pd.DataFrame({"x": X[:, 0], "s": NAMES, "y": Y})
    plain = logloss.fit(frame, "y", formula="x")
    close(plain.covariance(groups="s").standard_errors, ERRORS)
    said = logloss.fit(frame, "y", formula="x", covariance="cluster", groups="s")
    close(said.covariance().standard_errors, ERRORS)
    inside = logloss.fit(frame, "y", formula="x + C(s)", covariance="cluster", groups="s")
    assert inside.covariance().clusters == G


def test_a_column_with_holes_is_no_group(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": X[:, 0], "s": listed(NAMES.tolist()), "k": WHO, "y": Y})
    frame["k"] = frame["k"].where(~HOLES)
    frame.to_csv(tmp_path / "t.csv", index=False)
    for table in (frame, tmp_path / "t.csv"):
        for exclude in ((), ("s", "k")):
            model = logloss.fit(table, "y", exclude=exclude)
            for name in ("s", "k"):
                with pytest.raises(DataError, match=f"column '{name}' has no label.*row 3"):
                    model.covariance(groups=name)
    words = frame.assign(s=frame["s"].fillna("?"))
    with pytest.raises(DataError, match="no label"):
        logloss.fit(words, "y", na=["?"], exclude=["s", "k"]).covariance(groups="s")


def test_a_file_that_has_other_rows_now_is_refused(tmp_path: Path) -> None:
    path = frame_of("csv", tmp_path)
    model = logloss.fit(path, "y", exclude=["s", "k", "d"])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-5]) + "\n")
    with pytest.raises(DataError, match="has changed since the fit"):
        model.covariance(groups="s")


# ---- asked for in the fit, and kept


def loaded(model: Model) -> Model:
    return Model(Fitted.from_json(json.loads(model.dumps())))


def test_a_covariance_of_the_fit_is_shown_everywhere_and_saved(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": X[:, 0], "s": NAMES, "y": Y})
    options: dict[str, Any] = {"exclude": ["s"], "covariance": "cluster", "groups": "s"}
    model = logloss.fit(frame, "y", **options)
    model.summary()
    for one in (
        model,
        loaded(model),
        loaded(model).attach(frame),
        loaded(model).attach(frame.drop(columns="s"), groups=NAMES),
    ):
        close(one.summary().table["standard_error"], ERRORS)
        close(one.covariance(groups="s").standard_errors, ERRORS)
        reach = 1.959963984540054 * ERRORS
        close(
            one.confidence_intervals()["upper"].to_numpy()
            - one.summary().table["estimate"].to_numpy(),
            reach,
        )
        assert one.delta_method(lambda b: b["x"])[1] == pytest.approx(ERRORS[1], rel=1e-6)
        assert f"robust, by cluster ({G} of them)" in str(one.summary())
        assert one.summary(covariance="hessian").table["standard_error"][1].as_py() < ERRORS[1] * 2
    back = loaded(model).attach(frame)
    close(back.marginal_effects()["standard_error"], model.marginal_effects()["standard_error"])
    close(back.covariance("HC1").matrix, model.covariance("HC1").matrix)
    hc1 = logloss.fit(X, Y, covariance="HC1")
    close(loaded(hc1).covariance().matrix, logloss.fit(X, Y).covariance("HC1").matrix)
    arrays = logloss.fit(X, Y, covariance="cluster", groups=WHO)
    close(loaded(arrays).attach(X, Y).covariance().standard_errors, ERRORS)
    close(
        loaded(arrays).attach(X, Y, groups=WHO).test(method="wald")["statistic"],
        (arrays.summary().table["z"].to_numpy()[1:] ** 2),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"covariance": "HC2"},
        {"covariance": "cluster"},
        {"covariance": "HC0", "groups": WHO},
        {"covariance": "HC0", "C": 1.0},
        {"groups": WHO, "l2": 0.1},
        {"covariance": "HC1", "bounds": {"x0": "+"}},
        {"covariance": "HC1", "firth": True},
        {"covariance": "hessian", "class_weight": "balanced"},
    ],
)
def test_a_covariance_that_cannot_be_is_refused_before_the_fit(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"covariance|groups|likelihood"):
        logloss.fit(X, Y, **options)


def test_a_hostile_file_is_refused() -> None:
    record = json.loads(logloss.fit(X, Y, covariance="HC1").dumps())
    for change in ({"covariance": "HC9"}, {"covariance": 1}, {"groups": 3}):
        with pytest.raises(ModelFileError, match="options"):
            Fitted.from_json({**record, "options": record["options"] | change})


# ---- few clusters, and Student's t


@pytest.mark.parametrize("count", [2, 3, 8, 19, 20])
def test_few_clusters_are_noted_and_t_is_offered(count: int) -> None:
    who = np.arange(N) % count
    model = logloss.fit(X, Y)
    summary = model.summary(groups=who)
    text = " ".join(str(summary).split())
    assert (f"{count} clusters are few" in text) == (count < 20)
    assert (f"Student's t with {count - 1} degree" in text) == (count < 20)
    assert ("span 1 direction only" in text) == (count <= 2)
    assert "1 degrees" not in text
    student = model.summary(groups=who, distribution="t")
    truth = peer(X, who)
    table = student.table
    z = truth.params / truth.bse
    close(table["p_value"], 2.0 * scipy.stats.t.sf(np.abs(z), count - 1), 1e-6)
    reach = scipy.stats.t.ppf(0.975, count - 1) * truth.bse
    close(table["upper"], truth.params + reach, 1e-6)
    close(
        model.confidence_intervals(groups=who, distribution="t")["lower"],
        truth.params - reach,
        1e-6,
    )
    assert "distribution='t'" not in str(student)


def test_t_without_clusters_has_n_less_k_degrees_of_freedom() -> None:
    table = logloss.fit(X, Y).summary(distribution="t").table
    z = table["z"].to_numpy()
    close(table["p_value"], 2.0 * scipy.stats.t.sf(np.abs(z), N - 2), 1e-10)
    prior = logloss.fit(X, Y, prior=0.1).summary(distribution="t").table
    close(prior["p_value"], 2.0 * scipy.stats.t.sf(np.abs(prior["z"].to_numpy()), N - 2), 1e-10)
    for ask in (logloss.fit(X, Y).summary, logloss.fit(X, Y).confidence_intervals):
        with pytest.raises(UsageError, match="distribution"):
            ask(distribution="student")
    with pytest.raises(UsageError, match="Student's t"):
        logloss.fit(X, Y).confidence_intervals(method="profile", distribution="t")


@pytest.mark.parametrize("df", [1, 2, 3, 7, 19, 100, 2.5, 1e4, 1e7])
def test_students_t_is_that_of_scipy(df: float) -> None:
    for t in (0.0, 1e-8, 0.1, 0.7, 1.0, 2.0, 5.0, 40.0, 1e6):
        expected = 2.0 * scipy.stats.t.sf(t, df)
        assert distributions.two_sided_t(-t, df) == pytest.approx(expected, rel=1e-8, abs=1e-300)
    for level in (0.5, 0.9, 0.95, 0.999):
        expected = scipy.stats.t.ppf(0.5 + level / 2.0, df)
        assert distributions.quantile_t(level, df) == pytest.approx(expected, rel=1e-8)
    assert math.isnan(distributions.two_sided_t(1.0, 0.0))
    assert math.isnan(distributions.quantile_t(0.9, 0.0))


# ---- the command line


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_command_line_clusters_by_a_column_that_is_excluded(
    kind: str, tmp_path: Path, capfd: Any
) -> None:
    table, file = frame_of(kind, tmp_path), tmp_path / "m.json"
    words = ["fit", str(table), "--target", "y", "--model", str(file)]
    without = ["--exclude", "k", "--exclude", "d", "--exclude", "s"]
    assert main([*words, *without, "--covariance", "cluster:s"]) == 0
    shown = capfd.readouterr().out
    assert f"robust, by cluster ({G} of them)" in shown
    assert main(["show", str(file)]) == 0
    assert capfd.readouterr().out.split() == shown.split()
    close(logloss.load(file).covariance().standard_errors, ERRORS)
    assert list(logloss.load(file).coefficients) == ["x"]
    for word, kind_of in (("hc0", "HC0"), ("HC1", "HC1"), ("hessian", "hessian")):
        assert main([*words, *without, "--covariance", word, "--distribution", "t"]) == 0
        assert "Student's t with 298 degrees of freedom" in capfd.readouterr().out
        assert logloss.load(file).covariance().kind == kind_of
    fitted_too = ["--exclude", "d", "--exclude", "s", "--covariance", "cluster:k"]
    assert main([*words, *fitted_too]) == 0
    assert "is a column of the fit too" in " ".join(capfd.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--covariance", "hc2"], 2, "cannot be read"),
        (["--covariance", "cluster:"], 2, "cannot be read"),
        (["--covariance", "cluster:zz"], 2, "no column 'zz'"),
        (["--covariance", "hc1", "--C", "1"], 2, "takes no C"),
        (["--covariance", "hc1", "--firth"], 2, "usual variance"),
        (["--distribution", "student"], 2, "--distribution must be one of"),
    ],
)
def test_wrong_words_are_answered(
    words: list[str], status: int, said: str, tmp_path: Path, capfd: Any
) -> None:
    table = frame_of("csv", tmp_path)
    without = ["--exclude", "d", "--exclude", "s"]
    found = main(["fit", str(table), "--target", "y", *without, *words])
    err = capfd.readouterr().err
    assert (found, said in err) == (status, True), err


def test_groups_of_what_can_be_read_once_are_named_in_the_fit(
    tmp_path: Path,
) -> None:
    path, file = frame_of("csv", tmp_path), tmp_path / "m.json"
    words = ["fit", "-", "--target", "y", "--exclude", "d", "--exclude", "k", "--exclude", "s"]
    with path.open("rb") as stream:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "logloss.cli",
                *words,
                "--covariance",
                "cluster:s",
                "--model",
                file,
            ],
            stdin=stream,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    close(logloss.load(file).covariance().standard_errors, ERRORS)
    reader = pq.ParquetFile(frame_of("parquet", tmp_path)).iter_batches()
    batches = list(reader)
    once = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    model = logloss.fit(once, "y", exclude=["s", "k", "d"])
    with pytest.raises((DataError, UsageError)):
        model.covariance(groups="s")
    spool = tmp_path / "t.spool"
    assert main(["encode", str(path), "-o", str(spool), "--exclude", "d"]) == 0
    model = logloss.fit(spool, "y", exclude=["s", "k"])
    close(model.covariance(groups="s").standard_errors, ERRORS)
