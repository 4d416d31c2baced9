"""Shared by all tests: where the real data lies, and how hypothesis runs.

Warnings are errors (`filterwarnings` in pyproject.toml). A test that measures a time or a memory
peak carries `@pytest.mark.alone`: `make test` runs those last, one after the other.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Kernels under a sanitizer or on a busy machine are slow now and then; that is not a failure.
settings.register_profile("default", deadline=None, print_blob=True)
# The same examples on every run, so that a red run can be run again.
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# A shell has what it starts in the background ignore Ctrl-C, and so would the tests of Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_file() -> Callable[[str], Path]:
    """A function from the name of a real data file to its path: `data_file("birthwt.csv")`.

    The files lie in the folder that the environment variable `LOGLOSS_DATA` names. Where it is
    unset the test is skipped. A file missing from that folder skips the test too, but is a failure
    where `CI` is set: there a silent skip would hide that nothing was tested.
    """

    def find(name: str) -> Path:
        folder = os.environ.get("LOGLOSS_DATA")
        if not folder:
            pytest.skip("LOGLOSS_DATA is not set")
        path = Path(folder) / name
        if not path.is_file():
            complain = pytest.fail if os.environ.get("CI") else pytest.skip
            complain(f"{name} is not in LOGLOSS_DATA ({folder})")
        return path

    return find
