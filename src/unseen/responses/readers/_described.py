"""Matrices with items in rows: which columns hold models' scores, and which describe the items."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import counted, value
from unseen.plain_text import names as shown_names
from unseen.responses.columns import ROLES
from unseen.responses.mapping import Mapping
from unseen.responses.notes import Note
from unseen.responses.predictions import TRUTH
from unseen.responses.words import RIGHT, WRONG, known_words, scores_from_words

DESCRIBED_ITEMS = ("item", "item_id", "question", "question_id", "id", "task_id", "example_id", "sample_id", "prompt")
ITEM_WORDS = ("item", "question", "id", "task", "example")
# Names that say what holds of an item, and that nobody gives to a model.
PROPERTIES = frozenset(
    (
        "hard", "easy", "difficult", "challenging", "ood", "id_ood", "in_domain", "in_distribution", "out_of_distribution", "seen",
        "unseen", "new", "novel", "rare", "held_out", "heldout", "public", "private", "contaminated", "leaked", "multimodal",
        "multi_hop", "multihop", "multi_step", "multistep", "adversarial", "ambiguous", "answerable", "unanswerable", "verified",
        "synthetic", "flag", "flagged", "reviewed", "multiple_choice", "open_ended", "human_written", "machine_written",
        "translated", "paraphrased", "negated", "negation", "curated", "long_context", "difficulty",
        "similarity", "overlap", "popularity", "toxicity", "weight", "length",
    )
)  # fmt: skip
PROPERTY = re.compile(
    r"(is|has|needs|requires|contains|uses|involves|was|with|without)_.+"
    r"|.+_(flag|only|required|needed|checked|reviewed|verified|validated|annotated|approved)"
)
# Of many models or columns a note names the first.
SHOWN = 6
# Where a matrix has its models and scores.
HEADER, CELLS = "the names of columns", "the cells"


def described(table: pl.DataFrame, mapping: Mapping, notes: list[str], path: Path) -> pl.DataFrame | None:
    """Items in rows, with columns that describe them beside a column a model; None where the table is no such matrix.

    A model's column holds scores within 0 … 1, or words for right and wrong. Its name is no role, is not named by the user,
    and says nothing that holds of items (``hard``, ``is_new``), as long as two other columns are left.
    """
    item = mapping.item_column or next((c for c in table.columns if _names_rows(table[c])), None)
    if item not in table.columns or mapping.model_column or mapping.model or "model" in table.columns:
        return None
    if table[item].null_count() or table[item].n_unique() < table.height:
        return None
    named = {*ROLES, *mapping.wanted(table.columns), item}
    free = [c for c in table.columns if c not in named]
    models = without_properties([c for c in free if within_one(table[c])])
    worded = [] if len(models) > 1 else _word_models(path, table, free, mapping)
    models = worded or models
    rest = [c for c in table.columns if c not in models and c != item]
    if len(models) < 2 or not rest:
        return None
    table = from_words(path, table, worded, notes)
    scores = {m: table[m].cast(pl.Float64).fill_nan(None) for m in models}
    long = pl.concat(
        [
            table.select(pl.col(item).alias("item"), *rest).with_columns(model=pl.lit(m), score=score)
            for m, score in scores.items()
        ]
    )
    strange = unlike(models)
    words = (
        f"{path.name}: a matrix of {table.height:,} items (column {item!r}) by {len(models):,} models "
        f"({shown_names(models, SHOWN)}); {shown_names([repr(c) for c in rest], SHOWN)} "
        f"describe{'s' if len(rest) == 1 else ''} the items.{doubts(strange)}"
    )
    notes.append(Note.of(words, in_doubt(models, strange), model=HEADER, item=repr(item), score=CELLS))
    return long.filter(pl.col("score").is_not_null())


def _names_rows(column: pl.Series) -> bool:
    named = column.name.strip().lower() in (*DESCRIBED_ITEMS, *ITEM_WORDS)
    return named and not column.null_count() and column.n_unique() == len(column)


def without_properties(columns: Sequence[str]) -> list[str]:
    """The columns without those whose names say what holds of an item, where two others are left; else all.

    >>> without_properties(["hard", "gpt-x", "claude-y"]), without_properties(["is_new", "hard", "gpt-x"])
    (['gpt-x', 'claude-y'], ['is_new', 'hard', 'gpt-x'])
    """
    left = [c for c in columns if not says_of_items(c)]
    return left if len(left) > 1 else list(columns)


def says_of_items(name: str) -> bool:
    """Whether a name says what holds of an item, as ``hard`` and ``is_new`` do.

    >>> says_of_items("Multi-hop"), says_of_items("has image"), says_of_items("baseline")
    (True, True, False)
    """
    plain = re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")
    return plain in PROPERTIES or bool(PROPERTY.fullmatch(plain))


def unlike(models: Sequence[str]) -> list[str]:
    """Of columns that were taken for models, those named unlike the others: they may be none.

    Names of models mostly hold a digit or a hyphen; a plain word beside two such may be a property of the items, or the name
    of a baseline: that can't be told from the table.

    >>> unlike(["curated", "gpt-4", "claude-3"]), unlike(["amber", "birch", "cedar"]), unlike(["gpt-4", "claude-3"])
    (['curated'], [], [])
    """
    plain = [m for m in models if re.fullmatch(r"[^\W\d]+( [^\W\d]+)?", m)]
    return plain if len(models) - len(plain) > 1 else []


def otherwise_worded(table: pl.DataFrame, models: Sequence[str]) -> list[str]:
    """Of columns that were taken for models, those that tell right and wrong in other words than the first; they may be none.

    Args:
        table: With scores in words or numbers, as the file holds them.
        models: Columns.

    >>> otherwise_worded(pl.DataFrame({"a": ["yes", "no"], "b": ["no", "no"], "c": ["pass", "fail"]}), ["a", "b", "c"])
    ['c']
    """
    kinds = [frozenset[int]() if is_scores(table[c]) else _pairs(table[c]) for c in models]
    return [c for c, kind in zip(models, kinds, strict=True) if kind != kinds[0]]


def doubts(strange: Sequence[str]) -> str:
    """What to do where a column that was taken for a model is none, as a sentence that follows others; "" without a doubt.

    >>> doubts(["curated"])
    " If 'curated' describes the items and is no model, name it as a factor: --factor curated (in Python: factors=['curated'])."
    """
    if not strange:
        return ""
    many = len(strange) > 1
    return (
        f" If {shown_names([repr(p) for p in strange], 3)} describe{'' if many else 's'} the items and "
        f"{'are no models' if many else 'is no model'}, name {'them as factors' if many else 'it as a factor'}: --factor "
        f"{value(strange[0], 60)} (in Python: factors=[{value(strange[0], 60)!r}])."
    )


def in_doubt(models: Sequence[str], strange: Sequence[str]) -> str:
    """The same doubt in a line of its own; "" without one.

    >>> in_doubt(["a-1", "b-2", "hard won"], ["hard won"])
    "read as models: a-1, b-2, hard won. If hard won describes the items: --factor 'hard won'"
    >>> in_doubt(["a", "b"], ["b"])
    'read as models: a, b. If b describes the items: --score a --model a'
    """
    if not strange:
        return ""
    left = [m for m in models if m not in strange]
    # One model is no matrix: its column is then the score.
    named = ["--factor", strange[0]] if len(left) > 1 else ["--score", left[0], "--model", left[0]]
    which = value(strange[0], 60) if len(strange) == 1 else "one of these"
    remedy = shlex.join(value(word, 60) for word in named)
    return f"read as models: {shown_names(models, SHOWN)}. If {which} describes the items: {remedy}"


def is_scores(column: pl.Series) -> bool:
    """Whether a column holds numbers, truth values, or nothing."""
    return column.dtype.is_numeric() or isinstance(column.dtype, pl.Boolean | pl.Null)


def within_one(column: pl.Series) -> bool:
    """Whether a column holds numbers, all of them within 0 … 1."""
    numbers = column.cast(pl.Float64).fill_nan(None).drop_nulls() if is_scores(column) else pl.Series(dtype=pl.Float64)
    return len(numbers) > 0 and bool(numbers.is_between(0, 1).all())


def in_words(table: pl.DataFrame, column: str) -> bool:
    """Whether a column holds words for right and wrong, and no classes beside predictions of them."""
    return TRUTH not in table.columns and scores_from_words(table[column]) is not None


def _word_models(path: Path, table: pl.DataFrame, columns: Sequence[str], mapping: Mapping) -> list[str]:
    """The columns that hold one pair of words for right and wrong, as more columns do than hold any other pair.

    Raises:
        BadInput: A column beside them holds the same words, and one that is none.
    """
    texts = [c for c in columns if table[c].dtype == pl.String]
    families: defaultdict[frozenset[int], list[str]] = defaultdict(list)
    for column in without_properties([c for c in texts if in_words(table, c)]):
        families[_pairs(table[column])].append(column)
    # A column that is right throughout has half of a pair, and the same index.
    best = max(families.values(), key=len, default=[])
    # A table with a column of scores is long: its other columns of words say something else. So do classes beside the truth.
    matrix = TRUTH not in table.columns and "score" not in mapping.guessed(table, mapping.columns)
    spoilt: defaultdict[frozenset[int], list[str]] = defaultdict(list)
    for column in texts if matrix else ():
        known = known_words(table[column])
        if known.sum() > 0.5 * len(table[column].drop_nulls()) and not in_words(table, column):
            spoilt[_pairs(table[column].filter(known))].append(column)
    for pair, strange in spoilt.items():
        if len(families[pair]) + len(strange) > 1 and len(families[pair]) >= len(best) - 1:
            raise BadInput(_strange(path, table[strange[0]]))
    if len(best) < 2 or sum(len(f) == len(best) for f in families.values()) > 1:
        return []
    return best


def _strange(path: Path, text: pl.Series) -> str:
    """The message on a column of words for right and wrong that holds others too."""
    odd = (~known_words(text) & text.is_not_null()).arg_true()
    return (
        f"{path}: column {value(text.name, 60)!r}, row {odd[0] + 1}: {value(text[odd[0]], 60)!r} is no word for right or "
        "wrong, as those of other rows and columns are "
        f"({counted(len(odd), 'such row')}). Write a word that is, or leave the cell empty. If the column is no model's, "
        f"name it as a factor: --factor {value(text.name, 60)}."
    )


def _pairs(column: pl.Series) -> frozenset[int]:
    """Which pairs of words a column uses, by their places."""
    words = column.drop_nulls().str.strip_chars().str.to_lowercase().unique().to_list()
    return frozenset(RIGHT.index(w) if w in RIGHT else WRONG.index(w) for w in words if w)


def from_words(path: Path, table: pl.DataFrame, columns: Sequence[str], notes: list[str]) -> pl.DataFrame:
    """A table with columns of words as scores, and a note of what was read as what."""
    read = [found for c in columns if (found := scores_from_words(table[c])) is not None]
    told = dict.fromkeys(part for _, words in read for part in words.split(", "))
    if told:
        notes.append(f"{path.name}: scores were read from words: {', '.join(told)}.")
    return table.with_columns(scores for scores, _ in read)


__all__ = [
    "CELLS", "DESCRIBED_ITEMS", "HEADER", "ITEM_WORDS", "SHOWN", "described", "doubts", "from_words", "in_doubt", "in_words",
    "is_scores", "otherwise_worded", "unlike", "within_one",
]  # fmt: skip
