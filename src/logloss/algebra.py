"""Dense algebra on one thread, so that no result depends on how many there are.

BLAS gives other bits for two threads than for one, and wakes its threads for short vectors, which
then compete with those of the kernels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from logloss import _kernels

Array = NDArray[np.float64]

ALIAS = 1e-12  # a pivot below this share of its diagonal: the column is a combination of others


def dot(a: Array, b: Array) -> float:
    """a·b."""
    return float(_kernels.dot(a, b))


def solve(hessian: Array, gradient: Array) -> tuple[Array, int]:
    """H⁻¹g for a positive semidefinite H, by Cholesky, and the rank of H.

    A column that is a combination of earlier ones (an alias) gets 0.
    """
    step, rank = _kernels.solve(np.ascontiguousarray(hessian), gradient, ALIAS)
    return step, int(rank)
