"""Which column is what: the user's names become ours, and an expression says what is unseen."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, cast

import polars as pl

from unseen.errors import BadInput
from unseen.factors import KINDS, Kind
from unseen.responses.expressions import parse
from unseen.responses.table import Responses

# Field of the mapping → the name that the response table uses.
RENAMED = {
    "model_column": "model",
    "item_column": "item",
    "score": "score",
    "cluster": "cluster",
    "split": "split",
    "time": "time",
    "confidence": "confidence",
    "variant_of": "variant_of",
    "parent": "parent",
    "question": "question",
    "prediction": "prediction",
    "target": "target",
    "repeat": "repeat",
}


@dataclass(frozen=True)
class Mapping:
    """Names of columns, and what else the user says of a table.

    Attributes:
        model_column: Column with the model's name.
        model: Name of the one model, where no column has it.
        item_column: Column that names the item.
        score: Column with the score; a leading minus negates it (a loss).
        score_range: Lowest and highest possible score.
        cluster: Column of what was sampled together.
        factors: Factors with the kinds that the user set (None: inferred); others stay as inferred.
        unseen: Expression for the unseen rows.
        split: Column with train, seen or unseen.
        time: Column with the time of each item.
        confidence: Column with the probability of the answer.
        variant_of: Column that names the original of a rewritten item.
        parent: Column that names the composite item of a part.
        question: Column with the text of the question.
        prediction: Column with the answer given.
        target: Column with the right answer.
        repeat: Column that numbers repeated runs.
        filter: lm-eval filter to read.
        metric: Metric or scorer to read.
        format: Name of the reader to force.
    """

    model_column: str | None = None
    model: str | None = None
    item_column: str | None = None
    score: str | None = None
    score_range: tuple[float, float] | None = None
    cluster: str | None = None
    factors: dict[str, Kind | None] = field(default_factory=dict[str, "Kind | None"])
    unseen: str | None = None
    split: str | None = None
    time: str | None = None
    confidence: str | None = None
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
    def of(cls, **options: Any) -> Mapping:
        """A mapping from options as users write them: ``factors=["digits:ordered"]``, ``score_range="0:100"``.

        Raises:
            BadInput: An option that does not exist, or one that can't be read.

        >>> Mapping.of(factors=["digits:ordered", "site"], score_range="0:5").factors
        {'digits': 'ordered', 'site': None}
        """
        options = {"score_range" if k == "range" else k: v for k, v in options.items()}
        known = [f.name for f in fields(cls)]
        for name in options:
            if name not in known:
                near = get_close_matches(name, known, 3, 0.5)
                hint = f" Did you mean {', '.join(near)}?" if near else f" The options are {', '.join(known)}."
                raise BadInput(f"there is no option {name!r}.{hint}")
        if options.get("factors") is not None:
            options["factors"] = _factors(options["factors"])
        if isinstance(options.get("score_range"), str | list | tuple):
            options["score_range"] = _range(options["score_range"])
        return cls(**{k: v for k, v in options.items() if v is not None})

    def rename(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table with our names for the columns that the user named; a column in the way is set aside.

        Raises:
            BadInput: A named column does not stand in the table.
        """
        for option, ours in RENAMED.items():
            theirs = getattr(self, option)
            if theirs is None:
                continue
            negated = option == "score" and theirs.startswith("-") and theirs not in table.columns
            theirs = theirs[1:] if negated else theirs
            if theirs not in table.columns:
                near = get_close_matches(theirs, table.columns, 3, 0.5)
                hint = f"did you mean {' or '.join(near)}?" if near else f"the columns are {', '.join(table.columns)}."
                raise BadInput(f"no column {theirs!r} for {_option(option)}; {hint}")
            if theirs != ours:
                if ours in table.columns:
                    table = table.rename({ours: f"{ours}_as_given"})
                # A column may serve twice (time as factor and as time): the original stays under its name.
                table = table.with_columns(pl.col(theirs).alias(ours))
                if ours in ("model", "item", "score", "confidence", "question", "prediction", "target"):
                    table = table.drop(theirs)
            if negated:
                table = table.with_columns(-pl.col(ours))
        if self.model is not None:
            table = table.with_columns(pl.lit(self.model).alias("model"))
        return table


def from_table(table: Any, mapping: Mapping, notes: tuple[str, ...] = ()) -> Responses:
    """Responses from a data frame and a mapping: names, validation, kinds, split.

    Raises:
        BadInput: See ``Responses.of`` and ``Mapping``.
    """
    from unseen.responses.validation import to_polars

    if isinstance(table, Responses):
        return apply_unseen(table, mapping.unseen) if mapping.unseen else table
    frame = mapping.rename(to_polars(table))
    kinds = {name: kind for name, kind in mapping.factors.items() if kind is not None}
    for name in mapping.factors:
        if name not in frame.columns:
            near = get_close_matches(name, frame.columns, 3, 0.5)
            hint = f" Did you mean {', '.join(near)}?" if near else f" The columns are {', '.join(frame.columns)}."
            raise BadInput(f"no column {name!r} for a factor.{hint}")
    responses = Responses.of(frame, score_range=mapping.score_range, kinds=kinds, notes=notes)
    # A factor that the user names is one, whatever the inference says of it.
    forced = {n: "ordered" if frame.schema[n].is_numeric() else "categorical" for n in mapping.factors}
    missing = {n: cast("Kind", k) for n, k in forced.items() if n not in responses.factors}
    if missing:
        responses = responses.with_columns(kinds=missing)
    return apply_unseen(responses, mapping.unseen) if mapping.unseen else responses


def apply_unseen(responses: Responses, expression: str) -> Responses:
    """Set the split by an expression: rows that match are unseen, all others seen.

    Raises:
        BadInput: The expression can't be read, or matches nothing or everything.
    """
    table = responses.table
    parsed = parse(expression, table.schema)
    mask = table.select(parsed.condition.fill_null(value=False).alias("m"))["m"]
    if mask.sum() in (0, table.height):
        which = "no row" if mask.sum() == 0 else "every row"
        seen = "; ".join(f"{c}: {_extent(table[c])}" for c in parsed.columns)
        raise BadInput(f"the expression {expression!r} matches {which} of {table.height}. In these data, {seen}.")
    split = pl.when(mask).then(pl.lit("unseen")).otherwise(pl.lit("seen")).cast(pl.Enum(["train", "seen", "unseen"]))
    return responses.with_columns(table.select(split.alias("split"))["split"])


def _extent(column: pl.Series) -> str:
    present = column.drop_nulls()
    if present.is_empty():
        return "no values"
    if present.dtype.is_numeric() or present.dtype.is_temporal():
        return f"{present.min()} to {present.max()}"
    levels = [str(v) for v in present.cast(pl.String, strict=False).unique().sort().to_list()]
    return ", ".join(levels[:8]) + (f" and {len(levels) - 8} more" if len(levels) > 8 else "")


def _factors(given: Iterable[str] | AnyMapping[str, Any]) -> dict[str, Kind | None]:
    if isinstance(given, AnyMapping):
        pairs = [(str(k), v) for k, v in given.items()]
    else:
        listed = [given] if isinstance(given, str) else list(given)
        pairs = [(t.rsplit(":", 1)[0], t.rsplit(":", 1)[1]) if ":" in t else (t, None) for t in listed]
    for name, kind in pairs:
        if kind is not None and kind not in KINDS:
            raise BadInput(f"factor {name!r} has kind {kind!r}; a kind is one of {', '.join(KINDS)}.")
    return {name: cast("Kind | None", kind) for name, kind in pairs}


def _range(given: str | list[Any] | tuple[Any, ...]) -> tuple[float, float]:
    parts = given.split(":") if isinstance(given, str) else list(given)
    try:
        low, high = (float(p) for p in parts)
    except (TypeError, ValueError):
        raise BadInput(f"a score range is LOW:HIGH, for example 0:100; got {given!r}.") from None
    return low, high


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
