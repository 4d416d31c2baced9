"""`python -m logloss.cli` is `logloss`."""

from __future__ import annotations

from logloss.cli import command

command()
