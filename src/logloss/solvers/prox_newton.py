"""Newton's method under an L1 penalty and bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from logloss.objective import Objective
from logloss.solvers.base import State
from logloss.solvers.newton import Newton

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ProxNewton:
    """Parameters: none yet."""

    dense: Newton = field(default_factory=Newton)
    name: str = "prox-newton"
    most_steps: int = 500
    affine_invariant: bool = True
    nonsmooth: bool = True

    def start(self, objective: Objective, beta: Array) -> State:
        return self.dense.start(objective, beta)

    def advance(self, objective: Objective, state: State) -> State:
        return self.dense.advance(objective, state)  # type: ignore[arg-type]
