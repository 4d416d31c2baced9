"""docs/theory.md, run as a reader would: each example must print what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "theory.md"
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def session(text: str) -> str:
    """All examples of a page, each still on its own line, so that a failure names the right one."""
    kept = set()
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        kept |= set(range(first, first + block.group(1).count("\n")))
    return "\n".join(line if i in kept else "" for i, line in enumerate(text.split("\n")))


def run(text: str) -> tuple[doctest.TestResults, str]:
    test = doctest.DocTestParser().get_doctest(session(text), {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    return doctest.DocTestRunner(verbose=False).run(test, out=said.append), "".join(said)


def test_the_page_is_true() -> None:
    results, said = run(PAGE.read_text(encoding="utf-8"))
    assert results.attempted > 60
    assert not results.failed, said


def test_a_wrong_page_would_fail() -> None:
    results, said = run("# A page\n\n```pycon\n>>> 1 + 1\n3\n\n```\n")
    assert (results.attempted, results.failed) == (1, 1)
    assert "line 4" in said


def test_all_code_on_the_page_is_run() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(BLOCK.findall(text))
    assert text.count(">>>") == session(text).count(">>>")


def test_the_page_uses_every_function_of_the_note() -> None:
    text = session(PAGE.read_text(encoding="utf-8"))
    functions = "sigmoid log_sigmoid sigmoid_derivative logit likelihood log_likelihood"
    for name in [*functions.split(), "bce", "bce_with_logits", "bce_gradient"]:
        assert f"logloss.{name}(" in text, name
