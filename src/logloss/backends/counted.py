"""The count of reads, and what has to hold after each."""

from __future__ import annotations

from logloss.files.held import check_held


class Reads:
    """Reads of all rows so far, by a likelihood and those that were derived from it.

    What was read of a file that has changed by now is an error.
    """

    def __init__(self, so_far: int = 0) -> None:
        self.so_far = so_far

    def add(self, reads: int = 1) -> None:
        check_held()
        self.so_far += reads
