"""The package as it is installed: what it ships, and that its parts agree."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import logloss

ROOT = Path(__file__).parent.parent
STUB = ROOT / "src" / "logloss" / "_kernels.pyi"


def test_version_is_the_one_installed() -> None:
    assert logloss.__version__ == importlib.metadata.version("logloss")


def test_version_is_in_the_changelog_or_unreleased() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{logloss.__version__}]" in changelog or "## [Unreleased]" in changelog


def test_package_is_marked_as_typed() -> None:
    assert (Path(logloss.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("name", sorted(logloss.__all__))
def test_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(logloss, name)
    assert name in dir(logloss)
    if not isinstance(value, str):
        assert value.__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        logloss.no_such_name  # noqa: B018


@pytest.mark.skipif(not STUB.exists(), reason="the stub is not kept in the repository")
def test_stub_is_what_the_bindings_say(tmp_path: Path) -> None:
    """`make stub` writes it again. Values of constants depend on the machine: not compared."""
    fresh = tmp_path / "_kernels.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "logloss._kernels", "-o"]
    subprocess.run([*command, str(fresh)], check=True)
    kept, new = (
        re.sub(r"^(\w+: \w+) = .*$", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for path in (STUB, fresh)
    )
    assert kept == new
