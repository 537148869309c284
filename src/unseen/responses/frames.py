"""From a table with the user's names of columns to responses: any data frame, and the condition of what is unseen."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.plain_text import value as shortened
from unseen.responses.alone import called
from unseen.responses.columns import SPLITS, is_text
from unseen.responses.expressions import columns_used, parse
from unseen.responses.mapping import SYNONYMS, Mapping
from unseen.responses.readers._matrices import unpivoted, without_index
from unseen.responses.table import Responses
from unseen.responses.validation import index_names, require_columns, to_polars

# Names of the parts of a benchmark.
PARTS = (
    "train", "training", "seen", "dev", "val", "valid", "validation", "eval", "test", "testing", "unseen", "id", "ood",
)  # fmt: skip


def from_table(table: Any, mapping: Mapping = Mapping(), *, notes: tuple[str, ...] = ()) -> Responses:  # noqa: B008
    """Validate any data frame with the user's names of columns.

    Args:
        table: Any data frame that narwhals knows, or responses (of which only ``unseen`` is then applied).
        mapping: The user's names.
        notes: Plain sentences to carry along.

    Raises:
        BadInput: A column is missing, a value is not what its column allows, or the condition is wrong.
    """
    if isinstance(table, Responses):
        return apply_unseen(table, mapping.unseen) if mapping.unseen else table
    items = () if mapping.item_column else ("item", *SYNONYMS["item"], "question", "prompt")
    models = () if mapping.model_column or mapping.model else ("model", *SYNONYMS["model"])
    given = to_polars(
        table, wanted={*mapping.columns.values(), *mapping.wanted(index_names(table))}, instead=(items, models)
    )
    read_as: list[str] = []
    frame = given if mapping.score else unpivoted(Path("the table"), given, mapping, read_as)
    frame = without_index("the table", frame, mapping, read_as)
    if mapping.model is None:
        frame, called_so = called(frame, "model", mapping.roles(frame), what="the table")
        read_as += [called_so] if called_so else []
    frame, decided = mapping.apply(frame)
    notes = (*notes, *read_as)
    require_columns(frame, given.columns)
    roles = mapping.roles(given)
    kinds = mapping.kinds
    score_range = mapping.score_range
    if score_range and mapping.negated and score_range[0] >= 0:
        # A range is given in the user's own units: that of the loss.
        score_range = (-score_range[1], -score_range[0])
    try:
        responses = Responses.of(frame, score_range=score_range, kinds=kinds, notes=(*notes, *decided))
    except BadInput as error:
        raise BadInput(in_own_words(str(error), roles)) from None
    # A factor that the user names is one, whatever the inference says of it.
    forced: dict[str, Kind] = {
        name: "ordered" if frame.schema[name].is_numeric() else "categorical"
        for name in mapping.factors
        if name not in responses.factors
    }
    if forced:
        responses = responses.with_columns(kinds=forced)
    return apply_unseen(responses, mapping.unseen, aliases=mapping.aliases) if mapping.unseen else responses


def in_own_words(message: str, roles: AnyMapping[str, str]) -> str:
    """A message on a value with the user's name of its column.

    >>> in_own_words("column 'score', row 2: inf.", {"score": "passed"})
    "column 'passed' (the score), row 2: inf."
    """
    found = re.match(r"column '(\w+)'(?=,| holds)", message)
    column = roles.get(found[1], found[1]) if found else ""
    if not found or column == found[1]:
        return message
    return f"column {shortened(column)!r} (the {found[1].replace('_', ' ')}){message[found.end() :]}"


def apply_unseen(responses: Responses, expression: str, *, aliases: AnyMapping[str, str] | None = None) -> Responses:
    """Call the rows that match a condition unseen and the others seen; rows of training items stay ``train``.

    Args:
        responses: The answers.
        expression: A condition over columns, such as ``digits > 2 or steps > 1``.
        aliases: Further names of columns.

    Raises:
        BadInput: The condition is wrong, or it matches no row, or every row.

    >>> r = Responses.of(pl.DataFrame({"model": ["m"] * 4, "item": list("abcd"), "score": [1, 0, 1, 1], "digits": [1, 2, 3, 4]}))
    >>> apply_unseen(r, "digits > 2").table["split"].to_list()
    ['seen', 'seen', 'unseen', 'unseen']
    """
    table = responses.table
    condition = parse(expression, table.schema, aliases=aliases).alias("matches")
    try:
        matches = table.select(condition)["matches"]
    except pl.exceptions.InvalidOperationError:
        texts = [c for c in columns_used(expression, table.columns, aliases=aliases) if is_text(table[c])]
        bad = next((b for c in texts for b in [_no_number(table[c])] if b), "a text")
        raise BadInput(
            f"--unseen: {expression!r} compares a text with a number, and {bad} is none. Compare it with a text in quotes "
            "(==, !=, in, contains), or turn the column into numbers first."
        ) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BadInput(
            f"--unseen: {shortened(expression)!r} can't be asked of these columns ({shortened(str(error))})."
        ) from None
    if matches.dtype != pl.Boolean:
        raise BadInput(f"--unseen: {expression!r} is not a condition, it gives {matches.dtype}.")
    if len(matches) == 1 and len(table) != 1:
        raise BadInput(f"--unseen: {expression!r} names no column, so it is the same in every row.")
    count, undecided = int(matches.sum()), matches.null_count()
    if count in (0, len(table)):
        seen = "; ".join(_shown(table[c]) for c in columns_used(expression, table.columns, aliases=aliases))
        what = "no row" if count == 0 else "every row"
        raise BadInput(
            f"--unseen: {expression!r} matches {what} ({count:,} of {len(table):,}), so there is nothing to compare. "
            f"The columns hold: {seen}."
        )
    notes = [f"Unseen is where {expression}: {count:,} of {len(table):,} rows."]
    if undecided:
        notes.append(f"{undecided:,} rows lack a value that the condition asks for; they count as seen.")
    split = pl.when(matches.fill_null(value=False)).then(pl.lit("unseen")).otherwise(pl.lit("seen"))
    if "split" in table.columns:
        train = table["split"].cast(pl.String) == "train"
        split = pl.when(train.fill_null(value=False)).then(pl.lit("train")).otherwise(split)
    added = responses.with_columns(split.cast(pl.Enum(SPLITS)).alias("split"))
    factors = added.factors
    for name in columns_used(expression, table.columns, aliases=aliases):
        if name in factors and factors[name].kind == "categorical" and _names_sides(added.table, name):
            factors = factors.naming_split(name)
            notes.append(
                f"Column {name!r} names the sides of the split; U102, U103 and U303 don't take it for a factor."
            )
    return Responses(added.table, factors, added.score_kind, (*added.notes, *notes))


def _names_sides(table: pl.DataFrame, name: str) -> bool:
    """Whether a column says no more than the split does: one level on each side, or the usual words for parts.

    A domain of several that is held out stays a factor: the others still differ from each other.
    """
    rows = table.select(pl.col(name).cast(pl.String).alias("level"), pl.col("split").cast(pl.String).alias("side"))
    pairs = rows.filter(pl.col("side") != "train").unique()
    if pairs["level"].null_count() or pairs["level"].n_unique() < len(pairs):
        return False
    return len(pairs) == 2 or bool(pairs["level"].str.to_lowercase().is_in(PARTS).all())


def _no_number(column: pl.Series) -> str:
    """The first value of a text column that is no number, with the column's name; "" where all are."""
    text = column.cast(pl.String)
    bad = text.filter(text.str.strip_chars().cast(pl.Float64, strict=False).is_null() & text.is_not_null())
    return f"{shortened(bad[0], 60)!r} in column {column.name!r}" if len(bad) else ""


def _shown(column: pl.Series) -> str:
    present = column.drop_nulls()
    if present.is_empty():
        return f"{column.name} is missing everywhere"
    if present.dtype.is_numeric() or present.dtype.is_temporal():
        return f"{column.name} from {present.min()} to {present.max()}"
    if isinstance(present.dtype, pl.List | pl.Array):
        present = present.explode().drop_nulls()
    levels = present.unique().cast(pl.String).sort()
    more = f" and {len(levels) - 8} more" if len(levels) > 8 else ""
    return f"{column.name} is one of {', '.join(repr(v) for v in levels.head(8).to_list())}{more}"


__all__ = ["apply_unseen", "from_table", "in_own_words"]
