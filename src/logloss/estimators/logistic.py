"""logloss as a scikit-learn estimator: a thin face on `logloss.fit`.

`LogisticRegression` stands in for scikit-learn's on binary problems. It checks what scikit-learn
wants checked (names, shapes, labels), hands the rest to `logloss.fit`, and lays the result out
under scikit-learn's names. There is no second way to fit here.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from logloss.bernoulli import log_sigmoid, sigmoid
from logloss.errors import DataError, UsageError
from logloss.model.fit import fit
from logloss.model.model import Model
from logloss.record.interface import ESTIMATOR
from logloss.record.proof import Status
from logloss.table import Source, offset_values, read
from logloss.table.columns.alignment import check_all_aligned
from logloss.table.columns.beside import one_column
from logloss.table.design.bad_values import check_finite

Array = NDArray[np.float64]

# The kernels read any number type as it lies, and find what is not finite at no extra read.
AS_IT_LIES = {
    "accept_sparse": ("csr", "csc"),
    "dtype": "numeric",
    "ensure_all_finite": False,
}
_NUMBERS = "biuf"  # kinds of NumPy types


def _has_probabilities(estimator: Any) -> bool:
    """Or an AttributeError: what scikit-learn takes for "this one cannot"."""
    model = getattr(estimator, "model_", None)
    if model is not None and model.certificate.status is Status.NO_LOSS:
        raise AttributeError(f"no probabilities: {Status.NO_LOSS.value}")
    return True


class LogisticRegression(ClassifierMixin, BaseEstimator):
    """Binary logistic regression with a proof of how far the fit is from the optimum.

    A drop-in for scikit-learn's class of the same name on binary problems. It minimises the same
    objective; `tol`, `max_iter` and `solver` mean what they mean in `logloss.fit`.

    Parameters
    ----------
    C : float, default 1.0
        Inverse strength of the penalty, as in scikit-learn. `math.inf`: no penalty.
    l1_ratio : float, default 0.0
        Share of the L1 penalty: 1 is the lasso, between 0 and 1 the elastic net.
    fit_intercept : bool, default True
    solver : str or Solver, default "auto"
        "auto" chooses by the shape of the data. A name that `logloss.fit` knows, or an object of
        `logloss.solvers`. scikit-learn's "newton-cholesky" and "liblinear" are aliases of the
        nearest.
    tol : float, default 1e-6
        The relative gap to prove: (F − min F)/F ≤ tol.
    max_iter : int, optional
        Steps of the solver at most. None: as many as the solver holds to be sensible.
    class_weight : mapping of label to weight, or "balanced", optional
    penalty_factors : mapping of feature name to factor, or array of shape (d,), optional
        What the penalty of a coefficient is multiplied by; 0 leaves it unpenalised.
    bounds : mapping of feature name to bounds, or sequence of d bounds, optional
        A pair (lower, upper), in which None is none, or a sign, "+" or "-".
    standardize : bool, default False
        Penalise coefficients per (weighted, population) standard deviation of their columns.
        `coef_` is in the units of the columns all the same.
    missing : str, default "error"
        "error": numbers only, each column is one coefficient, as in scikit-learn. "auto" or "drop":
        tables as `logloss.fit` takes them, with text and missing values; `coef_` then has the
        coefficients of `model_.coefficients`.
    random_state : int, RandomState or None
        Seed of the solvers that read rows in random order; other results never depend on it.
    n_threads : int, optional
        By default as OpenMP would (OMP_NUM_THREADS, threadpoolctl). Results never depend on it.
    time_budget : float, optional
        Seconds after which the best point so far is taken.
    warm_start : bool, default False
        Start from `coef_` and `intercept_` of the fit before, matched by feature name.
    verbose : int, default 0
        Where not 0, a line to standard error for each step of the solver.
    weights_are : optional
        As in `logloss.fit`; `coef_` does not depend on it.

    Attributes
    ----------
    coef_ : ndarray of shape (1, d), float64
    intercept_ : ndarray of shape (1,), float64
        Zero without an intercept. Predictions use `coef_` and `intercept_` as they are, so a
        change to them counts; `model_` stays as it was fitted.
    classes_ : ndarray of shape (2,)
        The labels, sorted; the second is the positive one. Of soft labels: 0 and 1.
    n_iter_ : ndarray of shape (1,), int32
        Steps of the solver.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,)
        Where X has names that are all strings.
    model_ : Model
        Everything else: the certificate, the history, a summary, a file.

    Examples
    --------
    >>> import numpy as np
    >>> from logloss import LogisticRegression
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = LogisticRegression().fit(X, ["no", "no", "yes", "yes"])
    >>> model.predict([[2.5]]).tolist()
    ['yes']
    >>> model.model_.certificate.relative_gap <= 1e-6
    True
    """

    coef_: Any
    intercept_: Any
    classes_: NDArray[Any]
    n_iter_: NDArray[np.int32]
    model_: Model

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        solver: Any = "auto",
        tol: float = 1e-6,
        max_iter: int | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        penalty_factors: Any = None,
        bounds: Any = None,
        standardize: bool = False,
        missing: str = "error",
        random_state: Any = None,
        n_threads: int | None = None,
        time_budget: float | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        weights_are: str | None = None,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.penalty_factors = penalty_factors
        self.bounds = bounds
        self.standardize = standardize
        self.missing = missing
        self.random_state = random_state
        self.n_threads = n_threads
        self.time_budget = time_budget
        self.warm_start = warm_start
        self.verbose = verbose
        self.weights_are = weights_are

    def fit(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> Self:
        """Fit to the proven optimum.

        Parameters
        ----------
        X : array, sparse matrix or data frame of shape (n, d)
            Numbers. Dense arrays of any layout, CSR and CSC are read as they lie, without a copy.
        y : array of shape (n,)
            Two labels; or soft labels: fractions in [0, 1], the probability of the positive class.
        sample_weight : array of shape (n,), optional
            How often each row counts.
        offset : array of shape (n,), optional
            Added to the log odds of each row. Predictions then need one too.

        Returns
        -------
        LogisticRegression
            Itself.

        Warns
        -----
        ConvergenceWarning
            The gap to the optimum was not proven to be within `tol`; it says what was reached.

        Raises
        ------
        DataError
            The data cannot be fitted, among others because y has one class or more than two.
        UsageError
            A parameter is wrong.
        KeyboardInterrupt
            Ctrl-C stops a search that the fit is part of; the best point so far is kept.
        """
        check_all_aligned(X=X, y=y, sample_weight=sample_weight, offset=offset)
        X, y = self._checked(X, y)
        y = np.asarray(y)
        soft = is_soft(y)
        model = fit(
            self._named(read(X)),
            y,
            sample_weight=array_of(sample_weight),
            offset=array_of(offset),
            class_weight=self.class_weight,
            C=self.C,
            l1_ratio=self.l1_ratio,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            fit_intercept=self.fit_intercept,
            penalty_factors=self.penalty_factors,
            bounds=self.bounds,
            standardize=self.standardize,
            missing=self.missing,
            random_state=self.random_state,
            n_threads=self.n_threads,
            time_budget=self.time_budget,
            start=self._start(),
            callbacks=(_say,) if self.verbose else (),
            weights_are=self.weights_are,
        )
        self.classes_ = np.array(model.classes, dtype=None if soft else y.dtype)
        self._keep(model)
        return self

    def decision_function(self, X: Any, offset: Any = None) -> Array:
        """Log odds of the positive class, shape (n,).

        Parameters
        ----------
        X : array, sparse matrix or data frame of shape (n, d)
        offset : array of shape (n,), optional
            Required where the fit had one.

        Raises
        ------
        DataError
            X has another shape than in the fit, or values that are missing or infinite.
        UsageError
            The fit had an offset, and none is given.
        """
        check_is_fitted(self)
        check_all_aligned(X=X, offset=offset)
        source = read(self._checked(X, reset=False))
        fitted = self.model_.fitted
        if offset is None and fitted.offset is not None:
            raise UsageError(
                f"this {type(self).__name__} was fitted with an offset, and none is given",
                "give offset=, one number per row; zeros mean none",
            )
        coef, intercept = self._coefficients()
        if not self._plain:
            model = Model(fitted.with_coefficients(coef, intercept))
            return model.decision_function(self._named(source), array_of(offset), self.n_threads)
        encoded = fitted.schema.encode(source)
        shift = offset_values(source, array_of(offset))
        z = fitted.with_coefficients(coef, intercept).log_odds(encoded, shift, self.n_threads)
        if not np.isfinite(z).all():
            check_finite(encoded, source)
        return z

    def predict(self, X: Any, offset: Any = None) -> NDArray[Any]:
        """The likelier label of each row, shape (n,); see `decision_function`."""
        positive = self.decision_function(X, offset) > 0.0
        return self.classes_[positive.astype(np.intp)]

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, offset: Any = None) -> Array:
        """Probabilities of both classes, in the order of `classes_`, shape (n, 2).

        Both are computed from the log odds, so that a tiny one keeps its digits.
        """
        z = self.decision_function(X, offset)
        return np.column_stack((sigmoid(-z), sigmoid(z)))

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any, offset: Any = None) -> Array:
        """Logarithms of `predict_proba`, shape (n, 2): finite also where a probability is 0."""
        z = self.decision_function(X, offset)
        return np.column_stack((log_sigmoid(-z), log_sigmoid(z)))

    def score(self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> float:
        """Share of the rows (or of their weight) whose label `predict` hits."""
        from sklearn.metrics import accuracy_score

        check_all_aligned(X=X, y=y, sample_weight=sample_weight)
        return float(accuracy_score(y, self.predict(X, offset), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = not self._plain
        return tags

    @property
    def _plain(self) -> bool:
        return getattr(self, "missing", "error") == "error"

    def _checked(self, *data: Any, reset: bool = True) -> Any:
        """X, or X and y, as scikit-learn checks them; frames stay frames unless plain."""
        frame = hasattr(data[0], "columns") or hasattr(data[0], "__arrow_c_stream__")
        how = {"skip_check_array": True} if frame and not self._plain else AS_IT_LIES
        return validate_data(self, *data, reset=reset, **how)

    def _named(self, source: Source) -> Source:
        """The columns under their feature names, where X came with names."""
        names = getattr(self, "feature_names_in_", None)
        if not self._plain:
            return replace(source, named=True)
        if names is None:
            return source
        return replace(source, names=tuple(map(str, names)), named=True, plain=True)

    def _start(self) -> Model | None:
        """Where a warm start begins: `coef_` and `intercept_` as they are now, by feature name."""
        if not self.warm_start or not hasattr(self, "model_"):
            return None
        coef, intercept = self._coefficients()
        return Model(replace(self.model_.fitted, coefficients=coef, intercept=intercept))

    def _coefficients(self) -> tuple[Array, float]:
        coef = np.ascontiguousarray(self.coef_, dtype=np.float64).ravel()
        return coef, float(np.asarray(self.intercept_).ravel()[0])

    def _keep(self, model: Model) -> None:
        """Lay a fit out under scikit-learn's names, and speak up where it has no proof."""
        fitted = model.fitted
        self.model_ = model
        self.coef_ = fitted.coefficients[np.newaxis].copy()
        self.intercept_ = np.array([fitted.intercept])
        steps = max(1, len(fitted.history) - 1)  # the history begins with where the solver started
        self.n_iter_ = np.array([steps], dtype=np.int32)
        if fitted.certificate.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        if fitted.certificate.status is Status.SEPARATED and fitted.separation is not None:
            words = fitted.separation.in_words(ESTIMATOR)
            warnings.warn(words, ConvergenceWarning, stacklevel=3)
        elif not (fitted.certified or fitted.certificate.status is Status.NO_LOSS):
            warnings.warn(self._shortfall(steps), ConvergenceWarning, stacklevel=3)

    def _shortfall(self, steps: int) -> str:
        """How far the fit came, and what to do about it."""
        certificate = self.model_.certificate
        gap = certificate.relative_gap
        reached = f"is at most {gap:.2g}" if math.isfinite(gap) else "is not known"
        return (
            f"{certificate.solver} ended at step {steps}, after {certificate.seconds:.3g} s,"
            f" without a proof of tol={self.tol:g}: the relative gap to the optimum {reached}.\n"
            f"{ESTIMATOR.status(certificate.status)}"
        )


def array_of(values: Any) -> NDArray[Any] | None:
    """Weights or offsets: a name of a column is nothing an estimator can look up."""
    return None if values is None else np.asarray(one_column(values, "a weight or offset"))


def is_soft(y: NDArray[Any]) -> bool:
    """Whether y holds fractions rather than labels; scikit-learn's errors for what is neither."""
    if y.dtype.kind not in _NUMBERS:
        if not isinstance(y[0], str):
            raise _unknown(y)
    elif y.dtype.kind == "f" and bool((y != np.rint(y)).any()):
        if y.min() < 0.0 or y.max() > 1.0:
            raise _unknown(y)
        return True
    if bool((y == y[0]).all()):
        raise DataError(
            "This solver needs samples of at least 2 classes in the data, but the data contains"
            f" only one class: {y[:1].tolist()[0]!r}"
        )
    return False


def _unknown(y: NDArray[Any]) -> DataError:
    return DataError(
        f"Unknown label type: {type_of_target(y, input_name='y')}. y must hold two labels, or"
        " probabilities in [0, 1]",
        "for labels of mixed types, convert y: y.astype(str), y.astype(int)",
    )


def _say(step: Any) -> None:
    gap = "" if math.isnan(step.gap) else f", gap at most {step.gap:.3g}"
    sys.stderr.write(f"read {step.data_reads}: {step.seconds:.3g} s, F = {step.loss:.9g}{gap}\n")
