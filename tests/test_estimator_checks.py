"""scikit-learn's own checks of an estimator: all of them pass, none is expected to fail."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from logloss import LogisticRegression

VARIANTS = [
    LogisticRegression(),
    LogisticRegression(solver="lbfgs", tol=1e-12, warm_start=True),
    LogisticRegression(standardize=True, class_weight="balanced", n_threads=2),
    LogisticRegression(missing="auto"),
    LogisticRegression(missing="drop"),
]

# scikit-learn skips this one itself unless SciPy was imported with the array API switched on.
ONLY_WITH_ARRAY_API = {"check_array_api_input"} if "SCIPY_ARRAY_API" not in os.environ else set()


@parametrize_with_checks(VARIANTS)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("missing", ["error", "auto", "drop"])
def test_check_estimator_leaves_nothing_out(missing: str) -> None:
    results = check_estimator(LogisticRegression(missing=missing), on_fail="raise")
    assert len(results) >= 60
    skipped = {result["check_name"] for result in results if result["status"] != "passed"}
    assert skipped <= ONLY_WITH_ARRAY_API
