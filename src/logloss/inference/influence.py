"""Influence: which rows a fit hangs on, from one Hessian and one read for all of them.

At the minimum, with r = p − y, q = p(1 − p), h_i = x_iᵀM⁻¹x_i (see leverage.py) and k the weight
that is left out with a row (1 where weights count equal rows, else its own), one Newton step of the
fit without it gives (Pregibon, Ann. Stat. 9, 1981; for penalised fits Rahnama Rad & Maleki, J. R.
Stat. Soc. B 82, 2020)

    β − β₍ᵢ₎ = −M⁻¹x k r / (1 − H),   H = k q h   (the leverage: the diagonal of the hat matrix)
    z₍ᵢ₎ = z + k r h / (1 − H)        (what the others say of the row)
    D = (β − β₍ᵢ₎)ᵀM(β − β₍ᵢ₎)/df = k² r² h / ((1 − H)² df)   (Cook's distance)

df is the rank of M, or ΣH where coefficients are penalised. Standardised residuals are those of
Pearson, √k (y − p)/√q, and of the deviance, ±√(2k·loss), over √(1 − H). dfbetas: (β − β₍ᵢ₎)_j over
√(M⁻¹)_jj, which without a penalty is the standard error. For dfbeta(s), R's `glm` puts deviance
residuals where the score stands here.

The fit may stop short of the minimum by what its certificate allows; Newton steps on the free
coefficients end at it first, so that all this agrees with other programs to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import bce_with_logits, sigmoid
from logloss.checks import whole
from logloss.errors import UsageError, nearest
from logloss.inference.leverage import left_out_weight, minimum_near, whole_rows
from logloss.record.estimates import INTERCEPT
from logloss.record.proof import Status
from logloss.report.figures import aligned, columns, figure, visible
from logloss.table.columns.rows import row_values

if TYPE_CHECKING:
    from logloss.record.evidence import Evidence
    from logloss.record.fitted import Fitted

Array = NDArray[np.float64]
Positions = NDArray[np.int64]

_FAR = 0.25  # a move of the log odds beyond which one Newton step is not trusted
_SHOWN = 10  # rows in the text


@final
@dataclass(frozen=True, eq=False)
class Influence:
    """What each row does to a fit. Prints as the rows of largest Cook's distance.

    All arrays have shape (n_rows,). Probabilities are those of the fit, before a correction for a
    prior.

    Attributes
    ----------
    names : tuple of str
        The coefficients, the intercept last where there is one.
    degrees_of_freedom : float
    leverages : ndarray
        H in [0, 1]; they sum to `degrees_of_freedom` where rows have weight 1.
    log_odds, loo_log_odds : ndarray
        z, and nearly z of the fit without the row.
    log_loss, loo_log_loss : float
        Mean log loss, and nearly that of each row under the fit to the others (nats).
    poor : int
        Rows whose log odds move by more than 0.25 without them: the step is rough there.
    certified : bool
        Whether the fit is. If not, all this is about the point where it stopped.
    """

    names: tuple[str, ...]
    degrees_of_freedom: float
    leverages: Array
    log_odds: Array
    loo_log_odds: Array
    log_loss: float
    loo_log_loss: float
    poor: int
    certified: bool
    _counts: bool
    _evidence: Evidence
    _classes: tuple[Any, Any]
    _moving: Positions
    _factor: Array

    def __len__(self) -> int:
        return len(self.leverages)

    @property
    def probabilities(self) -> Array:
        """P(positive) of each row under the fit to all."""
        return np.asarray(sigmoid(self.log_odds))

    @property
    def loo_probabilities(self) -> Array:
        """P(positive) of each row under the fit to the others, nearly."""
        return np.asarray(sigmoid(self.loo_log_odds))

    @cached_property
    def cooks_distance(self) -> Array:
        """D; inf for a row that alone decides a coefficient."""
        _, r, _ = self._sums
        k, h, left = self._counted, self._raw_leverages, 1.0 - self.leverages
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = (k * r) ** 2 * h / (left * left * self.degrees_of_freedom)
        return np.where(left <= 0.0, math.inf, distance)

    @cached_property
    def pearson_residuals(self) -> Array:
        """Standardised Pearson residuals, √k (y − p)/√(q (1 − H))."""
        _, r, q = self._sums
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.sqrt(self._counted) * r / np.sqrt(q * (1.0 - self.leverages))

    @cached_property
    def deviance_residuals(self) -> Array:
        """Standardised deviance residuals: the sign of y − p, times √(2k·loss/(1 − H))."""
        loss, r, _ = self._sums
        y = self._evidence.rows.y
        if ((y > 0.0) & (y < 1.0)).any():
            with np.errstate(divide="ignore"):
                least = bce_with_logits(y, np.log(y) - np.log1p(-y), reduction="none")
            loss = np.maximum(loss - least, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.sign(r) * np.sqrt(2.0 * self._counted * loss / (1.0 - self.leverages))

    def dfbeta(self, name: str, standardized: bool = False) -> Array:
        """How far each row pulls one coefficient: β − β₍ᵢ₎, shape (n_rows,). One read.

        Parameters
        ----------
        name : str
            Of a coefficient, or "(intercept)".
        standardized : bool
            Over its standard error (of a penalised fit: √(M⁻¹)_jj).
        """
        if name not in self.names:
            near = nearest(name, self.names)
            raise UsageError(
                f"there is no coefficient {name!r}", f"did you mean {near!r}?" if near else None
            )
        j, rows = self.names.index(name), self._evidence.objective.sums("influence")
        moves: Array = rows.along(self._direction(j)) * self._multiplier
        return self._over_error(moves, j) if standardized else moves

    def dfbetas(self, rows: Any, standardized: bool = True) -> Array:
        """How far these rows pull each coefficient, shape (len(rows), len(names)).

        Parameters
        ----------
        rows : array_like of int
            Row numbers. All of them, `range(n)`, make an array of n × d.
        standardized : bool
            Over standard errors (dfbetas); else in the units of the coefficients (dfbeta).
        """
        chosen = np.asarray(list(rows), dtype=np.int64)
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise UsageError(f"rows are numbered from 0 to {len(self) - 1}")
        out = np.zeros((len(chosen), len(self.names)))
        if not chosen.size:
            return out
        directions = np.column_stack([self._direction(j) for j in range(len(self.names))])
        with np.errstate(invalid="ignore"):  # where the limit has no curvature left
            along = self._evidence.objective.sums("influence").along(directions, chosen)
            moves = along * self._multiplier[chosen, np.newaxis]
        for j in range(len(self.names)):
            out[:, j] = self._over_error(moves[:, j], j) if standardized else moves[:, j]
        return out

    def top(self, k: int = 10, by: str = "cook") -> Any:
        """Return the rows of most influence, with their values, as a pyarrow.Table.

        Parameters
        ----------
        k : int
            How many.
        by : {"cook", "leverage", "shift", "residual"}
            Cook's distance; leverage; how far the log odds move without the row; the deviance
            residual.

        Returns
        -------
        pyarrow.Table
            row (from 0), place, label, probability, loo_probability, leverage, cook, pearson,
            deviance, shift, dfbetas (the largest) and of which coefficient; then the columns of
            the row as they came.
        """
        import pyarrow as pa

        rows = self._largest(whole("k", k), by)
        e, y = self._evidence, self._evidence.rows.y[rows]
        hard = bool(((y == 0.0) | (y == 1.0)).all())
        pulls = self.dfbetas(rows)
        most = np.argmax(np.abs(pulls), axis=1) if pulls.size else np.zeros(len(rows), np.int64)
        labels = self._classes if len(set(map(type, self._classes))) == 1 else _texts(self._classes)
        measures: dict[str, Any] = {
            "row": rows,
            "place": [e.features.place(int(row)) for row in rows],
            "label": [labels[int(one)] for one in y] if hard else y,
            "probability": self.probabilities[rows],
            "loo_probability": self.loo_probabilities[rows],
            "leverage": self.leverages[rows],
            "cook": self.cooks_distance[rows],
            "pearson": self.pearson_residuals[rows],
            "deviance": self.deviance_residuals[rows],
            "shift": self.loo_log_odds[rows] - self.log_odds[rows],
            "dfbetas": np.take_along_axis(pulls, most[:, np.newaxis], 1)[:, 0],
            "of": [self.names[j] for j in most],
        }
        if e.rows.weight is not None:
            measures["weight"] = e.rows.weight[rows]
        for name, values in row_values(e.features, rows).items():
            measures[f"{name} (column)" if name in measures else name] = values
        return pa.table(measures)

    def text(self, k: int = _SHOWN, by: str = "cook") -> str:
        """Return the rows of most influence as lines."""
        table = self.top(k, by)
        head = [
            "Influence of single rows, by " + _BY[by].words,
            f"  log loss {figure(self.log_loss)}; each row under the fit to the others"
            f" {figure(self.loo_log_loss)}"
            + (f" ({self.poor:,} rows move far: roughly)" if self.poor else ""),
            *(
                []
                if self.certified
                else ["  note: the fit is not certified: no minimum, or not yet"]
            ),
            "",
        ]
        shown = ("probability", "loo_probability", "leverage", "cook", "deviance")
        cells = [
            [name, *aligned([figure(x, 3) for x in table.column(name).to_pylist()])]
            for name in shown
        ]
        labels = ["label", *(visible(x) for x in table.column("label").to_pylist())]
        pulls = zip(
            table.column("dfbetas").to_pylist(), table.column("of").to_pylist(), strict=True
        )
        moved = ["pulls", *(f"{visible(name)} {figure(x, 2)} SE" for x, name in pulls)]
        lines = columns(["row", *table.column("place").to_pylist()], labels, *cells, moved)
        return "\n".join([*head, *lines])

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    @cached_property
    def _sums(self) -> tuple[Array, Array, Array]:
        """Loss, r and q of each row."""
        return self._evidence.rows.bernoulli(self.log_odds)

    @cached_property
    def _counted(self) -> Array:
        return left_out_weight(self._evidence.rows.weight, len(self), self._counts)

    @cached_property
    def _raw_leverages(self) -> Array:
        """xᵀM⁻¹x."""
        k_q = self._counted * self._sums[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(k_q > 0.0, self.leverages / k_q, 0.0)

    @cached_property
    def _multiplier(self) -> Array:
        """What M⁻¹x is multiplied by: −k r/(1 − H)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return -self._counted * self._sums[1] / (1.0 - self.leverages)

    @cached_property
    def _inverse(self) -> Array:
        inverse: Array = self._factor.T @ self._factor
        return inverse

    def _in_inner(self, j: int) -> Array:
        """c with b_j = c·β: a reported coefficient by inner ones, those that move."""
        return self._evidence.coordinates.functional(j)[self._moving]

    def _direction(self, j: int) -> Array:
        """v for which x·v is entry j of M⁻¹x, in inner coordinates."""
        inner = np.zeros(self._evidence.objective.n_coefficients)
        inner[self._moving] = self._inverse @ self._in_inner(j)
        return inner

    def _over_error(self, moves: Array, j: int) -> Array:
        c = self._in_inner(j)
        variance = float(c @ self._inverse @ c)
        return moves / math.sqrt(variance) if variance > 0.0 else np.zeros_like(moves)

    def _largest(self, k: int, by: str) -> Positions:
        if by not in _BY:
            near = nearest(by, _BY)
            raise UsageError(
                f"by must be one of {', '.join(_BY)}, not {by!r}",
                f"did you mean {near!r}?" if near else None,
            )
        size = np.where(self._counted > 0.0, np.nan_to_num(_BY[by].size(self), nan=0.0), -1.0)
        k = min(k, int(np.count_nonzero(size >= 0.0)))
        found = np.argpartition(-size, k - 1)[:k]
        return found[np.lexsort((found, -size[found]))].astype(np.int64)


@final
@dataclass(frozen=True)
class _Measure:
    words: str
    size: Callable[[Influence], Array]


_BY = {
    "cook": _Measure("Cook's distance", lambda one: one.cooks_distance),
    "leverage": _Measure("leverage", lambda one: one.leverages),
    "shift": _Measure(
        "how far the log odds move without the row",
        lambda one: np.abs(one.loo_log_odds - one.log_odds),
    ),
    "residual": _Measure("deviance residual", lambda one: np.abs(one.deviance_residuals)),
}


def influence(fitted: Fitted, evidence: Evidence | None) -> Influence:
    """Measure the influence of each row; see `Model.influence`."""
    if fitted.certificate.status is Status.NO_LOSS:
        raise UsageError("the perceptron has no loss, and so no influence", Status.NO_LOSS.value)
    if fitted.request.firth:
        raise UsageError(
            "influence is measured by steps of the likelihood, and Firth's estimate is not its"
            " maximum: the penalty depends on the rows too",
            "fit with a small l2= instead, such as 1e-3",
        )
    if evidence is None:
        raise UsageError(
            "influence needs the data of the fit, and a model that was saved, pickled or copied"
            " has none",
            "ask the model that logloss.fit returned",
        )
    likelihood = evidence.objective.sums("influence")
    beta, moving, factor, rank = minimum_near(evidence.objective, evidence.beta, fitted.certified)
    raw = likelihood.leverages(moving, factor)
    s, y, counts = evidence.rows.weight, evidence.rows.y, fitted.weighting.rule.counts
    shift = np.empty(len(y))
    total, poor = likelihood.leave_one_out(beta, raw, whole_rows(s, counts), _FAR, shift=shift)
    z = likelihood.log_odds(beta)
    loss, _, q = evidence.rows.bernoulli(z)
    k = left_out_weight(s, len(y), counts)
    leverages = np.minimum(k * q * raw, 1.0)
    penalised = evidence.objective.penalty.l2[moving].any()
    return Influence(
        names=(*evidence.names, INTERCEPT) if evidence.intercept else evidence.names,
        degrees_of_freedom=evidence.rows.total(q * raw) if penalised else float(rank),
        leverages=leverages,
        log_odds=z,
        loo_log_odds=z + (shift if s is None else np.where(s > 0.0, shift, 0.0)),
        log_loss=evidence.rows.total(loss) / likelihood.weight_sum,
        loo_log_loss=total / likelihood.weight_sum,
        poor=int(poor),
        certified=fitted.certified,
        _counts=counts,
        _evidence=evidence,
        _classes=fitted.classes,
        _moving=moving,
        _factor=factor,
    )


def _texts(classes: tuple[Any, Any]) -> tuple[str, str]:
    """One label against all others is of another type than they are: a column has one."""
    return str(classes[0]), str(classes[1])
