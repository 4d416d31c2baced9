"""Options are declared once: signatures, commands, the manual and the file agree with the table."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

import logloss
import logloss.cli.fit
import logloss.cli.path
import logloss.cli.race
from logloss.cli import main
from logloss.errors import UsageError
from logloss.paths import path
from logloss.racing.race import race
from logloss.record.option import FIT, PATH, RACE
from logloss.record.options import OPTIONS, options_of
from logloss.record.request import Request
from logloss.record.request_json import SAVED

ROOT = Path(__file__).parent.parent
FUNCTIONS: dict[str, Any] = {FIT: logloss.fit, PATH: path, RACE: race}
COMMANDS: dict[str, Any] = {
    FIT: logloss.cli.fit.fit,
    PATH: logloss.cli.path.path,
    RACE: logloss.cli.race.race,
}
# Of a command alone: how its table is read, and what it writes.
ALONE = {"table", "sql", "delimiter", "quote", "header", "model", "quiet", "json"} | {
    "distribution", "influence", "output", "plot",
}  # fmt: skip


@pytest.mark.parametrize("face", FUNCTIONS)
def test_a_signature_has_the_options_of_the_table_and_their_defaults(face: str) -> None:
    parameters = inspect.signature(FUNCTIONS[face]).parameters
    found = {name: one.default for name, one in parameters.items() if name != "X"}
    expected = {name: one.default for name, one in options_of(face).items()}
    expected["y"] = inspect.Parameter.empty
    assert found == expected


@pytest.mark.parametrize("face", FUNCTIONS)
def test_a_docstring_names_each_option(face: str) -> None:
    text = inspect.getdoc(FUNCTIONS[face]) or ""
    section = text.partition("Parameters\n")[2].partition("\nReturns\n")[0].replace("\\\n", "")
    named = re.findall(r"^([A-Za-z].*?)(?: :.*)?$", section, re.MULTILINE)
    assert {name for line in named for name in re.split(r",\s*", line)} == {"X", *options_of(face)}


@pytest.mark.parametrize("face", COMMANDS)
def test_a_command_has_the_options_of_the_table(face: str) -> None:
    hints = get_type_hints(COMMANDS[face], include_extras=True)
    declared = {one.parameter: one for one in options_of(face).values() if one.flags}
    parameters = set(inspect.signature(COMMANDS[face]).parameters)
    assert parameters - ALONE == set(declared)
    for name, option in declared.items():
        info = get_args(hints[name])[1]
        assert (info.default, *info.param_decls) == option.flags  # typer takes the first for both
        assert (info.help, info.metavar, info.min) == (option.help, option.metavar, option.least)


@pytest.mark.parametrize("face", COMMANDS)
def test_the_help_of_a_command_is_that_of_the_table(
    face: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main([face, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for option in options_of(face).values():
        if option.flags:
            assert " ".join(option.help.split()) in text
            assert option.flags[0] in text


@pytest.mark.parametrize("kind", [logloss.LogisticRegression, logloss.LogisticRegressionCV])
def test_estimators_have_the_defaults_of_the_table(kind: Any) -> None:
    """But for those that are scikit-learn's."""
    unlike = {"C": 1.0, "missing": "error"}
    for name, one in inspect.signature(kind).parameters.items():
        if name in OPTIONS:
            assert one.default == unlike.get(name, OPTIONS[name].default), name


def test_what_is_saved_is_what_can_be_asked_of_a_fit() -> None:
    """But arrays and columns that the file has elsewhere, and what is of one call or machine."""
    elsewhere = {"y", "sample_weight", "offset"}
    of_a_call = {"start", "callbacks", "spool"}
    assert set(options_of(FIT)) - elsewhere - of_a_call == set(SAVED) - {"solver_settings"}


def test_each_place_is_one_of_a_request() -> None:
    for option in OPTIONS.values():
        if option.place is not None:
            part, name = option.place
            assert hasattr(getattr(Request(), part) if part else Request(), name), option.name


def test_defaults_pass_their_checks() -> None:
    for option in OPTIONS.values():
        for face in option.faces:
            one = option.of(face)
            if one.check is not None:
                one.check(one.name, one.default)
    Request().check()


WRONG = {
    "C": [0.0, -1.0, "1", True, np.nan], "l1_ratio": [-0.1, 1.1, None], "l1": [-1.0, np.inf, "x"],
    "l2": [-1.0, np.inf], "standardize": [2, "yes", None], "fit_intercept": [2, None],
    "firth": ["no"], "weights_are": ["x", 1], "tol": [0.0, 2.0, None], "max_iter": [0, 1.5, True],
    "time_budget": [0.0, -1.0, "1"], "n_threads": [0, 2.0],
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, one in OPTIONS.items() if one.check is not None])
def test_a_check_names_its_option(name: str) -> None:
    for value in WRONG[name]:
        with pytest.raises(UsageError, match=name):
            logloss.fit("no such file.csv", "y", **{name: value})


def test_the_manual_has_the_table() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "options.py"))["page"]()
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == page, "make docs-options"
    for option in OPTIONS.values():
        assert f"| `{option.name}` |" in page


# ---- words of commands


def table(folder: Path) -> str:
    rng = np.random.default_rng(8)
    x = rng.normal(size=150)
    y = np.where(rng.random(150) < logloss.sigmoid(x - 0.5), "yes", "no")
    file = folder / "t.csv"
    lines = [f"{i},{a:.6f},{b}\n" for i, (a, b) in enumerate(zip(x, y, strict=True))]
    file.write_text("id,x,y\n" + "".join(lines))
    return str(file)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["--class-weight", "balanced"], {"class_weight": "balanced"}),
        (["--class-weight", "yes=2.5"], {"class_weight": {"yes": 2.5}}),
        (
            ["--class-weight", "no=0.5", "--class-weight", "yes=3"],
            {"class_weight": {"no": 0.5, "yes": 3.0}},
        ),
        (["--no-intercept"], {"fit_intercept": False}),
        (["--no-intercept", "--l2", "0"], {"fit_intercept": False, "l2": 0.0}),
        (["--covariance", "cluster:id"], {"covariance": "cluster", "groups": "id"}),
        (["--na", "?", "--min-count", "2", "--missing", "drop"],
         {"na": ["?"], "min_count": 2, "missing": "drop"}),
        (["--penalty-factor", "x=0", "--bound", "x=:9", "--l2", "1e-9"],
         {"penalty_factors": {"x": 0.0}, "bounds": {"x": (None, 9.0)}, "l2": 1e-9}),
        (["--solver", "sgd", "--max-iter", "3", "--random-state", "0"],
         {"solver": "sgd", "max_iter": 3, "random_state": 0}),
    ],
)  # fmt: skip
def test_words_of_the_command_are_keywords_of_the_function(
    words: list[str], given: dict[str, Any], tmp_path: Path
) -> None:
    file, out = table(tmp_path), tmp_path / "m.json"
    words = [*words, "--exclude", "id"]
    given = {**given, "exclude": ["id"]}
    main(["fit", file, "--target", "y", "--quiet", "--model", str(out), *words])
    model, expected = logloss.load(out), logloss.fit(file, "y", **given)
    assert model.coefficients == expected.coefficients
    assert model.intercept == expected.intercept
    assert model.fitted.request == expected.fitted.request
    assert model.attach(file).fitted.n_rows == 150


@pytest.mark.parametrize(
    "words", [["--class-weight", "yes"], ["--class-weight", "yes=x"], ["--class-weight", "maybe=2"],
              ["--class-weight", "yes=1", "--class-weight", "yes=2"]],
)  # fmt: skip
def test_class_weights_that_cannot_be_read_are_wrong_use(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", table(tmp_path), "--target", "y", *words]) == 2
    err = capsys.readouterr().err
    assert "class" in err
    assert "hint:" in err


@pytest.mark.parametrize("command", [["path", "--n-lambdas", "2"], ["race", "--solvers", "newton"]])
def test_paths_and_races_take_them_too(command: list[str], tmp_path: Path) -> None:
    name, *more = command
    words = ["--class-weight", "balanced", "--no-intercept", "--random-state", "0"]
    assert main([name, table(tmp_path), "--target", "y", *more, *words]) == 0
