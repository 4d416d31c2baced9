"""Is a model a part of another one? By what their columns span, not by what they are called.

`x` lies in the span of a spline of x, `a` in that of `a + b` and `a − b`. A random combination of
the smaller model's columns lies in the span of the larger one's if all of them do, and outside with
probability 1 if one does. It is regressed on the larger one's columns, and refined; what is left is
rounding, or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError
from logloss.inference.optimum import Curvature
from logloss.objective.row_data import RowData

if TYPE_CHECKING:
    from logloss.objective.likelihood import RowSums
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
class Span:
    """What the columns of a fit span, over the rows that count."""

    def __init__(self, evidence: Evidence) -> None:
        self.sums = _sums(evidence)
        shape, zero = self.sums.shape, np.zeros(self.sums.shape.size)
        self.curvature = Curvature.of(self.sums.hessian(zero), np.arange(shape.size), shape)
        rows = self.sums.rows
        q = rows.bernoulli(np.zeros(len(rows.y)) if rows.offset is None else rows.offset)[2]
        self.weight = q if rows.weight is None else rows.weight * q

    def holds(self, other: Evidence, theta: Array) -> bool:
        """Whether a combination of another fit's columns lies in it, but for rounding."""
        there = _sums(other)
        counted, others = self.sums.rows.counted, there.rows.counted
        if counted.sum() != others.sum():
            raise UsageError("the models were fitted to other rows", "fit both to the same rows")
        left = np.zeros(self.sums.n_rows)
        left[counted] = there.along(theta)[others]
        size = float(np.abs(left).max())
        for _ in range(_REFINED):
            left = left - self.sums.along(self.curvature.solve(self._adjoint(left)))
        return bool(np.abs(left[counted]).max() <= _ROUNDING * size)

    def _adjoint(self, u: Array) -> Array:
        """(1/Σs) Σ s q u [x, 1], q = ¼ but for offsets; one read."""
        v = self.weight * u
        if not v.any():
            return np.zeros(self.sums.shape.size)
        # the gradient at z = 0, where r = ½ − y, of labels 0 and 1 and weights 2 |v|
        relabelled = self.sums.with_rows(RowData(np.where(v < 0.0, 1.0, 0.0), 2.0 * np.abs(v)))
        _, gradient = relabelled.loss_gradient(np.zeros(self.sums.shape.size))
        moved: Array = gradient * (relabelled.weight_sum / self.sums.weight_sum)
        return moved


def _sums(evidence: Evidence) -> RowSums:
    return evidence.objective.sums("a comparison of two models")
