"""Each kernel beside a naive twin in NumPy: every storage and type, any number of threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp

import logloss._kernels as _kernels

THREADS = (1, 2, 3, 7)
DENSE_TYPES = (np.float64, np.float32, np.int8, np.int16, np.int32, np.int64, np.uint8, np.bool_)


@dataclass
class Case:
    """A design and the same matrix as dense float64."""

    design: _kernels.Design
    x: np.ndarray


def _finish(design: _kernels.Design, x: np.ndarray) -> Case:
    design.finish()
    return Case(design, x)


def _matrix(n: int, d: int, dtype: type, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.floating):
        return rng.standard_normal((n, d)).astype(dtype)
    if dtype is np.bool_:
        return rng.random((n, d)) < 0.4
    low = 0 if dtype is np.uint8 else -5
    return rng.integers(low, 6, (n, d)).astype(dtype)


def dense(n: int, d: int, dtype: type, layout: str) -> Case:
    """C, Fortran, sliced rows, rows or both ways reversed, and strided both ways."""
    views: dict[str, Callable[[], np.ndarray]] = {
        "C": lambda: _matrix(n, d, dtype),
        "F": lambda: np.asfortranarray(_matrix(n, d, dtype)),
        "row-slice": lambda: _matrix(n, d + 3, dtype)[:, 1 : d + 1],
        "every-other": lambda: _matrix(2 * n, 2 * d, dtype)[::2, ::2],
        "upside-down": lambda: _matrix(n, d, dtype)[::-1],
        "reversed": lambda: _matrix(n, d, dtype)[::-1, ::-1],
    }
    x = views[layout]()
    x.flags.writeable = False
    design = _kernels.Design(n)
    design.add_dense(x)
    return _finish(design, x.astype(np.float64))


def sparse(n: int, d: int, by_row: bool, index: type, dtype: type) -> Case:
    rng = np.random.default_rng(1)
    m = sp.random(n, d, 0.15, random_state=rng, format="csr" if by_row else "csc")
    design = _kernels.Design(n)
    pointers, indices = m.indptr.astype(index), m.indices.astype(index)
    design.add_sparse(pointers, indices, m.data.astype(dtype), d, by_row)
    return _finish(design, m.astype(dtype).toarray().astype(np.float64))


def mixed(n: int) -> Case:
    """Blocks of every storage side by side, with two sparse ones."""
    rng = np.random.default_rng(2)
    parts = [_matrix(n, 5, np.float64, 3), _matrix(n, 9, np.float32, 4), _matrix(n, 3, np.int8, 5)]
    csr = sp.random(n, 7, 0.3, random_state=rng, format="csr")
    csc = sp.random(n, 11, 0.3, random_state=rng, format="csc")
    strided = _matrix(2 * n, 8, np.float64, 6)[::2, ::2]
    design = _kernels.Design(n)
    design.add_dense(parts[0])
    design.add_sparse(csr.indptr, csr.indices, csr.data, 7, True)
    design.add_columns([np.ascontiguousarray(c) for c in parts[1].T])
    design.add_sparse(csc.indptr, csc.indices, csc.data, 11, False)
    design.add_dense(strided)
    design.add_columns([np.ascontiguousarray(c) for c in parts[2].T])
    blocks = [parts[0], csr.toarray(), parts[1], csc.toarray(), strided, parts[2]]
    return _finish(design, np.hstack([b.astype(np.float64) for b in blocks]))


def all_cases() -> list[tuple[str, Callable[[], Case]]]:
    cases: list[tuple[str, Callable[[], Case]]] = []
    for dtype in DENSE_TYPES:
        name = np.dtype(dtype).name
        for layout in ("C", "F", "row-slice", "every-other", "upside-down", "reversed"):
            cases.append((f"{name}-{layout}", lambda t=dtype, v=layout: dense(3001, 29, t, v)))
    for d in (1, 2, 3, 7, 8, 9, 15, 16, 17, 64, 100):
        for layout in ("C", "F"):
            cases.append((f"d{d}-{layout}", lambda k=d, v=layout: dense(1030, k, np.float64, v)))
    narrow = (np.float32, np.int8, np.int16, np.uint8)  # columns in groups and what remains
    for dtype, d in itertools.product(narrow, (1, 2, 6, 8, 20, 31, 100)):
        name = f"{np.dtype(dtype).name}-d{d}-F"
        cases.append((name, lambda k=d, t=dtype: dense(1303, k, t, "F")))
    for n in (1, 2, 7, 8, 9, 130):
        cases.append((f"n{n}", lambda k=n: dense(k, 11, np.float64, "C")))
    for by_row, index in itertools.product((True, False), (np.int32, np.int64)):
        for dtype in (np.float64, np.float32):
            name = f"{'csr' if by_row else 'csc'}-{np.dtype(index).name}-{np.dtype(dtype).name}"
            make = lambda b=by_row, i=index, t=dtype: sparse(9001, 41, b, i, t)  # noqa: E731
            cases.append((name, make))
    cases.append(("mixed", lambda: mixed(9001)))
    cases.append(("wide", lambda: dense(300, 1200, np.float64, "C")))
    cases.append(("large", lambda: dense(60_000, 30, np.float64, "C")))
    return cases


CASES = all_cases()


@dataclass
class Rows:
    y: np.ndarray
    weight: np.ndarray | None
    offset: np.ndarray | None

    @property
    def observations(self) -> _kernels.Observations:
        return _kernels.Observations(self.y, self.weight, self.offset)

    @property
    def s(self) -> np.ndarray:
        return np.ones_like(self.y) if self.weight is None else self.weight

    @property
    def o(self) -> np.ndarray:
        return np.zeros_like(self.y) if self.offset is None else self.offset


def rows(n: int, kind: str) -> Rows:
    rng = np.random.default_rng(7)
    y = (rng.random(n) < 0.3).astype(np.float64)
    if kind == "plain":
        return Rows(y, None, None)
    soft = np.where(rng.random(n) < 0.5, rng.random(n), y)
    weight = rng.exponential(size=n) * (rng.random(n) < 0.9)
    return Rows(soft, weight, rng.standard_normal(n))


def sigmoid(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))


def bce(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    tail = (1 - y) * np.maximum(z, 0) + y * np.maximum(-z, 0)
    return np.asarray(np.log1p(np.exp(-np.abs(z))) + tail)


def close(
    actual: np.ndarray | float, expected: np.ndarray | float, scale: np.ndarray | float
) -> None:
    """Within rounding of a sum of terms whose absolute values sum to `scale`."""
    assert np.all(np.abs(actual - expected) <= 1e-13 * scale + 1e-300)


@pytest.mark.parametrize("kind", ["plain", "weighted"])
@pytest.mark.parametrize("make", [m for _, m in CASES], ids=[i for i, _ in CASES])
def test_kernels_match_their_naive_twins(make: Callable[[], Case], kind: str) -> None:
    case = make()
    x, r = case.x, rows(case.x.shape[0], kind)
    n, d = x.shape
    rng = np.random.default_rng(8)
    coef, v = rng.standard_normal((2, d)) / np.sqrt(d)
    z = x @ coef + 0.3 + r.o
    p = sigmoid(z)
    q, res = r.s * p * (1 - p), r.s * (p - r.y)
    size = np.abs(x)

    linear = np.empty(n)
    loss, g, slope, curvature = _kernels.loss_gradient(
        case.design, r.observations, coef, 0.3, linear, 2
    )
    close(linear, z, size @ np.abs(coef) + 1)
    scale = np.abs(res) + r.s * (size @ np.abs(coef) + 1)
    close(loss, float(r.s @ bce(z, r.y)), float(scale.sum() + r.s @ bce(z, r.y)))
    close(g, x.T @ res, size.T @ scale)
    close(slope, res.sum(), scale.sum())
    close(curvature, q.sum(), scale.sum())

    xi = x @ v - 0.1
    hv, hv0 = _kernels.product(case.design, r.observations, linear, v, -0.1, 2)
    close(hv, x.T @ (q * xi), size.T @ (scale * (1 + np.abs(xi))))
    close(hv0, (q * xi).sum(), (scale * (1 + np.abs(xi))).sum())

    kept = np.empty(n)
    dual = _kernels.dual(case.design, r.observations, linear, v, -0.1, kept, 2)
    close(kept, xi, size @ np.abs(v) + 1)
    close(dual[0], x.T @ (res - q * xi), size.T @ (scale * (1 + np.abs(xi))))
    close(dual[1], (res - q * xi).sum(), (scale * (1 + np.abs(xi))).sum())
    close(dual[2], x.T @ q, size.T @ scale)
    close(dual[3], q.sum(), scale.sum())

    steps = np.array([0.0, 0.25, 1.0, 2.0])
    losses = _kernels.step_losses(r.observations, z, xi, steps, 2)
    close(losses, [float(r.s @ bce(z - t * xi, r.y)) for t in steps], float(scale.sum() * 9))

    center = rng.standard_normal(d)
    first, second = _kernels.moments(case.design, r.weight, center, 2)
    close(first, x.T @ r.s, size.T @ r.s)
    dense_columns = first != 0  # sparse columns are not centred
    squares = ((x - center) ** 2).T @ r.s
    uncentred = (x**2).T @ r.s
    error = np.minimum(np.abs(second - squares), np.abs(second - uncentred))
    assert np.all(error[dense_columns] <= 1e-12 * (squares + uncentred)[dense_columns])
    assert np.array_equal(_kernels.predict(case.design, coef, 0.3, r.offset, 2), linear)


@pytest.mark.parametrize("kind", ["plain", "weighted"])
@pytest.mark.parametrize("make", [m for _, m in CASES], ids=[i for i, _ in CASES])
def test_gram_of_any_mix_and_subset(make: Callable[[], Case], kind: str) -> None:
    case = make()
    x, r = case.x, rows(case.x.shape[0], kind)
    n, d = x.shape
    rng = np.random.default_rng(9)
    z = rng.standard_normal(n)
    p = sigmoid(z)
    q = r.s * p * (1 - p)
    center = np.where(np.arange(d) % 3 == 0, rng.standard_normal(d), 0.0)
    subsets = [np.arange(d), np.flatnonzero(rng.random(d) < 0.5), np.arange(0), np.array([d - 1])]
    for subset in subsets:
        h = _kernels.gram(case.design, r.observations, z, np.zeros(d), subset.astype(np.int64), 2)
        ones = np.hstack([x[:, subset], np.ones((n, 1))])
        expected = (ones * q[:, None]).T @ ones
        close(h, expected, (np.abs(ones) * r.s[:, None]).T @ np.abs(ones))
        assert np.array_equal(h, h.T)
    if kind == "plain" and case.design.n_columns == d and d in (29, 100, 1200):
        h = _kernels.gram(case.design, r.observations, z, center, np.arange(d), 2)
        ones = np.hstack([x - center, np.ones((n, 1))])
        close(h, (ones * q[:, None]).T @ ones, (np.abs(ones) * r.s[:, None]).T @ np.abs(ones))


@pytest.mark.parametrize("make", [m for _, m in CASES], ids=[i for i, _ in CASES])
def test_the_same_bits_for_any_number_of_threads(make: Callable[[], Case]) -> None:
    case = make()
    r = rows(case.x.shape[0], "weighted")
    n, d = case.x.shape
    coef = np.random.default_rng(10).standard_normal(d) / np.sqrt(d)

    def run(n_threads: int) -> list[np.ndarray]:
        linear, xi = np.empty(n), np.empty(n)
        out = list(
            _kernels.loss_gradient(case.design, r.observations, coef, 0.1, linear, n_threads)
        )
        out += _kernels.product(case.design, r.observations, linear, coef, 0.2, n_threads)
        out += _kernels.dual(case.design, r.observations, linear, coef, 0.2, xi, n_threads)
        out += _kernels.moments(case.design, r.weight, coef, n_threads)
        out += [_kernels.step_losses(r.observations, linear, xi, coef[:3], n_threads)]
        out += [np.array(_kernels.row_gap(r.observations, linear, 1e-3 * xi, 0.0, 1.0, n_threads))]
        subset = np.arange(d)
        out += [_kernels.gram(case.design, r.observations, linear, coef, subset, n_threads)]
        return [np.asarray(a) for a in out] + [linear, xi]

    one = run(THREADS[0])
    for n_threads in THREADS[1:]:
        for a, b in zip(one, run(n_threads), strict=True):
            assert a.tobytes() == b.tobytes()


def test_zero_weight_is_a_removed_row() -> None:
    x = _matrix(500, 6, np.float64)
    r = rows(500, "plain")
    keep = np.arange(500) % 3 != 0
    full, part = _kernels.Design(500), _kernels.Design(int(keep.sum()))
    full.add_dense(x)
    part.add_dense(x[keep])
    full.finish()
    part.finish()
    coef = np.ones(6)
    a = _kernels.loss_gradient(
        full, _kernels.Observations(r.y, keep.astype(float)), coef, 0.0, None, 1
    )
    b = _kernels.loss_gradient(part, _kernels.Observations(r.y[keep]), coef, 0.0, None, 1)
    for left, right in zip(a, b, strict=True):
        assert np.allclose(left, right, rtol=1e-13)


SPECIAL = np.array(
    [0.0, -0.0, 1e-308, -1e-308, 1e-20, 0.34, -0.34, 0.88, 0.8815, -0.8815, 1.0, -1.0, 5.0, -5.0]
    + [36.0, -36.0, 40.0, -40.0, 700.0, -700.0, 708.5, -708.5, 740.0, -740.0, 745.2, -745.2]
    + [1e3, -1e3, 1e308, -1e308]
)


def _ulps(actual: float, exact: mpmath.mpf) -> float:
    spacing = np.spacing(abs(float(exact)))
    return float(abs(mpmath.mpf(float(actual)) - exact) / mpmath.mpf(float(spacing)))


@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_link_against_mpmath(y: float) -> None:
    z = np.concatenate([SPECIAL, np.random.default_rng(0).normal(0, 10, 200)])
    loss, slope, curvature = _kernels.bernoulli(z, np.full_like(z, y))
    with mpmath.workdps(800):
        for i, zi in enumerate(z):
            e = mpmath.exp(-abs(mpmath.mpf(float(zi))))
            p = 1 / (1 + e) if zi >= 0 else e / (1 + e)
            c = e / (1 + e) if zi >= 0 else 1 / (1 + e)
            exact_slope = (1 - mpmath.mpf(y)) * p - y * c
            line = (1 - mpmath.mpf(y)) * max(zi, 0) + y * max(-zi, 0)
            assert _ulps(loss[i], mpmath.log1p(e) + line) <= 3
            tolerance = 3 * np.spacing(float(max(abs(exact_slope), p * (1 - y), c * y)))
            assert abs(mpmath.mpf(float(slope[i])) - exact_slope) <= mpmath.mpf(float(tolerance))
            assert _ulps(curvature[i], p * c) <= 5


def test_link_at_infinity_and_nan() -> None:
    z = np.array([np.inf, -np.inf, np.inf, -np.inf, np.nan])
    y = np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    loss, slope, curvature = _kernels.bernoulli(z, y)
    assert loss[:4].tolist() == [0.0, 0.0, np.inf, np.inf]
    assert slope[:4].tolist() == [0.0, 0.0, 1.0, -1.0]
    assert curvature[:4].tolist() == [0.0] * 4
    assert np.isnan([loss[4], slope[4], curvature[4]]).all()


def test_row_gap_against_mpmath() -> None:
    """The sum of p phi(-(1-p) xi) + (1-p) phi(p xi), from 1e-30 up."""
    rng = np.random.default_rng(3)
    z = rng.normal(0, 4, 300)
    xi = rng.normal(0, 1, 300) * 10.0 ** rng.uniform(-16, -0.5, 300)
    s = rng.exponential(size=300)
    with mpmath.workdps(100):
        for k in range(300):
            p = 1 / (1 + mpmath.exp(-mpmath.mpf(z[k])))
            phi = lambda t: (1 + t) * mpmath.log1p(t) - t  # noqa: E731
            exact = mpmath.mpf(s[k]) * (p * phi(-(1 - p) * xi[k]) + (1 - p) * phi(p * xi[k]))
            one = _kernels.Observations(np.zeros(1), s[k : k + 1])
            gap, outside = _kernels.row_gap(one, z[k : k + 1], xi[k : k + 1], 0.0, 1.0, 1)
            assert outside == 0
            assert abs(gap - exact) <= 1e-11 * exact
    far = _kernels.row_gap(
        _kernels.Observations(np.zeros(2)), np.zeros(2), np.array([2.5, 1.0]), 0.0, 1.0, 1
    )
    assert far[1] == 1


def test_solve_is_right_and_finds_aliases() -> None:
    rng = np.random.default_rng(4)
    for n in (1, 2, 3, 4, 5, 8, 23, 100):
        a = rng.standard_normal((n + 20, n)) * 10.0 ** rng.uniform(-6, 6, n)
        h, b = a.T @ a, rng.standard_normal(n)
        x, rank = _kernels.solve(h, b, 1e-13)
        assert rank == n
        scale = np.sqrt(np.diag(h))
        assert np.allclose((h @ x) / scale, b / scale, rtol=0, atol=1e-8 * np.abs(b / scale).max())
    a = rng.standard_normal((50, 6))
    a = np.column_stack([a, a[:, 0] + a[:, 1], np.zeros(50), 2 * a[:, 3]])
    x, rank = _kernels.solve(a.T @ a, a.T @ a @ np.ones(9), 1e-11)
    assert rank == 6
    assert x[6:].tolist() == [0.0, 0.0, 0.0]
    assert np.allclose(a @ x, a @ np.ones(9))


def test_bad_shapes_and_types_are_refused() -> None:
    design = _kernels.Design(4)
    with pytest.raises(ValueError, match="5 rows, but the design has 4"):
        design.add_dense(np.zeros((5, 2)))
    with pytest.raises(TypeError, match="values must be"):
        design.add_dense(np.zeros((4, 2), dtype=np.complex128))
    with pytest.raises(ValueError, match="outside the matrix"):
        bad = np.array([0, 1, 2, 3, 4], dtype=np.int32)
        design.add_sparse(bad, np.array([0, 1, 9, 1], dtype=np.int32), np.ones(4), 2, True)
    design.add_dense(np.zeros((4, 2)))
    design.finish()
    with pytest.raises(ValueError, match="coef has length 3, not 2"):
        _kernels.predict(design, np.zeros(3), 0.0, None, 1)


def test_dot() -> None:
    rng = np.random.default_rng(5)
    for n in (0, 1, 7, 31, 32, 33, 1000):
        a, b = rng.standard_normal((2, n))
        assert abs(_kernels.dot(a, b) - a @ b) <= 1e-14 * (np.abs(a) @ np.abs(b)) + 1e-300


@pytest.mark.parametrize("dtype", DENSE_TYPES)
def test_take_copies_rows_of_any_storage(dtype: type) -> None:
    x = _matrix(9001, 13, dtype)
    rows = np.random.default_rng(6).integers(0, 9001, 70_001)
    views = (
        x,
        np.asfortranarray(x),
        x[:, 2:9],
        x[::-1],
        x[:, ::3],
        x[::-1, ::-1],
        x[:, :1],
        x[:, :0],
    )
    for view in views:
        for some in (rows, rows[:5], rows[:0]):
            for n_threads in (1, 3):
                (taken,) = _kernels.take([view], some, n_threads)
                assert taken.dtype == x.dtype
                assert np.array_equal(taken, view[some])
    by_column = _kernels.take([np.asfortranarray(x)], rows, 2)[0]
    assert by_column.flags.f_contiguous  # columns stay columns
    columns = [np.ascontiguousarray(c) for c in x.T]
    for column, taken in zip(columns, _kernels.take(columns, rows, 2), strict=True):
        assert np.array_equal(taken, column[rows])
    assert _kernels.take([], rows, 2) == []
    for bad in (-1, 9001):
        with pytest.raises(ValueError, match=f"row {bad} is not one of the 9001"):
            _kernels.take([x], np.array([0, bad, 1]), 2)
