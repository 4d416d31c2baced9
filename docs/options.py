"""Write docs/options.md: the table of options, from the place where they are declared."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from logloss.record.option import FIT, PATH, RACE, Option
from logloss.record.options import OPTIONS

PAGE = Path(__file__).parent / "options.md"
HEAD = """# Options

What `logloss.fit`, `logloss.path` and `logloss.race` take by keyword, and the commands of these
names as options. Python's values are richer: arrays where a column can be named, a solver as an
object, mappings; the docstrings say how. `logloss fit --help` and the others have what is of
commands alone: how to read a CSV file, where to write.
`make docs-options` writes this page from `logloss/record/options.py`.

| in Python | command line | by default | what it does | in |
|---|---|---|---|---|
"""


def page() -> str:
    """The text of the page."""
    return HEAD + "".join(f"| {' | '.join(row(option))} |\n" for option in OPTIONS.values())


def row(option: Option) -> tuple[str, ...]:
    """The cells of an option."""
    faces = [face for face in (FIT, PATH, RACE) if face in option.faces]
    first = option.of(faces[0])
    flags = " ".join(filter(None, ["/".join(first.flags), first.metavar]))
    usual = {face: default(option.of(face).default) for face in faces}
    same = len(set(usual.values())) == 1
    by_default = usual[faces[0]] if same else ", ".join(f"{v} ({k})" for k, v in usual.items())
    words = escaped(first.words)
    return (f"`{option.name}`", f"`{flags}`" if flags else "", by_default, words, ", ".join(faces))


def default(value: Any) -> str:
    """A default as Python has it."""
    if value is ...:
        return "required"
    return "`math.inf`" if value == math.inf else f"`{value!r}`"


def escaped(words: str) -> str:
    """Text that is no markup."""
    return words.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
