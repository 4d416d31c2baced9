"""A table larger than the memory it is given: ``python -m benchmarks.large --help``.

    python -m benchmarks.large make  TABLE.parquet --rows 10000000
    python -m benchmarks.large fit   TABLE.parquet --memory 500MB
    python -m benchmarks.large reads TABLE.spool
    python -m benchmarks.large predict MODEL.json TABLE.parquet

`make` writes float32 columns and columns of text with ten levels. `fit` runs `logloss encode` and
`logloss fit` on the spool as processes and watches their anonymous memory (RssAnon). `reads` times
one read of the data for the log loss and its gradient on growing parts of a spool, beside a plain
sum over the bytes of the file: the speed at which this machine reads it. `predict` times `logloss
predict`, and the Parquet reader alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

_BATCH = 250_000


def main() -> None:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--numbers", type=int, default=280)
    parser.add_argument("--texts", type=int, default=20)
    parser.add_argument("--type", default="float32", choices=["float32", "float64"])
    parser.add_argument("--memory", default="500MB")
    options = parser.parse_args()
    COMMANDS[options.command](options)


def make(options: argparse.Namespace) -> None:
    """Write the table, batch by batch; values are sixteenths, which Parquet packs well."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    truth = rng.normal(size=options.numbers) / np.sqrt(options.numbers)
    effects = rng.normal(size=(options.texts, 10)) / np.sqrt(max(options.texts, 1))
    levels = pa.array([f"level {k}" for k in range(10)])
    writer = None
    for begin in range(0, options.rows, _BATCH):
        n = min(_BATCH, options.rows - begin)
        X = np.clip(rng.integers(-48, 49, (n, options.numbers)), -47, 48).astype(options.type)
        X /= 16
        codes = rng.integers(0, 10, (n, options.texts), dtype=np.int8)
        z = X @ truth.astype(options.type) + effects[np.arange(options.texts), codes].sum(axis=1)
        columns = {f"x{j}": pa.array(X[:, j]) for j in range(options.numbers)}
        for j in range(options.texts):
            codes_j = pa.array(codes[:, j])
            columns[f"t{j}"] = pa.DictionaryArray.from_arrays(codes_j, levels)
        columns["y"] = pa.array((rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int8))
        batch = pa.record_batch(columns)
        if writer is None:
            writer = pq.ParquetWriter(options.paths[0], batch.schema, compression="zstd")
        writer.write_batch(batch)
    assert writer is not None
    writer.close()
    print(f"{options.paths[0].stat().st_size / 1e9:.1f} GB written")


def fit(options: argparse.Namespace) -> None:
    """Encode, and fit what was encoded."""
    (table,) = options.paths
    spool = table.with_suffix(".spool")
    folder = ["--spool", str(table.parent)]
    encode = ["encode", str(table), "-o", str(spool), "--memory", options.memory, *folder]
    model = ["--model", str(table.with_suffix(".json"))]
    for words in (encode, ["fit", str(spool), "--target", "y", "--C", "1", *model]):
        seconds, peak, out = _watched(words)
        print(f"logloss {words[0]}: {seconds:.1f} s, {peak / 1e6:.0f} MB anonymous")
        print("\n".join(line for line in out.splitlines() if "reads" in line or "rows" in line))
    print(f"spool: {spool.stat().st_size / 1e9:.2f} GB")


def _watched(words: list[str]) -> tuple[float, int, str]:
    """Seconds, the peak of anonymous memory in bytes, and what was printed."""
    begun, peak = time.perf_counter(), 0
    command = [sys.executable, "-m", "logloss.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            lines = [line for line in status.read_text().splitlines() if "RssAnon" in line]
            peak = max([peak, *(int(line.split()[1]) << 10 for line in lines)])
            time.sleep(0.02)
        assert process.stdout is not None
        out = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"logloss {words[0]} ended with {process.returncode}")
    return time.perf_counter() - begun, peak, out


def reads(options: argparse.Namespace) -> None:
    """Time one read of growing parts of a spool."""
    import logloss._kernels as _kernels
    from logloss.table import learn, read
    from logloss.table.design.design import design_of, threads

    (path,) = options.paths
    source = read(path).without(["y"])
    schema = learn(source)
    design = design_of(schema.encode(source, new=False))
    size = os.path.getsize(path)  # noqa: PTH202
    bytes_a_row = size / source.n_rows
    whole = np.memmap(path, np.float64, "r", shape=(size // 8,))
    coef = np.full(design.n_columns, 1e-3)
    print("rows, GB, ms a read, GB/s; a plain sum over these bytes: GB/s; share")
    for share in (1 / 12, 1 / 6, 1 / 3, 2 / 3, 1.0):
        n = int(source.n_rows * share)
        part = design if share == 1.0 else design_of(_first(design.encoded, n))
        rows = _kernels.Observations(np.zeros(n))
        bytes_read = n * bytes_a_row
        plain = _least(lambda n=n: _kernels.stream_read(whole[: int(n * bytes_a_row / 8)], 2))
        ours = _least(
            lambda part=part, rows=rows: _kernels.loss_gradient(
                part.kernel, rows, coef, 0.0, None, threads(2)
            )
        )
        speed = bytes_read / 1e9 / ours
        print(
            f"{n:>12,} {bytes_read / 1e9:6.2f} {1e3 * ours:9.1f} {speed:6.2f}"
            f" {bytes_read / 1e9 / plain:6.2f} {plain / ours:6.0%}"
        )


def _first(encoded, n):  # type: ignore[no-untyped-def]
    """The first rows, not copied."""
    from dataclasses import replace

    from logloss.table.design.pieces import CodesPiece

    pieces = [
        replace(p, codes=p.codes[:n])
        if isinstance(p, CodesPiece)
        else replace(p, values=p.values[:n])
        for p in encoded.columns
    ]
    return replace(encoded, columns=tuple(pieces), n_rows=n)


def _least(work, repeats: int = 3) -> float:  # type: ignore[no-untyped-def]
    work()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def predict(options: argparse.Namespace) -> None:
    """Time `logloss predict`, and reading alone."""
    import pyarrow.parquet as pq

    model, table = options.paths
    out = table.with_name("scored.parquet")
    n = pq.ParquetFile(table).metadata.num_rows
    seconds, peak, _ = _watched(["predict", str(model), str(table), "-o", str(out)])
    begun = time.perf_counter()
    for _ in pq.ParquetFile(table).iter_batches(1 << 16):
        pass
    alone = time.perf_counter() - begun
    print(f"logloss predict: {n / seconds / 1e6:.2f} M rows/s, {peak / 1e6:.0f} MB anonymous")
    print(f"the Parquet reader alone: {n / alone / 1e6:.2f} M rows/s")


COMMANDS = {"make": make, "fit": fit, "reads": reads, "predict": predict}

if __name__ == "__main__":
    main()
