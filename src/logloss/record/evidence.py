"""Evidence: what a fit leaves behind for questions that need its data again.

Standard errors of other kinds, profile intervals, likelihood-ratio tests, influence: they read the
rows once more or fit again, and so they work as long as the data of the fit is at hand. A model
that was saved, pickled or copied has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from logloss.objective.base import Objective
    from logloss.objective.coordinates import Coordinates
    from logloss.objective.likelihood import Groups
    from logloss.objective.row_data import RowData
    from logloss.record.weighting import Weighting
    from logloss.table.columns.source import Source
    from logloss.table.design.design import Design
    from logloss.table.roles.groups import Origin


@dataclass(frozen=True, eq=False)
class Evidence:
    """The objective of a fit, alive, and the point that was found.

    Attributes
    ----------
    objective : Objective
        In inner coordinates.
    coordinates : Coordinates
        Between those and the coefficients as they are reported.
    beta : ndarray of shape (objective.n_coefficients,), float64
        The point, in inner coordinates; the intercept is the last.
    names : tuple of str
        Of the coefficients, in order, without the intercept.
    intercept : bool
        Whether one was fitted.
    design : Design
        The matrix, in the units of the columns.
    rows : RowData
        Labels, weights and offsets.
    features : Source
        The table that the matrix was made of, for names and places of rows.
    n_threads : int
    weighting : Weighting
        What the weights mean.
    origin : Origin
        The table with all its columns.
    groups : Groups or None
        Of a covariance that was asked for in the fit.
    """

    objective: Objective
    coordinates: Coordinates
    beta: NDArray[np.float64]
    names: tuple[str, ...]
    intercept: bool
    design: Design
    rows: RowData
    features: Source
    n_threads: int
    weighting: Weighting
    origin: Origin
    groups: Groups | None = None
