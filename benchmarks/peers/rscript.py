"""An R process that holds the data and answers requests, so that only R's own fits are timed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.problems import Task

_PROGRAM = Path(__file__).with_name("glmnet.R")


@cache
def glmnet_version() -> str | None:
    """That of the R package; None where R or the package is missing."""
    if shutil.which("Rscript") is None:
        return None
    asked = subprocess.run(
        ["Rscript", "-e", "cat(as.character(packageVersion('glmnet')))"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None if asked.returncode == 0 else None


class Glmnet:
    """R's glmnet over one matrix (dense in columns, or CSC) and its labels."""

    def __init__(self, task: Task) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="logloss-glmnet-")
        self._columns = task.X.shape[1]
        folder = Path(self._folder.name)
        np.array([*task.X.shape, task.is_sparse], dtype=np.int32).tofile(folder / "shape")
        task.y.tofile(folder / "y")
        if task.is_sparse:
            task.X.data.tofile(folder / "data")
            task.X.indices.astype(np.int32).tofile(folder / "indices")
            task.X.indptr.astype(np.int32).tofile(folder / "indptr")
        else:
            task.X.ravel(order="F").tofile(folder / "data")
        self._answer = folder / "answer"
        self._process = subprocess.Popen(
            ["Rscript", str(_PROGRAM), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def fit(
        self,
        *,
        l1_ratio: float,
        lambdas: np.ndarray,
        fit_intercept: bool,
        thresh: float,
        folds: int = 0,
    ) -> float:
        """Seconds that glmnet, or cv.glmnet with so many folds, took by R's clock."""
        assert self._process.stdin is not None
        request = [float(folds), l1_ratio, float(fit_intercept), thresh, *map(float, lambdas)]
        self._process.stdin.write(" ".join(map(repr, request)) + "\n")
        self._process.stdin.flush()
        return float(self._read())

    def coefficients(self) -> np.ndarray:
        """Of the last fit, shape (strengths reached, 1 + d), the intercepts first."""
        return np.fromfile(self._answer).reshape(-1, 1 + self._columns)

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("R ended")
        return line.strip()
