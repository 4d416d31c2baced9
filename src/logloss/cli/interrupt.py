"""Ctrl-C and SIGTERM: the first asks the command to end, the second ends the process.

Python runs a handler when its main thread comes back from a kernel or from the disk; the system's
own handler, which is in place from then on, does not wait.

While a module is imported nothing is raised: code that initialises modules may swallow it, and the
command would go on. The signal is then sent once more a little later.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from logloss.cli.terminal import show_cursor

# What is in place where nobody else has decided: `nohup` and callers that have keep theirs.
_USUAL: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
_LATER = 0.02  # seconds
_IMPORT = "importlib._bootstrap"
_OUTERMOST = "logloss.cli.outcome"  # what imported that has nothing to do with the command


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt once; the next one ends the process at once.

    The handlers are as before when the block ends. Off the main thread, which alone may set
    handlers, nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    ours = [one for one, usual in _USUAL.items() if main and signal.getsignal(one) is usual]
    again: list[threading.Timer] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if _importing(frame):
            again.append(_once_more(number))
            return
        for one in ours:
            signal.signal(one, signal.SIG_DFL)
        show_cursor()  # nobody will after a second one
        raise KeyboardInterrupt

    try:
        for one in ours:
            signal.signal(one, interrupt)
        yield
    finally:
        for timer in again:
            timer.cancel()
        for one in ours:
            signal.signal(one, _USUAL[one])


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported, in this frame or one of those that called it."""
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module in (_IMPORT, _OUTERMOST):
            return bool(module == _IMPORT)
        frame = frame.f_back
    return False


def _once_more(number: int) -> threading.Timer:
    main = threading.main_thread().ident or 0
    timer = threading.Timer(_LATER, signal.pthread_kill, (main, number))
    timer.daemon = True
    timer.start()
    return timer
