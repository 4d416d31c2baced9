"""Ctrl-C and SIGTERM: the first asks the command to end, the second ends the process.

Where there is no result yet, nothing is worth waiting for: the first one says so in words and ends
the process where it stands, in the middle of an import too. No exception is raised, since whoever
it passes on its way may print a trace or swallow it; and nothing is left half-written, since files
have no name before they are whole. Where there is a result (`keeps`: a fit has made a step) a
KeyboardInterrupt is raised: what catches it keeps the best point. It may be lost on its way (in a
destructor, say): then it is raised once more, and the command never ends as if nothing had been.

`main` with arguments of its own runs inside another program, which goes on: there it is always a
KeyboardInterrupt. While a module is imported nothing is raised, but a little later.

This module is loaded before anything else is, see `logloss/__init__.py`: it imports little.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from logloss.cli.limited import watch_where_limited

if TYPE_CHECKING:
    from types import FrameType

NO_RESULT = "interrupted before there was a result; no file was left half-written"
_AT_THE_END = "interrupted at its end; the last words of its output may be missing"
_AFTER = {
    "fit": "once a fit has begun its steps, Ctrl-C keeps the best of them",
    "path": "once there is a fit, Ctrl-C keeps those that there are",
    "race": "once the optimum is known, Ctrl-C keeps the solvers so far",
}
# What is in place where nobody else has decided: `nohup` and callers that have keep theirs.
_USUAL: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
_LATER = 0.02  # seconds
_IMPORT = "importlib._bootstrap"
_OUTERMOST = "logloss.cli"  # what imported that has nothing to do with the command
_BEGINNING_OF_LINE = b"\r\x1b[2K\x1b[?25h"  # the progress is wiped out, the cursor shown again


class _Heard:
    """What is to be known when a signal comes; there is one for the process."""

    number = 0  # of the signal that came
    own_process = False
    keeps = False
    ours: tuple[signal.Signals, ...] = ()
    ending = False  # the files are written, and words may wait to be
    again: object = None  # whoever will send it once more
    lock = _thread.allocate_lock()  # held by whoever does


_heard = _Heard()


def hint_after(command: str) -> str:
    """What to know after an interruption without a result."""
    return _AFTER.get(command, "give the same command again")


def guard() -> None:
    """End at once from here on: for a process that has just begun, and is a command's own.

    Its first line has blocked the signals, so that none came before.
    """
    _heard.own_process = True
    watch_where_limited()
    _take()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _USUAL)


class interruptible:  # noqa: N801 (it reads as a word: `with interruptible():`)
    """Take care of Ctrl-C and SIGTERM; the handlers are as before when the block ends.

    Off the main thread, which alone may set handlers, nothing changes.

    Parameters
    ----------
    own_process : bool
        Whether the process may be ended.
    """

    def __init__(self, own_process: bool = False) -> None:
        self._own_process = own_process

    def __enter__(self) -> None:
        _heard.number, _heard.keeps, _heard.ending, _heard.again = 0, False, False, None
        _heard.own_process = self._own_process
        _take()
        self._usual_hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._usual_hook
        ours, _heard.ours = _heard.ours, ()
        for one in ours:
            signal.signal(one, _USUAL[one])

    def _unraisable(self, lost: Any) -> None:
        """An exception that nobody can catch: an interruption is raised once more."""
        if lost.exc_type is not KeyboardInterrupt:
            self._usual_hook(lost)
            return
        for one in _heard.ours:
            signal.signal(one, _hear)
        _once_more(_heard.number or signal.SIGINT)


def came() -> int:
    """The number of the signal that came; 0: none."""
    return _heard.number


def asked_to_stop() -> bool:
    """Whether a signal came; whoever asks stops by himself, and none is sent once more."""
    if not _heard.number:
        return False
    with _heard.lock:  # it may be about to
        _heard.again = None
    for one in _heard.ours:
        signal.signal(one, signal.SIG_DFL)
    return True


def ending() -> None:
    """Say that the command has done its work; what is printed may still wait for its reader."""
    _heard.keeps, _heard.ending = False, True


def keep(there_is_a_result: bool) -> None:
    """Say whether there is a result that an interruption must not cost."""
    _heard.keeps = there_is_a_result


def _take() -> None:
    """Set the handlers, where the usual ones are in place."""
    try:
        free = [one for one, usual in _USUAL.items() if signal.getsignal(one) is usual]
        for one in free:
            signal.signal(one, _hear)
    except ValueError:  # not the main thread
        return
    _heard.ours = (*_heard.ours, *free)


def _hear(number: int, frame: FrameType | None) -> None:
    raising = _heard.keeps or not _heard.own_process
    if raising:
        _heard.number = number
    if raising and _importing(frame):
        _once_more(number)
        return
    for one in _heard.ours:
        signal.signal(one, signal.SIG_DFL)  # it does not wait for Python
    if not raising:
        _leave(number)
    _show_cursor()  # nobody will after a second one
    raise KeyboardInterrupt


def _leave(number: int) -> None:
    """End the process, with words: by the system's own calls, whatever Python is doing."""
    atomic = sys.modules.get("logloss.files.atomic")  # there may be half of it
    getattr(atomic, "remove_unfinished", int)()
    command = "" if _heard.ending else "".join(sys.argv[1:2])
    problem = _AT_THE_END if _heard.ending else NO_RESULT
    words = f"error: {problem}\nhint: {hint_after(command)}\n".encode()
    with contextlib.suppress(OSError):  # words that nobody can hear change no outcome
        os.write(2, _BEGINNING_OF_LINE + words if os.isatty(2) else words)
    os._exit(128 + number)


def _show_cursor() -> None:
    """Show the cursor again that the progress on standard error hides, whatever happens next."""
    with contextlib.suppress(OSError):
        if os.isatty(2):
            os.write(2, b"\x1b[?25h")


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported, in this frame or one of those that called it."""
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if module in (_IMPORT, _OUTERMOST):
            return bool(module == _IMPORT)
        frame = frame.f_back
    return False


def _once_more(number: int) -> None:
    """Send the signal again a little later, unless the command has ended by then.

    Not by a `threading.Timer`: a signal handler may stand in the middle of another thread's start.
    """
    mine = _heard.again = object()
    main = _thread.get_ident()

    def send() -> None:
        time.sleep(_LATER)
        with _heard.lock:
            if _heard.again is mine and _heard.ours:
                signal.pthread_kill(main, number)

    _thread.start_new_thread(send, ())
