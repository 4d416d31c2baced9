"""Amounts of memory: how much is free, and how people write one."""

from __future__ import annotations

import os
import re

from logloss.errors import UsageError


def free_memory() -> int:
    """Bytes of memory that are free, or could be at once."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123
            found = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(found.split()[1]) << 10
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def n_bytes(amount: int | str) -> int:
    """The bytes that "2GB", "500 MiB" or a number mean; UsageError for anything else."""
    if isinstance(amount, int) and not isinstance(amount, bool) and amount > 0:
        return amount
    found = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if found is None or float(found[1]) == 0.0:
        raise UsageError(
            f"memory must be an amount of bytes, not {amount!r}", 'write it like "2GB" or "500MB"'
        )
    unit = _UNITS[found[2].lower()]
    if found[3]:
        unit = 1 << (unit.bit_length() // 10 * 10)
    return int(float(found[1]) * unit)
