"""Tests of terms: does the model need a column, all levels of a categorical together?

Likelihood ratio: 2 Σs (L₀ − L) for the fit without the term, refitted from where the parabola of
the full fit puts it; χ² with as many degrees of freedom as the rank falls (R's drop1). Wald:
β_tᵀ V_tt⁻¹ β_t, which needs no other fit and is worse where estimates are large. Terms of formulas
are tested without those that they are a part of (terms.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from logloss.errors import DataError, UsageError
from logloss.inference.optimum import Curvature
from logloss.numerics.algebra import dot, solve
from logloss.numerics.distributions import chi_squared

if TYPE_CHECKING:
    from logloss.inference.optimum import Optimum
    from logloss.inference.terms import Fall, Hypothesis
    from logloss.record.estimates import Estimates
    from logloss.record.fitted import Fitted

Array = NDArray[np.float64]

_ENOUGH = 1e-10  # twice the log-likelihood that is left to gain
_ROUNDING = 1e-14  # the same as a share of all of it
_KEEPS = 0.1  # a step with a kept Hessian shrinks what is left so far, or a new one is taken
_MOST_STEPS = 200
_LEAST_SHARE = 1e-6


@final
@dataclass(frozen=True)
class TermTest:
    """The test of one term."""

    term: str
    df: int
    statistic: float
    p_value: float


def likelihood_ratio_tests(
    optimum: Optimum, names: Sequence[str], terms: Sequence[Hypothesis]
) -> list[TermTest]:
    """Each term against the fit without it. Reads: about five for each, ten with relatives."""
    place = {name: j for j, name in enumerate(names)}

    @cache
    def fall(gone: tuple[str, ...]) -> tuple[float, int]:
        loss, rank = without(optimum, np.array([place[name] for name in gone], dtype=np.int64))
        return optimum.drop(loss), optimum.rank - rank

    return [tested(term, fall) for term in terms]


def tested(term: Hypothesis, fall: Fall) -> TermTest:
    """One term; no p-value where there is no degree of freedom."""
    statistic, df = term.fall(fall)
    return TermTest(term.name, df, statistic, chi_squared(statistic, df))


def without(optimum: Optimum, gone: NDArray[np.int64]) -> tuple[float, int]:
    """The loss, and the rank, of the fit in which these coefficients are 0."""
    if optimum.coordinates.own is not None:
        return _held_at_zero(optimum, gone)
    objective, shape = optimum.objective, optimum.objective.likelihood.shape
    free = np.setdiff1d(np.arange(shape.size), gone)
    hessian = objective.hessian(optimum.beta)
    curvature = Curvature.of(hessian[np.ix_(free, free)], free, shape)
    beta = optimum.beta.copy()
    beta[gone] = 0.0
    beta += curvature.solve(hessian[:, gone] @ optimum.beta[gone])
    beta[gone] = 0.0
    twice, left = 2.0 * objective.likelihood.weight_sum, math.inf
    value, gradient = objective.value_gradient(beta)
    for _ in range(_MOST_STEPS):
        step = curvature.solve(gradient)
        last, left = left, twice * 0.5 * dot(gradient, step)
        if left <= max(_ENOUGH, _ROUNDING * twice * value):
            return value - left / twice, len(curvature.kept)
        if not left <= _KEEPS * last or math.isinf(last):
            found = Curvature.of(objective.hessian(beta, free), free, shape)
            curvature = found if len(found.kept) == len(curvature.kept) else curvature
            step = curvature.solve(gradient)
        share, start = 1.0, value
        value, gradient = objective.value_gradient(beta - step)
        while not value < start and share > _LEAST_SHARE:
            share /= 4.0
            value, gradient = objective.value_gradient(beta - share * step)
        beta = beta - share * step
        if share <= _LEAST_SHARE:
            return min(start, value), len(curvature.kept)
    raise DataError(
        "the fit without a term was not found: there may be none",
        "take method='wald', or add a penalty (such as C=1)",
    )


def _held_at_zero(optimum: Optimum, gone: NDArray[np.int64]) -> tuple[float, int]:
    """The same where columns are own parts, so that coefficients are combinations of inner ones.

    Newton's method on the subspace of those that make them 0, spanned by an orthonormal basis.
    """
    objective, where = optimum.objective, optimum.coordinates
    held = where.jacobian()[gone].T
    basis = np.linalg.qr(held / np.linalg.norm(held, axis=0), mode="complete")[0][:, len(gone) :]
    twice, phi = 2.0 * objective.likelihood.weight_sum, basis.T @ optimum.beta
    value, gradient = objective.value_gradient(basis @ phi)
    for _ in range(_MOST_STEPS):
        hessian = basis.T @ objective.hessian(basis @ phi) @ basis
        step, rank = solve(0.5 * (hessian + hessian.T), basis.T @ gradient)
        left = twice * 0.5 * dot(basis.T @ gradient, step)
        if left <= max(_ENOUGH, _ROUNDING * twice * value):
            return value - left / twice, rank
        share, start = 1.0, value
        while share > _LEAST_SHARE:
            value, gradient = objective.value_gradient(basis @ (phi - share * step))
            if value < start:
                break
            share /= 4.0
        else:
            return start, rank
        phi = phi - share * step
    raise DataError(
        "the fit without a term was not found: there may be none",
        "take method='wald', or add a penalty (such as C=1)",
    )


def wald_tests(
    names: Sequence[str], values: Array, covariance: Array, terms: Sequence[Hypothesis]
) -> list[TermTest]:
    """Each term by its estimates and their covariance; aliases are left out."""
    place = {name: j for j, name in enumerate(names)}

    def fall(gone: tuple[str, ...]) -> tuple[float, int]:
        at = np.array([place[name] for name in gone if not math.isnan(values[place[name]])], int)
        block = covariance[np.ix_(at, at)]
        return (float(values[at] @ np.linalg.solve(block, values[at])) if len(at) else 0.0), len(at)

    return [tested(term, fall) for term in terms]


def tests_table(tests: Sequence[TermTest]) -> Any:
    """A pyarrow.Table of term, df, statistic, p_value; null where there is no degree of freedom."""
    import pyarrow as pa

    return pa.table(
        {
            "term": pa.array([one.term for one in tests], pa.string()),
            "df": pa.array([one.df for one in tests], pa.int64()),
            "statistic": pa.array([one.statistic for one in tests], pa.float64()),
            "p_value": pa.array([one.p_value for one in tests], pa.float64(), from_pandas=True),
        }
    )


def nested(smaller: tuple[Fitted, Estimates], larger: tuple[Fitted, Estimates]) -> TermTest:
    """Likelihood ratio of two fits to the same rows, one a part of the other (see nesting.py).

    Raises
    ------
    UsageError
        Where they are not.
    """
    (few, less), (many, more) = smaller, larger
    _check_same_rows(few, many)
    df = more.rank - less.rank
    statistic = max(0.0, 2.0 * many.weight_sum * (less.loss - more.loss))
    return TermTest("", df, statistic, chi_squared(statistic, df))


def _check_same_rows(one: Fitted, other: Fitted) -> None:
    """Likelihoods compare on the same rows only: equal labels, weights, offsets, in one order."""
    sums = (one.n_rows, one.weight_sum, one.positive_share)
    known = one.rows is not None and other.rows is not None
    if one.rows is not None and other.rows is not None:
        differences = one.rows.differences(other.rows)
    else:
        same = np.allclose(sums, (other.n_rows, other.weight_sum, other.positive_share), 1e-12, 0.0)
        differences = [] if same else ["other rows or weights"]
    if differences:
        raise UsageError(
            f"the models were fitted to other rows: {', '.join(differences)}",
            "fit both to the same rows in the same order, with the same weights and offset",
        )
    if not known:
        raise UsageError(
            "it is not known whether the models were fitted to the same rows: the file of one was"
            " written before that was kept",
            "model.attach(table) finds it out",
        )
