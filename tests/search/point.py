"""What a model says of itself: the only place that knows how."""

from __future__ import annotations

from typing import Any

import numpy as np

from search.exact import Point


def reported(model: Any, d: int) -> Point:
    """The coefficients that the model shows, saves and predicts with, of the columns x0, x1, …

    A column of a frame that the model has left out has the coefficient 0.
    """
    shown = model.coefficients
    coef = [shown.get(f"x{j}", 0.0) for j in range(d)]
    kept = getattr(model.fitted, "centers", None)
    if kept is None:
        return Point.of(coef, [0.0] * d, model.intercept)
    of = dict(zip(shown, np.asarray(kept).tolist(), strict=True))
    centers = [of.get(f"x{j}", 0.0) for j in range(d)]
    return Point.of(coef, centers, model.fitted.centered_intercept)


def certified(model: Any, d: int) -> Point:
    """The point that the certificate is of, as the solver has it."""
    evidence = model._evidence
    where, beta = evidence.coordinates, evidence.beta.tolist()
    coef, centers = {}, {}
    parts = zip(evidence.names, beta, where.scale.tolist(), where.center.tolist(), strict=False)
    for name, theta, scale, center in parts:
        exact = Point.of([theta], [center], 0)
        coef[name] = exact.coef[0] / Point.of([scale], [0], 0).coef[0]
        centers[name] = center
    names = [f"x{j}" for j in range(d)]
    intercept = beta[-1] if evidence.intercept else 0.0
    return Point.of(
        [coef.get(name, 0) for name in names], [centers.get(name, 0) for name in names], intercept
    )
