"""A model on rows that it has not seen: find the labels, predict, compare."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError
from logloss.evaluation import evaluate
from logloss.evaluation.result import Evaluation, Origin
from logloss.record.proof import Status
from logloss.record.weighting import weighting_of
from logloss.table import Source, read, weight_values
from logloss.table.encoding import encoded
from logloss.table.roles.held_out import HeldOut, held_out_labels
from logloss.table.roles.numbers import target_counts

if TYPE_CHECKING:
    from logloss.record.fitted import Fitted
    from logloss.table.roles.labels import Label

Array = NDArray[np.float64]


class LogOdds(Protocol):
    """What predicts: `Model.decision_function`."""

    def __call__(self, table: Any, offset: Any = None, n_threads: int | None = None) -> Array: ...


def evaluate_table(
    fitted: Fitted,
    log_odds: LogOdds,
    table: Any,
    *,
    y: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    bins: int = 10,
    n_threads: int | None = None,
) -> Evaluation:
    """Evaluate the predictions for a table that holds the labels too; see `Model.evaluate`."""
    if fitted.certificate.status is Status.NO_LOSS:
        raise UsageError("the perceptron has no probabilities to evaluate", Status.NO_LOSS.value)
    target = _target(fitted, y)
    shift = fitted.offset if offset is None else offset
    source = _read(fitted, table, (target, sample_weight, shift))
    labels, weights = _truth(source, target, sample_weight, fitted.classes)
    z = log_odds(source, offset, n_threads)
    kept = slice(None) if labels.known.all() else labels.known
    origin = Origin(
        where=source.where if isinstance(table, str | os.PathLike | Source) else "",
        target=target if isinstance(target, str) else fitted.target or None,
        classes=fitted.classes,
        dropped=int(np.count_nonzero(~labels.known)),
        notes=(*labels.notes, *_notes(fitted, sample_weight is not None)),
    )
    return evaluate(
        labels.y[kept],
        z=z[kept],
        sample_weight=None if weights is None else weights[kept],
        bins=bins,
        origin=origin,
        weights_are=fitted.weighting.said,
    )


def _target(fitted: Fitted, y: Any) -> Any:
    """What holds the labels: what is given, or the column that was fitted."""
    target = fitted.target if y is None else y
    if target is None or (isinstance(target, str) and not target):
        raise UsageError(
            "the model was fitted with an array of labels, so that their column has no name",
            "give y: the labels, or the name of their column",
        )
    return target


def _read(fitted: Fitted, table: Any, places: tuple[Any, ...]) -> Source:
    """The columns of the model, and those that are named in `places`."""
    schema = fitted.schema
    named = [place for place in places if isinstance(place, str) and place]
    source = read(
        table,
        columns=[*schema.column_names, *named],
        by_column=True,
        na=schema.na,
        text=schema.text_names,
    )
    return source if source.stream is None else encoded(source, schema.na)


def _truth(
    source: Source, target: Any, sample_weight: Any, classes: tuple[Label, Label]
) -> tuple[HeldOut, Array | None]:
    """Labels and weights of all rows; of counts, shares and trials."""
    weights = weight_values(source, sample_weight)
    counts = None if isinstance(target, str) else target_counts(source, target)
    if counts is None:
        return held_out_labels(source, target, classes), weights
    weights = counts.trials if weights is None else weights * counts.trials
    return held_out_labels(source, counts.share, classes), weights


def read_as(fitted: Fitted, weights_are: str | None) -> Fitted:
    """A record as if it had been said in the fit what weights mean, where it is said now."""
    if weights_are is None:
        return fitted
    return replace(fitted, weighting=weighting_of(weights_are, None, None))


def _notes(fitted: Fitted, weighted: bool) -> list[str]:
    notes = []
    if fitted.weights is not None and not weighted:
        column = f" of the column {fitted.weights!r}" if fitted.weights else ""
        notes.append(f"the model was fitted with the weights{column}; here each row counts once")
    prior = fitted.request.prior
    if prior is not None:
        notes.append(
            f"the intercept is corrected for a share of {prior:g} positives in the population"
        )
    return notes
