"""The door of the response table: what comes in is checked once, with the row and the value in each message."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from unseen.errors import BadInput
from unseen.factors import Factors, Kind
from unseen.plain_text import names, value
from unseen.responses.columns import SPLITS, ScoreKind, answer_keys, infer_factors, texts_of_numbers
from unseen.responses.notes import Note, facts_of
from unseen.responses.words import known_words, scores_from_words

TEXT_ROLES = ("model", "item", "split", "cluster", "parent", "variant_of", "prediction", "target", "question")

# Columns of probabilities, and what each means.
PROBABILITIES = {
    "confidence": "A confidence is the probability of being right",
    "p_true": "P(True) is the probability that the model calls its answer true",
    "p_ik": "P(IK) is the probability that the model knows the answer",
}
OF_STEPS = ("steps_valid", "human_steps_valid", "constraints_met")


def index_names(table: Any) -> list[str]:
    """Names of the index of a pandas frame that could be columns of a file; none for other tables."""
    return [name for name in getattr(getattr(table, "index", None), "names", ()) if isinstance(name, str)]


def to_polars(table: Any, *, wanted: Collection[str] = (), instead: Collection[Collection[str]] = ()) -> pl.DataFrame:
    """Any data frame that narwhals knows, as an eager polars one.

    Args:
        table: The frame.
        wanted: Columns that are asked for: one that is the index of a pandas frame becomes a column.
        instead: Groups of names of which one is asked for: an index becomes it where no column is.

    Raises:
        BadInput: It is not a data frame, or two columns bear one name.
    """
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, Mapping):
        try:
            return pl.DataFrame(table)
        except Exception as error:
            raise BadInput(f"the columns make no table: {value(error)}.") from None
    index = index_names(table)
    if index:
        own = {*table.columns}
        asked = {*wanted, *(name for names in instead if not own & {*names} for name in names)} - own
        table = table.reset_index(level=level) if (level := [name for name in index if name in asked]) else table
    try:
        frame = nw.from_native(table)
    except TypeError:
        raise BadInput(
            f"responses must be a data frame (polars, pandas, pyarrow …), got {type(table).__name__}. "
            "For files use unseen.responses.read(path)."
        ) from None
    except (nw.exceptions.DuplicateError, pl.exceptions.DuplicateError):
        raise _doubled(table) from None
    try:
        return _arrived(frame.collect() if isinstance(frame, nw.LazyFrame) else frame)
    except BadInput:
        raise
    except (nw.exceptions.DuplicateError, pl.exceptions.DuplicateError):
        raise _doubled(table) from None
    except Exception as error:
        raise _unreadable(frame, error) from None


def _doubled(table: Any) -> BadInput:
    columns = [str(name) for name in getattr(table, "column_names", getattr(table, "columns", ()))]
    twice = next((name for name in columns if columns.count(name) > 1), "")
    return BadInput(f"two columns are called {value(twice, 60)!r}. Remove one, or rename it.")


def _unreadable(frame: Any, error: Exception) -> BadInput:
    """The column that holds what no table of one type a column can: of several types, or of a type that is not known."""
    for name in getattr(frame, "columns", ()):
        try:
            _arrived(frame.select(name))
        except BadInput as own:
            return own
        except Exception as own:
            native = frame.to_native()
            if frame.implementation.is_pandas() and (mixed := _mixed(str(name), native[name])):
                return mixed
            return BadInput(
                f"column {value(name, 60)!r} can't be read ({value(own)}). Give it one type, such as numbers or text, or leave it "
                "out."
            )
    return BadInput(f"the data frame can't be read ({value(error)}).")


def _arrived(frame: nw.DataFrame[Any]) -> pl.DataFrame:
    """A frame as a polars one. Polars takes texts from pandas through pyarrow, which pandas itself does without."""
    try:
        return frame.to_polars()
    except ImportError as error:
        if not frame.implementation.is_pandas():
            raise BadInput(f"the data frame can't be converted ({error}). Install what is missing.") from None
    native = frame.to_native()
    return pl.DataFrame([_without_arrow(str(name), native[name]) for name in native.columns])


def _without_arrow(name: str, column: Any) -> pl.Series:
    """A column of pandas by its values, with nothing where pandas has NaN, NaT or NA.

    Raises:
        BadInput: Its values are of several kinds, of which polars would make texts, numbers or nothing without a word.
    """
    if getattr(column.dtype, "kind", "O") in "iufbmM" and isinstance(column.dtype, np.dtype):
        return pl.Series(name, column.to_numpy(), nan_to_null=True)
    if mixed := _mixed(name, column):
        raise mixed
    cells = zip(column.to_numpy(dtype=object), column.isna().to_numpy(), strict=True)
    plain = [None if missing else cell.tolist() if isinstance(cell, np.ndarray) else cell for cell, missing in cells]
    # Whole numbers beside fractions, dates beside times.
    made = pl.Series(name, plain, strict=False)
    lost = np.flatnonzero(made.is_null().to_numpy() & np.array([cell is not None for cell in plain]))
    if len(lost):
        raise BadInput(
            f"column {value(name, 60)!r}, row {lost[0] + 1}: {value(plain[lost[0]])!r} can't be read as {made.dtype}."
        )
    return made


# What values of a column are, in words, by their class; the first that fits.
KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("true or false", (bool, np.bool_)),
    ("a number", (int, float, Decimal, np.number)),
    ("a text", (str,)),
    ("bytes", (bytes,)),
    ("a date", (date, np.datetime64)),
    ("a duration", (timedelta, np.timedelta64)),
    ("a list", (list, tuple, set, np.ndarray)),
    ("a record", (dict,)),
)


def _mixed(name: str, column: Any) -> BadInput | None:
    """What is wrong with a column of pandas that holds values of several kinds; None where it does not."""
    if str(column.dtype) != "object":
        return None
    cells, present = column.to_numpy(dtype=object), np.flatnonzero(column.notna().to_numpy())
    first, kind = "", ""
    for row in present:
        own = next((words for words, types in KINDS if isinstance(cells[row], types)), type(cells[row]).__name__)
        if not first:
            first, kind = f"{value(cells[row], 60)!r} in row {row + 1}", own
        if own != kind:
            numbers = {own, kind} == {"a number", "a text"}
            remedy = f"pandas.to_numeric(frame[{value(name, 60)!r}], errors='coerce'), or " if numbers else ""
            return BadInput(
                f"column {value(name, 60)!r}, row {row + 1}: {value(cells[row], 60)!r} is {own}, and {first} is {kind}. Give the "
                f"column one type ({remedy}.astype(str) for text), or leave it out."
            )
    return None


def validated(
    table: Any, *, score_range: tuple[float, float] | None, kinds: Mapping[str, Kind], notes: tuple[str, ...]
) -> tuple[pl.DataFrame, Factors, ScoreKind, tuple[str, ...]]:
    """Check a table: what ``Responses`` holds, for ``Responses.of``."""
    frame = checked(to_polars(table), score_range)
    if "cluster" not in frame.columns and {"variant_of", "parent"} & set(frame.columns):
        frame = frame.with_columns(root_of(frame).alias("cluster"))
        notes = (*notes, "Variants and parts of one item count as one unit (cluster = the item they come from).")
    if "cluster" in frame.columns and (lacking := frame["cluster"].null_count()):
        # What belongs to no passage stands for itself: rows without a cluster are not one cluster together.
        own = pl.format("item {}", root_of(frame))
        frame = frame.with_columns(pl.col("cluster").cast(pl.String).fill_null(own))
        notes = (*notes, f"{lacking:,} rows name no cluster: there each item is a unit of its own.")
    kind = _score_kind(frame, score_range, loss="loss" in facts_of(notes))
    if "human_score" in frame.columns:
        _require_human(frame["human_score"], kind)
    factors = infer_factors(frame, kinds)
    for name, levels in answer_keys(frame, factors, kinds).items():
        factors = Factors(factor for factor in factors.values() if factor.name != name)
        step = f"--factor {name}:categorical takes it as one"
        words = (
            f"Column {name!r} ({levels:,} levels) reads as the right answer, no property of an item: no factor; {step}."
        )
        notes = (*notes, Note.of(words, f"{name} ({levels:,} levels) left out as the answer key ({step})"))
    for name, why in texts_of_numbers(frame, factors, kinds).items():
        words = (
            f"Column {name!r} holds {why}, and was read as text: its levels have no order until the cells are numbers."
        )
        notes = (*notes, Note.of(words, f"{name} read as text ({why})"))
    return frame, factors, kind, notes


def checked(
    frame: pl.DataFrame, score_range: tuple[float, float] | None = None, given: Sequence[str] | None = None
) -> pl.DataFrame:
    """The rows of a table with scores as numbers and names as text, or an error at the first wrong value.

    Args:
        frame: A table with our names of columns; it may be one file of several.
        score_range: Lowest and highest possible score.
        given: The columns by the user's names, for messages.

    Raises:
        BadInput: A required column is missing, or a value is not what its column allows.
    """
    require_columns(frame, given)
    frame = frame.with_columns(_numeric(frame, "score"))
    for name in PROBABILITIES:
        if name in frame.columns:
            frame = frame.with_columns(_probability(_numeric(frame, name)))
    if "abstained" in frame.columns:
        frame = frame.with_columns(_zero_or_one(_numeric(frame, "abstained")))
    for name in OF_STEPS:
        if name in frame.columns:
            frame = frame.with_columns(_of_steps(frame, name))
    if "human_score" in frame.columns:
        frame = frame.with_columns(_numeric(frame, "human_score"))
    texts = [
        c
        for c in TEXT_ROLES
        if c in frame.columns and not isinstance(frame.schema[c], pl.String | pl.Categorical | pl.Enum)
    ]
    wrong = next((c for c in texts if frame.schema[c].is_nested() or frame.schema[c] in (pl.Binary, pl.Object)), None)
    if wrong:
        raise BadInput(f"column {wrong!r} holds {frame.schema[wrong]}, not texts. Name another column.")
    frame = frame.with_columns(pl.col(c).cast(pl.String, strict=False) for c in texts)
    _require_values(frame)
    _require_range(frame["score"], score_range)
    return frame


def root_of(frame: pl.DataFrame) -> pl.Expr:
    """The item a row comes from: its parent, else what it is a variant of, else itself."""
    present = [c for c in ("parent", "variant_of") if c in frame.columns]
    return pl.coalesce(*(pl.col(c).cast(pl.String) for c in [*present, "item"]))


OPTION_OF = {
    "item": "--item-column",
    "score": "--score, or --prediction and --target-column",
    "model": "--model-column, or --model for its name",
}


def require_columns(frame: pl.DataFrame, given: Sequence[str] | None = None) -> None:
    """Refuse a table without rows, or without a model, item or score.

    Args:
        frame: A table with our names of columns.
        given: The columns by the user's names, to be listed.

    Raises:
        BadInput: A column is missing; the message lists those that the user has.
    """
    if frame.height == 0:
        raise BadInput("the response table has no rows.")
    listed = names(frame.columns if given is None else given)
    lacking = [name for name in ("item", "score", "model") if name not in frame.columns]
    # All at once: who mends one column after the other runs the command three times.
    more = f" Missing as well: {', '.join(f'{n!r} ({OPTION_OF[n]})' for n in lacking[1:])}." if lacking[1:] else ""
    for name in ("item", "score"):
        if name not in frame.columns:
            raise BadInput(
                f"no column {name!r}; the columns are {listed}. "
                f"Name the right one with --{name}-column (in Python: {name}_column=…).{more}"
                if name != "score"
                else f"no column 'score'; the columns are {listed}. "
                "Name the right one with --score (in Python: score=…), or the model's answers with --prediction and the "
                f"right ones with --target-column.{more}"
            )
    if "model" not in frame.columns:
        raise BadInput(
            f"no column 'model'; the columns are {listed}. "
            "Name the right one with --model-column, or give the model's name with --model (in Python: model_column=… or model=…)."
        )


def _numeric(frame: pl.DataFrame, name: str) -> pl.Series:
    column = frame[name]
    if column.dtype == pl.Boolean or column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64).fill_nan(None)
    if isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum):
        if name == "score" and (scores := scores_from_words(column)) is not None:
            return scores[0]
        text = column.cast(pl.String)
        numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
        bad = (numbers.is_null() & text.is_not_null()).arg_true()
        strange = (numbers.is_null() & text.is_not_null() & ~known_words(text)).arg_true()
        # One row in three may be a "y" by chance, as among x, y and z.
        if name == "score" and 0 < len(strange) < 0.5 * len(bad):
            raise BadInput(
                f"column {name!r}, row {strange[0] + 1}: {value(text[strange[0]])!r} is no word for right or wrong, as those of "
                f"other rows are, such as {value(text.filter(known_words(text))[0], 60)!r} ({len(strange)} such rows). Write 0 "
                "where the answer is wrong, and leave the cell empty where there is none."
            )
        if len(bad):
            raise BadInput(
                f"column {name!r}, row {bad[0] + 1}: {value(text[bad[0]])!r} is not a number ({len(bad)} such rows). "
                "Name another column, or turn the labels into numbers first."
            )
        return numbers.fill_nan(None)
    raise BadInput(f"column {name!r} holds {column.dtype}, not numbers.")


def _probability(column: pl.Series) -> pl.Series:
    bad = ((column < 0) | (column > 1)).fill_null(value=False).arg_true()
    if len(bad):
        raise BadInput(
            f"column {column.name!r}, row {bad[0] + 1}: {column[bad[0]]} lies outside 0 … 1 ({len(bad)} such rows). "
            f"{PROBABILITIES[column.name]}; exponentiate log-probabilities first."
        )
    return column


def _zero_or_one(column: pl.Series) -> pl.Series:
    bad = (~column.is_in([0.0, 1.0])).fill_null(value=False).arg_true()
    if len(bad):
        raise BadInput(
            f"column {column.name!r}, row {bad[0] + 1}: {column[bad[0]]:g} is neither 0 nor 1 ({len(bad)} such rows). Write 1 "
            "where the model declined to answer, 0 where it answered."
        )
    return column


def _of_steps(frame: pl.DataFrame, name: str) -> pl.Series:
    """Whether steps are valid: a list of such (one a step or constraint) as it is, else a number within 0 … 1."""
    column = frame[name]
    if isinstance(column.dtype, pl.List):
        inner = column.dtype.inner
        if inner not in (pl.Boolean, pl.Null) and not inner.is_numeric():
            raise BadInput(f"column {name!r} holds lists of {inner}, not of true and false.")
        return column.cast(pl.List(pl.Float64))
    column = _numeric(frame, name)
    bad = ((column < 0) | (column > 1)).fill_null(value=False).arg_true()
    if len(bad):
        raise BadInput(
            f"column {name!r}, row {bad[0] + 1}: {column[bad[0]]:g} lies outside 0 … 1 ({len(bad)} such rows). Give a list of "
            "true and false, one for each, or one number: 1 where all of them hold, less where any does not."
        )
    return column


def _require_values(frame: pl.DataFrame) -> None:
    for name in ("model", "item"):
        if frame[name].null_count():
            missing = frame[name].is_null().arg_true()
            raise BadInput(
                f"column {name!r}, row {missing[0] + 1}: missing ({len(missing)} such rows). Fill it in, or leave these rows out."
            )
    infinite = frame["score"].is_infinite().fill_null(value=False).arg_true()
    if len(infinite):
        raise BadInput(
            f"column 'score', row {infinite[0] + 1}: {frame['score'][infinite[0]]} ({len(infinite)} such rows)."
        )
    if frame["score"].null_count() == frame.height:
        raise BadInput("column 'score' holds no number at all: every row is missing or NaN.")
    if "split" in frame.columns:
        levels = frame["split"].unique().cast(pl.String).drop_nulls()
        if not levels.is_in(SPLITS).all():
            split = frame["split"].cast(pl.String)
            bad = (~split.is_in(SPLITS) & split.is_not_null()).arg_true()
            raise BadInput(
                f"column 'split', row {bad[0] + 1}: {value(split[bad[0]])!r} is not one of {', '.join(SPLITS)} "
                f"({len(bad)} such rows). Say what is unseen with --unseen instead, e.g. --unseen \"split == 'test'\"."
            )


def _require_range(scores: pl.Series, score_range: tuple[float, float] | None) -> None:
    if score_range is None:
        return
    low, high = score_range
    if not low < high:
        raise BadInput(f"a score range needs low < high, got {low}:{high}.")
    bad = ((scores < low) | (scores > high)).fill_null(value=False).arg_true()
    if len(bad):
        raise BadInput(
            f"column 'score', row {bad[0] + 1}: {scores[bad[0]]} lies outside the range {low:g} … {high:g} "
            f"({len(bad)} such rows). Set --range LOW:HIGH to what the scorer can give."
        )


def _require_human(human: pl.Series, kind: ScoreKind) -> None:
    """Human scores are on the judge's scale, and there are some."""
    if human.null_count() == len(human):
        raise BadInput(
            "--human: the column holds no number at all, every row is missing. Leave --human out, or give a human's "
            "score on rows drawn at random."
        )
    bad = ((human < kind.low) | (human > kind.high) | human.is_infinite()).fill_null(value=False).arg_true()
    if len(bad):
        raise BadInput(
            f"--human: row {bad[0] + 1} holds {human[bad[0]]:g}, outside the range {kind.low:g} … {kind.high:g} of the "
            f"judge's score ({len(bad)} such rows). Give human scores on the judge's scale, or set --range LOW:HIGH to "
            "what both can give."
        )


def _score_kind(frame: pl.DataFrame, score_range: tuple[float, float] | None, *, loss: bool) -> ScoreKind:
    scores = frame["score"]
    # A missing score is neither 0 nor 1, and counts as fitting: null passes `all`.
    zero_or_one = bool(((scores == 0.0) | (scores == 1.0)).all())
    if score_range is not None and score_range != (0.0, 1.0):
        return ScoreKind("bounded", *score_range)
    if zero_or_one:
        return ScoreKind("binary")
    if loss and score_range is None and ((scores == 0.0) | (scores == -1.0)).all():
        # An error of 0 and 1, negated: its range is known as that of a score of 0 and 1 is.
        return ScoreKind("bounded", -1.0, 0.0)
    if score_range is not None or (scores.min() >= 0 and scores.max() <= 1):  # type: ignore[operator]
        return ScoreKind("bounded")
    return ScoreKind("unbounded", float("-inf"), float("inf"))
