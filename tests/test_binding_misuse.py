"""Every argument of the bindings is checked before a kernel reads it: a misuse is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import logloss._kernels as _kernels

N, D = 40, 3
HUGE = 1 << 62


def _x() -> Any:
    return np.random.default_rng(0).normal(size=(N, D))


def _open() -> Any:
    design = _kernels.Design(N)
    design.add_dense(_x())
    return design


def _design() -> Any:
    design = _open()
    design.finish()
    return design


def _empty() -> Any:
    return _kernels.Design(N)


def _labels() -> Any:
    return _kernels.Observations(np.zeros(N))


def _rows() -> Any:
    return _kernels.Rows(_design(), _labels(), np.zeros(D), np.ones(D), True)


def _fixed(n: int) -> Any:
    x = np.zeros(n)
    x.flags.writeable = False
    return x


I32, I64 = np.int32, np.int64
z, v, half = np.zeros(N), np.zeros(D), np.zeros(2 * N)[::2]
point, subset, scalar, wide = np.zeros(D + 1), np.arange(D), np.array(0.0), np.zeros(2)
order = np.arange(N)
lines = np.arange(N + 1, dtype=I32)
firsts, ones = np.zeros(N, dtype=I32), np.ones(N)
penalty = (point, point, point - np.inf, point + np.inf)
codes, slots = np.zeros(N, dtype=np.uint8), np.arange(2, dtype=I32)
bits = np.full((N + 7) // 8, 255, dtype=np.uint8)
square = np.eye(D)
k = _kernels

MISUSES: dict[str, Callable[[], object]] = {
    "rows below 0": lambda: k.Design(-1),
    "rows beyond memory": lambda: k.Design(HUGE),
    "dense of one dimension": lambda: _empty().add_dense(z),
    "dense of none": lambda: _empty().add_dense(scalar),
    "dense of three": lambda: _empty().add_dense(np.zeros((N, 1, 1))),
    "dense of other length": lambda: _empty().add_dense(_x()[:-1]),
    "dense of complex": lambda: _empty().add_dense(_x() * 1j),
    "dense of text": lambda: _empty().add_dense(_x().astype("U8")),
    "dense of another byte order": lambda: _empty().add_dense(_x().astype(">f8")),
    "columns of none": lambda: _empty().add_columns([scalar]),
    "columns of two types": lambda: _empty().add_columns([z, z.astype(np.float32)]),
    "columns strided": lambda: _empty().add_columns([half]),
    "columns broadcast": lambda: _empty().add_columns([np.broadcast_to(scalar, N)]),
    "columns reversed": lambda: _empty().add_columns([z[::-1]]),
    "columns of other length": lambda: _empty().add_columns([z[1:]]),
    "sparse of no pointers": lambda: _empty().add_sparse(scalar, firsts, ones, D, True),
    "sparse 0-d": lambda: _empty().add_sparse(np.array(0, I32), firsts, ones, D, True),
    "sparse 0-d indices": lambda: _empty().add_sparse(lines, np.array(0, I32), ones, D, True),
    "sparse 0-d values": lambda: _empty().add_sparse(lines, firsts, scalar, D, True),
    "sparse strided": lambda: _empty().add_sparse(lines, firsts, half, D, True),
    "sparse reversed": lambda: _empty().add_sparse(lines, firsts[::-1], ones, D, True),
    "sparse broadcast": lambda: _empty().add_sparse(
        lines, np.broadcast_to(np.array(0, I32), N), ones, D, True
    ),
    "sparse falls": lambda: _empty().add_sparse(lines[::-1].copy(), firsts, ones, D, True),
    "sparse below 0": lambda: _empty().add_sparse(lines, firsts - I32(1), ones, D, True),
    "sparse outside": lambda: _empty().add_sparse(lines, firsts + I32(D), ones, D, True),
    "sparse of few values": lambda: _empty().add_sparse(lines, firsts, ones[:-1], D, True),
    "sparse of few indices": lambda: _empty().add_sparse(lines, firsts[:-1], ones, D, True),
    "sparse of few pointers": lambda: _empty().add_sparse(lines[:-1], firsts, ones, D, True),
    "sparse of two types": lambda: _empty().add_sparse(lines.astype(I64), firsts, ones, D, True),
    "sparse columns below 0": lambda: _empty().add_sparse(lines, firsts, ones, -1, True),
    "sparse columns beyond": lambda: _empty().add_sparse(lines, firsts, ones, HUGE, True),
    "sparse columns overflow": lambda: _empty().add_sparse(lines, firsts, ones, 2**63 - 1, False),
    "sparse of integers": lambda: _empty().add_sparse(lines, firsts, firsts, D, True),
    "sparse columns in disorder": lambda: _empty().add_sparse(
        np.array([0, 2], I32), np.array([1, 0], I32), np.ones(2), 1, False
    ),
    "codes beyond": lambda: _empty().add_codes(codes + np.uint8(2), slots, 2),
    "codes below 0": lambda: _empty().add_codes(firsts - I32(1), slots, 2),
    "codes of no slots": lambda: _empty().add_codes(codes, slots[:0], 2),
    "codes 0-d": lambda: _empty().add_codes(np.array(0, np.uint8), slots, 2),
    "codes of other length": lambda: _empty().add_codes(codes[1:], slots, 2),
    "slots outside": lambda: _empty().add_codes(codes, slots + I32(1), 2),
    "slots below -1": lambda: _empty().add_codes(codes, slots - I32(2), 2),
    "slots 0-d": lambda: _empty().add_codes(codes, np.array(0, I32), 2),
    "slots of wide integers": lambda: _empty().add_codes(codes, slots.astype(I64), 2),
    "codes of columns below 0": lambda: _empty().add_codes(codes, slots, -2),
    "nullable 0-d": lambda: _empty().add_nullable(scalar, bits, 0.0, False),
    "nullable short bits": lambda: _empty().add_nullable(z, bits[1:], 0.0, False),
    "nullable strided": lambda: _empty().add_nullable(half, bits, 0.0, False),
    "nullable 0-d bits": lambda: _empty().add_nullable(z, np.array(0, np.uint8), 0.0, False),
    "add after finish": lambda: _design().add_dense(_x()),
    "columns after finish": lambda: _design().add_columns([z]),
    "sparse after finish": lambda: _design().add_sparse(lines, firsts, ones, D, True),
    "codes after finish": lambda: _design().add_codes(codes, slots, 2),
    "nullable after finish": lambda: _design().add_nullable(z, bits, 0.0, False),
    "finish twice": lambda: _design().finish(),
    "lanes before finish": lambda: _open().n_lanes,
    "predict before finish": lambda: k.predict(_open(), v, 0.0, None, 1),
    "loss before finish": lambda: k.loss_gradient(_open(), _labels(), v, 0.0, None, 1),
    "moments before finish": lambda: k.moments(_open(), None, v, 1),
    "gram before finish": lambda: k.gram(_open(), _labels(), z, v, subset, 1),
    "rows before finish": lambda: k.Rows(_open(), _labels(), v, v, True),
    "rows of no design": lambda: k.Rows(None, _labels(), v, v, True),
    "no threads": lambda: k.predict(_design(), v, 0.0, None, 0),
    "threads below 0": lambda: k.loss_gradient(_design(), _labels(), v, 0.0, None, -1),
    "threads overflow": lambda: k.predict(_design(), v, 0.0, None, HUGE),
    "steps on no threads": lambda: k.step_losses(_labels(), z, z, v, 0),
    "gap on no threads": lambda: k.row_gap(_labels(), z, z, 0.0, 1.0, 0),
    "margin on no threads": lambda: k.dual_margin(_labels(), z, z, 0.0, 1.0, z, 0),
    "take on no threads": lambda: k.take([z], order, 0),
    "stream on no threads": lambda: k.stream_read(z, 0),
    "weights of other length": lambda: k.Observations(z, z[1:]),
    "offset of other length": lambda: k.Observations(z, None, z[1:]),
    "labels 0-d": lambda: k.Observations(scalar),
    "coef of other length": lambda: k.predict(_design(), point, 0.0, None, 1),
    "coef 0-d": lambda: k.predict(_design(), scalar, 0.0, None, 1),
    "offset 0-d": lambda: k.predict(_design(), v, 0.0, scalar, 1),
    "linear read-only": lambda: k.loss_gradient(_design(), _labels(), v, 0.0, _fixed(N), 1),
    "linear strided": lambda: k.loss_gradient(_design(), _labels(), v, 0.0, half, 1),
    "linear of float32": lambda: k.loss_gradient(
        _design(), _labels(), v, 0.0, z.astype(np.float32), 1
    ),
    "xi read-only": lambda: k.dual(_design(), _labels(), z, v, 0.0, _fixed(N), 1),
    "xi of other length": lambda: k.row_gap(_labels(), z, z[1:], 0.0, 1.0, 1),
    "curved of other length": lambda: k.dual_margin(_labels(), z, z, 0.0, 1.0, z[1:], 1),
    "subset falls": lambda: k.gram(_design(), _labels(), z, v, subset[::-1].copy(), 1),
    "subset twice": lambda: k.gram(_design(), _labels(), z, v, np.array([1, 1]), 1),
    "subset outside": lambda: k.gram(_design(), _labels(), z, v, np.array([D]), 1),
    "subset below 0": lambda: k.gram(_design(), _labels(), z, v, np.array([-1]), 1),
    "subset of floats": lambda: k.gram(_design(), _labels(), z, v, np.array([0.5]), 1),
    "no groups": lambda: k.group_sums(_design(), z, order * 0, 0, v, subset, 1),
    "groups overflow": lambda: k.group_sums(_design(), z, order * 0, HUGE, v, subset, 1),
    "groups outside": lambda: k.group_sums(_design(), z, order, N - 1, v, subset, 1),
    "triangle of other shape": lambda: k.leverages(_design(), v, subset, square, 1),
    "tolerance NaN": lambda: k.solve(square, v, np.nan),
    "tolerance below 0": lambda: k.inverse_factor(square, -1.0),
    "solve of other shape": lambda: k.solve(square, wide, 1e-12),
    "accuracy NaN": lambda: k.quadratic(square, v, v, v, v, v, np.nan, 9),
    "rounds below 0": lambda: k.quadratic(square, v, v, v, v, v, 1e-9, -1),
    "bounds of other length": lambda: k.quadratic(square, v, v, v, wide, v, 1e-9, 9),
    "dot of other length": lambda: k.dot(z, v),
    "bernoulli of other length": lambda: k.bernoulli(z, v),
    "take outside": lambda: k.take([z], order + 1, 1),
    "take below 0": lambda: k.take([z], order - 1, 1),
    "take 0-d": lambda: k.take([scalar], order, 1),
    "take by floats": lambda: k.take([z], z, 1),
    "hold nowhere": lambda: k.hold(0, 8),
    "hold beyond memory": lambda: k.hold(2**64 - 8, 64),
    "order outside": lambda: _rows().averaged(
        order + 1, 0.1, True, 1.0, penalty, point.copy(), point.copy(), z.copy()
    ),
    "penalty short": lambda: _rows().averaged(
        order, 0.1, True, 1.0, penalty[:2], point.copy(), point.copy(), z.copy()
    ),
    "penalty of other length": lambda: _rows().averaged(
        order, 0.1, True, 1.0, (v, v, v, v), point.copy(), point.copy(), z.copy()
    ),
    "weights sum to 0": lambda: _rows().averaged(
        order, 0.1, True, 0.0, penalty, point.copy(), point.copy(), z.copy()
    ),
    "residuals of other length": lambda: _rows().averaged(
        order, 0.1, True, 1.0, penalty, point.copy(), point.copy(), z[1:].copy()
    ),
    "beta read-only": lambda: _rows().averaged(
        order, 0.1, True, 1.0, penalty, _fixed(D + 1), point.copy(), z.copy()
    ),
    "steps short": lambda: _rows().descend(order, z[1:], 1, penalty, point.copy(), None, 1, 0),
    "batch of 0": lambda: _rows().descend(order, z, 0, penalty, point.copy(), None, 1, 0),
    "batch overflow": lambda: _rows().descend(
        order, z, 2**63 - 1, penalty, point.copy(), None, 1, 0
    ),
    "points every 0": lambda: _rows().descend(
        order, z, 1, penalty, point.copy(), point.copy(), 0, 0
    ),
    "constants short": lambda: _rows().adam(
        order, z, 1, (0.9, 0.9), penalty, point.copy(), point.copy(), point.copy(), 0
    ),
    "pocket of other length": lambda: _rows().perceptron(
        order, 1.0, point.copy(), v.copy(), 0.0, 0, 0
    ),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
def test_a_misuse_is_an_error(misuse: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        misuse()


def test_more_threads_than_there_are_give_the_same_bits() -> None:
    rng = np.random.default_rng(1)
    design = _kernels.Design(200_000)
    design.add_dense(rng.normal(size=(200_000, 4)))
    design.finish()
    rows, coef = _kernels.Observations(np.zeros(200_000)), rng.normal(size=4)
    one, many = (_kernels.loss_gradient(design, rows, coef, 0.1, None, n) for n in (1, 2**31 - 1))
    assert one[0] == many[0]
    np.testing.assert_array_equal(one[1], many[1])
