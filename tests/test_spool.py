"""Kept spools and scratch files.

The same columns come back, other tools read them, damage is found, and a kill leaves nothing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed_tables import STORAGES, same, tables

from logloss.cli import main
from logloss.errors import DataError
from logloss.files import unnamed
from logloss.files.atomic import check_writable, replacing
from logloss.table import learn, read
from logloss.table.columns.typed import Codes, Columns, Numbers, Unusable
from logloss.table.encoding import scratch
from logloss.table.encoding.encode import columns_of, encode
from logloss.table.encoding.scratch import Spilling
from logloss.table.spool import header as spool_header
from logloss.table.spool.fingerprint import Fingerprint
from logloss.table.spool.spool import check_source, open_spool, write_spool


def sample(n_rows: int = 1001) -> Columns:
    """Columns of all kinds and widths."""
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "bool": pa.array(rng.random(n_rows) < 0.5),
            "int8": pa.array(rng.integers(-100, 100, n_rows)),
            "int16": pa.array(rng.integers(-(2**15), 2**15, n_rows)),
            "int32": pa.array(rng.integers(-(2**31), 2**31, n_rows)),
            "int64": pa.array(rng.integers(-(2**63), 2**63, n_rows)),
            "float": pa.array(rng.random(n_rows).astype(np.float32)),
            "double": pa.array(rng.random(n_rows), mask=rng.random(n_rows) < 0.1),
            "text": pa.array(rng.choice(["a", "b", "ü", ""], n_rows)),
            "levels": pa.array([f"v{i % 300}" for i in range(n_rows)]),
            "name": pa.array([f"row {i}" for i in range(n_rows)]),
            "day": pa.array(np.arange(n_rows), pa.timestamp("s")),
            "nothing": pa.nulls(n_rows),
        }
    )
    return encode(table.to_batches(), table.column_names)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "table.spool"
    write_spool(path, sample())
    return path


# ---- there and back


@given(table=tables(), storage=st.sampled_from(STORAGES), in_place=st.booleans())
@settings(max_examples=150)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: pa.Table, storage: object, in_place: bool
) -> None:
    path = tmp_path_factory.mktemp("spool") / "table.spool"
    if in_place:
        columns = columns_of(table)
    else:
        columns = encode(table.to_batches(), table.column_names, storage=storage)  # type: ignore[arg-type]
    write_spool(path, columns)
    same(columns, open_spool(path))


def test_all_kinds_of_columns(spool: Path) -> None:
    columns = open_spool(spool)
    same(sample(), columns)
    kinds = {type(column) for column in columns.by_name.values()}
    assert kinds == {Numbers, Codes, Unusable}


def test_buffers_begin_at_multiples_of_64_bytes_in_the_mapped_file(spool: Path) -> None:
    maps = Path("/proc/self/maps")
    columns = open_spool(spool)
    arrays = [
        array
        for column in columns.by_name.values()
        for array in (
            (column.values, column.valid)
            if isinstance(column, Numbers)
            else (column.codes,)
            if isinstance(column, Codes)
            else ()
        )
        if array is not None
    ]
    assert all(array.ctypes.data % 64 == 0 for array in arrays)
    if maps.exists():
        line = next(line for line in maps.read_text().splitlines() if str(spool) in line)
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        assert all(low <= array.ctypes.data < high for array in arrays)


def test_other_tools_read_it_as_a_table(spool: Path) -> None:
    expected = sample()
    arrow = pa.ipc.open_file(spool).read_all()
    frames = (arrow.to_pandas(), pl.read_ipc(spool).to_pandas())
    for frame in frames:
        assert list(frame.columns) == arrow.column_names
        text = expected.by_name["text"]
        assert isinstance(text, Codes)
        levels = [text.levels[code] for code in text.codes]
        assert [None if pd.isna(v) else v for v in frame["text"]] == levels
        wide = expected.by_name["int64"]
        assert isinstance(wide, Numbers)
        assert frame["int64"].tolist() == wide.values.tolist()
        assert frame["double"].isna().sum() > 50


def test_columns_that_cannot_be_used_only(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([[1]] * 5)})
    write_spool(tmp_path / "t.spool", encode(table.to_batches(), ["x"]))
    columns = open_spool(tmp_path / "t.spool")
    assert columns.n_rows == 5
    assert isinstance(columns.by_name["x"], Unusable)


def test_columns_without_a_value_only(tmp_path: Path) -> None:
    table = pa.table({"x": pa.nulls(5), "y": pa.nulls(5, pa.float64()), "z": [""] * 5})
    columns = encode(table.to_batches(), table.column_names)
    write_spool(tmp_path / "t.spool", columns)
    same(columns, open_spool(tmp_path / "t.spool"))


# ---- what is no sound spool


def test_a_byte_changed_anywhere_never_gives_a_wrong_answer(tmp_path: Path) -> None:
    columns = sample(100)
    path = tmp_path / "table.spool"
    write_spool(path, columns)
    sound = path.read_bytes()
    rng = random.Random(0)
    found = 0
    for _ in range(1500):
        damaged = bytearray(sound)
        at = rng.randrange(len(damaged))
        damaged[at] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            again = open_spool(path)
        except DataError as error:
            assert error.hint
            found += 1
        else:  # a byte that means nothing: padding
            same(columns, again)
    assert found > 750


@given(cut=st.floats(0, 1, exclude_max=True))
@settings(max_examples=60)
def test_a_spool_cut_short(tmp_path_factory: pytest.TempPathFactory, cut: float) -> None:
    path = tmp_path_factory.mktemp("spool") / "table.spool"
    write_spool(path, sample(200))
    data = path.read_bytes()
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(DataError, match="damaged or cut short|is not a spool") as caught:
        open_spool(path)
    assert "logloss encode" in str(caught.value.hint)


def test_zeros_in_the_middle(spool: Path) -> None:
    data = bytearray(spool.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 512] = bytes(512)
    spool.write_bytes(data)
    with pytest.raises(DataError, match="the checksum of column '[a-z0-9]+' is not that of its"):
        open_spool(spool)


def test_a_code_without_a_level_is_found_whatever_the_checksum_says(tmp_path: Path) -> None:
    column = Codes(np.array([0, 1, 7], np.uint8), ("a", "b"), "string")
    write_spool(tmp_path / "t.spool", Columns({"x": column}, 3))
    with pytest.raises(DataError, match="column 'x'"):
        open_spool(tmp_path / "t.spool")


def test_other_files(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "t"
    for data in (b"", b"a,b\n1,2\n"):
        path.write_bytes(data)
        with pytest.raises(DataError, match="is not a spool"):
            open_spool(path)
    with pa.ipc.new_file(str(path), pa.schema([("a", pa.int8())])) as writer:
        writer.write_table(pa.table({"a": pa.array([1], pa.int8())}))
    with pytest.raises(DataError, match="an Arrow file, but not a spool"):
        open_spool(path)
    with pytest.raises(DataError, match="cannot be read"):
        open_spool(tmp_path / "absent")


def test_a_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(spool_header, "VERSION", 9)
        write_spool(tmp_path / "t.spool", sample(10))
    with pytest.raises(DataError, match="version 9") as caught:
        open_spool(tmp_path / "t.spool")
    assert "update logloss" in str(caught.value.hint)


def test_a_source_that_changed(tmp_path: Path) -> None:
    source, path = tmp_path / "t.csv", tmp_path / "t.spool"
    source.write_text("a\n1\n")
    write_spool(path, sample(10), Fingerprint.of([source], na=["?"], delimiter=";"))
    assert check_source(path).reading == {"na": ["?"], "delimiter": ";"}
    os.utime(source, ns=(0, 1))
    with pytest.raises(DataError, match=r"t\.csv has changed since .*t\.spool was made"):
        check_source(path)
    source.unlink()  # the spool stands for it
    check_source(path)
    open_spool(path)


# ---- killed

WRITER = """
import os, sys
from logloss.files.atomic import replacing
path, replace = sys.argv[1], sys.argv[2] == "replace"
print("ready", flush=True)
while True:
    with replacing(path) as file:
        for _ in range(40):
            file.write(b"x" * 50_000)
    if not replace:
        os.unlink(path)
"""

SPILLER = """
import sys
import numpy as np, pyarrow as pa
from logloss.table.encoding.encode import encode
from logloss.table.encoding.scratch import Spilling
batch = pa.record_batch([pa.array(np.random.rand(20_000)) for _ in range(5)], names=list("abcde"))
def batches():
    while True:
        yield batch
        print("ready", flush=True)
encode(batches(), list("abcde"), storage=Spilling(1 << 20, sys.argv[1]))
"""


def killed(code: str, seconds: float, *arguments: object) -> None:
    """Start a child, wait for its first word, and kill it so many seconds later."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


def test_killed_while_writing(tmp_path: Path) -> None:
    rng = random.Random(0)
    target = tmp_path / "out.bin"
    for _ in range(25):
        killed(WRITER, rng.random() * 0.05, target, "anew")
        assert set(os.listdir(tmp_path)) <= {"out.bin"}
        if target.exists():
            assert target.read_bytes() == b"x" * 2_000_000
            target.unlink()


def test_killed_while_replacing(tmp_path: Path) -> None:
    rng = random.Random(1)
    target, between = tmp_path / "out.bin", tmp_path / ".out.bin.part"
    for _ in range(25):
        target.write_bytes(b"old")
        killed(WRITER, rng.random() * 0.05, target, "replace")
        assert target.read_bytes() in (b"old", b"x" * 2_000_000)
        # The one instant in which it has two names: then the second one is whole too, and goes.
        assert set(os.listdir(tmp_path)) <= {target.name, between.name}
        if between.exists():
            assert between.read_bytes() == b"x" * 2_000_000
        with replacing(target) as file:
            file.write(b"new")
        assert target.read_bytes() == b"new"
        assert os.listdir(tmp_path) == [target.name]


def test_what_a_kill_left_between_two_names_goes_with_the_next_file(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    (tmp_path / ".out.bin.part").write_bytes(b"left")
    with replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_killed_while_columns_lie_in_scratch_files(tmp_path: Path) -> None:
    rng = random.Random(2)
    for _ in range(8):
        killed(SPILLER, 0.02 + rng.random() * 0.1, tmp_path)
        assert os.listdir(tmp_path) == []


@pytest.fixture
def no_unnamed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system, or another system, that does not have them."""
    monkeypatch.setattr(unnamed, "_TMPFILE", None)


@pytest.mark.usefixtures("no_unnamed_files")
def test_without_unnamed_files(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    for data in (b"a", b"b"):
        check_writable(path)
        with replacing(path) as file:
            file.write(data)
        assert path.read_bytes() == data
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        raise KeyboardInterrupt
    table = pa.table({"a": range(1000)})
    columns = encode(table.to_batches(), ["a"], storage=Spilling(0, str(tmp_path)))
    same(encode(table.to_batches(), ["a"]), columns)
    assert os.listdir(tmp_path) == ["out.csv"]


# ---- scratch files


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    def nearly_full(path: str) -> os.statvfs_result:
        state = list(real(path))
        state[4] = 3  # blocks
        return os.statvfs_result(state)

    monkeypatch.setattr(os, "statvfs", nearly_full)
    table = pa.table({"a": np.random.default_rng(0).random(100_000)})
    with pytest.raises(DataError, match=r"has no room for the encoded table: .* are missing") as e:
        encode(table.to_batches(), ["a"], storage=Spilling(0, str(tmp_path)))
    assert str(tmp_path) in e.value.message
    assert "--spool" in str(e.value.hint)


def test_an_unknown_folder(tmp_path: Path) -> None:
    table = pa.table({"a": [1.5]})
    with pytest.raises(DataError, match="no scratch file can be opened in"):
        encode(table.to_batches(), ["a"], storage=Spilling(0, str(tmp_path / "no")))


def test_columns_share_files_where_few_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    data = {f"x{j}": pa.array(rng.random(300), mask=rng.random(300) < 0.2) for j in range(80)}
    data["t"] = pa.array(rng.choice(["a", "1", "2"], 300))
    data["n"] = pa.array(rng.choice(["7", "1", "2"], 300))
    table = pa.table(data)
    monkeypatch.setattr(scratch, "_allowed_files", lambda _: 64)
    options = {"parse_numbers": True}
    spilled = encode(
        table.to_batches(50), table.column_names, storage=Spilling(0, str(tmp_path)), **options
    )
    same(encode(table.to_batches(), table.column_names, **options), spilled)
    write_spool(tmp_path / "t.spool", spilled)
    same(spilled, open_spool(tmp_path / "t.spool"))
    monkeypatch.setattr(scratch, "_allowed_files", lambda _: 16)
    with pytest.raises(DataError, match="more columns than files may be open"):
        encode(table.to_batches(), table.column_names, storage=Spilling(0, str(tmp_path)))


MANY = """
import os, sys
import numpy as np, pyarrow as pa
from logloss.table.encoding.encode import encode
from logloss.table.encoding.scratch import Spilling
names = [f"x{j}" for j in range(10_001)]
value = pa.array([1, None, 3, 400])
batch = pa.record_batch([value] * len(names), names=names)
columns = encode([batch, batch], names, storage=Spilling(1000))
for column in columns.by_name.values():
    assert column.values.tolist()[::2] == [1, 3, 1, 3] and column.valid.tolist() == [0xDD]
"""


def test_ten_thousand_columns() -> None:
    subprocess.run([sys.executable, "-c", MANY], check=True, timeout=120)


BIG = """
import sys, threading, time
import numpy as np, pyarrow as pa
from logloss.table.encoding.encode import encode
from logloss.table.encoding.scratch import Spilling
rng = np.random.default_rng(0)
words = pa.array([f"level {k}" for k in range(10)])
def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024
peak, start, done = 0, anonymous(), False
def watch():
    global peak
    while not done:
        peak = max(peak, anonymous())
        time.sleep(0.005)
thread = threading.Thread(target=watch); thread.start()
columns = {f"x{j}": rng.random(65_536, dtype=np.float32) for j in range(28)}
batch = pa.record_batch(
    [pa.array(v) for v in columns.values()]
    + [words.take(pa.array(rng.integers(0, 10, 65_536))) for _ in range(5)],
    names=[*columns, *"abcde"])
n = int(sys.argv[2]) // (65_536 * (28 * 4 + 5))
encoded = encode((batch for _ in range(n)), batch.schema.names,
                 storage=Spilling(100 << 20, sys.argv[1]))
done = True; thread.join()
assert encoded.n_rows == n * 65_536
assert (encoded.by_name["x3"].values[-65_536:] == columns["x3"]).all()
print(peak, start)
"""


@pytest.mark.alone
def test_two_gigabytes_in_little_memory(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(tmp_path), str(2 << 30)],
        check=True,
        capture_output=True,
        text=True,
    )
    peak, start = map(int, done.stdout.split())
    assert peak < 250 << 20, f"{peak >> 20} MB, of which {start >> 20} before the start"
    assert os.listdir(tmp_path) == []


# ---- the command


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, path = tmp_path / "t.csv", tmp_path / "t.spool"
    rows = [f"{i},{'ab'[i % 2]},name {i},{i / 2}" for i in range(50)]
    source.write_text("\n".join(["id,letter,name,half", *rows, "?,?,?,?"]))
    assert main(["encode", str(source), "-o", str(path), "--na", "?", "--exclude", "half"]) == 0
    out = capsys.readouterr().out
    assert "51 rows, 3 columns" in out
    assert "2 codes in uint8, 1 uint8" in out
    columns = open_spool(path)
    assert columns.names == ("id", "letter", "name")
    number, letter = columns.by_name["id"], columns.by_name["letter"]
    assert isinstance(number, Numbers)
    assert number.values.dtype == np.uint8
    assert isinstance(letter, Codes)
    assert letter.levels == ("a", "b", None)
    assert len(columns.by_name["name"].levels) == 51  # type: ignore[union-attr]  # for a fit to say
    assert [out.name for out in learn(read(path).without(["letter"])).left_out] == ["name"]
    assert check_source(path).reading == {"na": ["?"]}


def test_the_command_is_used_wrongly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "t.csv"
    source.write_text("a\n1\n")
    assert main(["encode", str(source), "-o", str(tmp_path / "t"), "--memory", "much"]) == 2
    assert "memory must be an amount of bytes, not 'much'" in capsys.readouterr().err
    assert main(["encode", str(source), "-o", str(tmp_path / "no" / "t")]) == 1
    assert os.listdir(tmp_path) == ["t.csv"]


def test_a_real_table(tmp_path: Path, data_file: Callable[[str], Path]) -> None:
    path = tmp_path / "t.spool"
    file = data_file("diabetes130.csv.gz")
    assert main(["encode", str(file), "-o", str(path), "--na", "?", "--memory", "1MB", "-q"]) == 0
    columns = open_spool(path)
    assert columns.n_rows == 101_766
    header = pa.ipc.open_file(path).schema.metadata[b"logloss.spool"]
    assert json.loads(header)["source"]["files"][0][0] == str(file.resolve())
