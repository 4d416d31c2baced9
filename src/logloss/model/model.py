"""Model: what a fit gives back. It predicts, evaluates, infers and saves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from logloss.bernoulli import sigmoid
from logloss.errors import UsageError, counted
from logloss.fitting.attaching import attached
from logloss.inference.chosen_covariance import whole_record
from logloss.inference.results import Results
from logloss.inference.summary import summarise
from logloss.model import inference, predicting
from logloss.record.fitted import Fitted
from logloss.record.proof import Status
from logloss.record.request import Roles
from logloss.report.text import Summary, short_distance
from logloss.table.roles.labels import label_array

if TYPE_CHECKING:
    from logloss.evaluation.result import Evaluation
    from logloss.inference.influence import Influence
    from logloss.record.evidence import Evidence
    from logloss.record.proof import Certificate, Step
    from logloss.record.separation import Separation
    from logloss.table.roles.labels import Label


@final
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
        self._results = Results(fitted, evidence)

    def __getstate__(self) -> dict[str, Any]:
        """Plain values only, so that skops and the like load a model without trust in its parts.

        Without the evidence: a copy keeps no data, but the marks of its rows.
        """
        return self._results.marked().to_state()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(Fitted.from_state(state))

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
            Where a column is missing, is text and was numbers, or holds a value that is not finite.
        UsageError
            Where the model was fitted with an offset array and none is given.
        """
        return np.concatenate(list(self.decision_batches(table, offset, n_threads)))

    def decision_batches(
        self, table: Any, offset: Any = None, n_threads: int | None = None
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the log odds of the rows, batch by batch: a file of any size in constant memory.

        Takes and raises what `decision_function` does; a table in memory is one batch.

        Warns
        -----
        UserWarning
            At the end: values that no row had when the model was fitted, and what they count as.
        """
        return predicting.decision_batches(self._fitted, table, offset, n_threads)

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
        """Return the likelier label of each row, shape (n,): the positive one where z > 0.

        Labels keep their type; the array is of objects where the two differ in it (one label
        against all others: "not 2" and 2).
        """
        positive = self.decision_function(table, offset, n_threads) > 0
        return label_array(self.classes)[positive.astype(np.intp)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done with the table that its owner should know, a sentence each."""
        return self._fitted.notes

    def evaluate(
        self,
        table: Any,
        y: Any = None,
        sample_weight: Any = None,
        bins: int = 10,
        *,
        offset: Any = None,
        n_threads: int | None = None,
        weights_are: str | None = None,
    ) -> Evaluation:
        """Compare the predictions for a table with its labels: how good is the model there?

        Parameters
        ----------
        table : array, sparse matrix, data frame, path or glob
            As for `predict_proba`, with the labels. Rows without one are left out and counted.
        y : array_like of shape (n,), or str, optional
            The labels, or the name of their column; by default the column that was fitted. They
            are the classes of the model; blanks around them, a full stop at their end and capitals
            are overlooked, with a note.
        sample_weight : array_like of shape (n,), or str, optional
        bins : int
            Bins of about equal weight for the calibration.
        offset, n_threads
            See `decision_function`.
        weights_are : {"frequency", "sampling", "variance"}, optional
            What these weights mean: by default as it was said in the fit; where it was not, whole
            numbers count equal rows, and other weights belong to one row each.

        Returns
        -------
        Evaluation
            Log loss, Brier score, calibration, ROC, thresholds; prints as text.

        Raises
        ------
        DataError
            A label is no class of the model, or `table` cannot be predicted.
        UsageError
            There are no probabilities (the perceptron), or no labels.
        """
        from logloss.evaluation.held_out import evaluate_table, read_as

        return evaluate_table(
            read_as(self._fitted, weights_are),
            self.decision_function,
            table,
            y=y,
            sample_weight=sample_weight,
            offset=offset,
            bins=bins,
            n_threads=n_threads,
        )

    def with_prior(self, prior: float | None) -> Model:
        """Return the model with its intercept corrected for a population.

        Where events were sampled, or weighted, more often than they occur, only the intercept is
        off (King & Zeng 2001). The certificate and the log loss stay those of the fit.

        Parameters
        ----------
        prior : float, or None
            The share of the positive class in the population, between 0 and 1. None: as fitted.

        Raises
        ------
        UsageError
            It is not such a share, no intercept was fitted, or there are no probabilities.
        """
        from logloss.record.prior import with_prior

        return Model(with_prior(self._fitted, prior), self._evidence)

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
        return self._results.separation()

    # What it says of its coefficients; the methods stand with their documentation in inference.py.
    covariance = inference.covariance
    confidence_intervals = inference.confidence_intervals
    test = inference.test
    likelihood_ratio = inference.likelihood_ratio
    marginal_effects = inference.marginal_effects
    delta_method = inference.delta_method

    def influence(self) -> Influence:
        """Say which rows the fit hangs on: leverage, Cook's distance, residuals, leave-one-out.

        Reads the data of the fit again, a few times.

        Raises
        ------
        UsageError
            The data are gone (the model was loaded, copied or pickled), or there is no loss (the
            perceptron), or there are too many columns for a matrix of all pairs.
        """
        from logloss.inference.influence import influence

        return influence(self._fitted, self._evidence)

    def summary(
        self,
        covariance: str | None = None,
        groups: Any = None,
        weights: str | None = None,
        level: float = 0.95,
        distribution: str = "normal",
    ) -> Summary:
        """Return a summary that prints as text and has the coefficients as `.table`.

        Of a fit without a penalty it has standard errors, tests, limits and measures of the fit.
        The estimates are then polished: they differ from `coefficients` by less than the
        certificate allows. Of a penalised fit it says what to do instead.

        Parameters
        ----------
        covariance, groups, weights
            As `kind`, `groups`, `weights` in `covariance`.
        level, distribution
            Of the limits, and of p-values: as in `confidence_intervals`.

        Raises
        ------
        UsageError
            Where a covariance is asked for, and there is none.
        """
        found, reason = summarise(self._results, covariance, groups, weights, level, distribution)
        return Summary(self._fitted, found, reason)

    def attach(
        self,
        table: Any,
        y: Any = None,
        sample_weight: Any = None,
        offset: Any = None,
        class_weight: Mapping[Any, float] | str | None = None,
        groups: Any = None,
    ) -> Model:
        """Give a model that was loaded, unpickled or copied its data back, and return it.

        Parameters
        ----------
        table : array, sparse matrix, data frame, path or glob
            That of the fit.
        y, sample_weight, offset, class_weight, groups
            As in the fit. Columns are remembered by name, and so is `class_weight`; arrays must be
            given again.

        Raises
        ------
        UsageError
            Something that was an array in the fit is not given.
        DataError
            The loss at the coefficients is not that of the fit: it is another table.
        """
        given = Roles(y, sample_weight, offset, groups, class_weight=class_weight)
        self._results.attach(*attached(self._fitted, table, given))
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model as a JSON file, whole or not at all; `logloss.load` reads it.

        Raises
        ------
        DataError
            Where it cannot be written: unknown folder, no permission, full disk.

        Notes
        -----
        Standard errors are saved too, of a fit without a penalty to at most 500 columns; where
        nobody has asked for them yet, that is two reads of the data or a few.
        """
        whole_record(self._results).save(path)

    def dumps(self) -> str:
        """Return the text that `save` writes."""
        return whole_record(self._results).dumps()

    def __repr__(self) -> str:
        size = counted(len(self._fitted.coefficients), "coefficient")
        rows = counted(self._fitted.n_rows, "row")
        return f"<logloss.Model: {size}, {rows}, {short_distance(self._fitted)}>"

    @property
    def _fitted(self) -> Fitted:
        return self._results.fitted

    @property
    def _evidence(self) -> Evidence | None:
        return self._results.evidence


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
