"""The kernels that go row by row against naive twins that read the same rows in the same order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import row_twins as twin
import scipy.sparse as sp

import logloss._kernels as _kernels

N, D = 37, 11


def matrix(seed: int, sparse: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((N, D)) * 64.0) / 64.0
    if sparse:
        X[rng.random(X.shape) < 0.7] = 0.0
        X[5] = 0.0
    return X


def kernel_design(stored: Any) -> Any:
    kernel = _kernels.Design(N)
    if callable(stored):
        stored(kernel)
    elif sp.issparse(stored):
        kernel.add_sparse(
            stored.indptr, stored.indices, stored.data, stored.shape[1], stored.format == "csr"
        )
    elif isinstance(stored, tuple):
        for part in stored:
            if sp.issparse(part):
                kernel.add_sparse(
                    part.indptr, part.indices, part.data, part.shape[1], part.format == "csr"
                )
            elif isinstance(part, list):
                kernel.add_columns(part)
            else:
                kernel.add_dense(part)
    else:
        kernel.add_dense(stored)
    kernel.finish()
    return kernel


def strided(X: np.ndarray) -> np.ndarray:
    wide = np.full((2 * N, 3 * D), np.nan)
    wide[::2, ::3] = X
    return wide[::2, ::3]


def rows_apart(X: np.ndarray) -> np.ndarray:
    wide = np.full((N, D + 5), np.nan)
    wide[:, :D] = X
    return wide[:, :D]


def int64(m: Any) -> Any:
    m.indices, m.indptr = m.indices.astype(np.int64), m.indptr.astype(np.int64)
    return m


def filled(X: np.ndarray) -> Any:
    """A column with a bitmap beside it; X becomes what that stands for."""
    gone = np.arange(N) % 3 == 1
    values = np.where(gone, np.nan, X[:, 0])
    X[:, 0], X[:, 1] = np.where(gone, 1.0 / 3.0, X[:, 0]), gone

    def add(kernel: Any) -> None:
        kernel.add_nullable(values, np.packbits(~gone, bitorder="little"), 1.0 / 3.0, True)
        kernel.add_dense(X[:, 2:].astype(np.float32))

    return add


def coded(X: np.ndarray) -> Any:
    """Codes of five columns beside a column with a bitmap; X becomes what they stand for."""
    codes = (np.arange(N) * 7 % 6).astype(np.uint16)
    slots = np.array([-1, 0, 3, 1, 4, 3], dtype=np.int32)
    X[:, :5] = slots[codes][:, np.newaxis] == np.arange(5)

    def add(kernel: Any) -> None:
        kernel.add_codes(codes, slots, 5)
        every = np.full((N + 7) // 8, 255, dtype=np.uint8)
        kernel.add_nullable(np.ascontiguousarray(X[:, 5]), every, 0.0, False)
        kernel.add_dense(X[:, 6:])

    return add


# stored as: how, whether it is read without a copy, whether rows come in as sparse
STORED: dict[str, tuple[Callable[[np.ndarray], Any], bool, bool]] = {
    "C": (np.ascontiguousarray, True, False),
    "float32": (lambda X: X.astype(np.float32), True, False),
    "rows apart": (rows_apart, True, False),
    "F": (np.asfortranarray, False, False),
    "strided": (strided, False, False),
    "columns": (lambda X: ([np.ascontiguousarray(c) for c in X.T],), False, False),
    "mixed dense": (
        lambda X: (X[:, :3].astype(np.float32), [np.ascontiguousarray(c) for c in X[:, 3:].T]),
        False,
        False,
    ),
    "csr": (sp.csr_array, True, True),
    "csr, int64": (lambda X: int64(sp.csr_array(X)), True, True),
    "csr, float32": (lambda X: sp.csr_array(X.astype(np.float32)), True, True),
    "csc": (sp.csc_array, False, True),
    "csc, int64, float32": (lambda X: int64(sp.csc_array(X.astype(np.float32))), False, True),
    "mixed": (
        lambda X: (
            np.asfortranarray(X[:, :2]),
            sp.csc_array(X[:, 2:6]),
            sp.csr_array(X[:, 6:9]),
            X[:, 9:],
        ),
        False,
        True,
    ),
    "nullable": (filled, False, False),
    "codes": (coded, False, True),
}


def setting(
    name: str, seed: int = 0, *, weighted: bool = True, intercept: bool = True
) -> tuple[Any, twin.Rows]:
    """The rows as the kernels read them, and as a twin does."""
    store, copied, is_sparse = STORED[name]
    X = matrix(seed, is_sparse)
    rng = np.random.default_rng(seed + 100)
    y = rng.beta(0.5, 0.5, N)
    y[:4] = 0.0, 1.0, 1.0, 0.0
    weight = rng.integers(1, 4, N).astype(np.float64) if weighted else None
    offset = rng.standard_normal(N) if weighted else None
    center = np.zeros(D) if is_sparse else rng.standard_normal(D)
    inverse = rng.uniform(0.5, 2.0, D)
    observations = _kernels.Observations(y, weight, offset)
    rows = _kernels.Rows(kernel_design(store(X)), observations, center, inverse, intercept)
    assert rows.copied is not copied
    assert rows.sparse is is_sparse
    inner = (X - center) * inverse
    if intercept:
        inner = np.column_stack([inner, np.ones(N)])
    return rows, twin.Rows(inner, y, weight, offset)


def penalty(width: int, kind: str) -> twin.Penalty:
    """L2 of different strengths, one coefficient free; with an L1 penalty; with bounds."""
    l2 = np.linspace(0.05, 0.4, width)
    l2[1] = 0.0
    l1, far = np.zeros(width), np.full(width, np.inf)
    lower, upper = -far, far.copy()
    if kind in ("l1", "bounds"):
        l1 = np.linspace(0.02, 0.2, width)
        l1[2], l1[1] = 0.0, 0.1
    if kind == "bounds":
        lower[0], upper[0], lower[3], upper[4] = -0.05, 0.1, 0.02, -0.01
    if kind == "none":
        l2 = np.zeros(width)
    if width > D:
        l2[-1] = l1[-1] = 0.0
        lower[-1], upper[-1] = -np.inf, np.inf
    return twin.Penalty(l2, l1, lower, upper)


KINDS = ("none", "l2", "l1", "bounds")


@pytest.mark.parametrize("saga", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STORED)
def test_averaged(name: str, kind: str, saga: bool) -> None:
    for intercept in (True, False):
        rows, naive = setting(name, intercept=intercept)
        width = naive.X.shape[1]
        pen = penalty(width, kind)
        rng = np.random.default_rng(7)
        w = pen.prox(0.3 * rng.standard_normal(width), 1e-3)
        total = float(naive.weight.sum())
        table = np.array([naive.at(i, w)[1] for i in range(N)])
        g = (naive.weight * table) @ naive.X / total
        w_k, g_k, table_k = w.copy(), g.copy(), table.copy()
        for step in (0.01, 0.05):
            order = rng.integers(0, N, 3 * N)
            w, g, table = twin.averaged(naive, pen, order, step, saga, total, w, g, table)
            rows.averaged(order, step, saga, total, pen.parts(), w_k, g_k, table_k)
            np.testing.assert_allclose(w_k, w, rtol=0, atol=1e-11)
            np.testing.assert_allclose(g_k, g, rtol=0, atol=1e-12)
            np.testing.assert_allclose(table_k, table, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_lag_through_zero(seed: int) -> None:
    """One row of 5,000 draws touches a column: the rest is closed forms, with L1 and bounds."""
    rng = np.random.default_rng(seed)
    X = np.zeros((N, D))
    X[0] = rng.standard_normal(D)
    y = rng.random(N)
    rows = _kernels.Rows(
        kernel_design(sp.csr_array(X)),
        _kernels.Observations(y, None, None),
        np.zeros(D),
        np.ones(D),
        False,
    )
    l2 = np.where(rng.random(D) < 0.3, 0.0, 10.0 ** rng.uniform(-9, 0, D))
    l1 = np.where(rng.random(D) < 0.3, 0.0, 10.0 ** rng.uniform(-4, -1, D))
    lower = np.where(rng.random(D) < 0.7, -np.inf, rng.uniform(-1, 0.3, D))
    upper = np.where(rng.random(D) < 0.7, np.inf, lower.clip(-1) + rng.uniform(0, 1, D))
    pen = twin.Penalty(l2, l1, lower, upper)
    naive = twin.Rows(X, y)
    w, g = rng.standard_normal(D).clip(lower, upper), 0.05 * rng.standard_normal(D)
    g[0] = l1[0]
    table = np.array([naive.at(i, w)[1] for i in range(N)])
    order = rng.integers(1, N, 5000)
    order[[1700, 1701, 4000]] = 0
    w_k, g_k, table_k = w.copy(), g.copy(), table.copy()
    w, g, table = twin.averaged(naive, pen, order, 0.01, True, 1.0 * N, w, g, table)
    rows.averaged(order, 0.01, True, 1.0 * N, pen.parts(), w_k, g_k, table_k)
    np.testing.assert_allclose(w_k, w, rtol=1e-9, atol=1e-11)
    assert ((w_k == 0.0) == (w == 0.0)).all()


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STORED)
def test_descend(name: str, kind: str, batch: int) -> None:
    rows, naive = setting(name)
    width = naive.X.shape[1]
    pen = penalty(width, kind)
    rng = np.random.default_rng(8)
    w = pen.prox(0.3 * rng.standard_normal(width), 1e-3)
    average, count = np.zeros(width), 0
    w_k, average_k = w.copy(), average.copy()
    count_k = 0
    for _ in range(2):
        order = rng.integers(0, N, 2 * N)
        steps = rng.uniform(0.0, 0.3, math.ceil(2 * N / batch))
        w, average, count = twin.descend(naive, pen, order, steps, batch, w, average, 3, count)
        count_k = rows.descend(order, steps, batch, pen.parts(), w_k, average_k, 3, count_k)
        assert count_k == count
        np.testing.assert_allclose(w_k, w, rtol=0, atol=1e-11)
        np.testing.assert_allclose(average_k, average, rtol=0, atol=1e-12)
    plain = w_k.copy()
    rows.descend(order, steps, batch, pen.parts(), w_k, None, 1, 0)
    w, *_ = twin.descend(naive, pen, order, steps, batch, plain, plain, 1, 0)
    np.testing.assert_allclose(w_k, w, rtol=0, atol=1e-11)


@pytest.mark.parametrize("batch", [1, 4, 100])
@pytest.mark.parametrize("name", STORED)
def test_adam(name: str, batch: int) -> None:
    rows, naive = setting(name)
    width = naive.X.shape[1]
    pen = penalty(width, "l2")
    rng = np.random.default_rng(9)
    w, m, v, done = rng.standard_normal(width), np.zeros(width), np.zeros(width), 0
    w_k, m_k, v_k, done_k = w.copy(), m.copy(), v.copy(), 0
    constants = (0.9, 0.99, 1e-8)
    for _ in range(2):
        order = rng.permutation(N)
        steps = rng.uniform(0.001, 0.1, math.ceil(N / batch))
        w, m, v, done = twin.adam(naive, pen, order, steps, batch, constants, w, m, v, done)
        done_k = rows.adam(order, steps, batch, constants, pen.parts(), w_k, m_k, v_k, done_k)
        assert done_k == done
        np.testing.assert_allclose(w_k, w, rtol=0, atol=1e-11)
        np.testing.assert_allclose(v_k, v, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("name", STORED)
def test_perceptron(name: str, weighted: bool) -> None:
    rows, naive = setting(name, weighted=weighted)
    width = naive.X.shape[1]
    w, pocket, state = np.zeros(width), np.zeros(width), (math.inf, 0, 0)
    w_k, pocket_k, state_k = w.copy(), pocket.copy(), state
    rng = np.random.default_rng(10)
    for _ in range(4):
        order = rng.permutation(N)
        w, pocket, errors, run, best, mistakes, checks = twin.perceptron(
            naive, order, 0.5, w, pocket, *state
        )
        state = errors, run, best
        found = rows.perceptron(order, 0.5, w_k, pocket_k, *state_k)
        state_k = found[:3]
        assert found == (errors, run, best, mistakes, checks)
        np.testing.assert_allclose(w_k, w, rtol=0, atol=1e-11)
        np.testing.assert_allclose(pocket_k, pocket, rtol=0, atol=1e-12)
    assert twin.count_errors(naive, pocket_k) == state[0]


@pytest.mark.parametrize("name", STORED)
def test_largest_square(name: str) -> None:
    rows, naive = setting(name)
    assert rows.largest_square() == pytest.approx((naive.X**2).sum(axis=1).max(), rel=1e-14)


def test_rows_without_weight_do_not_count() -> None:
    X = np.array([[1.0], [100.0]])
    kernel = _kernels.Design(2)
    kernel.add_dense(X)
    kernel.finish()
    observations = _kernels.Observations(np.array([0.0, 1.0]), np.array([2.0, 0.0]), None)
    rows = _kernels.Rows(kernel, observations, np.zeros(1), np.ones(1), True)
    assert rows.largest_square() == 2.0


@pytest.mark.parametrize("width", range(1, 20))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_width(width: int, dtype: type) -> None:
    """No lane of a vector reads past a row, or leaves out its end."""
    rng = np.random.default_rng(width)
    X = rng.standard_normal((9, width)).astype(dtype)
    y = rng.random(9)
    kernel = _kernels.Design(9)
    kernel.add_dense(X)
    kernel.finish()
    center, inverse = rng.standard_normal(width), rng.uniform(0.5, 2.0, width)
    rows = _kernels.Rows(kernel, _kernels.Observations(y, None, None), center, inverse, True)
    naive = twin.Rows(np.column_stack([(X - center) * inverse, np.ones(9)]), y)
    pen = penalty_of(width + 1)
    w = rng.standard_normal(width + 1)
    w_k, steps, order = w.copy(), np.full(9, 0.1), rng.permutation(9)
    rows.descend(order, steps, 1, pen.parts(), w_k, None, 1, 0)
    w, *_ = twin.descend(naive, pen, order, steps, 1, w, w, 1, 0)
    np.testing.assert_allclose(w_k, w, rtol=0, atol=1e-11)


def penalty_of(width: int) -> twin.Penalty:
    far = np.full(width, np.inf)
    return twin.Penalty(np.full(width, 0.1), np.zeros(width), -far, far)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r, o, v: r.averaged(o + 5, 0.1, True, 1.0, v, *vectors(2), np.zeros(N)), "order"),
        (lambda r, o, v: r.averaged(o, 0.1, True, 1.0, v, *vectors(2, 3), np.zeros(N)), "beta"),
        (lambda r, o, v: r.averaged(o, 0.1, True, 1.0, v, *vectors(2), np.zeros(3)), "residuals"),
        (lambda r, o, v: r.descend(o, np.zeros(3), 1, v, *vectors(1), None, 1, 0), "steps"),
        (lambda r, o, v: r.descend(o, np.zeros(3), 0, v, *vectors(1), None, 1, 0), "needs a row"),
        (lambda r, o, _: r.perceptron(o, 1.0, np.zeros(3), *vectors(1), 0.0, 0, 0), "beta"),
    ],
)
def test_wrong_shapes_are_refused(call: Callable[..., Any], words: str) -> None:
    rows, _ = setting("C")
    with pytest.raises(ValueError, match=words):
        call(rows, np.arange(N), penalty(D + 1, "l2").parts())


def vectors(count: int, width: int = D + 1) -> list[np.ndarray]:
    return [np.zeros(width) for _ in range(count)]
