"""The limit problem of a table in which single columns tell rows apart, fitted in place of it.

The rows that counting has told apart (counting.py) take no part in the limit of the likelihood, and
columns that are 0 on the rows that are left have no say in it. So the fit is to what is left, with
fewer columns and often a smaller Hessian; whether that has an estimate is asked as ever. What comes
of it is put back into the coordinates of the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from logloss.existence.counting import Told, told_apart
from logloss.existence.decision import is_little
from logloss.existence.direction import Cone, Direction, NullSpace, gram_over
from logloss.existence.limit import Known, Rest, Separated, fitted, reported
from logloss.numerics.algebra import own_columns, solve
from logloss.objective.base import Objective
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import RowSums
from logloss.objective.penalty import Penalty
from logloss.objective.rows import Columns
from logloss.objective.shape import Shape
from logloss.solvers.base import Result

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

_MOST_ALIASES = 3000  # coefficients among which combinations of others are looked for
_MOST_POLISHED = 2000  # to which the fit is made exact
_SHARP = 1e-9


@dataclass(frozen=True, eq=False)
class Narrowed:
    """A problem, and what is left of it.

    Attributes
    ----------
    whole : Objective
    told : Told
    kept : ndarray of shape (n_columns,), bool
        Columns that say something about the rows that are left.
    objective : Objective or None
        Of these rows and columns; None where no row is left.
    """

    whole: Objective
    told: Told
    kept: Mask
    objective: Objective | None

    @staticmethod
    def of(whole: Objective) -> Narrowed | None:
        """None where no column tells rows apart."""
        likelihood = whole.likelihood.sums()
        columns = None if likelihood is None else likelihood.by_column()
        if likelihood is None or columns is None or not whole.free_columns:
            return None
        own = likelihood.coordinates.own
        if own is not None and not all(part.alias for part in own.columns.values()):
            return None  # columns that are parts of several do not come apart
        if is_little(likelihood, np.flatnonzero(whole.penalty.free)):
            return None  # whole numbers decide at once
        told = told_apart(likelihood, whole.penalty)
        if told is None:
            return None
        left = likelihood.rows.counted & ~told.moved
        if not left.any():
            return Narrowed(whole, told, np.ones(len(told.coef), np.bool_), None)
        kept = _kept(columns, likelihood.shape, whole.penalty, left)
        return Narrowed(whole, told, kept, _without(whole, columns, kept, left))

    @property
    def likelihood(self) -> RowSums:
        """Of the whole."""
        return self.whole.sums()

    def within(self, beta: Array) -> Array:
        """A point of the whole, as one of what is left."""
        assert self.objective is not None
        coef, intercept = self.likelihood.coordinates.raw(beta)
        return _coordinates(self.objective).inner(coef[self.kept], intercept)

    def as_of_all(self, result: Result) -> Result:
        """The fit to what is left, as one of the whole."""
        assert self.objective is not None
        share = self.objective.likelihood.weight_sum / self.likelihood.weight_sum
        coef, intercept = _coordinates(self.objective).raw(result.beta)
        raw = self._spread(np.append(intercept, coef))
        history = tuple(
            replace(step, loss=share * step.loss, gap=share * step.gap) for step in result.history
        )
        return replace(
            result,
            beta=self.likelihood.coordinates.inner(raw[1:], raw[0]),
            value=share * result.value,
            gap=share * result.gap,
            history=history,
            information=None,
        )

    def beside(self, found: Separated) -> Separated:
        """The whole, where more rows are told apart among those that are left."""
        rest = found.rest
        if rest is not None:
            rest = replace(rest, columns=np.flatnonzero(self.kept))
        full = [reported(found.cone, found.cone.full(b)) for b in found.null.basis.T]
        return self.separated(rest, found, [*full, *self.open_ones(found.cone)])

    def separated(
        self, rest: Rest | None, found: Separated | None, open_ones: list[Array]
    ) -> Separated:
        """What is known of the whole.

        Parameters
        ----------
        rest : Rest or None
            The fit to what is left.
        found : Separated or None
            What tells more rows apart among these.
        open_ones : list of ndarray of shape (1 + the columns that are left,)
            Combinations of their coefficients that they say nothing of, the intercept first.
        """
        like, where = self.likelihood, self.likelihood.coordinates
        raw, moved = self._direction(found)
        null = [*self._unseen(rest), *map(self._spread, open_ones)]
        null.sort(key=lambda v: int(np.flatnonzero(v).max(initial=0)))  # later ones are made up
        inner = np.array(
            [where.inner(v[1:], v[0]) if where.intercept else where.inner(v[1:], 0.0) for v in null]
        )
        own = self._own(inner, moved)
        null = [v for v, kept in zip(null, own, strict=True) if kept]
        known = Known(raw, (np.array(null) != 0.0).any(axis=0))
        free = self._free(rest, known.endless)
        cone = Cone(like, free, np.zeros((0, 0)), self.whole.penalty)
        d = where.inner(raw[1:], raw[0])
        basis = NullSpace(inner[own][:, free].T, np.zeros((0, 0)))
        return Separated(Direction(d, moved, like.along(d)), cone, basis, rest, known)

    def _direction(self, found: Separated | None) -> tuple[Array, Mask]:
        """Of counting, and of what was found among the rows that it left."""
        like, told = self.likelihood, self.told
        raw, moved = np.append(told.intercept, told.coef), told.moved
        if found is None:
            return raw, moved
        along = like.along(like.coordinates.inner(told.coef, told.intercept))
        least = float(np.abs(along[moved]).min())
        most = float(np.abs(found.direction.along[moved]).max(initial=0.0))
        share = min(1.0, 0.5 * least / most) if most > 0.0 else 1.0
        return raw + share * self._spread(found.along), moved | found.direction.moved

    def _own(self, null: Array, moved: Mask) -> Mask:
        """Which vectors of a null space of the rows that are left some other row tells apart."""
        every = np.arange(self.likelihood.shape.size)
        if not 0 < len(null) <= _MOST_ALIASES:
            return np.ones(len(null), np.bool_)
        import scipy.sparse as sp

        gram = gram_over(self.likelihood, self.likelihood.rows.counted & moved, every)
        few = sp.csr_array(null)  # mostly one column each
        seen = few @ np.ascontiguousarray((few @ gram).T)
        return own_columns(seen)

    def _free(self, rest: Rest | None, endless: Mask) -> Indices:
        """Unpenalised coefficients that the rows that are left know of, or none do; increasing."""
        free = self.whole.penalty.free.copy()
        free &= np.append(endless[1:], endless[:1])[: len(free)]
        if rest is not None:
            n = len(self.kept)
            places = np.append(np.flatnonzero(self.kept), n)[rest.cone.free]
            free[places] = True
        return np.flatnonzero(free)

    def _unseen(self, rest: Rest | None) -> list[Array]:
        """Unit vectors of coefficients that no row which is left has; all, where none is left."""
        n, has_intercept = len(self.kept), self.likelihood.shape.has_intercept
        alone = np.append(has_intercept and rest is None, ~self.kept | (rest is None))
        alone[1:] &= self.whole.penalty.free[:n]
        return list(np.eye(len(alone))[alone])

    def _spread(self, values: Array) -> Array:
        """Of the intercept and the columns that are left, as of all."""
        out = np.zeros(1 + len(self.kept))
        out[0], out[1:][self.kept] = values[0], values[1:]
        return out

    def rest_of(self, cone: Cone, result: Result, tol: float, proven: bool) -> Rest:
        """The fit to what is left, where nothing tells more rows apart."""
        assert self.objective is not None
        objective, columns = self.objective, np.flatnonzero(self.kept)
        if objective.n_coefficients <= _MOST_POLISHED and proven:
            return replace(fitted(objective, result.beta, tol, cone, proven=True), columns=columns)
        information = None
        if objective.n_coefficients <= _MOST_POLISHED:
            information = objective.hessian(result.beta) * cone.likelihood.weight_sum
        value, loss = result.value, result.value - objective.penalty.value(result.beta)
        found = (cone, result.beta, result.gap, information, proven, value, loss)
        return Rest(*found, columns)

    def open_ones(self, cone: Cone) -> list[Array]:
        """Combinations of coefficients that make up others on the rows that are left, not on all.

        `cone`: the columns of what is left that others do not make up.
        """
        assert self.objective is not None
        objective, where = self.objective, cone.likelihood.coordinates
        aliases = np.setdiff1d(np.flatnonzero(objective.penalty.free), cone.free)
        if not len(aliases) or objective.n_coefficients > _MOST_ALIASES:
            return []
        every = np.sort(np.concatenate([cone.free, aliases]))
        hessian = cone.likelihood.hessian(np.zeros(objective.n_coefficients), every)
        own = np.searchsorted(every, cone.free)
        found = []
        for j in aliases:
            vector = np.zeros(objective.n_coefficients)
            there = hessian[own, np.searchsorted(every, j)]
            vector[cone.free] = solve(hessian[np.ix_(own, own)], there)[0]
            vector[j] = -1.0
            vector[np.abs(vector) < _SHARP] = 0.0
            coef, intercept = where.raw(vector)
            size = float(np.abs(where.center * coef).sum()) + 1.0
            found.append(np.append(intercept if abs(intercept) > _SHARP * size else 0.0, coef))
        return found


def _kept(columns: Columns, shape: Shape, penalty: Penalty, left: Mask) -> Mask:
    """Columns that are not 0 on all rows that are left, or may not be 0 themselves."""
    lower, upper = penalty.lower[shape.slopes], penalty.upper[shape.slopes]
    kept: Mask = columns.filled(left) | (lower > 0.0) | (upper < 0.0)
    if not (kept.any() or shape.has_intercept):
        kept[0] = True  # a fit of nothing is none
    return kept


def _without(whole: Objective, columns: Columns, kept: Mask, left: Mask) -> Objective:
    """The problem of some rows and columns; what it leaves out is of the same scale."""
    like, pen = whole.sums(), whole.penalty
    weight = np.where(left, like.rows.weights, 0.0)
    rest = columns.kept(kept, weight)
    more = like.weight_sum / rest.weight_sum
    which = np.flatnonzero(like.shape.joined(kept, True))
    few = pen.of(which)
    penalty = few.scaled(more)
    return replace(whole, likelihood=rest, penalty=penalty)


def _coordinates(objective: Objective) -> Coordinates:
    return objective.sums().coordinates
