"""
Passes over typed blocks of rows. Vectors are float64 and contiguous; sums run over rows, with weights.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy
from numpy.typing import NDArray


instruction_set: str = 'v4'

def max_threads() -> int:
    """Threads that OpenMP would use now (OMP_NUM_THREADS, threadpoolctl)."""

def structure(pointers: Annotated[NDArray, dict(device='cpu', writable=False)], indices: Annotated[NDArray, dict(device='cpu', writable=False)], n_lines: int, n_across: int) -> tuple[bool, bool]:
    """
    Of CSR or CSC: do the indices of each line increase, and is none there twice? ValueError where they point outside.
    """

def hold(address: int, size: int) -> None:
    """Missing pages of mapped bytes are zeros from now on, not SIGBUS."""

def let_go(address: int) -> None:
    """What was held is unmapped."""

class Design:
    """Typed blocks side by side, read as they lie in memory."""

    def __init__(self, n_rows: int) -> None: ...

    def add_dense(self, x: Annotated[NDArray, dict(device='cpu', writable=False)]) -> None: ...

    def add_columns(self, columns: Sequence[Annotated[NDArray, dict(device='cpu', writable=False)]]) -> None: ...

    def add_sparse(self, pointers: Annotated[NDArray, dict(device='cpu', writable=False)], indices: Annotated[NDArray, dict(device='cpu', writable=False)], values: Annotated[NDArray, dict(device='cpu', writable=False)], n_columns: int, by_row: bool) -> None: ...

    def add_codes(self, codes: Annotated[NDArray, dict(device='cpu', writable=False)], slots: Annotated[NDArray, dict(device='cpu', writable=False)], n_columns: int) -> None:
        """
        Row i is 1 in column slots[codes[i]] of the block, and nowhere where that is -1.
        """

    def add_nullable(self, values: Annotated[NDArray, dict(device='cpu', writable=False)], valid: Annotated[NDArray, dict(device='cpu', writable=False)], fill: float, indicator: bool) -> None:
        """
        Values, `fill` where Arrow's bitmap is 0; with an indicator a second column that is 1 there.
        """

    def finish(self) -> None:
        """Lays out tiles and lanes; nothing may be added afterwards."""

    @property
    def n_rows(self) -> int: ...

    @property
    def n_columns(self) -> int: ...

    @property
    def tile_rows(self) -> int: ...

    @property
    def n_lanes(self) -> int: ...

class Observations:
    """Labels in [0, 1], weights and offsets of the rows."""

    def __init__(self, y: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None, offset: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None) -> None: ...

def predict(design: Design, coef: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], intercept: float, offset: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, n_threads: int) -> NDArray[numpy.float64]:
    """z = X coef + intercept + offset."""

def loss_gradient(design: Design, rows: Observations, coef: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], intercept: float, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')] | None, n_threads: int) -> tuple[float, NDArray[numpy.float64], float, float]:
    """
    Sums of s*loss, s*r*x, s*r and s*q; writes z into `linear` where given.
    """

def product(design: Design, rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], coef: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], intercept: float, n_threads: int) -> tuple[NDArray[numpy.float64], float]:
    """Sums of s*q*(x.coef + intercept)*[x, 1] at z = `linear`."""

def dual(design: Design, rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], coef: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], intercept: float, xi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], n_threads: int) -> tuple[NDArray[numpy.float64], float, NDArray[numpy.float64], float]:
    """
    For r' = r - q*xi, xi = X coef + intercept (written): sums of s*r'*[x, 1] and s*q*[x, 1].
    """

def step_losses(rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], xi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], steps: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int) -> NDArray[numpy.float64]:
    """Sums of s*loss at z = linear - step*xi, for each step."""

def row_gap(rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], xi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], shift: float, scale: float, n_threads: int) -> tuple[float, float]:
    """
    The rows' part of the duality gap at scale*r', and how many rows leave [0, 1].
    """

def dual_margin(rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], xi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], shift: float, scale: float, curved: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int) -> tuple[float, float, float, float, float]:
    """
    Of the dual point t = y + u, u = scale*(r - q*(xi + shift)): the least min(t, 1 - t)*sqrt(s/w), the sums of s*u^2/w, s*|u| and s*w*l^2, l >= |logit(t) - z|, and the largest w/min(t, 1 - t); w: q at z = `curved`.
    """

def moments(design: Design, weight: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, center: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int) -> tuple[NDArray[numpy.float64], NDArray[numpy.float64]]:
    """Sums of s*x and s*(x - center)^2 (sparse columns: s*x^2)."""

def gram(design: Design, rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], center: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], subset: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int, secant: bool = False, curvature: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None = None) -> NDArray[numpy.float64]:
    """
    Sum of s*q*[x - center, 1][x - center, 1]' over the columns in `subset`, at z = `linear`; with the secant curvature in place of q where asked for, or with `curvature` in place of s*q where given.
    """

def group_sums(design: Design, v: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], group: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_groups: int, center: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], subset: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int) -> NDArray[numpy.float64]:
    """
    Sums of v*[x - center, 1] over the rows of each group, for the columns in `subset`: (n_groups, n + 1).
    """

def leverages(design: Design, center: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], subset: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], triangle: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], n_threads: int) -> NDArray[numpy.float64]:
    """
    |[x - center, 1] triangle|^2 of each row, over the columns in `subset`; the triangle is upper but for its last row.
    """

def leave_one_out(rows: Observations, linear: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], xi: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)] | None, leverage: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], whole: bool, limit: float, shift: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')] | None, n_threads: int) -> tuple[float, int]:
    """
    The loss of each row under the fit to the others, summed, and how many rows move by more than `limit`, at z = linear - xi; writes how far each moves into `shift` where given. A row is left out whole, or a weight of 1 of it.
    """

def take(arrays: Sequence[Annotated[NDArray, dict(device='cpu', writable=False)]], rows: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], n_threads: int) -> list[NDArray]:
    """[x[rows] for x in arrays], copied: vectors, or one matrix."""

def solve(matrix: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], right: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], tolerance: float) -> tuple[NDArray[numpy.float64], int]:
    """
    Solution and rank of a positive semidefinite system; aliases of earlier columns get 0.
    """

def quadratic(hessian: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], point: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], l1: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], lower: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], upper: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], accuracy: float, most: int, far: float = float('inf')) -> tuple[NDArray[numpy.float64], NDArray[numpy.float64], int]:
    """
    Minimises g.d + d'Hd/2 + sum of l1*|point + d| within bounds: point + d, g + Hd, and the rounds it took; roughly, where it falls by more than `far`.
    """

def dot(a: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], b: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> float: ...

def bernoulli(z: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], y: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> tuple[NDArray[numpy.float64], NDArray[numpy.float64], NDArray[numpy.float64]]:
    """Loss, residual and curvature of each row."""

def inverse_factor(matrix: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], tolerance: float) -> tuple[NDArray[numpy.float64], int]:
    """
    A lower triangle T with T'T = H^-1 for a positive semidefinite H, and the rank; aliases of earlier columns get 0.
    """

def stream_read(x: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], n_threads: int) -> float:
    """Sums x as fast as memory gives it."""

class Rows:
    """
    Rows one at a time, in the coordinates (x - center)*inverse. The vectors given are changed.
    """

    def __init__(self, design: Design, rows: Observations, center: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], inverse: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], intercept: bool) -> None:
        """
        Reads the design as it lies where that is rows of floats in C order or CSR, else a copy of it.
        """

    @property
    def copied(self) -> bool: ...

    @property
    def sparse(self) -> bool: ...

    @property
    def n_entries(self) -> int: ...

    def largest_square(self) -> float:
        """Of |[x, 1]| over the rows with weight."""

    def averaged(self, order: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], step: float, saga: bool, weight_sum: float, penalty: tuple[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]], beta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], mean: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], residuals: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')]) -> None:
        """An epoch of SAGA or SAG."""

    def descend(self, order: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], steps: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], batch: int, penalty: tuple[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]], beta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], average: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')] | None, every: int, count: int) -> int:
        """
        An epoch of stochastic gradient descent; returns the points in the average.
        """

    def adam(self, order: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], steps: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], batch: int, constants: tuple[float, float, float], penalty: tuple[Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)]], beta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], first: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], second: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], done: int) -> int:
        """
        An epoch of Adam; returns the steps so far. `constants`: beta1, beta2, epsilon.
        """

    def perceptron(self, order: Annotated[NDArray[numpy.int64], dict(shape=(None,), order='C', device='cpu', writable=False)], step: float, beta: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], pocket: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], errors: float, run: int, best_run: int) -> tuple[float, int, int, int, int]:
        """
        An epoch of the perceptron: errors of the pocket, run, its run, mistakes, reads of all rows.
        """
