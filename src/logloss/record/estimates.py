"""Estimates: the polished optimum of an unpenalised fit and its covariance, a plain record.

It lies in the model file, so that a model that was loaded shows the standard errors it was saved
with. Coefficients are in the order of the table of a summary: the intercept first, where there is
one. An aliased coefficient, which is not estimable, is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import ModelFileError
from logloss.files import strict_json as js

Array = NDArray[np.float64]

INTERCEPT = "(intercept)"


@dataclass(frozen=True, eq=False)
class Robust:
    """The usual covariance of a fit, where that is no inverse information.

    Attributes
    ----------
    kind, weights : str
        Of covariance, and what the weights mean.
    matrix : ndarray of shape (k, k), float64
        NaN where aliased.
    clusters : int or None
        How many, where rows are in groups.
    """

    kind: str
    weights: str
    matrix: Array
    clusters: int | None = None


@dataclass(frozen=True, eq=False)
class Estimates:
    """The maximum of the likelihood, as exact as rounding allows.

    Attributes
    ----------
    names : tuple of str
        Of the coefficients, the intercept first where there is one.
    values : ndarray of shape (k,), float64
        On the scale of the columns as they came; NaN where aliased. On separated data the limit:
        ±∞ where that is the estimate, NaN too where either would do.
    covariance : ndarray of shape (k, k), float64
        The inverse of the information Σ s p(1−p) [x, 1][x, 1]ᵀ; NaN where aliased or infinite.
    aliases : dict of str to dict of str to float
        Aliased column → the combination of others that it equals, by name.
    loss, null_loss : float
        Weighted mean log loss (nats per row) at `values`, and of the null model (see `Fitted`).
    entropy : float
        Weighted mean of −y log y − (1−y) log(1−y): 0 where labels are hard. No loss is smaller.
    tjur : float
        The mean of p over positive rows less that over negative ones.
    weighted_rows : int
        Rows with a weight that is not zero.
    robust : Robust or None
        Where weights have no likelihood, or another was asked for in the fit.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    aliases: Mapping[str, Mapping[str, float]]
    loss: float
    null_loss: float
    entropy: float
    tjur: float
    weighted_rows: int
    robust: Robust | None = None

    @property
    def estimable(self) -> NDArray[np.bool_]:
        """Which coefficients are not aliased, shape (k,)."""
        return np.array([name not in self.aliases for name in self.names])

    @property
    def rank(self) -> int:
        """How many they are."""
        return int(self.estimable.sum())

    @property
    def intercept(self) -> bool:
        """Was one fitted? It is then the first coefficient."""
        return self.names[:1] == (INTERCEPT,)

    def to_json(self) -> dict[str, Any]:
        """Plain values: the covariance is the lower triangle of what is finite, row by row."""
        kept = np.flatnonzero(np.isfinite(self.values))
        robust = self.robust
        values = [None if math.isnan(x) else js.measure_to_json(x) for x in self.values.tolist()]
        return {
            "values": values,
            "covariance": _triangle(self.covariance, kept),
            "aliases": {name: dict(parts) for name, parts in self.aliases.items()},
            "loss": float(self.loss),
            "null_loss": float(self.null_loss),
            "entropy": float(self.entropy),
            "tjur": float(self.tjur),
            "weighted_rows": int(self.weighted_rows),
            **({} if robust is None else {"robust": _robust_to_json(robust, kept)}),
        }

    @staticmethod
    def from_json(fields: Mapping[str, Any], names: tuple[str, ...]) -> Estimates:
        """What `to_json` gave, of the coefficients `names`, the intercept first where there is one.

        Raises
        ------
        ModelFileError
            Where the lengths do not fit.
        """
        values = np.array([math.nan if x is None else x for x in fields["values"]])
        if len(values) != len(names):
            raise ModelFileError(
                "model.estimates.values: one for each coefficient is needed,"
                f" {len(names):,} in all, and there are {len(values):,}"
            )
        kept = np.flatnonzero(np.isfinite(values))
        covariance = _whole(fields["covariance"], kept, len(values), "covariance")
        robust = fields["robust"]
        if robust is not None:
            matrix = _whole(robust["matrix"], kept, len(values), "robust.matrix")
            robust = Robust(**{**robust, "matrix": matrix})
        aliases = fields["aliases"]
        js.check_known("model.estimates.aliases", names, aliases, *aliases.values())
        return Estimates(
            names, **{**fields, "values": values, "covariance": covariance, "robust": robust}
        )

    def check_finite(self, infinite: Collection[str]) -> None:
        """Raise ModelFileError where a value is missing or infinite without a reason.

        `infinite`: coefficients without a finite estimate.
        """
        for name, value in zip(self.names, self.values.tolist(), strict=True):
            if math.isfinite(value) == (name in self.aliases) and name not in infinite:
                why = "is an alias" if name in self.aliases else "is neither alias nor separated"
                raise ModelFileError(f"model.estimates.values: {name[:80]!a} {why}, with {value}")


def _triangle(matrix: Array, kept: NDArray[np.int64]) -> list[float]:
    """The lower triangle of what is finite, row by row."""
    found: list[float] = matrix[np.ix_(kept, kept)][np.tril_indices(len(kept))].tolist()
    return found


def _whole(triangle: Sequence[float], kept: NDArray[np.int64], size: int, name: str) -> Array:
    """The matrix of a triangle, NaN where it says nothing; ModelFileError where it is none."""
    rows, columns = np.tril_indices(len(kept))
    if len(triangle) != len(rows):
        raise ModelFileError(f"model.estimates.{name}: does not fit the values")
    matrix = np.full((size, size), math.nan)
    matrix[kept[rows], kept[columns]] = triangle
    matrix[kept[columns], kept[rows]] = triangle
    if not (np.diag(matrix)[kept] >= 0.0).all():
        raise ModelFileError(f"model.estimates.{name}: a variance is negative")
    return matrix


def _robust_to_json(robust: Robust, kept: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "kind": robust.kind,
        "weights": robust.weights,
        "matrix": _triangle(robust.matrix, kept),
        "clusters": robust.clusters,
    }


check_estimates = js.record(
    {
        "values": js.list_of(js.optional(js.measure)),
        "covariance": js.list_of(js.number),
        "aliases": js.mapping_of(js.mapping_of(js.number)),
        "loss": js.between(0.0),
        "null_loss": js.between(0.0),
        "entropy": js.between(0.0, math.log(2.0) * (1.0 + 1e-12)),
        "tjur": js.between(-1.0, 1.0),
        "weighted_rows": js.count,
    },
    or_none={
        "robust": js.record(
            {
                "kind": js.text,
                "weights": js.text,
                "matrix": js.list_of(js.number),
                "clusters": js.optional(js.count),
            }
        )
    },
)


@dataclass(frozen=True, eq=False)
class Findings:
    """What a summary shows beside the coefficients: one entry for each of `names` in each array.

    Attributes
    ----------
    names : tuple of str
        The intercept first where there is one.
    estimate, standard_error, z, p_value, lower, upper : ndarray of shape (k,)
        NaN where aliased.
    level : float
        Of the limits.
    covariance : str
        Where the standard errors come from, in words.
    statistics : dict
        Log-likelihood, deviance, AIC and the like, by name; None where not known.
    aliases : dict of str to dict of str to float
    notes : tuple of str
        What to know before the figures are used.
    infinite : tuple of str
        Coefficients without a finite estimate. Where either sign would do, `estimate` is NaN.
    """

    names: tuple[str, ...]
    estimate: Array
    standard_error: Array
    z: Array
    p_value: Array
    lower: Array
    upper: Array
    level: float
    covariance: str
    statistics: Mapping[str, Any]
    aliases: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...]
    infinite: tuple[str, ...] = ()
