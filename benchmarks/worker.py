"""A process that holds one problem in one layout for one peer, and fits on request.

Separate processes keep the thread pools and the patches of the libraries apart, and let a fit
that takes too long be ended.
"""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import time
import warnings
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType

from benchmarks import layouts, problems
from benchmarks.peers import PEERS
from benchmarks.peers.base import Solution
from benchmarks.problems import Problem

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True)
class Job:
    """What a worker is to hold."""

    problem: Problem
    peer: str
    layout: str
    cache: Path
    scale: float = 1.0
    threads: int = 2


@dataclass(frozen=True)
class Timed:
    """Seconds of each fit of one request, and the solution of the last."""

    seconds: tuple[float, ...]
    solution: Solution


class PeerFailed(Exception):
    """The peer raised an error, died, or took too long."""


class TooSlow(PeerFailed):
    """One fit took longer than the limit."""

    note = "slower than"


class Worker:
    """The near end: start, ask for fits, end.  A context manager."""

    def __init__(self, job: Job, limit: float) -> None:
        """``limit``: seconds that one fit may take (the rest of the work has ten minutes)."""
        self._limit = limit
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(job.threads)))
        self._process = context.Process(target=_serve, args=(job, far), daemon=True)
        self._process.start()
        _restore(before)
        far.close()
        try:
            self._receive(600.0)
        except PeerFailed:
            self.close()
            raise

    def fit(self, tolerance: float, at_least: float = 0.0) -> Timed:
        """Fit from cold once, and again until ``at_least`` seconds have passed."""
        self._pipe.send((tolerance, at_least))
        answer = self._receive(self._limit + at_least)
        if not isinstance(answer, Timed):
            raise PeerFailed(str(answer))
        return answer

    def _receive(self, limit: float) -> object:
        # In slices of a second: a machine put to sleep is not a slow solver.
        if not any(self._pipe.poll(1.0) for _ in range(math.ceil(limit))):
            raise TooSlow(f"{TooSlow.note} {limit:.0f} s")
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise PeerFailed("its process died") from None
        if isinstance(answer, str) and answer != "ready":
            raise PeerFailed(answer)
        return answer

    def close(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _restore(environment: dict[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _serve(job: Job, pipe: Connection) -> None:
    """The far end.  Any error of a peer is an answer, not the end of the benchmark."""
    warnings.simplefilter("ignore")
    try:
        task = problems.load(job.problem, job.cache, job.scale)
        peer = PEERS[job.peer]()
        peer.prepare(replace(task, X=layouts.convert(task.X, job.layout)))
        pipe.send("ready")
        while True:
            tolerance, at_least = pipe.recv()
            gc.collect()
            seconds: list[float] = []
            while not seconds or sum(seconds) < at_least:
                start = time.perf_counter()
                own = peer.fit(tolerance)
                elapsed = time.perf_counter() - start
                seconds.append(elapsed if own is None else own)
            pipe.send(Timed(tuple(seconds), peer.solution()))
    except (EOFError, BrokenPipeError):  # the near end has closed
        return
    except Exception as error:  # noqa: BLE001
        pipe.send(f"{type(error).__name__}: {error}"[:200])
