"""Sparse matrices as SciPy lets them be: views, stale flags, duplicates, damage; beside dense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import logloss
from logloss.errors import DataError

N, D = 3000, 5


def _labels() -> Any:
    return np.random.default_rng(1).random(N) < 0.4


def _plain(format_: str) -> Any:
    return sp.random_array((N, D), density=0.5, format=format_, rng=np.random.default_rng(0))


def _strided(m: Any) -> Any:
    pair = np.full((m.nnz, 2), 7.0)
    pair[:, 0] = m.data
    return type(m)((pair[:, 0], m.indices, m.indptr), shape=m.shape)


def _reversed(m: Any) -> Any:
    out = m.copy()
    out.data, out.indices = m.data[::-1].copy()[::-1], m.indices[::-1].copy()[::-1]
    out.indptr = m.indptr[::-1].copy()[::-1]
    return out


def _stale(m: Any) -> Any:
    out = m.copy()
    assert out.has_sorted_indices and out.has_canonical_format
    for a, b in zip(out.indptr[:-1], out.indptr[1:], strict=True):
        out.indices[a:b], out.data[a:b] = out.indices[a:b][::-1].copy(), out.data[a:b][::-1].copy()
    return out


def _twice(m: Any) -> Any:
    """Each entry as two halves, beside each other, the flag of a matrix without duplicates."""
    out = type(m)(
        (np.repeat(m.data / 2.0, 2), np.repeat(m.indices, 2), m.indptr * 2), shape=m.shape
    )
    out.has_canonical_format = True
    return out


def _apart(m: Any) -> Any:
    """Each entry as two halves, out of order."""
    lines = [
        (np.tile(m.indices[a:b], 2), np.tile(m.data[a:b] / 2.0, 2))
        for a, b in zip(m.indptr[:-1], m.indptr[1:], strict=True)
    ]
    indices, data = (np.concatenate(parts) for parts in zip(*lines, strict=True))
    return type(m)((data, indices, m.indptr * 2), shape=m.shape)


def _foreign(m: Any) -> Any:
    out = m.copy()
    out.indices, out.indptr = m.indices.astype(">i4"), m.indptr.astype(np.uint32)
    out.data = m.data.astype(">f8")
    return out


ODD = [_strided, _reversed, _stale, _twice, _apart, _foreign]


@pytest.mark.parametrize("format_", ["csr", "csc"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_matrix_is_the_matrix_that_it_is(odd: Any, format_: str) -> None:
    plain, y = _plain(format_), _labels()
    m = odd(plain)
    before = [part.copy() for part in (m.data, m.indices, m.indptr)]
    truth = logloss.fit(plain.toarray(), y, C=1.0)
    model = logloss.fit(m, y, C=1.0)
    assert model.coefficients == pytest.approx(truth.coefficients, abs=1e-6)
    np.testing.assert_allclose(
        truth.predict_proba(m), truth.predict_proba(plain.toarray()), rtol=0, atol=1e-14
    )
    estimator = logloss.LogisticRegression().fit(m, y)
    np.testing.assert_allclose(estimator.coef_[0], list(truth.coefficients.values()), atol=1e-6)
    for part, old in zip((m.data, m.indices, m.indptr), before, strict=True):
        np.testing.assert_array_equal(part, old)  # not sorted in place


@pytest.mark.parametrize("odd", [_stale, _twice, _apart])
@pytest.mark.parametrize("solver", ["saga", "sgd", "lbfgs", "newton"])
def test_solvers_that_take_rows_read_odd_matrices_too(odd: Any, solver: str) -> None:
    plain, y = _plain("csr"), _labels()
    a, b = (logloss.fit(m, y, C=1.0, solver=solver, random_state=0) for m in (plain, odd(plain)))
    assert a.coefficients == pytest.approx(b.coefficients, abs=1e-4)


def _falls(m: Any) -> None:
    m.indptr[1] = m.indptr[-1]


def _outside(m: Any) -> None:
    m.indices[3] = 10**6


def _negative(m: Any) -> None:
    m.indices[3] = -1


def _begins_late(m: Any) -> None:
    m.indptr[0] = 1


def _short(m: Any) -> None:
    m.indptr = m.indptr[:-1]


def _few_values(m: Any) -> None:
    m.data = m.data[:-5]


def _few_indices(m: Any) -> None:
    m.indices = m.indices[:-5]


def _too_many(m: Any) -> None:
    m.indptr[-1] += 10**6


def _flat(m: Any) -> None:
    m.indptr = m.indptr.astype(float)


def _scalar(m: Any) -> None:
    m.indices = np.array(0)


DAMAGE = [
    _falls,
    _outside,
    _negative,
    _begins_late,
    _short,
    _few_values,
    _few_indices,
    _too_many,
    _flat,
    _scalar,
]


@pytest.mark.parametrize("format_", ["csr", "csc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_matrix_is_refused(damage: Any, format_: str) -> None:
    sound, y = _plain(format_), _labels()
    model = logloss.fit(sound, y, C=1.0)
    m = sound.copy()
    damage(m)
    with pytest.raises((DataError, ValueError), match="damaged"):
        logloss.fit(m, y, C=1.0)
    with pytest.raises((DataError, ValueError), match="damaged"):
        model.predict_proba(m)


def test_coordinates_outside_are_refused() -> None:
    m, y = _plain("coo"), _labels()
    m.row[0] = N + 7
    with pytest.raises(DataError, match="damaged"):
        logloss.fit(m, y, C=1.0)
    blocks = sp.bsr_array(_plain("csr"), blocksize=(1, 1))
    blocks.indices[0] = 10**6
    with pytest.raises(DataError, match="damaged"):
        logloss.fit(blocks, y, C=1.0)


def test_a_dense_view_of_records_is_read() -> None:
    """Strides that are no multiple of the values, and values at odd addresses."""
    rng = np.random.default_rng(3)
    records = np.zeros(N, dtype=[("flag", "u1"), ("x", "f8", (D,))])
    records["x"] = rng.normal(size=(N, D))
    y = _labels()
    a, b = logloss.fit(records["x"], y, C=1.0), logloss.fit(records["x"].copy(), y, C=1.0)
    assert a.coefficients == b.coefficients
    views = [np.broadcast_to(records["x"][:1], (N, D)), records["x"][::-1, ::-1]]
    for view in views:
        np.testing.assert_array_equal(a.predict_proba(view), a.predict_proba(view.copy()))
