"""What a solver must offer to be timed: three methods, like a benchopt solver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import ClassVar

import numpy as np

from benchmarks.problems import L2, NONE, Task

LADDER = tuple(10.0**-k for k in range(2, 13))


class PeerMissing(Exception):
    """The library is not installed, or this version of it cannot do what is asked."""


@dataclass(frozen=True)
class Solution:
    """What a fit returned.  The last four are what the solver says about itself, where it does."""

    coef: np.ndarray  # (d,)
    intercept: float
    iterations: int | None = None
    data_reads: int | None = None
    certified_gap: float | None = None  # relative
    engine_seconds: float | None = None  # without the handling of inputs in Python


class Peer(ABC):
    """One solver of one library in its best mode."""

    name: ClassVar[str]
    module: ClassVar[str]  # to import
    distribution: ClassVar[str]  # whose version is reported
    layouts: ClassVar[tuple[str, ...]] = ("c",)  # that the solver reads without converting
    tolerances: ClassVar[tuple[float, ...]] = LADDER  # loosest first
    penalties: ClassVar[tuple[str, ...]] = (NONE, L2)  # that it can do

    @classmethod
    def version(cls) -> str | None:
        """The installed version; None where the library is not there."""
        if find_spec(cls.module) is None:
            return None
        try:
            return metadata.version(cls.distribution)
        except metadata.PackageNotFoundError:
            return "unknown"

    @classmethod
    def skip(cls, task: Task) -> str | None:
        """Why the problem is not for this solver, or None."""
        return None if task.penalty in cls.penalties else f"not made for {task.penalty}"

    @abstractmethod
    def prepare(self, task: Task) -> None:
        """Take the data in one of the layouts, convert, set options.  Not timed."""

    @abstractmethod
    def fit(self, tolerance: float) -> float | None:
        """Solve from a cold start.  Timed; a peer that keeps its own clock returns its seconds."""

    @abstractmethod
    def solution(self) -> Solution:
        """Coefficients of the last fit.  Not timed."""
