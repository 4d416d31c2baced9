"""Ctrl-C, SIGTERM and kill -9: what a command leaves behind that does not come to its end."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from logloss.cli import main
from logloss.cli.progress import Progress
from logloss.model.model import load
from logloss.table import read

COMMAND = [sys.executable, "-m", "logloss.cli"]
LIMIT = 60  # seconds for a process that hangs
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def rows(n: int) -> pa.Table:
    rng = np.random.default_rng(11)
    common = rng.normal(size=n)
    columns: dict[str, Any] = {f"x{j}": (common + rng.normal(size=n)).round(4) for j in range(6)}
    columns["town"] = pa.array([f"t{i}" for i in range(300)]).take(
        pa.array(rng.integers(0, 300, n))
    )
    columns["y"] = (rng.random(n) < 1 / (1 + np.exp(-common))).astype(np.int8)
    return pa.table(columns)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    pyarrow.csv.write_csv(rows(2000), path)
    return path


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int], None]]:
    """Send a signal at a step of each fit that follows; 0: none any more."""
    wanted = [0, 0]
    seen: list[Any] = []

    def at_step(_: Progress, step: Any) -> bool:
        seen.append(step)
        if len(seen) == wanted[1]:
            signal.raise_signal(wanted[0])
        return False

    def send(number: int, step: int) -> None:
        wanted[:] = number, step
        seen.clear()

    monkeypatch.setattr(Progress, "__call__", at_step)
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield send
    assert {one: signal.getsignal(one) for one in handlers} == handlers


@BOTH
def test_a_fit_goes_on_where_it_was_interrupted(
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    signalled: Callable[[int, int], None],
    number: int,
) -> None:
    """From the CSV file, interrupted; over the spool, to the end: fewer steps, the same optimum."""
    began, ended, anew = (tmp_path / f"{name}.json" for name in ("began", "ended", "anew"))
    spool = tmp_path / "rows.spool"
    options = ["--target", "y", "--C", "1", "--solver", "nesterov", "--model"]
    signalled(number, 12)
    assert main(["fit", str(table), *options, str(began)]) == 1
    err = " ".join(capsys.readouterr().err.split())
    assert re.search(r"error: the fit is not certified: interrupted at [\d.e-]+ s, within", err)
    assert f"--start {began} ('logloss encode {table} -o table.spool' saves the reading)" in err
    unfinished = load(began)
    assert unfinished.certificate.status.name == "INTERRUPTED"
    assert 0 < unfinished.certificate.gap < np.inf
    signalled(number, 0)
    assert main(["encode", str(table), "-o", str(spool), "--quiet"]) == 0
    assert main(["fit", str(spool), *options, str(ended), "--start", str(began), "--quiet"]) == 0
    assert main(["fit", str(table), *options, str(anew), "--quiet"]) == 0
    model, whole = load(ended), load(anew)
    assert model.certificate.status.name == "CERTIFIED"
    assert len(model.history) < len(whole.history)
    assert model.fitted.objective <= unfinished.fitted.objective
    assert model.fitted.objective == pytest.approx(whole.fitted.objective, rel=2e-6)
    capsys.readouterr()
    signalled(number, 1)
    assert main(["fit", str(spool), *options, str(ended)]) == 1
    assert "logloss encode" not in capsys.readouterr().err  # it has been


@BOTH
@pytest.mark.parametrize("command", ["fit", "encode", "predict", "path", "race"])
def test_interrupted_while_it_reads(table: Path, tmp_path: Path, command: str, number: int) -> None:
    """A pipe that gives no more: each command waits in it, and ends when it is told to."""
    model, out = tmp_path / "model.json", tmp_path / "out"
    out.mkdir()
    if command == "predict":
        main(["fit", str(table), "--target", "y", "--model", str(model), "--quiet"])
    words = {
        "fit": ["--target", "y", "--model", out / "m.json", "--spool", out],
        "encode": ["-o", out / "t.spool"],
        "predict": ["-o", out / "scored.parquet"],
        "path": ["--target", "y", "-o", out / "fits.csv"],
        "race": ["--target", "y"],
    }[command]
    before = [model] if command == "predict" else []
    with started(command, *before, "-", *words, stdin=subprocess.PIPE) as child:
        child.stdin.write(table.read_bytes()[:50_000])
        child.stdin.flush()
        wait_until(lambda: unread(child.stdin) == 0)
        time.sleep(0.05)  # it waits for more by now
        child.send_signal(number)
        child.wait(LIMIT)
        printed, err = child.stdout.read(), child.stderr.read().decode()
    assert (child.returncode, printed) == (128 + number, b"")
    lines = err.splitlines()
    assert lines[0] == (
        "error: interrupted before there was a result; no file was left half-written"
    )
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]
    assert os.listdir(out) == []


AT_IMPORT = """
import os, runpy, sys
module, number = sys.argv[1], int(sys.argv[2])
class Finder:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), number)
sys.meta_path.insert(0, Finder())
sys.argv[:] = ["logloss", *sys.argv[3:]]
runpy.run_module("logloss.cli", run_name="__main__", alter_sys=True)
"""


@BOTH
@pytest.mark.parametrize(
    "module",
    ["logloss.cli", "logloss.cli.interrupt", "logloss.bernoulli", "numpy", "numpy.linalg", "typer",
     "logloss.cli.fit", "logloss.files.atomic", "pyarrow", "logloss.fitting",
     "logloss._kernels"],
)  # fmt: skip
def test_interrupted_while_a_module_is_imported(
    table: Path, tmp_path: Path, module: str, number: int
) -> None:
    """From our first line on, NumPy's import included: words, and no trace."""
    words = ["fit", table, "--target", "y", "--C", "1", "--model", tmp_path / "m.json"]
    done = subprocess.run(
        [sys.executable, "-c", AT_IMPORT, module, str(int(number)), *map(str, words)],
        check=False, capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]
    assert os.listdir(tmp_path) == []


AT_THE_END = """
import os, signal, sys
leave, numbers = os._exit, [int(sys.argv[1])]
def end(status):
    if numbers:
        signal.raise_signal(numbers.pop())
    leave(status)
sys.argv[:] = ["logloss", *sys.argv[2:]]
import logloss.cli
os._exit = end
logloss.cli.command()
"""


@BOTH
@pytest.mark.parametrize("limited", [False, True])
def test_interrupted_in_its_last_instant(table: Path, number: int, limited: bool) -> None:
    """The work is done: words, and no trace."""
    limit = {"preexec_fn": limit_of_memory} if limited else {}
    done = subprocess.run(
        [sys.executable, "-c", AT_THE_END, str(int(number)), "fit", str(table), "--target", "y",
         "--C", "1", "--json"],
        check=False, capture_output=True, text=True, timeout=LIMIT, **limit,
    )  # fmt: skip
    assert done.returncode == 128 + number
    assert json.loads(done.stdout)["certificate"]["status"] == "certified"
    assert done.stderr.splitlines()[-2:] == [
        "error: interrupted at its end; the last words of its output may be missing",
        "hint: give the same command again",
    ]


def limit_of_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))


class Lost:
    """Its end raises a signal where no exception can be raised."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@BOTH
def test_an_interruption_that_is_lost_comes_again(
    table: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """Python prints a trace for an exception in a destructor, and goes on as if nothing were."""
    usual = Progress.__call__
    steps: list[Any] = []

    def at_step(progress: Progress, step: Any) -> bool:
        steps.append(step)
        if len(steps) == 3:
            Lost(number)
        return usual(progress, step)

    monkeypatch.setattr(Progress, "__call__", at_step)
    words = ["--target", "y", "--C", "1", "--solver", "gd", "--tol", "1e-14"]
    assert main(["fit", str(table), *words]) == 1
    assert len(steps) == 3  # the same step ends it
    err = capfd.readouterr().err
    assert "interrupted at" in err
    assert "ignored" not in err
    assert "Traceback" not in err


MOMENTS = 4


@pytest.mark.parametrize("command", ["fit", "predict", "encode", "evaluate", "path"])
def test_interrupted_at_any_moment(table: Path, tmp_path: Path, command: str) -> None:
    """Never a trace, never exit status 0 as if nothing had been, never half a file."""
    model, out = tmp_path / "model.json", tmp_path / "out"
    out.mkdir()
    main(["fit", str(table), "--target", "y", "--C", "1", "--model", str(model), "--quiet"])
    words: list[object] = {
        "fit": ["fit", table, "--target", "y", "--C", "1", "--model", out / "m.json"],
        "predict": ["predict", model, table, "-o", out / "p.parquet"],
        "encode": ["encode", table, "-o", out / "t.spool"],
        "evaluate": ["evaluate", model, table],
        "path": ["path", table, "--target", "y", "--n-lambdas", "10", "-o", out / "path.csv"],
    }[command]
    seconds = min(taken(words) for _ in range(2))
    statuses = []
    for moment in range(2 * MOMENTS):
        number = (signal.SIGINT, signal.SIGTERM)[moment % 2]
        with started(*words) as child:
            time.sleep(seconds * (0.15 + 0.6 * moment / (2 * MOMENTS)))
            child.send_signal(number)
            _, err = child.communicate(timeout=LIMIT)
        assert b"Traceback" not in err
        assert b"ignored" not in err
        assert not [name for name in os.listdir(out) if name.startswith(".")]
        # -number: before our first line
        assert child.returncode in (0, 1, 128 + number, -number)
        statuses.append(child.returncode)
    assert statuses.count(0) <= MOMENTS  # a busy machine: it was quicker than before


def taken(words: list[object]) -> float:
    """The seconds that a command takes."""
    begun = time.perf_counter()
    with started(*words) as child:
        child.communicate(timeout=LIMIT)
    return time.perf_counter() - begun


STUBBORN = """
import sys, time
from logloss.cli import main
from logloss.cli.progress import Progress
def at_step(*_):
    try:
        print("step", flush=True)
        time.sleep(60)
    finally:
        print("told", flush=True)
        time.sleep(60)
Progress.__call__ = at_step
main(sys.argv[1:])
"""


@BOTH
def test_a_second_time_ends_the_process_at_once(table: Path, tmp_path: Path, number: int) -> None:
    """Also where the first one is not obeyed."""
    words = ["fit", table, "--target", "y", "--model", tmp_path / "m.json"]
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN, *map(str, words)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"step\n"
        child.send_signal(number)
        assert child.stdout.readline() == b"told\n"
        child.send_signal(number)
        assert child.wait(LIMIT) == -number
    assert os.listdir(tmp_path) == []


def test_handlers_of_the_caller_stay(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `nohup` sets them, or a program that runs a command in itself."""
    seen = []
    monkeypatch.setattr(
        Progress, "__call__", lambda *_: seen.append(signal.getsignal(signal.SIGTERM)) or False
    )
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main(["fit", str(table), "--target", "y", "--C", "1", "--quiet"]) == 0
        assert set(seen) == {signal.SIG_IGN}
    finally:
        signal.signal(signal.SIGTERM, before)


def test_off_the_main_thread_there_are_no_handlers(table: Path) -> None:
    statuses: list[int] = []

    def run() -> None:
        statuses.append(main(["fit", str(table), "--target", "y", "--C", "1", "--quiet"]))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert statuses == [0]


def started(*arguments: object, **options: Any) -> Any:
    words = [*COMMAND, *map(str, arguments)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(words, **streams)


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT
    while not done():
        assert time.monotonic() < until, "it never began"
        time.sleep(0.01)


def unread(pipe: Any) -> int:
    """The bytes that wait in a pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


# ---- kill -9

KILLS = 50
AT_A_TIME = 2
N_ROWS = 150_000


class Site:
    """Folders for a run of one command: its output, its scratch files, its temporary files."""

    def __init__(self, root: Path, big: Path, model: Path) -> None:
        self.out, self.spool, self.temp = (root / name for name in ("out", "spool", "temp"))
        for folder in (self.out, self.spool, self.temp):
            folder.mkdir(parents=True)
        self.words: dict[str, list[object]] = {
            "m.json": ["fit", big, "--target", "y", "--C", "1", "--memory", "1MB",
                       "--spool", self.spool, "--model", self.out / "m.json"],
            "t.spool": ["encode", big, "-o", self.out / "t.spool", "--memory", "1MB",
                        "--spool", self.spool],
            "p.parquet": ["predict", model, big, "-o", self.out / "p.parquet"],
        }  # fmt: skip

    def start(self, name: str) -> Any:
        environment = os.environ | {"TMPDIR": str(self.temp), "OMP_NUM_THREADS": "1"}
        nowhere = subprocess.DEVNULL
        return started(*self.words[name], env=environment, stdout=nowhere, stderr=nowhere)

    def check(self, name: str, old: bytes | None, new: bytes) -> None:
        """Nothing but a whole file is there; after it, the next run finds nothing in its way."""
        assert os.listdir(self.spool) == os.listdir(self.temp) == []
        hidden = f".{name}.part"  # between two names: see files/atomic.py
        left = set(os.listdir(self.out))
        assert left <= ({name} if old is None else {name, hidden})
        assert old is None or name in left
        for file in left:
            content = (self.out / file).read_bytes()
            if file == hidden or content != old:
                assert same_result(name, content, new), f"{file} is not whole"
            (self.out / file).unlink()


def same_result(name: str, content: bytes, new: bytes) -> bool:
    """Whether it is what the whole run wrote, but for the seconds that a model holds."""
    if name == "m.json":
        return re.sub(rb'"seconds": [^,\n]*', b"", content) == re.sub(
            rb'"seconds": [^,\n]*', b"", new
        )
    return content == new


@pytest.mark.alone
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """50 kills of whole commands: what is there afterwards is whole, and nothing else is."""
    big, model = tmp_path / "big.csv", tmp_path / "model.json"
    pyarrow.csv.write_csv(rows(N_ROWS), big)
    assert main(["fit", str(big), "--target", "y", "--C", "1", "--model", str(model), "-q"]) == 0
    names = ("m.json", "t.spool", "p.parquet")
    whole, seconds = {}, {}
    for name in names:
        site = Site(tmp_path / f"whole {name}", big, model)
        begun = time.perf_counter()
        with site.start(name) as child:
            assert child.wait(LIMIT) == 0
        seconds[name] = time.perf_counter() - begun
        whole[name] = (site.out / name).read_bytes()
    assert load(tmp_path / "whole m.json" / "out" / "m.json").fitted.certified
    assert read(str(tmp_path / "whole t.spool" / "out" / "t.spool")).n_rows == N_ROWS
    assert pq.read_table(tmp_path / "whole p.parquet" / "out" / "p.parquet").num_rows == N_ROWS

    def kill(number: int) -> int:
        rng = random.Random(number)
        name, old = names[number % 3], b"old" if number % 2 else None
        site = Site(tmp_path / f"{number}", big, model)
        if old is not None:
            (site.out / name).write_bytes(old)
        with site.start(name) as child:
            # The start of Python is the least interesting part of it.
            time.sleep(seconds[name] * rng.uniform(0.25, 1.1))
            child.kill()
            status = child.wait(LIMIT)
        site.check(name, old, whole[name])
        return status

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        statuses = list(pool.map(kill, range(KILLS)))
    assert set(statuses) <= {0, -signal.SIGKILL}
    assert statuses.count(-signal.SIGKILL) > KILLS // 2
