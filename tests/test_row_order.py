"""The types of columns are settled by all rows: neither their order nor how they are cut decides.

Truth: invariance. The same rows in another order, in other pieces, in other files or packed give
the same types, levels and values, up to the order of rows.
"""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import io
import random
import subprocess
import sys
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import logloss
from logloss.table.columns.typed import Codes, Column, Numbers, Unusable
from logloss.table.encoding import text
from logloss.table.encoding.stream import encoded
from logloss.table.read import read
from logloss.table.reading import csv_pieces
from logloss.table.spool.spool import open_spool

PIECE = 64  # bytes

# Cells of one column: runs of each follow each other, so that pieces hold one kind only.
CELLS = {
    "int": ["1", "2", "NA", "3"],
    "float": ["1.5", "2", ""],
    "int64": ["9007199254740993", "1", "NA"],
    "beyond 64 bits": ["9223372036854775808", "1", "-1"],
    "integers that floats round": ["9007199254740993", "1", "0.5"],
    "bool": ["true", "False", "NA"],
    "bool and int": ["true", "1", "0"],
    "padded": [" NA", "1 ", " 2", "01"],
    "words": ["NA", "1", "x"],
    "Namibia": ["NA", "", "null"],
    "text": ["x", "NA", ""],
    "dates": ["2020-01-01", "2020-01-02 10:00:00.5", "NA"],
    "times": ["12:30", "NA", "12:31:11"],
    "zones": ["2020-01-01", "2020-01-01T10:00:00Z", ""],
    "hexadecimal": ["0x10", "1", "NA"],
    "infinite": ["inf", "1", "n/a"],
    "too large": ["1e999", "1"],
    "NAN": ["NAN", "2.5", "1", ""],
    "zeros": ["-0.0", "1", ""],
    "quoted": ['"a,b"', "1", ""],
    "signed": ["+5", "2", ".5", "NA"],
}


def settled(column: Column) -> Any:
    """All that does not depend on the order of rows, and the rows sorted."""
    if isinstance(column, Unusable):
        return column.reason
    rows = sorted((column.value(i) for i in range(len(column))), key=str)
    if isinstance(column, Numbers):
        return column.type, column.values.dtype, rows
    assert isinstance(column, Codes)
    return sorted(set(map(str, column.levels))), column.codes.dtype, rows


def column_x(path: Any) -> Column:
    return encoded(read(path)).columns.by_name["x"]  # type: ignore[union-attr]


def csv_of(cells: Sequence[str]) -> str:
    return "x,z\n" + "".join(f"{cell},{i}.25\n" for i, cell in enumerate(cells))


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
def test_order_and_pieces_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(csv_of([cell for cell in cells for _ in range(12)]))
    truth = settled(column_x(path))  # one piece
    monkeypatch.setattr(csv_pieces, "BLOCK", PIECE)
    for order in permutations(cells):
        path.write_text(csv_of([cell for cell in order for _ in range(12)]))
        assert settled(column_x(path)) == truth, order


MANY = {
    "integers": [[str(k) for k in range(80)], ["NA"]],
    "integers and floats": [[str(k) for k in range(40)], [f"{k}.5" for k in range(40)], [""]],
    "numbers and a word": [[str(k) for k in range(80)], ["x"], ["NA"]],
    "dates": [[f"2020-01-{k:02}" for k in range(1, 32)], [f"2020-03-{k:02}" for k in range(1, 32)]],
    "dates, and then none": [[f"2020-0{m}-{k:02}" for m in (1, 3) for k in range(1, 32)], ["x"]],
    "text": [[f"v{k}" for k in range(80)], ["NA", "1"]],
}


@pytest.mark.parametrize("runs", MANY.values(), ids=MANY)
def test_more_values_than_text_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[list[str]]
) -> None:
    monkeypatch.setattr(text, "MOST_LEVELS", 50)
    runs = [*runs, ["NA"] * 30]
    path = tmp_path / "t.csv"
    path.write_text(csv_of([cell for run in runs for cell in run]))
    truth = settled(column_x(path))
    monkeypatch.setattr(csv_pieces, "BLOCK", PIECE)
    for order in permutations(runs):
        path.write_text(csv_of([cell for run in order for cell in run]))
        assert settled(column_x(path)) == truth, order


def rows_of_a_sparse_column(n: int = 4_000) -> pd.DataFrame:
    """Numbers that miss their first three quarters, as a file that is sorted by time may have."""
    rng = np.random.default_rng(0)
    x = np.where(np.arange(n) < 0.75 * n, np.nan, np.round(rng.normal(size=n), 1))
    y = (rng.random(n) < 1 / (1 + np.exp(-np.nan_to_num(x)))).astype(int)
    flag = np.where(np.arange(n) < 0.75 * n, "NA", np.where(rng.random(n) < 0.5, "true", "false"))
    return pd.DataFrame({"x": x, "flag": flag, "z": rng.normal(size=n), "y": y})


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "?"])
def test_fit_and_predict_do_not_know_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(csv_pieces, "BLOCK", 1 << 12)
    rows = rows_of_a_sparse_column()
    shuffled = rows.sample(frac=1, random_state=1)
    files = {"sorted": rows, "shuffled": shuffled, "reversed": rows[::-1]}
    na = ("?",) if missing == "?" else ()
    models = {}
    for name, table in files.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False, na_rep=missing)
        models[name] = logloss.fit(tmp_path / f"{name}.csv", "y", na=na)
    by_hand = logloss.fit(
        rows.assign(flag=rows.flag.map({"true": True, "false": False}).astype("boolean")), "y"
    )
    for model in models.values():
        assert list(model.coefficients) == list(by_hand.coefficients)
        assert list(model.coefficients.values()) == pytest.approx(
            list(by_hand.coefficients.values()), abs=1e-4
        )
        kinds = model.fitted.schema.to_json()["columns"]
        assert [kind["type"] for kind in kinds] == ["double", "bool", "double"]
    p = models["shuffled"].predict_proba(tmp_path / "sorted.csv")
    assert p.tolist() == models["shuffled"].predict_proba(tmp_path / "reversed.csv")[::-1].tolist()
    frame = pd.read_csv(tmp_path / "sorted.csv", na_values=["?"])
    frame["flag"] = frame["flag"].astype("boolean")
    assert p.tolist() == models["shuffled"].predict_proba(frame).tolist()


def test_files_packs_pipes_and_spools_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_pieces, "BLOCK", 1 << 12)
    rows = rows_of_a_sparse_column()
    content = rows.to_csv(index=False)
    (tmp_path / "whole.csv").write_text(content)
    (tmp_path / "whole.csv.gz").write_bytes(gzip.compress(content.encode()))
    truth = [settled(column_x(tmp_path / "whole.csv"))]
    truth += [settled(column_x(tmp_path / "whole.csv.gz"))]
    for seed in range(4):
        folder = tmp_path / f"f{seed}"
        folder.mkdir()
        cuts = sorted(random.Random(seed).sample(range(1, len(rows)), 5))
        for k, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
            rows[first:last].to_csv(folder / f"{k}.csv", index=False)
        truth.append(settled(column_x(folder)))
    program = [sys.executable, "-m", "logloss.cli", "encode"]
    subprocess.run(
        [*program, "-", "-o", str(tmp_path / "t.spool"), "--quiet"],
        input=content.encode(),
        check=True,
        capture_output=True,
    )
    truth.append(settled(open_spool(tmp_path / "t.spool").by_name["x"]))
    assert all(one == truth[0] for one in truth)


TYPED = {
    "null": pa.nulls(3),
    "int8": pa.array([1, 2, None], pa.int8()),
    "int64": pa.array([1, 2, None]),
    "uint32": pa.array([1, 2, None], pa.uint32()),
    "float": pa.array([1.5, 2, None], pa.float32()),
    "double": pa.array([1.5, 2, None]),
    "decimal": pa.array([decimal.Decimal("1.50"), None, None]),
    "bool": pa.array([True, False, None]),
    "string": pa.array(["a", "NA", None]),
    "large string": pa.array(["a", "NA", None], pa.large_string()),
    "dictionary": pa.array(["a", "b", None]).dictionary_encode(),
    "date": pa.array([dt.date(2020, 1, 1), None, None]),
}


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("names", [(a, b) for a in TYPED for b in TYPED if a < b])
def test_typed_files_that_differ(tmp_path: Path, kind: str, names: tuple[str, ...]) -> None:
    found = []
    for order in (names, names[::-1], (*names, "null"), ("null", *names)):
        folder = tmp_path / "-".join(order)
        folder.mkdir(exist_ok=True)
        for k, name in enumerate(order):
            table = pa.table({"x": TYPED[name], "z": [1, 2, 3]})
            (pq.write_table if kind == "parquet" else write_arrow)(table, folder / f"{k}.{kind}")
        try:
            column = column_x(folder)
        except logloss.errors.DataError as error:
            assert "column 'x'" in error.message
            found.append("refused")
            continue
        found.append(column.reason if isinstance(column, Unusable) else settled(column)[:2])
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[0] == "refused" or found[0][0] == found[2][0]


def test_an_arrow_stream_whose_first_files_have_no_type(tmp_path: Path) -> None:
    sink = io.BytesIO()
    table = pa.table({"x": pa.chunked_array([pa.nulls(3), pa.nulls(2)]), "z": [1, 2, 3, 4, 5]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "0.arrow").write_bytes(sink.getvalue())
    write_arrow(pa.table({"x": [0.5, 1.0], "z": [1, 2]}), tmp_path / "1.arrow")
    column = column_x(tmp_path)
    assert [column.value(i) for i in range(7)] == [None] * 5 + [0.5, 1.0]
