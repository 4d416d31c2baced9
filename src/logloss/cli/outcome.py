"""How a command ends: an exit status, and where something is wrong, `error:` and `hint:`."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

import typer

import logloss.files.clock as clock
from logloss.cli import interrupt
from logloss.cli.terminal import say
from logloss.errors import LoglossError, MissingExtra, UsageError

DONE = 0
SAYS_NO = 1
WRONG_USE = 2
_INTERRUPTED = 130  # what newer versions of typer return for Ctrl-C; older ones raise Abort
_BY_SIGNAL = 128  # and its number: what a shell says of a program that a signal ended

# click's UsageError: where it lives changed with typer's version, that it is the base did not.
_WrongCommandLine: Any = typer.BadParameter.__base__

_NO_THREAD = re.compile("start new thread|temporarily unavailable")
_NO_MEMORY = "there is not enough memory"
_LESS = "leave columns out by --exclude, or raise the limit (ulimit -v, a container's)"
_STATUS_OF = {UsageError: WRONG_USE, MissingExtra: WRONG_USE}


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line, report what went wrong in words, and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    begun = clock.process_start() if arguments is None else time.perf_counter()
    try:
        from logloss.cli.commands import app

        command = typer.main.get_command(app)
        with clock.counting_from(begun), warnings.catch_warnings():
            warnings.showwarning = _note
            status = command(args=words or ["--help"], prog_name="logloss", standalone_mode=False)
        return _interrupted(words) if status == _INTERRUPTED else _told(int(status or DONE))
    except _WrongCommandLine as error:
        path = error.ctx.command_path if error.ctx else f"logloss {words[0]}"
        return _report(error.format_message(), f"see '{path} --help'", WRONG_USE)
    except LoglossError as error:
        hint = error.hint or "see 'logloss --help'"
        return _report(error.message, hint, _STATUS_OF.get(type(error), SAYS_NO))
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted(words)
    except MemoryError:
        return _report(_NO_MEMORY, _LESS, SAYS_NO)
    except RuntimeError as error:
        if not _NO_THREAD.search(str(error)):
            raise
        return _report(f"{_NO_MEMORY} for a thread", _LESS, SAYS_NO)
    except BrokenPipeError:  # the reader of our output has seen enough
        return SAYS_NO


def _told(status: int) -> int:
    """The status of a command that came to its end; not 0 where a signal asked it to stop."""
    number = interrupt.came()
    if status != DONE or not number:
        return status
    say("note: it was interrupted; what there was by then is above, and in the files")
    return _BY_SIGNAL + number


def _report(problem: str, hint: str, status: int) -> int:
    say(f"error: {problem.strip()}")
    say(f"hint: {hint.strip()}")
    return status


def _interrupted(words: Sequence[str]) -> int:
    hint = interrupt.hint_after(words[0] if words else "")
    number = interrupt.came()
    return _report(interrupt.NO_RESULT, hint, _BY_SIGNAL + number if number else SAYS_NO)


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"note: {message}")
