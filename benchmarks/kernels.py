"""The kernels against what the machine can do: ``python -m benchmarks.kernels --help``.

Pass: loss and gradient together, bytes of X and y per second, beside a plain sum over the same
bytes of memory (``stream_read``) timed in the same rounds.  Gram: n d (d + 1) operations, beside
GEMM at 2 n d² on the same size.  scikit-learn's pass and tabmat's sandwich stand beside them
where they are installed.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import logloss._kernels as _kernels
from benchmarks.report import machine

Job = Callable[[], object]
_PAUSE = 0.15  # seconds


@dataclass(frozen=True)
class PassCase:
    """A matrix of one storage."""

    storage: str  # C, F, columns (one array each), CSR
    dtype: str
    columns: int
    rows: int


@dataclass(frozen=True)
class GramCase:
    """A matrix in C order."""

    dtype: str
    columns: int
    rows: int


PASSES = (
    PassCase("C", "float64", 28, 3_000_000),
    PassCase("C", "float64", 100, 1_000_000),
    PassCase("C", "float64", 500, 200_000),
    PassCase("F", "float64", 28, 3_000_000),
    PassCase("F", "float64", 100, 1_000_000),
    PassCase("F", "float64", 500, 200_000),
    PassCase("C", "float32", 28, 6_000_000),
    PassCase("C", "float32", 100, 2_000_000),
    PassCase("C", "float32", 500, 400_000),
    PassCase("columns", "float64", 28, 3_000_000),
    PassCase("columns", "int8", 28, 10_000_000),
    PassCase("C", "int8", 100, 6_000_000),
    PassCase("columns", "int8", 100, 6_000_000),
    PassCase("CSR", "float64", 10_000, 500_000),
)
GRAMS = (
    GramCase("float64", 28, 1_000_000),
    GramCase("float64", 100, 400_000),
    GramCase("float64", 500, 100_000),
    GramCase("float32", 100, 400_000),
    GramCase("float32", 500, 100_000),
)


def main() -> None:
    options = _options()
    rows = [pass_row(case, options) for case in _chosen(PASSES, options, "pass")]
    grams = [gram_row(case, options) for case in _chosen(GRAMS, options, "gram")]
    options.out.mkdir(parents=True, exist_ok=True)
    text = _markdown(rows, grams)
    (options.out / "kernels.md").write_text(text)
    _parquet([*rows, *grams], options.out / "kernels.parquet")
    print(text)


def pass_row(case: PassCase, options: argparse.Namespace) -> dict[str, Any]:
    """Time one read of the data; seconds are medians over rounds, bandwidth from minima."""
    n = max(1000, round(case.rows * options.scale))
    rng = np.random.default_rng(0)
    X = _matrix(case, n, rng)
    y = (rng.random(n) < 0.5).astype(np.float64)
    coef = rng.standard_normal(case.columns) / np.sqrt(case.columns)
    design, observations = _design(X, n), _kernels.Observations(y)
    size = _bytes(X) + y.nbytes
    memory = np.ones(size // 8)
    jobs: dict[str, Job] = {
        "stream": lambda: _kernels.stream_read(memory, options.threads),
        "pass": lambda: _kernels.loss_gradient(
            design, observations, coef, 0.1, None, options.threads
        ),
    }
    jobs |= _scikit_learn_pass(X, y, coef, options.threads)
    seconds = interleaved(jobs, options.repeats)
    best = {name: min(times) for name, times in seconds.items()}
    return {
        "kind": "pass",
        "storage": case.storage,
        "dtype": case.dtype,
        "columns": case.columns,
        "rows": n,
        "bytes": size,
        "pass_s": statistics.median(seconds["pass"]),
        "stream_s": statistics.median(seconds["stream"]),
        "pass_gb_per_s": size / best["pass"] / 1e9,
        "stream_gb_per_s": size / best["stream"] / 1e9,
        "share": best["stream"] / best["pass"],
        "share_of_medians": statistics.median(seconds["stream"])
        / statistics.median(seconds["pass"]),
        "ns_per_row": best["pass"] / n * 1e9,
        "sklearn_s": statistics.median(seconds["sklearn"]) if "sklearn" in seconds else None,
    }


def gram_row(case: GramCase, options: argparse.Namespace) -> dict[str, Any]:
    """Time XᵀSQX with centring, against GEMM of the same dtype and against tabmat."""
    n, d = max(1000, round(case.rows * options.scale)), case.columns
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(case.dtype)
    other = X.copy()  # NumPy would see A.T @ A of one array and call SYRK
    linear, y = rng.standard_normal(n), np.zeros(n)
    design, observations = _design(X, n), _kernels.Observations(y)
    center, subset = np.zeros(d), np.arange(d)
    jobs: dict[str, Job] = {
        "gemm": lambda: np.dot(X.T, other),
        "gram": lambda: _kernels.gram(
            design, observations, linear, center, subset, options.threads
        ),
    }
    jobs |= _tabmat_sandwich(X)
    seconds = interleaved(jobs, options.repeats)
    best = {name: min(times) for name, times in seconds.items()}
    rate = n * d * (d + 1) / best["gram"] / 1e9
    gemm_rate = 2.0 * n * d * d / best["gemm"] / 1e9
    sandwiches = [statistics.median(times) for name, times in seconds.items() if "tabmat" in name]
    return {
        "kind": "gram",
        "storage": "C",
        "dtype": case.dtype,
        "columns": d,
        "rows": n,
        "gram_s": statistics.median(seconds["gram"]),
        "gram_gflops": rate,
        "gemm_gflops": gemm_rate,
        "share": rate / gemm_rate,
        "tabmat_s": min(sandwiches, default=None),
    }


def interleaved(jobs: Mapping[str, Job], repeats: int) -> dict[str, list[float]]:
    """Every job once per round, after one round that is not timed.

    A pause before each: OpenBLAS's threads spin on for some 100 ms after a call, on the cores that
    the next job needs.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    gc.collect()
    for index in range(repeats + 1):
        for name, job in jobs.items():
            time.sleep(_PAUSE)
            start = time.perf_counter()
            job()
            if index > 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _matrix(case: PassCase, n: int, rng: np.random.Generator) -> Any:
    """An ndarray in C or F order, a list of columns, or a CSR matrix of 50 nonzeros a row."""
    if case.storage == "CSR":
        return sp.random_array(
            (n, case.columns), density=50 / case.columns, format="csr", rng=rng, dtype=np.float64
        )
    X = np.empty((n, case.columns), dtype=case.dtype, order="C" if case.storage == "C" else "F")
    for start in range(0, n, 1 << 16):  # in pieces: no second copy of X
        piece = X[start : start + (1 << 16)]
        drawn = rng.integers(-9, 10, piece.shape)
        piece[...] = drawn if case.dtype == "int8" else drawn / 5.0
    return [X[:, j] for j in range(case.columns)] if case.storage == "columns" else X


def _design(X: Any, n: int) -> _kernels.Design:
    design = _kernels.Design(n)
    if isinstance(X, list):
        design.add_columns(X)
    elif sp.issparse(X):
        design.add_sparse(X.indptr, X.indices, X.data, X.shape[1], True)
    else:
        design.add_dense(X)
    design.finish()
    return design


def _bytes(X: Any) -> int:
    if isinstance(X, list):
        return sum(column.nbytes for column in X)
    parts = (X.data, X.indices, X.indptr) if sp.issparse(X) else (X,)
    return sum(part.nbytes for part in parts)


def _scikit_learn_pass(X: Any, y: np.ndarray, coef: np.ndarray, threads: int) -> dict[str, Job]:
    if find_spec("sklearn") is None or isinstance(X, list) or X.dtype != np.float64:
        return {}
    from sklearn._loss import HalfBinomialLoss
    from sklearn.linear_model._linear_loss import LinearModelLoss

    loss = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True)
    beta = np.append(coef, 0.1)
    return {"sklearn": lambda: loss.loss_gradient(beta, X, y, n_threads=threads)}


def _tabmat_sandwich(X: np.ndarray) -> dict[str, Job]:
    if find_spec("tabmat") is None:
        return {}
    import tabmat

    weights = np.full(len(X), 0.25, dtype=X.dtype)
    by_row, by_column = tabmat.DenseMatrix(X), tabmat.DenseMatrix(np.asfortranarray(X))
    return {
        "tabmat C": lambda: by_row.sandwich(weights),
        "tabmat F": lambda: by_column.sandwich(weights),
    }


def _markdown(passes: list[dict[str, Any]], grams: list[dict[str, Any]]) -> str:
    facts = "\n".join(f"- {key}: {value}" for key, value in machine().items())
    text = f"# Kernels\n\n{facts}\n- instruction set: {_kernels.instruction_set}\n"
    if passes:
        text += (
            "\n## Loss and gradient in one pass\n\n"
            "| storage | dtype | columns | rows | pass | GB/s | stream GB/s | share | "
            "share of medians | ns/row | scikit-learn's pass |\n"
            "|---|---|---|---|---|---|---|---|---|---|---|\n"
        )
        text += "".join(_pass_line(row) for row in passes)
    if grams:
        text += (
            "\n## Weighted Gram\n\n"
            "| dtype | columns | rows | gram | GFLOP/s | GEMM GFLOP/s | share | tabmat | "
            "tabmat / ours |\n|---|---|---|---|---|---|---|---|---|\n"
        )
        text += "".join(_gram_line(row) for row in grams)
    return text


def _pass_line(r: dict[str, Any]) -> str:
    peer = f"{1e3 * r['sklearn_s']:.1f} ms" if r["sklearn_s"] else "–"
    return (
        f"| {r['storage']} | {r['dtype']} | {r['columns']:,} | {r['rows']:,} | "
        f"{1e3 * r['pass_s']:.1f} ms | {r['pass_gb_per_s']:.1f} | {r['stream_gb_per_s']:.1f} | "
        f"{r['share']:.0%} | {r['share_of_medians']:.0%} | {r['ns_per_row']:.1f} | {peer} |\n"
    )


def _gram_line(r: dict[str, Any]) -> str:
    peer = f"{1e3 * r['tabmat_s']:.1f} ms" if r["tabmat_s"] else "–"
    ratio = f"{r['tabmat_s'] / r['gram_s']:.1f}" if r["tabmat_s"] else "–"
    return (
        f"| {r['dtype']} | {r['columns']} | {r['rows']:,} | {1e3 * r['gram_s']:.1f} ms | "
        f"{r['gram_gflops']:.0f} | {r['gemm_gflops']:.0f} | {r['share']:.0%} | {peer} | {ratio} |\n"
    )


def _parquet(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for row in rows for name in row))
    full = [{name: row.get(name) for name in names} for row in rows]
    pq.write_table(pa.Table.from_pylist(full).replace_schema_metadata(machine()), path)


def _chosen(cases: tuple[Any, ...], options: argparse.Namespace, kind: str) -> Iterator[Any]:
    """The cases asked for, each announced as it starts."""
    if options.only in (None, kind):
        for case in cases:
            print(case, flush=True)
            yield case


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--only", choices=("pass", "gram"))
    parser.add_argument("--repeats", type=int, default=15, help="rounds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
