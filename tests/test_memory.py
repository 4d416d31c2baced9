"""Rows in memory: derivatives, kept values, reads, coordinates, and what a fit allocates."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from problems import PROBLEMS, STORAGES, Problem

from logloss.backends.memory import MemoryLikelihood
from logloss.backends.spread import some_of, spread
from logloss.objective.coordinates import Coordinates
from logloss.objective.row_data import RowData
from logloss.table import learn, read
from logloss.table.design.design import Design, design_of

Array = NDArray[np.float64]


def design(X: Any) -> Design:
    source = read(X)
    return design_of(learn(source).encode(source))


def likelihood(problem: Problem, storage: str = "C", n_threads: int = 1) -> MemoryLikelihood:
    """Scaled, and centred where that fills nothing: coordinates are part of what is tested."""
    X = STORAGES[storage](problem.X)
    d = problem.X.shape[1]
    centred = problem.intercept and not storage.startswith("cs")
    center = problem.X.mean(axis=0) if centred else np.zeros(d)
    scale = np.maximum(problem.deviation(), 1e-3) * np.linspace(0.5, 2.0, d)
    rows = RowData(problem.y, problem.weight, problem.offset)
    where = Coordinates(center, scale, problem.intercept)
    return MemoryLikelihood(design(X), rows, where, n_threads)


def whole(score: Array) -> float:
    """c = 1: what a penalty without L1 allows of any dual point."""
    return 1.0


def points(task: MemoryLikelihood, k: int = 3) -> list[Array]:
    rng = np.random.default_rng(k)
    return [rng.standard_normal(task.shape.size) * 0.5 for _ in range(k)]


CASES = [
    ("well", "C"),
    ("weighted", "F"),
    ("zero_weights", "strided"),
    ("offset", "csr"),
    ("soft", "csc"),
    ("soft", "arrow"),
    ("no_intercept", "csr, int64"),
    ("correlated", "C"),
    ("unscaled", "pandas"),
    ("wide", "float32"),
    ("one_column", "csc, unsorted"),
]
each_case = pytest.mark.parametrize(("name", "storage"), CASES)


def differences(value: Any, beta: Array, step: float = 1e-5) -> Array:
    """Central differences, one row a coefficient."""
    steps = step * np.eye(len(beta))
    return np.array([(value(beta + e) - value(beta - e)) / (2.0 * step) for e in steps])


@each_case
def test_gradient_is_the_slope_of_the_loss(name: str, storage: str) -> None:
    task = likelihood(PROBLEMS[name], storage)
    for beta in points(task):
        _, gradient = task.loss_gradient(beta)
        slopes = differences(lambda b: task.loss_gradient(b)[0], beta)
        np.testing.assert_allclose(gradient, slopes, atol=1e-8, rtol=1e-7)


@each_case
def test_hessian_is_the_slope_of_the_gradient(name: str, storage: str) -> None:
    task = likelihood(PROBLEMS[name], storage)
    for beta in points(task):
        hessian = task.hessian(beta)
        slopes = differences(lambda b: task.loss_gradient(b)[1], beta)
        np.testing.assert_allclose(hessian, slopes, atol=1e-7, rtol=1e-6)
        np.testing.assert_array_equal(hessian, hessian.T)


@each_case
def test_hessian_product(name: str, storage: str) -> None:
    task = likelihood(PROBLEMS[name], storage)
    for beta, v in zip(points(task), points(task, 3)[::-1], strict=True):
        product = task.hessian_product(beta, v)
        np.testing.assert_allclose(product, task.hessian(beta) @ v, rtol=1e-8, atol=1e-10)


@each_case
def test_hessian_of_some_coefficients(name: str, storage: str) -> None:
    """Of any subset, the intercept in it or not; and the secant one, which is never below it."""
    task = likelihood(PROBLEMS[name], storage)
    beta = points(task)[0]
    full = task.hessian(beta)
    d = task.shape.size
    for subset in (np.arange(d), np.arange(0, d, 2), np.array([d - 1]), np.array([0])):
        part = task.hessian(beta, subset)
        np.testing.assert_allclose(part, full[np.ix_(subset, subset)], rtol=1e-12, atol=1e-14)
    above = np.linalg.eigvalsh(task.hessian(beta, secant=True) - full)
    assert above.min() >= -1e-9 * np.abs(full).max()


@each_case
def test_losses_along_a_direction(name: str, storage: str) -> None:
    task = likelihood(PROBLEMS[name], storage)
    beta, direction, _ = points(task)
    steps = np.array([0.0, 1e-6, 0.5, 1.0, -2.0, 30.0])
    losses = task.losses(beta, direction, steps)
    expected = [task.loss_gradient(beta + t * direction)[0] for t in steps]
    np.testing.assert_allclose(losses, expected, rtol=1e-9)


@each_case
def test_a_dual_point_solves_the_equation_of_the_intercept(name: str, storage: str) -> None:
    """v = XᵀSr'/Σs, r' = r − q·(Xδ): gradient less Hessian product, but for a shift."""
    task = likelihood(PROBLEMS[name], storage)
    beta, delta, _ = points(task)
    beta, delta = 0.1 * beta, 0.01 * delta
    sums = task.dual(beta, delta, whole)
    _, gradient = task.loss_gradient(beta)
    if not task.shape.has_intercept:
        expected = gradient - task.hessian_product(beta, delta)
    else:
        # the shift of δ's intercept that makes the last equation 0
        column = task.hessian(beta)[:, -1]
        expected = gradient - task.hessian_product(beta, delta)
        expected = expected - column * (expected[-1] / column[-1])
        assert abs(sums.score[-1]) <= 1e-15
    np.testing.assert_allclose(sums.score, expected, atol=1e-9)
    assert 0.0 <= sums.gap < np.inf


def test_a_shift_that_drowns_everything_is_no_dual_point() -> None:
    """So far out that p(1−p) is 1e-190, the intercept's equation cannot be solved in float64."""
    task = likelihood(PROBLEMS["one_column"])
    far = np.array([1e-3, 440.0])
    sums = task.dual(far, np.array([0.0, 1.0]), whole)
    assert not sums.feasible
    assert sums.gap == np.inf


# ---- values that are kept


def test_the_order_of_calls_does_not_matter() -> None:
    """z of the last points is kept; it must never be taken for that of another."""
    a, b, c = points(likelihood(PROBLEMS["soft"]))

    def fresh() -> MemoryLikelihood:
        return likelihood(PROBLEMS["soft"])

    task = fresh()
    task.loss_gradient(a)
    task.loss_gradient(b)
    for beta in (a, b, c, a, c):
        np.testing.assert_array_equal(task.hessian(beta), fresh().hessian(beta))
        np.testing.assert_array_equal(
            task.dual(beta, b, whole).score, fresh().dual(beta, b, whole).score
        )
        assert task.loss_gradient(beta)[0] == fresh().loss_gradient(beta)[0]
        np.testing.assert_array_equal(
            task.losses(beta, a, np.ones(1)), fresh().losses(beta, a, np.ones(1))
        )
        np.testing.assert_array_equal(task.hessian_product(c, a), fresh().hessian_product(c, a))


def test_a_point_changed_in_place_is_another_point() -> None:
    task = likelihood(PROBLEMS["well"])
    beta = points(task)[0]
    task.loss_gradient(beta)
    before = task.hessian(beta).copy()
    beta *= 3.0
    assert not np.array_equal(task.hessian(beta), before)
    np.testing.assert_array_equal(task.hessian(beta), likelihood(PROBLEMS["well"]).hessian(beta))


def test_results_are_not_overwritten_by_later_calls() -> None:
    task = likelihood(PROBLEMS["well"])
    a, b, _ = points(task)
    first = task.loss_gradient(a)[1]
    hessian = task.hessian(a)
    kept = first.copy(), hessian.copy()
    task.loss_gradient(b)
    task.hessian(b)
    task.dual(b, a, whole)
    np.testing.assert_array_equal(first, kept[0])
    np.testing.assert_array_equal(hessian, kept[1])


def test_reads_are_counted() -> None:
    task = likelihood(PROBLEMS["weighted"])
    a, b, _ = points(task)

    def reads(call: Any) -> int:
        before = task.reads
        call()
        return task.reads - before

    assert reads(task.null_fit) == 0
    assert reads(lambda: task.loss_gradient(a)) == 1
    assert reads(lambda: task.hessian(a)) == 1
    assert reads(lambda: task.losses(a, b, np.linspace(0.0, 1.0, 20))) == 1
    assert reads(lambda: task.hessian_product(a, b)) == 1
    assert reads(lambda: task.dual(a, 0.1 * b, whole)) == 1
    assert reads(lambda: task.hessian_product(b, a)) == 2  # and one to find z at another point


@pytest.mark.parametrize("name", ["offset", "soft", "weighted", "no_intercept"])
def test_the_best_intercept_alone(name: str) -> None:
    problem = PROBLEMS[name]
    task = likelihood(problem)
    intercept, loss = task.null_fit()
    beta = np.zeros(task.shape.size)
    if problem.intercept:
        beta[-1] = intercept
        assert abs(task.loss_gradient(beta)[1][-1]) <= 1e-12
    else:
        assert intercept == 0.0
    assert task.loss_gradient(beta)[0] == pytest.approx(loss, rel=1e-13)


# ---- coordinates


def test_coordinates_there_and_back() -> None:
    rng = np.random.default_rng(0)
    for intercept in (True, False):
        center = rng.standard_normal(4) if intercept else np.zeros(4)
        where = Coordinates(center, rng.random(4) + 0.1, intercept)
        X, beta = rng.standard_normal((9, 4)), rng.standard_normal(where.shape.size)
        coef, b = where.raw(beta)
        inner = (X - center) / where.scale
        expected = inner @ beta[:4] + (beta[4] if intercept else 0.0)
        np.testing.assert_allclose(X @ coef + b, expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(where.inner(coef, b), beta, rtol=1e-12)


@pytest.mark.parametrize("storage", ["C", "F", "arrow"])
@pytest.mark.parametrize("name", ["well", "timestamps", "unscaled", "weighted", "zero_weights"])
def test_spread_is_the_weighted_mean_and_deviation(name: str, storage: str) -> None:
    problem = PROBLEMS[name]
    measured = spread(design(STORAGES[storage](problem.X)), problem.weight, 1)
    mean = problem.s @ problem.X / problem.s.sum()
    np.testing.assert_allclose(measured.mean, mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(measured.deviation, problem.deviation(), rtol=1e-9)


def test_a_constant_column_has_no_deviation() -> None:
    X = np.full((1000, 3), [0.1, 1.7e9, -3e-8])
    X[:, 1] += np.arange(1000) % 2
    for storage in ("C", "csr", "csc"):
        deviation = spread(design(STORAGES[storage](X)), None, 1).deviation
        if storage == "C":
            assert deviation[0] == deviation[2] == 0.0
            assert deviation[1] == pytest.approx(0.5, rel=1e-6)
        assert np.isfinite(deviation).all()


def test_spread_of_some_rows_is_near() -> None:
    X = np.random.default_rng(1).normal([0.0, 50.0, -1e6], [1.0, 3.0, 1e-2], (50_000, 3))
    full, rows = spread(design(X), None, 1), some_of(len(X))
    some = spread(design(X).take(rows), None, 1)
    np.testing.assert_allclose(some.deviation, full.deviation, rtol=0.1)
    assert (np.abs(some.mean - full.mean) <= 0.1 * full.deviation).all()


# ---- memory

_PEAK = """
import re, sys
from pathlib import Path
import numpy as np
import scipy.sparse as sp
import logloss

def status(field):
    return 1024 * int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

kind, options = sys.argv[1], eval(sys.argv[2])
n, d = 200_000, 50
rng = np.random.default_rng(0)
y = (rng.random(n) < 0.3).astype(np.float64)
if kind in ("csr", "csc"):
    X = sp.random(n, 4 * d, 0.15, format=kind, random_state=rng)
    size = X.data.nbytes + X.indices.nbytes
else:
    X = rng.standard_normal((n, d), dtype=np.float32 if kind == "float32" else np.float64)
    X[:, 0] += y
    X = np.asfortranarray(X) if kind == "F" else X[::-1] if kind == "reversed" else X
    size = X.nbytes
logloss.fit(X[:1000], y[:1000], **options)  # what is imported and built on first use
before = status("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
model = logloss.fit(X, y, **options)
print(size, 8 * n, status("VmHWM") - before, model.certificate.status.name)
"""


@pytest.mark.alone
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("C", {"C": 1.0}),
        ("F", {}),
        ("reversed", {"C": 1.0}),
        ("float32", {"C": 1.0, "standardize": True}),
        ("csr", {"C": 1.0}),
        ("csc", {"C": 1.0, "standardize": True}),
        ("C", {"C": 1.0, "solver": "lbfgs"}),
        ("F", {"C": 1.0, "solver": "newton-cg"}),
    ],
    ids=repr,
)
def test_a_fit_copies_no_matrix(kind: str, options: dict[str, Any]) -> None:
    """Peak beyond the data: a sample of a tenth, twelve vectors of n, and 8 MiB of all else."""
    run = subprocess.run(
        [sys.executable, "-c", _PEAK, kind, repr(options | {"n_threads": 1})],
        capture_output=True,
        text=True,
        check=False,
    )
    if "clear_refs" in run.stderr:
        pytest.skip("the kernel does not reset peaks here")
    assert run.returncode == 0, run.stderr
    size, vector, peak = map(int, run.stdout.split()[:3])
    assert run.stdout.split()[3] in ("CERTIFIED", "BUDGET")
    assert peak <= 0.10 * size + 12 * vector + 2**23
