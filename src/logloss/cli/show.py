"""`logloss show`: what is in a model file."""

from __future__ import annotations

from logloss.cli import options
from logloss.cli.models import summary_of
from logloss.cli.outcome import DONE
from logloss.cli.terminal import emit


def show(model: options.ModelFile, json: options.Json = False) -> int:
    """Show what is in a model file."""
    from logloss.model import load

    fitted = load(model)
    emit(fitted.dumps().rstrip("\n") if json else summary_of(fitted))
    return DONE
