"""Fits of other rows, weights, offsets or labels do not compare, wherever they come from."""

from __future__ import annotations

import json
import pickle
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
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.model.model import Model
from logloss.record.fitted import Fitted

rng = np.random.default_rng(0)
N = 300
X = rng.normal(size=(N, 2))
SHIFT = 2.0 * rng.normal(size=N)
S = rng.integers(1, 4, N).astype(float)
Y = (rng.random(N) < logloss.sigmoid(SHIFT)).astype(int)
ROLES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "offset": {"offset": SHIFT},
    "another offset": {"offset": SHIFT + np.eye(N)[3]},
    "weights": {"sample_weight": S},
    "other weights": {"sample_weight": S[::-1].copy()},
}


def small(**roles: Any) -> Model:
    return logloss.fit(X[:, :1], roles.pop("y", Y), **roles)


def large(**roles: Any) -> Model:
    return logloss.fit(X, roles.pop("y", Y), **roles)


def from_file(model: Model, y: Any = Y, **roles: Any) -> Model:
    """As it is after a save, with its data again."""
    names = len(model.coefficients)
    return Model(Fitted.from_json(json.loads(model.dumps()))).attach(X[:, :names], y, **roles)


# ---- what is refused


@pytest.mark.parametrize("one", ROLES)
@pytest.mark.parametrize("other", ROLES)
@pytest.mark.parametrize("how", ["alive", "loaded", "attached", "pickled"])
def test_only_equal_weights_and_offsets_compare(one: str, other: str, how: str) -> None:
    a, b = small(**ROLES[one]), large(**ROLES[other])
    a.covariance()
    b.covariance()
    if how == "loaded":
        a, b = (Model(Fitted.from_json(json.loads(m.dumps()))) for m in (a, b))
    if how == "attached":
        a, b = from_file(a, **ROLES[one]), from_file(b, **ROLES[other])
    if how == "pickled":
        a, b = pickle.loads(pickle.dumps((a, b)))
    if one == other:
        assert a.likelihood_ratio(b).df == 1
        return
    with pytest.raises(UsageError, match="fitted to other rows: other (weights|offsets)"):
        a.likelihood_ratio(b)


@pytest.mark.parametrize("other", [logloss.LogisticRegression(), None, 3.0, "model.json"])
def test_what_is_no_model_is_refused_with_words(other: Any) -> None:
    with pytest.raises(
        UsageError, match=f"compares with a Model, not with a {type(other).__name__}"
    ):
        small().likelihood_ratio(other)


@pytest.mark.parametrize(
    "labels",
    [1 - Y, Y[::-1].copy(), rng.permutation(Y), Y[rng.permutation(N)] * 1.0, Y * 0.5 + 0.2],
)
def test_other_labels_are_refused(labels: Any) -> None:
    with pytest.raises(UsageError, match="other labels"):
        small().likelihood_ratio(large(y=labels))


def test_fewer_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="other labels"):
        small().likelihood_ratio(logloss.fit(X[:-1], Y[:-1]))
    left_out = np.ones(N)
    left_out[7] = 0.0
    with pytest.raises(UsageError, match="other labels"):
        small().likelihood_ratio(large(sample_weight=left_out))


# ---- what is not


def test_within_one_offset_the_ratio_is_that_of_statsmodels() -> None:
    family = sm.families.Binomial()
    peers = [
        sm.GLM(Y, sm.add_constant(columns), family, offset=SHIFT).fit(tol=1e-14)
        for columns in (X[:, :1], X)
    ]
    found = small(offset=SHIFT).likelihood_ratio(large(offset=SHIFT))
    assert found.statistic == pytest.approx(2.0 * (peers[1].llf - peers[0].llf), rel=1e-9)


def test_weights_of_one_and_offsets_of_zero_are_none() -> None:
    plain = large(sample_weight=np.ones(N), offset=-np.zeros(N))
    assert small().likelihood_ratio(plain).df == 1


def test_a_row_that_does_not_count_is_no_row() -> None:
    wide = np.vstack([X, [[9.0, 9.0]]])
    with_it = logloss.fit(wide, np.append(Y, 1), sample_weight=np.append(S, 0.0))
    assert small(sample_weight=S).likelihood_ratio(with_it).df == 1
    labels = [None, *map(float, Y)]
    frame = pd.DataFrame({"x0": [0.0, *X[:, 0]], "x1": [0.0, *X[:, 1]], "y": labels})
    assert small().likelihood_ratio(logloss.fit(frame, "y")).df == 1


@pytest.mark.parametrize("storage", ["F", "csr", "csc", "float32 y", "pandas", "polars", "arrow"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_storage_and_threads_do_not_matter(storage: str, n_threads: int) -> None:
    columns = {"x0": X[:, 0], "x1": X[:, 1], "y": Y, "s": S, "o": SHIFT}
    frames = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}
    if storage in frames:
        table = frames[storage](columns)
        model = logloss.fit(table, "y", sample_weight="s", offset="o", n_threads=n_threads)
    else:
        storages = {"F": np.asfortranarray, "csr": sp.csr_array, "csc": sp.csc_array}
        matrix = storages.get(storage, np.asarray)(X)
        labels = Y.astype(np.float32)
        model = logloss.fit(matrix, labels, sample_weight=S.astype(int), offset=SHIFT)
    assert small(sample_weight=S, offset=SHIFT).likelihood_ratio(model).df == 1


def test_files_of_any_kind_compare(tmp_path: Path) -> None:
    table = pa.table({"x0": X[:, 0], "x1": X[:, 1], "y": Y, "o": SHIFT})
    pq.write_table(table, tmp_path / "t.parquet")
    pc.write_csv(table, tmp_path / "t.csv")
    kept = small(offset=SHIFT)
    for name in ("t.parquet", "t.csv"):
        model = logloss.fit(tmp_path / name, "y", offset="o")
        assert kept.likelihood_ratio(model).df == 1
        with pytest.raises(UsageError, match="other offsets"):
            kept.likelihood_ratio(logloss.fit(tmp_path / name, "y", exclude=["o"]))


# ---- files


def test_a_file_without_marks_is_read_and_needs_its_data() -> None:
    a, b = small(offset=SHIFT), large(offset=SHIFT)
    record = json.loads(a.dumps())
    assert set(record["rows"]) == {"labels", "weights", "offset"}
    del record["rows"]
    old = Model(Fitted.from_json(record))
    with pytest.raises(UsageError, match="not known whether"):
        old.likelihood_ratio(b)
    with pytest.raises(UsageError, match="other rows"):
        old.likelihood_ratio(logloss.fit(X[9:], Y[9:]))
    assert old.attach(X[:, :1], Y, offset=SHIFT).likelihood_ratio(b) == a.likelihood_ratio(b)
    for rows in ("x", {"labels": 1, "weights": "", "offset": ""}, {"labels": ""}):
        with pytest.raises(ModelFileError, match="rows"):
            Fitted.from_json({**record, "rows": rows})


def test_attached_rows_have_the_order_of_the_fit() -> None:
    """The loss does not tell it, and groups and influence are row by row."""
    order = rng.permutation(N)
    lost = pickle.loads(pickle.dumps(small()))
    with pytest.raises(DataError, match="another order"):
        lost.attach(X[order, :1], Y[order])
    assert lost.attach(X[:, :1], Y).influence().names == ("x0", "(intercept)")
