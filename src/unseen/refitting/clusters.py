"""Columns whose repeated names suggest that rows were sampled together."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from unseen.refitting.problem import Problem

# What names of columns of which several rows come are called.
_UNITS = re.compile(
    r"(patient|subject|participant|person|people|user|customer|client|author|writer|speaker|annotator|rater|worker|"
    r"document|doc|article|session|visit|household|family|mother|animal|mouse|plant|device|template|group|pair|case|"
    r"pupil|student|school|class|teacher|hospital|house|account|order|machine|driver|player|team|player)s?"
    r"([_ -]?(id|no|nr|number|name|code|key))?$|[_ -](id|key|code)$|^id$|^(id|key)[_ -]",
    re.IGNORECASE,
)
_IDENTIFIER = r"^[A-Za-z]{0,12}[-_# ]?\d{1,12}[A-Za-z]?$"


def proposed_clusters(problem: Problem, held_out: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Columns of names that repeat, as those of patients do: (column, why it may be the cluster), likeliest first.

    A column of words or whole numbers counts if its name says that it names units, or if its values are made like
    names (p17, 0042); and if most of its many values stand in several rows. Nothing is proposed where a cluster is known.

    Args:
        problem: The data.
        held_out: Columns that a shift holds out: domains, not clusters.
    """
    if problem.cluster is not None:
        return []
    table, found = problem.examples.table, list[tuple[float, str, str]]()
    for name in table.columns:
        dtype = table.schema[name]
        if name in {problem.target, "item", problem.time, *held_out}:
            continue
        if not (dtype.is_integer() or dtype in (pl.String, pl.Categorical)):
            continue
        column = table[name].drop_nulls()
        counts = column.value_counts()["count"].to_numpy()
        levels, rows = len(counts), len(column)
        if levels < 20 or not rows or rows / levels < 1.2 or (counts > 1).mean() < 0.3:
            continue
        by_name = _UNITS.search(name) is not None
        by_values = not dtype.is_integer() and bool(column.cast(pl.String).str.contains(_IDENTIFIER).mean() > 0.95)  # type: ignore[operator]
        # Codes such as A1 to G5 are made like names too, but few of them stand in many rows.
        if by_name or (by_values and levels >= 50 and rows / levels <= 50):
            why = f"{levels:,} names, each in {rows / levels:.1f} rows on average (up to {counts.max():,})"
            found.append((-(2.0 * by_name + by_values) - levels / rows, name, why))
    return [(name, why) for _, name, why in sorted(found)]
