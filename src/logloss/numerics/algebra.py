"""Dense algebra on one thread, so that no result depends on how many there are.

BLAS gives other bits for two threads than for one, and wakes its threads for short vectors, which
then compete with those of the kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

import logloss._kernels as _kernels
from logloss.numerics.elimination import Eliminated

Array = NDArray[np.float64]

ALIAS = 1e-12  # a pivot below this share of its diagonal: the column is a combination of others
_GOLDEN = 0.6180339887498949  # its multiples make up nothing by accident


def dot(a: Array, b: Array) -> float:
    """a·b."""
    return float(_kernels.dot(a, b))


def solve(hessian: Array, gradient: Array) -> tuple[Array, int]:
    """H⁻¹g for a positive semidefinite H, by Cholesky, and the rank of H.

    A column that is a combination of earlier ones (an alias) gets 0.
    """
    apart = Eliminated.of(hessian)
    if apart is not None:
        rest, rank = _kernels.solve(apart.schur, apart.right(gradient), ALIAS)
        if rank == len(rest):
            return apart.whole(rest, gradient), apart.n
    step, rank = _kernels.solve(np.ascontiguousarray(hessian), gradient, ALIAS)
    return step, int(rank)


def inverse_factor(hessian: Array) -> tuple[Array, int]:
    """T, lower triangular with TᵀT = H⁻¹, for a positive semidefinite H, and its rank.

    A column that is a combination of earlier ones (an alias) gets zeros.
    """
    inverse, rank = _kernels.inverse_factor(np.ascontiguousarray(hessian), ALIAS)
    return inverse, int(rank)


def inverse_diagonal(hessian: Array, tolerance: float = ALIAS) -> tuple[Array, int]:
    """The diagonal of H⁻¹ for a positive semidefinite H, and its rank; 0 for aliases."""
    apart = Eliminated.of(hessian)
    if apart is not None:
        inverse, rank = _kernels.inverse_factor(apart.schur, tolerance)
        if rank == len(inverse):
            return apart.inverse_diagonal(inverse), apart.n
    inverse, rank = _kernels.inverse_factor(np.ascontiguousarray(hessian), tolerance)
    return (inverse**2).sum(axis=0), int(rank)


def own_columns(gram: Array) -> NDArray[np.bool_]:
    """Which columns are no combination of earlier ones, of a Gram matrix XᵀX; shape (n,).

    From one solution, which is 0 for the others alone: a third of what `inverse_factor` takes.
    """
    some = 0.5 + np.modf(np.arange(1, len(gram) + 1) * _GOLDEN)[0]
    solution, rank = solve(gram, gram @ some)
    own: NDArray[np.bool_] = np.isfinite(solution) & (solution != 0.0)
    if own.sum() != rank:
        own = np.diag(inverse_factor(gram)[0]) > 0.0
    return own


def conjugate_gradients(
    product: Callable[[Array], Array],
    right: Array,
    precondition: Callable[[Array], Array] | None = None,
) -> Iterator[tuple[Array, Array, float]]:
    """Iterates of conjugate gradients for Hx = b, from 0 (Hestenes & Stiefel 1952).

    Parameters
    ----------
    product : function
        v → Hv, for a positive semidefinite H; called once an iteration.
    right : ndarray
        b.
    precondition : function, optional
        r → M⁻¹r, for a positive definite M near H.

    Yields
    ------
    x, b − Hx, and how much ½ x·Hx − b·x has fallen in this iteration. The same arrays each time.
    """
    x = np.zeros_like(right)
    near = precondition or (lambda r: r)
    residual, direction = right.copy(), near(right).copy()
    square = dot(residual, direction)
    while square > 0.0:
        curved = product(direction)
        curvature = dot(direction, curved)
        if not curvature > 0.0:
            return
        rate = square / curvature
        x += rate * direction
        residual -= rate * curved
        yield x, residual, 0.5 * rate * square
        towards = near(residual)
        previous, square = square, dot(residual, towards)
        direction = towards + (square / previous) * direction
