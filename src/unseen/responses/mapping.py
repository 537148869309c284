"""What the user says of their columns: which is the model, the item, the score, what is a factor, what is unseen."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.factors import KINDS, Kind
from unseen.plain_text import value as shortened
from unseen.responses.alone import called, items_named
from unseen.responses.columns import ROLES, SPLITS
from unseen.responses.comparisons import two_rows_each
from unseen.responses.expressions import columns_used, parse, unknown_column
from unseen.responses.notes import Note
from unseen.responses.predictions import refuse_as_score, scored_predictions
from unseen.responses.table import Responses
from unseen.responses.words import may_be_score, negated, scores_from_words

# Field of Mapping → role column, and the option to name in messages.
ROLE_OF: dict[str, tuple[str, str]] = {
    "model_column": ("model", "--model-column"), "item_column": ("item", "--item-column"),
    "score": ("score", "--score"), "cluster": ("cluster", "--cluster"), "split": ("split", "--split"),
    "time": ("time", "--time"), "confidence": ("confidence", "--confidence"), "human": ("human_score", "--human"),
    "variant_of": ("variant_of", "--variant-of"), "parent": ("parent", "--parent"),
    "question": ("question", "--question"), "prediction": ("prediction", "prediction="),
    "target": ("target", "target="), "repeat": ("repeat", "--repeat"),
}  # fmt: skip
# Names that mean only one thing in tables of answers; used where our own name is absent and the user named none.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "model": ("model_name", "model_id"),
    "item": (
        "item_id", "question_id", "example_id", "sample_id", "doc_id", "task_id", "problem_id", "instance_id", "id",
    ),
    "score": (
        "is_correct", "correct", "passed", "accuracy", "acc", "is_pass", "pass", "success", "exact_match", "em", "result",
        "verdict", "grade",
    ),
    "repeat": ("run", "trial", "attempt"),
    "question": ("input", "prompt"),
    "prediction": ("output", "response", "completion", "model_answer"),
    "target": ("reference", "expected", "gold", "ground_truth"),
}  # fmt: skip
# Of these, names that may as well be a column of texts or of levels: scores only where their values are.
LOOSE = ("pass", "success", "result", "verdict", "grade")
# A column of this name holds the model's answer beside a right one, and the right one beside a model's.
EITHER = "answer"
# Roles whose columns hold texts: a number of such a name is a factor.
TEXT_ROLES = ("question", "prediction", "target")
# Names of the parts of a benchmark.
PARTS = (
    "train",
    "training",
    "seen",
    "dev",
    "val",
    "valid",
    "validation",
    "eval",
    "test",
    "testing",
    "unseen",
    "id",
    "ood",
)
OTHER_NAMES = {"range": "score_range", "factor": "factors", "item": "item_column"}


@dataclass(frozen=True)
class Mapping:
    """Names of the user's columns, and what else is known of their table.

    Attributes:
        model_column: Column with the model's name.
        model: Name of the one model, where no column has it.
        item_column: Column that names the item.
        score: Column with the score, higher is better; ``-loss`` negates it.
        score_range: Lowest and highest possible score.
        cluster: Column of what was sampled together.
        factors: Name → kind; None keeps the inferred kind.
        unseen: Condition of the rows that are unseen (see ``unseen.responses.expressions``).
        split: Column with train, seen or unseen.
        time: Column with the time of each item.
        confidence: Column with the probability of the answer.
        human: Column with a human's score on some rows, drawn at random; ``score`` is then a judge's.
        variant_of: Column that names the original of a rewritten item.
        parent: Column that names the composite item of a part.
        question: Column with the text of the question.
        prediction: Column with the answer.
        target: Column with the right answer.
        repeat: Column that numbers repeated runs.
        filter: lm-eval filter to read, where a log has several.
        metric: Metric or scorer to read, where a log has several.
        format: Name of the reader to use, instead of detection.
    """

    model_column: str | None = None
    model: str | None = None
    item_column: str | None = None
    score: str | None = None
    score_range: tuple[float, float] | None = None
    cluster: str | None = None
    factors: AnyMapping[str, Kind | None] = field(default_factory=dict)
    unseen: str | None = None
    split: str | None = None
    time: str | None = None
    confidence: str | None = None
    human: str | None = None
    variant_of: str | None = None
    parent: str | None = None
    question: str | None = None
    prediction: str | None = None
    target: str | None = None
    repeat: str | None = None
    filter: str | None = None
    metric: str | None = None
    format: str | None = None

    @classmethod
    def of(cls, **columns: Any) -> Mapping:
        """Build a mapping from options as they are typed: ranges as ``"0:1"``, factors as ``["digits:ordered"]``.

        Raises:
            BadInput: An option has no such name, or its value can't be read.

        >>> Mapping.of(score_range="0:10", factors=["digits:ordered", "site"]).factors
        {'digits': 'ordered', 'site': None}
        """
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {}
        for given, value in columns.items():
            name = OTHER_NAMES.get(given, given)
            if name not in known:
                near = get_close_matches(given, [*known, *OTHER_NAMES], n=1)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                raise BadInput(f"no option {given!r}{hint} The options are {', '.join(sorted(known))}.")
            values[name] = value
        if values.get("score_range") is not None:
            values["score_range"] = _range(values["score_range"])
        values["factors"] = _factors(values.get("factors") or {})
        for name, value in values.items():
            if value is not None and name not in ("score_range", "factors") and not isinstance(value, str):
                raise BadInput(f"option {name!r} must be a text, got {value!r}.")
        return cls(**values)

    @classmethod
    def from_toml(cls, path: str | Path) -> Mapping:
        """Read the table ``[tool.unseen]`` of a TOML file, or the whole of an ``unseen.toml``.

        Dashes and underscores in names are the same. Entries ``sources``, ``train``, ``select`` and ``ignore`` belong to
        the command and are passed over.

        Raises:
            BadInput: The file can't be read, or an option has no such name.
        """
        path = Path(path)
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(f"{path}: can't be read as TOML ({error}).") from None
        table = document.get("tool", {}).get("unseen")
        if table is None:
            table = {} if path.name == "pyproject.toml" else document
        given = {str(k).replace("-", "_"): v for k, v in table.items()}
        given = {k: v for k, v in given.items() if k not in ("sources", "train", "select", "ignore")}
        try:
            return cls.of(**given)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None

    @property
    def columns(self) -> dict[str, str]:
        """Role column → the user's column, of those that were named; the score without its sign."""
        named = {role: getattr(self, name) for name, (role, _) in ROLE_OF.items() if getattr(self, name)}
        if "score" in named:
            named["score"] = named["score"].removeprefix("-")
        return named

    @property
    def negated(self) -> bool:
        """Whether the score is a loss, to be negated at the door."""
        return bool(self.score and self.score.startswith("-"))

    @property
    def kinds(self) -> dict[str, Kind]:
        """Kinds of factors that the user set."""
        return {name: kind for name, kind in self.factors.items() if kind is not None}

    def without_score(self) -> Mapping:
        """The same mapping for a log whose reader has already chosen the score by name."""
        return replace(self, score="-score" if self.negated else None, metric=self.metric or self.columns.get("score"))

    def wanted(self, columns: Iterable[str]) -> set[str]:
        """Columns of a table that this mapping names, its condition included."""
        listed = list(columns)
        names = {*self.columns.values(), *self.factors}
        if self.unseen:
            names |= set(columns_used(self.unseen, listed))
        return names & set(listed)

    def apply(self, table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """Give the columns our names; a column that is also a factor, or has two roles, is copied.

        Args:
            table: Any table of answers.

        Returns:
            The table, and notes on what was decided.

        Raises:
            BadInput: A named column does not exist; the message has near names.

        >>> frame = pl.DataFrame({"m": ["a"], "q": [1], "loss": [0.5]})
        >>> Mapping(model_column="m", item_column="q", score="-loss").apply(frame)[0].row(0)
        ('a', 1, -0.5)
        """
        notes: list[str] = []
        named = self.columns
        options = dict(ROLE_OF.values())
        for role, column in named.items():
            if column not in table.columns:
                raise BadInput(f"{options[role]}: {unknown_column(column, table.columns)}")
        pairs = two_rows_each(table, named)
        if pairs is not None:
            table, named = pairs[0], {r: c for r, c in named.items() if c in pairs[0].columns and r != "item"}
            notes += pairs[1]
        for role, column in self.guessed(table, named).items():
            named[role] = column
            notes.append(_taken(column, role))
        if "score" in named:
            refuse_as_score(named["score"], table.columns)
        elif "score" not in table.columns:
            both = {*named.values(), *self.factors, *(columns_used(self.unseen, table.columns) if self.unseen else ())}
            has = "confidence" in named or "confidence" in table.columns
            if (made := scored_predictions(table, confidence=has, kept=both)) is not None:
                table, notes = made[0], [*notes, made[1]]
        _answers(table, named, notes)
        kept = {name for name in self.factors if name in table.columns}
        table, renamed = _renamed(table, named, kept)
        notes += renamed
        if "split" in named and "split" in table.columns:
            table = _parts_as_split(table, named["split"], notes)
        if "score" in table.columns and (scores := scores_from_words(table["score"])) is not None:
            table = table.with_columns(scores[0])
            notes.append(f"Scores were read from words: {scores[1]}.")
        if self.model:
            if "model" in table.columns and "model_column" not in named and table["model"].n_unique() > 1:
                raise BadInput(
                    f"--model {self.model!r} names one model, but the column 'model' already holds "
                    f"{table['model'].n_unique()}. Leave --model out, or name another --model-column."
                )
            table = table.with_columns(pl.lit(self.model).alias("model"))
        if "item" not in table.columns and (told := items_named(table, named.get("question", "question"))) is not None:
            table, note = told
            notes.append(note)
        if self.negated:
            if not (table["score"].dtype.is_numeric() or table["score"].dtype == pl.Boolean):
                raise BadInput(f"--score -{named['score']}: the column holds {table['score'].dtype}, not numbers.")
            table = table.with_columns(-pl.col("score").cast(pl.Float64))
            if "human_score" in table.columns and table["human_score"].dtype.is_numeric():
                table = table.with_columns(-pl.col("human_score").cast(pl.Float64))
            notes.append(negated(named["score"]))
        for name, kind in self.kinds.items():
            if name not in table.columns:
                raise BadInput(f"--factor: {unknown_column(name, table.columns)}")
            table = table.with_columns(_as_kind(table[name], kind))
            if kind == "ordered":
                _require_order(table[name])
        for name in self.factors:
            if name not in table.columns:
                raise BadInput(f"--factor: {unknown_column(name, table.columns)}")
        return table, tuple(notes)

    def guessed(self, table: pl.DataFrame, named: AnyMapping[str, str]) -> dict[str, str]:
        """Role → column of the roles that neither the user nor our own names give, by names that other tools use.

        Args:
            table: Any table of answers.
            named: Role → column, of those that are known already.
        """
        found: dict[str, str] = {}
        for role, others in SYNONYMS.items():
            if role in named or role in table.columns or (role == "model" and self.model):
                continue
            free = (
                c for c in others
                if c in table.columns and c not in named.values() and c not in found.values()
                and not (role in TEXT_ROLES and c in self.factors) and (role != "question" or _is_text(table[c]))
                and not (c in LOOSE and (c in self.factors or not may_be_score(table[c])))
            )  # fmt: skip
            if (first := next(free, None)) is not None:
                found[role] = first
        return found

    def roles(self, table: pl.DataFrame) -> dict[str, str]:
        """Role → column of a table, whether the user named it, it has our name, or it is guessed."""
        own = {role: role for role in ROLES if role in table.columns}
        return self.guessed(table, self.columns) | own | self.columns

    @property
    def aliases(self) -> dict[str, str]:
        """The user's name of a column → our name, for conditions."""
        return {column: role for role, column in self.columns.items() if column != role}


def from_table(table: Any, mapping: Mapping = Mapping(), *, notes: tuple[str, ...] = ()) -> Responses:
    """Validate any data frame with the user's names of columns.

    Args:
        table: Any data frame that narwhals knows, or responses (of which only ``unseen`` is then applied).
        mapping: The user's names.
        notes: Plain sentences to carry along.

    Raises:
        BadInput: A column is missing, a value is not what its column allows, or the condition is wrong.
    """
    from unseen.responses.readers._matrices import unpivoted, without_index
    from unseen.responses.validation import require_columns, to_polars

    if isinstance(table, Responses):
        return apply_unseen(table, mapping.unseen) if mapping.unseen else table
    items = () if mapping.item_column else ("item", *SYNONYMS["item"], "question", "prompt")
    models = () if mapping.model_column or mapping.model else ("model", *SYNONYMS["model"])
    index = [name for name in getattr(getattr(table, "index", None), "names", ()) if isinstance(name, str)]
    given = to_polars(table, wanted={*mapping.columns.values(), *mapping.wanted(index)}, instead=(items, models))
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
        texts = [c for c in columns_used(expression, table.columns, aliases=aliases) if _is_text(table[c])]
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


def _renamed(table: pl.DataFrame, named: dict[str, str], kept: set[str]) -> tuple[pl.DataFrame, list[str]]:
    named = {role: column for role, column in named.items() if role != column}
    if not named:
        return table, []
    notes: list[str] = []
    times = Counter(named.values())
    added = [table[column].alias(role) for role, column in named.items()]
    # A column whose only use is its role disappears under its own name; one in two roles, or one that is itself a role, stays.
    gone = {column for column in named.values() if times[column] == 1 and column not in kept and column not in ROLES}
    for role in named:
        if role in table.columns and role not in named.values():
            notes.append(f"Column {role!r} gives way to {named[role]!r}; it is kept as 'original_{role}'.")
            table = table.rename({role: f"original_{role}"})
    table = table.drop(gone, strict=False)
    first = [s for s in added if s.name in ("model", "item", "score")]
    rest = [s for s in added if s.name not in ("model", "item", "score")]
    return table.select(*first, pl.all().exclude([s.name for s in added]), *rest), notes


def _parts_as_split(table: pl.DataFrame, column: str, notes: list[str]) -> pl.DataFrame:
    """The split from a column that the user names: one that holds ``train`` and ``test`` alone says what is unseen.

    Raises:
        BadInput: Another word; the message names the user's column.
    """
    words = table["split"].cast(pl.String)
    bad = (~words.is_in(SPLITS) & words.is_not_null()).arg_true()
    if not len(bad):
        return table
    held = sorted(words.drop_nulls().unique().to_list())
    if held == ["test", "train"]:
        notes.append(
            f"Column {column!r} holds train and test: answers in 'train' count as seen, those in 'test' as unseen."
        )
        return table.with_columns(words.replace_strict({"train": "seen", "test": "unseen"}).alias("split"))
    raise BadInput(
        f"--split: column {column!r}, row {bad[0] + 1}: {shortened(words[bad[0]])!r} is not one of {', '.join(SPLITS)} "
        f"({len(bad):,} such rows). Say what is unseen with --unseen instead, e.g. "
        f"--unseen \"{column} == '{shortened(words[bad[0]])}'\"."
    )


def _as_kind(column: pl.Series, kind: Kind) -> pl.Series:
    """A text column in the shape that a kind needs: lists for sets, numbers for ordered ones where all are numbers."""
    if column.dtype != pl.String:
        return column
    if kind == "set":
        if column.str.starts_with("[").all():
            try:
                return column.str.json_decode(pl.List(pl.String))
            except pl.exceptions.PolarsError:
                pass
        separator = next((s for s in (";", "|", ",") if column.str.contains(s, literal=True).any()), " ")
        parts = column.str.split(separator)
        return parts.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))
    if kind == "ordered":
        numbers = column.cast(pl.Float64, strict=False)
        if numbers.null_count() == column.null_count():
            return numbers
    return column


def _taken(column: str, role: str) -> Note:
    return Note.of(f"Column {column!r} was taken as the {role}.", **{role: repr(column)})


def _is_text(column: pl.Series) -> bool:
    return isinstance(column.dtype, pl.String | pl.Categorical | pl.Enum)


def _answers(table: pl.DataFrame, named: dict[str, str], notes: list[str]) -> None:
    """A column ``answer`` is the other half of a pair: the right one beside a model's, a model's beside the right one."""
    has = {role: role in named or role in table.columns for role in ("prediction", "target")}
    if EITHER in table.columns and EITHER not in named.values() and has["prediction"] != has["target"]:
        role = "target" if has["prediction"] else "prediction"
        named[role] = EITHER
        notes.append(_taken(EITHER, role))


def _require_order(column: pl.Series) -> None:
    """Refuse an order of words, which would be that of the alphabet.

    Raises:
        BadInput: A value is neither a number nor a date.
    """
    if not _is_text(column):
        return
    text = column.cast(pl.String)
    numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
    dates = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    known = text.null_count()
    if known not in (numbers.null_count(), dates.null_count()):
        bad = text.filter((numbers.is_null() | dates.is_not_null()) & text.is_not_null())
        bad = bad if len(bad) else text.drop_nulls()
        raise BadInput(
            f"--factor {column.name}:ordered: {shortened(bad[0], 60)!r} is neither a number nor a date like 2024-01-31, so that "
            f"only the alphabet would order it. Use {column.name}:categorical, or add a column with numbers."
        )


def _range(given: Any) -> tuple[float, float]:
    parts = given.split(":") if isinstance(given, str) else given
    try:
        low, high = (float(p) for p in parts)
    except (TypeError, ValueError):
        raise BadInput(f"a score range is written LOW:HIGH, such as 0:10; got {given!r}.") from None
    if not low < high:
        raise BadInput(f"a score range needs low < high, got {low:g}:{high:g}.")
    if high - low == float("inf"):
        raise BadInput(
            f"a score range needs an end on both sides, got {low:g}:{high:g}. Leave it out where there is none."
        )
    return low, high


def _factors(given: Any) -> dict[str, Kind | None]:
    pairs: list[tuple[str, Any]] = []
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, AnyMapping | list | tuple):
        raise BadInput(f'factors are names such as ["digits:ordered", "site"], got {shortened(given, 60)}.')
    if isinstance(given, AnyMapping):
        pairs = [(str(name), kind or None) for name, kind in given.items()]
    else:
        for text in given:
            name, _, kind = str(text).rpartition(":")
            pairs.append((name, kind) if name and kind in KINDS else (str(text), None))
            if name and kind not in KINDS and get_close_matches(kind, KINDS, n=1):
                raise BadInput(f"factor {text!r}: {kind!r} is not a kind; a kind is one of {', '.join(KINDS)}.")
    for name, kind in pairs:
        if kind is not None and kind not in KINDS:
            raise BadInput(f"factor {name!r}: {kind!r} is not a kind; a kind is one of {', '.join(KINDS)}.")
    return dict(pairs)


__all__ = ["Mapping", "apply_unseen", "from_table", "in_own_words"]
