"""A link that is not the logistic one, in 60 lines of C++, through the kernels' own passes.

The toy is a logistic curve of another slope (tests/toy_link.cpp), so that its loss, its derivatives
and its minimum follow from those of the logistic link at 1.702 z.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import logloss

Array = NDArray[np.float64]
SLOPE = 1.702
SOURCE = Path(__file__).with_name("toy_link.cpp")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = tmp_path_factory.mktemp("toy") / "toy.so"
    command = [os.environ.get("CXX", "c++"), "-std=c++20", "-O1", "-w", "-shared", "-fPIC"]
    subprocess.run([*command, str(SOURCE), "-o", str(made)], check=True)
    library = ctypes.CDLL(str(made))
    library.toy_product.restype = ctypes.c_double
    return library


def address(x: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


class Rows:
    """Rows under the toy's link; sums over rows, the intercept last."""

    def __init__(self, library: Any, X: Array, y: Array, s: Array) -> None:
        self.library, self.X, self.y, self.s = library, X, y, s
        self.shape = [address(X), *(ctypes.c_int64(k) for k in X.shape), address(y), address(s)]

    def loss_gradient(self, beta: Array) -> tuple[float, Array, float, Array]:
        z, gradient, sums = np.empty(len(self.y)), np.empty(len(beta) - 1), np.empty(3)
        coef, b = np.ascontiguousarray(beta[:-1]), ctypes.c_double(beta[-1])
        out = [address(v) for v in (z, gradient, sums)]
        self.library.toy_loss_gradient(*self.shape, address(coef), b, *out)
        return sums[0], np.append(gradient, sums[1]), sums[2], z

    def product(self, z: Array, v: Array) -> Array:
        out, coef = np.empty(len(v) - 1), np.ascontiguousarray(v[:-1])
        last = self.library.toy_product(
            *self.shape, address(z), address(coef), ctypes.c_double(v[-1]), address(out)
        )
        return np.append(out, last)


@pytest.fixture
def rows(toy: Any) -> Rows:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((501, 7))
    y = (rng.random(501) < 1 / (1 + np.exp(-X @ rng.standard_normal(7)))).astype(np.float64)
    return Rows(toy, X, y, rng.random(501))


def test_its_loss_and_derivatives(rows: Rows) -> None:
    beta, v = np.random.default_rng(4).standard_normal((2, 8))
    A = np.column_stack([rows.X, np.ones(len(rows.y))])
    z = A @ beta
    p = 1 / (1 + np.exp(-SLOPE * z))
    loss, gradient, curvature, found = rows.loss_gradient(beta)
    bce = -rows.y * np.log(p) - (1 - rows.y) * np.log1p(-p)
    q = SLOPE**2 * rows.s * p * (1 - p)
    np.testing.assert_allclose(found, z, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(loss, rows.s @ bce, rtol=1e-12)
    np.testing.assert_allclose(gradient, SLOPE * A.T @ (rows.s * (p - rows.y)), atol=1e-11)
    np.testing.assert_allclose(curvature, q.sum(), rtol=1e-12)
    np.testing.assert_allclose(rows.product(found, v), A.T @ (q * (A @ v)), atol=1e-11)


def test_its_minimum(rows: Rows) -> None:
    """Newton's method on the toy's sums ends at the logistic coefficients over the slope."""
    beta = np.zeros(8)
    for _ in range(12):
        _, gradient, _, z = rows.loss_gradient(beta)
        hessian = np.array([rows.product(z, e) for e in np.eye(8)])
        beta -= np.linalg.solve(hessian, gradient)
    model = logloss.fit(rows.X, rows.y, sample_weight=rows.s, tol=1e-12)
    truth = np.append(np.array(list(model.coefficients.values())), model.intercept)
    np.testing.assert_allclose(beta, truth / SLOPE, rtol=1e-6)
