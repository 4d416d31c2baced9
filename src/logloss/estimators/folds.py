"""Folds of a cross-validation: what is fitted, what is held out, and which penalty does best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, _safe_indexing
from sklearn.utils.validation import _check_method_params

from logloss.bernoulli import bce_with_logits
from logloss.checks import whole
from logloss.errors import DataError, UsageError
from logloss.record.proof import Certificate, Status

if TYPE_CHECKING:
    from logloss.model.model import Model
    from logloss.paths import Searched
    from logloss.record.fitted import Fitted

Array = NDArray[np.float64]

_RANGE = (-4.0, 4.0)  # of log10(C), where Cs is a number


def strengths(Cs: Any) -> Array:
    """The values of C that are asked for, in the order given."""
    if isinstance(Cs, int | np.integer) and not isinstance(Cs, bool):
        whole("Cs", Cs)
        return np.logspace(*_RANGE, int(Cs))
    values = np.asarray(Cs, dtype=np.float64)
    if values.ndim != 1 or not values.size or not (values > 0.0).all():
        raise UsageError(f"Cs must be positive numbers, or how many, not {Cs!r}")
    return values


def ratios(l1_ratios: Any) -> Array:
    """The values of l1_ratio that are asked for."""
    values = np.asarray(l1_ratios, dtype=np.float64)
    if values.ndim != 1 or not values.size or not ((values >= 0.0) & (values <= 1.0)).all():
        raise UsageError(f"l1_ratios must be numbers from 0 to 1, not {l1_ratios!r}")
    return values


def mask(rows: Any, n: int) -> NDArray[np.bool_]:
    """Which of n rows are in a fold."""
    mask = np.zeros(n, dtype=np.bool_)
    mask[rows] = True
    return mask


def held_out(
    X: Any, y: Any, offset: Any, folds: Sequence[tuple[Any, Any]], params: dict[str, Any]
) -> list[Bunch]:
    """The rows held out of each fold, with their offsets and what the scorer is given."""
    return [
        Bunch(
            X=_safe_indexing(X, rows),
            y=_safe_indexing(y, rows),
            offset=None if offset is None else offset[rows],
            params=_check_method_params(X, params=params, indices=rows),
        )
        for _, rows in folds
    ]


def log_loss(estimator: Any, rows: Bunch) -> float:
    """Minus the mean log loss; of soft labels too, and with an offset."""
    z = estimator.decision_function(rows.X, rows.offset)
    y = np.asarray(rows.y)
    soft = y.dtype.kind == "f" and bool((y != np.rint(y)).any())
    labels = y if soft else (y == estimator.classes_[1]).astype(np.float64)
    weight = rows.get("sample_weight", rows.get("params", {}).get("sample_weight"))
    return -float(bce_with_logits(labels, z, sample_weight=weight))


def scores(
    found: Searched, held_out: Sequence[Bunch], judge: Callable[[Model, Bunch], float]
) -> Array:
    """The score of each fit on the rows held out; nan where time was out."""
    shape = (len(held_out), len(found.l1_ratios), len(found.Cs))
    scores = np.full(shape, np.nan)
    for fold, mix, position in np.ndindex(shape):
        model = found.model(fold, mix, position)
        if model is not None:
            scores[fold, mix, position] = judge(model, held_out[fold])
    return scores


def check_scored(scores: Array, held_out: Sequence[Bunch], scoring: Any) -> None:
    """Raise a DataError where the rows of a fold are of one class, which has no such score."""
    for fold, rows in enumerate(held_out):
        if np.isnan(scores[fold]).all() and len(np.unique(rows.y)) == 1:
            label = np.asarray(rows.y)[:1].tolist()[0]
            raise DataError(
                f"the rows held out of fold {fold} are all of one class, {label!r}, and"
                f" scoring={scoring!r} has no value there",
                "take fewer folds, or scoring='neg_log_loss'",
            )


def mean_of(fits: Sequence[Fitted]) -> Fitted:
    """The mean of the coefficients of fits, which has no certificate."""
    certificate = Certificate(
        gap=math.nan,
        relative_gap=math.nan,
        coefficient_error=math.nan,
        data_reads=sum(one.certificate.data_reads for one in fits),
        solver=fits[0].certificate.solver,
        reason="the mean of the coefficients of all folds, which is no fit of its own",
        status=Status.STALLED,
        seconds=max(one.certificate.seconds for one in fits),
    )
    return replace(
        fits[0],
        coefficients=np.mean([one.coefficients for one in fits], axis=0),
        intercept=float(np.mean([one.intercept for one in fits])),
        certificate=certificate,
    )


def best(scores: Array) -> tuple[int, int]:
    """The positions of the best C and mix; the first of several, as in scikit-learn."""
    known = np.where(np.isnan(scores), -math.inf, scores).T
    if not np.isfinite(known).any():
        raise DataError(
            "no penalty has a score in all folds", "raise time_budget, or look at scores_"
        )
    position, mix = np.unravel_index(np.argmax(known), known.shape)
    return int(position), int(mix)
