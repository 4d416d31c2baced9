"""The matrices: built once, kept as .npy files in a cache folder outside the repository.

Real data comes from the folder that the environment variable ``LOGLOSS_DATA`` names;
generated data has fixed seeds.  A change to a builder must raise its version.
"""

from __future__ import annotations

import csv
import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

Matrix = Any  # a 2-D float64 ndarray, or a SciPy csr_matrix
Arrays = tuple[Matrix, np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """How to build one matrix and its labels (0 or 1, float64)."""

    build: Callable[[float], Arrays]  # argument: the share of the full number of rows
    version: int = 1
    scalable: bool = False


class DataMissing(Exception):
    """The folder of real data is not there."""


def default_cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "logloss-benchmarks"


def folder(name: str, cache: Path, scale: float = 1.0) -> Path:
    """Where the dataset lies, or will lie."""
    dataset = DATASETS[name]
    suffix = f"-scale{scale:g}" if dataset.scalable and scale != 1.0 else ""
    return cache / f"{name}-v{dataset.version}{suffix}"


def load(name: str, cache: Path, scale: float = 1.0) -> Arrays:
    """The matrix and its labels, memory-mapped; built first where the cache has none."""
    place = folder(name, cache, scale)
    if not place.exists():
        _store(DATASETS[name].build(scale), place)
    y = np.load(place / "y.npy")
    if (place / "X.npy").exists():
        return np.load(place / "X.npy", mmap_mode="r"), y
    parts = [np.load(place / f"{part}.npy", mmap_mode="r") for part in _SPARSE]
    return sp.csr_matrix(tuple(parts), shape=np.load(place / "shape.npy")), y


_SPARSE = ("data", "indices", "indptr")


def _store(arrays: Arrays, place: Path) -> None:
    """Write beside, then rename: an interrupted build leaves nothing that looks complete."""
    X, y = arrays
    partial = place.with_name(place.name + f".partial-{os.getpid()}")
    partial.mkdir(parents=True)
    np.save(partial / "y.npy", np.ascontiguousarray(y, dtype=np.float64))
    if sp.issparse(X):
        for part in _SPARSE:
            np.save(partial / f"{part}.npy", getattr(X, part))
        np.save(partial / "shape.npy", np.array(X.shape))
    else:
        np.save(partial / "X.npy", np.ascontiguousarray(X, dtype=np.float64))
    if place.exists():
        shutil.rmtree(partial)
    else:
        partial.rename(place)


def _data_file(name: str) -> Path:
    root = os.environ.get("LOGLOSS_DATA")
    path = Path(root or ".") / name
    if not root or not path.exists():
        raise DataMissing(f"{name} is not in the folder that LOGLOSS_DATA names")
    return path


def _standardised(X: np.ndarray) -> np.ndarray:
    """Zero mean, unit population deviation; constant columns are dropped."""
    deviation = X.std(axis=0)
    varies = deviation > 0
    return np.asarray((X[:, varies] - X[:, varies].mean(axis=0)) / deviation[varies])


def _generated(rows: int, columns: int, seed: int) -> Callable[[float], Arrays]:
    """Independent standard normal columns, coefficients of total norm 2, intercept -0.5."""

    def build(scale: float) -> Arrays:
        rng = np.random.default_rng(seed)
        n = max(1000, round(rows * scale))
        coef = rng.standard_normal(columns)
        coef *= 2.0 / np.linalg.norm(coef)
        X = rng.standard_normal((n, columns))
        y = rng.random(n) < 1.0 / (1.0 + np.exp(0.5 - X @ coef))
        return X, y.astype(np.float64)

    return build


def _brfss_scaled(scale: float) -> Arrays:
    X, y = _brfss(scale)
    return _standardised(X), y


def _brfss(_scale: float) -> Arrays:
    with gzip.open(_data_file("brfss2015.csv.gz"), "rt") as lines:
        names = next(lines).strip().split(",")
        table = np.loadtxt(lines, delimiter=",")
    target = names.index("Diabetes_binary")
    return np.delete(table, target, axis=1), table[:, target]


def _svmlight(file: str, columns: int) -> Callable[[float], Arrays]:
    def build(_scale: float) -> Arrays:
        from sklearn.datasets import load_svmlight_file

        X, y = load_svmlight_file(str(_data_file(file)), n_features=columns)
        return sp.csr_matrix(X), (y > 0).astype(np.float64)

    return build


def _kddcup(_scale: float) -> Arrays:
    """Numeric columns standardised; the three text columns as dummies, the first level dropped."""
    with gzip.open(_data_file("kddcup99-10pct.csv.gz"), "rt", newline="") as lines:
        columns = [np.array(column) for column in zip(*csv.reader(lines), strict=True)]
    text = (1, 2, 3)
    numeric = [columns[j].astype(np.float64) for j in range(len(columns) - 1) if j not in text]
    blocks = [_standardised(np.column_stack(numeric))]
    for j in text:
        levels, codes = np.unique(columns[j], return_inverse=True)
        blocks.append((codes[:, None] == np.arange(1, len(levels))).astype(np.float64))
    return np.hstack(blocks), (columns[-1] != "normal.").astype(np.float64)


def _heart(_scale: float) -> Arrays:
    """Four numeric columns as they are; 13 text columns as dummies, the first level dropped."""
    with gzip.open(_data_file("heart2020.csv.gz"), "rt", newline="") as lines:
        rows = csv.reader(lines)
        names = next(rows)
        table = dict(zip(names, (np.array(c) for c in zip(*rows, strict=True)), strict=True))
    y = (table.pop("HeartDisease") == "Yes").astype(np.float64)
    blocks = []
    for name, column in table.items():
        if name in ("BMI", "PhysicalHealth", "MentalHealth", "SleepTime"):
            blocks.append(column.astype(np.float64)[:, None])
        else:
            levels, codes = np.unique(column, return_inverse=True)
            blocks.append((codes[:, None] == np.arange(1, len(levels))).astype(np.float64))
    return np.hstack(blocks), y


def _arcene(*, scaled: bool) -> Callable[[float], Arrays]:
    def build(_scale: float) -> Arrays:
        from scipy.io import loadmat

        stored = loadmat(str(_data_file("arcene.mat")))
        X = stored["X"].astype(np.float64)
        return (_standardised(X) if scaled else X), (stored["Y"].ravel() > 0).astype(np.float64)

    return build


def _imdb(_scale: float) -> Arrays:
    from sklearn.feature_extraction.text import TfidfVectorizer

    with gzip.open(_data_file("imdb.tsv.gz"), "rt", encoding="utf-8") as lines:
        names = next(lines).rstrip("\n").split("\t")
        rows = [line.rstrip("\n").split("\t") for line in lines]
    text, label = names.index("text"), names.index("label")
    X = TfidfVectorizer(min_df=3, sublinear_tf=True).fit_transform(row[text] for row in rows)
    X = sp.csr_matrix(X)
    X.sort_indices()
    return X, np.array([float(row[label]) for row in rows])


def _breast_cancer(*, scaled: bool) -> Callable[[float], Arrays]:
    def build(_scale: float) -> Arrays:
        from sklearn.datasets import load_breast_cancer

        X, y = load_breast_cancer(return_X_y=True)
        return (_standardised(X) if scaled else X), y.astype(np.float64)

    return build


DATASETS: dict[str, Dataset] = {
    "brfss": Dataset(_brfss),
    "brfss_scaled": Dataset(_brfss_scaled),
    "gen_1m_100": Dataset(_generated(1_000_000, 100, seed=1), scalable=True),
    "gen_2m_28": Dataset(_generated(2_000_000, 28, seed=2), scalable=True),
    "a9a": Dataset(_svmlight("a9a.svm.gz", 123)),
    "w8a": Dataset(_svmlight("w8a.svm.gz", 300)),
    "heart2020": Dataset(_heart),
    "arcene": Dataset(_arcene(scaled=True)),
    "arcene_raw": Dataset(_arcene(scaled=False)),
    "kddcup": Dataset(_kddcup),
    "imdb": Dataset(_imdb),
    "breast_cancer": Dataset(_breast_cancer(scaled=False)),
    "breast_cancer_scaled": Dataset(_breast_cancer(scaled=True)),
}
