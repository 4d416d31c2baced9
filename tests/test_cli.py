"""The command line as a user meets it: streams, exit codes, files, Ctrl-C, a terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import logloss
from logloss.cli import demo, main
from logloss.model.model import Model, load

COMMAND = [sys.executable, "-m", "logloss.cli"]
LIMIT = 60  # seconds for a process that hangs


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    random = np.random.default_rng(3)
    age, dose = random.normal(50, 10, 400), random.exponential(size=400)
    z = 0.08 * (age - 50) - 1.2 * dose + 0.7
    sick = np.where(random.uniform(size=400) < 1 / (1 + np.exp(-z)), "yes", "no")
    weight = random.integers(1, 4, 400)
    return pa.table({"age": age, "sick": sick, "dose": dose, "w": weight, "o": 0.01 * age})


@pytest.fixture(scope="module")
def table(rows: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    pyarrow.csv.write_csv(rows, path)
    return path


@pytest.fixture(scope="module")
def model_file(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.json"
    arguments = ["--exclude", "w", "--exclude", "o", "--C", "1", "--model", str(path), "--quiet"]
    assert main(["fit", str(table), "--target", "sick", *arguments]) == 0
    return path


class Streams:
    """Runs a command in this process and keeps what it wrote."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        status = main([str(one) for one in arguments])
        return status, *self._capture.readouterr()


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Streams:
    return Streams(capfd)


def in_a_process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, text=True, timeout=LIMIT, check=False, **options)


# ---- fit


def test_fit_prints_the_summary_and_the_certificate(run: Streams, table: Path) -> None:
    status, out, err = run("fit", table, "--target", "sick", "--exclude", "w", "--exclude", "o")
    assert status == 0
    assert err == ""
    assert out.startswith("Logistic regression of sick: log odds of yes against no\n")
    assert "400, 2 coefficients" in out
    assert "certificate: within" in out


def test_fit_without_a_penalty_prints_standard_errors_and_the_file_keeps_them(
    run: Streams, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    options = ["--exclude", "w", "--exclude", "o", "--model", path]
    _, out, _ = run("fit", table, "--target", "sick", *options)
    assert "std. error" in out
    assert "log-likelihood" in out
    status, shown, _ = run("show", path)
    assert (status, shown) == (0, out)
    _, text, _ = run("show", path, "--json")
    assert len(json.loads(text)["estimates"]["values"]) == 3
    _, out, _ = run("fit", table, "--target", "sick", *options[:4], "--C", "1")
    assert "std. error" not in out
    assert "no standard errors: a penalised" in out


def test_fit_agrees_with_scikit_learn(run: Streams, table: Path, rows: pa.Table) -> None:
    options = ["--C", "0.5", "--exclude", "o", "--weights", "w", "--tol", "1e-10", "--json"]
    status, out, _ = run("fit", table, "--target", "sick", *options)
    assert status == 0
    X = np.column_stack([rows["age"], rows["dose"]])
    peer = LogisticRegression(C=0.5, tol=1e-10, solver="newton-cholesky").fit(
        X, rows["sick"].to_numpy(), sample_weight=rows["w"].to_numpy()
    )
    found = json.loads(out)
    np.testing.assert_allclose(list(found["coefficients"].values()), peer.coef_[0], rtol=1e-4)
    np.testing.assert_allclose(found["intercept"], peer.intercept_[0], rtol=1e-4)
    assert found["weight_sum"] == sum(rows["w"].to_pylist())


def test_fit_as_json_is_a_model_file(run: Streams, table: Path, tmp_path: Path) -> None:
    _, out, err = run("fit", table, "--target", "sick", "--json", "--offset", "o", "--C", "1")
    assert err == ""
    (tmp_path / "m.json").write_text(out)
    model = load(tmp_path / "m.json")
    assert model.fitted.offset == "o"
    assert list(model.coefficients) == ["age", "dose", "w"]


def test_positive_turns_the_signs(run: Streams, table: Path) -> None:
    _, yes, _ = run("fit", table, "--target", "sick", "--json", "--C", "1")
    _, no, _ = run("fit", table, "--target", "sick", "--json", "--C", "1", "--positive", "no")
    assert json.loads(no)["classes"] == ["yes", "no"]
    for name, value in json.loads(yes)["coefficients"].items():
        assert json.loads(no)["coefficients"][name] == pytest.approx(-value, rel=1e-2)


def test_quiet_says_nothing_and_writes_the_model(run: Streams, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    status, out, err = run("fit", table, "--target", "sick", "--model", path, "--quiet")
    assert (status, out, err) == (0, "", "")
    assert load(path).certificate.relative_gap <= 1e-6
    assert os.listdir(tmp_path) == ["m.json"]


def test_fit_says_where_the_model_went(run: Streams, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    status, out, err = run("fit", table, "--target", "sick", "--model", path)
    assert status == 0
    assert err == f"model written to {path}\n"
    assert run("show", path) == (0, out, "")


def test_a_budget_that_runs_out_keeps_the_iterate(
    run: Streams, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    status, out, err = run(
        "fit", table, "--target", "sick", "--solver", "gd", "--max-iter", "2", "--model", path
    )
    assert status == 1
    assert "Not certified: " in " ".join(out.split())
    reached = r"stopped after 2 steps, within \S+ \(relative\) of the optimum"
    assert re.search(f"certificate: {reached}, proven by", " ".join(out.split()))
    assert re.search(
        f"error: the fit is not certified: {reached}; the model file is marked so", err
    )
    assert f"\nhint: to go on from it, give the same command with --start {path}\n" in err
    assert load(path).certificate.status.name == "BUDGET"


def test_a_time_that_runs_out_is_said(run: Streams, table: Path) -> None:
    words = ["--solver", "gd", "--tol", "1e-14", "--time-budget", "1e-3"]
    status, out, err = run("fit", table, "--target", "sick", *words)
    assert status == 1
    assert re.search(r"certificate: stopped at [\d.]+ s, within", out)
    assert re.search(r"error: the fit is not certified: stopped at [\d.]+ s, within \S+ \(rel", err)
    assert "hint: --model FILE keeps the model, and --start FILE goes on from it" in err


def test_start_goes_on_from_a_model_that_was_stopped(
    run: Streams, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    words = ["fit", table, "--target", "sick", "--solver", "lbfgs", "--C", "1", "--model", path]
    assert run(*words, "--max-iter", "4")[0] == 1
    stopped = load(path)
    assert run(*words, "--start", path)[0] == 0
    finished = load(path)
    assert finished.history[0].loss == pytest.approx(stopped.fitted.objective, rel=1e-12)
    cold = logloss.fit(table, "sick", solver="lbfgs", C=1.0)
    assert len(finished.history) < len(cold.history)
    assert finished.fitted.objective == pytest.approx(cold.fitted.objective, rel=1e-6)


def test_start_of_other_columns_says_which(run: Streams, table: Path, model_file: Path) -> None:
    words = ["fit", table, "--target", "sick", "--start", model_file]
    status, out, err = run(*words, "--exclude", "age")
    assert (status, out) == (2, "")
    assert "start is a model of other columns: it lacks 'w', 'o', the table lacks 'age'" in err
    status, _, err = run(*words, "--exclude", "o", "--exclude", "w", "--positive", "no")
    assert status == 2
    assert "start models 'yes' against 'no', this fit 'no' against 'yes'" in err


def test_a_perceptron_has_predictions_and_no_probabilities(
    run: Streams, table: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    words = ["--solver", "perceptron", "--max-iter", "5", "--model", path]
    status, out, err = run("fit", table, "--target", "sick", *words)
    assert status == 0
    assert "Not certified: The perceptron has no loss" in " ".join(out.split())
    assert f"model written to {path}\nnote: The perceptron has no loss" in err
    status, out, err = run("predict", path, table)
    assert (status, err) == (0, "")
    header, body = scores(out)
    assert header == ["prediction"]
    assert [line[0] for line in body] == load(path).predict(table).tolist()


def test_random_state_of_the_command_line(run: Streams, table: Path) -> None:
    def losses(seed: int) -> list[float]:
        words = ["--solver", "sgd", "--C", "1", "--max-iter", "2", "--json"]
        out = run("fit", table, "--target", "sick", *words, "--random-state", seed)[1]
        return [step["loss"] for step in json.loads(out)["history"]]

    assert losses(1) == losses(1) != losses(2)
    status, _, err = run("fit", table, "--target", "sick", "--random-state", "-1")
    assert status == 2
    assert "random_state must be a whole number from 0 on" in err


def test_penalties_and_bounds_of_the_command_line(run: Streams, table: Path) -> None:
    words = ["--C", "0.01", "--l1-ratio", "0.5", "--penalty-factor", "age=0", "--standardize"]
    bounds = ["--bound", "dose=-0.1:", "--bound", "w=-", "--bound", "o=:0.5"]
    status, out, err = run("fit", table, "--target", "sick", *words, *bounds, "--json")
    assert status == 0, err
    expected = logloss.fit(
        table,
        "sick",
        C=0.01,
        l1_ratio=0.5,
        penalty_factors={"age": 0.0},
        standardize=True,
        bounds={"dose": (-0.1, None), "w": "-", "o": (None, 0.5)},
    )
    found = json.loads(out)
    assert found["coefficients"] == dict(expected.coefficients)
    assert found["coefficients"]["dose"] >= -0.1
    assert found["coefficients"]["w"] <= 0.0
    assert found["options"]["standardize"] is True
    free = run("fit", table, "--target", "sick", "--json")[1]
    assert json.loads(free)["coefficients"]["dose"] < -0.1


# ---- predict, show


def scores(text: str) -> tuple[list[str], list[list[str]]]:
    lines = list(csv.reader(io.StringIO(text)))
    return lines[0], lines[1:]


def test_predict_to_standard_output(
    run: Streams, model_file: Path, table: Path, rows: pa.Table
) -> None:
    status, out, err = run("predict", model_file, table)
    assert (status, err) == (0, "")
    header, body = scores(out)
    assert header == ["probability", "prediction"]
    expected = load(model_file).predict_proba(rows)
    assert [float(line[0]) for line in body] == expected.tolist()
    assert [line[1] for line in body] == load(model_file).predict(rows).tolist()


@pytest.mark.parametrize("name", ["scored.parquet", "scored.csv", "SCORED.CSV"])
def test_predict_to_a_file(
    run: Streams, model_file: Path, table: Path, rows: pa.Table, tmp_path: Path, name: str
) -> None:
    status, out, err = run("predict", model_file, table, "-o", tmp_path / name)
    assert (status, out) == (0, "")
    assert err == f"400 rows written to {tmp_path / name}\n"
    read = pq.read_table if name.endswith("parquet") else pyarrow.csv.read_csv
    written = read(tmp_path / name)
    np.testing.assert_array_equal(
        written["probability"].to_numpy(), load(model_file).predict_proba(rows)
    )
    assert os.listdir(tmp_path) == [name]


def test_predict_quietly(run: Streams, model_file: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.csv"
    assert run("predict", model_file, table, "-o", out, "--quiet") == (0, "", "")


def test_predict_needs_no_target_and_any_order(
    run: Streams, model_file: Path, rows: pa.Table, tmp_path: Path
) -> None:
    pq.write_table(rows.select(["dose", "w", "age"]), tmp_path / "new.parquet")
    status, out, _ = run("predict", model_file, tmp_path / "new.parquet")
    assert status == 0
    expected = load(model_file).predict_proba(rows)
    assert [float(line[0]) for line in scores(out)[1]] == expected.tolist()


def test_show(run: Streams, model_file: Path) -> None:
    status, out, err = run("show", model_file)
    assert (status, err) == (0, "")
    assert out == f"{load(model_file).summary()}\n"
    status, out, err = run("show", model_file, "--json")
    assert (status, err) == (0, "")
    assert out == model_file.read_text()


# ---- demo, help, version


def test_demo(run: Streams) -> None:
    status, out, err = run("demo")
    assert (status, err) == (0, "")
    assert "worst fractal dimension" in out
    assert "certificate: within" in out
    assert "observed share" in out


def test_the_demo_names_the_columns_as_scikit_learn_does() -> None:
    peer = load_breast_cancer()
    assert tuple(peer.feature_names) == demo.COLUMNS
    fitted, held_out = demo._tables()
    whole = pa.concat_tables([fitted, held_out])
    assert whole.num_rows == 569
    assert sum(whole[demo.TARGET].to_pylist()) == peer.target.sum()
    np.testing.assert_array_equal(fitted["mean radius"][:2], peer.data[:2, 0])
    np.testing.assert_array_equal(held_out["worst area"][:2], peer.data[[2, 5], 23])


def test_the_demo_without_scikit_learn(run: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    status, out, err = run("demo")
    assert (status, out) == (1, "")
    assert err.startswith("error: the breast cancer table that scikit-learn installs is not there")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help(run: Streams, words: list[str]) -> None:
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    for command in ("fit", "predict", "show", "demo"):
        assert f"\n  {command} " in out
    assert "..." not in out.replace("[ARGS]...", "")


@pytest.mark.parametrize("command", ["fit", "predict", "show", "demo"])
def test_help_of_a_command(run: Streams, command: str) -> None:
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: logloss {command}")


def test_version(run: Streams) -> None:
    assert run("--version") == (0, f"logloss {logloss.__version__}\n", "")


# ---- streams that break


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [("predict", "{table}"), ("show",), ("show", "--json")])
def test_a_full_disk_behind_standard_output(
    model_file: Path, table: Path, words: tuple[str, ...]
) -> None:
    command, *rest = (word.format(table=table) for word in words)
    with open("/dev/full", "w") as full:
        done = in_a_process(command, model_file, *rest, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == (
        "error: cannot write to standard output: the disk is full\n"
        "hint: free some space, or write to another disk\n"
    )


@pytest.mark.parametrize("words", [("predict", "{table}"), ("show",)])
def test_a_reader_that_has_seen_enough(
    model_file: Path, table: Path, words: tuple[str, ...]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command, *rest = (word.format(table=table) for word in words)
    done = in_a_process(command, model_file, *rest, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_names_outside_ascii_on_a_terminal_that_knows_only_ascii(
    rows: pa.Table, tmp_path: Path
) -> None:
    pq.write_table(rows.rename_columns(["größe", "sick", "dose", "w", "o"]), tmp_path / "t.parquet")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = in_a_process(
        "fit", tmp_path / "t.parquet", "--target", "größte",
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_words_that_nobody_hears_change_no_outcome(
    model_file: Path, table: Path, tmp_path: Path
) -> None:
    words = ["predict", model_file, table, "-o", tmp_path / "scored.csv"]
    with open("/dev/full", "w") as full:
        done = in_a_process(*words, stdout=subprocess.PIPE, stderr=full)
    assert (done.returncode, done.stdout) == (0, "")
    assert os.listdir(tmp_path) == ["scored.csv"]


def test_a_disk_that_fills_while_writing(model_file: Path, table: Path, tmp_path: Path) -> None:
    (tmp_path / "scored.csv").write_text("old")
    done = in_a_process(
        "predict", model_file, table, "-o", tmp_path / "scored.csv",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: cannot write {tmp_path / 'scored.csv'}: the file would")
    assert os.listdir(tmp_path) == ["scored.csv"]
    assert (tmp_path / "scored.csv").read_text() == "old"


# ---- Ctrl-C


@pytest.fixture
def interrupting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Press Ctrl-C at the third step of the fit."""
    from logloss.cli.progress import Progress

    steps: list[int] = []

    def at_step(_: Progress, step: Any) -> bool:
        steps.append(step.data_reads)
        if len(steps) == 3:
            signal.raise_signal(signal.SIGINT)
        return False

    monkeypatch.setattr(Progress, "__call__", at_step)
    yield steps


@pytest.mark.usefixtures("interrupting")
def test_ctrl_c_keeps_the_best_iterate(run: Streams, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    words = ["--solver", "gd", "--tol", "1e-14", "--model", path]
    status, out, err = run("fit", table, "--target", "sick", *words)
    assert status == 1
    assert re.search(r"error: the fit is not certified: interrupted at [\d.e-]+ s, within", err)
    assert "; the model file is marked so\nhint: to go on from it, give the same command" in err
    assert "Not certified" in out
    model = load(path)
    assert model.certificate.status.name == "INTERRUPTED"
    assert model.fitted.loss < model.fitted.null_loss
    assert os.listdir(tmp_path) == ["m.json"]


def test_ctrl_c_before_the_first_step_writes_nothing(
    run: Streams, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Model:
        raise KeyboardInterrupt

    monkeypatch.setattr("logloss.fit", interrupted)
    path = tmp_path / "m.json"
    status, out, err = run("fit", table, "--target", "sick", "--model", path)
    assert (status, out) == (1, "")
    assert err.startswith("error: interrupted before there was a result")
    assert os.listdir(tmp_path) == []


class Terminal:
    """A command whose standard error is a terminal."""

    def __init__(self, *arguments: object) -> None:
        self._screen, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=theirs, text=True, env=os.environ | {"TERM": "xterm"},
        )  # fmt: skip
        os.close(theirs)
        self.shown = b""

    def read_until(self, words: bytes) -> bool:
        """Read what is shown until `words` are in it; False where it ends without them."""
        while words not in self.shown:
            try:
                chunk = os.read(self._screen, 4096)
            except OSError:  # what Linux says when the other end closes
                chunk = b""
            if not chunk:
                return False
            self.shown += chunk
        return True

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; the exit status, standard output and all that was shown."""
        self.read_until(b"this is never shown")
        out, _ = self.process.communicate(timeout=LIMIT)
        os.close(self._screen)
        return self.process.returncode, out, self.shown.decode()


def test_ctrl_c_in_a_real_process(tmp_path: Path) -> None:
    """The whole way: a slow fit, watched on a terminal, interrupted from outside."""
    random = np.random.default_rng(5)
    X = random.normal(size=(50_000, 1)) + 1e-3 * random.normal(size=(50_000, 12))
    y = random.uniform(size=50_000) < 1 / (1 + np.exp(-X[:, 0]))
    columns = {f"c{j}": x for j, x in enumerate(X.T)} | {"y": y}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    path = tmp_path / "out" / "m.json"
    path.parent.mkdir()
    words = ["--solver", "gd", "--tol", "1e-12", "--max-iter", "10000000", "--model", path]
    terminal = Terminal("fit", tmp_path / "t.parquet", "--target", "y", *words)
    assert terminal.read_until(b"reads of the data")
    terminal.process.send_signal(signal.SIGINT)
    status, out, shown = terminal.end()
    assert status == 1
    assert "Traceback" not in shown
    assert "error: the fit is not certified: interrupted at " in shown
    assert "; the model file is marked so" in shown
    assert f"--start {path}" in shown
    assert "Not certified: " in " ".join(out.split())
    model = load(path)
    assert model.certificate.status.name == "INTERRUPTED"
    assert model.fitted.loss <= model.fitted.null_loss * (1 + 1e-12)  # it may be the first step
    assert os.listdir(path.parent) == ["m.json"]


# ---- a terminal


def test_progress_on_a_terminal(table: Path) -> None:
    status, out, shown = Terminal("fit", table, "--target", "sick").end()
    assert status == 0
    assert f"reading {table}"[:40] in shown
    assert out.startswith("Logistic regression of sick")
    status, _, shown = Terminal("fit", table, "--target", "sick", "--quiet").end()
    assert (status, shown) == (0, "")


# ---- how quick it starts


@pytest.mark.alone
@pytest.mark.parametrize(("command", "seconds"), [("--help", 0.4), ("demo", 2.0)])
def test_starts_quickly(command: str, seconds: float) -> None:
    def once() -> float:
        begin = time.perf_counter()
        assert in_a_process(command, stdout=subprocess.DEVNULL).returncode == 0
        return time.perf_counter() - begin

    assert min(once() for _ in range(5)) <= seconds
