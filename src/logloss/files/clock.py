"""Since when the seconds of a time budget count: since the call, or since the command began."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

_begun: ContextVar[float | None] = ContextVar("begun", default=None)


def begun(budget: float | None) -> float:
    """The reading of `time.perf_counter` from which a fit that begins now counts its seconds.

    Without a budget they are those of the fit alone.
    """
    given = _begun.get()
    return time.perf_counter() if given is None or budget is None else given


@contextlib.contextmanager
def counting_from(reading: float) -> Iterator[None]:
    """Within it, budgets count from a reading of `time.perf_counter` that lies back."""
    token = _begun.set(reading)
    try:
        yield
    finally:
        _begun.reset(token)


def process_start() -> float:
    """The reading of `time.perf_counter` at which this process started; now, where none can tell.

    Linux says so, to 10 ms; elsewhere the time that Python took to start is lost.
    """
    now = time.perf_counter()
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return now
    return now - max(age, 0.0)
