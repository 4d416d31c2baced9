"""Name → solver, and the rule behind "auto"."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any

from logloss.errors import UsageError, counted, nearest
from logloss.solvers.averaged import SAG, SAGA
from logloss.solvers.base import Solver
from logloss.solvers.descent import GradientDescent, Nesterov
from logloss.solvers.lbfgs import LBFGS
from logloss.solvers.newton import Newton
from logloss.solvers.newton_cg import NewtonCG
from logloss.solvers.pointwise import Perceptron, SigmoidUpdate
from logloss.solvers.prox_newton import ProxNewton
from logloss.solvers.stochastic import SGD, Adam

WIDE = 2000  # coefficients beyond which a dense Hessian costs more than it saves

NAMED: dict[str, type[Any]] = {
    "gd": GradientDescent,
    "nesterov": Nesterov,
    "lbfgs": LBFGS,
    "newton": Newton,
    "newton-cg": NewtonCG,
    "prox-newton": ProxNewton,
    "saga": SAGA,
    "sag": SAG,
    "sgd": SGD,
    "adam": Adam,
    "sigmoid-update": SigmoidUpdate,
    "perceptron": Perceptron,
}
ALIASES = {"newton-cholesky": "newton", "liblinear": "newton-cg"}


@dataclass(frozen=True)
class Choice:
    """A solver, and in one sentence why."""

    solver: Solver
    reason: str
    by_shape: bool = False  # of the problem: nobody asked for it

    def anew(self, n_rows: int, n_coefficients: int, smooth: bool) -> Choice:
        """The choice for a problem of another shape."""
        return _best(n_rows, n_coefficients, smooth) if self.by_shape else self

    def seeded(self, random_state: Any) -> Choice:
        """With a seed from an int, a Generator or a RandomState, where the solver has one."""
        seed = seed_of(random_state)
        if seed is None or not hasattr(self.solver, "seed"):
            return self
        return replace(self, solver=replace(self.solver, seed=seed))  # type: ignore[type-var]


def seed_of(random_state: Any) -> int | None:
    """A seed from 0 on; None where nothing is given."""
    if random_state is None:
        return None
    draw = getattr(random_state, "integers", getattr(random_state, "randint", None))
    seed = random_state if draw is None else draw(2**31 - 1)
    try:
        whole = operator.index(seed)
    except TypeError:
        whole = -1
    if whole < 0:
        raise UsageError(
            "random_state must be a whole number from 0 on, a Generator or a RandomState, not"
            f" {random_state!r}"
        )
    return whole


def choose(solver: str | Solver, n_rows: int, n_coefficients: int, smooth: bool = True) -> Choice:
    """Find the solver that was named, or the best for a problem of this shape.

    Parameters
    ----------
    smooth : bool
        There is no L1 penalty, and no bound.

    Raises
    ------
    UsageError
        There is no solver of that name, or it cannot take the penalty.
    """
    choice = _find(solver, n_rows, n_coefficients, smooth)
    if not smooth and not choice.solver.nonsmooth:
        able = [name for name, kind in NAMED.items() if kind.nonsmooth]
        raise UsageError(
            f"{choice.solver.name} cannot take an L1 penalty or bounds",
            f"the solvers that can: auto, {', '.join(able)}",
        )
    return choice


def _find(solver: str | Solver, n_rows: int, n_coefficients: int, smooth: bool) -> Choice:
    if not isinstance(solver, str):
        if not hasattr(solver, "advance") or isinstance(solver, type):
            raise UsageError(
                f"solver must be a name or a solver object, not {solver!r}",
                f"the solvers are auto, {', '.join(NAMED)}",
            )
        return Choice(solver, "as asked for")
    if solver == "auto":
        return replace(_best(n_rows, n_coefficients, smooth), by_shape=True)
    if solver in NAMED:
        return Choice(NAMED[solver](), "as asked for")
    if solver in ALIASES:
        name = ALIASES[solver] if smooth else "prox-newton"
        return Choice(NAMED[name](), f"the nearest to scikit-learn's {solver!r}")
    near = nearest(solver, [*NAMED, *ALIASES, "auto"])
    hint = f"did you mean {near!r}?" if near else f"the solvers are auto, {', '.join(NAMED)}"
    raise UsageError(f"there is no solver {solver!r}", hint)


def _best(n: int, d: int, smooth: bool) -> Choice:
    if not smooth:
        return Choice(ProxNewton(), "an L1 penalty or bounds keep most columns out of each step")
    if d > WIDE:
        return Choice(NewtonCG(), f"{d:,} coefficients are too many for a dense Hessian")
    return Choice(
        Newton(), f"{counted(d, 'coefficient')} and {counted(n, 'row')} make a dense Hessian cheap"
    )
