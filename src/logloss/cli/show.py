"""`logloss show`: what is in a model file."""

from __future__ import annotations

from logloss.cli import options
from logloss.cli.models import emit_model
from logloss.cli.outcome import DONE


def show(model: options.ModelFile, json: options.Json = False) -> int:
    """Show what is in a model file."""
    from logloss.model import load

    fitted = load(model)
    emit_model(fitted, json)
    return DONE
