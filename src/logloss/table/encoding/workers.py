"""How many threads work on columns side by side."""

from __future__ import annotations

import os

_MOST = 8  # more wait for the memory, and for each other


def worker_count() -> int:
    """The processors that this process may use, up to a few."""
    known = hasattr(os, "sched_getaffinity")
    return min(len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1, _MOST)
