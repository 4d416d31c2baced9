"""From a request and a table to a task: the only preamble that there is.

read → encode → take the roles out → columns to coefficients → design. A fit learns what the columns
are from the table; a model that was loaded knows it, and finds its table again (`known`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from logloss.checks import flag
from logloss.firth.firth import FirthChoice
from logloss.fitting.task import Task
from logloss.objective.row_data import RowData
from logloss.record.prior import check_prior
from logloss.record.request import Request, remembered
from logloss.record.weighting import Weighting, weighting_of
from logloss.solvers.base import Callback, Solver, Stop
from logloss.solvers.choose import Choice, choose
from logloss.table import Policy, encode_target, read, split
from logloss.table.columns.source import Source, left_out_names
from logloss.table.design.design import design_of, threads
from logloss.table.roles.class_weight import class_weight_plain, class_weights
from logloss.table.schema.learn_formula import learn_any
from logloss.table.treatment import Missing

if TYPE_CHECKING:
    from logloss.record.fitted import Fitted
    from logloss.table import Label, Schema, Split, Target
    from logloss.table.design.encoded import Encoded


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be fitted, and the request that made it, settled."""

    request: Request
    task: Task

    def choice(self) -> Choice | FirthChoice:
        """How the request is solved."""
        return FirthChoice() if self.request.firth else self.entry(self.request.solver.asked)

    def entry(self, solver: str | Solver) -> Choice:
        """A solver, for a problem of this shape."""
        request, design = self.request, self.task.design
        size = design.n_columns + self.task.intercept
        found = choose(solver, design.n_rows, size, request.penalty.smooth)
        return found.seeded(request.solver.seed)

    def stop(self, begun: float, callbacks: Sequence[Callback] = ()) -> Stop:
        """When to end, with the time counted from `begun`."""
        limits = self.request.limits
        return Stop(limits.tol, limits.max_iter, limits.seconds, begun, tuple(callbacks))


def problem(request: Request, table: Any) -> Problem:
    """What is asked of a table.

    Raises
    ------
    UsageError
        Options cannot be, or contradict each other: found before the table is read. It has no such
        column.
    DataError
        The table cannot be read, or cannot be fitted.
    """
    request = _checked(request)
    task = _task(request, _New(request), table)
    before = table.excluded if isinstance(table, Source) else ()
    return Problem(_settled(request, task, before), task)


def problem_again(request: Request, fitted: Fitted, table: Any) -> Problem:
    """What was asked of the table of a fit: with the schema and the classes that it found."""
    return Problem(request, _task(request, _Known(request, fitted), table))


def _checked(request: Request) -> Request:
    """The request, if it can be for some table."""
    asked = flag("fit_intercept", request.fit_intercept)
    request = replace(request, fit_intercept=request.table.intercept(asked))
    request.check()
    choose(request.solver.asked, 1, 1, request.penalty.smooth)
    return replace(request, prior=check_prior(request.prior, request.fit_intercept))


def _settled(request: Request, task: Task, before: tuple[str, ...]) -> Request:
    """The request in the words of the table: names of columns and coefficients, plain values.

    `before`: columns that were excluded when the table was opened.
    """
    roles, parts = request.roles, task.parts
    groups = roles.groups if isinstance(roles.groups, str) else None
    named = replace(
        roles,
        target=remembered(roles.target, parts.target_name),
        weights=remembered(roles.weights, parts.weights_name),
        offset=remembered(roles.offset, parts.offset_name),
        groups=remembered(roles.groups, groups),
        exclude=tuple(dict.fromkeys((*before, *left_out_names(roles.exclude)))),
        positive=None if roles.positive is None else task.target.classes[1],
        class_weight=class_weight_plain(roles.class_weight),
    )
    penalty = request.penalty.by_name(task.names, task.schema.groups)
    return replace(request, roles=named, penalty=penalty, limits=request.limits.plain())


class _Learner(Protocol):
    """What a task is made by: the table taken apart, and what is known or learned of it."""

    n_threads: int

    def taken_apart(self, table: Any) -> Split: ...

    def target(self, parts: Split) -> Target: ...

    def columns(self, parts: Split) -> tuple[Schema, Encoded]: ...

    def weighting(self, parts: Split) -> Weighting: ...


def _task(request: Request, learner: _Learner, table: Any) -> Task:
    parts = learner.taken_apart(table)
    target = learner.target(parts)
    weight = class_weights(target, parts.weights, request.roles.class_weight)
    schema, encoded = learner.columns(parts)
    task = Task(
        parts=parts,
        schema=schema,
        target=target,
        design=design_of(encoded),
        rows=RowData(target.y, weight, parts.offset),
        intercept=request.fit_intercept,
        n_threads=learner.n_threads,
        weighting=learner.weighting(parts),
    )
    return task.with_groups(request.roles.groups)


class _New:
    """A table that nothing is known of."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.n_threads = threads(request.limits.n_threads)

    def taken_apart(self, table: Any) -> Split:
        roles = self.request.roles
        return split(
            table,
            y=roles.target,
            sample_weight=roles.weights,
            offset=roles.offset,
            exclude=roles.exclude,
            options=self.request.table,
            groups=roles.groups,
        )

    def target(self, parts: Split) -> Target:
        positive, where = self.request.roles.positive, parts.y_where
        return encode_target(parts.y_values, positive=positive, where=where, kept=parts.kept)

    def columns(self, parts: Split) -> tuple[Schema, Encoded]:
        request, options = self.request, self.request.table
        policy = Policy(
            na=options.na,
            penalised=request.penalty.penalises,
            missing=options.missing is not Missing.ERROR,
            min_count=options.min_count,
        )
        how = (policy, request.fit_intercept, request.limits.n_threads)
        return learn_any(parts.features, options.formula, parts.weights, *how)

    def weighting(self, parts: Split) -> Weighting:
        roles = self.request.roles
        return weighting_of(roles.weights_are, parts.weights, roles.class_weight)


class _Known:
    """The table of a fit."""

    def __init__(self, request: Request, fitted: Fitted) -> None:
        self.request = request
        self.fitted = fitted
        asked = request.limits.n_threads
        self.n_threads = threads(None) if asked is None else min(threads(None), asked)

    def taken_apart(self, table: Any) -> Split:
        """Only the columns that the fit has read: others may have come since."""
        roles, schema = self.request.roles, self.fitted.schema
        named = {"y": roles.target, "sample_weight": roles.weights, "offset": roles.offset}
        columns = [*schema.column_names, *(v for v in named.values() if isinstance(v, str))]
        if self.request.table.missing is Missing.DROP:  # a row went for any value that it lacked
            columns += [out.name for out in schema.left_out]
        source = read(table, columns=columns, na=schema.na, text=schema.text_names)
        options = replace(self.request.table, formula_text=None)  # the schema has its terms
        parts = split(source, options=options, **named)
        return replace(parts, origin=replace(parts.origin, given=table))

    def target(self, parts: Split) -> Target:
        """Labels, the positive one as in the fit."""
        other, positive = self.fitted.classes
        target = self._labels(parts, positive if other == f"not {positive}" else None)
        if target.soft or target.classes[1] == positive:
            return target
        return self._labels(parts, positive)

    @staticmethod
    def _labels(parts: Split, positive: Label | None) -> Target:
        where, kept = parts.y_where, parts.kept
        return encode_target(parts.y_values, positive=positive, where=where, kept=kept)

    def columns(self, parts: Split) -> tuple[Schema, Encoded]:
        return self.fitted.schema, self.fitted.schema.encode(parts.features, new=False)

    def weighting(self, parts: Split) -> Weighting:
        if self.fitted.weighting.known:
            return self.fitted.weighting
        return weighting_of(None, parts.weights, self.request.roles.class_weight)
