"""Tables of comparisons: two models answered, someone or something said which answer is better."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import value as shortened

FIRST = ("model_a", "model_1", "model_left")
SECOND = ("model_b", "model_2", "model_right")
WINNER = ("winner", "preference", "preferred", "verdict", "outcome")
# As the arena's data set of 2023 writes the winner: three columns of 0 and 1.
FLAGS = ("winner_model_a", "winner_model_b", "winner_tie")
ITEMS = ("item", "item_id", "question_id", "prompt_id", "id")
TEXTS = ("question", "prompt", "instruction", "input")
WON = ("a", "model_a", "model a", "1", "model_1", "left", "model_left", "first", "a>b", "a>>b", "a_wins", "win")
LOST = ("b", "model_b", "model b", "2", "model_2", "right", "model_right", "second", "b>a", "b>>a", "b_wins", "loss")
TIES = (
    "tie",
    "tied",
    "tie (bothbad)",
    "both_bad",
    "bothbad",
    "draw",
    "equal",
    "same",
    "a=b",
    "neither",
    "both",
    "0",
    "tie (both bad)",
)


def names_of(columns: list[str]) -> tuple[str, str, tuple[str, ...]] | None:
    """The columns of the two models and of the winner, or None where a table holds no comparisons."""
    a, b = (next((c for c in names if c in columns), None) for names in (FIRST, SECOND))
    if a is None or b is None or FIRST.index(a) != SECOND.index(b):
        return None
    winner = next((c for c in WINNER if c in columns), None)
    if winner is not None:
        return a, b, (winner,)
    return (a, b, FLAGS) if set(FLAGS) <= {*columns} else None


def two_rows_each(table: pl.DataFrame, named: AnyMapping[str, str]) -> tuple[pl.DataFrame, tuple[str, ...]] | None:
    """A table of comparisons as one row a model and comparison, with the columns ``opponent`` and ``shown_first``.

    The score is 1 for the better answer, 0 for the other, 0.5 for a tie. What was asked is the item, and so the cluster:
    both rows of a comparison, and all comparisons on one question, move together.

    Args:
        table: Any table.
        named: Role → column, as the user named them.

    Returns:
        The table and notes, or None where it holds no comparisons.

    Raises:
        BadInput: A winner is neither a model, nor a side, nor a tie.

    >>> rows, _ = two_rows_each(pl.DataFrame({"model_a": ["x"], "model_b": ["y"], "winner": ["model_b"]}), {})
    >>> rows.select("model", "opponent", "score").rows()
    [('x', 'y', 0.0), ('y', 'x', 1.0)]
    """
    found = names_of(table.columns)
    if found is None or {"model", "score"} & {*table.columns, *named}:
        return None
    a, b, winner = found
    score = _flagged(table) if winner == FLAGS else _judged(table, a, b, str(next(iter(winner))))
    ties = int((score == 0.5).sum())
    texts = table.select(pl.col(a, b).cast(pl.String, strict=False))
    empty = int((texts[a].is_null() | texts[b].is_null()).sum())
    itself = int((texts[a] == texts[b]).sum())
    item = named.get("item") or next((c for c in (*ITEMS, *TEXTS) if c in table.columns), None)
    items = (
        table[item].cast(pl.String, strict=False)
        if item in table.columns
        else pl.Series(range(1, table.height + 1)).cast(pl.String)
    )
    lists = [c for c, t in table.schema.items() if t.is_nested()]
    rest = table.drop(a, b, *winner, *lists, *([item] if item and item not in TEXTS else []), "score", strict=False)
    sides = [
        rest.with_columns(
            texts[one].alias("model"), items.alias("item"), (score if first else 1 - score).alias("score"),
            texts[other].alias("opponent"), pl.lit(first).alias("shown_first"),
        )
        for one, other, first in ((a, b, True), (b, a, False))
    ]  # fmt: skip
    both = pl.concat(sides).filter(
        pl.col("model").is_not_null() & pl.col("opponent").is_not_null() & (pl.col("model") != pl.col("opponent"))
        & pl.col("score").is_not_null()
    )  # fmt: skip
    lost = table.height - both.height // 2
    notes = [
        f"{both.height // 2:,} comparisons of two models were read (columns {a!r}, {b!r}, {', '.join(map(repr, winner))}): "
        f"{ties:,} ties count half; what was asked is {'column ' + repr(item) if item else 'another item in each row'}."
    ]
    if lost:
        notes.append(
            f"{lost:,} of {table.height:,} comparisons were left out: {empty:,} without a model, {itself:,} of a model with "
            "itself, the others without a winner."
        )
    if not both.height:
        raise BadInput(f"none of {table.height:,} comparisons has two models and a winner (columns {a!r}, {b!r}).")
    return both, tuple(notes)


def _flagged(table: pl.DataFrame) -> pl.Series:
    """Score of the first model from three columns of 0 and 1."""
    flags = table.select(pl.col(FLAGS).cast(pl.Float64, strict=False))
    wrong = flags.filter(pl.sum_horizontal(pl.all()) != 1).rows()
    for row in wrong[:1]:
        raise BadInput(f"columns {', '.join(FLAGS)}: one of the three is 1 in each row, but a row has {row}.")
    return (flags[FLAGS[0]] + 0.5 * flags[FLAGS[2]]).alias("score")


def _judged(table: pl.DataFrame, a: str, b: str, winner: str) -> pl.Series:
    """Score of the first model from the column that names the winner; null where there is none."""
    column = table[winner].cast(pl.String, strict=False)
    words = column.str.strip_chars().str.to_lowercase().str.strip_chars("[]")
    first, second = (table[c].cast(pl.String, strict=False).str.strip_chars().str.to_lowercase() for c in (a, b))
    frame = pl.DataFrame({"word": words, "a": first, "b": second, "given": column})
    word = pl.col("word")
    score = frame.select(
        # The name of a model goes before a word: a model may be called "a".
        pl.when(word.is_null() | (word == "")).then(None)
        .when((word == pl.col("a")) & (word != pl.col("b"))).then(1.0).when((word == pl.col("b")) & (word != pl.col("a"))).then(0.0)
        .when(word.is_in(WON)).then(1.0).when(word.is_in(LOST)).then(0.0).when(word.is_in(TIES)).then(0.5).otherwise(-1.0)
        .alias("score")
    )["score"]  # fmt: skip
    wrong = (score == -1).arg_true()
    if len(wrong):
        raise BadInput(
            f"column {winner!r}, row {wrong[0] + 1}: {shortened(column[wrong[0]], 60)!r} is neither one of the two models, nor "
            f"{a!r}, {b!r} or 'tie' ({len(wrong):,} such rows)."
        )
    return score


__all__ = ["names_of", "two_rows_each"]
