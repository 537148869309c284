"""The response table: one row for each answer of a model to an item; validated at the door, immutable after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from unseen.factors import Factors, Kind
from unseen.responses.columns import ScoreKind, Split

# Rows of a block of names that is worth looking for.
MIN_BLOCK = 1000
# Levels up to which polars numbers texts itself faster than a join does.
MAX_ENUM = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column as integers.

    Attributes:
        codes: Shape (rows,), int32; the index into levels, or -1 where the value is missing.
        levels: The distinct values: sorted where they order, as text otherwise.
    """

    codes: np.ndarray
    levels: tuple[Any, ...]


class Responses:
    """Answers of models to items, with what else is known of them.

    Built by ``Responses.of`` (any data frame) or ``unseen.responses.read`` (files). The table always holds
    ``model``, ``item`` (text or categorical) and ``score`` (float, higher is better; null only in unlabelled rows);
    ``cluster`` names what was sampled together and is the item where nothing else is known.

    Attributes:
        table: The long table.
        factors: Columns that are factors, with their kinds.
        score_kind: binary, bounded or unbounded.
        notes: What was decided on the way in, in plain sentences (filters chosen, rows dropped).
    """

    def __init__(
        self, table: pl.DataFrame, factors: Factors, score_kind: ScoreKind, notes: tuple[str, ...] = ()
    ) -> None:
        self.table = table
        self.factors = factors
        self.score_kind = score_kind
        self.notes = notes
        self._coded: dict[str, Coded] = {}
        self._sides: dict[str, np.ndarray] = {}
        # What other modules computed from the table once, by their own keys; nothing that refers back to this object.
        self.derived: dict[Any, Any] = {}

    @classmethod
    def of(
        cls,
        table: Any,
        *,
        score_range: tuple[float, float] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Responses:
        """Validate a data frame whose columns bear our names (see ``unseen.responses.mapping`` for other names).

        Args:
            table: Any eager or lazy data frame that narwhals knows.
            score_range: Lowest and highest possible score; inferred as binary or unit range where it fits.
            kinds: Kinds of factors set by the user; a kind makes a column a factor.
            notes: Plain sentences to carry along.

        Raises:
            BadInput: A required column is missing, or a value is not what its column allows.

        >>> r = Responses.of(pl.DataFrame({"model": ["m", "m"], "item": ["a", "b"], "score": [1, 0]}))
        >>> r.score_kind.name, r.models, len(r)
        ('binary', ('m',), 2)
        """
        from unseen.responses.validation import validated

        return cls(*validated(table, score_range=score_range, kinds=kinds or {}, notes=notes))

    def __len__(self) -> int:
        return self.table.height

    def __repr__(self) -> str:
        return f"Responses({len(self)} rows, {len(self.models)} models, {self.n_items} items, {self.factors!r})"

    def has(self, *columns: str) -> bool:
        """Whether all these columns stand in the table with at least one value."""
        return all(c in self.table.columns and self.table[c].null_count() < self.table.height for c in columns)

    def column(self, name: str) -> np.ndarray:
        """One column as an array, shape (rows,); numbers as float64 with NaN for missing."""
        series = self.table[name]
        if series.dtype.is_numeric() or series.dtype == pl.Boolean:
            return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return series.to_numpy()

    @cached_property
    def score(self) -> np.ndarray:
        """Scores, shape (rows,), float64; NaN in unlabelled rows."""
        return self.column("score")

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Names of the models, sorted."""
        return tuple(str(m) for m in self.codes("model").levels)

    @cached_property
    def n_items(self) -> int:
        """Number of distinct items."""
        return self.n_levels("item")

    def n_levels(self, name: str) -> int:
        """Number of distinct values of a column; counted anew only where it has not been numbered yet."""
        return len(self._coded[name].levels) if name in self._coded else self.table[name].drop_nulls().n_unique()

    def codes(self, name: str) -> Coded:
        """A column as integers with its sorted levels; computed once."""
        if name not in self._coded:
            self._coded[name] = code(self.table[name], self._block)
        return self._coded[name]

    @cached_property
    def _block(self) -> int:
        """Rows of the block that the items repeat, as where models answered the same ones in the same order."""
        return _period(self.table["item"])

    @cached_property
    def cluster(self) -> np.ndarray:
        """Integer of the sampling unit of each row, shape (rows,): cluster, else the root item, else the item."""
        return self.codes(self.cluster_column).codes

    @property
    def cluster_column(self) -> str:
        """Name of the column that holds the sampling unit."""
        return "cluster" if self.has("cluster") else "item"

    def where(self, condition: pl.Expr | np.ndarray) -> Responses:
        """The responses for which a polars expression or a boolean array of shape (rows,) holds."""
        mask = pl.Series(condition) if isinstance(condition, np.ndarray) else condition
        return Responses(self.table.filter(mask), self.factors, self.score_kind, self.notes)

    def of_model(self, model: str) -> Responses:
        """The responses of one model."""
        return self.where(pl.col("model").cast(pl.String) == model)

    def labelled(self) -> Responses:
        """The rows that have a score."""
        return self if self.table["score"].null_count() == 0 else self.where(pl.col("score").is_not_null())

    def is_split(self, split: Split) -> np.ndarray:
        """Boolean array of shape (rows,): which rows lie in this split; computed once, not to be written to."""
        if split not in self._sides:
            inside = (self.table["split"].cast(pl.String) == split).fill_null(value=False).to_numpy()
            inside.flags.writeable = False
            self._sides[split] = inside
        return self._sides[split]

    def with_columns(self, *columns: pl.Series | pl.Expr, kinds: Mapping[str, Kind] | None = None) -> Responses:
        """A copy with columns added or replaced; new columns become factors where kinds says so."""
        factors = self.factors
        for name, kind in (kinds or {}).items():
            factors = factors.with_kind(name, kind)
        return Responses(self.table.with_columns(*columns), factors, self.score_kind, self.notes)

    def write(self, path: str | Path, *, format: Literal["parquet", "every_eval_ever"] | None = None) -> Path:
        """Write the table as Parquet, or as JSON lines of every_eval_ever; see ``unseen.responses.export.write``."""
        from unseen.responses.export import write

        return write(self.table, self.score_kind, path, format=format)

    def to_pandas(self) -> Any:
        """The long table as a pandas data frame (needs pandas and pyarrow)."""
        return self.table.to_pandas()


def code(column: pl.Series, block: int | None = None) -> Coded:
    """Number the distinct values of a column in sorted order; missing values get -1.

    Args:
        column: The column.
        block: Rows of a block that it may repeat, as one that describes items does where they repeat.

    >>> code(pl.Series("x", ["b", None, "a", "b"])).codes.tolist()
    [1, -1, 0, 1]
    """
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        return _coded_levels(column)
    if column.dtype.is_integer() and (numbered := _coded_integers(column)) is not None:
        return numbered
    # Models that answered the same items in the same order repeat a block: it is numbered once.
    block = block if block and _repeats(column, block) else _period(column)
    codes, levels = _numbered(column[:block])
    return Coded(codes if block == len(column) else np.tile(codes, len(column) // block), tuple(levels.to_list()))


def _numbered(column: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Codes of the rows, and the sorted levels."""
    levels = column.drop_nulls().unique()
    if len(levels) == len(column):
        # All distinct: sorting them is all there is to do.
        order = column.arg_sort()
        codes = np.empty(len(column), dtype=np.int32)
        codes[order.to_numpy()] = np.arange(len(column), dtype=np.int32)
        return codes, column.gather(order)
    levels = levels.sort()
    if column.dtype == pl.String and len(levels) <= MAX_ENUM:
        return column.cast(pl.Enum(levels)).to_physical().cast(pl.Int32).fill_null(-1).to_numpy(), levels
    lookup = pl.DataFrame({"level": levels, "code": np.arange(len(levels), dtype=np.int32)})
    joined = pl.DataFrame({"level": column}).join(lookup, on="level", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy(), levels


def _period(column: pl.Series) -> int:
    """Rows of the block that a column repeats from its first row to its last; all of them where it repeats none.

    Only a block whose first value occurs once in it is found, as in a column that names items.
    """
    rows = len(column)
    if rows < 2 * MIN_BLOCK or column.dtype.is_nested() or column[0] is None:
        return rows
    again = (column[1:] == column[0]).arg_max()
    block = rows if again is None else again + 1
    # A short block is found by luck, and saves nothing.
    if block < MIN_BLOCK or rows % block or column[block] != column[0]:
        return rows
    return block if _repeats(column, block) else rows


def _repeats(column: pl.Series, block: int) -> bool:
    """Whether a column repeats its first rows to its last row."""
    rows = len(column)
    if not 0 < block < rows or rows % block or column.dtype.is_nested():
        return False
    return column[block:].equals(column[: rows - block], null_equal=True)


def _coded_integers(column: pl.Series) -> Coded | None:
    """Codes of whole numbers of a short range by a table of presence; None where the range is long or a value is missing."""
    if not len(column) or column.null_count():
        return None
    low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]
    if high - low > 2 * len(column):
        return None
    values = column.to_numpy()
    # Wide enough that the difference can't overflow.
    values = values if values.dtype.itemsize == 8 else values.astype(np.int64)
    offset = values - values.dtype.type(low) if low else values
    present = np.zeros(high - low + 1, dtype=bool)
    present[offset] = True
    return Coded((np.cumsum(present, dtype=np.int32) - 1)[offset], tuple((np.flatnonzero(present) + low).tolist()))


def _coded_levels(column: pl.Series) -> Coded:
    """Codes of a column that is numbered already: renumber the levels that occur, in the order of their texts."""
    present = column.unique().drop_nulls()
    texts = pl.DataFrame({"level": present.cast(pl.String), "physical": present.to_physical()}).sort("level")
    physical = column.to_physical()
    ranks = np.full(int(texts["physical"].max() or 0) + 2, -1, dtype=np.int32)  # type: ignore[call-overload]
    ranks[texts["physical"].to_numpy()] = np.arange(len(texts), dtype=np.int32)
    # The last place stands for a missing value.
    rows = (
        physical.cast(pl.Int64).fill_null(len(ranks) - 1).to_numpy() if physical.null_count() else physical.to_numpy()
    )
    return Coded(ranks[rows], tuple(texts["level"].to_list()))
