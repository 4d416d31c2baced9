"""From a file of strings to a certified model, as whole processes: ``python -m benchmarks.tables``.

Each peer is a process of its own that starts Python, reads the file, encodes its columns and fits
with an L2 penalty (C = 1, a coefficient for each level); its time is that of the whole process, its
memory the largest that the system saw resident.  Peers are run in turn.  Their tolerances are the
loosest, in decades, with which they come within 1e-6 of the optimum.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Table:
    """A file, its target, and what must be said of it."""

    file: str
    target: str
    positive: str
    exclude: tuple[str, ...] = ()
    na: str | None = None


TABLES = {
    "heart2020": Table("heart2020.csv.gz", "HeartDisease", "Yes"),
    "diabetes130": Table(
        "diabetes130.csv.gz", "readmitted", "<30", ("encounter_id", "patient_nbr"), "?"
    ),
}
PEERS = ("logloss", "pandas+glum", "scikit-learn")
TOLERANCES = {
    ("pandas+glum", "heart2020"): 1e-4,
    ("pandas+glum", "diabetes130"): 1e-2,
    ("scikit-learn", "heart2020"): 1e-3,
    ("scikit-learn", "diabetes130"): 1e-3,
}


def main() -> None:
    """Time the peers in turn and print a line for each."""
    options = _options()
    for name in options.tables:
        rounds: dict[str, list[tuple[float, int, float]]] = {peer: [] for peer in options.peers}
        for _ in range(options.repeats):
            for peer in options.peers:
                rounds[peer].append(_run(peer, name, options.data))
        least = min(f for runs in rounds.values() for _, _, f in runs)
        print(f"\n{name}: seconds (median of {options.repeats}), peak MB, relative gap\n")
        ours = statistics.median(seconds for seconds, _, _ in rounds[options.peers[0]])
        for peer, runs in rounds.items():
            seconds = statistics.median(s for s, _, _ in runs)
            peak = statistics.median(p for _, p, _ in runs) / 1e6
            gap = (statistics.median(f for _, _, f in runs) - least) / least
            print(f"{peer:14s} {seconds:8.2f} {peak:8.0f} {gap:9.1e} {seconds / ours:6.1f}x")


def _run(peer: str, name: str, data: Path) -> tuple[float, int, float]:
    """Seconds, bytes at the peak, and the objective that was reached."""
    command = [sys.executable, "-m", "benchmarks.tables", "--peer", peer, "--table", name]
    command += ["--data", str(data), "--tolerance", str(TOLERANCES.get((peer, name), 1e-6))]
    table = TABLES[name]
    if peer == "logloss":
        command = [sys.executable, "-m", "logloss.cli", "fit", str(data / table.file), "--json"]
        command += ["--target", table.target, "--positive", table.positive, "--C", "1"]
        for column in table.exclude:
            command += ["--exclude", column]
        if table.na:
            command += ["--na", table.na]
    begun = time.perf_counter()
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=quiet) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{peer} failed on {name}")
    return seconds, usage.ru_maxrss * 1024, float(json.loads(printed)["objective"])


# ---- the peers, each in a process of its own


def _read(table: Table, data: Path):  # type: ignore[no-untyped-def]
    import pandas as pd

    missing = [table.na] if table.na else None
    frame = pd.read_csv(
        data / table.file, na_values=missing, keep_default_na=table.na is None, low_memory=False
    )
    y = (frame.pop(table.target) == table.positive).to_numpy(float)
    return frame.drop(columns=list(table.exclude)), y


def _glum(table: Table, data: Path, tolerance: float) -> float:
    import glum

    frame, y = _read(table, data)
    text = frame.select_dtypes(["object", "string"]).columns
    frame = frame.astype(dict.fromkeys(text, "category"))
    model = glum.GeneralizedLinearRegressor(
        family="binomial",
        alpha=1.0 / len(y),
        l1_ratio=0.0,
        gradient_tol=tolerance,
        max_iter=1000,
        cat_missing_method="convert",
    ).fit(frame, y)
    p = model.predict(frame)
    return _objective(y, p, model.coef_)


def _scikit_learn(table: Table, data: Path, tolerance: float) -> float:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame, y = _read(table, data)
    text = list(frame.select_dtypes(["object", "string"]).columns)
    encode = ColumnTransformer([("text", OneHotEncoder(), text)], remainder="passthrough")
    fit = LogisticRegression(C=1.0, solver="newton-cholesky", tol=tolerance, max_iter=1000)
    model = make_pipeline(encode, fit).fit(frame, y)
    return _objective(y, model.predict_proba(frame)[:, 1], fit.coef_[0])


def _objective(y, p, coef) -> float:  # type: ignore[no-untyped-def]
    import numpy as np

    loss = -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))
    return float(loss + coef @ coef / (2 * len(y)))


_FITS = {"pandas+glum": _glum, "scikit-learn": _scikit_learn}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=1e-4, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, default=os.environ.get("LOGLOSS_DATA"))
    parser.add_argument("--peer", choices=_FITS, help=argparse.SUPPRESS)
    parser.add_argument("--table", choices=TABLES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.data is None:
        parser.error("say by --data or LOGLOSS_DATA where the files are")
    if options.peer:
        value = _FITS[options.peer](TABLES[options.table], options.data, options.tolerance)
        print(json.dumps({"objective": value}))
        raise SystemExit
    return options


if __name__ == "__main__":
    main()
