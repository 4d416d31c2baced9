"""Under L1 and bounds too the gap is an upper bound, at any point and for any step."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from penalties import CORNERS
from problems import PROBLEMS
from test_certificate import objective, true_gap
from test_solvers import fit
from truth import best, exact

from logloss.objective.base import Objective
from logloss.objective.certificate import duality_gap
from logloss.objective.quadratic import model_step
from logloss.objective.separable import Separable

CORNER_TABLE = [
    (p, s)
    for p in ("well", "unscaled", "soft", "duplicates", "wide", "no_intercept")
    for s in CORNERS
    if CORNERS[s].suits(PROBLEMS[p])
]


@settings(max_examples=600)
@given(
    key=st.sampled_from(CORNER_TABLE),
    seed=st.integers(0, 2**31),
    away=st.floats(-9.0, 1.0),
    off=st.floats(-14.0, 0.5),
    kind=st.sampled_from(["exact", "scaled", "shaken", "none"]),
)
def test_the_gap_bounds_the_distance_under_l1_and_bounds(
    key: tuple[str, str], seed: int, away: float, off: float, kind: str
) -> None:
    """Any point within the bounds, some coefficients at 0 or at a bound, and any step."""
    name, penalty = key
    task = objective(PROBLEMS[name], penalty)
    rng = np.random.default_rng(seed)
    d = task.n_coefficients
    unit = np.append(1.0 / np.maximum(PROBLEMS[name].deviation(), 1e-3), 1.0)[:d]
    known = np.array([float(b) for b in best(name, penalty)[1]])
    beta = known + 10.0**away * rng.standard_normal(d) * unit * (rng.random(d) < 0.7)
    beta[(rng.random(d) < 0.2) & (task.penalty.l1 > 0.0)] = 0.0
    beta = np.clip(beta, task.penalty.lower, task.penalty.upper)
    _, gradient = task.value_gradient(beta)
    delta = model_step(task.penalty, task.hessian(beta), beta, gradient).step
    if kind == "scaled":
        delta = delta * (1.0 + 10.0**off)
    if kind == "shaken":
        delta = delta * (1.0 + 10.0**off * rng.standard_normal(d))
    if kind == "none":
        delta = np.zeros_like(delta)
    value, true = true_gap(name, penalty, beta)
    rounding = 1e-13 * value if task.free_columns else 1e-16 * value
    with np.errstate(all="ignore"):
        gap = duality_gap(task, beta, delta)
    assert true <= gap * (1.0 + 1e-9) + rounding


@pytest.mark.parametrize("name", ["no_intercept", "well"])
@pytest.mark.parametrize("scale", [1.0, 0.3, 1e-3, 1e-6])
def test_a_dual_point_that_is_scaled_down_is_a_bound(name: str, scale: float) -> None:
    """Penalties far below the gradient: c is about `scale`, and D the entropy at c·r'."""
    task = objective(PROBLEMS[name], "L1")
    d = task.n_coefficients
    columns = PROBLEMS[name].X.shape[1]
    beta = np.where(np.arange(d) < columns, 0.2, 0.0)
    _, gradient = task.value_gradient(beta)
    largest = np.abs(gradient[:columns]).max()
    l1 = np.where(np.arange(d) < columns, scale * largest, 0.0)
    far = np.full(d, math.inf)
    weak = Objective(task.likelihood, Separable(np.zeros(d), l1, -far, far))
    gap = duality_gap(weak, beta, np.zeros(d))
    truth = exact(PROBLEMS[name], (np.zeros(columns), l1[:columns], -far[:columns], far[:columns]))
    intercept = beta[-1] if PROBLEMS[name].intercept else 0.0
    true = truth.value(beta[:columns].tolist(), intercept) - truth.minimum()[1]
    assert true <= gap < math.inf
    if name == "no_intercept":
        dual = truth.gap([mpmath.mpf(b) for b in beta.tolist()])
        # Exact from below. Above stands what rounding of v_j may cost: as a part of a_j, which is
        # `scale` of it, 1/scale as much (4e-13/scale were seen).
        assert float(dual) * (1.0 - 1e-12) <= gap <= float(dual) * (1.0 + 4e-12 / scale)


def test_a_coefficient_that_decides_the_scale_and_points_the_wrong_way() -> None:
    """c|v_j| is a_j but for rounding, and w_j has the sign of v_j: pen + pen* is 2 a_j |w_j|."""
    far = np.full(1, math.inf)
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, v = rng.uniform(0.1, 1.0, 1), rng.uniform(1.0, 2.0, 1)
        penalty = Separable(np.zeros(1), a, -far, far)
        w = rng.uniform(0.1, 1.0, 1)
        c = penalty.reach(v)
        assert penalty.gap(w, c * v) == pytest.approx(2.0 * a[0] * w[0])
        assert penalty.gap(-w, c * v) == pytest.approx(0.0, abs=1e-15)


def test_an_l1_penalty_below_the_rounding_of_the_gradient() -> None:
    """c would be far below 1 for nothing; what is beyond a_j by rounding counts as such."""
    task = objective(PROBLEMS["well"], "none")
    d = task.n_coefficients
    tiny = np.append(np.full(d - 1, 1e-17), 0.0)
    far = np.full(d, math.inf)
    model = fit(PROBLEMS["well"], "none", tol=1e-14)
    beta = np.append(model.fitted.coefficients, model.intercept)
    weak = Objective(task.likelihood, Separable(np.zeros(d), tiny, -far, far))
    _, gradient = weak.value_gradient(beta)
    step = model_step(weak.penalty, weak.hessian(beta), beta, gradient).step
    assert 0.0 < duality_gap(weak, beta, step) <= 1e-14
