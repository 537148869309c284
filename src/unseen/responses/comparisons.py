"""Tables of comparisons: two models answered, someone or something said which answer is better."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import names as shown_names
from unseen.plain_text import value as shortened
from unseen.responses.notes import Note

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
    "tie (both bad)",
)


# A tie beside words for both sides; alone a 0 may as well be the first model, or a loss of it.
NOTHING = "0"
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
# Codes with two readings.
CODES = {NOTHING, "1", "2", "-1", "0.5", "true", "false"}


def names_of(columns: list[str]) -> tuple[str, str, tuple[str, ...]] | None:
    """The columns of the two models and of the winner, whatever their capitals; None where a table holds no comparisons.

    >>> names_of(["Model_A", "Model_B", "Winner"])
    ('Model_A', 'Model_B', ('Winner',))
    """
    own = _by_plain_name(columns)
    a, b = (next((c for c in names if c in own), None) for names in (FIRST, SECOND))
    if a is None or b is None or FIRST.index(a) != SECOND.index(b):
        return None
    winner = next((c for c in WINNER if c in own), None)
    if winner is not None:
        return own[a], own[b], (own[winner],)
    return (own[a], own[b], tuple(own[c] for c in FLAGS)) if set(FLAGS) <= {*own} else None


def _by_plain_name(columns: list[str]) -> dict[str, str]:
    """Name without capitals and spaces → column; one of just that name goes before others, and the first before later ones."""
    return {_plain(c): c for c in reversed(columns)} | {c: c for c in columns}


def _plain(column: str) -> str:
    return re.sub(r"[\s-]+", "_", column.strip().lower())


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
    said = ""
    if len(winner) == len(FLAGS):
        score = _flagged(table, winner)
    else:
        score, said = _judged(table, a, b, winner[0])
    ties = int((score == 0.5).sum())
    texts = table.select(pl.col(a, b).cast(pl.String, strict=False))
    empty = int((texts[a].is_null() | texts[b].is_null()).sum())
    itself = int((texts[a] == texts[b]).sum())
    own = _by_plain_name(table.columns)
    item = named.get("item") or next((own[c] for c in (*ITEMS, *TEXTS) if c in own), None)
    items = (
        table[item].cast(pl.String, strict=False)
        if item in table.columns
        else pl.Series(range(1, table.height + 1)).cast(pl.String)
    )
    lists = [c for c, t in table.schema.items() if t.is_nested()]
    rest = table.drop(
        a, b, *winner, *lists, *([item] if item and _plain(item) not in TEXTS else []), "score", strict=False
    )
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
    words = (
        f"{both.height // 2:,} comparisons of two models were read (columns {a!r}, {b!r}, {', '.join(map(repr, winner))}): "
        f"{ties:,} ties count half; what was asked is {'column ' + repr(item) if item else 'another item in each row'}.{said}"
    )
    facts = {
        "model": f"{a!r} and {b!r}",
        "item": repr(item) if item else "the row",
        "score": ", ".join(map(repr, winner)),
    }
    notes: list[str] = [Note.of(words, **facts)]
    if lost:
        notes.append(
            f"{lost:,} of {table.height:,} comparisons were left out: {empty:,} without a model, {itself:,} of a model with "
            "itself, the others without a winner."
        )
    if not both.height:
        raise BadInput(f"none of {table.height:,} comparisons has two models and a winner (columns {a!r}, {b!r}).")
    return both, tuple(notes)


def _flagged(table: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    """Score of the first model from three columns of 0 and 1: it won, the other won, a tie."""
    flags = table.select(pl.col(columns).cast(pl.Float64, strict=False))
    wrong = flags.filter(pl.sum_horizontal(pl.all()) != 1).rows()
    for row in wrong[:1]:
        raise BadInput(f"columns {', '.join(columns)}: one of the three is 1 in each row, but a row has {row}.")
    return (flags[columns[0]] + 0.5 * flags[columns[2]]).alias("score")


def _judged(table: pl.DataFrame, a: str, b: str, winner: str) -> tuple[pl.Series, str]:
    """Score of the first model from the column that names the winner, null where there is none; and what was read as what."""
    column = table[winner].cast(pl.String, strict=False)
    words = column.str.strip_chars().str.to_lowercase().str.strip_chars("[]")
    # A number is one word, however it is written: +1, 1.0 and 01 are 1, .50 is 0.5.
    words = words.replace({w: f"{float(w):g}" for w in words.drop_nulls().unique() if NUMBER.fullmatch(w)})
    first, second = (table[c].cast(pl.String, strict=False).str.strip_chars().str.to_lowercase() for c in (a, b))
    frame = pl.DataFrame({"word": words, "a": first, "b": second, "given": column})
    word = pl.col("word")
    # The name of a model goes before a word: a model may be called "a".
    named = ((word == pl.col("a")) | (word == pl.col("b"))) & (pl.col("a") != pl.col("b"))
    _require_sides(frame, named, winner, a, b)
    score = frame.select(
        pl.when(word.is_null() | (word == "")).then(None)
        .when(named).then((word == pl.col("a")).cast(pl.Float64))
        .when(word.is_in(WON)).then(1.0).when(word.is_in(LOST)).then(0.0)
        .when(word.is_in((*TIES, NOTHING))).then(0.5).otherwise(-1.0)
        .alias("score")
    )["score"]  # fmt: skip
    wrong = (score == -1).arg_true()
    if len(wrong):
        raise BadInput(
            f"column {winner!r}, row {wrong[0] + 1}: {shortened(column[wrong[0]], 60)!r} is neither one of the two models, nor "
            f"{a!r}, {b!r} or 'tie' ({len(wrong):,} such rows)."
        )
    by_word = frame.with_columns(score).filter(~named.fill_null(value=False)).drop_nulls("score")
    return score, _told(by_word, winner, a, b, names=len(by_word) < len(score.drop_nulls()))


def _told(read: pl.DataFrame, winner: str, a: str, b: str, *, names: bool) -> str:
    """Which word was read as which side, as a sentence.

    Args:
        read: Rows that were read by their word, with ``given`` and ``score``.
        winner: The column.
        a: Column of the first model.
        b: Column of the second model.
        names: Whether other rows hold the name of a model.
    """
    parts = ["the name of a model as a win of that model"] if names else []
    for score, side in ((1.0, f"a win of {a!r}"), (0.0, f"a win of {b!r}"), (0.5, "a tie")):
        words = read.filter(pl.col("score") == score)["given"].unique().sort().to_list()
        if words:
            parts.append(f"{shown_names([repr(w) for w in words], 4)} as {side}")
    return f" Of {winner!r} was read: {'; '.join(parts)}."


def _require_sides(frame: pl.DataFrame, named: pl.Expr, winner: str, a: str, b: str) -> None:
    """Refuse numbers that may mean either side: 0 and 1 count the models from 0, or say whether the first one won.

    1 and 2 together count from 1; 0 is a tie beside words for both sides. Columns called ``model_1`` and ``model_2`` say
    which number is whose.

    Raises:
        BadInput: The numbers have two readings; the message tells both, and how to write either.
    """
    words = set(frame.filter(~named.fill_null(value=False))["word"].drop_nulls().to_list()) - {""}
    codes = {w for w in words if NUMBER.fullmatch(w) or w in CODES}
    names = set(frame.filter(named)["word"].to_list())
    sides = 2 if any(not NUMBER.fullmatch(n) for n in names) else sum(bool((words - codes) & {*s}) for s in (WON, LOST))
    numbered = (_plain(a), _plain(b)) == (FIRST[1], SECOND[1])
    clear = (
        not codes
        or codes == {"1", "2"}
        or (codes == {NOTHING} and sides == 2)
        or (numbered and codes <= {"1", "2", NOTHING} and codes - {NOTHING} and codes != {"0", "1"})
    )
    if clear or not codes <= CODES:
        # Other numbers are grades of some scale, and told as words that nobody knows.
        return
    shown = ", ".join(sorted(codes, key=lambda w: (len(w), w)))
    if "-1" in codes:
        readings = f"1 may be a win of {a!r}, or the end of a scale at which {b!r} is better"
    elif "2" in codes:
        readings = (
            f"0 may be a tie, 1 a win of {a!r} and 2 one of {b!r}; or 0 a win of {a!r}, 1 one of {b!r} and 2 a tie"
        )
    else:
        yes, no = ("true", "false") if codes & {"true", "false"} else ("1", "0")
        readings = f"{yes} may say that {a!r} won and {no} that {b!r} did; or "
        readings += f"{no} is the first model, {a!r}, and {yes} the second, {b!r}"
    raise BadInput(
        f"column {winner!r} holds {shown}, which have two readings: {readings}. Write who won: {a!r}, {b!r} or 'tie', or the "
        f"winner's name. In pandas: table[{winner!r}] = table[{winner!r}].map({{{_recipe(codes, a, b)}}}), or the other way round."
    )


def _recipe(codes: set[str], a: str, b: str) -> str:
    """Codes and words as the entries of a dictionary, by the first reading."""
    meaning = {
        "1": a,
        "true": a,
        "false": b,
        "-1": b,
        "2": b,
        "0.5": "tie",
        NOTHING: "tie" if codes & {"2", "-1"} else b,
    }
    return ", ".join(f"{code.capitalize()}: {meaning[code]!r}" for code in sorted(codes))


__all__ = ["names_of", "two_rows_each"]
