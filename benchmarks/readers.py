"""Reading logs: seconds and peak memory, against parsing the same bytes alone.

    python benchmarks/readers.py [inspect] [parquet]

`inspect`: an archive of 100,000 summaries. `parquet`: 10 million rows by 14 columns. Each reading is a process of its
own, so that the peak is its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import polars as pl


def write_inspect(path: Path, n: int) -> None:
    header = {
        "version": 2,
        "status": "success",
        "eval": {"task": "t", "model": "mock/m", "scorers": [{"name": "match"}]},
    }
    row = {
        "epoch": 1, "input": "What is the sum of these numbers? " * 4, "target": "12", "metadata": {"subject": "physics", "digits": 3},
        "scores": {"match": {"value": "C", "answer": "12", "explanation": "12", "history": []}}, "model_usage": {"mock/m": {"input_tokens": 8, "output_tokens": 2}},
        "uuid": "x" * 22, "started_at": "2026-11-21T05:39:52.017037+00:00", "completed": True, "retries": 0, "message_count": 2,
    }  # fmt: skip
    rows = [{**row, "id": i, "metadata": {"subject": f"s{i % 9}", "digits": i % 5}} for i in range(n)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header))
        archive.writestr("summaries.json", json.dumps(rows))


def read(path: str) -> None:
    from unseen.responses.mapping import Mapping
    from unseen.responses.reading import read as read_files

    started = time.perf_counter()
    responses = read_files(path, mapping=Mapping())
    seconds = time.perf_counter() - started
    for name in ("model", "item"):
        responses.codes(name)
    coded = time.perf_counter() - started - seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        json.dumps(
            {
                "rows": len(responses),
                "seconds": round(seconds, 2),
                "codes_s": round(coded, 2),
                "peak_gib": round(peak, 2),
                "notes": responses.notes,
            }
        )
    )


def parse_only(path: Path) -> float:
    """The least that any reader of the summaries must do: unpack and parse them."""
    started = time.perf_counter()
    with zipfile.ZipFile(path) as archive:
        json.loads(archive.read("summaries.json"))
    return time.perf_counter() - started


def own(path: Path) -> None:
    out = subprocess.run(
        [sys.executable, __file__, "--one", str(path)], check=True, capture_output=True, text=True
    ).stdout
    print(f"{path.name}: {out.strip()}", flush=True)


def main() -> None:
    wanted = sys.argv[1:] or ["inspect", "parquet"]
    with tempfile.TemporaryDirectory() as folder:
        if "inspect" in wanted:
            path = Path(folder) / "big.eval"
            write_inspect(path, 100_000)
            own(path)
            print(f"unpacking and parsing alone: {parse_only(path):.2f} s")
        if "parquet" in wanted:
            path = Path(folder) / "big.parquet"
            sys.path.insert(0, str(Path(__file__).parent))
            import scale

            scale.write(path, 10_000_000)
            texts = pl.scan_parquet(path).with_columns(
                question=pl.format("What is {} times {}?", "item", "digits"), prediction=pl.col("item").cast(pl.String)
            )
            other = Path(folder) / "big-with-texts.parquet"
            texts.sink_parquet(other)
            path.unlink()
            own(other)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        read(sys.argv[2])
    else:
        main()
