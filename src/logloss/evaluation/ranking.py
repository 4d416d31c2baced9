"""Ranking: do rows with an event get higher probabilities than those without?

A threshold t calls all rows with p ≥ t positive; as it falls it passes the distinct probabilities.
A row with a soft label y counts as y of a positive row and 1 − y of a negative one.

ROC: recall (true positive rate) over false positive rate. The area under it, with straight lines
between its points, is θ = P(p of a positive row > p of a negative one) + ½ P(equal)
(Hanley & McNeil, Radiology 143, 1982). Its variance is that of DeLong, DeLong & Clarke-Pearson,
Biometrics 44, 1988, eq. 2 to 6: with V₁₀ of a positive row the share of negative rows below it and
V₀₁ of a negative row that of positive rows above it (ties count half), S₁₀/m + S₀₁/n, S the sample
variances. As all that is needed are sums over runs of equal probabilities, one sort is enough
(Sun & Xu, IEEE Signal Process. Lett. 21, 2014).

Precision and recall: the average precision is Σ (R_k − R_{k−1}) P_k, without interpolation.
Kolmogorov–Smirnov: the largest distance of recall and false positive rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from logloss.evaluation.calibration import QUANTILE
from logloss.evaluation.sample import Sample

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """What each threshold calls positive, from the highest threshold down.

    Attributes
    ----------
    probability, log_odds : ndarray of shape (m,)
        The distinct thresholds, falling.
    true_positives, false_positives : ndarray of shape (m,)
        Weight of the rows at or above each.
    positives, negatives : float
        Weight of all positive, and all negative, rows.
    """

    probability: Array
    log_odds: Array
    true_positives: Array
    false_positives: Array
    positives: float
    negatives: float

    @property
    def recall(self) -> Array:
        """Share of the positive rows that is called positive: the true positive rate."""
        return _shares(self.true_positives, self.positives)

    @property
    def false_positive_rate(self) -> Array:
        """Share of the negative rows that is called positive."""
        return _shares(self.false_positives, self.negatives)

    @property
    def precision(self) -> Array:
        """Share of the rows called positive that is positive."""
        return self.true_positives / (self.true_positives + self.false_positives)


def _shares(part: Array, whole: float) -> Array:
    return part / whole if whole > 0.0 else np.full(len(part), math.nan)


@dataclass(frozen=True)
class Ranking:
    """How well probabilities tell the classes apart; nan where there is one class only.

    Attributes
    ----------
    auc : float
        Area under the ROC curve.
    auc_error, auc_low, auc_high : float
        DeLong's standard error and interval (0.95); nan for soft labels.
    average_precision : float
    ks, ks_threshold : float
        The Kolmogorov–Smirnov distance, and the probability at which it is reached.
    """

    auc: float
    auc_error: float
    auc_low: float
    auc_high: float
    average_precision: float
    ks: float
    ks_threshold: float


def curves(sample: Sample) -> Curves:
    """Count what each threshold calls positive."""
    starts = sample.starts
    weights = sample.sums(None, starts)[::-1]
    events = sample.sums(sample.y, starts)[::-1]
    hits, alarms = np.cumsum(events), np.cumsum(np.maximum(weights - events, 0.0))
    return Curves(
        sample.p[starts][::-1],
        sample.z[starts][::-1],
        hits,
        alarms,
        float(hits[-1]),
        float(alarms[-1]),
    )


def ranking(sample: Sample, found: Curves) -> Ranking:
    """The measures of the curves."""
    if found.positives == 0.0 or found.negatives == 0.0:
        return Ranking(*[math.nan] * 7)
    events, others = np.diff(found.true_positives, prepend=0.0), _steps(found)
    above = found.true_positives - 0.5 * events  # of a negative row: the positive rows above it
    below = found.negatives - found.false_positives + 0.5 * others
    auc = float((others * above).sum()) / (found.positives * found.negatives)
    error = math.nan
    if sample.hard:
        error = math.sqrt(
            _variance(sample, sample.y, below / found.negatives, auc)
            + _variance(sample, 1.0 - sample.y, above / found.positives, auc)
        )
    distance = np.abs(found.recall - found.false_positive_rate)
    widest = int(np.argmax(distance))
    return Ranking(
        auc=auc,
        auc_error=error,
        auc_low=float(np.maximum(auc - QUANTILE * error, 0.0)),
        auc_high=float(np.minimum(auc + QUANTILE * error, 1.0)),
        average_precision=float((events * found.precision).sum()) / found.positives,
        ks=float(distance[widest]),
        ks_threshold=float(found.probability[widest]),
    )


def _steps(found: Curves) -> Array:
    return np.diff(found.false_positives, prepend=0.0)


def _variance(sample: Sample, member: Array, places: Array, mean: float) -> float:
    """The variance of the mean place of a class; `places` of each run, from the highest down."""
    rows = sample.sums(member, sample.starts)
    squares = (places[::-1] - mean) ** 2
    total = float(rows.sum())
    if sample.counts:
        return float((rows * squares).sum()) / (total * (total - 1.0)) if total > 1.0 else math.nan
    assert sample.weight is not None
    n = float(np.count_nonzero(member))
    parts = sample.sums(sample.weight * member, sample.starts)
    return float((parts * squares).sum()) / total**2 * (n / (n - 1.0)) if n > 1.0 else math.nan
