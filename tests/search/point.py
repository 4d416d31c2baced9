"""What a model says of itself: the only place that knows how."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from search.exact import Point


def columns(model: Any) -> list[int]:
    """Which of the columns x0, x1, … the model has: those of a frame that say nothing are left out.

    As the documentation has it: constant and repeated ones. The notes name them.
    """
    return [int(name.removeprefix("x")) for name in model.coefficients]


def shown(model: Any) -> Point:
    """The coefficients and the intercept."""
    coef: Sequence[float] = list(model.coefficients.values())
    return Point.of(coef, [0.0] * len(coef), model.intercept)


def predicting(model: Any) -> Point:
    """The same as the model predicts with them: from points of its own, where it has them."""
    plain, centers = shown(model), getattr(model.fitted, "centers", None)
    if centers is None:
        return plain
    points = [centers.points.get(name, 0.0) for name in model.coefficients]
    return Point.of(plain.coef, points, centers.intercept)


def certified(model: Any) -> Point:
    """The point that the certificate is of, as the solver has it; exact."""
    evidence = model._evidence
    where = evidence.coordinates
    theta, scale, center = (
        [Fraction(v) for v in part.tolist()] for part in (evidence.beta, where.scale, where.center)
    )
    inner = [t / s for t, s in zip(theta, scale, strict=False)]
    intercept = theta[-1] if evidence.intercept else Fraction(0)
    intercept -= sum(w * c for w, c in zip(inner, center, strict=True))
    coef, own = list(inner), getattr(where, "own", None)
    for j, part in ({} if own is None else own.columns).items():
        coef[j] -= inner[j]
        if part.alias:  # read as zeros
            continue
        w = Fraction(part.unit) * inner[j]
        coef[j] += w
        intercept -= part.constant * w
        for k, factor in part.parts.items():
            coef[k] -= factor * w
    return Point.of(coef, [0] * len(coef), intercept)
