"""Logistic regression with a proof: every fit says how far it is from the optimum.

``logloss.fit`` fits a model to a table, ``logloss.load`` reads a saved one, and
``logloss.LogisticRegression`` is the same as a scikit-learn estimator.  `sigmoid`, `bce` and the
other functions of `logloss.bernoulli` are the mathematics on NumPy arrays.

``import logloss`` loads NumPy and those functions only; everything else loads when first touched.
"""

import os
import sys

if {"logloss"} & {os.path.basename(getattr(sys, "argv", [""])[0])} or (  # noqa: PTH119
    {"logloss.cli"} & {*sys.orig_argv}
):
    # The command: Ctrl-C and SIGTERM wait for the words to end it with; then comes NumPy.
    import _signal  # type: ignore[import-not-found]  # it is there; `signal` takes a while

    _signal.pthread_sigmask(0, (2, 15))

    from logloss.cli.interrupt import guard

    guard()

import importlib
from typing import TYPE_CHECKING, Any

from logloss.bernoulli import (
    bce,
    bce_gradient,
    bce_with_logits,
    likelihood,
    log_likelihood,
    log_sigmoid,
    logit,
    sigmoid,
    sigmoid_derivative,
)

if TYPE_CHECKING:
    from logloss import evaluation, solvers
    from logloss.errors import DataError, LoglossError, MissingExtra, ModelFileError, UsageError
    from logloss.estimators.cross_validated import LogisticRegressionCV
    from logloss.estimators.logistic import LogisticRegression
    from logloss.model.fit import fit
    from logloss.model.model import Model, load
    from logloss.paths import Path, path
    from logloss.racing.race import Race, race

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "LogisticRegression",
    "LogisticRegressionCV",
    "LoglossError",
    "MissingExtra",
    "Model",
    "ModelFileError",
    "Path",
    "Race",
    "UsageError",
    "bce",
    "bce_gradient",
    "bce_with_logits",
    "evaluation",
    "fit",
    "likelihood",
    "load",
    "log_likelihood",
    "log_sigmoid",
    "logit",
    "path",
    "race",
    "sigmoid",
    "sigmoid_derivative",
    "solvers",
]

# Public name → the module that holds it.
_HOMES = {
    "DataError": "logloss.errors",
    "LogisticRegression": "logloss.estimators.logistic",
    "LogisticRegressionCV": "logloss.estimators.cross_validated",
    "LoglossError": "logloss.errors",
    "MissingExtra": "logloss.errors",
    "Model": "logloss.model.model",
    "ModelFileError": "logloss.errors",
    "Path": "logloss.paths",
    "Race": "logloss.racing.race",
    "UsageError": "logloss.errors",
    "fit": "logloss.model.fit",
    "load": "logloss.model.model",
    "path": "logloss.paths",
    "race": "logloss.racing.race",
}
_MODULES = {"evaluation", "solvers"}


def __getattr__(name: str) -> Any:
    """Load a public name on first touch (PEP 562); Python then finds it without asking again."""
    if name in _HOMES:
        home = importlib.import_module(_HOMES[name])
        if not hasattr(home, name):
            raise ImportError(
                f"logloss.{name} is not there yet: a signal handler or the like asks for it in the"
                f" middle of its import; touch logloss.{name} once before that may happen"
            )
        value = getattr(home, name)
    elif name in _MODULES:
        value = importlib.import_module(f"logloss.{name}")
    else:
        # With `name` and `obj` given, the traceback suggests the nearest public name.
        message = f"module 'logloss' has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
