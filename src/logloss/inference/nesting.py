"""Is a model a part of another one? By what their columns span, not by what they are called.

`x` lies in the span of a spline of x, `a` in that of `a + b` and `a − b`. A random combination of
the smaller model's columns lies in the span of the larger one's if all of them do, and outside with
probability 1 if one does. It is regressed on the larger one's columns, and refined; what is left is
rounding, or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError
from logloss.inference.optimum import Curvature

if TYPE_CHECKING:
    from logloss.record.estimates import Estimates
    from logloss.record.evidence import Evidence

Array = NDArray[np.float64]

_ROUNDING = 1e-6  # of the size of a column: what is left of one that lies in the span
_REFINED = 3
_TRIES = 2
_MOST_NAMED = 50  # columns that are looked at to name one that lies outside


def check_nested(
    smaller: tuple[Estimates, Evidence | None], larger: tuple[Estimates, Evidence | None]
) -> None:
    """Raise a UsageError where the smaller model is no part of the larger one. A few reads.

    Without their data, the names must tell.
    """
    (few, one), (many, other) = smaller, larger
    surplus = sorted(set(few.names) - set(many.names))
    if one is None or other is None:
        if surplus:
            raise UsageError(
                f"the models are not nested: only the smaller one has {surplus[0]!r}",
                "drop columns from the larger model; or bring the data of both back, attach(table),"
                " so that it is known what their columns span",
            )
        return
    span = Span(other)
    random = np.random.default_rng(0)
    size = one.objective.n_coefficients
    if all(span.holds(one, random.standard_normal(size)) for _ in range(_TRIES)):
        return
    name = _outside(span, one, surplus or [name for name in few.names if name in one.names])
    raise UsageError(
        f"the models are not nested: no combination of the larger one's columns gives {name}",
        "drop columns from the larger model to get the smaller one",
    )


def _outside(span: Span, evidence: Evidence, names: Sequence[str]) -> str:
    """A column of the smaller model that lies outside."""
    for name in names[:_MOST_NAMED]:
        unit = np.zeros(evidence.objective.n_coefficients)
        j = evidence.names.index(name) if name in evidence.names else len(unit) - 1
        unit[j] = 1.0
        if not span.holds(evidence, unit):
            return repr(name)
    return "those of the smaller one"


@final
@dataclass(frozen=True, eq=False)
class Span:
    """What the columns of a fit span, over the rows that count."""

    evidence: Evidence

    def __post_init__(self) -> None:
        objective = self.evidence.objective
        shape = objective.likelihood.shape
        hessian = objective.likelihood.hessian(np.zeros(shape.size))
        found = Curvature.of(hessian, np.arange(shape.size), shape)
        object.__setattr__(self, "_curvature", found)

    def holds(self, other: Evidence, theta: Array) -> bool:
        """Whether a combination of another fit's columns lies in it, but for rounding."""
        counted, there = _counted(self.evidence), _counted(other)
        if len(counted) != len(there):
            raise UsageError("the models were fitted to other rows", "fit both to the same rows")
        x = np.zeros(self.evidence.design.n_rows)
        x[counted] = _product(other, theta)[there]
        size = float(np.abs(x).max())
        left = x
        for _ in range(_REFINED):
            moved = self._curvature.solve(self._adjoint(left))  # type: ignore[attr-defined]
            left = left - _product(self.evidence, moved)
        return bool(np.abs(left[counted]).max() <= _ROUNDING * size)

    def _adjoint(self, u: Array) -> Array:
        """(1/Σs) Σ s q u x of the columns in inner coordinates, q = ¼ but for offsets."""
        e = self.evidence
        where, rows = e.coordinates, e.rows
        z = np.zeros(len(u)) if rows.offset is None else rows.offset
        q = rows.bernoulli(z)[2]
        weighed = q * u if rows.weight is None else rows.weight * q * u
        weighed = weighed / rows.total()
        sums, _ = e.design.moments(weighed, e.n_threads)
        total = float(weighed.sum())
        inner = (sums - where.center * total) / where.scale
        joined: Array = where.shape.joined(inner, total)
        return joined


def _product(evidence: Evidence, theta: Array) -> Array:
    """Xθ, shape (n,), of inner coordinates."""
    coef, intercept = evidence.coordinates.raw(theta)
    return evidence.design.predict(coef, intercept, None, evidence.n_threads)


def _counted(evidence: Evidence) -> NDArray[np.intp]:
    weight = evidence.rows.weight
    return np.arange(evidence.design.n_rows) if weight is None else np.flatnonzero(weight > 0.0)
