"""Threads that may be used anywhere, in a signal handler too.

`threading` and `concurrent.futures` guard what all threads of a process share by locks that are
taken for an instant when a thread starts, gets work and ends. A signal handler that reads a table
runs in the middle of any line of the main thread, of those too: it would wait for a lock that only
the line it interrupts can give back. What is used here waits for nobody: threads are started by the
interpreter itself, and a `SimpleQueue` may be used while it is used.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class Running(Generic[_T]):
    """A call that another thread makes."""

    def __init__(self, call: Callable[[], _T]) -> None:
        self._call: Callable[[], _T] | None = call
        self._outcome: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run(self) -> None:
        """Make the call, and keep what came of it, but nothing of what it was made with."""
        call, self._call = self._call, None
        assert call is not None
        try:
            self._outcome.put((True, call()))
        except BaseException as error:  # noqa: BLE001 (it is raised where the result is asked for)
            self._outcome.put((False, error))

    def result(self) -> _T:
        """Wait for what came of it; to be asked for once."""
        done, found = self._outcome.get()
        if not done:
            raise found
        return found  # type: ignore[no-any-return]


def started(call: Callable[[], _T]) -> Running[_T]:
    """Make a call in a thread of its own.

    Raises
    ------
    RuntimeError
        The system has no thread left.
    """
    running = Running(call)
    _thread.start_new_thread(running.run, ())
    return running


class Pool:
    """Some threads that make calls, in the order in which they are given.

    The threads start with the first calls. When the block ends they make no call that none of them
    has begun, and end.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads
        self._threads: list[Running[None]] = []
        self._calls: SimpleQueue[Running[Any] | None] = SimpleQueue()
        self._ending = False

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending = True
        for _ in range(self._n_threads):
            self._calls.put(None)
        for thread in self._threads:
            thread.result()

    def submit(self, work: Callable[..., _T], *arguments: Any) -> Running[_T]:
        """Have a call made."""
        call = Running(lambda: work(*arguments))
        self._calls.put(call)
        if len(self._threads) < self._n_threads:
            self._threads.append(started(self._make_calls))
        return call

    def map(self, work: Callable[..., _T], *arguments: Iterable[Any]) -> Iterator[_T]:
        """``map(work, *arguments)``, begun at once."""
        calls = [self.submit(work, *some) for some in zip(*arguments, strict=True)]
        return (call.result() for call in calls)

    def _make_calls(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            if not self._ending:
                call.run()
            del call  # what it holds is not kept until there is another
