"""Calibration: do events that get a probability of 0.7 happen in 7 of 10 cases?

Rows are put into bins of about equal weight by their probability; p̄_k, ȳ_k and w_k are the mean
probability, the share of events and the weight of bin k, W = Σ w_k, ȳ the share of all.

Brier score. (1/W) Σ s (p − y)² is, exactly and for any bins,

    reliability − resolution + uncertainty + within-bin variance − within-bin covariance,
    Σ w_k (p̄_k − ȳ_k)²/W,   Σ w_k (ȳ_k − ȳ)²/W,   Σ s (y − ȳ)²/W  (ȳ(1−ȳ) for labels 0 and 1),
    Σ s (p − p̄_k)²/W,   2 Σ s (p − p̄_k)(y − ȳ_k)/W

(Murphy, J. Appl. Meteorol. 12, 1973, eq. 17; the last two, which Murphy's three leave out where
probabilities differ within a bin, are those of Stephenson, Coelho & Jolliffe, Weather Forecast. 23,
2008, eq. 5).

Interval of a share k/n: Wilson's, (k + c²/2 ± c √(k(n−k)/n + c²/4))/(n + c²) with c the normal
quantile (J. Am. Stat. Assoc. 22, 1927).

Expected calibration error: Σ w_k |p̄_k − ȳ_k|/W (Naeini, Cooper & Hauskrecht, AAAI 2015).

Spiegelhalter's z (Stat. Med. 5, 1986): Σ s (y − p)(1 − 2p) / √Σ s (1 − 2p)² p(1 − p), normal where
the probabilities are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import bce_with_logits, sigmoid_derivative
from logloss.evaluation.sample import Positions, Sample
from logloss.report.calibration import CalibrationBin

Array = NDArray[np.float64]

QUANTILE = 1.959963984540054  # of the normal distribution, at 0.975: all intervals are of 95 %


@dataclass(frozen=True)
class BrierScore:
    """The Brier score and its parts, which sum to it; see the top of this file.

    Attributes
    ----------
    score : float
        reliability − resolution + uncertainty + within_variance − within_covariance.
    reliability, resolution, uncertainty, within_variance, within_covariance : float
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float

    @property
    def skill(self) -> float:
        """1 − score/(score of the base rate alone): 1 is perfect, 0 no better than that."""
        return _skill(self.score, self.uncertainty)


@dataclass(frozen=True)
class Loss:
    """The mean log loss (nats).

    Attributes
    ----------
    score : float
    base : float
        That of the share of events among these rows, for all of them.
    """

    score: float
    base: float

    @property
    def skill(self) -> float:
        """1 − score/base: 1 is perfect, 0 no better than the base rate."""
        return _skill(self.score, self.base)


def _skill(score: float, base: float) -> float:
    return 1.0 - score / base if base > 0.0 else math.nan


@dataclass(frozen=True)
class Statistic:
    """A test statistic that is standard normal under its hypothesis, and its two-sided p-value."""

    z: float
    p_value: float


def log_loss(sample: Sample) -> Loss:
    """The log loss, and that of the base rate."""
    share = min(max(sample.mean(sample.y), 0.0), 1.0)
    base = -sum(t * math.log(t) for t in (share, 1.0 - share) if t > 0.0)
    return Loss(float(bce_with_logits(sample.y, sample.z, sample.weight)), base)


def calibration_bins(sample: Sample, starts: Positions) -> tuple[CalibrationBin, ...]:
    """The bins that begin at these rows, from low to high."""
    weights = sample.sums(None, starts)
    predicted = sample.sums(sample.p, starts) / weights
    observed = np.minimum(sample.sums(sample.y, starts) / weights, 1.0)
    low, high = wilson(observed, _sizes(sample, starts, weights))
    ends = np.append(starts[1:], sample.n_rows)
    return tuple(
        CalibrationBin(*row)
        for row in zip(
            sample.p[starts].tolist(),
            sample.p[ends - 1].tolist(),
            (ends - starts).tolist(),
            weights.tolist(),
            predicted.tolist(),
            observed.tolist(),
            low.tolist(),
            high.tolist(),
            strict=True,
        )
    )


def _sizes(sample: Sample, starts: Positions, weights: Array) -> Array:
    """How many rows of equal weight say as much as those of each bin."""
    if sample.weight is None or sample.counts:
        return weights
    return weights**2 / sample.sums(sample.weight, starts)


def wilson(share: Array, size: Array) -> tuple[Array, Array]:
    """Wilson's interval for shares of so many rows, at the level 0.95."""
    square = QUANTILE**2
    middle = (share * size + 0.5 * square) / (size + square)
    half = QUANTILE * np.sqrt(share * (1.0 - share) * size + 0.25 * square) / (size + square)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def brier_score(sample: Sample, starts: Positions) -> BrierScore:
    """The Brier score, taken apart by the bins that begin at these rows."""
    total, share = sample.total(), sample.mean(sample.y)
    weights = sample.sums(None, starts)
    predicted = sample.sums(sample.p, starts) / weights
    observed = sample.sums(sample.y, starts) / weights
    lengths = np.diff(np.append(starts, sample.n_rows))
    dp = sample.p - np.repeat(predicted, lengths)
    dy = sample.y - np.repeat(observed, lengths)
    return BrierScore(
        score=sample.mean((sample.p - sample.y) ** 2),
        reliability=float((weights * (predicted - observed) ** 2).sum()) / total,
        resolution=float((weights * (observed - share) ** 2).sum()) / total,
        uncertainty=sample.mean((sample.y - share) ** 2),
        within_variance=sample.mean(dp * dp),
        within_covariance=2.0 * sample.mean(dp * dy),
    )


def expected_calibration_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Mean distance between probability and share of events, over bins."""
    total = sum(one.weight for one in bins)
    return sum(one.weight * abs(one.predicted - one.observed) for one in bins) / total


def spiegelhalter(sample: Sample) -> Statistic:
    """Spiegelhalter's test of calibration; nan where no probability could be wrong."""
    tilt = 1.0 - 2.0 * sample.p
    variances = tilt * tilt * np.asarray(sigmoid_derivative(sample.z))
    spread = sample.spread
    variance = float(variances.sum() if spread is None else (spread * variances).sum())
    if not variance > 0.0:
        return Statistic(math.nan, math.nan)
    z = sample.total((sample.y - sample.p) * tilt) / math.sqrt(variance)
    return Statistic(z, math.erfc(abs(z) / math.sqrt(2.0)))
