"""`logloss show`: what is in a model file."""

from __future__ import annotations

from logloss.cli import options
from logloss.cli.models import emit_model
from logloss.cli.outcome import DONE


def show(
    model: options.ModelFile,
    distribution: options.Distribution = None,
    json: options.Json = False,
) -> int:
    """Show what is in a model file."""
    from logloss.model.model import load

    options.check_distribution(distribution)
    emit_model(load(model), json, distribution)
    return DONE
