"""scikit-learn's LogisticRegressionCV: a thin face on `logloss.paths`.

The table is encoded once. A fold's path is that of the same rows with weights of 0 for those held
out, from the strongest penalty to the weakest, each fit from the one before.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils._metadata_requests import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import validate_data

from logloss.errors import UsageError
from logloss.estimators.folds import (
    best,
    check_scored,
    held_out,
    log_loss,
    mask,
    mean_of,
    ratios,
    scores,
    strengths,
)
from logloss.estimators.logistic import AS_IT_LIES, LogisticRegression, array_of, is_soft
from logloss.model.fit import fit_request
from logloss.model.model import Model
from logloss.paths import Searched, search
from logloss.record.penalty_options import PenaltyOptions
from logloss.record.request import Limits, Request, Roles, SolverChoice
from logloss.solvers.choose import seed_of
from logloss.table import Source, TableOptions, read
from logloss.table.columns.alignment import check_all_aligned

Array = NDArray[np.float64]

_APPROXIMATE = frozenset(["alo"])
_LOG_LOSS = frozenset(["neg_log_loss"])


class LogisticRegressionCV(LogisticRegression):
    """Binary logistic regression whose penalty is chosen by cross-validation.

    A drop-in for scikit-learn's class of the same name (with `use_legacy_attributes=False`) on
    binary problems.

    Parameters
    ----------
    Cs : int or sequence of positive numbers, default 10
        Inverse strengths of the penalty; a number of them from 1e-4 to 1e4.
    l1_ratios : sequence of numbers in [0, 1], default (0.0,)
        Shares of the L1 penalty. All pairs with `Cs` are tried.
    cv : int, splitter, iterable of splits, or "alo"; default 5
        As in scikit-learn. "alo": approximate leave-one-out, from one path over all rows; rows for
        which the approximation is poor are fitted again exactly. It takes about as long as one
        path.
    scoring : str or callable, default "neg_log_loss"
        A scorer of scikit-learn. With cv="alo", the log loss only.
    refit : bool, default True
        Fit all rows with the best penalty. False: the mean of the folds' coefficients, each at the
        fold's best penalty.
    fit_intercept, solver, tol, max_iter, class_weight, penalty_factors, bounds, standardize, \
random_state, n_threads, verbose, weights_are
        As in `LogisticRegression`. "balanced" class weights are those of all rows.
    time_budget : float, optional
        Seconds for all; what was not reached by then has no score.

    Attributes
    ----------
    C_, l1_ratio_ : float
        The best ones. With refit=False: means over the folds.
    Cs_ : ndarray of shape (n_cs,)
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_cs)
        With cv="alo" there is one fold.
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_cs, 1, n_dof)
        The intercept last, where there is one.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_cs), int32
        Steps of the solver; 1 where the fit before led straight there.
    refitted_ : ndarray of shape (n_l1_ratios, n_cs), int
        With cv="alo": rows that were fitted again exactly.
    coef_, intercept_, classes_, n_features_in_, feature_names_in_, model_
        As in `LogisticRegression`.

    Examples
    --------
    >>> import numpy as np
    >>> from logloss import LogisticRegressionCV
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
    >>> model = LogisticRegressionCV(Cs=[0.1, 1.0], cv="alo").fit(X, [0, 0, 1, 0, 1, 1])
    >>> model.C_
    1.0
    """

    C_: float
    l1_ratio_: float
    Cs_: Array
    l1_ratios_: Array
    scores_: Array
    coefs_paths_: Array
    refitted_: NDArray[np.int64]

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Sequence[float] = (0.0,),
        cv: Any = 5,
        scoring: Any = "neg_log_loss",
        refit: bool = True,
        fit_intercept: bool = True,
        solver: Any = "auto",
        tol: float = 1e-6,
        max_iter: int | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        penalty_factors: Any = None,
        bounds: Any = None,
        standardize: bool = False,
        random_state: Any = None,
        n_threads: int | None = None,
        time_budget: float | None = None,
        verbose: int = 0,
        weights_are: str | None = None,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.penalty_factors = penalty_factors
        self.bounds = bounds
        self.standardize = standardize
        self.random_state = random_state
        self.n_threads = n_threads
        self.time_budget = time_budget
        self.verbose = verbose
        self.weights_are = weights_are

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, **params: Any
    ) -> Self:
        """Choose the penalty, and fit with it.

        Parameters
        ----------
        X : array, sparse matrix or data frame of shape (n, d)
            Numbers.
        y : array of shape (n,)
            Two labels; or soft labels: fractions in [0, 1].
        sample_weight : array of shape (n,), optional
            How often each row counts, in fits and scores.
        offset : array of shape (n,), optional
            Added to the log odds of each row.
        **params
            For the splitter and the scorer, where metadata routing is enabled.

        Returns
        -------
        LogisticRegressionCV
            Itself.

        Warns
        -----
        ConvergenceWarning
            A gap to an optimum was not proven to be within `tol`.

        Raises
        ------
        DataError
            The data cannot be fitted.
        UsageError
            A parameter is wrong.
        """
        begun = time.perf_counter()
        _raise_for_params(params, self, "fit")
        check_all_aligned(X=X, y=y, sample_weight=sample_weight, offset=offset)
        X, y = validate_data(self, X, y, **AS_IT_LIES)
        soft = is_soft(y)
        weight, shift = array_of(sample_weight), array_of(offset)
        self.Cs_, self.l1_ratios_ = strengths(self.Cs), ratios(self.l1_ratios)
        source = self._named(read(X))
        routed = self._routed(weight, params)
        folds = self._folds(X, y, routed)
        masks = None if folds is None else [mask(train, len(y)) for train, _ in folds]
        request = self._request(y, weight, shift)
        found = search(request, source, self.Cs_, self.l1_ratios_, masks)
        classes = found.paths[0][0].template.classes
        self.classes_ = np.array(classes, dtype=None if soft else y.dtype)
        self._keep_paths(found)
        if folds is None:
            self._leave_one_out(found)
        else:
            if soft or shift is not None:
                self._needs_log_loss("soft labels or an offset")
            rows = held_out(X, y, shift, folds, routed.scorer.score)
            self.scores_ = scores(found, rows, self._judge(not soft and shift is None))
            check_scored(self.scores_, rows, self.scoring)
        self._choose(found, None if folds is None else (request, source), begun)
        return self

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        **score_params: Any,
    ) -> float:
        """The score by `scoring`.

        Parameters
        ----------
        X, y, sample_weight
        offset : array of shape (n,), optional
            Required where the fit had one; then `scoring` must be the log loss.
        **score_params
            For the scorer, where metadata routing is enabled.
        """
        _raise_for_params(score_params, self, "score")
        check_all_aligned(X=X, y=y, sample_weight=sample_weight, offset=offset)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        if offset is not None:
            self._needs_log_loss("an offset")
            return log_loss(self, Bunch(X=X, y=y, offset=offset, **weight))
        given = {**score_params, **weight}
        if _routing_enabled():
            given = process_routing(self, "score", **given).scorer.score
        return float(self._scorer()(self, X, y, **given))

    def get_metadata_routing(self) -> Any:
        """Who is asked for which metadata: the splitter and the scorer; see scikit-learn."""
        to_score = MethodMapping().add(caller="score", callee="score")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
            .add(scorer=self._scorer(), method_mapping=to_score.add(caller="fit", callee="score"))
        )

    def _scorer(self) -> Any:
        return get_scorer("accuracy" if self.scoring is None else self.scoring)

    def _request(self, y: Any, weight: Any, offset: Any) -> Request:
        """What is asked of all fits of the search."""
        return Request(
            PenaltyOptions(
                factors=self.penalty_factors, bounds=self.bounds, standardize=self.standardize
            ),
            Limits(self.tol, self.max_iter, self.time_budget, self.n_threads),
            TableOptions(),
            Roles(y, weight, offset, class_weight=self.class_weight, weights_are=self.weights_are),
            SolverChoice.of(self.solver, seed_of(self.random_state)),
            fit_intercept=self.fit_intercept,
        )

    @property
    def _by_log_loss(self) -> bool:
        return isinstance(self.scoring, str) and self.scoring in _LOG_LOSS

    def _needs_log_loss(self, what: str) -> None:
        if not self._by_log_loss:
            raise UsageError(
                f"{what} goes with the log loss only, not with scoring={self.scoring!r}",
                "scoring='neg_log_loss'",
            )

    def _folds(self, X: Any, y: Any, routed: Bunch) -> list[tuple[Any, Any]] | None:
        """Rows to fit and rows held out of each fold; None: leave-one-out."""
        if isinstance(self.cv, str):
            if self.cv not in _APPROXIMATE:
                raise UsageError(
                    f"there is no cv {self.cv!r}", "give a number of folds, a splitter, or 'alo'"
                )
            self._needs_log_loss("cv='alo'")
            return None
        splitter = check_cv(self.cv, y, classifier=True)
        return list(splitter.split(X, y, **routed.splitter.split))

    def _routed(self, weight: Any, params: dict[str, Any]) -> Bunch:
        """What the splitter and the scorer are given."""
        given = {} if weight is None else {"sample_weight": weight}
        if _routing_enabled():
            routed: Bunch = process_routing(self, "fit", **given, **params)
            return routed
        return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=given))

    def _keep_paths(self, found: Searched) -> None:
        shape = (len(found.paths), len(self.l1_ratios_), len(self.Cs_))
        dof = self.n_features_in_ + bool(self.fit_intercept)
        self.coefs_paths_ = np.full((*shape, 1, dof), np.nan)
        self.n_iter_ = np.zeros(shape, dtype=np.int32)
        for fold, mix, position in np.ndindex(shape):
            path, at = found.paths[fold][mix], found.place(position)
            if at < len(path):
                row = self.coefs_paths_[fold, mix, position, 0]
                row[: self.n_features_in_] = path.coefficients[at]
                row[self.n_features_in_ :] = path.intercepts[at]
                self.n_iter_[fold, mix, position] = path.steps[at]
        poor = found.not_certified()
        if poor:
            what = f"{len(poor)} of {math.prod(shape)} fits ended without a proof of"
            why = f"tol={self.tol:g}. {poor[0].status.value}"
            warnings.warn(f"{what} {why}", ConvergenceWarning, stacklevel=3)

    def _leave_one_out(self, found: Searched) -> None:
        shape = (1, len(self.l1_ratios_), len(self.Cs_))
        self.scores_ = np.full(shape, np.nan)
        self.refitted_ = np.zeros(shape[1:], dtype=np.int64)
        for mix, path in enumerate(found.paths[0]):
            for position in range(len(self.Cs_)):
                at, left = found.place(position), path.leave_one_out
                if left is not None and at < len(path):
                    self.scores_[0, mix, position] = -left.losses[at]
                    self.refitted_[mix, position] = left.refitted[at]

    def _judge(self, plain: bool) -> Callable[[Model, Bunch], float]:
        """What scores a model on rows; our log loss where scikit-learn's has no value."""
        scorer, ours = self._scorer(), self._by_log_loss

        def judge(model: Model, rows: Bunch) -> float:
            if not plain or (ours and len(np.unique(rows.y)) == 1):
                return log_loss(self._shown(model), rows)
            return float(scorer(self._shown(model), rows.X, rows.y, **rows.params))

        return judge

    def _shown(self, model: Model) -> LogisticRegression:
        """A fit of a fold as an estimator, for scorers; it takes arrays, not frames."""
        shown = LogisticRegression(fit_intercept=self.fit_intercept, n_threads=self.n_threads)
        shown.classes_ = self.classes_
        shown.n_features_in_ = self.n_features_in_
        shown.model_ = model
        shown.coef_ = model.fitted.coefficients[np.newaxis].copy()
        shown.intercept_ = np.array([model.intercept])
        return shown

    def _choose(self, found: Searched, refit: tuple[Request, Source] | None, begun: float) -> None:
        """The best penalty, and the fit with it: of all rows, or without `refit` on the path."""
        n_iter = self.n_iter_
        if not self.refit:
            self._mean_of_folds(found)
            return
        position, mix = best(self.scores_.mean(axis=0))
        self.C_, self.l1_ratio_ = float(self.Cs_[position]), float(self.l1_ratios_[mix])
        nearest = found.model(0, mix, position)
        assert nearest is not None
        if refit is not None:
            request, source = refit
            asked = request.penalised_by(C=self.C_, l1_ratio=self.l1_ratio_)
            nearest = fit_request(asked, source, nearest, begun)
        self._keep(nearest)
        self.n_iter_ = n_iter

    def _mean_of_folds(self, found: Searched) -> None:
        chosen = [best(scores) for scores in self.scores_]
        models = [found.model(fold, mix, at) for fold, (at, mix) in enumerate(chosen)]
        fits = [model.fitted for model in models if model is not None]
        self.C_ = float(np.mean([self.Cs_[at] for at, _ in chosen]))
        self.l1_ratio_ = float(np.mean([self.l1_ratios_[mix] for _, mix in chosen]))
        mean = mean_of(fits)
        self.model_ = Model(mean)
        self.coef_ = mean.coefficients[np.newaxis].copy()
        self.intercept_ = np.array([mean.intercept])
