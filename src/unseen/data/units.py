"""Columns whose repeated names suggest that rows were sampled together, as those of one patient are."""

from __future__ import annotations

import re
from collections.abc import Collection

import polars as pl

# What names of columns of which several rows come are called.
_UNITS = re.compile(
    r"(patient|subject|participant|person|people|user|customer|client|author|writer|speaker|annotator|rater|worker|"
    r"document|doc|article|session|visit|household|family|mother|animal|mouse|plant|device|template|group|pair|case|"
    r"pupil|student|school|class|teacher|hospital|house|account|order|machine|driver|player|team|player)s?"
    r"([_ -]?(id|no|nr|number|name|code|key))?$|[_ -](id|key|code)$|^id$|^(id|key)[_ -]",
    re.IGNORECASE,
)
_IDENTIFIER = r"^[A-Za-z]{0,12}[-_# ]?\d{1,12}[A-Za-z]?$"


def unit_columns(table: pl.DataFrame, without: Collection[str | None] = ()) -> list[tuple[str, str]]:
    """Columns of names that repeat: (column, why it may be the cluster), likeliest first.

    A column of words or whole numbers counts if its name says that it names units, or if its values are made like
    names (p17, 0042); and if most of its many values stand in several rows.

    Args:
        table: Any table, one row a thing that was sampled.
        without: Columns with another use.

    >>> table = pl.DataFrame({"patient_id": [n // 3 for n in range(90)], "age": [n % 60 for n in range(90)]})
    >>> unit_columns(table)
    [('patient_id', '30 names, each in 3.0 rows on average (up to 3)')]
    """
    found = list[tuple[float, str, str]]()
    for name in table.columns:
        dtype, by_name = table.schema[name], _UNITS.search(name) is not None
        words = dtype in (pl.String, pl.Categorical)
        # Whole numbers are made like names only where their column is called so.
        if name in without or not (words or (dtype.is_integer() and by_name)):
            continue
        column = table[name].drop_nulls()
        counts = column.value_counts()["count"].to_numpy()
        levels, rows = len(counts), len(column)
        if levels < 20 or not rows or rows / levels < 1.2 or (counts > 1).mean() < 0.3:
            continue
        by_values = words and bool(column.cast(pl.String).str.contains(_IDENTIFIER).mean() > 0.95)  # type: ignore[operator]
        # Codes such as A1 to G5 are made like names too, but few of them stand in many rows.
        if by_name or (by_values and levels >= 50 and rows / levels <= 50):
            why = f"{levels:,} names, each in {rows / levels:.1f} rows on average (up to {counts.max():,})"
            found.append((-(2.0 * by_name + by_values) - levels / rows, name, why))
    return [(name, why) for _, name, why in sorted(found)]
