"""`logloss path`: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

import logloss
from logloss.cli import main


@pytest.fixture
def table(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    X = np.round(rng.standard_normal((200, 3)), 3)
    y = (X[:, 0] - X[:, 1] + rng.standard_normal(200) > 0.0).astype(int)
    lines = [",".join(map(str, [*row, label])) for row, label in zip(X.tolist(), y, strict=True)]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["age,dose,noise,ill", *lines]) + "\n")
    return str(file)


def run(*words: str) -> int:
    return main(["path", *words])


def test_the_path_is_printed_and_drawn(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(table, "--target", "ill", "--n-lambdas", "5", "--leave-one-out") == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split() == [
        "lambda", "C", "nonzeros", "log", "loss", "gap", "(relative)", "leave-one-out",
    ]  # fmt: skip
    assert lines[1].split()[2] == "0"
    assert sum(line.endswith("least") for line in lines) == 1
    assert "|coefficient|" in shown.out
    assert "o age" in shown.out or "o dose" in shown.out
    assert shown.err == ""


def test_json_holds_all_of_it(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--lambdas", "0.1,0.01", "--l1-ratio", "0.5", "--leave-one-out", "--json"]
    assert run(table, "--target", "ill", *words) == 0
    found = json.loads(capsys.readouterr().out)
    fits = logloss.path(table, "ill", lambdas=[0.1, 0.01], l1_ratio=0.5, leave_one_out=True)
    assert found["names"] == ["age", "dose", "noise"]
    assert found["complete"] is True
    assert fits.leave_one_out is not None
    assert found["best"] == fits.leave_one_out.best
    for i, one in enumerate(found["fits"]):
        assert one["coefficients"] == fits.coefficients[i].tolist()
        assert one["lambda"] == fits.lambdas[i]
        assert one["status"] == "certified"
        assert one["relative_gap"] <= 1e-6


@pytest.mark.parametrize("name", ["fits.csv", "fits.parquet"])
def test_the_fits_are_written(
    name: str, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    assert run(table, "--target", "ill", "--n-lambdas", "4", "-o", str(file)) == 0
    read = {"fits.csv": pyarrow.csv.read_csv, "fits.parquet": pyarrow.parquet.read_table}[name]
    written = read(file)
    assert written.num_rows == 4
    assert written.column_names[-3:] == ["age", "dose", "noise"]
    assert f"written to {file}" in capsys.readouterr().err


def test_the_best_fit_becomes_a_model_and_a_picture(table: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model, picture = tmp_path / "model.json", tmp_path / "path.svg"
    words = ["--leave-one-out", "--model", str(model), "--plot", str(picture), "--quiet"]
    assert run(table, "--target", "ill", *words) == 0
    fits = logloss.path(table, "ill", leave_one_out=True)
    assert logloss.load(model).coefficients == fits.model().coefficients
    assert b"age" in picture.read_bytes()


def test_options_reach_the_fits(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--penalty-factor", "noise=0", "--bound", "age=:0", "--weights", "dose"]
    assert run(table, "--target", "ill", "--exclude", "nope", *words) == 2
    capsys.readouterr()
    words = ["--penalty-factor", "noise=0", "--bound", "age=:0", "--n-lambdas", "3", "--json"]
    assert run(table, "--target", "ill", "--standardize", *words) == 0
    fits = json.loads(capsys.readouterr().out)["fits"]
    assert all(one["coefficients"][2] != 0.0 and one["coefficients"][0] <= 0.0 for one in fits)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--target", "il"], 2, "did you mean 'ill'"),
        (["--target", "ill", "--lambdas", "1,x"], 2, "cannot be read"),
        (["--target", "ill", "--lambdas", "0"], 2, "must be positive"),
        (["--target", "ill", "--quiet", "--json"], 2, "contradict"),
        (["--target", "ill", "--model", "m.json"], 2, "--leave-one-out"),
        (["--target", "ill", "-o", "fits.xlsx"], 2, ".csv or .parquet"),
        (["--target", "ill", "--plot", "path.gif"], 2, ".png"),
        (["--target", "ill", "-o", "/nowhere/fits.csv"], 1, "the folder does not exist"),
        (["--target", "ill", "--l1-ratio", "2"], 2, "l1_ratio must be"),
    ],
)
def test_wrong_use(
    words: list[str],
    status: int,
    message: str,
    table: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(table, *words) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert "hint:" in shown.err
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]


def test_an_early_end_is_said(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(table, "--target", "ill", "--time-budget", "1e-9") == 1
    shown = capsys.readouterr()
    assert "ended after 1 fits" in shown.err
    assert shown.out.startswith("lambda")
    assert run(table, "--target", "ill", "--solver", "nesterov", "--max-iter", "1") == 1
    assert "are not certified" in capsys.readouterr().err
