"""`logloss show`: what is in a model file."""

from __future__ import annotations

import logloss
from logloss.cli import options
from logloss.cli.models import emit_model
from logloss.cli.outcome import DONE


def show(
    model: options.ModelFile,
    distribution: options.Distribution = None,
    json: options.Json = False,
) -> int:
    """Show what is in a model file."""
    options.check_distribution(distribution)
    emit_model(logloss.load(model), json, distribution)
    return DONE
