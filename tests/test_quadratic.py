"""The minimum of a quadratic model under an L1 penalty and bounds, and what enters the gap there.

Truth: the conditions of Karush, Kuhn and Tucker, written out in NumPy; mpmath for sums.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.objective.penalty import Penalty
from logloss.objective.quadratic import model_step
from logloss.objective.separable import Separable

Array = NDArray[np.float64]


def violation(penalty: Penalty, hessian: Array, slope: Array, w: Array) -> Array:
    """How far each coefficient is from its condition; l2 is in the Hessian."""
    out = np.empty(len(w))
    for j in range(len(w)):
        a = penalty.l1[j]
        low = slope[j] + (a * np.sign(w[j]) if w[j] else -a)  # the subgradient, an interval
        high = slope[j] + (a * np.sign(w[j]) if w[j] else a)
        if w[j] == penalty.lower[j]:
            low = -math.inf
        if w[j] == penalty.upper[j]:
            high = math.inf
        out[j] = max(low, 0.0) - min(high, 0.0)
    return out


def random_model(n: int, seed: int, rank: int | None = None) -> tuple[Penalty, Array, Array, Array]:
    rng = np.random.default_rng(seed)
    rank = rank or n + 5
    x = rng.standard_normal((rank, n)) @ np.diag(10.0 ** rng.uniform(-1.5, 1.5, n))
    hessian = x.T @ x / rank
    gradient = hessian @ rng.standard_normal(n) + 0.1 * (x.T @ rng.standard_normal(rank)) / rank
    l1 = rng.choice([0.0, 0.1, 1.0], n) * np.abs(gradient).mean()
    lower = np.where(rng.random(n) < 0.2, -rng.exponential(0.3, n), -math.inf)
    upper = np.where(rng.random(n) < 0.2, rng.exponential(0.3, n), math.inf)
    point = np.clip(rng.standard_normal(n) * (rng.random(n) < 0.5), lower, upper)
    return Separable(np.zeros(n), l1, lower, upper), hessian, gradient, point


@pytest.mark.parametrize("n", [1, 2, 5, 30, 200, 500])
@pytest.mark.parametrize("seed", range(5))
def test_the_minimum_fulfils_the_conditions(n: int, seed: int) -> None:
    penalty, hessian, gradient, beta = random_model(n, seed)
    found = model_step(penalty, hessian, beta, gradient)
    w = penalty.settle(beta - found.step)
    slope = gradient + hessian @ (w - beta)
    off = violation(penalty, hessian, slope, w)
    scale = np.sqrt(np.diag(hessian))
    assert (off / scale).max() <= 1e-8 * np.abs(gradient / scale).max()
    assert (w >= penalty.lower).all()
    assert (w <= penalty.upper).all()
    d = w - beta
    model = gradient @ d + 0.5 * d @ hessian @ d + penalty.l1 @ (np.abs(w) - np.abs(beta))
    assert found.decrease == pytest.approx(-model, rel=1e-9, abs=1e-14)
    assert found.decrease >= 0.0


@pytest.mark.parametrize("rank", [None, 60])
@pytest.mark.parametrize("seed", range(5))
def test_far_away_a_rough_minimum_is_enough(seed: int, rank: int | None) -> None:
    """Within a tenth of the decrease beyond `far`, exact below it."""
    penalty, hessian, gradient, beta = random_model(200, seed, rank=rank)
    penalty = Separable(
        penalty.l2, np.maximum(0.01 * penalty.l1, 1e-4), penalty.lower, penalty.upper
    )
    exact = model_step(penalty, hessian, beta, gradient)
    assert np.count_nonzero(beta - exact.step) > 64
    rough = model_step(penalty, hessian, beta, gradient, far=0.5 * exact.decrease)
    assert 0.9 * exact.decrease <= rough.decrease <= (1.0 + 1e-9) * exact.decrease
    near = model_step(penalty, hessian, beta, gradient, far=2.0 * exact.decrease)
    assert near.decrease == pytest.approx(exact.decrease, rel=1e-9)
    assert np.abs(near.left).max() <= np.abs(exact.left).max() + 1e-8 * np.abs(gradient).max()


@pytest.mark.parametrize("seed", range(5))
def test_singular_models(seed: int) -> None:
    """Copies of columns, and more columns than rows: the conditions still hold."""
    penalty, hessian, gradient, beta = random_model(40, seed, rank=15)
    penalty = Separable(penalty.l2, np.maximum(penalty.l1, 0.01), penalty.lower, penalty.upper)
    found = model_step(penalty, hessian, beta, gradient)
    slope = gradient - hessian @ found.step
    scale = np.sqrt(np.diag(hessian))
    off = violation(penalty, hessian, slope, beta - found.step) / scale
    free = np.isinf(penalty.lower) & np.isinf(penalty.upper)
    assert off[free].max() <= 1e-6 * np.abs(gradient / scale).max()


def test_without_l1_and_bounds_it_is_newtons_step() -> None:
    _, hessian, gradient, beta = random_model(20, 1)
    step = model_step(Separable.ridge(np.zeros(20)), hessian, beta, gradient).step
    np.testing.assert_allclose(hessian @ step, gradient, rtol=1e-9, atol=1e-9)
    point, _, _ = _kernels.quadratic(
        hessian, gradient, beta, np.zeros(20), np.full(20, -np.inf), np.full(20, np.inf), 1e-25, 50
    )
    np.testing.assert_allclose(beta - point, step, rtol=1e-7, atol=1e-9)


finite = st.floats(-50.0, 50.0)
weight = st.one_of(st.just(0.0), st.floats(1e-3, 20.0))


@given(w=finite, u=finite, a=weight, l2=weight, lo=finite, width=st.floats(0.0, 50.0))
def test_a_coefficients_part_of_the_gap(
    w: float, u: float, a: float, l2: float, lo: float, width: float
) -> None:
    """h(w) − min h over the bounds, by a fine grid and in closed form at its kinks."""
    hi = lo + width
    w = min(max(w, lo), hi)
    one = [np.array([x]) for x in (l2, a, lo, hi)]
    gap = Separable(*one).gap(np.array([w]), np.array([u]))

    def h(x: Array | float) -> Array | float:
        return a * np.abs(x) + 0.5 * l2 * np.square(x) + u * np.asarray(x)

    places = np.concatenate(
        [
            np.linspace(lo, hi, 2001),
            np.clip([0.0, -(u - a) / (l2 or 1.0), -(u + a) / (l2 or 1.0)], lo, hi),
        ]
    )
    least = np.min(h(places))
    size = max(1.0, abs(float(np.max(np.abs(h(places))))))
    assert gap >= 0.0
    assert gap == pytest.approx(float(h(w) - least), rel=1e-9, abs=1e-12 * size)


def test_what_has_no_finite_conjugate() -> None:
    far = np.full(3, math.inf)
    penalty = Separable(np.array([0.0, 0.0, 1.0]), np.array([0.0, 2.0, 0.5]), -far, far)
    assert penalty.reach(np.array([5.0, 1.0, 9.0])) == 1.0
    assert penalty.reach(np.array([5.0, -4.0, 9.0])) == 0.5
    assert penalty.excess(np.array([-5.0, 1.0, 9.0])).tolist() == [5.0, 0.0, 0.0]
    positive = Separable(np.zeros(2), np.zeros(2), np.zeros(2), far[:2])
    assert positive.excess(np.array([1.0, -1.0])).tolist() == [0.0, 1.0]
    assert positive.gap(np.array([3.0, 0.0]), np.array([0.5, -1.0])) == 1.5


def test_prox_minimises_and_pull_vanishes_there() -> None:
    rng = np.random.default_rng(0)
    penalty, _, _, _ = random_model(200, 3)
    x, step = rng.standard_normal(200), 0.3
    w = penalty.prox(x, step)
    np.testing.assert_allclose(penalty.pull(w, (w - x) / step), 0.0, atol=1e-12)
    grid = np.clip(w[:, None] + np.linspace(-1, 1, 401), penalty.lower[:, None], np.inf)
    grid = np.minimum(grid, penalty.upper[:, None])
    values = (grid - x[:, None]) ** 2 / (2 * step) + penalty.l1[:, None] * np.abs(grid)
    least = (w - x) ** 2 / (2 * step) + penalty.l1 * np.abs(w)
    assert (least[:, None] <= values + 1e-12).all()


@pytest.mark.parametrize("scale", [0.0, 0.3, 0.999, 1.0])
def test_rows_of_the_gap_at_a_scaled_dual_point(scale: float) -> None:
    """p φ(Δ/p) + (1−p) φ(−Δ/(1−p)), Δ = −(1−c) r − c q ξ, by mpmath."""
    rng = np.random.default_rng(5)
    z = rng.normal(0, 4, 200)
    y = rng.choice([0.0, 1.0, 0.3], 200)
    xi = 0.1 * rng.standard_normal(200)
    with mpmath.workdps(60):
        c = mpmath.mpf(scale)
        for k in range(200):
            p = 1 / (1 + mpmath.exp(-mpmath.mpf(z[k])))
            delta = -(1 - c) * (p - y[k]) - c * p * (1 - p) * xi[k]
            t = p + delta
            entropy = mpmath.mpf(0)
            for part, whole in ((t, p), (1 - t, 1 - p)):
                entropy += part * mpmath.log(part / whole) - part + whole if part > 0 else whole
            row = _kernels.Observations(y[k : k + 1])
            gap, outside = _kernels.row_gap(row, z[k : k + 1], xi[k : k + 1], 0.0, scale, 1)
            assert outside == 0
            assert abs(gap - entropy) <= 1e-11 * entropy + 1e-25


def test_rows_that_a_scaled_dual_point_leaves_behind() -> None:
    """Where e^|z| overflows there is no bound, not a wrong one."""
    row = _kernels.Observations(np.ones(1))
    gap, outside = _kernels.row_gap(row, np.array([-800.0]), np.zeros(1), 0.0, 0.5, 1)
    assert outside == 1
    assert not gap <= 0.0
