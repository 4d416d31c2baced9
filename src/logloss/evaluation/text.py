"""An evaluation and its decisions as plain text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from logloss.report.calibration import CalibrationBin, calibration_text
from logloss.report.figures import figure, visible

if TYPE_CHECKING:
    from logloss.evaluation.result import Evaluation
    from logloss.evaluation.thresholds import Decision

_WORDS = 96


def evaluation_text(evaluation: Evaluation, width: int = 100) -> str:
    """Return the measures, the bins and the notes; no final line break."""
    e = evaluation
    blocks = [
        _title(e),
        _lines(_rows(e)),
        _lines([*_scores(e), *_ranks(e)]),
        "calibration\n" + _lines(_calibration(e)),
        calibration_text(e.bins, width),
        "  o share of events, - its 95 % interval (Wilson), | mean probability",
        *(_wrapped(f"note: {visible(note)}") for note in e.notes),
    ]
    return "\n\n".join(filter(None, blocks))


def decision_text(decision: Decision) -> str:
    """Return a threshold, its mistakes as a table, and the rates."""
    d = decision
    cells = [
        ["", "called positive", "called negative"],
        ["positive", _count(d.true_positives), _count(d.false_negatives)],
        ["negative", _count(d.false_positives), _count(d.true_negatives)],
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    table = [
        "  "
        + "  ".join(
            text.ljust(w) if j == 0 else text.rjust(w)
            for j, (text, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    bound = "none is called positive" if d.threshold == math.inf else f"p ≥ {figure(d.threshold)}"
    rates = [
        ("precision", d.precision),
        ("recall", d.recall),
        ("false positive rate", d.false_positive_rate),
        ("accuracy", d.accuracy),
        ("F1", d.f1),
        ("cost per row", d.cost),
    ]
    words = ", ".join(f"{name} {figure(x)}" for name, x in rates if not math.isnan(x))
    return "\n".join([f"threshold {bound}: {d.reason}", *table, _wrapped("  " + words)])


def _title(e: Evaluation) -> str:
    negative, positive = (visible(one) for one in e.origin.classes)
    target = f" of {visible(e.origin.target)}" if e.origin.target else ""
    where = f" on {visible(e.origin.where)}" if e.origin.where else ""
    return f"Evaluation{target}{where}: probability of {positive} against {negative}"


def _rows(e: Evaluation) -> list[tuple[str, str]]:
    rows = f"{e.n_rows:,}"
    if e.weight_sum != e.n_rows:
        rows += f", weight {figure(e.weight_sum, 6)}"
    if e.n_dropped:
        rows += f"; {e.n_dropped:,} more without a label left out"
    shares = f"{figure(e.positive_share)} (predicted: {figure(e.mean_predicted)})"
    return [("rows", rows), ("share positive", shares)]


def _scores(e: Evaluation) -> list[tuple[str, str]]:
    brier = e.brier
    within = brier.within_variance - brier.within_covariance
    parts = (
        f"reliability {figure(brier.reliability, 3)} - resolution {figure(brier.resolution, 3)}"
        f" + uncertainty {figure(brier.uncertainty, 3)}"
        f" {'+' if within >= 0 else '-'} within bins {figure(abs(within), 3)}"
    )
    return [
        ("log loss", _against(e.loss.score, e.loss.base, e.loss.skill)),
        ("Brier score", _against(brier.score, brier.uncertainty, brier.skill)),
        ("", f"= {parts}"),
    ]


def _against(score: float, base: float, skill: float) -> str:
    words = f"{figure(score)} (base rate alone: {figure(base)}"
    if math.isnan(skill):
        return words + ")"
    return f"{words}; {abs(100 * skill):.1f} % {'better' if skill >= 0 else 'worse'})"


def _ranks(e: Evaluation) -> list[tuple[str, str]]:
    rank = e.ranking
    if math.isnan(rank.auc):
        return [("ranking", "not defined: the rows are of one class")]
    area = figure(rank.auc)
    if not math.isnan(rank.auc_error):
        area += f" (95 %: {figure(rank.auc_low)} to {figure(rank.auc_high)}, DeLong)"
    return [
        ("area under ROC", area),
        ("average precision", f"{figure(rank.average_precision)}"),
        ("KS distance", f"{figure(rank.ks)} at p = {figure(rank.ks_threshold, 3)}"),
        ("lift", _lift(e.bins)),
    ]


def _lift(bins: Sequence[CalibrationBin]) -> str:
    top = bins[-1]
    rows = top.weight / sum(one.weight for one in bins)
    events = top.weight * top.observed / sum(one.weight * one.observed for one in bins)
    return (
        f"{figure(events / rows)}: the top {100 * rows:.1f} % of the rows hold"
        f" {100 * events:.1f} % of the events"
    )


def _calibration(e: Evaluation) -> list[tuple[str, str]]:
    line, test = e.recalibration, e.spiegelhalter
    slope = _measured(line.slope, line.slope_error)
    shift = _measured(line.in_the_large, line.in_the_large_error)
    chance = "p < 1e-16" if test.p_value < 1e-16 else f"p = {figure(test.p_value, 2)}"
    return [
        ("slope", f"{slope}; 1 is right, less: too extreme"),
        ("in the large", f"{shift} log odds; 0 is right, more: too low"),
        ("expected error", f"{figure(e.calibration_error, 3)} over {len(e.bins)} bins"),
        ("Spiegelhalter", f"z = {figure(test.z, 3)}, {chance}"),
    ]


def _measured(value: float, error: float) -> str:
    if math.isnan(value):
        return "not defined"
    if not (math.isfinite(value) and 0.0 < error < math.inf):
        return figure(value)
    digits = max(0, 2 - math.ceil(math.log10(error)))
    return f"{round(value, digits) + 0.0:.{digits}f} (standard error {figure(error, 2)})"


def _lines(rows: Sequence[tuple[str, str]]) -> str:
    width = max(17, *(len(name) for name, _ in rows))
    return "\n".join(f"  {name.ljust(width)}  {value}" for name, value in rows)


def _count(weight: float) -> str:
    return f"{weight:,.0f}" if weight == round(weight) else f"{weight:,.2f}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=_WORDS, subsequent_indent="  ", break_long_words=False)
