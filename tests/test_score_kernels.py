"""Sums of scores beside naive twins: other weights in the Gram matrix, and sums by group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from test_kernels import CASES, THREADS, Case, close, rows

import logloss._kernels as _kernels

MAKERS = [make for _, make in CASES]
NAMES = [name for name, _ in CASES]


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_gram_with_weights_of_ones_own(make: Callable[[], Case]) -> None:
    case = make()
    n, d = case.x.shape
    r, rng = rows(n, "weighted"), np.random.default_rng(4)
    v = rng.exponential(1.0, n) * (rng.random(n) < 0.8)
    z = np.full(n, np.nan)  # not looked at
    gram = _kernels.gram(case.design, r.observations, z, np.zeros(d), np.arange(d), 2, curvature=v)
    ones = np.hstack([case.x, np.ones((n, 1))])
    close(gram, (ones * v[:, None]).T @ ones, (np.abs(ones) * v[:, None]).T @ np.abs(ones))


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_sums_by_group(make: Callable[[], Case]) -> None:
    case = make()
    n, d = case.x.shape
    rng = np.random.default_rng(5)
    v = rng.standard_normal(n)
    for n_groups in {1, min(n, 13), n}:
        group = rng.integers(0, n_groups, n)
        for subset in (np.arange(d), np.flatnonzero(rng.random(d) < 0.5)):
            sums = _kernels.group_sums(case.design, v, group, n_groups, np.zeros(d), subset, 2)
            ones = np.hstack([case.x[:, subset], np.ones((n, 1))]) * v[:, None]
            expected, size = np.zeros((n_groups, len(subset) + 1)), np.zeros(n_groups)
            np.add.at(expected, group, ones)
            np.add.at(size, group, np.abs(ones).max(axis=1))
            close(sums, expected, size[:, None] + np.zeros(len(subset) + 1))
            for n_threads in THREADS:
                again = (case.design, v, group, n_groups, np.zeros(d), subset, n_threads)
                assert _kernels.group_sums(*again).tobytes() == sums.tobytes()


def test_dense_groups_are_centred() -> None:
    rng = np.random.default_rng(6)
    x, v, group = rng.standard_normal((5000, 9)), rng.standard_normal(5000), np.arange(5000) % 7
    design = _kernels.Design(5000)
    design.add_dense(x)
    design.finish()
    center = rng.standard_normal(9)
    sums = _kernels.group_sums(design, v, group, 7, center, np.arange(9), 1)
    expected = [((x - center) * v[:, None])[group == g].sum(axis=0) for g in range(7)]
    np.testing.assert_allclose(sums[:, :-1], expected, rtol=1e-12, atol=1e-12)


def test_a_group_out_of_range_is_refused() -> None:
    design = _kernels.Design(2)
    design.add_dense(np.ones((2, 1)))
    design.finish()
    for group, count in (([0, 2], 2), ([0, -1], 2), ([0, 0], 0)):
        with pytest.raises(ValueError, match="group"):
            _kernels.group_sums(
                design, np.ones(2), np.array(group), count, np.zeros(1), np.arange(1), 1
            )
