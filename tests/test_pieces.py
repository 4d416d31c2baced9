"""A design of typed pieces beside the same columns one-hot and filled in by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

import logloss._kernels as _kernels
from logloss.backends.memory import MemoryLikelihood
from logloss.backends.spread import coordinates, spread
from logloss.errors import DataError
from logloss.objective.row_data import RowData
from logloss.table import Encoded, read
from logloss.table.design.bad_values import check_finite
from logloss.table.design.design import Design, design_of
from logloss.table.design.piece import Piece
from logloss.table.design.pieces import CodesPiece, NullablePiece, NumberPiece

N = 4003


@dataclass
class Pair:
    """The same matrix as pieces and as dense columns."""

    pieces: Design
    dense: Design
    x: np.ndarray


def _by_hand(column: object) -> np.ndarray:
    if isinstance(column, CodesPiece):
        slots = column.slots[column.codes]
        return np.asarray(slots[:, np.newaxis] == np.arange(column.n_columns), dtype=np.float64)
    if isinstance(column, NullablePiece):
        valid = np.unpackbits(column.valid, count=len(column.values), bitorder="little") == 1
        filled = np.where(valid, column.values, column.fill)
        return np.column_stack([filled, ~valid][: column.n_columns]).astype(np.float64)
    values = column.values if isinstance(column, NumberPiece) else np.asarray(column)
    return values.astype(np.float64)[:, np.newaxis]


def _columns(seed: int) -> tuple[Piece, ...]:
    rng = np.random.default_rng(seed)
    valid = rng.random((3, N)) < 0.8
    valid[2, 17:] = True
    bitmaps = np.packbits(valid, axis=1, bitorder="little")
    holes = np.where(valid[0], rng.standard_normal(N) * 5 + 100, np.nan)
    ages = rng.integers(18, 90, N).astype(np.int8)
    return (
        NumberPiece(rng.standard_normal(N)),
        NumberPiece(rng.standard_normal(N)),
        CodesPiece(rng.integers(0, 5, N).astype(np.uint8), np.arange(-1, 4, dtype=np.int32), 4),
        NullablePiece(holes, bitmaps[0], 99.5, True),
        NullablePiece(ages, bitmaps[1], 47.25, False),
        CodesPiece(
            rng.integers(0, 300, N).astype(np.uint16),
            (np.arange(300) % 21 - 1).astype(np.int32),  # shared by levels, the reference too
            21,
        ),
        NumberPiece(rng.integers(0, 2, N).astype(np.uint8)),
        NullablePiece(rng.standard_normal(N).astype(np.float32), bitmaps[2], 0.0, True),
        NumberPiece(rng.integers(0, 60_000, N).astype(np.uint16)),
    )


def _pair(columns: tuple[Piece, ...]) -> Pair:
    x = np.hstack([_by_hand(column) for column in columns])
    pieces = design_of(Encoded(None, columns, N))
    return Pair(pieces, design_of(Encoded(x, None, N)), x)


@pytest.fixture(params=[0, 1])
def pair(request: pytest.FixtureRequest) -> Pair:
    return _pair(_columns(request.param))


def _near(a: np.ndarray | float, b: np.ndarray | float) -> None:
    scale = np.abs(np.asarray(b)).max()
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * scale)


def test_which_columns_are_sparse(pair: Pair) -> None:
    expected = [0, 0, *[1] * 4, 0, 0, 0, *[1] * 21, 0, 0, 0, 0]
    assert pair.pieces.sparse.tolist() == [bool(k) for k in expected]
    assert not pair.dense.sparse.any()


@pytest.mark.parametrize("intercept", [True, False])
def test_the_likelihood_is_that_of_the_columns_by_hand(pair: Pair, intercept: bool) -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(N) < 0.3).astype(np.float64)
    rows = RowData(y, rng.exponential(size=N), 0.2 * rng.standard_normal(N))
    d = pair.x.shape[1]
    ours, theirs = spread(pair.pieces, rows.weight, 2), spread(pair.dense, rows.weight, 2)
    _near(ours.mean, theirs.mean)
    np.testing.assert_allclose(ours.deviation, theirs.deviation, rtol=1e-9)
    where = coordinates(theirs, np.full(d, math.sqrt(1e-3 / 0.2)), intercept)
    a = MemoryLikelihood(pair.pieces, rows, where, 2)
    b = MemoryLikelihood(pair.dense, rows, where, 2)
    k = d + intercept
    beta, step = 0.3 * rng.standard_normal((2, k))
    for left, right in zip(a.loss_gradient(beta), b.loss_gradient(beta), strict=True):
        _near(left, right)
    _near(a.hessian_product(beta, step), b.hessian_product(beta, step))
    for subset in (None, np.arange(0, k, 2), np.arange(3, 9), np.arange(10, 30)):
        _near(a.hessian(beta, subset), b.hessian(beta, subset))
    left, right = (one.dual(beta, 1e-2 * step, lambda _: 1.0) for one in (a, b))
    _near(left.score, right.score)
    assert left.gap == pytest.approx(right.gap, rel=1e-12)
    inverse = np.tril(rng.standard_normal((k, k)))
    _near(a.leverages(np.arange(k), inverse), b.leverages(np.arange(k), inverse))


def test_take_copies_rows_of_each_piece(pair: Pair) -> None:
    coef = np.random.default_rng(3).standard_normal(pair.x.shape[1])
    for rows in (np.array([4002, 0, 7, 7, 8]), np.arange(1, N, 3), np.array([5]), np.arange(0)):
        taken = pair.pieces.take(rows, 2)
        assert taken.n_rows == len(rows)
        assert np.array_equal(taken.sparse, pair.pieces.sparse)
        _near(np.append(taken.predict(coef, 0.5), 1.0), np.append(pair.x[rows] @ coef + 0.5, 1.0))


def test_numbers_of_one_type_side_by_side_are_one_block() -> None:
    """So that they are read together: the bits are those of one block of columns."""
    rng = np.random.default_rng(1)
    columns = [rng.standard_normal(N) for _ in range(20)]
    mixed = tuple(map(NumberPiece, columns))
    one = _kernels.Design(N)
    one.add_columns(columns)
    one.finish()
    coef = rng.standard_normal(20)
    found = design_of(Encoded(None, mixed, N)).predict(coef, 0.1)
    assert found.tobytes() == _kernels.predict(one, coef, 0.1, None, 1).tobytes()


def test_a_bad_value_is_named_but_not_what_lies_under_a_missing_one() -> None:
    values = np.array([1.0, np.nan, 3.0, 4.0])
    codes = CodesPiece(np.zeros(4, np.uint8), np.zeros(1, np.int32), 1)
    source = read(pa.table({"kind": [0.0] * 4, "age": [0.0] * 4}))
    for bitmap, bad in ((0b1101, False), (0b1111, True)):
        piece = NullablePiece(values, np.array([bitmap], np.uint8), 2.0, True)
        encoded = Encoded(None, (codes, piece), 4)
        if bad:
            with pytest.raises(DataError, match="nan in row 1.*'age'"):
                check_finite(encoded, source)
        else:
            check_finite(encoded, source)
