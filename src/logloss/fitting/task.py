"""Task: what is to be fitted: a table taken apart, its schema, its design, its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.backends.conditioning import Conditioned, conditioned, suspicious
from logloss.backends.forming import Columns
from logloss.backends.spread import Spread, coordinates, some_of, spread
from logloss.errors import UsageError
from logloss.fitting.likelihood import likelihood_of
from logloss.objective.base import Objective
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import Groups, RowSums
from logloss.objective.row_data import RowData
from logloss.record.evidence import Evidence
from logloss.record.penalty_options import PenaltyOptions, small
from logloss.record.prior import uncorrected_intercept
from logloss.record.weighting import Weighting
from logloss.table import Schema, Split
from logloss.table.design.design import Design
from logloss.table.schema.leakage import notes_on, telling

if TYPE_CHECKING:
    from logloss.record.fitted import Fitted
    from logloss.table import Target

Array = NDArray[np.float64]

_SMALL = 600  # rows of an array
_FEW_ROWS = 20_000  # up to which a read to measure the columns costs nothing worth saving


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be fitted: the matrix, its rows' labels, weights and offsets, and their names."""

    parts: Split
    schema: Schema
    target: Target
    design: Design
    rows: RowData
    intercept: bool
    n_threads: int
    weighting: Weighting
    groups: Groups | None = None

    def objective(
        self, asked: PenaltyOptions, exact: bool, by_row: bool = False
    ) -> tuple[Objective, Coordinates]:
        """The objective in coordinates that suit it, measured on all rows if `exact`.

        `by_row`: that suit a solver which goes row by row.
        """
        found = self.condition(asked, exact)
        weights = asked.weights(self.names, self.rows.total(), found.deviation)
        likelihood = self.likelihood(found, weights[0], by_row)
        where = likelihood.coordinates
        left_out = small(weights, found.deviation)
        if where.own is not None:  # what others are counted without has to have no penalty at all
            left_out[where.own.taken] = True
        penalty = asked.penalty(weights, self.names, where.units, where.shape, left_out)
        return Objective(likelihood, penalty), where

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients, in order."""
        return self.schema.coefficient_names

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader and the schema did that the user should know."""
        return (*self.parts.notes, *self.target.notes, *self.schema.notes, *self._telling)

    @cached_property
    def _telling(self) -> tuple[str, ...]:
        """What columns alone tell the labels apart."""
        small = self.design.encoded.columns is None and self.design.n_rows < _SMALL
        if small:  # an array of few rows: the look would take as long as the fit
            return ()
        found = telling(self.design, self.schema, self.rows.y, self.rows.weight)
        return notes_on(found, excludable=not hasattr(self.schema, "formula"))

    def with_groups(self, labels: Any) -> Task:
        """The same with the groups of a covariance: labels, or the name of a column, or None."""
        if labels is None:
            return self
        return replace(self, groups=Groups(*self.parts.origin.groups(labels, self.rows.weight)))

    @property
    def n_rows(self) -> int:
        """Rows that count: those of weight 0 and those that are left out do not."""
        weight = self.rows.weight
        return self.design.n_rows if weight is None else int(np.count_nonzero(weight))

    def condition(self, asked: PenaltyOptions, exact: bool) -> Conditioned:
        """The columns as a solver should read them, measured on all rows if `exact`.

        Else, where there are many, on some that stand for all, unless those give reason to doubt.
        """
        few = self.design.n_rows > _FEW_ROWS
        if few:
            rows = some_of(self.design.n_rows)
            sample = self.design.take(rows, self.n_threads)
            measured = replace(spread(sample, None, self.n_threads), whole=False)
            weight = None if self.rows.weight is None else self.rows.weight[rows]
            few = not (measured.still.any() or self._suspicious(asked, sample, measured, weight))
        if few and not exact:
            return Conditioned(self.design, measured, None, measured.deviation)
        measured = spread(self.design, self.rows.weight, self.n_threads)
        free, held, ridge = self._weak(asked, measured)
        if few:
            free, held = np.zeros_like(free), np.zeros_like(held)
        data = self.design, self.rows.weight, self.intercept, self.n_threads, measured
        return conditioned(Columns(*data), free, ridge, held)

    def _suspicious(
        self, asked: PenaltyOptions, sample: Design, measured: Spread, weight: Array | None
    ) -> bool:
        free, held, ridge = self._weak(asked, measured)
        data = sample, weight, self.intercept, self.n_threads, measured
        return suspicious(Columns(*data), free | held, ridge)

    def _weak(
        self, asked: PenaltyOptions, measured: Spread
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Array]:
        """Columns that nothing holds, that bounds alone do, and how much L2 does the others."""
        unknown = measured.doubtful & (measured.deviation == 0.0)  # below the least square
        deviation = np.where(unknown, 1.0, measured.deviation)
        weights = asked.weights(self.names, self.rows.total(), deviation)
        free, held = asked.free(weights, self.names, deviation)
        return free, held, weights[0] / math.sqrt(self._curvature)

    @property
    def _curvature(self) -> float:
        """A typical p(1 − p)."""
        mean = self.rows.total(self.rows.y) / self.rows.total()
        return max(mean * (1.0 - mean), 1e-6)

    def likelihood(self, found: Conditioned, root: Array, by_row: bool = False) -> RowSums:
        """The likelihood in coordinates that suit the columns and their L2 penalties, `root`²."""
        design, measured = found.design, found.spread
        ridge = root / math.sqrt(self._curvature)
        where = coordinates(measured, ridge, self.intercept, found.own)
        where = replace(where, aliases=found.aliases)
        if by_row and design.sparse.any():
            square = float((measured.mean**2 + measured.deviation**2)[design.sparse].sum())
            where = where.by_row(design.sparse, square)
        return likelihood_of(design, self.rows, where, self.n_threads, int(measured.whole))

    def aliases(self, where: Coordinates) -> tuple[str, ...]:
        """Which columns are combinations of others but for rounding, a sentence each."""
        columns = {} if where.own is None else where.own.columns
        return tuple(
            f"column {self.names[j]!r} is {own.formula(self.names)} to rounding, and so has no"
            " coefficient of its own"
            for j, own in columns.items()
            if own.alias
        )

    def evidence(self, objective: Objective, where: Coordinates, beta: Array) -> Evidence:
        """What the fit leaves for questions that need its data."""
        of_task = (self.names, self.intercept, self.design, self.rows, self.parts.features)
        of_rows = (self.n_threads, self.weighting, self.parts.origin, self.groups)
        return Evidence(objective, where, beta, *of_task, *of_rows)

    def first(self, objective: Objective, where: Coordinates, start: Fitted | None) -> Array:
        """Where to start: the coefficients of a fit, or the intercept alone."""
        if start is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # too far out is found by the loss
                return objective.penalty.prox(where.inner(*self._known(start)), 0.0)
        return objective.null()

    def _known(self, start: Fitted) -> tuple[Array, float]:
        """The coefficients of a model in the order of ours; an error where it is of other data."""
        names, known = self.names, start.coefficient_map()
        missing = [name for name in names if name not in known]
        surplus = sorted(set(known) - set(names))
        if missing or surplus:
            lacks = f"it lacks {_listed(missing)}" if missing else ""
            has = f"the table lacks {_listed(surplus)}" if surplus else ""
            raise UsageError(
                f"start is a model of other columns: {', '.join(filter(None, [lacks, has]))}",
                "fit the columns that it was fitted on (see exclude), or leave start out",
            )
        if start.classes != self.target.classes:
            raise UsageError(
                f"start models {start.classes[1]!r} against {start.classes[0]!r}, this fit"
                f" {self.target.classes[1]!r} against {self.target.classes[0]!r}",
                "say by positive which label is meant, or leave start out",
            )
        values, intercept = np.array([known[n] for n in names]), uncorrected_intercept(start)
        for name, value in zip((*names, "(intercept)"), (*values, intercept), strict=True):
            if not math.isfinite(value):
                raise UsageError(
                    f"start has the coefficient {name!r} = {value:g}, and no fit can begin there",
                    "give a model whose coefficients are finite, or leave start (warm_start) out",
                )
        return values, intercept


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
