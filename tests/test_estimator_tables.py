"""The estimator on data frames: as scikit-learn has them, and as logloss.fit takes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

import logloss
from logloss.errors import DataError


def frame() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    X["word"] = rng.choice(["x", "y", "z"], 300)
    X.loc[::7, "b"] = np.nan
    y = (X.a + (X.word == "y") + rng.normal(size=300) > 0).to_numpy().astype(int)
    return X, y


@pytest.mark.parametrize("make", [logloss.LogisticRegression, logloss.LogisticRegressionCV])
def test_no_column_of_a_frame_is_left_out(make: type[logloss.LogisticRegression]) -> None:
    """One coefficient for each feature, also where a column is constant or repeated."""
    X, y = frame()
    X = X[["a"]].assign(constant=1.0, again=X.a)
    fitted = make().fit(X, y)
    assert fitted.coef_.shape == (1, 3)
    assert fitted.n_features_in_ == 3
    expected = make().fit(X.to_numpy(), y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X.to_numpy()))


def test_tables_as_they_are_where_asked_for() -> None:
    X, y = frame()
    with pytest.raises((DataError, ValueError)):
        logloss.LogisticRegression().fit(X, y)
    estimator = logloss.LogisticRegression(C=2.0, missing="auto").fit(X, y)
    expected = logloss.fit(X, y, C=2.0)
    assert dict(estimator.model_.coefficients) == dict(expected.coefficients)
    assert "b=<missing>" in expected.coefficients
    assert estimator.coef_.shape == (1, len(expected.coefficients))
    np.testing.assert_array_equal(estimator.predict_proba(X)[:, 1], expected.predict_proba(X))
    assert estimator.score(X, y) > 0.6
    scores = cross_val_score(logloss.LogisticRegression(missing="auto"), X, y, cv=3)
    assert scores.min() > 0.5


def test_missing_numbers_of_an_array() -> None:
    X, y = frame()
    numbers = X[["a", "b"]].to_numpy()
    estimator = logloss.LogisticRegression(missing="auto").fit(numbers, y)
    assert list(estimator.model_.coefficients) == ["x0", "x1", "x1=<missing>"]
    assert np.isfinite(estimator.predict_proba(numbers)).all()
    with pytest.raises(DataError, match="nan"):
        logloss.LogisticRegression().fit(numbers, y)
