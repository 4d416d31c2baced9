"""A child of fork() whose parent has read on several threads, none of which lives on there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import logloss
import logloss._kernels as _kernels

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

N = 40_000


def _table() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 8))
    return X, (X[:, 0] + rng.logistic(size=N) > 0).astype(int)


def _ends(job: Callable[[], object], seconds: float = 60.0) -> bool:
    """Does the job end well in a child within the time? A child that hangs is killed."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            job()
            status = 0
        finally:
            os._exit(status)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _same_fit(X: Any, y: Any, coefficients: dict[str, float]) -> None:
    assert logloss.fit(X, y, C=1.0, n_threads=2).coefficients == coefficients


def test_fit_and_predict_in_a_child_of_a_process_that_fitted() -> None:
    X, y = _table()
    model = logloss.fit(X, y, C=1.0, n_threads=2)
    p = model.predict_proba(X)

    def predicts() -> None:
        np.testing.assert_array_equal(model.predict_proba(X), p)

    assert _ends(lambda: _same_fit(X, y, model.coefficients))
    assert _ends(predicts)


def test_a_child_of_a_child() -> None:
    X, y = _table()
    model = logloss.fit(X, y, C=1.0, n_threads=2)

    def again() -> None:
        _same_fit(X, y, model.coefficients)
        assert _ends(lambda: _same_fit(X, y, model.coefficients))

    assert _ends(again)


def test_a_child_reads_files(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    X, y = _table()
    lines = (f"{a:.6f},{b:.6f},{'ab'[t]}" for (a, b), t in zip(X[:, :2], y, strict=True))
    path.write_text("a,b,y\n" + "\n".join(lines) + "\n")
    model = logloss.fit(str(path), "y", C=1.0, n_threads=2)
    p = model.predict_proba(str(path))

    def reads() -> None:
        assert logloss.fit(str(path), "y", C=1.0, n_threads=2).coefficients == model.coefficients
        np.testing.assert_array_equal(model.predict_proba(str(path)), p)

    assert _ends(reads)


def _score(seed: int) -> float:
    X, y = _table()
    rows = np.random.default_rng(seed).integers(0, N, N)
    return float(logloss.fit(X[rows], y[rows], C=1.0, n_threads=2).intercept)


def test_a_pool_of_forked_processes() -> None:
    truth = [_score(seed) for seed in range(3)]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_score, range(3)).get(timeout=60) == truth


# Another library on the same OpenMP: GOMP_parallel is what its compiler makes of a parallel loop.
OTHER = """
import ctypes, os, sys
when, openmp = sys.argv[1:]
import numpy as np
if when == "loaded before":
    import logloss._kernels
if when == "fitted before":
    import logloss
    logloss.fit(np.arange(99.0)[:, None], np.arange(99) % 2, C=1.0, n_threads=1)
def use_threads():
    body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
    ctypes.CDLL(openmp).GOMP_parallel(body, None, 2, 0)
if when != "no other":
    use_threads()
child = 0 if when == "no other" else os.fork()
if child == 0:
    import logloss
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 8))
    y = (X[:, 0] + rng.logistic(size=40_000) > 0).astype(int)
    model = logloss.fit(X, y, C=1.0, n_threads=2)
    print(np.array([*model.coefficients.values(), model.intercept]).tobytes().hex(), flush=True)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def _said_where_another_ran(when: str) -> str:
    assert _kernels.__file__  # they are loaded, and OpenMP with them
    openmp = {line.split()[-1] for line in MAPS.read_text().splitlines() if "libgomp" in line}
    if not openmp:
        pytest.skip("the kernels have no libgomp")
    done = subprocess.run(
        [sys.executable, "-c", OTHER, when, min(openmp)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout


MAPS = Path("/proc/self/maps")


@pytest.mark.skipif(not MAPS.exists(), reason="no /proc here")
@pytest.mark.parametrize("when", ["loaded before", "fitted before", "loaded in the child"])
def test_another_library_has_used_the_threads(when: str) -> None:
    """Its pool is that of the process, and the child of a fork has lost it."""
    assert _said_where_another_ran(when) == _said_where_another_ran("no other")
