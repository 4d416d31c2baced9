"""Evaluation: what the rows say about the probabilities that were forecast for them."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.evaluation.calibration import BrierScore, Loss, Statistic
from logloss.evaluation.ranking import Curves, Ranking
from logloss.evaluation.recalibration import Recalibration
from logloss.evaluation.text import evaluation_text
from logloss.evaluation.thresholds import Decision, at_threshold, by_constraint, by_cost
from logloss.report.calibration import CalibrationBin, save_calibration

if TYPE_CHECKING:
    from logloss.table import Label

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Origin:
    """Where the rows came from.

    Attributes
    ----------
    where : str
        The table, as messages call it; "" for arrays.
    target : str or None
        The column of labels.
    classes : tuple of two labels
        The negative and the positive one.
    dropped : int
        Rows without a label, left out.
    notes : tuple of str
        What was done beyond the plain reading: sentences.
    """

    where: str = ""
    target: str | None = None
    classes: tuple[Label, Label] = (0, 1)
    dropped: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Probabilities against what happened. Prints as text.

    Attributes
    ----------
    n_rows : int
        Rows with a label and a weight.
    weight_sum : float
        `n_rows` where there are no weights.
    positive_share, mean_predicted : float
        Weighted means of the labels and of the probabilities.
    loss : Loss
        Log loss; `.score`, `.base`, `.skill`.
    brier : BrierScore
        `.score`, `.skill`, and the parts that sum to the score.
    calibration_error : float
        Expected calibration error over `bins`.
    recalibration : Recalibration
        Calibration intercept and slope with standard errors.
    spiegelhalter : Statistic
        Test of calibration: `.z`, `.p_value`.
    ranking : Ranking
        Area under the ROC curve with its interval, average precision, Kolmogorov–Smirnov.
    bins : tuple of CalibrationBin
        Rows by probability, in bins of about equal weight, from low to high.
    curves : Curves
        Recall, precision and false positive rate of each threshold.
    histogram : (edges, weights)
        Of the probabilities.
    origin : Origin
    """

    n_rows: int
    weight_sum: float
    positive_share: float
    mean_predicted: float
    loss: Loss
    brier: BrierScore
    calibration_error: float
    recalibration: Recalibration
    spiegelhalter: Statistic
    ranking: Ranking
    bins: tuple[CalibrationBin, ...]
    curves: Curves
    histogram: tuple[tuple[float, ...], tuple[float, ...]]
    origin: Origin

    @property
    def log_loss(self) -> float:
        """Mean log loss (nats)."""
        return self.loss.score

    @property
    def auc(self) -> float:
        """Area under the ROC curve; nan where there is one class only."""
        return self.ranking.auc

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done beyond the plain reading of the table: sentences."""
        return self.origin.notes

    @property
    def n_dropped(self) -> int:
        """Rows without a label, which were left out."""
        return self.origin.dropped

    def decide(self, threshold: float = 0.5) -> Decision:
        """Return what a threshold does on these rows."""
        return at_threshold(self.curves, threshold)

    def decide_by_cost(
        self, false_positive: float, false_negative: float
    ) -> tuple[Decision, Decision]:
        """Return the threshold that is best where probabilities are right, and the best here.

        Parameters
        ----------
        false_positive, false_negative : float
            What a mistake costs, in any unit; not negative, and one of them positive.
        """
        return by_cost(self.curves, false_positive, false_negative)

    def decide_by(
        self,
        *,
        min_precision: float | None = None,
        min_recall: float | None = None,
        max_fpr: float | None = None,
    ) -> Decision:
        """Return the best threshold under one constraint.

        The largest recall with a precision of at least `min_precision`, or with a false positive
        rate of at most `max_fpr`; the largest precision with a recall of at least `min_recall`.

        Raises
        ------
        UsageError
            Not exactly one of them is given, or it is not in [0, 1].
        DataError
            No threshold meets it.
        """
        return by_constraint(self.curves, min_precision, min_recall, max_fpr)

    @cached_property
    def table(self) -> Any:
        """A pyarrow.Table of the measures: measure, value, error (standard), lower, upper (95 %).

        What has no error or interval, and what is not known, is null.
        """
        import pyarrow as pa

        names, *numbers = zip(*self._measures(), strict=True)
        columns = ("value", "error", "lower", "upper")
        cells = {
            name: pa.array([_known(x) for x in column], pa.float64())
            for name, column in zip(columns, numbers, strict=True)
        }
        return pa.table({"measure": pa.array(names, pa.string()), **cells})

    @cached_property
    def reliability(self) -> Any:
        """A pyarrow.Table of `bins`, from low to high."""
        import pyarrow as pa

        return pa.Table.from_pylist([asdict(one) for one in self.bins])

    @cached_property
    def gains(self) -> Any:
        """A pyarrow.Table of the same bins from high to low, and what they hold together.

        rows, threshold (the least probability), events (weight), share_of_rows, recall (share of
        all events so far) and lift (recall over share_of_rows).
        """
        import pyarrow as pa

        bins = self.bins[::-1]
        weights = np.cumsum([one.weight for one in bins])
        events = np.array([one.weight * one.observed for one in bins])
        share = weights / weights[-1]
        total = float(events.sum())
        recall = np.cumsum(events) / total if total > 0.0 else np.full(len(bins), math.nan)
        return pa.table(
            {
                "rows": np.cumsum([one.rows for one in bins]),
                "threshold": [one.lower for one in bins],
                "events": np.cumsum(events),
                "share_of_rows": share,
                "recall": recall,
                "lift": recall / share,
            }
        )

    @cached_property
    def roc(self) -> Any:
        """A pyarrow.Table: threshold, false_positive_rate, recall; begins at (0, 0)."""
        import pyarrow as pa

        c = self.curves
        return pa.table(
            {
                "threshold": np.append(math.inf, c.probability),
                "false_positive_rate": np.append(0.0, c.false_positive_rate),
                "recall": np.append(0.0, c.recall),
            }
        )

    @cached_property
    def precision_recall(self) -> Any:
        """A pyarrow.Table: threshold, recall, precision, from the highest threshold down."""
        import pyarrow as pa

        c = self.curves
        return pa.table({"threshold": c.probability, "recall": c.recall, "precision": c.precision})

    def to_json(self) -> dict[str, Any]:
        """Return all but the curves as plain values; what is not known is null."""
        return {
            "table": self.origin.where or None,
            "target": self.origin.target,
            "classes": list(self.origin.classes),
            "n_rows": self.n_rows,
            "n_dropped": self.n_dropped,
            "weight_sum": self.weight_sum,
            "notes": list(self.notes),
            "measures": {
                name: {"value": _known(value), "error": _known(error)}
                | ({"lower": low, "upper": high} if _known(low) is not None else {})
                for name, value, error, low, high in self._measures()
            },
            "brier_parts": asdict(self.brier),
            "bins": [asdict(one) for one in self.bins],
            "gains": [
                {name: _known(value) for name, value in row.items()}
                for row in self.gains.to_pylist()
            ],
        }

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the calibration: .png, .svg or .pdf; needs matplotlib (the extra `plot`)."""
        title = "calibration"
        if self.origin.where:
            title += f" on {self.origin.where}"
        save_calibration(path, self.bins, self.histogram, title)

    def __str__(self) -> str:
        return evaluation_text(self)

    __repr__ = __str__

    def text(self, width: int = 100) -> str:
        """Return the evaluation as lines at most about `width` wide."""
        return evaluation_text(self, width)

    def _measures(self) -> list[tuple[str, float, float, float, float]]:
        nan, line, rank = math.nan, self.recalibration, self.ranking
        plain = {
            "positive_share": self.positive_share,
            "mean_predicted": self.mean_predicted,
            "log_loss": self.loss.score,
            "log_loss_base": self.loss.base,
            "log_loss_skill": self.loss.skill,
            "brier": self.brier.score,
            "brier_base": self.brier.uncertainty,
            "brier_skill": self.brier.skill,
            "expected_calibration_error": self.calibration_error,
            "spiegelhalter_z": self.spiegelhalter.z,
            "spiegelhalter_p_value": self.spiegelhalter.p_value,
            "average_precision": rank.average_precision,
            "ks": rank.ks,
            "ks_threshold": rank.ks_threshold,
        }
        with_error = {
            "calibration_in_the_large": (line.in_the_large, line.in_the_large_error),
            "calibration_slope": (line.slope, line.slope_error),
            "calibration_intercept": (line.intercept, line.intercept_error),
        }
        return [
            *((name, value, nan, nan, nan) for name, value in plain.items()),
            *((name, value, error, nan, nan) for name, (value, error) in with_error.items()),
            ("auc", rank.auc, rank.auc_error, rank.auc_low, rank.auc_high),
        ]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
