"""The command line: `logloss fit | predict | evaluate | show | encode | path | race | demo`.

Data goes to standard output and words to standard error. Exit status: 0 done, 1 the data or the fit
says no, 2 wrong use, 130 and 143 ended by Ctrl-C or SIGTERM without a result. Nothing is imported
before the signals are taken care of, and what is heavy only by the commands that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from logloss.cli.interrupt import ending, interruptible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after `logloss`; those of the process by default, which Ctrl-C and SIGTERM then
        end at once as long as there is no result.
    """
    with interruptible(own_process=arguments is None):
        return _run(arguments)


def command() -> NoReturn:
    """`logloss` as a program: run the command line of the process, and end it.

    Python's own end takes a while and prints a trace where it is interrupted: it is left out.
    """
    import os
    import sys

    with interruptible(own_process=True):
        status = _run(None)
        ending()
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                status = status or 1
        os._exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    from logloss.cli.outcome import run

    return run(arguments)
