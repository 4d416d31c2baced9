"""The count of reads, and what has to hold after each."""

from __future__ import annotations

from logloss.files.held import check_held


class CountedReads:
    """`reads` of the data so far; what was read of a file that has changed by now is an error."""

    _reads = 0

    @property
    def reads(self) -> int:
        return self._reads

    @reads.setter
    def reads(self, reads: int) -> None:
        check_held()
        self._reads = reads
