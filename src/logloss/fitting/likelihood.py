"""Where a likelihood is built: the one place above backends/ that names one of them."""

from __future__ import annotations

from logloss.backends.counted import Reads
from logloss.backends.memory import MemoryLikelihood
from logloss.objective.coordinates import Coordinates
from logloss.objective.likelihood import RowSums
from logloss.objective.row_data import RowData
from logloss.table.design.design import Design


def likelihood_of(
    design: Design, rows: RowData, where: Coordinates, n_threads: int, reads: int = 0
) -> RowSums:
    """That of rows in memory. `reads`: how many were spent on measuring them."""
    return MemoryLikelihood(design, rows, where, n_threads, Reads(reads))
