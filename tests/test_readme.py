"""What the README and the documentation show is run here, as a reader would run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
# docs/theory.md has a test of its own.
PAGES = (
    "README.md",
    "docs/index.md",
    "docs/guide.md",
    "docs/tables.md",
    "docs/how-to-choose.md",
    "docs/certificate.md",
    "docs/evaluation.md",
    "docs/influence.md",
    "docs/inference.md",
    "docs/separation.md",
    "docs/firth.md",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Set-up that the reader has done by the time the rest runs; here `make test` did it.
SETUP = ("pip ", "make ")
# What differs from one machine to the next in a summary.
MACHINE = re.compile(r"^  time |certificate: |reads of|standard errors\.$")


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for found, code in BLOCK.findall(text) if found == language]


def shell_lines(page: str) -> list[str]:
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(SETUP)]


def environment() -> dict[str, str]:
    """The reader's shell: the commands of this environment first, a wide screen without colour."""
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def write_patients(path: Path) -> None:
    """2,000 patients, numbers only; `ill` from the rest."""
    rng = np.random.default_rng(7)
    age, bmi, smoker = rng.normal(50, 12, 2000), rng.normal(26, 4, 2000), rng.random(2000) < 0.3
    z = 0.05 * (age - 50) + 0.1 * (bmi - 26) + smoker - 1.0
    ill = rng.random(2000) < 1 / (1 + np.exp(-z))
    days = rng.integers(30, 365, 2000)
    np.savetxt(
        path,
        np.column_stack([np.arange(2000), age.round(1), bmi.round(1), smoker, days, ill]),
        fmt=["%d", "%.1f", "%.1f", "%d", "%d", "%d"],
        delimiter=",",
        header="patient,age,bmi,smoker,days,ill",
        comments="",
    )


def write_admissions(path: Path) -> None:
    """3,000 admissions to a hospital as they may come: text, an id, a constant, missing values."""
    rng = np.random.default_rng(3)
    n = 3000
    wards = ("medicine", "surgery", "cardiology", "burns", "eye")
    ward = np.searchsorted([0.5, 0.8, 0.985, 0.993], rng.random(n))
    age = 30 + (60 * rng.random(n) ** 0.7).round()
    lab = (-2 * np.log(rng.random((n, 3))).sum(axis=1)).round(1)
    known, insured = rng.random(n) < 0.9, rng.random(n) < 0.8
    known[2] = False  # among the rows that are shown
    z = 0.03 * age + np.array([0.0, -0.4, 0.5, 0.6, -0.3])[ward] - 4.2
    z += np.where(known, 0.15 * lab, 1.3)
    again = rng.random(n) < 1 / (1 + np.exp(-z))
    answers = ("no", "yes")
    rows = (
        f"A-{i:04d},North,{wards[ward[i]]},{age[i]:.0f},{answers[int(insured[i])]},"
        f"{lab[i] if known[i] else 'n/a'},{answers[int(again[i])]}"
        for i in range(n)
    )
    lines = ["case,hospital,ward,age,insured,lab,readmitted", *rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the two files that the pages speak of."""
    write_patients(tmp_path / "patients.csv")
    write_admissions(tmp_path / "admissions.csv")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_code_of_the_page_runs(page: str, folder: Path) -> None:
    """All Python of a page as one script, then its shell commands one by one."""
    python, shell = blocks(page, "python"), shell_lines(page)
    assert python
    script = folder / "page.py"
    script.write_text("\n".join(python), encoding="utf-8")
    assert run([sys.executable, "-W", "error", script.name], folder).strip()
    for line in shell:
        run(["bash", "-euo", "pipefail", "-c", line], folder)


def logloss_calls() -> Iterator[list[str]]:
    """Every call of the program in the pages, as words."""
    for page in PAGES:
        for line in shell_lines(page):
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
            lexer.whitespace_split = True
            for between, words in groupby(lexer, key=lambda word: not word.strip("|;&")):
                call = list(words)
                if not between and call[0] == "logloss":
                    yield call[1:]


@cache
def help_of(*command: str) -> str:
    return run(["logloss", *command, "--help"], ROOT)


def test_help_names_every_command_of_the_pages() -> None:
    commands = {words[0] for words in logloss_calls()}
    assert {"fit", "predict", "show", "demo"} <= commands
    assert not {command for command in commands if not re.search(rf"\b{command}\b", help_of())}


def test_help_names_every_option_of_the_pages() -> None:
    used = {(words[0], word) for words in logloss_calls() for word in words if word.startswith("-")}
    assert used
    assert not {
        (command, option)
        for command, option in used
        if not re.search(rf"(?<![\w-]){option}\b", help_of(command))
    }


def test_every_command_of_the_program_is_documented() -> None:
    pages = " ".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    listed = re.findall(
        r"^[│| ]*([a-z][a-z-]+)  +\S", help_of().partition("Commands")[2], re.MULTILINE
    )
    assert listed, help_of()
    assert not [command for command in listed if f"logloss {command}" not in pages]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES])
def test_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (path.parent / target).exists()]


def test_install_and_first_result_stand_on_the_first_screen() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert next(i for i, line in enumerate(lines) if "pip install" in line) < 10
    assert next(i for i, line in enumerate(lines) if line.startswith("logloss fit ")) < 20
    assert next(i for i, line in enumerate(lines) if "certificate: " in line) < 50


def test_the_first_output_is_what_the_first_command_prints(folder: Path) -> None:
    command, output = shell_lines("README.md")[0], blocks("README.md", "text")[1]
    assert command.startswith("logloss fit ")
    printed = run(["bash", "-c", command], folder).splitlines()
    there = [line for line in output.splitlines() if line.strip()]
    assert len(there) > 20
    # Times and reads of the data are those of a machine.
    assert not [line for line in there if line not in printed and not MACHINE.search(line)]
    assert (
        blocks("README.md", "text")[0].splitlines()
        == ((folder / "admissions.csv").read_text(encoding="utf-8").splitlines()[:4])
    )
