"""Walk down a path: the minimum for each λ, from that for the λ before.

Where a Hessian of all coefficients is small, `follow` carries it along; where that fails, or there
are too many coefficients for it, a solver starts from the last minimum.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.objective.base import Objective
from logloss.objective.certificate import information_is_lost
from logloss.paths.follow import Arrival, Place, arrive, place_at
from logloss.paths.track import Track
from logloss.record.proof import Certificate, Status, relative
from logloss.solvers.base import Solver, Stop, minimise
from logloss.solvers.choose import Choice

Array = NDArray[np.float64]

FOLLOWED = 500  # coefficients up to which a Hessian of all of them is carried along
_NAME = "newton along the path"
_REASON = "few coefficients: one Hessian serves many penalties"


@dataclass(frozen=True)
class Walking:
    """How to walk.

    Attributes
    ----------
    chosen : Choice
        The solver, for where a Hessian is not carried along.
    follow : bool
        Carry it along.
    stop : Stop
        The gap to prove and the steps of the solver, for each λ; the seconds are for all.
    """

    chosen: Choice
    follow: bool
    stop: Stop


@dataclass(frozen=True, eq=False)
class Found:
    """A minimum: the point, F there, what is proven, and the Hessian of the loss, where known."""

    objective: Objective
    beta: Array
    value: float
    certificate: Certificate
    hessian: Array | None = None
    steps: int = 1

    @property
    def loss(self) -> float:
        """Without the penalty."""
        return self.value - self.objective.penalty.value(self.beta)


def walk(track: Track, lambdas: Array, walking: Walking, start: Place | Array) -> Iterator[Found]:
    """The minimum for each λ, in the order given.

    Parameters
    ----------
    start : Place or ndarray of shape (n_coefficients,)
        The null model, or any other point; a place if a Hessian is to be carried along.
    """
    here = start
    for size in lambdas:
        objective = track.objective(float(size))
        arrival = arrive(objective, here, walking.stop.tol) if isinstance(here, Place) else None
        if arrival is not None:
            yield _arrived(objective, arrival, walking)
            here = _next(objective, arrival)
            continue
        beta = here.beta if isinstance(here, Place) else here
        found = _solved(objective, beta, walking)
        yield found
        here = place_at(objective, found.beta) if walking.follow else found.beta


def _next(objective: Objective, arrival: Arrival) -> Place:
    """Where to go on from."""
    return place_at(objective, arrival.place.beta) if arrival.poor else arrival.place


def _arrived(objective: Objective, arrival: Arrival, walking: Walking) -> Found:
    place = arrival.place
    status = Status.CERTIFIED
    if objective.free_columns:
        hessian = place.hessian + np.diag(objective.penalty.l2)
        if information_is_lost(objective, place.beta, hessian):
            status = Status.SEPARATED_SUSPECTED
    certificate = _certificate(objective, arrival.value, arrival.gap, status, walking)
    return Found(objective, place.beta, arrival.value, certificate, place.hessian)


def _solved(objective: Objective, beta: Array, walking: Walking) -> Found:
    solver: Solver = walking.chosen.solver
    with np.errstate(invalid="ignore", over="ignore"):
        result = minimise(objective, solver, beta, walking.stop)
    proven = (result.value, result.gap, result.status)
    certificate = _certificate(objective, *proven, walking, solver.name)
    return Found(objective, result.beta, result.value, certificate, None, len(result.history))


def _certificate(
    objective: Objective,
    value: float,
    gap: float,
    status: Status,
    walking: Walking,
    solver: str = _NAME,
) -> Certificate:
    return Certificate(
        gap=gap,
        relative_gap=relative(gap, value),
        coefficient_error=math.sqrt(2.0 * objective.likelihood.weight_sum * max(gap, 0.0)),
        data_reads=objective.reads,
        solver=solver,
        reason=_REASON if solver is _NAME else walking.chosen.reason,
        status=status,
        seconds=time.perf_counter() - walking.stop.begun,
    )
