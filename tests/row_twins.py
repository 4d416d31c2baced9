"""Naive NumPy twins of the row-by-row kernels: one row at a time, all coefficients, no lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Rows:
    """Rows x' = (x − center)/scale with a 1 at the end, and what belongs to them."""

    X: Array
    y: Array
    weight: Array | None = None
    offset: Array | None = None

    def at(self, i: int, w: Array) -> tuple[Array, float]:
        """A row, and its residual."""
        z = self.X[i] @ w + (0.0 if self.offset is None else self.offset[i])
        return self.X[i], 1.0 / (1.0 + np.exp(-z)) - self.y[i]

    def s(self, i: int) -> float:
        return 1.0 if self.weight is None else float(self.weight[i])


@dataclass
class Penalty:
    l2: Array
    l1: Array
    lower: Array
    upper: Array

    def prox(self, v: Array, step: float) -> Array:
        soft = np.sign(v) * np.maximum(np.abs(v) - step * self.l1, 0.0)
        return np.clip(soft / (1.0 + step * self.l2), self.lower, self.upper)

    def flow(self, w: Array, time: float) -> Array:
        """w' = −l w − a sign(w) for a while, from within the bounds; it stops at 0."""
        w = np.clip(w, self.lower, self.upper)
        with np.errstate(divide="ignore", invalid="ignore"):
            keep = np.exp(-time * self.l2)
            reach = np.where(self.l2 > 0, -np.expm1(-time * self.l2) / self.l2, time)
        left = np.maximum(np.abs(w) * keep - self.l1 * reach, 0.0)
        return np.clip(np.sign(w) * left, self.lower, self.upper)

    def parts(self) -> tuple[Array, Array, Array, Array]:
        return self.l2, self.l1, self.lower, self.upper


def averaged(rows: Rows, penalty: Penalty, order, step, saga, total, w, g, table):
    """SAGA (Defazio, Bach & Lacoste-Julien 2014) or SAG (Schmidt, Le Roux & Bach 2017)."""
    w, g, table = w.copy(), g.copy(), table.copy()
    for i in order:
        x, r = rows.at(i, w)
        share, change = rows.s(i) / total, r - table[i]
        table[i] = r
        direction = change * x + g if saga else g + share * change * x
        g = g + share * change * x
        w = penalty.prox(w - step * direction, step)
    return w, g, table


def descend(rows: Rows, penalty: Penalty, order, steps, batch, w, average, every, count):
    """Stochastic gradient descent, one epoch."""
    w, average = w.copy(), average.copy()
    for k, step in enumerate(steps):
        drawn = order[k * batch : (k + 1) * batch]
        gradient = sum((x * r for x, r in (rows.at(i, w) for i in drawn)), np.zeros(len(w)))
        w = penalty.flow(w - step * gradient / len(drawn), step)
        if (k + 1) % every == 0:
            count += 1
            average = average + (w - average) / count
    return w, average, count


def adam(rows: Rows, penalty: Penalty, order, steps, batch, constants, w, m, v, done):
    """Kingma & Ba (2015), Algorithm 1."""
    beta1, beta2, epsilon = constants
    for k, step in enumerate(steps):
        drawn = order[k * batch : (k + 1) * batch]
        gradient = sum((x * r for x, r in (rows.at(i, w) for i in drawn)), np.zeros(len(w)))
        gradient = gradient / len(drawn) + penalty.l2 * w
        done += 1
        m = beta1 * m + (1.0 - beta1) * gradient
        v = beta2 * v + (1.0 - beta2) * gradient**2
        m_hat, v_hat = m / (1.0 - beta1**done), v / (1.0 - beta2**done)
        w = w - step * m_hat / (np.sqrt(v_hat) + epsilon)
    return w, m, v, done


def count_errors(rows: Rows, w: Array) -> float:
    z = rows.X @ w + (0.0 if rows.offset is None else rows.offset)
    s = np.ones(len(z)) if rows.weight is None else rows.weight
    return float(s[(z > 0.0) != (rows.y > 0.5)].sum())


def perceptron(rows: Rows, order, step, w, pocket, errors, run, best_run):
    """Rosenblatt (1958), with Gallant's pocket and ratchet (1990)."""
    w, pocket, mistakes, checks, bar = w.copy(), pocket.copy(), 0, 0, best_run

    def offer():
        nonlocal pocket, errors, best_run, checks
        checks += 1
        if count_errors(rows, w) < errors:
            errors, pocket, best_run = count_errors(rows, w), w.copy(), run

    for i in order:
        z = rows.X[i] @ w + (0.0 if rows.offset is None else rows.offset[i])
        target = float(rows.y[i] > 0.5)
        if float(z > 0.0) == target:
            run += 1
            continue
        if run > bar:
            bar = run
            offer()
        w = w + step * (target - float(z > 0.0)) * rows.X[i]
        run, mistakes = 0, mistakes + 1
    offer()
    return w, pocket, errors, run, best_run, mistakes, checks
