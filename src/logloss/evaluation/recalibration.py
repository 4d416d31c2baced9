"""Calibration in two numbers: the logistic regression of the label on the log odds themselves.

    logit P(y = 1) = a + c z   (Cox, Biometrika 45, 1958)

Probabilities that are right have a = 0 and c = 1; c < 1: they are too extreme, as after
overfitting. With c fixed at 1, a says whether they are too low (a > 0) or too high on the whole:
"calibration in the large". Standard errors are those of the inverse information H⁻¹; where weights
belong to one row each, H⁻¹ (Σ s² r² xxᵀ) H⁻¹.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import residual, sigmoid_derivative
from logloss.evaluation.sample import Sample
from logloss.fitting.likelihood import likelihood_of
from logloss.objective.base import Objective
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import RowSums
from logloss.objective.row_data import RowData
from logloss.objective.separable import Separable
from logloss.solvers import Newton
from logloss.solvers.base import Stop, minimise
from logloss.table.design.design import design_of, threads
from logloss.table.design.encoded import Encoded

Array = NDArray[np.float64]

_LARGEST = 1e9  # log odds; what is larger has no digits of a label's worth
_POLISH = 2  # exact Newton steps after the fit: to rounding


@dataclass(frozen=True)
class Recalibration:
    """The regression of the label on the log odds, with standard errors.

    All are nan where they do not exist: one class only, log odds that are infinite (or beyond any
    sense) or all equal.
    Where the log odds tell the classes apart without an error, the slope is infinite.

    Attributes
    ----------
    slope, slope_error : float
    intercept, intercept_error : float
        Beside the slope.
    in_the_large, in_the_large_error : float
        The intercept with the slope fixed at 1.
    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    in_the_large: float
    in_the_large_error: float


def recalibration(sample: Sample) -> Recalibration:
    """Fit the label on the log odds; a few reads of one column."""
    nothing, share = (math.nan, math.nan), sample.mean(sample.y)
    if not ((np.abs(sample.z[[0, -1]]) < _LARGEST).all() and 0.0 < share < 1.0):
        return Recalibration(*nothing, *nothing, *nothing)
    ones, middle = np.ones(sample.n_rows), sample.mean(sample.z)
    begin = _likelihood(sample, middle, sample.z - middle).null_fit()[0]
    (height,), ((variance,),) = _polished(sample, [ones], [begin], sample.z - middle, 0)
    large = (height - middle, math.sqrt(variance))
    if sample.z[0] == sample.z[-1]:
        return Recalibration(*nothing, *nothing, *large)
    separated = _separated(sample)
    if separated != 0.0:
        return Recalibration(separated * math.inf, math.nan, *nothing, *large)
    start = _line(sample, middle)
    (slope, height), V = _polished(
        sample, [sample.z - middle, ones], start, np.zeros_like(ones), _POLISH
    )
    variance = V[1, 1] - 2.0 * middle * V[0, 1] + middle**2 * V[0, 0]
    return Recalibration(
        slope, math.sqrt(V[0, 0]), height - slope * middle, math.sqrt(variance), *large
    )


def _separated(sample: Sample) -> float:
    """1 or −1 where positive rows lie all above, or all below, the others; else 0."""
    positive, negative = np.flatnonzero(sample.y > 0.0), np.flatnonzero(sample.y < 1.0)
    if sample.z[negative[-1]] <= sample.z[positive[0]]:
        return 1.0
    return -1.0 if sample.z[positive[-1]] <= sample.z[negative[0]] else 0.0


def _likelihood(sample: Sample, middle: float, offset: Array | None) -> RowSums:
    design = design_of(Encoded(sample.z[:, np.newaxis], None, sample.n_rows))
    deviation = math.sqrt(sample.mean((sample.z - middle) ** 2))
    where = Coordinates(np.array([middle]), np.array([deviation or 1.0]), True)
    rows = RowData(sample.y, sample.weight, offset)
    return likelihood_of(design, rows, where, threads(None))


def _line(sample: Sample, middle: float) -> list[float]:
    """The best slope, and height at the mean of the log odds, nearly."""
    likelihood = _likelihood(sample, middle, None)
    objective = Objective(likelihood, Separable.ridge(np.zeros(2)))
    begin = np.array([0.0, likelihood.null_fit()[0]])
    beta = minimise(objective, Newton(), begin, Stop(tol=1e-9)).beta
    deviation = likelihood.coordinates.scale[0]
    return [float(beta[0] / deviation), float(beta[1])]


def _polished(
    sample: Sample, columns: Sequence[Array], start: Sequence[float], offset: Array, steps: int
) -> tuple[list[float], Array]:
    """So many Newton steps over a few columns in memory: the coefficients, and their covariance."""
    beta = np.array(start, dtype=np.float64)
    for step in range(steps + 1):
        z = offset + sum(b * x for b, x in zip(beta, columns, strict=True))
        r: Array = np.asarray(residual(sample.y, z), dtype=np.float64)
        q: Array = np.asarray(sigmoid_derivative(z), dtype=np.float64)
        hessian = _gram(sample, columns, q)
        if step < steps:
            gradient = np.array([sample.total(r * x) for x in columns])
            beta = beta - np.linalg.solve(hessian, gradient)
    inverse: Array = np.linalg.inv(hessian).astype(np.float64)
    if sample.counts:
        return beta.tolist(), inverse
    assert sample.weight is not None
    meat = _gram(sample, columns, sample.weight * r * r)
    return beta.tolist(), inverse @ meat @ inverse


def _gram(sample: Sample, columns: Sequence[Array], v: Array) -> Array:
    """Σ s v x xᵀ."""
    return np.array([[sample.total(v * a * b) for b in columns] for a in columns])
