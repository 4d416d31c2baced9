"""Whatever bytes come in: rows, or an error of ours. No crash, no hang, no other exception.

Runs for longer by hand: ``LOGLOSS_FUZZ=20000 pytest tests/test_reader_fuzz.py``.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streaming import drained, stream_of

from logloss.errors import LoglossError
from logloss.table.reading.options import Dialect

EXAMPLES = int(os.environ.get("LOGLOSS_FUZZ", "100"))
fuzz = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "1",
            "-2.5",
            "1e400",
            "NA",
            "?",
            "x",
            "true",
            "2020-01-01",
            '"',
            "'",
            '""',
            "a\nb",
        ]
        + ['"a,b"', '"a\nb"', "é", "\ufeff", "\x00", "10:00", "99999999999999999999", "0x1F", "\r"]
    ),
    st.text(max_size=8),
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=12)
DIALECTS = st.builds(
    Dialect,
    st.sampled_from([None, ",", ";", "\t", " "]),
    st.sampled_from([None, '"', "'", ""]),
    st.sampled_from([None, True, False]),
)


def survives(path: Path, **options: Any) -> None:
    with contextlib.suppress(LoglossError):
        drained(stream_of(path, **options))


@fuzz
@given(st.binary(max_size=200), DIALECTS)
def test_any_bytes(tmp_path: Path, content: bytes, dialect: Dialect) -> None:
    for name in ("t.csv", "t.parquet", "t.arrow", "t.data", "t.csv.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        survives(path, dialect=dialect)
    for name, magic in (("t.parquet", b"PAR1"), ("t.arrow", b"ARROW1"), ("t.ipc", b"\xff" * 4)):
        path = tmp_path / name
        path.write_bytes(magic + content + magic)
        survives(path)


@fuzz
@given(ROWS, st.sampled_from(",;\t| "), st.sampled_from(["\n", "\r\n", "\r"]), DIALECTS)
def test_any_rows(
    tmp_path: Path, rows: list[list[str]], mark: str, end: str, asked: Dialect
) -> None:
    path = tmp_path / "t.csv"
    text = end.join(mark.join(row) for row in rows)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    survives(path, na=("?",))
    survives(path, dialect=asked)


CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.integers(0, 3)),
    min_size=1,
    max_size=6,
)


def mutated(good: bytes, changes: list[tuple[float, int, int]]) -> bytes:
    """Bytes replaced, left out, put in, or everything after one of them cut off."""
    raw = bytearray(good)
    for share, byte, how in changes:
        at = int(share * len(raw))
        if how == 0:
            raw[at : at + 1] = bytes([byte])
        elif how == 1:
            del raw[at : at + 1 + byte % 16]
        elif how == 2:
            raw[at:at] = bytes([byte]) * (1 + byte % 3)
        elif byte < 32:
            del raw[at:]
    return bytes(raw)


TABLE = pa.table(
    {
        "i": np.arange(500) % 7,
        "x": np.random.default_rng(2).normal(size=500),
        "t": [f"level {i % 5}" if i % 3 else None for i in range(500)],
        "d": pa.array([f"{i % 4}" for i in range(500)]).dictionary_encode(),
        "b": np.arange(500) % 2 == 0,
    }
)
CSV = "i,x,t\n" + "".join(f'{i % 7},{i / 3},"level ""{i % 5}"""\n' for i in range(300))


def contents(table: Any) -> dict[str, bytes]:
    found = {"t.csv": CSV.encode()}
    for name, options in (("plain.parquet", {"compression": "none"}), ("t.parquet", {})):
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, row_group_size=200, **options)
        found[name] = sink.getvalue().to_pybytes()
    for name, opener in (("t.arrow", pa.ipc.new_file), ("t.ipc", pa.ipc.new_stream)):
        sink = pa.BufferOutputStream()
        with opener(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=200)
        found[name] = sink.getvalue().to_pybytes()
    return found


CONTENTS = contents(TABLE)


@pytest.mark.parametrize("name", CONTENTS)
@fuzz
@given(changes=CHANGES)
def test_damaged_files(tmp_path: Path, name: str, changes: list[tuple[float, int, int]]) -> None:
    path = tmp_path / name
    path.write_bytes(mutated(CONTENTS[name], changes))
    survives(path)


def test_codes_beyond_their_dictionary_are_damage(tmp_path: Path) -> None:
    """pyarrow hands such a file on as it is, and whoever looks a code up reads out of bounds."""
    path, good, told = tmp_path / "t.parquet", CONTENTS["t.parquet"], 0
    for at in range(4, len(good), 5):  # wherever this version of pyarrow puts its codes
        path.write_bytes(good[:at] + b"\x05" + good[at + 1 :])
        try:
            drained(stream_of(path))
        except LoglossError as error:
            told += "Dictionary indices" in str(error)
    assert told > 0


@pytest.mark.parametrize("name", CONTENTS)
def test_names_that_are_not_utf_8(tmp_path: Path, name: str) -> None:
    names = TABLE.rename_columns(["iiiiii", *TABLE.column_names[1:]])
    content = contents(names)[name].replace(b"iiiiii", b"\xff\xfe\xff\xfe\xff\xfe")
    path = tmp_path / name
    path.write_bytes(content.replace(b"i,x,t", b"\xff,x,t"))
    with pytest.raises(LoglossError, match=name):
        drained(stream_of(path))
