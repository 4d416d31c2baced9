"""How a command ends: an exit status, and where something is wrong, `error:` and `hint:`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from logloss.cli.interrupt import interruptible
from logloss.cli.terminal import say
from logloss.errors import LoglossError, MissingExtra, UsageError

DONE = 0
SAYS_NO = 1
WRONG_USE = 2
_INTERRUPTED = 130  # what newer versions of typer return for Ctrl-C; older ones raise Abort

# click's UsageError: where it lives changed with typer's version, that it is the base did not.
_WrongCommandLine: Any = typer.BadParameter.__base__

# What to know after an interruption, by command.
_AFTER = {
    "fit": "once a fit has begun its steps, Ctrl-C keeps the best of them",
    "path": "once there is a fit, Ctrl-C keeps those that there are",
    "race": "once the optimum is known, Ctrl-C keeps the solvers so far",
}
_STATUS_OF = {UsageError: WRONG_USE, MissingExtra: WRONG_USE}


def run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run the command line, report what went wrong in words, and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = typer.main.get_command(app)
        with interruptible(), warnings.catch_warnings():
            warnings.showwarning = _note
            status = command(args=words or ["--help"], prog_name="logloss", standalone_mode=False)
        return _interrupted(words) if status == _INTERRUPTED else int(status or DONE)
    except _WrongCommandLine as error:
        path = error.ctx.command_path if error.ctx else f"logloss {words[0]}"
        return _report(error.format_message(), f"see '{path} --help'", WRONG_USE)
    except LoglossError as error:
        hint = error.hint or "see 'logloss --help'"
        return _report(error.message, hint, _STATUS_OF.get(type(error), SAYS_NO))
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted(words)
    except MemoryError:
        return _report("there is not enough memory", "leave columns out by --exclude", SAYS_NO)
    except BrokenPipeError:  # the reader of our output has seen enough
        return SAYS_NO


def _report(problem: str, hint: str, status: int) -> int:
    say(f"error: {problem.strip()}")
    say(f"hint: {hint.strip()}")
    return status


def _interrupted(words: Sequence[str]) -> int:
    return _report(
        "interrupted before there was a result; no file was left half-written",
        _AFTER.get(words[0] if words else "", "give the same command again"),
        SAYS_NO,
    )


def _note(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"note: {message}")
