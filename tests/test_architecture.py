"""The rules of the house, read off the sources: who may import whom, and how large things may be.

Imports inside functions and under `TYPE_CHECKING` count as arrows too: a lazy import still ties two
rooms together. Only cycles are looked for at module level, where they break the import itself.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "logloss"
FILE_LINES = 400
FUNCTION_LINES = 60
NAME_COMPARES_PER_1000_LINES = 1.5
TYPE_TESTS_PER_1000_LINES = 5.0
MOST_DEFERRED = 25

# From the bottom to the top. A room imports rooms of lower floors and itself, nothing else.
FLOORS = (
    {"_kernels", "errors", "bernoulli"},
    {"numerics", "checks", "files"},
    {"table"},
    {"objective"},
    {"backends"},
    {"record"},
    {"solvers"},
    {"existence"},
    {"firth"},
    {"report", "export", "fitting"},
    {"evaluation", "inference"},
    {"model"},
    {"paths", "racing"},
    {"estimators", "cli"},
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

# The rooms of a table, likewise: a table is read, becomes typed columns, its roles are taken out,
# and what is left becomes coefficients.
TABLE_FLOORS = (
    {"spelling", "words"},
    {"columns"},
    {"reading", "formula"},
    {"encoding"},
    {"spool", "treatment"},
    {"foreign"},
    {"read"},
    {"design", "roles"},
    {"schema", "split"},
    {"batches"},
)
TABLE_FLOOR = {room: level for level, rooms in enumerate(TABLE_FLOORS) for room in rooms}

# Solvers see an objective, never data, never a type. What reads a fitted record reads just that.
# All above the backends ask the rows through protocols: none names a backend or calls a kernel.
FORBIDDEN = {
    "record": {"backends", "_kernels"},
    "existence": {"backends", "_kernels"},
    "firth": {"backends", "_kernels"},
    "evaluation": {"backends", "_kernels"},
    "inference": {"backends", "_kernels"},
    "model": {"backends", "_kernels"},
    "paths": {"backends", "_kernels"},
    "racing": {"backends", "_kernels"},
    "solvers": {"table", "backends", "_kernels"},
    "report": {"table", "backends", "objective", "_kernels"},
    "export": {"backends", "objective", "solvers", "_kernels"},
    "cli": {"backends", "objective", "_kernels"},
    "estimators": {"backends", "objective", "_kernels"},
}

# A package that is slow to import or not always there, and the only places that may ask for it.
# pyarrow: in table/, where a file is written, and where a result is handed out as a table.
HOME_OF = {
    "sklearn": {"estimators"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "pyarrow": {
        "table",
        "cli",
        "model",
        "paths",
        "racing",
        "report",
        "export",
        "evaluation",
        "inference",
    },
    "scipy": {"table", "solvers", "numerics", "existence", "inference"},
    "pandas": {"table.formula.matrix"},
    "formulaic": {"table.formula.matrix"},
    "interface_meta": {"table.formula.matrix"},
    "polars": set(),
    "dask": {"backends.dask"},
    "distributed": {"backends.dask"},
    "torch": {"backends.torch"},
    "onnx": {"export.onnx"},
    "duckdb": {"table"},
    "matplotlib": {"report"},
}


class Import(NamedTuple):
    """One import: `target` is a full dotted name, `deferred` one inside a function or for types."""

    target: str
    line: int
    deferred: bool


def module_name(path: Path) -> str:
    """`table.arrow` for table/arrow.py, `table` for table/__init__.py, "" for the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
NATIVE = sorted(p for p in (ROOT / "cpp").rglob("*") if p.suffix in {".cpp", ".hpp", ".h"})


def is_type_checking(node: ast.AST) -> bool:
    """True for `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_of(node: ast.AST, deferred: bool = False) -> Iterator[Import]:
    """All imports below a node; relative ones are refused by ruff."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(name.name, child.lineno, deferred) for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            for name in child.names:
                yield Import(f"{child.module}.{name.name}", child.lineno, deferred)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports_of(child, deferred or inside or is_type_checking(child))


TREES = {
    name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for name, path in MODULES.items()
}
IMPORTS = {name: list(imports_of(tree)) for name, tree in TREES.items()}


def own_module(target: str) -> str | None:
    """The module of ours that a dotted name lies in (`logloss.table.Source` → `table`), or None."""
    package, _, rest = target.partition(".")
    if package != "logloss":
        return None
    while rest and rest not in MODULES and rest != "_kernels":
        rest = rest.rpartition(".")[0]
    return rest


def room(module: str) -> str:
    return module.partition(".")[0]


def within(module: str, homes: set[str]) -> bool:
    return any(module == home or module.startswith(home + ".") for home in homes)


def arrows() -> Iterator[tuple[str, str, int]]:
    """All imports between two rooms: importing module, room it reaches into, line."""
    for module, found in IMPORTS.items():
        for one in found:
            target = own_module(one.target)
            # The package's own face may reach everywhere, and its version may be read anywhere.
            if {room(module), room(target or "")} <= set(FLOOR) and room(target) != room(module):
                yield module, room(target), one.line


def test_the_package_was_found() -> None:
    assert {"", "bernoulli", "fitting", "solvers.base", "table.read"} <= set(MODULES)


def test_every_module_has_a_room() -> None:
    homeless = [name for name in MODULES if name and room(name) not in FLOOR]
    assert not homeless, f"say in FLOORS where these belong: {homeless}"


def test_arrows_point_down() -> None:
    wrong = [
        f"{module}:{line} imports {target}"
        for module, target, line in arrows()
        if FLOOR[target] >= FLOOR[room(module)]
    ]
    assert not wrong, "\n".join(wrong)


def table_room(module: str) -> str:
    """`reading` for table.reading.files, "" for the face of the table and for other rooms."""
    return module.split(".")[1] if module.startswith("table.") else ""


def test_a_table_goes_one_way() -> None:
    """No arrow up and no circle among the rooms of a table, imports inside functions counted."""
    assert {table_room(name) for name in MODULES} - {""} == set(TABLE_FLOOR)
    wrong = []
    for module, found in IMPORTS.items():
        here = table_room(module)
        for one in found if here else ():
            target = own_module(one.target) or ""
            there = table_room(target)
            back = (
                there == ""
                if target == "table"
                else TABLE_FLOOR.get(there, -1) >= TABLE_FLOOR[here]
            )
            if back and there != here:
                wrong.append(f"{module}:{one.line} imports {one.target}")
    assert not wrong, "\n".join(wrong)


def test_files_of_a_table_import_in_no_circle() -> None:
    """Not even with imports inside functions, and for types: they tie files together too."""
    graph = {
        module: {own_module(one.target) or "" for one in found} - {module}
        for module, found in IMPORTS.items()
        if table_room(module)
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' → '.join(error.args[1])}")


def test_nobody_goes_through_the_front_door() -> None:
    """`from logloss import fit` inside the package would hide an arrow to `model`.

    The command line is a guest like any other program: it may.
    """
    wrong = [
        f"{module}:{one.line} imports {one.target}"
        for module, found in IMPORTS.items()
        for one in found
        if room(module) not in {"", "cli"}
        and own_module(one.target) == ""
        and one.target.count(".") <= 1
    ]
    assert not wrong, "\n".join(wrong)


def test_no_room_reaches_past_its_door() -> None:
    wrong = [
        f"{module}:{line} imports {target}"
        for module, target, line in arrows()
        if target in FORBIDDEN.get(room(module), ())
    ]
    assert not wrong, "\n".join(wrong)


def test_only_a_fit_builds_backends() -> None:
    """All others ask through the protocols of objective/likelihood.py, whoever has the rows."""
    wrong = [
        f"{module}:{line}"
        for module, target, line in arrows()
        if target == "backends" and room(module) != "fitting"
    ]
    assert not wrong, "\n".join(wrong)


def test_kernels_read_rows_in_backends_and_designs_only() -> None:
    """Above, `_kernels` are for small dense matrices and for vectors over the rows."""
    of_rows = {"Design", "Rows", "Observations", "predict", "loss_gradient", "gram", "moments"}
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        if room(module) not in {"backends", "table"}
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) == "_kernels"
        and node.attr in of_rows
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", HOME_OF)
def test_package_is_imported_only_at_home(package: str) -> None:
    wrong = [
        f"{module or '__init__'}:{one.line}"
        for module, found in IMPORTS.items()
        for one in found
        if room(one.target) == package and not within(module, HOME_OF[package])
    ]
    assert not wrong, f"{package} is imported in {wrong}"


def test_no_import_cycles() -> None:
    graph: dict[str, set[str]] = {}
    for module, found in IMPORTS.items():
        targets = {own_module(one.target) for one in found if not one.deferred}
        graph[module] = {t for t in targets if t is not None and t != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' → '.join(error.args[1])}")


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_few_imports_are_deferred() -> None:
    """Only where a start would be slower: a deferred import hides an arrow from a reader."""
    late = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and ast.unparse(node).split()[1].startswith("logloss")
    ]
    assert 0 < len(late) <= MOST_DEFERRED, "\n".join(late)


def test_types_are_seldom_asked_for() -> None:
    """Past `table/`, where types are told apart, what a thing can do is its own affair."""
    lines, asked = 0, 0
    for module, path in MODULES.items():
        if room(module) == "table":
            continue
        lines += len(path.read_text(encoding="utf-8").splitlines())
        calls = (node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call))
        asked += sum(ast.unparse(call.func) in {"isinstance", "hasattr"} for call in calls)
    assert asked <= TYPE_TESTS_PER_1000_LINES * lines / 1000.0


def test_the_top_floor_has_few_modules() -> None:
    top = [path.name for path in PACKAGE.glob("*.py")]
    assert len(top) <= 4, top


def test_importing_logloss_loads_numpy_and_bernoulli_only() -> None:
    new = loaded_by("import logloss") - loaded_by("import numpy")
    assert {name for name in new if room(name) == "logloss"} == {"logloss", "logloss.bernoulli"}
    foreign = {room(name) for name in new} - {"logloss", "numpy"} - sys.stdlib_module_names
    assert not foreign


def test_the_command_line_starts_light() -> None:
    loaded = loaded_by("import logloss.cli")
    heavy = {"sklearn", "scipy", "pyarrow", "pandas", "logloss._kernels", "logloss.fitting.solve"}
    assert not loaded & heavy


def test_files_are_short() -> None:
    assert NATIVE, "no C++ sources found"
    long = {
        str(path.relative_to(ROOT)): n
        for path in [*MODULES.values(), *NATIVE]
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES
    }
    assert not long, f"more than {FILE_LINES} lines: {long}"


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its signature and docstring."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return function.end_lineno - body[0].lineno + 1 if body and function.end_lineno else 0


def test_functions_are_short() -> None:
    long = {
        f"{module}.{node.name}": n
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (n := body_lines(node)) > FUNCTION_LINES
    }
    assert not long, f"more than {FUNCTION_LINES} lines in the body: {long}"


def compares_a_name(node: ast.AST) -> bool:
    """True for `solver == "newton"` and `kind in ("csv", "tsv")`, not for `letter in "biuf"`."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left]
    for operator, side in zip(node.ops, node.comparators, strict=True):
        if isinstance(side, ast.Tuple | ast.List | ast.Set):
            sides += side.elts
        elif isinstance(operator, ast.Eq | ast.NotEq):
            sides.append(side)
    names = (v.value for v in sides if isinstance(v, ast.Constant) and isinstance(v.value, str))
    return any(len(name) > 1 for name in names)


CLASSES = {
    f"{module}.{node.name}": node
    for module, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
}
ABSTRACT = {"ABC", "Protocol", "Enum", "IntEnum", "Exception"}


def defined_by(module: str, base: ast.expr) -> str | None:
    """The class of ours that is written as a base in a module, or None."""
    name = ast.unparse(base).partition("[")[0].split(".")[-1]
    if f"{module}.{name}" in CLASSES:
        return f"{module}.{name}"
    targets = (own_module(one.target) for one in IMPORTS[module] if one.target.endswith(f".{name}"))
    return next((f"{home}.{name}" for home in targets if f"{home}.{name}" in CLASSES), None)


def is_abstract(name: str) -> bool:
    """An abstract class (by its base, or by a method that it leaves open), or a kind of error."""
    bases = CLASSES[name].bases
    if any(ast.unparse(base).partition("[")[0].split(".")[-1] in ABSTRACT for base in bases):
        return True
    methods = (each for each in CLASSES[name].body if isinstance(each, ast.FunctionDef))
    if any("abstractmethod" in map(ast.unparse, method.decorator_list) for method in methods):
        return True
    parents = (defined_by(name.rpartition(".")[0], base) for base in bases)
    return any(is_error(parent) for parent in parents if parent is not None)


def is_error(name: str) -> bool:
    """A LoglossError, or a kind of it."""
    if name == "errors.LoglossError":
        return True
    parents = (defined_by(name.rpartition(".")[0], base) for base in CLASSES[name].bases)
    return any(is_error(parent) for parent in parents if parent is not None)


def test_classes_are_abstract_or_final() -> None:
    """No class that makes objects is subclassed: what parts share they are composed of.

    scikit-learn's estimators inherit, as its own do.
    """
    wrong = [
        f"{name} extends {parent}"
        for name, node in CLASSES.items()
        if room(name) != "estimators"
        for base in node.bases
        if (parent := defined_by(name.rpartition(".")[0], base)) is not None
        and not is_abstract(parent)
    ]
    assert not wrong, "\n".join(wrong)


def test_names_are_looked_up_not_compared() -> None:
    """An option is a key of a table or a type of its own, not an `if kind == "…"` in a function."""
    found = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if compares_a_name(node)
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODULES.values())
    lines = sum(bool(line.strip()) for line in text.splitlines())
    allowed = max(3.0, NAME_COMPARES_PER_1000_LINES * lines / 1000)
    assert len(found) <= allowed, (
        f"{len(found)} comparisons with a name, {allowed:.1f} allowed: {found}"
    )


def test_solvers_and_tables_stay_silent() -> None:
    """Only the outermost layer prints or warns; below, a status is a value and trouble an error."""
    loud = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        if room(module) not in {"cli", "estimators", "model"}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"print", "warn", "warnings.warn"}
    ]
    assert not loud, loud
