"""Work done ahead of the one who asks for it, in threads, in order, and bounded.

Decompressing, parsing and whatever is done with the result run side by side: all three leave the
interpreter's lock alone while they work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from logloss.table.reading.threads import Pool, Running, started

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class _Channel(Generic[_Item]):
    """A bounded queue that its writer leaves when nobody reads it any more."""

    def __init__(self, depth: int) -> None:
        self._waiting: SimpleQueue[_Item | _End] = SimpleQueue()
        self._room: SimpleQueue[bool] = SimpleQueue()  # False: nobody reads any more
        for _ in range(depth):
            self._room.put(True)
        self._left = False

    def fill(self, items: Iterable[_Item]) -> None:
        """Put all items, and at last how they ended."""
        error = None
        try:
            for item in items:
                if not self._room.get() or self._left:
                    return
                self._waiting.put(item)
        except BaseException as raised:  # noqa: BLE001 (it is raised where the item is asked for)
            error = raised
        self._waiting.put(_End(error))

    def drain(self) -> Iterator[_Item]:
        """All items; raises what making them raised."""
        while not isinstance(item := self._waiting.get(), _End):
            self._room.put(True)
            yield item
        if item.error is not None:
            raise item.error

    def leave(self) -> None:
        """Let the writer go."""
        self._left = True
        self._room.put(False)


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def ahead(items: Iterable[_Item], depth: int) -> Generator[_Item, None, None]:
    """The same items, made by a thread that is at most `depth` of them ahead.

    What making them raises is raised here, in its place. The thread ends with the iterator.
    """
    channel: _Channel[_Item] = _Channel(depth)
    thread = started(lambda: channel.fill(items))
    try:
        yield from channel.drain()
    finally:
        channel.leave()
        thread.result()


def mapped(
    work: Callable[[_Item], _Result], items: Iterable[_Item], n_threads: int
) -> Iterator[_Result]:
    """``map(work, items)``, in order, by some threads; `items` are made by one more."""
    pending: deque[Running[_Result]] = deque()
    source = ahead(items, n_threads)
    try:
        with Pool(n_threads) as pool:
            for item in source:
                pending.append(pool.submit(work, item))
                if len(pending) > n_threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
    finally:
        source.close()
