"""L1, elastic net, bounds and signs: every problem by every solver that can, to a proven optimum.

Truth is the optimum to 50 digits, found on faces in mpmath (truth.py), which is itself checked by
its duality gap in 60 digits.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray
from penalties import CORNERS, PENALTIES
from problems import PROBLEMS, STORAGES
from test_solvers import FIRST_ORDER, assert_certified, assert_proven, bits, fit
from truth import DIGITS, best

import logloss
from logloss import fitting
from logloss.errors import UsageError
from logloss.solvers import choose
from logloss.solvers.base import Status

Array = NDArray[np.float64]

TABLE = [(p, s) for p in PROBLEMS for s in CORNERS if CORNERS[s].suits(PROBLEMS[p])]


# ---- the truth


@pytest.mark.parametrize(
    ("name", "penalty"),
    [(p, s) for p in PROBLEMS for s in PENALTIES if PENALTIES[s].suits(PROBLEMS[p])],
)
def test_the_truth_has_no_gap(name: str, penalty: str) -> None:
    task, beta, least = best(name, penalty)
    assert abs(task.gap(beta)) <= mpmath.mpf(10) ** -17
    given = zip(task.lower, beta, task.upper, strict=True)
    assert all(lo <= w <= hi for lo, w, hi in given)
    assert task.value(beta, beta[-1]) if not task.intercept else least > 0


# ---- every solver


def assert_on_the_face(model: logloss.Model, name: str, penalty: str, margin: float) -> None:
    """Bounds hold; what is held at 0 by more than `margin` of a_j and the gap allows is 0 exactly.

    A gap ε moves the gradient of a column of deviation σ by about σ√(ε/2), as q ≤ 1/4.
    """
    task, beta, _ = best(name, penalty)
    problem, found = PROBLEMS[name], model.fitted.coefficients
    _, _, lower, upper = PENALTIES[penalty].weights(problem)
    assert (found >= lower).all()
    assert (found <= upper).all()
    shaken = 10.0 * problem.deviation() * math.sqrt(model.certificate.gap)
    for j, spare in enumerate(task.pull(beta)[: len(found)]):
        if beta[j] == 0 and task.l1[j] > 0 and spare > margin * task.l1[j] + shaken[j]:
            assert found[j] == 0.0, j


def assert_near(model: logloss.Model, name: str, penalty: str) -> None:
    """What a gap says of z and w: the loss bends by q, and less than e-fold over a step of 1.

    F(β) − F(β*) ≥ (1/Σs) Σ s q* (e^−|Δ| + |Δ| − 1) + Σ (l/2)(w − w*)², Δ = z − z*
    (Bach, Electron. J. Stat. 4, 2010, lemma 1), and a coefficient that is 0 at the optimum costs
    what its gradient there falls short of a_j.
    """
    task, beta, _ = best(name, penalty)
    found = [*model.fitted.coefficients.tolist(), *([model.intercept] if task.intercept else [])]
    with mpmath.workdps(DIGITS):
        apart = mpmath.fsum(
            l2 / 2 * (w - b) ** 2 for l2, w, b in zip(task.l2, found, beta, strict=True)
        )
        for b, w, spare in zip(beta, found, task.pull(beta), strict=True):
            apart += max(spare, 0) * abs(w) if b == 0 else 0
        loss = []
        for x, o, s in zip(task.rows, task.offset, task.s, strict=True):
            p = 1 / (1 + mpmath.exp(-mpmath.fdot(x, beta) - o))
            step = abs(mpmath.fdot(x, found) - mpmath.fdot(x, beta))
            loss.append(s * p * (1 - p) * (mpmath.exp(-step) + step - 1))
        apart += mpmath.fsum(loss) / mpmath.fsum(task.s)
    assert apart <= model.certificate.gap + 1e-15 * model.fitted.objective


@pytest.mark.parametrize("solver", ["prox-newton", "auto"])
@pytest.mark.parametrize(("name", "penalty"), TABLE)
def test_prox_newton_proves_every_optimum(name: str, penalty: str, solver: str) -> None:
    tol = 1e-6 if solver == "auto" else 1e-8
    model = fit(PROBLEMS[name], penalty, solver=solver, tol=tol)
    if (name, penalty, tol) == ("correlated", "signs", 1e-8):  # w = 3e5: u·w of rounding is 6e-8
        assert model.certificate.status in (Status.CERTIFIED, Status.STALLED)
        assert_proven(model, name, penalty)
    else:
        assert_certified(model, name, penalty, tol)
    assert model.certificate.solver == "prox-newton"
    assert_on_the_face(model, name, penalty, 0.01)
    assert_near(model, name, penalty)


@pytest.mark.parametrize("solver", FIRST_ORDER)
@pytest.mark.parametrize(("name", "penalty"), TABLE)
def test_proximal_gradients_prove_every_optimum(name: str, penalty: str, solver: str) -> None:
    """To a looser tolerance where columns are nearly combinations of each other."""
    if PROBLEMS[name].slow:
        model = fit(PROBLEMS[name], penalty, solver=solver, tol=1e-3, max_iter=1000)
        assert model.certificate.status in (Status.CERTIFIED, Status.BUDGET)
        assert_proven(model, name, penalty)
    else:
        model = fit(PROBLEMS[name], penalty, solver=solver, tol=1e-6)
        assert_certified(model, name, penalty, 1e-6)
        assert_on_the_face(model, name, penalty, 0.2)
    assert_near(model, name, penalty)
