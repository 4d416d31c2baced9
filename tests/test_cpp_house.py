"""The rules of the house for C++: long lines, long files, tangled functions; who looks at storage.

Complexity is counted as lizard counts it: 1, and 1 for each place where a function may go on in
another way. A lambda belongs to the function that it stands in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(p for p in (ROOT / "cpp").rglob("*") if p.suffix in {".cpp", ".hpp"})
LINE, FILE, COMPLEXITY = 120, 400, 12

# What is not code: comments, strings, characters, and lines for the preprocessor.
OUTSIDE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-zA-Z])'(?:\\.|[^'\\\n])'"
    r"|^[ \t]*#(?:[^\n\\]|\\\n|\\.)*",
    re.DOTALL | re.MULTILINE,
)
FORK = re.compile(r"\b(?:if|for|while|case|catch)\b|\s&&\s|\|\||\?")  # `auto&& f` is none
TYPE = re.compile(r"\b(?:namespace|struct|class|union|enum)\b")


def blank(outside: re.Match[str]) -> str:
    """What stands in its place: a choice of the preprocessor is one too."""
    return " if " if re.match(r"\s*#\s*(el)?if", outside[0]) else " "


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Name and complexity of each function: what has a `(` before its brace, outside of others."""
    code = OUTSIDE.sub(blank, text)
    open_kinds: list[bool] = []  # of the braces that are open: does a function begin there?
    begin = start = 0
    for brace in re.finditer(r"[{};]", code):
        at = brace.start()
        if brace[0] == "{":
            head = re.sub(r"\btemplate\s*<[^>]*>", "", code[begin:at])
            here = "(" in head and not TYPE.search(head.partition("(")[0]) and not any(open_kinds)
            open_kinds.append(here)
            if here:
                start = at
                found = re.search(r"([\w~]+|operator\S+)\s*\(", head)
                name = found[1] if found else head.strip()
        elif brace[0] == "}" and open_kinds.pop():
            yield name, 1 + len(FORK.findall(code[start:at]))
        begin = at + 1


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_sources_were_found() -> None:
    names = [name for path in SOURCES for name, _ in functions(path.read_text(encoding="utf-8"))]
    assert {"pass", "gram", "quadratic", "dual_margin", "type_of", "add_codes"} <= set(names)
    assert len(names) > 250


def test_lines_are_short() -> None:
    long = [
        f"{relative(path)}:{n}"
        for path in SOURCES
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LINE
    ]
    assert not long, f"more than {LINE} columns: {long}"


def test_files_are_short() -> None:
    long = {
        relative(path): n
        for path in SOURCES
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > FILE
    }
    assert not long, f"more than {FILE} lines: {long}"


def test_functions_are_simple() -> None:
    tangled = [
        f"{relative(path)}: {name} {n}"
        for path in SOURCES
        for name, n in functions(path.read_text(encoding="utf-8"))
        if n > COMPLEXITY
    ]
    assert not tangled, f"complexity above {COMPLEXITY}: {tangled}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("int f() { return 1; }", {"f": 1}),
        ("int f(int a) { return a ? 1 : 2; }", {"f": 2}),
        ("void f() { if (a && b || c) for (;;) while (d) g(); }", {"f": 6}),
        ("int f() { switch (a) { case 1: case 2: return 1; default: return 2; } }", {"f": 3}),
        ("void f() { g([&](int i) { if (i) h(); }); }", {"f": 2}),
        (
            "struct S { int a{}; int m() const { return a ? 1 : 0; } void n() {} };",
            {"m": 2, "n": 1},
        ),
        ("namespace a { template <class F> void t(F&& f) { if (f()) g(); } }", {"t": 2}),
        (
            "// if (a) {\nvoid f() { s = \"if (a) {\"; c = '{'; /* for */ }\n#if A && B\n#endif",
            {"f": 1},
        ),
        (
            "void f() {\n#ifdef A\n  if (a && b) g();\n#elif B\n  h();\n#endif\n}",
            {"f": 5},
        ),
        ("void f() {}\nvoid g() { try { h(); } catch (...) { if (a) b(); } }", {"f": 1, "g": 3}),
        ("constexpr int x[] = {1, 2}; S::S(int a) : b(a), c(1) { if (a) d(); }", {"S": 2}),
    ],
)
def test_forks_are_counted(source: str, expected: dict[str, int]) -> None:
    assert dict(functions(source)) == expected


def test_python_is_held_too() -> None:
    """Ruff counts the same for Python: C90, at most 10."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"][
        "lint"
    ]
    assert "C90" in lint["select"]
    assert lint["mccabe"]["max-complexity"] <= 10
    ignored = [*lint["ignore"], *(r for rules in lint["per-file-ignores"].values() for r in rules)]
    assert not [rule for rule in ignored if rule.startswith("C9")]
    noqa = re.compile(r"noqa[^\n]*C90")
    assert not [
        p for p in (ROOT / "src").rglob("*.py") if noqa.search(p.read_text(encoding="utf-8"))
    ]


def test_who_looks_at_storage_is_said() -> None:
    """What a new storage has to touch: the list in design.hpp, and no file besides."""
    design = ROOT / "cpp" / "kernels" / "design.hpp"
    said = re.search(
        r"// Who looks at it:.*?(?=\n//\n)", design.read_text(encoding="utf-8"), re.DOTALL
    )
    assert said
    looking = {p.name for p in SOURCES if "Storage::" in p.read_text(encoding="utf-8")} - {
        design.name
    }
    assert set(re.findall(r"\w+\.[ch]pp", said[0])) == looking
