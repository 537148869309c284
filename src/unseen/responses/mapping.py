"""What the user says of their columns: which is the model, the item, the score, what is a factor, what is unseen."""

from __future__ import annotations

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
from unseen.responses.alone import items_named
from unseen.responses.columns import ROLES, SPLITS, is_text
from unseen.responses.comparisons import two_rows_each
from unseen.responses.expressions import columns_used, unknown_column
from unseen.responses.notes import Note
from unseen.responses.predictions import refuse_as_score, scored_predictions
from unseen.responses.words import may_be_score, negated, scores_from_words

# Field of Mapping → role column, and the option to name in messages.
ROLE_OF: dict[str, tuple[str, str]] = {
    "model_column": ("model", "--model-column"), "item_column": ("item", "--item-column"),
    "score": ("score", "--score"), "cluster": ("cluster", "--cluster"), "split": ("split", "--split"),
    "time": ("time", "--time"), "confidence": ("confidence", "--confidence"), "human": ("human_score", "--human"),
    "variant_of": ("variant_of", "--variant-of"), "parent": ("parent", "--parent"),
    "question": ("question", "--question"), "prediction": ("prediction", "--prediction"),
    "target": ("target", "--target-column"), "repeat": ("repeat", "--repeat"),
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
        prompts: Whether to read how each item was asked too, where a log tells it (column ``as_asked``).
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
    prompts: bool = False

    @classmethod
    def of(cls, **columns: Any) -> Mapping:
        """Build a mapping from options as they are typed: ranges as ``"0:1"``, factors as ``["digits:ordered"]``.

        Raises:
            BadInput: An option has no such name, or its value can't be read.

        >>> Mapping.of(score_range="0:10", factors=["digits:ordered", "site"]).factors
        {'digits': 'ordered', 'site': None}
        """
        known = {f.name for f in fields(cls)} - {"prompts"}
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
            pair = (self.columns["target"], self.columns["prediction"]) if self.pairs else None
            if (made := scored_predictions(table, confidence=has, kept=both, named=pair)) is not None:
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
                and not (role in TEXT_ROLES and c in self.factors) and (role != "question" or is_text(table[c]))
                and not (c in LOOSE and (c in self.factors or not may_be_score(table[c])))
            )  # fmt: skip
            if (first := next(free, None)) is not None:
                found[role] = first
        return found

    @property
    def pairs(self) -> bool:
        """Whether the user named both the right answers and the model's, so that scores can be made."""
        return {"target", "prediction"} <= self.columns.keys()

    def roles(self, table: pl.DataFrame) -> dict[str, str]:
        """Role → column of a table, whether the user named it, it has our name, or it is guessed."""
        own = {role: role for role in ROLES if role in table.columns}
        return self.guessed(table, self.columns) | own | self.columns

    @property
    def aliases(self) -> dict[str, str]:
        """The user's name of a column → our name, for conditions."""
        return {column: role for role, column in self.columns.items() if column != role}


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
    if not is_text(column):
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


__all__ = ["SYNONYMS", "Mapping"]
