"""The order of levels that a table declares, and what spans the intercept where none is fitted.

Truth: statsmodels on the design that patsy and R make of the same factor, and shares of groups.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import statsmodels.api as sm

import logloss
from logloss.errors import DataError
from logloss.table.columns.levels import order_of
from logloss.table.encoding.encode import encode
from logloss.table.encoding.grow import InMemory
from logloss.table.encoding.scratch import Spilling
from logloss.table.encoding.stream import encoded
from logloss.table.encoding.whole import columns_of
from logloss.table.reading.options import Sql
from logloss.table.spool.spool import write_spool

RNG = np.random.default_rng(4)
ORDER = ["mid", "never", "low", "high"]  # neither by letters nor by frequency; one without a row
WORDS = RNG.choice(["low", "mid", "high"], 300, p=[0.3, 0.2, 0.5])
X = RNG.normal(size=300)
Y = (RNG.random(300) < 1 / (1 + np.exp(-X - (WORDS == "low") + 0.5 * (WORDS == "mid")))).astype(int)

Make = Callable[[Any, list[str]], Any]


def of_pandas(v: Any, order: list[str], ordered: bool = False) -> pd.DataFrame:
    return pd.DataFrame({"g": pd.Categorical(v, categories=order, ordered=ordered), "x": X, "y": Y})


def of_arrow(v: Any, order: list[str], ordered: bool = False) -> pa.Table:
    codes = pa.array([order.index(word) for word in v], pa.int8())
    g = pa.DictionaryArray.from_arrays(codes, pa.array(order), ordered=ordered)
    return pa.table({"g": g, "x": X, "y": Y})


DECLARED: dict[str, Make] = {
    "unordered": of_pandas,
    "ordered": lambda v, order: of_pandas(v, order, True),
    "Enum": lambda v, order: pl.DataFrame(
        {"g": pl.Series(list(v), dtype=pl.Enum(order)), "x": X, "y": Y}
    ),
    "dictionary": of_arrow,
    "ordered dictionary": lambda v, order: of_arrow(v, order, True),
    "reader": lambda v, order: of_arrow(v, order).to_reader(50),
    "chunks": lambda v, order: pa.concat_tables(
        of_arrow(v, order).slice(k, 50) for k in range(0, 300, 50)
    ),
}


def table_of(frame: Any) -> pa.Table:
    if isinstance(frame, pd.DataFrame):
        return pa.Table.from_pandas(frame)
    return frame.to_arrow() if isinstance(frame, pl.DataFrame) else frame


@pytest.mark.parametrize("kind", DECLARED)
def test_the_first_declared_level_is_the_reference(kind: str) -> None:
    model = logloss.fit(DECLARED[kind](WORDS, ORDER), "y", tol=1e-13)
    assert list(model.coefficients) == ["g=low", "g=high", "x"]
    truth = sm.Logit(Y, np.c_[np.ones(300), WORDS == "low", WORDS == "high", X]).fit(disp=0).params
    found = [model.intercept, *model.coefficients.values()]
    assert found == pytest.approx(truth.tolist(), abs=1e-5)
    (note,) = model.notes
    assert "'g' declares levels that no row has" in note
    assert "'never'" in note
    penalised = logloss.fit(DECLARED[kind](WORDS, ORDER), "y", C=1.0)
    assert list(penalised.coefficients) == ["g=mid", "g=low", "g=high", "x"]


@pytest.mark.parametrize("kind", ["unordered", "ordered", "Enum", "dictionary"])
def test_files_keep_the_declared_order(tmp_path: Path, kind: str) -> None:
    table = table_of(DECLARED[kind](WORDS, ORDER))
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=70)
    feather.write_feather(table, tmp_path / "t.arrow", chunksize=70)
    (tmp_path / "folder").mkdir()
    pq.write_table(table.slice(0, 100), tmp_path / "folder" / "0.parquet")
    pq.write_table(table.slice(100), tmp_path / "folder" / "1.parquet")
    spool = encoded(logloss.table.read(tmp_path / "t.parquet"))
    write_spool(tmp_path / "t.spool", spool.columns)  # type: ignore[arg-type]
    for name in ("t.parquet", "t.arrow", "folder", "t.spool"):
        model = logloss.fit(tmp_path / name, "y")
        assert list(model.coefficients) == ["g=low", "g=high", "x"], name


def test_an_enum_of_a_query_is_declared() -> None:
    duckdb.register("order_of_rows", pd.DataFrame({"g": WORDS, "x": X, "y": Y}))
    enum = ", ".join(f"'{word}'" for word in ORDER)
    relation = duckdb.sql(f"select g::enum({enum}) as g, x, y from order_of_rows")
    assert list(logloss.fit(relation, "y").coefficients) == ["g=low", "g=high", "x"]
    query = Sql(
        f"select (['low', 'mid', 'high'])[i % 3 + 1]::enum({enum}) as g, i from range(9) t(i)"
    )
    column = encoded(logloss.table.read(query)).columns.by_name["g"]  # type: ignore[union-attr]
    assert order_of(column) == tuple(ORDER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"g": WORDS, "x": X, "y": Y}),
        pl.DataFrame({"g": pl.Series(list(WORDS), dtype=pl.Categorical), "x": X, "y": Y}),
        pa.table({"g": WORDS, "x": X, "y": Y}),
    ],
    ids=["text", "Categorical of polars", "Arrow text"],
)
def test_what_declares_nothing(tmp_path: Path, table: Any) -> None:
    """Plain text comes out of Parquet as dictionaries too; polars' Categorical is as rows came."""
    pq.write_table(table_of(table), tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet"):
        model = logloss.fit(source, "y")
        assert list(model.coefficients) == ["g=low", "g=mid", "x"]  # "high" is most frequent
        assert model.notes == ()


@pytest.mark.parametrize("kind", ["unordered", "ordered", "Enum", "dictionary"])
def test_the_order_of_rows_changes_no_order_of_levels(kind: str) -> None:
    rows = np.argsort(WORDS, kind="stable")[::-1]
    table = table_of(DECLARED[kind](WORDS, ORDER)).take(pa.array(rows))
    assert list(logloss.fit(table, "y").coefficients) == ["g=low", "g=high", "x"]


@pytest.mark.parametrize("storage", [InMemory(), Spilling(0)])
def test_parts_that_declare_orders(storage: Any) -> None:
    """The order in which all others are found; orders that disagree declare none."""

    def declared(*orders: list[str]) -> Any:
        batches = [
            pa.record_batch(
                [pa.DictionaryArray.from_arrays(pa.array([0]), pa.array(order), ordered=True)],
                ["g"],
            )
            for order in orders
        ]
        streamed = encode(batches, ["g"], storage=storage).by_name["g"]
        whole = columns_of(pa.Table.from_batches(batches)).by_name["g"]
        assert order_of(streamed) == order_of(whole)  # type: ignore[arg-type]
        return order_of(whole)  # type: ignore[arg-type]

    assert declared(["c", "a"], ["c", "b", "a"], ["b"]) == ("c", "b", "a")
    assert declared(["c", "b", "a"], ["c", "a"]) == ("c", "b", "a")
    assert declared(["a", "b"], ["b", "a"]) is None
    assert declared(["a"], ["b"]) is None


def test_categories_of_numbers_are_in_their_order() -> None:
    z = RNG.choice([10, 9, 100], 300)
    model = logloss.fit(pd.DataFrame({"z": pd.Categorical(z), "y": Y}), "y")
    assert list(model.coefficients) == ["z=10", "z=100"]
    model = logloss.fit(pd.DataFrame({"z": pd.Categorical(z, [100, 9, 10]), "y": Y}), "y")
    assert list(model.coefficients) == ["z=9", "z=10"]


@pytest.mark.parametrize("contrast", ["Treatment", "Sum", "Helmert", "Poly", "Diff"])
def test_contrasts_follow_the_declared_order(contrast: str) -> None:
    pytest.importorskip("formulaic")
    patsy = pytest.importorskip("patsy")
    order = ["mid", "low", "high"]
    frame = of_pandas(WORDS, order, True)
    model = logloss.fit(frame, "y", formula=f"C(g, {contrast}) + x", tol=1e-13)
    design = patsy.dmatrix(
        f"C(g, {contrast}) + x" if contrast != "Diff" else "C(g, Diff) + x", frame
    )
    truth = sm.Logit(Y, np.asarray(design)).fit(disp=0)
    p = model.predict_proba(frame)
    np.testing.assert_allclose(p, truth.predict(), atol=1e-6)
    if contrast in ("Treatment", "Poly", "Sum"):
        found = [model.intercept, *model.coefficients.values()]
        assert found == pytest.approx(truth.params.tolist(), abs=1e-5)


def test_a_formula_begins_with_the_declared_order() -> None:
    pytest.importorskip("formulaic")
    model = logloss.fit(of_pandas(WORDS, ORDER), "y", formula="g + x")
    assert list(model.coefficients) == ["g[low]", "g[high]", "x"] or list(model.coefficients) == [
        "g[T.low]",
        "g[T.high]",
        "x",
    ]


def test_rare_levels_leave_the_declared_order() -> None:
    words = np.where(np.arange(300) < 6, ["mid", "low"] * 150, np.where(X > 0, "high", "top"))
    frame = of_pandas(words, ["mid", "high", "low", "top"])
    model = logloss.fit(frame, "y", min_count=10)
    assert list(model.coefficients) == ["g=top", "g=<rare>", "x"]


# ---- without an intercept

G = np.array(["a"] * 10 + ["b"] * 6 + ["c"] * 4)
H = np.array(["u", "v"] * 10)
Y_G = np.array([1] * 1 + [0] * 9 + [1] * 3 + [0] * 3 + [1] * 3 + [0])


@pytest.mark.parametrize("source", ["pandas", "polars", "arrow", "csv", "parquet", "category"])
@pytest.mark.parametrize("how", [{}, {"firth": True}, {"C": 1.0, "penalty_factors": {"g": 0}}])
def test_text_spans_the_intercept(tmp_path: Path, source: str, how: Any) -> None:
    frame = pd.DataFrame({"g": G, "y": Y_G})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    table = {
        "pandas": frame,
        "polars": pl.DataFrame({"g": G, "y": Y_G}),
        "arrow": pa.table({"g": G, "y": Y_G}),
        "csv": tmp_path / "t.csv",
        "parquet": tmp_path / "t.parquet",
        "category": frame.astype({"g": "category"}),
    }[source]
    model = logloss.fit(table, "y", fit_intercept=False, tol=1e-13, **how)
    assert list(model.coefficients) == ["g=a", "g=b", "g=c"]
    p = model.predict_proba(pd.DataFrame({"g": list("abc")}))
    n, k = np.array([10, 6, 4]), np.array([1, 3, 3])
    truth = (k + 0.5) / (n + 1) if "firth" in how else k / n  # Jeffreys in each cell
    np.testing.assert_allclose(p, truth, atol=1e-6)


def test_the_first_text_column_spans_it_and_no_other() -> None:
    frame = pd.DataFrame({"z": np.arange(20.0) % 3, "g": G, "h": H, "y": Y_G})
    model = logloss.fit(frame, "y", fit_intercept=False, tol=1e-13)
    assert list(model.coefficients) == ["z", "g=a", "g=b", "g=c", "h=v"]
    design = np.c_[frame.z, G == "a", G == "b", G == "c", H == "v"].astype(float)
    truth = sm.Logit(Y_G, design).fit(disp=0).params
    assert list(model.coefficients.values()) == pytest.approx(truth.tolist(), abs=1e-5)
    with_one = logloss.fit(frame, "y", tol=1e-13)
    np.testing.assert_allclose(model.predict_proba(frame), with_one.predict_proba(frame), atol=1e-7)


def test_a_penalised_column_spans_nothing() -> None:
    frame = pd.DataFrame({"g": G, "h": H, "y": Y_G})
    model = logloss.fit(frame, "y", fit_intercept=False, C=1.0, penalty_factors={"h": 0})
    assert list(model.coefficients) == ["g=a", "g=b", "g=c", "h=u", "h=v"]


# ---- a constant column

N = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
Y_N = np.array([0, 0, 0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize("source", ["block", "frame", "polars", "csv", "parquet", "formula"])
def test_a_constant_column_is_the_intercept(tmp_path: Path, source: str) -> None:
    frame = sm.add_constant(pd.DataFrame({"x": N}))
    truth = sm.Logit(Y_N, frame).fit(disp=0).params
    whole = frame.assign(y=Y_N)
    whole.to_csv(tmp_path / "t.csv", index=False)
    whole.to_parquet(tmp_path / "t.parquet")
    options: dict[str, Any] = {"fit_intercept": False, "tol": 1e-12}
    target: Any = "y"
    table: Any = tmp_path / f"t.{source}"
    if source == "block":
        table, target = frame, Y_N
    elif source == "polars":
        table = pl.DataFrame({name: whole[name].to_numpy() for name in whole})
    elif source == "frame":
        table = whole.astype({"const": int})
    elif source == "formula":
        table, options["formula"] = whole, "0 + const + x"
    model = logloss.fit(table, target, **options)
    assert dict(model.coefficients) == pytest.approx(truth.to_dict(), abs=1e-4)
    assert len(model.notes) == 1
    assert "'const' is 1 in all rows: it is the intercept" in model.notes[0]
    if source != "formula":
        kept = logloss.fit(table, target, tol=1e-13)
        assert list(kept.coefficients) == ["x"]


def test_of_several_constant_columns_one_is_kept() -> None:
    frame = pd.DataFrame({"zero": 0.0, "two": 2.0, "where": "North", "one": 1, "g": H[:8], "x": N})
    model = logloss.fit(frame, Y_N, fit_intercept=False, tol=1e-13)
    assert list(model.coefficients) == ["two", "g=v", "x"]
    said = " ".join(model.notes)
    for name in ("'zero' is left out", "'where' is left out", "'one' is left out", "'two' is 2 in"):
        assert name in said
    free = logloss.fit(frame, Y_N, fit_intercept=False, C=1.0, penalty_factors={"one": 0})
    assert list(free.coefficients) == ["one", "g=u", "g=v", "x"]


def test_a_constant_text_is_one_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"where": ["North"] * 8, "x": N})
    model = logloss.fit(frame, Y_N, fit_intercept=False, tol=1e-13)
    truth = sm.Logit(Y_N, sm.add_constant(N)).fit(disp=0).params
    assert list(model.coefficients.values()) == pytest.approx(truth.tolist(), abs=1e-4)
    model.save(tmp_path / "m.json")
    again = logloss.load(tmp_path / "m.json")
    assert again.predict_proba(frame).tolist() == model.predict_proba(frame).tolist()


def test_all_columns_of_an_array_stay() -> None:
    array = np.c_[np.ones(8), np.full(8, 2.0), N]
    model = logloss.fit(array, Y_N, fit_intercept=False, C=1.0)
    assert list(model.coefficients) == ["x0", "x1", "x2"]


# ---- names of our own


@pytest.mark.parametrize("word", ["<missing>", "<rare>"])
def test_text_that_is_spelled_as_ours_is_told(tmp_path: Path, word: str) -> None:
    words = np.where(np.arange(300) < 30, word, WORDS).astype(object)
    words[40:60] = None
    words[60:63] = ["p", "q", "r"]
    frame = pd.DataFrame({"g": words, "x": X, "y": Y})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for table in (frame, pl.from_pandas(frame), tmp_path / "t.csv"):
        model = logloss.fit(table, "y", min_count=5, C=1.0)
        assert [note for note in model.notes if f"the text {word!r}" in note]
    quiet = logloss.fit(frame.assign(g=frame.g.replace(word, "other")), "y", min_count=5, C=1.0)
    assert not [note for note in quiet.notes if "the text" in note]


def test_a_column_named_as_a_level_is_refused() -> None:
    table = pd.DataFrame({"x": np.where(X > 1, np.nan, X), "x=<missing>": X**2, "y": Y})
    with pytest.raises(DataError, match="'x' and 'x=<missing>' would both have a coefficient"):
        logloss.fit(table, "y")
    table = pd.DataFrame({"g": WORDS, "g=low": X, "y": Y})
    with pytest.raises(DataError, match="'g' and 'g=low' would both have a coefficient"):
        logloss.fit(table, "y")


def test_text_of_numbers_in_a_typed_table_is_told() -> None:
    table = pd.DataFrame({"v": np.round(X, 1).astype(str), "y": Y})
    (note,) = logloss.fit(table, "y", C=1.0).notes
    assert "'v' is text, and all of it reads as numbers" in note
    assert (
        logloss.fit(pd.DataFrame({"v": (np.arange(300) % 7).astype(str), "y": Y}), "y").notes == ()
    )


@pytest.mark.parametrize("word", ["<missing>", "<rare>"])
def test_text_spelled_as_ours_is_new_to_a_model_that_had_none(tmp_path: Path, word: str) -> None:
    words = WORDS.astype(object)
    words[40:60] = None
    words[60:63] = ["p", "q", "r"]
    model = logloss.fit(pd.DataFrame({"g": words, "y": Y}), "y", min_count=5)
    assert "g=<missing>" in model.coefficients
    assert "g=<rare>" in model.coefficients
    model.save(tmp_path / "m.json")
    for each in (model, logloss.load(tmp_path / "m.json")):
        with pytest.warns(UserWarning, match="'g' in 1 of 2 rows"):
            each.predict_proba(pd.DataFrame({"g": [word, "low"]}))


def test_contrasts_name_a_level_in_any_type() -> None:
    pytest.importorskip("formulaic")
    z = RNG.choice([1, 2, 3], 300)
    for column in (z, z.astype(str), pd.Categorical(z), pd.Categorical(z * 1.0)):
        for reference in ("2", "2.0"):
            model = logloss.fit(
                pd.DataFrame({"z": column, "y": Y}), "y", formula=f"C(z, Treatment({reference}))"
            )
            assert [name[-2:-1] for name in model.coefficients] == ["1", "3"]


def test_a_constant_with_holes_is_the_intercept_too() -> None:
    """The mean stands for what is missing: the column is the same in all rows."""
    frame = pd.DataFrame({"k": np.where(np.arange(20) % 5, 5.0, np.nan), "g": G, "y": Y_G})
    model = logloss.fit(frame, "y", fit_intercept=False, tol=1e-12)
    assert list(model.coefficients) == ["k", "k=<missing>", "g=b", "g=c"]
    same = logloss.fit(frame.assign(k=frame.k.isna()), "y", tol=1e-12)
    np.testing.assert_allclose(
        model.predict_proba(frame), same.predict_proba(frame.assign(k=frame.k.isna())), atol=1e-6
    )
