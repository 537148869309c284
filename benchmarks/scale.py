"""Time and peak memory of whole audits.

    python benchmarks/scale.py [rows …]        default: 1000000 10000000

Each size runs in a process of its own, from a Parquet file, as a user would: read, audit, write HTML.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl


def write(path: Path, rows: int, models: int = 4, seed: int = 0) -> None:
    """rows responses × 10 factors × models, with confidence."""
    rng = np.random.default_rng(seed)
    n = rows // models
    items = pl.DataFrame({
        "item": np.arange(n), "digits": rng.integers(1, 9, n), "steps": rng.integers(1, 5, n), "depth": rng.integers(1, 7, n),
        "year": rng.integers(2015, 2026, n), "length": rng.integers(5, 200, n),
        **{f"site{k}": pl.Series(rng.integers(0, 4 * k + 3, n)).cast(pl.String) for k in range(5)},
    })  # fmt: skip
    logit = 1.5 - 0.4 * items["digits"].to_numpy() + rng.normal(0, 1, n)
    parts = []
    for m in range(models):
        p = 1 / (1 + np.exp(-(logit + 0.2 * m)))
        parts.append(
            items.with_columns(
                model=pl.lit(f"model-{m}"), score=pl.Series((rng.random(n) < p) * 1.0), confidence=pl.Series(p)
            )
        )
    pl.concat(parts).write_parquet(path)


def audit(path: str) -> None:
    import unseen
    from unseen import auditing
    from unseen.api import Audit
    from unseen.checks.base import Subject
    from unseen.responses.mapping import Mapping
    from unseen.responses.reading import read

    started = time.perf_counter()
    responses = read(path, mapping=Mapping.of(unseen="digits > 4"))
    loaded = time.perf_counter()
    result = auditing.run(Subject(responses=responses), strict=True)
    audited = time.perf_counter()
    Audit(result, (path,)).save_html(path + ".html")
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    slow = sorted(result.seconds.items(), key=lambda kv: -kv[1])[:12]
    print(json.dumps({
        "rows": len(responses), "read_s": round(loaded - started, 2), "audit_s": round(audited - loaded, 2), "html_s": round(done - audited, 2),
        "total_s": round(done - started, 2), "peak_gib": round(peak, 2), "slowest": {k: round(v, 2) for k, v in slow}, "version": unseen.__version__,
    }))  # fmt: skip


def main() -> None:
    for rows in [int(a) for a in sys.argv[1:]] or [1_000_000, 10_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "responses.parquet"
            subprocess.run(
                [
                    sys.executable,
                    "-c",
                    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import scale, pathlib; scale.write(pathlib.Path({str(path)!r}), {rows})",
                ],
                check=True,
            )
            subprocess.run([sys.executable, __file__, "--one", str(path)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        audit(sys.argv[2])
    else:
        main()
