"""The Gram matrix of a subset of the columns of a sparse design beside its naive twin in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import logloss._kernels as _kernels

THREADS = (1, 2, 3, 7)
Blocks = list[sp.csr_matrix | sp.csc_matrix]


def _design(blocks: Blocks, index: type = np.int32, dtype: type = np.float64) -> _kernels.Design:
    design = _kernels.Design(blocks[0].shape[0])
    for m in blocks:
        pointers, indices = m.indptr.astype(index), m.indices.astype(index)
        design.add_sparse(pointers, indices, m.data.astype(dtype), m.shape[1], m.format == "csr")
    design.finish()
    return design


def _text(n: int, d: int, seed: int = 0) -> sp.csr_matrix:
    """Columns from those in nearly every row to those in hardly any; some rows empty."""
    rng = np.random.default_rng(seed)
    density = rng.permutation(np.minimum(0.97, 12.0 / (1.0 + np.arange(d))))
    m = (rng.random((n, d)) < density) * rng.standard_normal((n, d))
    m[rng.random(n) < 0.1] = 0.0
    return sp.csr_matrix(m)


def _rows(n: int, weighted: bool) -> tuple[_kernels.Observations, np.ndarray, np.ndarray]:
    """Observations, z, and v = s*p*(1-p)."""
    rng = np.random.default_rng(1)
    y, z = (rng.random(n) < 0.4).astype(float), rng.standard_normal(n)
    s = rng.integers(0, 4, n).astype(float) if weighted else np.ones(n)
    p = 1.0 / (1.0 + np.exp(-z))
    return _kernels.Observations(y, s if weighted else None), z, s * p * (1.0 - p)


def _twin(x: np.ndarray, v: np.ndarray, subset: np.ndarray) -> np.ndarray:
    ones = np.hstack([x[:, subset], np.ones((len(x), 1))])
    return np.asarray((ones * v[:, None]).T @ ones)


def _check(design: _kernels.Design, x: np.ndarray, subset: np.ndarray, weighted: bool) -> None:
    rows, z, v = _rows(len(x), weighted)
    center = np.zeros(x.shape[1])
    results = [_kernels.gram(design, rows, z, center, subset, t) for t in THREADS]
    scale = _twin(np.abs(x), v, subset)
    assert np.all(np.abs(results[0] - _twin(x, v, subset)) <= 1e-14 * (1.0 + 10.0 * scale))
    assert np.array_equal(results[0], results[0].T)
    for other in results[1:]:
        assert other.tobytes() == results[0].tobytes()


def _subsets(d: int) -> list[np.ndarray]:
    some = np.flatnonzero(np.random.default_rng(2).random(d) < 0.4)
    return [np.arange(0), np.array([0]), np.array([d - 1]), some, np.arange(d)]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_any_storage_and_subset(form: str, index: type, dtype: type, weighted: bool) -> None:
    m = _text(3001, 150).astype(dtype).asformat(form)
    design, x = _design([m], index, dtype), m.toarray().astype(np.float64)
    for subset in _subsets(150):
        _check(design, x, subset, weighted)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 255, 256, 257, 513, 9001])
def test_numbers_of_rows_around_a_piece(n: int, form: str) -> None:
    m = _text(n, 40).asformat(form)
    _check(_design([m]), m.toarray(), np.arange(40), True)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_several_blocks(form: str) -> None:
    blocks = [_text(2000, d, d).asformat(form) for d in (30, 1, 70)]
    design, x = _design(blocks), np.hstack([m.toarray() for m in blocks])
    for subset in _subsets(101):
        _check(design, x, subset, False)


@pytest.mark.parametrize("density", [0.0, 0.01, 0.6, 1.0])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_no_column_dense_or_all(form: str, density: float) -> None:
    rng = np.random.default_rng(3)
    m = sp.csr_matrix((rng.random((1500, 90)) < density) * rng.standard_normal((1500, 90)))
    for subset in _subsets(90):
        _check(_design([m.asformat(form)]), m.toarray(), subset, False)


def test_rows_out_of_order_and_with_duplicates() -> None:
    """What SciPy calls not canonical: values of one place add up."""
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 60, 1200)
    pointers = np.concatenate([[0], np.cumsum(counts)])
    indices = np.minimum(rng.integers(0, 120, pointers[-1]), rng.integers(0, 120, pointers[-1]))
    m = sp.csr_matrix((rng.standard_normal(len(indices)), indices, pointers), shape=(1200, 120))
    assert not m.has_canonical_format
    design = _design([m])
    for subset in _subsets(120):
        _check(design, m.toarray(), subset, True)


def test_columns_with_duplicates() -> None:
    m = _text(800, 60).tocsc()
    twice = sp.csc_matrix(
        (np.repeat(m.data, 2), np.repeat(m.indices, 2), 2 * m.indptr), shape=m.shape
    )
    _check(_design([twice]), 2.0 * m.toarray(), np.arange(60), False)


def test_more_columns_than_a_group_of_the_rest() -> None:
    m = _text(700, 1500)
    _check(_design([m]), m.toarray(), np.arange(1500), True)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_few_columns_of_very_many(form: str) -> None:
    rng = np.random.default_rng(5)
    m = sp.random(700, 80_000, 0.002, random_state=rng, format=form)
    subset = np.sort(rng.choice(80_000, 300, replace=False))
    rows, z, v = _rows(700, False)
    found = _kernels.gram(_design([m]), rows, z, np.zeros(80_000), subset, 2)
    x = m[:, subset].toarray()
    assert np.allclose(found, _twin(x, v, np.arange(300)), rtol=1e-13, atol=1e-13)


def test_secant_curvature() -> None:
    m = _text(900, 50)
    rows, z, _ = _rows(900, False)
    y = (np.random.default_rng(1).random(900) < 0.4).astype(float)
    p = 1.0 / (1.0 + np.exp(-z))
    v = p * (1 - p) + np.abs(p - y) * (np.tanh(np.abs(z) / 2) / (2 * np.abs(z)) - p * (1 - p))
    found = _kernels.gram(_design([m]), rows, z, np.zeros(50), np.arange(50), 2, True)
    x = m.toarray()
    assert np.allclose(found, _twin(x, v, np.arange(50)), rtol=1e-12, atol=1e-12)


def test_not_finite_values_stay_in_their_columns() -> None:
    """An infinity spoils the sums that it belongs to and no others."""
    m = _text(600, 40)
    m.data[m.indices == 7] = np.inf
    _, z, v = _rows(600, False)
    found = _kernels.gram(_design([m]), _rows(600, False)[0], z, np.zeros(40), np.arange(40), 2)
    good = np.flatnonzero(np.arange(41) != 7)
    finite = np.where(np.isinf(m.toarray()), 0.0, m.toarray())
    expected = _twin(finite, v, np.arange(40))[np.ix_(good, good)]
    assert np.allclose(found[np.ix_(good, good)], expected, rtol=1e-12, atol=1e-12)
    assert not np.isfinite(found[7, 7])


@pytest.mark.parametrize("by_row", [True, False])
def test_places_given_twice_in_a_small_design(by_row: bool) -> None:
    """Their values add up, also where all places of a row are given three times."""
    rng = np.random.default_rng(0)
    once = rng.standard_normal((30, 4))
    rows, columns = np.nonzero(np.ones_like(once))
    order = rng.permutation(3 * rows.size)
    data = np.tile(once.ravel() / 3.0, 3)[order]
    at = np.tile(rows, 3)[order], np.tile(columns, 3)[order]
    outer, inner = at if by_row else at[::-1]
    by_outer = np.argsort(outer, kind="stable")
    pointers = np.searchsorted(outer[by_outer], np.arange((30 if by_row else 4) + 1))
    indices = inner[by_outer].astype(np.int32)
    values = data[by_outer]
    if not by_row:  # a column's rows come in order
        for j in range(4):
            part = slice(pointers[j], pointers[j + 1])
            sort = np.argsort(indices[part], kind="stable")
            indices[part], values[part] = indices[part][sort], values[part][sort]
    design = _kernels.Design(30)
    design.add_sparse(pointers.astype(np.int32), indices, values, 4, by_row)
    design.finish()
    y = (rng.random(30) < 0.5).astype(np.float64)
    subset = np.arange(4)
    found = _kernels.gram(design, _kernels.Observations(y), np.zeros(30), np.zeros(4), subset, 2)
    whole = np.column_stack([once, np.ones(30)])
    np.testing.assert_allclose(found, whole.T @ whole / 4.0, rtol=1e-12, atol=1e-12)
