"""What is to say of an option, once, so that all who have it agree: see options.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FIT, PATH, RACE = "fit", "path", "race"
Check = Callable[[str, Any], Any]  # name and value → the value; UsageError where it cannot be


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes
    ----------
    name : str
        The keyword of the function.
    default : object
        Of the function. Commands take it where nothing is given.
    words : str
        What it does, as the commands say it.
    place : (str, str) or None
        The part of a Request that has it ("" for its own fields), and its name there.
    check : callable or None
        Whether a value can be, whatever the table is. None: it is checked where it is read.
    flags : tuple of str
        On the command line; empty where a command has no such option.
    metavar : str
    usual : str
        The default in words, where a command says it.
    least : int or None
        Of a whole number on the command line.
    faces : frozenset of str
        The functions and commands that have it.
    unlike : mapping
        A face → what is other there.
    """

    name: str
    default: Any
    words: str
    place: tuple[str, str] | None = None
    check: Check | None = None
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    usual: str = ""
    least: int | None = None
    faces: frozenset[str] = frozenset((FIT, PATH, RACE))
    unlike: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, face: str) -> Option:
        """The option as one function and its command have it."""
        return replace(self, **self.unlike.get(face, {}))

    @property
    def help(self) -> str:
        """The text of the command line."""
        return f"{self.words} [default: {self.usual}]" if self.usual else self.words

    @property
    def parameter(self) -> str:
        """The parameter of a command."""
        return self.flags[0].lstrip("-").replace("-", "_").lower()
