"""Model: what a fit gives back. A face over the record `Fitted`: predict, look, save."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import sigmoid
from logloss.certificate import Status
from logloss.errors import UsageError
from logloss.fitted import Fitted
from logloss.report.text import Summary, short_distance
from logloss.table import Source, offset_values, read, split
from logloss.table.bad_values import check_finite
from logloss.table.design import design_of

if TYPE_CHECKING:
    from logloss.certificate import Certificate
    from logloss.evidence import Evidence
    from logloss.solvers.base import Step
    from logloss.table.target import Label
    from logloss.verdict import Separation


class Model:
    """A fitted logistic regression.

    Made by `logloss.fit` and `logloss.load`.

    Parameters
    ----------
    fitted : Fitted
        The plain record that the model shows.
    evidence : Evidence, optional
        What needs the data of the fit asks it. Not saved, pickled or copied.
    """

    def __init__(self, fitted: Fitted, evidence: Evidence | None = None) -> None:
        self._fitted = fitted
        self._evidence = evidence
        self._separation: Separation | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the evidence: a copy does not hold on to the data."""
        return {**self.__dict__, "_evidence": None}

    @property
    def fitted(self) -> Fitted:
        """The plain record: everything that `save` writes."""
        return self._fitted

    @property
    def coefficients(self) -> Mapping[str, float]:
        """Coefficient name → value, in the order of the columns; read-only."""
        return MappingProxyType(self._fitted.coefficient_map())

    @property
    def intercept(self) -> float:
        """The intercept b; 0.0 where none was fitted."""
        return self._fitted.intercept

    @property
    def classes(self) -> tuple[Label, Label]:
        """The negative and the positive label."""
        return self._fitted.classes

    @property
    def certificate(self) -> Certificate:
        """How far the fit is from the optimum at most, and how that is known."""
        return self._fitted.certificate

    @property
    def history(self) -> tuple[Step, ...]:
        """One entry per step of the solver: data_reads, seconds, loss, gap."""
        return self._fitted.history

    def decision_function(
        self, table: Any, offset: Any = None, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Return the log odds z = x·w + b + o of each row.

        Parameters
        ----------
        table : array, sparse matrix, data frame, path or glob
            Anything that `logloss.fit` reads. Columns are found by name, in any order, and others
            are ignored; an array's by position.
        offset : array_like of shape (n,), or str, optional
            The offset o, or the name of its column. A model fitted with an offset column finds it
            by its name.
        n_threads : int, optional
            At most this many threads.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        DataError
            Where a column is missing, not numeric, or holds a value that is not finite.
        UsageError
            Where the model was fitted with an offset array and none is given.
        """
        source, o = self._read(table, offset)
        encoded = self._fitted.schema.encode(source)
        design = design_of(encoded)
        z = design.predict(self._fitted.coefficients, self._fitted.intercept, o, n_threads)
        if not np.isfinite(z).all():
            check_finite(encoded, source)
        return z

    def predict_proba(
        self, table: Any, offset: Any = None, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Return P(positive) of each row, shape (n,); see `decision_function`.

        Raises
        ------
        UsageError
            The solver was the perceptron, which has no probabilities.
        """
        if self.certificate.status is Status.NO_LOSS:
            raise UsageError("the perceptron has no probabilities", Status.NO_LOSS.value)
        return np.asarray(sigmoid(self.decision_function(table, offset, n_threads)))

    def predict(self, table: Any, offset: Any = None, n_threads: int | None = None) -> NDArray[Any]:
        """Return the likelier label of each row, shape (n,): the positive one where z > 0."""
        positive = self.decision_function(table, offset, n_threads) > 0
        return np.array(self.classes)[positive.astype(np.intp)]

    @property
    def separation(self) -> Separation:
        """Whether the estimate exists; where it does not, what goes to infinity, and what to do.

        `coefficients` stay finite where an estimate is infinite, far enough along for the tolerance
        of the fit, so that the model predicts; the limit stands in `separation.estimates`. Found
        with the fit where that costs nothing, else when first asked for.

        Raises
        ------
        UsageError
            It was not found with the fit, and the model is without its data: loaded or copied.
        """
        if self._separation is None:
            self._separation = self._fitted.separation or self._decided()
        return self._separation

    def _decided(self) -> Separation:
        if self._evidence is None:
            raise UsageError(
                "whether the data are separated can be told only with the data of the fit",
                "ask the model that logloss.fit returned, before it is saved or copied",
            )
        from logloss.inference.separation import decide

        return decide(self._evidence, self.certificate.status is Status.CERTIFIED)

    def summary(self) -> Summary:
        """Return a summary that prints as text and has the coefficients as `.table`."""
        return Summary(self._fitted)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as a JSON file, whole or not at all; `logloss.load` reads it.

        Raises
        ------
        DataError
            Where it cannot be written: unknown folder, no permission, full disk.
        """
        self._fitted.save(path)

    def __repr__(self) -> str:
        n = len(self._fitted.coefficients)
        words = short_distance(self._fitted)
        return f"<logloss.Model: {n:,} coefficients, {self._fitted.n_rows:,} rows, {words}>"

    def _read(self, table: Any, offset: Any) -> tuple[Source, NDArray[np.float64] | None]:
        """Return the columns of the model, and the offset."""
        fitted = self._fitted
        chosen = fitted.offset if offset is None else offset
        names = [*fitted.schema.column_names]
        if chosen is None:
            return read(table, columns=names), None
        if not isinstance(chosen, str):
            source = read(table, columns=names)
            return source, offset_values(source, chosen)
        if not chosen:
            raise _offset_missing("an array of offsets")
        source = read(table, columns=[*names, chosen])
        if offset is None and chosen not in source.names:
            raise _offset_missing(f"the offset column {chosen!r}")
        parts = split(source, offset=chosen)
        return parts.features, parts.offset


def _offset_missing(what: str) -> UsageError:
    return UsageError(
        f"the model was fitted with {what}, and none is given",
        "give offset=, one number per row or the name of a column; zeros mean none",
    )


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model that `save` wrote. Runs no code from the file.

    Raises
    ------
    UsageError
        Where there is no such file, or it cannot be opened.
    ModelFileError
        Where it is damaged, hostile, or of a newer version.
    """
    return Model(Fitted.load(path))
