"""Reliability: whether events that get a probability of 0.7 happen in 7 of 10 cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from logloss.report.figures import aligned


@dataclass(frozen=True)
class ReliabilityBin:
    """The rows whose predicted probability lies in [lower, upper); the last bin includes 1."""

    lower: float
    upper: float
    count: int
    mean_predicted: float
    observed_share: float


def reliability(y: ArrayLike, p: ArrayLike, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Compare predicted probabilities with observed shares, in bins of equal width.

    Parameters
    ----------
    y : array_like of shape (n,)
        Outcomes in [0, 1].
    p : array_like of shape (n,)
        Predicted probabilities in [0, 1].
    bins : int
        How many bins [0, 1] is cut into.

    Returns
    -------
    tuple of ReliabilityBin
        The bins that hold rows, from low to high.
    """
    outcome = np.asarray(y, dtype=np.float64)
    predicted = np.asarray(p, dtype=np.float64)
    place = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    counts = _sums(place, bins, np.ones_like(predicted))
    predicted_sums = _sums(place, bins, predicted)
    observed_sums = _sums(place, bins, outcome)
    return tuple(
        ReliabilityBin(
            lower=k / bins,
            upper=(k + 1) / bins,
            count=int(counts[k]),
            mean_predicted=float(predicted_sums[k] / counts[k]),
            observed_share=float(observed_sums[k] / counts[k]),
        )
        for k in np.flatnonzero(counts).tolist()
    )


def _sums(place: NDArray[np.int64], bins: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(place, weights=values, minlength=bins).astype(np.float64)


def reliability_text(bins: Sequence[ReliabilityBin]) -> str:
    """Return the bins as an aligned plain table, without a final line break."""
    count_width = max(4, *(len(f"{one.count:,}") for one in bins)) if bins else 4
    predicted = aligned([f"{one.mean_predicted:.3f}" for one in bins])
    observed = aligned([f"{one.observed_share:.3f}" for one in bins])
    lines = [f"  predicted      {'rows':>{count_width}}  mean predicted  observed share"]
    for one, mean, share in zip(bins, predicted, observed, strict=True):
        interval = f"{one.lower:.2f} to {one.upper:.2f}"
        lines.append(f"  {interval}   {one.count:>{count_width},}  {mean:>14}  {share:>14}")
    return "\n".join(lines)
