"""What the README and the documentation show is run here, as a reader would run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
# docs/theory.md has a test of its own.
PAGES = (
    "README.md",
    "docs/index.md",
    "docs/guide.md",
    "docs/how-to-choose.md",
    "docs/certificate.md",
    "docs/evaluation.md",
    "docs/influence.md",
    "docs/inference.md",
    "docs/formula.md",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Set-up that the reader has done by the time the rest runs; here `make test` did it.
SETUP = ("pip ", "make ")


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the one file that the pages speak of: 2,000 patients, `ill` from the rest."""
    rng = np.random.default_rng(7)
    age, bmi, smoker = rng.normal(50, 12, 2000), rng.normal(26, 4, 2000), rng.random(2000) < 0.3
    z = 0.05 * (age - 50) + 0.1 * (bmi - 26) + smoker - 1.0
    ill = rng.random(2000) < 1 / (1 + np.exp(-z))
    days = rng.integers(30, 365, 2000)
    np.savetxt(
        tmp_path / "patients.csv",
        np.column_stack([np.arange(2000), age.round(1), bmi.round(1), smoker, days, ill]),
        fmt=["%d", "%.1f", "%.1f", "%d", "%d", "%d"],
        delimiter=",",
        header="patient,age,bmi,smoker,days,ill",
        comments="",
    )
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
            for call in re.split(r"[|;&]+", line):
                words = shlex.split(call, comments=True)
                if words[:1] == ["logloss"]:
                    yield words[1:]


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
    assert next(i for i, line in enumerate(lines) if "logloss.fit(" in line) < 25
