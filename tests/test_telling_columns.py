"""Columns that alone tell the labels apart are noted, under penalties too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.metrics import roc_auc_score

import logloss
from logloss.cli import main

N = 4000


def ordinary() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 3))
    y = (x[:, 0] + rng.logistic(size=N) > 0.0) * 1
    words = rng.choice(["u", "v", "w"], N)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "t": words}), y


def noted(model: Any) -> list[str]:
    return [note for note in model.notes if "tell" in note and "ROC" in note]


@pytest.mark.parametrize("options", [{"C": 1.0}, {"l1": 1e-3}, {"l2": 0.1}, {}])
@pytest.mark.parametrize("kind", ["number", "falling", "text", "hole", "nearly"])
def test_leaks_are_noted(kind: str, options: dict[str, Any]) -> None:
    table, y = ordinary()
    rng = np.random.default_rng(1)
    leaks = {
        "number": y + 0.4 * rng.random(N),
        "falling": -1e-9 * y,
        "text": np.where(y == 1, rng.choice(["C", "D"], N), rng.choice(["O", "P", "Q"], N)),
        "hole": np.where(y == 1, rng.random(N), np.nan),
        "nearly": y + 0.2 * rng.standard_normal(N),
    }
    table["leak"] = leaks[kind]
    if kind == "nearly":
        assert 0.999 < roc_auc_score(y, leaks[kind]) < 1.0
    (note,) = noted(logloss.fit(table, y, **options))
    assert note.startswith("column 'leak' alone tells the labels apart")
    assert "; is it known only after the outcome?" in note
    assert "--exclude leak (in Python exclude=['leak'])" in note


def test_others_are_not() -> None:
    table, y = ordinary()
    near = y + 0.35 * np.random.default_rng(2).standard_normal(N)
    assert 0.95 < roc_auc_score(y, near) < 0.9985
    pairs = np.repeat([f"k{i}" for i in range(N // 2)], 2)  # each level on two rows
    assert not noted(logloss.fit(table.assign(near=near, pairs=pairs), y, C=1.0))
    assert not noted(logloss.fit(table, y))


@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array, sp.csc_array])
def test_in_all_storages(storage: Any) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, N)
    X = rng.standard_normal((N, 6)) * (rng.random((N, 6)) < 0.4)
    X[:, 4] = y * (1.0 + rng.random(N))
    (note,) = noted(logloss.fit(storage(X), y, C=1.0))
    assert note.startswith("column 'x4' alone")


def test_rare_labels_and_weights() -> None:
    rng = np.random.default_rng(4)
    y = np.zeros(50_000, np.int64)
    y[rng.choice(50_000, 60, replace=False)] = 1
    table = pd.DataFrame({"a": rng.random(50_000), "leak": y * 2.0})
    (note,) = noted(logloss.fit(table, y, C=1.0))
    assert "'leak'" in note
    odd = np.arange(50_000) % 2
    table["leak"] = np.where(odd == 1, rng.random(50_000), table["leak"])
    y = (y + (rng.random(50_000) < 0.5)) % 2
    table["leak"] = np.where(odd == 1, table["leak"], y)
    assert not noted(logloss.fit(table, y, C=1.0))
    (note,) = noted(logloss.fit(table, y, C=1.0, sample_weight=1.0 - odd))
    assert "'leak'" in note


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, y = ordinary()
    table = table.assign(outcome_code=np.where(y == 1, "C", "O"), y=y)
    table.to_csv(tmp_path / "t.csv", index=False)
    for command in ("fit", "path"):
        options = ["--C", "1"] if command == "fit" else ["--n-lambdas", "2"]
        assert main([command, str(tmp_path / "t.csv"), "--target", "y", *options]) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert "note: column 'outcome_code' alone tells the labels apart" in out
