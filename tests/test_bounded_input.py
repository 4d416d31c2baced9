"""Input that is small to write and endless to read: refused at once, in words."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import logloss
from logloss.errors import DataError, LoglossError, UsageError
from logloss.table import read

TABLE = pa.table({"a": [0.1, 0.5, 0.2, 0.9, 0.4, 0.6], "t": [1, 2, 3, 1, 2, 3], "y": [0, 1] * 3})
SECONDS = 40  # on a busy machine; what is endless takes minutes


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    begun = time.perf_counter()
    yield
    assert time.perf_counter() - begun < SECONDS


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("(a+t)**40", "multiplies out"),
        ("(a+t)^40", "multiplies out"),
        ("(a+t)**9999999", "multiplies out"),
        ("((a+t)**6)**6", "multiplies out"),
        ("1 + a:((a+t)**30)", "multiplies out"),
        ("*".join(["a", "t"] * 20), "multiplies out"),
        (":".join(["(a+t)"] * 30), "multiplies out"),
        ("/".join(["a", "t"] * 30), "multiplies out"),
        ("(" * 90_000 + "a" + ")" * 90_000, "nested too deeply"),
        ("a" * 300_000, "characters"),
        ("+".join(["a"] * 20_000), "cannot be parsed"),
        ("bs(a, df=10**9)", "that cannot be"),
        ("bs(a, df=1000000000)", "that cannot be"),
        ("poly(a, 100000)", "that cannot be"),
        ("I(a**100000)", "power"),
        ("log(" * 50 + "a" + ")" * 50, "nested too deeply"),
    ],
)
def test_formulas_without_end(formula: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        logloss.fit(TABLE, "y", formula=formula, C=1.0)


@pytest.mark.parametrize("formula", ["(a+t)**2", "(a+t)^3", "a*t", "a/t", "(a+t)**(2) - a:t"])
def test_formulas_that_end(formula: str) -> None:
    model = logloss.fit(TABLE, "y", formula=formula, C=1.0)
    names = set(model.coefficients)
    assert {"a"} <= names <= {"a", "t", "a:t"}


def test_levels_by_levels_without_end() -> None:
    n, levels = 2000, 400
    columns = {
        c: [f"{c}{i // each % levels}" for i in range(n)] for c, each in (("p", 1), ("q", 5))
    }
    wide = pa.table(columns | {"y": [0, 1] * (n // 2)})
    with pytest.raises(DataError, match="coefficients"):
        logloss.fit(wide, "y", formula="p:q", C=1.0)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.data"])
@pytest.mark.parametrize("mark", [b",", b";", b"\t", b"|", b" "])
def test_a_first_row_without_end(tmp_path: Path, name: str, mark: bytes) -> None:
    """Sixty million commas took 2 minutes and 2.2 GB."""
    content = mark * 30_000_000 + b"\n1,2\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    with pytest.raises(LoglossError, match="262,144 values|value of more than 128 KiB|is empty"):
        read(str(path))


def test_a_wide_table_is_read(tmp_path: Path) -> None:
    width = 20_000
    rows = [",".join(f"c{j}" for j in range(width)), ",".join("1" * width), ",".join("2" * width)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    assert len(read(str(tmp_path / "t.csv")).names) == width
