"""A fit within a fit: in a callback, in a signal handler, and before anything is imported.

Each is the fit that it is alone, to the last bit: nothing of a fit is kept where another finds it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from scipy import sparse

import logloss
from logloss.model.model import Model

MOMENTS = 6  # the first in the middle of a fit, each other half as late


def rows(n: int, d: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)


OUTER = rows(8_000, 20, 1)
INNER = rows(2_000, 12, 2)
KINDS: dict[str, dict[str, Any]] = {
    "auto": {},
    "none": {"C": np.inf},
    "newton": {"solver": "newton"},
    "lbfgs": {"solver": "lbfgs"},
    "newton-cg": {"solver": "newton-cg"},
    "gd": {"solver": "gd", "max_iter": 10},
    "L1": {"l1_ratio": 1.0, "C": 0.01},
    "saga": {"solver": "saga", "random_state": 0, "max_iter": 5},
    "adam": {"solver": "adam", "random_state": 0, "max_iter": 5},
    "one thread": {"n_threads": 1},
    "firth": {"C": np.inf, "firth": True},
}


def fit(data: tuple[Any, Any], kind: str, **options: Any) -> Model:
    return logloss.fit(*data, **{"C": 1.0, **KINDS[kind], **options})


def bits(model: Model) -> tuple[Any, ...]:
    certificate = model.certificate
    measures = np.array([certificate.gap, certificate.coefficient_error, model.intercept])
    return (
        *np.array([*model.coefficients.values()]).tobytes().split(),
        measures.tobytes(),
        certificate.status,
        certificate.data_reads,
    )


@pytest.fixture
def at_alarm() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Call something in the signal handler of an alarm."""
    before = signal.getsignal(signal.SIGALRM)

    def call(what: Callable[[], Any]) -> None:
        signal.signal(signal.SIGALRM, lambda *_: what())

    yield call
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


def alone(data: tuple[Any, Any], kind: str) -> tuple[tuple[Any, ...], float]:
    begun = time.perf_counter()
    found = bits(fit(data, kind))
    return found, time.perf_counter() - begun


@pytest.mark.filterwarnings("ignore:.*converge")
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_in_a_callback(kind: str) -> None:
    inner: list[Any] = []

    def at_step(_: Any) -> None:
        if len(inner) < 4:
            inner.append(bits(fit(INNER, kind)))

    outer = fit(OUTER, kind, callbacks=[at_step])
    assert inner
    assert set(inner) == {alone(INNER, kind)[0]}
    assert bits(outer) == alone(OUTER, kind)[0]


@pytest.mark.filterwarnings("ignore:.*converge")
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_in_a_signal_handler(kind: str, at_alarm: Any) -> None:
    inner: list[Any] = []
    at_alarm(lambda: inner.append(bits(fit(INNER, kind))))
    alone(OUTER, kind)
    expected, seconds = alone(OUTER, kind)
    for k in range(MOMENTS):
        signal.setitimer(signal.ITIMER_REAL, seconds * 0.5 ** (k + 1))
        assert bits(fit(OUTER, kind)) == expected
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    assert inner
    assert set(inner) == {alone(INNER, kind)[0]}


@pytest.mark.parametrize("kind", ["none", "L1", "newton-cg"])
def test_the_same_table_in_both(kind: str, at_alarm: Any) -> None:
    """What is kept for a point is of one fit, though the arrays are shared."""
    inner: list[Any] = []
    at_alarm(lambda: inner.append(bits(fit(OUTER, kind))))
    expected, seconds = alone(OUTER, kind)
    for k in range(MOMENTS):
        signal.setitimer(signal.ITIMER_REAL, seconds * 0.5 ** (k + 1))
        assert bits(fit(OUTER, kind)) == expected
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    assert set(inner) <= {expected}


def test_what_is_asked_of_a_model_while_it_is_asked(at_alarm: Any) -> None:
    """Limits, predictions and influence read the same rows, in the middle of each other."""
    X, y = INNER
    model = logloss.fit(X, y)
    wanted: list[Callable[[], Any]] = [
        lambda: model.predict_proba(X).tobytes(),
        lambda: model.confidence_intervals(method="profile"),
        lambda: list(model.influence().leverages),
        lambda: logloss.fit(X, y).covariance(kind="HC1").table,
    ]
    begun = time.perf_counter()
    expected = [act() for act in wanted]
    seconds = time.perf_counter() - begun
    found: list[bool] = []
    at_alarm(lambda: found.append([act() for act in wanted] == expected))
    for k in range(MOMENTS):
        signal.setitimer(signal.ITIMER_REAL, 0.5 * seconds * 0.5**k)
        assert [act() for act in wanted] == expected
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    assert found
    assert all(found)


def sources(folder: Path) -> dict[str, tuple[Any, Any]]:
    X, y = INNER
    table = pa.table({**{f"x{j}": X[:, j] for j in range(4)}, "y": y})
    pyarrow.csv.write_csv(table, folder / "rows.csv")
    return {
        "CSV": (str(folder / "rows.csv"), "y"),
        "Arrow": (table, "y"),
        "pandas": (table.to_pandas(), "y"),
        "CSR": (sparse.csr_array(X), y),
    }


def test_tables_of_any_kind(tmp_path: Path, at_alarm: Any) -> None:
    tables = sources(tmp_path)
    begun = time.perf_counter()
    expected = {name: bits(logloss.fit(*table, C=1.0)) for name, table in tables.items()}
    seconds = time.perf_counter() - begun
    outer: dict[str, Any] = {}
    inner: list[dict[str, Any]] = []

    def every() -> dict[str, Any]:
        return {name: bits(logloss.fit(*table, C=1.0)) for name, table in tables.items()}

    at_alarm(lambda: inner.append(every()))
    for k in range(MOMENTS):
        signal.setitimer(signal.ITIMER_REAL, 0.5 * seconds * 0.7**k)
        outer = every()
        assert outer == expected
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    assert inner
    assert all(found == expected for found in inner)


class Enough(Exception):
    pass


@pytest.mark.parametrize("kind", ["none", "L1", "lbfgs"])
def test_an_error_out_of_a_handler_leaves_nothing_behind(kind: str, at_alarm: Any) -> None:
    def give_up() -> None:
        fit(INNER, kind)
        raise Enough

    at_alarm(give_up)
    expected, seconds = alone(OUTER, kind)
    came = 0
    for k in range(MOMENTS):
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds * 0.5 ** (k + 1))
            fit(OUTER, kind)
        except Enough:
            came += 1
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        assert alone(OUTER, kind)[0] == expected
    assert came


FIRST = """
import signal, sys, time
import numpy as np
if sys.argv[1] == "imported":
    import logloss
X = np.arange(400.0).reshape(100, 4) % 7
y = np.arange(100) % 3 % 2
def fit(*_):
    import logloss
    model = logloss.fit(X, y, C=1.0)
    found = np.array([*model.coefficients.values(), model.intercept])
    sys.stdout.write(found.tobytes().hex() + "\\n")
if sys.argv[2] == "handler":
    signal.signal(signal.SIGALRM, fit)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    signal.pause()
elif sys.argv[2] == "thread":
    import threading
    threads = [threading.Thread(target=fit) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
else:
    fit()
"""


@pytest.mark.parametrize("before", ["imported", "not imported"])
@pytest.mark.parametrize("where", ["handler", "thread"])
def test_the_first_of_all(before: str, where: str) -> None:
    """The first fit, and the first import, in a signal handler or in two threads at once."""

    def said(place: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", FIRST, before, place],
            check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.stderr == ""
        return set(done.stdout.split())

    assert said(where) == said("main")


IN_THE_MIDDLE = """
import signal, sys
import numpy as np
import logloss
X = np.arange(400.0).reshape(100, 4) % 7
y = np.arange(100) % 3 % 2
class Finder:
    def find_spec(self, name, *_):
        if name == "logloss.fitting.solve":
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGUSR1)
def fit(*_):
    try:
        logloss.fit(X, y, C=1.0)
    except ImportError as error:
        print(error)
signal.signal(signal.SIGUSR1, fit)
sys.meta_path.insert(0, Finder())
print(logloss.fit(X, y, C=1.0).certificate.status.name)
"""


def test_a_handler_in_the_middle_of_the_import_is_told() -> None:
    """Half a module cannot be used; Python's own words were of a circular import."""
    done = subprocess.run(
        [sys.executable, "-c", IN_THE_MIDDLE],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    first, last = done.stdout.splitlines()
    assert first.startswith("logloss.fit is not there yet: a signal handler or the like asks")
    assert last == "CERTIFIED"
