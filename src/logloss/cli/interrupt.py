"""Ctrl-C and SIGTERM: the first asks the command to end, the second ends the process.

Python runs a handler when its main thread comes back from a kernel or from the disk; the system's
own handler, which is in place from then on, does not wait.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from logloss.cli.terminal import show_cursor

# What is in place where nobody else has decided: `nohup` and callers that have keep theirs.
_USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt once; the next one ends the process at once.

    The handlers are as before when the block ends. Off the main thread, which alone may set
    handlers, nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    ours = [one for one, usual in _USUAL.items() if main and signal.getsignal(one) is usual]

    def interrupt(*_: Any) -> NoReturn:
        for one in ours:
            signal.signal(one, signal.SIG_DFL)
        show_cursor()  # nobody will after a second one
        raise KeyboardInterrupt

    try:
        for one in ours:
            signal.signal(one, interrupt)
        yield
    finally:
        for one in ours:
            signal.signal(one, _USUAL[one])
