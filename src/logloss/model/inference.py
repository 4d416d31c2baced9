"""What a Model says about its coefficients: its methods with their documentation.

They are functions of a model, which `Model` takes in by name; each passes on to a function of what
is known of the fit, in `logloss.inference`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from logloss.errors import UsageError
from logloss.inference import chosen_covariance, confidence, functions, testing
from logloss.inference.covariance import Covariance
from logloss.inference.term_tests import TermTest

if TYPE_CHECKING:
    from logloss.model.model import Model


def covariance(
    self: Model, kind: str | None = None, groups: Any = None, weights: str | None = None
) -> Covariance:
    """Return the covariance of the estimates.

    Parameters
    ----------
    kind : {"hessian", "HC0", "HC1", "cluster"}, optional
        "hessian" is the inverse of the information, and the default but for sampling weights:
        "HC1". The others are robust against a wrong model of the variance, by one more read of
        the data: HC0 (White), HC1 (the same times n/(n − k)), and "cluster" for rows that
        depend on each other within `groups`, times G/(G − 1) · (n − 1)/(n − k).
    groups : array of shape (n,), or column name, optional
        One label of any type per row, for "cluster"; or the name of a column of the table,
        whether it was fitted or not. Every row that counts must have a label.
    weights : {"frequency", "sampling", "variance"}, optional
        What the weights mean, where it is another thing than the fit says (`weights_are`).

    Returns
    -------
    Covariance
        `.names`, `.matrix`, `.standard_errors` and `.table`; the intercept first, NaN where a
        coefficient is not estimable, or infinite: on separated data it is that of the finite
        estimates.

    Raises
    ------
    UsageError
        The fit is penalised or bounded, or not near its optimum; or a robust kind is asked of
        a model whose data is gone, of separated data or of Firth's estimate.
    """
    return chosen_covariance.covariance(self._results, kind, groups, weights)


def confidence_intervals(
    self: Model,
    level: float = 0.95,
    method: str | None = None,
    *,
    covariance: str | None = None,
    groups: Any = None,
    weights: str | None = None,
    distribution: str = "normal",
) -> Any:
    """Return limits of each coefficient.

    Parameters
    ----------
    level : float
        Between 0 and 1.
    method : {"wald", "profile"}, optional
        "wald" is the estimate ± z standard errors. "profile" goes to where twice the
        log-likelihood, maximised over the other coefficients, has fallen by the quantile of
        χ²; it takes about eight reads of the data a limit, and holds on few rows, and where
        the data are separated: a limit that the likelihood never reaches is infinite. Of
        Firth's estimate it is the penalised likelihood. By default "profile" for separated data
        and for Firth's estimate, and "wald" for others.
    covariance, groups, weights
        For "wald": as `kind`, `groups`, `weights` in `covariance`.
    distribution : {"normal", "t"}
        For "wald": "t" is Student's, with G − 1 degrees of freedom for G clusters, else n − k.
        It is wider, and better with few clusters.

    Returns
    -------
    pyarrow.Table
        name, estimate, lower, upper; the intercept first, corrected for a prior where the model
        is; null where not estimable.

    Raises
    ------
    UsageError
        As `covariance`.
    """
    return confidence.confidence_intervals(
        self._results,
        level,
        method,
        covariance=covariance,
        groups=groups,
        weights=weights,
        distribution=distribution,
    )


def test(self: Model, terms: Collection[str] | str | None = None, method: str = "lr") -> Any:
    """Test terms, in formulas beside all others but those that they are a part of (type II).

    Parameters
    ----------
    terms : term, or collection of terms, optional
        By default each in turn. A tuple is one joint test: ``[("age", "age:smoke"), "race"]``.
    method : {"lr", "wald"}
        Likelihood ratio, about five reads each (Firth: penalised); or Wald, by the covariance.

    Returns
    -------
    pyarrow.Table
        term, df, statistic, p_value. A column that others make up has df 0 and no p-value.

    Raises
    ------
    UsageError
        No such term; or as `covariance`.
    """
    return testing.tests_of_terms(self._results, terms, method)


def likelihood_ratio(self: Model, other: Model) -> TermTest:
    """Test this model against one of the same rows that is a part of it (or the other way).

    What the smaller one's columns span is compared; by name, where a model is without its data.
    Both are fits to the same rows, with the same labels, weights and offsets, in one order.

    Returns
    -------
    TermTest
        `.df`, `.statistic`, `.p_value`.

    Raises
    ------
    UsageError
        Not nested, or of other rows, weights or offsets; or as `covariance`.
    """
    results = getattr(other, "_results", None)
    if results is None:
        raise UsageError(
            f"likelihood_ratio compares with a Model, not with a {type(other).__name__}",
            "of an estimator of logloss it is estimator.model_",
        )
    return testing.compare(self._results, results)


def marginal_effects(
    self: Model,
    at: str = "average",
    level: float = 0.95,
    *,
    covariance: str | None = None,
    groups: Any = None,
    weights: str | None = None,
) -> Any:
    """Return what each column of the table does to the probability, with standard errors.

    The slope ∂p/∂x of numbers; of zeros and ones, and of a level, the change of p from 0 (its
    reference level) to 1. All terms of a formula that hang on the column move with it.
    Probabilities are those of the fit, before a correction for a prior.

    Parameters
    ----------
    at : {"average", "mean"}
        The mean of the effects over the rows, or the effect at the mean of the columns.
    level : float
        Of the limits.
    covariance, groups, weights
        As `kind`, `groups`, `weights` in `covariance`.

    Returns
    -------
    pyarrow.Table
        name, change ("slope" or "0 to 1"), effect, standard_error, z, p_value, lower, upper.

    Raises
    ------
    UsageError
        As `covariance`.
    """
    return functions.marginal_effects(self._results, at, level, covariance, groups, weights)


def delta_method(
    self: Model,
    function: Callable[[Mapping[str, float]], float],
    *,
    covariance: str | None = None,
    groups: Any = None,
    weights: str | None = None,
) -> tuple[float, float]:
    """Return a smooth function of the coefficients, and its standard error.

    Parameters
    ----------
    function : callable
        Takes a mapping from coefficient name to value ("(intercept)" among them) and returns a
        number: ``lambda b: -b["(intercept)"] / b["dose"]``.
    covariance, groups, weights
        As `kind`, `groups`, `weights` in `covariance`.

    Returns
    -------
    value, standard_error : float
    """
    return functions.function_of_coefficients(self._results, function, covariance, groups, weights)
