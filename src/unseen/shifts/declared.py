"""The shift that a condition names: rows where it holds are unseen, the others are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.plain_text import value as shortened
from unseen.responses.expressions import columns_used, parse
from unseen.shifts.base import Shift


@dataclass
class Declared(Shift):
    """Train where a condition does not hold, test where it does.

    Attributes:
        condition: As ``unseen.responses.expressions`` reads it: ``year > 2017 and site in ['A', 'B']``.

    Rows that lack a value which the condition asks for stand on no side.

    >>> data = Examples(pl.DataFrame({"year": [2016, 2017, None, 2018], "y": [0, 1, 0, 1]}), ("year",), "y")
    >>> [rows.tolist() for rows in Declared("year > 2017").unseen_rows(data, np.random.default_rng(0))]
    [[0, 1], [3]]
    """

    name: ClassVar[str] = "declared"
    condition: str
    seen_share: float = 0.2

    def columns(self, examples: Examples) -> tuple[str, ...]:
        """The columns that the condition names."""
        return tuple(columns_used(self.condition, examples.table.columns))

    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows where the condition does not hold, and rows where it does.

        Raises:
            BadInput: The condition is wrong, names the target or no column, or holds in no row or in all.
        """
        table, text = examples.table, shortened(self.condition, 60)
        used = self.columns(examples)
        condition = parse(
            self.condition, {c: t for c, t in table.schema.items() if c in used or c not in ("item", "cluster")}
        )
        if examples.target in used:
            raise BadInput(
                f"--unseen: {text!r} asks for the target {examples.target!r}: what is unseen must be known beforehand."
            )
        if not used:
            raise BadInput(f"--unseen: {text!r} names no column, so it is the same in every row.")
        try:
            holds = table.select(condition.alias("holds"))["holds"]
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            why = shortened(str(error).splitlines()[0], 120)
            raise BadInput(
                f"--unseen: {text!r} can't be asked of these columns ({why}). Compare texts with a text in quotes, or turn the "
                "column into numbers first."
            ) from None
        beyond, inside = (np.flatnonzero(rows.fill_null(value=False).to_numpy()) for rows in (holds, ~holds))
        if not (len(beyond) and len(inside)):
            what = "no row" if len(inside) else "every row"
            raise BadInput(
                f"--unseen: {text!r} holds in {what} ({len(beyond):,} of {table.height:,}), so there is nothing to compare. "
                f"The columns hold: {'; '.join(_held(table[c]) for c in used)}."
            )
        return inside, beyond


def _held(column: pl.Series) -> str:
    """What a column holds, in a few words."""
    known = column.drop_nulls()
    if column.dtype.is_numeric() or column.dtype.is_temporal():
        return f"{column.name} {known.min()} to {known.max()}" if len(known) else f"{column.name} nothing"
    if isinstance(column.dtype, pl.List):
        known = known.explode()
    levels = [str(v) for v in known.unique(maintain_order=True).head(6).to_list()]
    return f"{column.name} {', '.join(shortened(v, 20) for v in levels[:5])}{' …' if len(levels) > 5 else ''}"
