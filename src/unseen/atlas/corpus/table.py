"""The table of the corpus: settings, scores and measures of every run, as the package has it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from unseen.files import write_atomically

GIVEN = ("rate", "decay", "noise")
TABLE = Path(__file__).parent / "runs.parquet"


@cache
def runs() -> pl.DataFrame:
    """The table of the package: a row a run, with its settings, scores and measures; runs that missed the loss included.

    Columns ``family``, ``run``, ``seed``, the settings (``width``, ``depth``, ``batch``, ``rate``, ``decay``, ``noise``,
    ``moves``), ``reached``, ``steps``, ``score`` (share of right answers on 1,000 test images), ``shifted`` (on 1,500 that were
    turned, blurred or made noisy), ``right`` and ``right_shifted`` (each answer as a bit), and one column a measure.
    """
    return pl.read_parquet(TABLE)


def write(rows: Sequence[Mapping[str, Any]], path: Path = TABLE) -> None:
    """Write the table."""
    held = io.BytesIO()
    table = pl.DataFrame(list(rows), infer_schema_length=None)
    # Settings stay as they were given: 0.1 is no 0.10000000149.
    table = table.with_columns((pl.selectors.float() - pl.selectors.by_name(GIVEN)).cast(pl.Float32))
    table.write_parquet(held, compression="zstd", compression_level=19, statistics=False)
    write_atomically(path, held.getvalue())
