"""Path: what a walk along λ found, without the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.errors import UsageError, counted
from logloss.model.model import Model
from logloss.record.fitted import Fitted
from logloss.record.proof import Step

if TYPE_CHECKING:
    from logloss.paths.leave_one_out import LeaveOneOut
    from logloss.record.proof import Certificate

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Path:
    """Certified fits along a path of λ, from the largest down.

    Made by `logloss.path`.

    Attributes
    ----------
    lambdas : ndarray of shape (n_lambdas,)
        The penalty on the mean loss, decreasing; C = 1/(λ Σs).
    l1_ratio : float
    coefficients : ndarray of shape (n_lambdas, d)
        In the units of the columns; zeros are exact.
    intercepts : ndarray of shape (n_lambdas,)
    losses : ndarray of shape (n_lambdas,)
        Mean log loss (nats per row), without the penalty.
    objectives : ndarray of shape (n_lambdas,)
        Mean log loss plus penalty.
    certificates : tuple of Certificate
        What is proven about each fit. Their `data_reads` and `seconds` count from the start.
    leave_one_out : LeaveOneOut or None
        Where it was asked for.
    steps : ndarray of shape (n_lambdas,), int
        Of the solver; 1 where the fit before led straight there.
    complete : bool
        False where a budget, a callback or Ctrl-C ended the path early.
    template : Fitted
        What the fits have in common.
    """

    lambdas: Array
    l1_ratio: float
    coefficients: Array
    intercepts: Array
    losses: Array
    objectives: Array
    certificates: tuple[Certificate, ...]
    leave_one_out: LeaveOneOut | None
    steps: NDArray[np.int64]
    complete: bool
    template: Fitted

    def __len__(self) -> int:
        return len(self.lambdas)

    def __repr__(self) -> str:
        most = counted(int(self.degrees[-1]), "coefficient")
        return (
            f"<logloss.Path of {counted(len(self), 'fit')}, λ from {self.lambdas[0]:.4g} to"
            f" {self.lambdas[-1]:.4g}, {self.degrees[0]} to {most}>"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients, in order."""
        return self.template.schema.coefficient_names

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done with the table that its owner should know, a sentence each."""
        return self.template.notes

    @property
    def gaps(self) -> Array:
        """How far each fit is from its minimum at most, shape (n_lambdas,); absolute."""
        return np.array([one.gap for one in self.certificates])

    @property
    def degrees(self) -> NDArray[np.int64]:
        """How many coefficients are not 0, shape (n_lambdas,)."""
        return np.asarray(np.count_nonzero(self.coefficients, axis=1), dtype=np.int64)

    @property
    def deviance_ratios(self) -> Array:
        """1 − loss/(loss of the null model), shape (n_lambdas,)."""
        ratios: Array = 1.0 - self.losses / self.template.null_loss
        return ratios

    @property
    def by_name(self) -> Mapping[str, Array]:
        """Coefficient name → its values along the path, shape (n_lambdas,)."""
        return MappingProxyType(dict(zip(self.names, self.coefficients.T, strict=True)))

    def index(self, at: int | float | None = None) -> int:
        """The position of a fit.

        Parameters
        ----------
        at : int or float, optional
            A position, or a λ, of which the nearest is taken (by its logarithm). None: the least
            leave-one-out loss.

        Raises
        ------
        UsageError
            There is no such position; a λ is outside of the path; or None, and leave-one-out was
            not asked for.
        """
        if at is None:
            if self.leave_one_out is None:
                raise UsageError(
                    "which fit of the path?",
                    "give at=, a position or a λ; or ask for path(…, leave_one_out=True)",
                )
            return self.leave_one_out.best
        if isinstance(at, int | np.integer):
            if not -len(self) <= at < len(self):
                raise UsageError(f"the path has {counted(len(self), 'fit')}, and none at {at}")
            return int(at) % len(self)
        low, high = float(self.lambdas[-1]), float(self.lambdas[0])
        if not low * (1.0 - 1e-9) <= at <= high * (1.0 + 1e-9):
            raise UsageError(
                f"the path goes from {high:g} down to {low:g}, and does not hold λ = {at:g}",
                "give lambdas= that do",
            )
        return int(np.argmin(np.abs(np.log(self.lambdas) - math.log(at))))

    def model(self, at: int | float | None = None) -> Model:
        """One fit as a `Model`; `at` as in `index`."""
        i = self.index(at)
        size, certificate = float(self.lambdas[i]), self.certificates[i]
        shares = {"l1": size * self.l1_ratio, "l2": size * (1.0 - self.l1_ratio)}
        objective = float(self.objectives[i])
        step = Step(certificate.data_reads, certificate.seconds, objective, certificate.gap)
        return Model(
            replace(
                self.template,
                coefficients=self.coefficients[i],
                intercept=float(self.intercepts[i]),
                certificate=certificate,
                history=(step,),
                loss=float(self.losses[i]),
                objective=objective,
                request=self.template.request.penalised_by(**shares),
            )
        )

    def predict_proba(self, table: Any, at: int | float | None = None, offset: Any = None) -> Array:
        """P(positive) of each row by one fit, shape (n_rows,); `at` as in `index`."""
        return self.model(at).predict_proba(table, offset=offset)

    @property
    def table(self) -> Any:
        """A pyarrow.Table with a row for each λ.

        Its columns: lambda, C, nonzeros, loss, gap (relative), leave_one_out (where asked for),
        (intercept), and one for each coefficient.
        """
        import pyarrow as pa

        columns = [
            ("lambda", self.lambdas),
            ("C", 1.0 / (self.lambdas * self.template.weight_sum)),
            ("nonzeros", self.degrees),
            ("loss", self.losses),
            ("gap", np.array([one.relative_gap for one in self.certificates])),
        ]
        if self.leave_one_out is not None:
            columns.append(("leave_one_out", self.leave_one_out.losses))
        columns.append(("(intercept)", self.intercepts))
        columns += list(self.by_name.items())
        return pa.Table.from_arrays(
            [pa.array(np.ascontiguousarray(values)) for _, values in columns],
            names=[name for name, _ in columns],
        )
