"""Work done ahead of the one who asks for it, in threads, in order, and bounded.

Decompressing, parsing and whatever is done with the result run side by side: all three leave the
interpreter's lock alone while they work.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_LOOK = 0.1  # seconds after which a full queue looks whether anyone still reads it


class _Channel(Generic[_Item]):
    """A bounded queue that its writer leaves when nobody reads it any more."""

    def __init__(self, depth: int) -> None:
        self._waiting: queue.Queue[_Item | _End] = queue.Queue(depth)
        self._left = threading.Event()

    def fill(self, items: Iterable[_Item]) -> None:
        """Put all items, and at last how they ended."""
        error = None
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as raised:  # noqa: BLE001 (it is raised where the item is asked for)
            error = raised
        self._put(_End(error))

    def _put(self, item: _Item | _End) -> bool:
        while not self._left.is_set():
            try:
                self._waiting.put(item, timeout=_LOOK)
            except queue.Full:
                continue
            return True
        return False

    def drain(self) -> Iterator[_Item]:
        """All items; raises what making them raised."""
        while not isinstance(item := self._waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    def leave(self) -> None:
        """Let the writer go."""
        self._left.set()


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def ahead(items: Iterable[_Item], depth: int) -> Generator[_Item, None, None]:
    """The same items, made by a thread that is at most `depth` of them ahead.

    What making them raises is raised here, in its place. The thread ends with the iterator.
    """
    channel: _Channel[_Item] = _Channel(depth)
    thread = threading.Thread(target=channel.fill, args=(items,), name="logloss-read", daemon=True)
    thread.start()
    try:
        yield from channel.drain()
    finally:
        channel.leave()
        thread.join()


def mapped(
    work: Callable[[_Item], _Result], items: Iterable[_Item], n_threads: int
) -> Iterator[_Result]:
    """``map(work, items)``, in order, by some threads; `items` are made by one more."""
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="logloss-parse")
    pending: deque[Future[_Result]] = deque()
    source = ahead(items, n_threads)
    try:
        for item in source:
            pending.append(pool.submit(work, item))
            if len(pending) > n_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        source.close()
