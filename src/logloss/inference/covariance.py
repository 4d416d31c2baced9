"""Covariance of the estimates: from the information, or robust.

    hessian   V = (Σs H)⁻¹, Σs H = Σ s q [x, 1][x, 1]ᵀ
    HC0       V M V, M = Σ s r² [x, 1][x, 1]ᵀ            (White, Econometrica 48, 1980)
    HC1       the same times n / (n − k)
    cluster   V M V, M = Σ_c g gᵀ, g = Σ_{i∈c} s r [x, 1], times G/(G−1) · (n−1)/(n−k)

with q = p(1−p), r = p − y, k estimable coefficients, G clusters. HC1 is that of
R's sandwich (statsmodels leaves its factor out for Logit and GLM), cluster that of statsmodels and
Stata.

What a weight means decides on n and on the sums: see weighting.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from logloss.checks import one_of
from logloss.errors import DataError, UsageError
from logloss.inference.kinds import INFINITE, MAKE_FINITE, EstimateKind, Refusal, Refusals
from logloss.inference.optimum import raw_matrix
from logloss.objective.likelihood import Groups
from logloss.record.weighting import MEANINGS, Meaning

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum
    from logloss.record.evidence import Evidence

Array = NDArray[np.float64]

_FIRTH = Refusal(
    "Firth's penalty has the usual variance: no robust covariance, and frequency weights only",
    "take the usual covariance, or fit without firth=True",
)
NO_ROBUST: Refusals = {
    EstimateKind.SEPARATED: Refusal(INFINITE + "there is no robust covariance", MAKE_FINITE),
    EstimateKind.FIRTH: _FIRTH,
}
NO_VARIANCE_WEIGHTS: Refusals = {EstimateKind.FIRTH: _FIRTH}


@final
@dataclass(frozen=True, eq=False)
class Covariance:
    """Of the estimates, as `Model.covariance` returns it.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients, the intercept first where there is one.
    matrix : ndarray of shape (k, k), float64
        NaN where aliased.
    kind, weights : str
        What was asked for.
    clusters : int or None
        Groups with rows that count.
    """

    names: tuple[str, ...]
    matrix: Array
    kind: str
    weights: str
    clusters: int | None = None

    @cached_property
    def standard_errors(self) -> Array:
        """Shape (k,); NaN where aliased."""
        errors: Array = np.sqrt(np.diag(self.matrix))
        return errors

    @cached_property
    def table(self) -> Any:
        """A pyarrow.Table with the column name, and one for each coefficient."""
        import pyarrow as pa

        columns = {"name": pa.array(self.names, pa.string())}
        for name, column in zip(self.names, self.matrix.T, strict=True):
            columns[name if name != "name" else "name_"] = pa.array(column, from_pandas=True)
        return pa.table(columns)


@final
@dataclass(frozen=True, eq=False)
class Inputs:
    """What a covariance is computed from."""

    evidence: Evidence
    optimum: Optimum
    weights: Meaning
    groups: Groups | None

    @property
    def n(self) -> float:
        rows = self.evidence.rows
        if rows.weight is None or self.weights.counts:
            return rows.total()
        return float(np.count_nonzero(rows.weight))

    def sandwich(self) -> Array:
        """V M V, in inner coordinates, as Tᵀ (T M Tᵀ) T: of these no part is large."""
        optimum = self.optimum
        meat = self._meat()
        order, factor = optimum.curvature.order, optimum.curvature.factor / optimum.weight_sum
        inner = optimum.curvature.factor @ meat[np.ix_(order, order)] @ optimum.curvature.factor.T
        out = np.zeros_like(meat)
        out[np.ix_(order, order)] = factor.T @ ((inner + inner.T) / 2.0) @ factor
        return out

    def _meat(self) -> Array:
        """M: Σ s r² xxᵀ or Σ s² r² xxᵀ over the rows, or Σ g gᵀ over groups, g = Σ s r x."""
        likelihood = self.optimum.objective.sums("a robust covariance")
        rows = likelihood.rows
        r = rows.bernoulli(likelihood.log_odds(self.optimum.beta))[1]
        if self.groups is not None:
            return likelihood.group_gram(rows.weights * r, self.groups)
        s = rows.weights * rows.weights if self.weights.squared else rows.weights
        return likelihood.gram(s * r * r)

    def spare(self, less: float = 0.0) -> float:
        """(n − less)/(n − k); an error where nothing is left."""
        left = self.n - self.optimum.rank
        if not left > 0.0:
            raise DataError(
                f"n − k is not positive: n is {self.n:g}, and k, the coefficients that are"
                f" estimated, is {self.optimum.rank}",
                "kind='HC0' has no such factor",
            )
        return (self.n - less) / left


def _hessian(inputs: Inputs) -> Array:
    return inputs.optimum.covariance


def _hc0(inputs: Inputs) -> Array:
    return inputs.sandwich()


def _hc1(inputs: Inputs) -> Array:
    return inputs.sandwich() * inputs.spare()


def _cluster(inputs: Inputs) -> Array:
    if inputs.groups is None:
        raise UsageError("kind='cluster' needs groups", "give groups=, one label per row")
    used = clusters_of(inputs.groups, inputs.evidence)
    if used < 2:
        raise DataError("groups has one group only", "a clustered covariance needs two at least")
    return inputs.sandwich() * (used / (used - 1.0)) * inputs.spare(1.0)


def clusters_of(groups: Groups, evidence: Evidence) -> int:
    """Groups with rows that count."""
    weight, of_row = evidence.rows.weight, groups.of_row
    return len(np.unique(of_row if weight is None else of_row[weight > 0.0]))


KINDS: Mapping[str, Callable[[Inputs], Array]] = {
    "hessian": _hessian,
    "HC0": _hc0,
    "HC1": _hc1,
    "cluster": _cluster,
}
_NEEDS_NO_GROUPS = KINDS.keys() - {"cluster"}


def is_robust(kind: str) -> bool:
    """Is a kind of covariance any but the inverse information?"""
    return KINDS[kind] is not _hessian


def check_choice(kind: str | None, groups: Any) -> str | None:
    """The kind that groups need, or that is asked for; UsageError where they do not fit."""
    if kind is None:
        return None if groups is None else "cluster"
    one_of("covariance", kind, KINDS)
    if groups is not None and kind in _NEEDS_NO_GROUPS:
        raise UsageError(f"covariance={kind!r} has no groups", "give 'cluster', or no groups")
    if groups is None and kind not in _NEEDS_NO_GROUPS:
        raise UsageError("covariance='cluster' needs groups", "give groups=, one label per row")
    return kind


def weights_named(weights: str) -> Meaning:
    """What the weights of rows mean, by name."""
    return one_of("weights", weights, MEANINGS)


def kind_named(kind: str | None, groups: Any, weights: str) -> str:
    """The kind of covariance: that asked for, if there is one of the name, or the usual one."""
    meaning = weights_named(weights)
    if kind is not None:
        if one_of("kind", kind, KINDS) is _hessian and not meaning.likelihood:
            raise UsageError(
                "sampling weights have no likelihood, so the Hessian says nothing of the variance",
                "take kind='HC1', 'HC0' or 'cluster'; or say in the fit what the weights are"
                " (weights_are='frequency' or 'variance')",
            )
        return kind
    return meaning.default if groups is None else "cluster"


def robust_covariance(
    evidence: Evidence,
    optimum: Optimum,
    names: tuple[str, ...],
    kind: str,
    groups: Any,
    weights: str,
) -> Covariance:
    """As it is shown, the intercept first; NaN for aliases. One read."""
    found = None if groups is None else groups_of(groups, evidence)
    raw = raw_covariance(evidence, optimum, kind, found, weights)
    clusters = None if found is None else clusters_of(found, evidence)
    return Covariance(names, masked(raw, optimum), kind, weights, clusters)


def raw_covariance(
    evidence: Evidence, optimum: Optimum, kind: str, groups: Any, weights: str
) -> Array:
    """The covariance in the order of the solvers, of the coefficients as they are reported.

    Reads: none for "hessian", else one.
    """
    compute = one_of("kind", kind, KINDS)
    if groups is not None and kind in _NEEDS_NO_GROUPS:
        raise UsageError(f"kind={kind!r} has no groups", "give kind='cluster', or no groups")
    found = None if groups is None else groups_of(groups, evidence)
    inner = compute(Inputs(evidence, optimum, weights_named(weights), found))
    return raw_matrix(evidence.coordinates, inner)


def groups_of(groups: Any, evidence: Evidence) -> Groups:
    """Groups by labels, one a row, or by the name of a column of the table; or as they are."""
    if isinstance(groups, Groups):
        return groups
    return Groups(*evidence.origin.groups(groups, evidence.rows.weight))


def first_to_last(intercept: bool, n: int) -> NDArray[np.int64]:
    """Positions of the coefficients as they are shown, the intercept first, among the solvers'."""
    order = np.arange(n)
    return np.roll(order, 1) if intercept else order


def masked(matrix: Array, optimum: Optimum) -> Array:
    """The covariance as it is shown: the intercept first, NaN for aliases."""
    out = np.full_like(matrix, math.nan)
    kept = optimum.curvature.kept
    out[np.ix_(kept, kept)] = matrix[np.ix_(kept, kept)]
    order = first_to_last(optimum.objective.likelihood.shape.has_intercept, len(matrix))
    return out[np.ix_(order, order)]
