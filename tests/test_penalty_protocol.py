"""Whatever the penalty: a group lasso of a page goes through solvers and certificates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from toy_penalty import GroupLasso

import logloss
from logloss.errors import UsageError
from logloss.objective.base import Objective
from logloss.objective.separable import Separable
from logloss.record.proof import Status
from logloss.solvers import SAGA, GradientDescent, Nesterov, ProxNewton
from logloss.solvers.base import Stop, minimise

SOLVERS = [GradientDescent(), Nesterov(), ProxNewton()]


def likelihood(seed: int, n: int = 500) -> Any:
    """Of seven columns; only the first two and the fifth have a say."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 7)) @ (np.eye(7) + 0.2 * rng.standard_normal((7, 7)))
    truth = np.array([1.0, -1.0, 0.0, 0.0, 0.7, 0.0, 0.0])
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-X @ truth - 0.3))).astype(float)
    model = logloss.fit(X, y)
    assert model._evidence is not None
    return model._evidence.objective.likelihood


def lasso(group: list[int], a: float) -> GroupLasso:
    """a√(size of the group) for each, as is usual."""
    labels = np.array(group)
    sizes = np.array([group.count(g) for g in group])
    return GroupLasso(labels, np.where(labels >= 0, a * np.sqrt(sizes), 0.0))


GROUPS = [0, 0, 1, 1, 2, 2, 2, -1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("a", [0.005, 0.03, 0.1])
@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
def test_the_minimum_is_one_and_proven(solver: Any, a: float, seed: int) -> None:
    """The conditions of Karush, Kuhn and Tucker, by hand."""
    objective = Objective(likelihood(seed), lasso(GROUPS, a))
    result = minimise(objective, solver, np.zeros(8), Stop(tol=1e-8))
    assert result.status is Status.CERTIFIED
    assert 0.0 <= result.gap <= 1e-8 * result.value
    gradient = objective.likelihood.loss_gradient(result.beta)[1]
    assert abs(gradient[7]) < 1e-4
    for g in (0, 1, 2):
        own = np.flatnonzero(np.array(GROUPS) == g)
        w, u, limit = result.beta[own], gradient[own], a * math.sqrt(len(own))
        size = np.linalg.norm(w)
        if size == 0.0:
            assert np.linalg.norm(u) <= limit + 1e-4
        else:
            np.testing.assert_allclose(u, -limit * w / size, atol=2e-4)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.name)
def test_a_gap_is_no_less_than_what_is_left_to_gain(solver: Any) -> None:
    objective = Objective(likelihood(5), lasso(GROUPS, 0.03))
    best = minimise(objective, ProxNewton(), np.zeros(8), Stop(tol=1e-12)).value
    for tol in (1e-2, 1e-4, 1e-6):
        result = minimise(objective, solver, np.zeros(8), Stop(tol=tol))
        assert result.value - best <= result.gap * (1.0 + 1e-9) + 1e-15


def test_groups_of_one_are_the_lasso() -> None:
    rows, a = likelihood(1), np.append(np.full(7, 0.02), 0.0)
    far = np.full(8, math.inf)
    found = [
        minimise(Objective(rows, penalty), ProxNewton(), np.zeros(8), Stop(tol=1e-10))
        for penalty in (Separable(np.zeros(8), a, -far, far), lasso([*range(7), -1], 0.02))
    ]
    np.testing.assert_allclose(found[0].beta, found[1].beta, atol=1e-4)
    assert found[0].value == pytest.approx(found[1].value, rel=1e-9)
    np.testing.assert_array_equal(found[0].beta == 0.0, found[1].beta == 0.0)


def test_a_group_goes_as_a_whole() -> None:
    objective = Objective(likelihood(2), lasso(GROUPS, 0.1))
    beta = minimise(objective, ProxNewton(), np.zeros(8), Stop(tol=1e-8)).beta
    for g in (0, 1, 2):
        own = beta[np.array(GROUPS) == g]
        assert (own == 0.0).all() or (own != 0.0).all()
    assert not beta[2:4].any()


def test_what_needs_coefficients_by_themselves_says_so() -> None:
    objective = Objective(likelihood(0), lasso(GROUPS, 0.1))
    with pytest.raises(UsageError, match="saga reads row by row.*each coefficient"):
        minimise(objective, SAGA(), np.zeros(8), Stop())
