"""How good are probabilities: log loss, Brier score, calibration, ranking, thresholds.

Reads arrays: labels, probabilities or log odds, weights. All measures come from one sort.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from logloss.checks import whole
from logloss.evaluation.calibration import (
    BrierScore,
    Loss,
    Statistic,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    log_loss,
    spiegelhalter,
)
from logloss.evaluation.ranking import Curves, Ranking, curves, ranking
from logloss.evaluation.recalibration import Recalibration, recalibration
from logloss.evaluation.result import Evaluation, Origin
from logloss.evaluation.sample import sample_of
from logloss.evaluation.text import decision_text
from logloss.evaluation.thresholds import Decision
from logloss.record.prior import prior_shift
from logloss.report.calibration import CalibrationBin

__all__ = [
    "BrierScore",
    "CalibrationBin",
    "Curves",
    "Decision",
    "Evaluation",
    "Loss",
    "Origin",
    "Ranking",
    "Recalibration",
    "Statistic",
    "decision_text",
    "evaluate",
    "prior_shift",
]

_EDGES = np.linspace(0.0, 1.0, 51)


def evaluate(
    y: ArrayLike,
    p: ArrayLike | None = None,
    *,
    z: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    bins: int = 10,
    origin: Origin | None = None,
    weights_are: str | None = None,
) -> Evaluation:
    """Compare probabilities with what happened.

    Parameters
    ----------
    y : array_like of shape (n,)
        Labels in [0, 1]; soft ones count in part.
    p : array_like of shape (n,)
        Probabilities in [0, 1].
    z : array_like of shape (n,)
        Log odds in their place; they lose nothing near 0 and 1.
    sample_weight : array_like of shape (n,), optional
        Rows of weight 0 are left out.
    bins : int
        Bins of about equal weight for the calibration and the gains; equal probabilities stay
        together, so that there may be fewer.
    origin : Origin, optional
        What the text says about where the rows came from.
    weights_are : {"frequency", "sampling", "variance"}, optional
        A row counts as so many equal ones ("frequency"), or each row is one ("sampling",
        "variance"), which makes limits wider. By default whole numbers are frequencies, others not.

    Returns
    -------
    Evaluation

    Raises
    ------
    DataError
        Values are missing or out of range, or lengths differ.
    UsageError
        Neither or both of p and z are given, or `bins` is no number of bins.
    """
    whole("bins", bins)
    sample = sample_of(y, p, z, sample_weight, weights_are)
    starts = sample.stretches(int(bins))
    found, cut = curves(sample), calibration_bins(sample, starts)
    weights = np.histogram(sample.p, _EDGES, weights=sample.weight)[0]
    return Evaluation(
        n_rows=sample.n_rows,
        weight_sum=sample.total(),
        positive_share=sample.mean(sample.y),
        mean_predicted=sample.mean(sample.p),
        loss=log_loss(sample),
        brier=brier_score(sample, starts),
        calibration_error=expected_calibration_error(cut),
        recalibration=recalibration(sample),
        spiegelhalter=spiegelhalter(sample),
        ranking=ranking(sample, found),
        bins=cut,
        curves=found,
        histogram=(tuple(_EDGES.tolist()), tuple(map(float, weights))),
        origin=origin or Origin(),
    )
