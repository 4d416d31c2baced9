"""What is said of separated data, and how far along the direction a fit ends (limit.py)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import bce_with_logits
from logloss.existence.limit import Rest, Separated, undetermined
from logloss.numerics.algebra import inverse_factor
from logloss.objective.penalty import Penalty
from logloss.record.estimates import INTERCEPT
from logloss.record.separation import Kind, Separation

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FIRST = 10
_FARTHEST = 1e7  # log odds to which a coefficient that has no finite estimate is taken


def far_along(found: Separated, goal: float) -> tuple[Array, float]:
    """β̂ + c d with a gap below `goal` (where numbers reach that far), and that gap."""
    cone, direction = found.cone, found.direction
    rows, moved = cone.likelihood.rows, direction.moved
    beta = _at(found)
    at = cone.likelihood.along(beta)
    at = at if rows.offset is None else at + rows.offset
    sign = cone.sign[moved]
    total = cone.likelihood.weight_sum
    wanted = math.log(1.0 / min(max(goal, 1e-300), 0.5)) + 2.0
    speed = sign * direction.along[moved]
    there = speed > 0.0  # but for rounding, where rows move very little beside others
    c = float(np.max((wanted - sign * at[moved])[there] / speed[there], initial=0.0))
    c = min(c, _FARTHEST / float(speed.max(initial=1e-300)))
    z = at[moved] + c * direction.along[moved]
    weight = None if rows.weight is None else rows.weight[moved]
    loss = np.asarray(bce_with_logits(rows.y[moved], z, reduction="none"))
    lost = float(loss.sum() if weight is None else (weight * loss).sum())
    gap = lost / total
    if found.rest is not None:
        gap += found.rest.gap * found.rest.cone.likelihood.weight_sum / total
    return beta + c * direction.d, gap


def _at(found: Separated) -> Array:
    """β̂; 0 where no row is left."""
    if found.rest is None:
        return np.zeros_like(found.direction.d)
    where = found.cone.likelihood.coordinates
    return where.inner(*found.rest.raw(len(where.center)))


def verdict(found: Separated, names: tuple[str, ...]) -> Separation:
    """What is to be said where a direction was found.

    Parameters
    ----------
    names : tuple of str
        Of the coefficients, without the intercept.
    """
    cone, direction = found.cone, found.direction
    labels = (INTERCEPT, *names)
    along = found.along
    along = along / np.abs(along).max()
    endless = undetermined(found)
    infinite = np.where(along == 0.0, np.nan, np.copysign(np.inf, along))
    estimates, covariance = _limit(found, endless, infinite)
    errors = np.where(endless, np.inf, np.sqrt(np.diag(covariance)))
    skipped = 0 if cone.likelihood.shape.has_intercept else 1
    which = [k for k in range(skipped, len(labels)) if endless[k]]
    kind = Kind.COMPLETE if found.rest is None else Kind.QUASI
    rows = np.flatnonzero(direction.moved)
    known = (
        "A direction that moves the log odds of no row away from its label, checked on all rows"
        + ("." if found.rest is None else "; the rows that it does not move have a finite estimate")
    )
    if found.rest is not None:
        known += ", which a dual point proves." if found.rest.proven else ", as far as is known."
    return Separation(
        exists=False,
        kind=kind,
        proof=known,
        direction={labels[k]: float(along[k]) for k in range(len(labels)) if along[k] != 0.0},
        columns={labels[k]: float(infinite[k]) for k in which},
        rows=len(rows),
        first_rows=tuple(rows[:_FIRST].tolist()),
        estimates=dict(zip(labels[skipped:], estimates[skipped:].tolist(), strict=True)),
        standard_errors=dict(zip(labels[skipped:], errors[skipped:].tolist(), strict=True)),
        loss=_infimum(found),
        covariance=covariance[skipped:, skipped:],
    )


def _infimum(found: Separated) -> float | None:
    """What the log loss tends to; None beside a penalty."""
    if _is_penalised(found.cone.penalty):
        return None
    if found.rest is None:
        return 0.0
    share = found.rest.cone.likelihood.weight_sum / found.cone.likelihood.weight_sum
    return found.rest.loss * share


def _is_penalised(penalty: Penalty) -> bool:
    return not penalty.smooth or bool(penalty.l2.any())


def _limit(found: Separated, endless: Mask, infinite: Array) -> tuple[Array, Array]:
    """Estimates and their covariance, intercept first."""
    cone = found.cone
    where = cone.likelihood.coordinates
    estimates, covariance = np.empty(len(endless)), np.full((len(endless),) * 2, np.nan)
    estimates[:] = 0.0
    if found.rest is not None:
        estimates[1:], estimates[0] = found.rest.raw(len(where.center))
    penalised = _is_penalised(cone.penalty)
    if found.rest is not None and not penalised:
        covariance = _covariance(found.rest, covariance)
    known = np.zeros(len(endless), np.bool_)
    known[0] = where.intercept
    known[1:][cone.free[cone.free < len(where.center)]] = True
    aliased = np.zeros_like(known)
    if not penalised:  # whole numbers do not know of combinations that hold but for rounding
        aliased = ~known | (np.diag(covariance) == 0.0)
    estimates[aliased] = np.nan
    estimates[endless] = infinite[endless]
    gone = aliased | endless
    covariance[gone] = covariance[:, gone] = np.nan
    return estimates, covariance


def _covariance(rest: Rest, unknown: Array) -> Array:
    """That of the fit to the rows that are left, intercept first; aliases of others get 0."""
    if rest.information is None:
        return unknown
    where = rest.cone.likelihood.coordinates
    free = rest.cone.free
    inverse = np.zeros_like(rest.information)
    inverse[np.ix_(free, free)] = inverse_factor(rest.information[np.ix_(free, free)])[0]
    raw = inverse @ where.jacobian().T  # T, in the units of the columns
    ones = raw[:, -1] if where.intercept else np.zeros(len(inverse))
    factor = np.column_stack([ones, raw[:, : len(where.center)]])
    covariance: Array = factor.T @ factor
    if rest.columns is None:
        return covariance
    whole = np.zeros_like(unknown)
    places = np.append(0, rest.columns + 1)
    whole[np.ix_(places, places)] = covariance
    return whole
