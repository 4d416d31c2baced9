"""Columns of codes and numbers with a bitmap beside a naive twin, in every kernel and mixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import logloss._kernels as _kernels

THREADS = (1, 2, 3, 7)
TYPES = (np.float64, np.float32, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16)


@dataclass
class Table:
    """A design as it grows, and the same columns as dense float64."""

    n: int
    seed: int = 0
    parts: list[np.ndarray] = field(default_factory=list)
    sparse: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.kernel = _kernels.Design(self.n)

    def _keep(self, x: np.ndarray, sparse: bool) -> Table:
        self.parts.append(x.astype(np.float64))
        self.sparse += [sparse] * x.shape[1]
        return self

    def codes(
        self, slots: list[int], dtype: type = np.uint8, width: int = 0, common: float = 0.0
    ) -> Table:
        """`common`: the share of rows that have the last code, beside all others."""
        n_codes, width = len(slots), max(width, max(slots) + 1)
        drawn = self.rng.integers(0, n_codes, self.n)
        codes = np.where(self.rng.random(self.n) < common, n_codes - 1, drawn).astype(dtype)
        codes.flags.writeable = False
        chosen = np.array(slots, dtype=np.int32)
        self.kernel.add_codes(codes, chosen, width)
        return self._keep(chosen[codes][:, np.newaxis] == np.arange(width), True)

    def nullable(
        self, dtype: type = np.float64, missing: float = 0.3, indicator: bool = True
    ) -> Table:
        valid = self.rng.random(self.n) >= missing
        values = self.rng.integers(0, 9, self.n).astype(dtype)
        garbage = values.copy()
        garbage[~valid] = np.nan if np.issubdtype(dtype, np.floating) else 77
        bitmap = np.append(np.packbits(valid, bitorder="little"), np.uint8(0xFF))  # Arrow pads it
        self.kernel.add_nullable(garbage, bitmap, 2.25, indicator)
        filled = np.where(valid, values.astype(np.float64), 2.25)
        return self._keep(np.column_stack([filled, ~valid][: 1 + indicator]), False)

    def dense(self, d: int, dtype: type = np.float64, by_column: bool = False) -> Table:
        x = self.rng.integers(0, 9, (self.n, d)).astype(dtype)
        if by_column:
            self.kernel.add_columns([np.ascontiguousarray(c) for c in x.T])
        else:
            self.kernel.add_dense(x)
        return self._keep(x, False)

    def scipy(self, d: int, form: str) -> Table:
        m = sp.random(self.n, d, 0.3, random_state=self.rng, format=form)
        self.kernel.add_sparse(m.indptr, m.indices, m.data, d, form == "csr")
        return self._keep(m.toarray(), True)

    def finish(self) -> Table:
        self.kernel.finish()
        self.x = np.hstack(self.parts)
        assert self.kernel.n_columns == self.x.shape[1]
        return self


def levels(n: int, reference: bool = True) -> list[int]:
    return list(range(-1, n - 1)) if reference else list(range(n))


def everything(n: int) -> Table:
    """All storages side by side."""
    table = Table(n).codes(levels(4)).dense(3, np.float32).nullable()
    table.codes([2, -1, 0, 2, 0, -1], np.uint16, width=5)  # shared slots, and empty columns
    table.scipy(7, "csr").codes(levels(60), np.int32).nullable(np.int8, indicator=False)
    return table.scipy(9, "csc").dense(4, by_column=True).codes([-1, 0], common=0.9)


def registers(n: int) -> Table:
    """Numbers of codes around those that fit registers, and around those with fewer sums."""
    table = Table(n)
    for count in (1, 2, 8, 9, 16, 17, 32, 33, 128, 129):
        table.codes([c % 20 for c in range(count)])
    for count in (256, 1024, 1025, 3000):
        table.codes([c % 40 - 1 for c in range(count)], np.uint16)
    return table.codes([c % 40 - 1 for c in range(2000)], np.int32)


def nullables(n: int) -> Table:
    table = Table(n)
    for k, dtype in enumerate(TYPES):
        table.nullable(dtype, indicator=k % 2 == 0)
    return table.nullable(missing=0.0).nullable(missing=1.0)


def many_numbers(n: int) -> Table:
    """More dense columns than a panel of the Gram matrix, and than a vector."""
    table = Table(n).dense(20, np.float32, by_column=True)
    for k in range(6):
        table.codes(levels(5 + k), common=0.5 * (k % 2))
        table.nullable(np.float32)
    return table.dense(11, np.uint16, by_column=True).dense(3, np.uint16)


def many_codes(n: int) -> Table:
    """More columns of codes than a lane has sums for."""
    table = Table(n).nullable()
    for k in range(12):
        table.codes(levels(3 + k), common=0.9 * (k % 2))
    table.dense(5, by_column=True)
    return table.codes(levels(300), np.uint16).codes(levels(250), np.uint16).codes([-1, 0])


CASES: dict[str, Callable[[], Table]] = {
    "everything": lambda: everything(3001),
    "registers": lambda: registers(2500),
    "nullables": lambda: nullables(1999),
    "many numbers": lambda: many_numbers(1234),
    "many codes": lambda: many_codes(1500),
    "one column of codes": lambda: Table(3000).codes(levels(7)),
    "one nullable": lambda: Table(3000).nullable(np.float32, indicator=False),
    "no code with a column": lambda: Table(500).codes([-1, -1, -1], width=2).dense(2),
    "codes and CSR": lambda: Table(900).codes(levels(9)).scipy(20, "csr").codes(levels(3)),
    "large": lambda: Table(50_001).codes(levels(10)).codes(levels(12)).dense(3, by_column=True),
    **{f"n{n}": (lambda n=n: everything(n)) for n in (1, 2, 7, 8, 9, 127, 128, 129, 1027)},
}


@pytest.fixture(params=CASES, scope="module")
def table(request: pytest.FixtureRequest) -> Table:
    return CASES[request.param]().finish()


@dataclass
class Rows:
    y: np.ndarray
    s: np.ndarray
    observations: _kernels.Observations


def _rows(n: int, weighted: bool) -> Rows:
    rng = np.random.default_rng(7)
    y = (rng.random(n) < 0.3).astype(np.float64)
    s = rng.exponential(size=n) * (rng.random(n) < 0.9) if weighted else np.ones(n)
    return Rows(y, s, _kernels.Observations(y, s if weighted else None))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _close(actual: Any, expected: Any, scale: Any) -> None:
    """Within rounding of a sum of terms whose absolute values sum to `scale`."""
    assert np.all(np.abs(np.asarray(actual) - expected) <= 5e-13 * np.asarray(scale) + 1e-300)


@pytest.mark.parametrize("weighted", [False, True])
def test_passes_match_their_naive_twins(table: Table, weighted: bool) -> None:
    x, r = table.x, _rows(table.n, weighted)
    n, d = x.shape
    rng = np.random.default_rng(8)
    coef, v = rng.standard_normal((2, d)) / np.sqrt(d)
    z, xi = x @ coef + 0.3, x @ v - 0.1
    p = _sigmoid(z)
    q, res = r.s * p * (1 - p), r.s * (p - r.y)
    scale = np.abs(res) + r.s * (x @ np.abs(coef) + 1) * (1 + x @ np.abs(v))

    linear, kept = np.empty(n), np.empty(n)
    _, g, slope, curvature = _kernels.loss_gradient(
        table.kernel, r.observations, coef, 0.3, linear, 2
    )
    _close(linear, z, x @ np.abs(coef) + 1)
    _close(g, x.T @ res, x.T @ scale)
    _close([slope, curvature], [res.sum(), q.sum()], scale.sum())
    hv, hv0 = _kernels.product(table.kernel, r.observations, linear, v, -0.1, 2)
    _close(hv, x.T @ (q * xi), x.T @ scale)
    _close(hv0, q @ xi, scale.sum())
    dual = _kernels.dual(table.kernel, r.observations, linear, v, -0.1, kept, 2)
    _close(kept, xi, x @ np.abs(v) + 1)
    _close(dual[0], x.T @ (res - q * xi), x.T @ scale)
    _close(dual[2], x.T @ q, x.T @ scale)
    assert np.array_equal(_kernels.predict(table.kernel, coef, 0.3, None, 2), linear)

    center = rng.standard_normal(d)
    weight = r.s if weighted else None
    first, second = _kernels.moments(table.kernel, weight, center, 2)
    about = np.where(table.sparse, 0.0, center)
    _close(first, x.T @ r.s, x.T @ r.s)
    _close(second, ((x - about) ** 2).T @ r.s, ((x + np.abs(about)) ** 2).T @ r.s)


def _subsets(d: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    some, few = np.flatnonzero(rng.random(d) < 0.5), np.flatnonzero(rng.random(d) < 0.1)
    return [np.arange(d), some, few, np.arange(0), np.array([0]), np.array([d - 1])]


@pytest.mark.parametrize("secant", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_gram_of_any_subset(table: Table, weighted: bool, secant: bool) -> None:
    x, r = table.x, _rows(table.n, weighted)
    rng = np.random.default_rng(9)
    z = rng.standard_normal(table.n)
    p = _sigmoid(z)
    q = p * (1 - p)
    if secant:
        q = q + np.abs(p - r.y) * (np.tanh(np.abs(z) / 2) / (2 * np.abs(z)) - q)
    center = rng.standard_normal(x.shape[1])
    about = np.where(table.sparse, 0.0, center)
    for subset in _subsets(x.shape[1]):
        found = _kernels.gram(table.kernel, r.observations, z, center, subset, 2, secant)
        ones = np.hstack([(x - about)[:, subset], np.ones((table.n, 1))])
        expected = (ones * (r.s * q)[:, np.newaxis]).T @ ones
        _close(found, expected, (np.abs(ones) * r.s[:, np.newaxis]).T @ np.abs(ones))
        assert np.array_equal(found, found.T)


def test_leverages_of_any_subset(table: Table) -> None:
    rng = np.random.default_rng(10)
    for subset in _subsets(table.x.shape[1])[1:]:
        k = len(subset)
        triangle = np.triu(rng.standard_normal((k + 1, k + 1)))
        triangle[-1] = rng.standard_normal(k + 1)
        center = np.where(table.sparse, 0.0, rng.standard_normal(len(table.sparse)))
        found = _kernels.leverages(table.kernel, center, subset, triangle, 2)
        ones = np.hstack([(table.x - center)[:, subset], np.ones((table.n, 1))])
        _close(
            found, ((ones @ triangle) ** 2).sum(1), ((np.abs(ones) @ np.abs(triangle)) ** 2).sum(1)
        )


def test_the_same_bits_for_any_number_of_threads(table: Table) -> None:
    r, d = _rows(table.n, True), table.x.shape[1]
    rng = np.random.default_rng(10)
    coef = rng.standard_normal(d) / np.sqrt(d)
    triangle = np.triu(rng.standard_normal((min(d, 200) + 1,) * 2))

    def run(n_threads: int) -> list[np.ndarray]:
        linear, xi = np.empty(table.n), np.empty(table.n)
        kernel = table.kernel
        out = list(_kernels.loss_gradient(kernel, r.observations, coef, 0.1, linear, n_threads))
        out += _kernels.product(kernel, r.observations, linear, coef, 0.2, n_threads)
        out += _kernels.dual(kernel, r.observations, linear, coef, 0.2, xi, n_threads)
        out += _kernels.moments(kernel, r.s, coef, n_threads)
        out += _kernels.moments(kernel, None, coef, n_threads)
        for subset in _subsets(d):
            out += [_kernels.gram(kernel, r.observations, linear, coef, subset, n_threads)]
        few = np.arange(len(triangle) - 1)
        out += [_kernels.leverages(kernel, coef, few, triangle, n_threads)]
        return [np.asarray(a) for a in out] + [linear, xi]

    one = run(THREADS[0])
    for n_threads in THREADS[1:]:
        for a, b in zip(one, run(n_threads), strict=True):
            assert a.tobytes() == b.tobytes()


def test_a_number_that_is_not_finite_is_read_only_where_it_is_valid() -> None:
    valid = np.array([True, False, True, True, False, True, True, True, True])
    values = np.where(valid, 1.0, np.inf)
    kernel = _kernels.Design(9)
    kernel.add_nullable(values, np.packbits(valid, bitorder="little"), 0.5, True)
    kernel.finish()
    z = _kernels.predict(kernel, np.array([2.0, 3.0]), 0.0, None, 1)
    assert z.tolist() == np.where(valid, 2.0, 4.0).tolist()
    values[3] = np.nan  # a value, though none that a fit can use: it must be seen
    assert np.isnan(_kernels.predict(kernel, np.array([2.0, 3.0]), 0.0, None, 1)).sum() == 1


def test_no_rows() -> None:
    kernel = _kernels.Design(0)
    kernel.add_codes(np.zeros(0, np.uint8), np.array([0, 1], np.int32), 2)
    kernel.add_nullable(np.zeros(0), np.zeros(0, np.uint8), 0.0, True)
    kernel.finish()
    none = _kernels.Observations(np.zeros(0))
    assert _kernels.loss_gradient(kernel, none, np.ones(4), 0.0, None, 2)[1].tolist() == [0.0] * 4
    assert not _kernels.gram(kernel, none, np.zeros(0), np.zeros(4), np.arange(4), 2).any()


def test_numbers_of_16_bits() -> None:
    kernel = _kernels.Design(3)
    x = np.array([[0, 65535, 7], [40_000, 1, 2], [3, 50_000, 65_000]], dtype=np.uint16)
    kernel.add_dense(x)
    kernel.finish()
    assert np.array_equal(
        _kernels.predict(kernel, np.array([1.0, 2.0, 4.0]), 0.0, None, 1),
        x.astype(np.float64) @ [1.0, 2.0, 4.0],
    )
    (taken,) = _kernels.take([x], np.array([2, 0]), 1)
    assert taken.dtype == np.uint16
    assert np.array_equal(taken, x[[2, 0]])


GOOD = np.array([0, 1, 2], dtype=np.uint8)
SLOTS = np.array([-1, 0, 1], dtype=np.int32)


@pytest.mark.parametrize(
    ("codes", "slots", "width", "message"),
    [
        (GOOD, SLOTS[:2], 2, "a code is not one of the 2"),
        (np.array([0, -1, 1], np.int32), SLOTS, 2, "a code is not one of the 3"),
        (np.array([0, 1, 60_000], np.uint16), SLOTS, 2, "a code is not one of the 3"),
        (GOOD, SLOTS, 1, "slot 1 is not one of the 1 columns"),
        (GOOD, SLOTS - 1, 2, "slot -2 is not one"),
        (GOOD[:2], SLOTS, 2, "2 rows, but the design has 3"),
        (np.repeat(GOOD, 2)[::2], SLOTS, 2, "a contiguous vector"),
        (GOOD.astype(np.int64), SLOTS, 2, "uint8, uint16 or int32"),
        (GOOD, SLOTS.astype(np.int64), 2, "vector of int32"),
    ],
)
def test_codes_that_do_not_fit_are_refused(
    codes: np.ndarray, slots: np.ndarray, width: int, message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        _kernels.Design(3).add_codes(codes, slots, width)


def test_bitmaps_that_do_not_fit_are_refused() -> None:
    kernel = _kernels.Design(9)
    with pytest.raises(ValueError, match="a bit a row"):
        kernel.add_nullable(np.zeros(9), np.zeros(1, np.uint8), 0.0, False)
    with pytest.raises(ValueError, match="a bit a row"):
        kernel.add_nullable(np.zeros(9), np.zeros(2, np.int16), 0.0, False)
    with pytest.raises(ValueError, match="8 rows, but the design has 9"):
        kernel.add_nullable(np.zeros(8), np.zeros(2, np.uint8), 0.0, False)
