"""The minimum of F: Newton's method on a face, and a proof by its optimality conditions.

On a face some coefficients are held at 0 by their L1 penalty, or at a bound; the others keep their
signs, and F is smooth. A step ends at the first coefficient that would leave the face, which is
held from then on. At the optimum of the face the one that F pulls away most is let go, until none
is. Where steps along the face go on for ever the loss falls for ever: there is no optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.exact import Exact
from search.fixed import BITS, ONE, Integers, factor, multiply, probability, solve

_STILL = ONE >> 130  # a step that moves no z by more than this is the last
_SURE = ONE >> 170  # what is left of the gradient's decrement at the end: 1e-51
_PULLED = ONE >> 120  # what counts as a pull away from where a coefficient is held
_BENT = ONE >> 240  # a curvature that is one, beside the ridge of the Hessian
_STEPS = 400
_ENDLESS = 55  # steps in a row on one face, none of them small
_FAR = 40 * ONE


@dataclass(frozen=True)
class Minimum:
    """Where F is least; `exists`: at a finite point, proven. Else F comes this low, or lower."""

    beta: list[int]
    value: int
    exists: bool
    steps: int


class NoMinimum(ArithmeticError):
    """The search ended without a proof: a fault of the oracle."""


def minimum(exact: Exact, *starts: Sequence[int]) -> Minimum:
    """min F, from points that may be near; a wrong one costs steps only."""
    for start in (*starts, [0] * exact.size):
        found = _Search(exact, list(start)).run()
        if found is not None:
            return found
    raise NoMinimum


class _Search:
    def __init__(self, exact: Exact, beta: list[int]) -> None:
        self.exact = exact
        self.beta = [self._clipped(j, w) for j, w in enumerate(beta)]
        self.signs = {j: self._sign(j) for j in range(exact.size) if self._inside(j)}
        self.z = exact.along(self.beta) + exact.offset

    def _clipped(self, j: int, w: int) -> int:
        low, high = self.exact.lower[j], self.exact.upper[j]
        w = w if low is None else max(w, low)
        return w if high is None else min(w, high)

    def _sign(self, j: int) -> int:
        return (self.beta[j] > 0) - (self.beta[j] < 0) if self.exact.l1[j] else 0

    def _inside(self, j: int) -> bool:
        at_bound = self.beta[j] in (self.exact.lower[j], self.exact.upper[j])
        return not at_bound and (self.beta[j] != 0 or not self.exact.l1[j])

    def run(self) -> Minimum | None:
        """None where the start led nowhere."""
        alone = 0  # steps on this face
        for steps in range(_STEPS):
            gradient, step, decrement = self._newton()
            moves = self.exact.along(step)
            largest = max(map(abs, moves), default=0)
            if decrement < _SURE and largest < _STILL:
                self._add(step, moves, ONE)
                if self._release(gradient):
                    alone = 0
                    continue
                return self._end(self._is_curved(), steps)
            cut = self._walk(step, moves, gradient)
            alone = 0 if cut else alone + 1
            if alone > _ENDLESS and largest > ONE >> 4 and max(map(abs, self.z)) > _FAR:
                return self._end(False, steps)
        return None

    def _is_curved(self) -> bool:
        """Does F bend along every direction of the face that moves a row or has a penalty?

        Not where rows have gone so far that nothing is left of their p(1 − p): to infinity, maybe.
        """
        exact = self.exact
        both = np.array([p * q >> BITS for p, q in map(probability, self.z)], dtype=object)
        if min(both) > _BENT:
            return True
        free = sorted(self.signs)
        ranks = []
        for weight in (exact.s * both >> BITS, exact.s):
            whole = exact.hessian(weight)
            part = [[whole[i][j] for j in free[: k + 1]] for k, i in enumerate(free)]
            ranks.append(sum(pivot > _BENT for pivot in factor(part)[1]))
        return ranks[0] == ranks[1]

    def _end(self, exists: bool, steps: int) -> Minimum:
        return Minimum(self.beta, self.exact.value(self.beta), exists, steps)

    def _newton(self) -> tuple[list[int], list[int], int]:
        """The gradient of the smooth part, the step on the face, and what it promises, twice."""
        exact = self.exact
        chances = [probability(v) for v in self.z]
        p = np.array([a for a, _ in chances], dtype=object)
        both = np.array([a * b >> BITS for a, b in chances], dtype=object)
        gradient = exact.gradient(exact.s * (p - exact.y) >> BITS, self.beta)
        hessian = exact.hessian(exact.s * both >> BITS)
        free = sorted(self.signs)
        right = [-gradient[j] - self.signs[j] * exact.l1[j] for j in free]
        part = [[hessian[i][j] for j in free[: k + 1]] for k, i in enumerate(free)]
        found = solve(part, right)
        step = [0] * exact.size
        for j, v in zip(free, found, strict=True):
            step[j] = v
        return gradient, step, sum(a * b for a, b in zip(right, found, strict=True)) >> BITS

    def _walk(self, step: list[int], moves: Integers, gradient: list[int]) -> bool:
        """As far as the face goes and F falls; whether a coefficient was cut off."""
        share, who, where = self._room(step)
        slope = self._slope_of(step, gradient)
        tries = 0
        while share and self._slope(step, moves, share) > max(-slope // 10, 0):
            tries += 1
            share, who = share >> (1 if tries < 20 else 8), -1
        self._add(step, moves, share)
        if who < 0:
            return False
        self.z = self.z + self.exact.along(
            [where - w if j == who else 0 for j, w in enumerate(self.beta)]
        )
        self.beta[who] = where
        del self.signs[who]
        return True

    def _room(self, step: list[int]) -> tuple[int, int, int]:
        """The share of the step up to the first end of the face, whose, and the value there."""
        best = (ONE, -1, 0)
        for j, sign in self.signs.items():
            v, w = step[j], self.beta[j]
            ends = [self.exact.upper[j] if v > 0 else self.exact.lower[j]]
            if sign and v * sign < 0:
                ends.append(0)
            for end in ends:
                if v and end is not None and (end - w) * (1 if v > 0 else -1) >= 0:
                    share = (abs(end - w) << BITS) // abs(v)
                    if share < best[0]:
                        best = (share, j, end)
        return best

    def _slope_of(self, step: list[int], gradient: list[int]) -> int:
        return sum(
            multiply(gradient[j] + sign * self.exact.l1[j], step[j])
            for j, sign in self.signs.items()
        )

    def _slope(self, step: list[int], moves: Integers, share: int) -> int:
        """Of F along the step, at this share of it."""
        exact = self.exact
        z = self.z + (moves * share >> BITS)
        loss = sum(
            s * (probability(v)[0] - y) * m >> (2 * BITS)
            for s, v, y, m in zip(exact.s, z, exact.y, moves, strict=True)
        )
        rest = 0
        for j, sign in self.signs.items():
            w = self.beta[j] + multiply(share, step[j])
            rest += multiply(multiply(exact.l2[j], w) + sign * exact.l1[j], step[j])
        return loss + rest

    def _add(self, step: list[int], moves: Integers, share: int) -> None:
        self.z = self.z + (moves * share >> BITS)
        self.beta = [w + multiply(share, v) for w, v in zip(self.beta, step, strict=True)]

    def _release(self, gradient: list[int]) -> bool:
        """Let go of the coefficient that F pulls away most; False where there is none: KKT hold."""
        best: tuple[int, int, int] = (_PULLED, -1, 0)
        exact = self.exact
        for j in set(range(exact.size)) - set(self.signs):
            w, g, a = self.beta[j], gradient[j], exact.l1[j]
            up, down = -g - (a if w >= 0 else -a), g + (a if w > 0 else -a)
            ways = ((up, 1, w != exact.upper[j]), (down, -1, w != exact.lower[j]))
            for force, way, room in ways:
                if room and force > best[0]:
                    best = (force, j, (((w > 0) - (w < 0)) or way) if a else 0)
        if best[1] >= 0:
            self.signs[best[1]] = best[2]
        return best[1] >= 0
