"""Each method on each model that is odd but legal answers, or says in our words why it cannot."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import logloss
from logloss import LoglossError, Model

N = 30
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
Y = (np.arange(N) % 3 == 0).astype(int)
TABLE = pd.DataFrame(X, columns=["a", "b"])
HALF = np.arange(N) % 2
FIRST = np.r_[1.0, np.zeros(N - 1)]

ODD: dict[str, dict[str, Any]] = {
    "two rows": {"X": X[:2], "y": [0, 1]},
    "two rows, penalised": {"X": X[:2], "y": [0, 1], "C": 1.0},
    "wide": {"X": RNG.normal(size=(5, 9)), "y": [0, 1, 0, 1, 1]},
    "wide, penalised": {"X": RNG.normal(size=(5, 9)), "y": [0, 1, 0, 1, 1], "C": 1.0},
    "no weight on a class": {"X": X, "y": Y, "sample_weight": (Y == 0) * 1.0},
    "no weight on a class, penalised": {"X": X, "y": Y, "sample_weight": Y * 1.0, "C": 1.0},
    "no weight on a class, Firth": {"X": X, "y": Y, "sample_weight": Y * 1.0, "firth": True},
    "no weight on a class, no intercept": {
        "X": X,
        "y": Y,
        "sample_weight": Y * 1.0,
        "fit_intercept": False,
    },
    "weight on one row": {"X": X, "y": Y, "sample_weight": FIRST},
    "weight on two rows": {"X": X, "y": Y, "sample_weight": FIRST + np.roll(FIRST, 1)},
    "huge weights": {"X": X, "y": Y, "sample_weight": np.full(N, 1e300)},
    "tiny weights": {"X": X, "y": Y, "sample_weight": np.full(N, 1e-300)},
    "zeros": {"X": np.zeros((N, 2)), "y": Y},
    "zeros, no intercept": {"X": np.zeros((N, 2)), "y": Y, "fit_intercept": False},
    "soft, but for one row hard": {"X": X, "y": 0.5 * FIRST},
    "soft in a row without weight": {"X": X, "y": 0.5 * FIRST, "sample_weight": 1.0 - FIRST},
    "soft, all a half": {"X": X, "y": np.full(N, 0.5)},
    "separated": {"X": X, "y": (X[:, 0] > 0) * 1},
    "separated, penalised": {"X": X, "y": (X[:, 0] > 0) * 1, "C": 1.0},
    "a column without values": {"X": TABLE.assign(m=[np.nan] * N), "y": Y},
    "a column of holes": {"X": TABLE.assign(m=[np.nan, 1.0] * (N // 2)), "y": Y},
    "rows left out": {
        "X": TABLE.assign(m=[np.nan, 1.0, 2.0] * (N // 3)),
        "y": HALF,
        "missing": "drop",
    },
    "a constant text": {"X": TABLE.assign(t="a"), "y": Y},
    "text alone": {"X": pd.DataFrame({"t": list("abc") * (N // 3)}), "y": HALF},
    "signs": {"X": X, "y": Y, "bounds": ["+", "-"]},
    "bounds of nothing": {"X": X, "y": Y, "bounds": [(0, 0), (0, 0)]},
    "an alias": {"X": np.c_[X, X.sum(1)], "y": Y},
    "perceptron": {"X": X, "y": Y, "solver": "perceptron"},
    "stopped": {"X": X, "y": Y, "solver": "gd", "max_iter": 1},
    "offsets": {"X": X, "y": Y, "offset": np.linspace(-1.0, 1.0, N)},
    "huge offsets": {"X": X, "y": Y, "offset": np.full(N, 1e308)},
    "sparse": {"X": sp.csr_array(X), "y": Y},
    "counts": {"X": X, "y": np.c_[Y, 1 - Y] * 3},
    "one label against all others": {"X": X, "y": np.arange(N) % 3, "positive": 2},
    "bools": {"X": X, "y": Y == 1},
    "all shrunk away": {"X": X, "y": Y, "l1": 10.0},
}


class Trial(NamedTuple):
    """A model, and what it was fitted to."""

    m: Model
    X: Any
    given: dict[str, Any]


Method = Callable[[Trial], Any]


def groups(X: Any) -> Any:
    return np.arange(X.shape[0]) % 5


METHODS: dict[str, Method] = {
    "summary": lambda t: str(t.m.summary()),
    "summary as a table": lambda t: t.m.summary().table,
    "robust summary": lambda t: str(t.m.summary(covariance="HC1")),
    "covariance": lambda t: t.m.covariance(),
    "covariance by groups": lambda t: t.m.covariance(groups=groups(t.X)),
    "wald limits": lambda t: t.m.confidence_intervals(),
    "profile limits": lambda t: t.m.confidence_intervals(method="profile"),
    "decision_function": lambda t: t.m.decision_function(t.X, t.given.get("offset")),
    "predict_proba": lambda t: t.m.predict_proba(t.X, t.given.get("offset")),
    "predict": lambda t: t.m.predict(t.X, t.given.get("offset")),
    "evaluate": lambda t: str(
        t.m.evaluate(t.X, t.given["y"], t.given.get("sample_weight"), offset=t.given.get("offset"))
    ),
    "separation": lambda t: getattr(t.m.separation, "text", None),
    "influence": lambda t: str(t.m.influence()),
    "dfbetas": lambda t: t.m.influence().dfbetas([0]),
    "marginal_effects": lambda t: t.m.marginal_effects(),
    "test": lambda t: t.m.test(next(iter(t.m.coefficients))),
    "likelihood_ratio": lambda t: t.m.likelihood_ratio(t.m),
    "with_prior": lambda t: t.m.with_prior(0.1),
    "dumps": lambda t: t.m.dumps(),
    "repr": lambda t: repr(t.m),
    "a copy": lambda t: str(copy.deepcopy(t.m).summary()),
    "attach": lambda t: copy.deepcopy(t.m).attach(
        t.X, t.given["y"], t.given.get("sample_weight"), t.given.get("offset")
    ),
}


@pytest.mark.filterwarnings("ignore:values that no row had when the model was fitted")
@pytest.mark.parametrize("name", ODD)
def test_every_method_answers_or_says_why_not(name: str) -> None:
    """A warning of NumPy is an error here too."""
    given = dict(ODD[name])
    try:
        model = logloss.fit(**given)
    except LoglossError:
        return
    for method, call in METHODS.items():
        try:
            with contextlib.suppress(LoglossError):
                call(Trial(model, given["X"], given))
        except Exception as error:
            raise AssertionError(f"{method}: {error!r}") from error
