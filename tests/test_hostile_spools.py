"""Spools by a stranger, with a header whose checksum is right: refused with words, or a table."""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import logloss
from logloss.cli import main
from logloss.errors import DataError, LoglossError

RECORD, CHECKSUM = b"logloss.spool", b"logloss.spool.crc32"
N_ROWS = 40
WRONG = [
    None, True, 0, -1, 1, 0.5, 1e308, 2**62, 2**70, 10**400, "", "x", "numbers", "codes",
    "unusable", "\x1b[2J", "\ud800", [], [1], [["x", 1, 1]], {}, {"a": 1}, {"kind": "numbers"},
]  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spool")
    rng = np.random.default_rng(1)
    x = rng.normal(size=N_ROWS)
    table = pa.table(
        {
            "x": pa.array(np.where(x > 1, np.nan, x), from_pandas=True),
            "g": [None if i % 9 == 0 else "abc"[i % 3] for i in range(N_ROWS)],
            "when": pa.array([0] * N_ROWS, pa.timestamp("s")),
            "y": (x + rng.normal(size=N_ROWS) > 0).astype(int),
        }
    )
    pa.parquet.write_table(table, folder / "t.parquet")
    assert main(["encode", str(folder / "t.parquet"), "-o", str(folder / "t.spool"), "-q"]) == 0
    return folder / "t.spool"


def header_of(path: Path) -> Any:
    with pa.ipc.open_file(str(path)) as reader:
        return json.loads(reader.schema.metadata[RECORD])


def forge(good: Path, path: Path, text: bytes) -> None:
    """The same columns below another header, whose checksum is right."""
    with pa.ipc.open_file(str(good)) as reader:
        batch = reader.get_batch(0)
        metadata = dict(reader.schema.metadata)
    metadata |= {RECORD: text, CHECKSUM: b"%08x" % zlib.crc32(text)}
    schema = batch.schema.with_metadata(metadata)
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def attempt(path: Path) -> None:
    """Fit it: a model, or words of ours."""
    try:
        model = logloss.fit(str(path), "y", C=1.0)
    except LoglossError as error:
        assert "Traceback" not in str(error)
        return
    assert np.isfinite(list(model.coefficients.values())).all()


@settings(
    max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(data=st.data())
def test_any_wrong_value_in_the_header(good: Path, data: st.DataObject) -> None:
    header = header_of(good)
    where = data.draw(st.sampled_from(list(places(header))))
    forged = changed(header, where, data.draw(st.sampled_from(WRONG)))
    path = good.with_name("forged.spool")
    forge(good, path, json.dumps(forged).encode())
    attempt(path)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 100_000,
        b'{"version": NaN}', b"9" * 10_000, b'{"version": 1, "version": 1}',
    ],
)  # fmt: skip
def test_what_is_no_header(good: Path, text: bytes) -> None:
    path = good.with_name("forged.spool")
    forge(good, path, text)
    with pytest.raises(DataError, match="damaged or cut short"):
        logloss.fit(str(path), "y")


def test_the_header_as_it_was(good: Path) -> None:
    """What is forged with the same words is a spool."""
    path = good.with_name("forged.spool")
    forge(good, path, json.dumps(header_of(good)).encode())
    same = logloss.fit(str(path), "y", C=1.0, exclude=["when"])
    assert same.coefficients == logloss.fit(str(good), "y", C=1.0, exclude=["when"]).coefficients
