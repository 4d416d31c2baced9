"""Columns as tables have them, made hard on purpose: nearly dependent, ill scaled, far from 0.

Each maker takes a generator of random numbers and the number of rows, and gives the columns and
the signal that the labels shall follow: what is hard to see must matter. All values are what the
program will be given, rounded once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Random = np.random.Generator


@dataclass(frozen=True)
class Columns:
    X: Array
    signal: Array


def _basis(rng: Random, n: int, d: int) -> Array:
    """Independent columns of one kind or another."""
    kinds: list[Callable[[], Array]] = [
        lambda: rng.standard_normal(n),
        lambda: rng.integers(-5, 6, n).astype(float),
        lambda: rng.exponential(1.0, n),
        lambda: rng.choice([0.0, 1.0], n, p=[0.7, 0.3]),
        lambda: rng.standard_t(2.0, n),
        lambda: np.round(rng.standard_normal(n), 2),
    ]
    return np.column_stack([kinds[rng.integers(len(kinds))]() for _ in range(d)])


def _share(rng: Random, low: float = 1.0, high: float = 13.0) -> float:
    return float(10.0 ** -rng.uniform(low, high))


def _unit(column: Array) -> Array:
    spread = column.std()
    return (column - column.mean()) / (spread if spread > 0.0 else 1.0)


def plain(rng: Random, n: int) -> Columns:
    X = _basis(rng, n, int(rng.integers(1, 11)))
    return Columns(X, X @ rng.standard_normal(X.shape[1]))


def own_parts(rng: Random, n: int) -> Columns:
    """One or two columns are combinations of the others but for a share of their own."""
    X = _basis(rng, n, int(rng.integers(2, 8)))
    signal = _unit(X[:, 0])
    hard = rng.permutation(X.shape[1])[: 1 + (rng.random() < 0.4)]
    for j in hard:
        mix = rng.standard_normal(X.shape[1]) * (rng.random(X.shape[1]) < 0.6)
        mix[hard] = 0.0
        if not mix.any():
            mix[next(k for k in range(len(mix)) if k not in hard or len(hard) == len(mix))] = 1.0
            mix[j] = 0.0
        rest, own = X @ mix, rng.standard_normal(n)
        size = rest.std() or 1.0
        X[:, j] = rest + _share(rng) * size * own
        signal = signal + 1.5 * own
    return Columns(X, signal)


def chain(rng: Random, n: int) -> Columns:
    """x, x + εu, x + εu + εδv: the share of each is measured against the one before."""
    links = int(rng.integers(2, 5))
    X, signal, share = [rng.standard_normal(n)], np.zeros(n), 1.0
    for _ in range(links - 1):
        own = rng.standard_normal(n)
        share = max(share * _share(rng, 0.5, 7.0), 1e-13)
        X.append(X[-1] + share * own)
        signal = signal + own
    return Columns(np.column_stack(X), signal)


def time_stamps(rng: Random, n: int) -> Columns:
    """Start and end, in seconds, milliseconds or microseconds, and perhaps something between."""
    unit = float(rng.choice([1.0, 1e3, 1e6]))
    years = rng.uniform(0.01, 20.0)
    start = np.round((1.6e9 + 3.15e7 * years * rng.random(n)) * unit)
    lasting = rng.integers(1, int(10 ** rng.uniform(1, 5)) + 1, n).astype(float)
    X = [start, start + lasting]
    signal = 2.0 * _unit(lasting)
    if rng.random() < 0.3:
        part = np.round(lasting * rng.random(n))
        X.append(start + part)
        signal = signal + _unit(part)
    if rng.random() < 0.5:
        X.append(rng.standard_normal(n))
    return Columns(np.column_stack(X), signal)


def powers(rng: Random, n: int) -> Columns:
    """x, x², … of a year, or of something else that is far from 0."""
    middle, spread = [(1987.0, 37.0), (2005.0, 15.0), (100.0, 30.0), (40.0, 20.0)][rng.integers(4)]
    x = np.round(middle + spread * rng.uniform(-1.0, 1.0, n))
    degree = int(rng.integers(2, 6))
    first = 0 if rng.random() < 0.2 else 1
    u = (x - middle) / spread
    bent = np.polynomial.legendre.legval(u, rng.standard_normal(degree + 1))
    return Columns(np.column_stack([x**k for k in range(first, degree + 1)]), 2.0 * bent)


def copies(rng: Random, n: int) -> Columns:
    """a and a + εd."""
    a, own = rng.standard_normal(n), rng.standard_normal(n)
    X = [a, a + _share(rng) * own]
    if rng.random() < 0.3:
        X.append(rng.standard_normal(n))
    return Columns(np.column_stack(X), a + 2.0 * own)


def sums(rng: Random, n: int) -> Columns:
    """A total beside its parts, off by a little: cents, or what was left out."""
    parts = np.round(rng.exponential(100.0, (n, int(rng.integers(2, 6)))), 2)
    own = rng.standard_normal(n)
    off = np.round(own * 10.0 ** rng.integers(-8, 2), 9)
    total = np.round(parts.sum(axis=1), 2) + off
    return Columns(np.column_stack([parts, total]), 1.5 * own + _unit(parts[:, 0]))


def products(rng: Random, n: int) -> Columns:
    """a, b and ab, both far from 0: the product is nearly a sum."""
    far = 10.0 ** rng.uniform(0, 6)
    a, b = np.round(rng.standard_normal((2, n)), 3)
    X = np.column_stack([far + a, far + b, (far + a) * (far + b)])
    return Columns(X, 2.0 * a * b + a)


def dummies(rng: Random, n: int) -> Columns:
    """Levels as columns, or shares, that add up to 1 but for a few rows, or nearly."""
    k = int(rng.integers(2, 6))
    if rng.random() < 0.5:
        level = rng.integers(0, k, n)
        X = np.eye(k)[level]
        signal = rng.standard_normal(k)[level] * 1.5
        if rng.random() < 0.6:
            X = X + _share(rng, 1.0, 8.0) * rng.standard_normal((n, k)) * (rng.random() < 0.5)
            X[rng.random(n) < 0.05] = 0.0
        return Columns(X, signal)
    X = np.round(rng.dirichlet(np.ones(k), n), int(rng.integers(2, 12)))
    return Columns(X, 2.0 * _unit(X[:, 0]) + 2.0 * _unit(X.sum(axis=1)))


def scales(rng: Random, n: int) -> Columns:
    """Each column in a unit of its own, from 1e-200 to 1e200."""
    X = _basis(rng, n, int(rng.integers(1, 6)))
    reach = float(rng.choice([10.0, 100.0, 200.0]))
    signal = X @ rng.standard_normal(X.shape[1])
    return Columns(X * 10.0 ** rng.uniform(-reach, reach, X.shape[1]), signal)


def wide(rng: Random, n: int) -> Columns:
    """More columns than rows."""
    rows = min(n, 12)
    X = _basis(rng, n, int(rows + rng.integers(1, 4)))
    return Columns(X, _unit(X[:, 0]))


def aliases(rng: Random, n: int) -> Columns:
    """Copies, multiples, exact sums, constants and nothing at all, in any order."""
    X = _basis(rng, n, int(rng.integers(2, 5)))
    whole = rng.integers(-20, 21, (n, 2)).astype(float)
    extra = [
        X[:, 0],
        X[:, 1] * 4.0,
        -X[:, 0],
        np.full(n, float(rng.integers(-3, 4))),
        whole[:, 0],
        whole[:, 1],
        whole.sum(axis=1),
        whole[:, 0] - 2.0 * whole[:, 1],
    ]
    chosen = rng.permutation(len(extra))[: int(rng.integers(1, 6))]
    all_of = np.column_stack([X, *(extra[k] for k in chosen)])
    order = rng.permutation(all_of.shape[1])
    return Columns(all_of[:, order], X @ rng.standard_normal(X.shape[1]))


def far_means(rng: Random, n: int) -> Columns:
    """Means up to 1e12 times the spread."""
    X = _basis(rng, n, int(rng.integers(1, 5)))
    signal = X @ rng.standard_normal(X.shape[1])
    return Columns(X + 10.0 ** rng.uniform(2, 12, X.shape[1]), signal)


def counts(rng: Random, n: int) -> Columns:
    """Small whole numbers, some of them nearly dependent."""
    X = rng.integers(-4, 5, (n, int(rng.integers(1, 6)))).astype(float)
    own = (rng.random(n) < 0.3).astype(float)
    extra = [X[:, 0] + own, X.sum(axis=1)]
    X = np.column_stack([X, *extra[: int(rng.integers(0, 3))]])
    return Columns(X, own + X[:, 0] / 3.0)


MAKERS: tuple[Callable[[Random, int], Columns], ...] = (
    plain,
    own_parts,
    chain,
    time_stamps,
    powers,
    copies,
    sums,
    products,
    dummies,
    scales,
    wide,
    aliases,
    far_means,
    counts,
)
FAMILIES: Mapping[str, Callable[[Random, int], Columns]] = {m.__name__: m for m in MAKERS}
