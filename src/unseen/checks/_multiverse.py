"""Reasonable ways to make the choices of an audit, and its answers under each combination of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._keys import option_count
from unseen.checks._rows import score_scale
from unseen.checks.base import Check, Outcome, Settings, Subject
from unseen.errors import BadInput, TooFewUnits, Undefined, UnseenError
from unseen.estimates.multiverse.grid import Axis, Grid
from unseen.estimates.testing.multiplicity import benjamini_hochberg
from unseen.plain_text import names, value
from unseen.responses import Responses
from unseen.responses.columns import SPLITS, ScoreKind
from unseen.responses.frames import apply_unseen

# More tables than this take too long; choices at the end of the list are then left out, and said.
MOST_TABLES = 144
# Where more answers are missing than this share, they were never asked for.
MISSING = 0.5
OUTERMOST = 0.01
ROW, FILLED, LACKS = "row of all", "row was filled", "answer is missing"
# What a user may set, by name: the ways of each choice, or false to leave it as it is.
KNOWN = ("cluster", "unseen", "missing", "cutoff", "guessing", "repeats", "variants", "abstained", "unparsable", "outliers",
         "fdr", "correction", "checks")  # fmt: skip
ALONE = "each item alone"
CORRECTIONS = ("over models", "over models, strict", "none")


@dataclass(frozen=True, eq=False)
class Table:
    """The answers under one setting.

    Attributes:
        rows: The answers as the setting leaves them.
        once: Whether a cluster counts once on a side.
        split: Number of the split.
        scale: Range that a gap is a share of; None for that of the score.
    """

    rows: Responses
    once: bool = False
    split: int = 0
    scale: float | None = None

    def answers(self) -> Responses:
        """What a check is asked about: the rows, or the mean of each cluster on each side."""
        return _once(self.rows) if self.once else self.rows

    @property
    def range(self) -> float:
        """Range that a gap is a share of."""
        return score_scale(self.rows.labelled()) if self.scale is None else self.scale


Change = Callable[[Table], Table]


@dataclass(frozen=True, eq=False)
class Way:
    """One way to make a choice.

    Attributes:
        words: What it is called.
        change: What it does to the answers.
    """

    words: str
    change: Change = lambda table: table


@dataclass(frozen=True, eq=False)
class Turn:
    """One choice with its ways, the one that was used first."""

    name: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, eq=False)
class Choices:
    """All that is chosen.

    Attributes:
        universe: Every row of any setting, numbered.
        turns: Choices that change the answers.
        levels: Levels at which a gap is found, the one that was used first.
        corrections: How the number of models is corrected for.
        checks: Codes whose conclusions are asked anew.
        left_out: Choices that would have made too many settings.
    """

    universe: Responses
    turns: tuple[Turn, ...]
    levels: tuple[float, ...]
    corrections: tuple[str, ...]
    checks: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """All combinations: those that change the answers first."""
        axes = [Axis(t.name, tuple(w.words for w in t.ways)) for t in self.turns]
        if len(self.levels) > 1:
            axes.append(Axis("level", tuple(f"{level:.3g}" for level in self.levels)))
        if len(self.corrections) > 1:
            axes.append(Axis("correction", self.corrections))
        return Grid(tuple(axes))

    def tables(self) -> Iterator[Table]:
        """The answers under each combination, in the order of the grid; what settings begin with is worked out once."""
        yield from self._from(Table(self.universe), 0)

    def _from(self, table: Table, depth: int) -> Iterator[Table]:
        if depth == len(self.turns):
            yield table
            return
        for way in self.turns[depth].ways:
            yield from self._from(way.change(table), depth + 1)

    def decisions(self) -> list[tuple[float, str]]:
        """Level and correction of each combination, in the order of the grid."""
        return [(level, how) for level in self.levels for how in self.corrections]


def choices_of(subject: Subject, settings: Settings) -> Choices:
    """What is chosen in an audit of these answers, and the reasonable ways to choose it.

    Raises:
        BadInput: A choice that does not exist, or a way that these answers do not allow.
    """
    given = dict(subject.multiverse or {})
    if unknown := sorted(set(given) - set(KNOWN)):
        raise BadInput(f"multiverse: no choice {names(unknown)}; the choices are {', '.join(KNOWN)}.")
    answers = subject.responses
    assert answers is not None  # noqa: S101
    universe, missing = _universe(answers)
    made: list[Turn] = []
    # What changes rows first, what changes a column last: less is done anew.
    for name, ways in (
        ("missing", lambda: _missing(missing, given.get("missing"))),
        ("abstained", lambda: _left_out(universe, "abstained", "abstentions")),
        ("unparsable", lambda: _left_out(universe, "unparsable", "answers that can't be read")),
        ("repeats", lambda: _repeats(universe)),
        ("variants", lambda: _variants(universe, settings)),
        ("unseen", lambda: _splits(universe, settings, given.get("unseen"))),
        ("cutoff", lambda: _cutoffs(universe, given.get("cutoff"))),
        ("guessing", lambda: _guessing(universe)),
        ("outliers", lambda: _outliers(universe)),
        ("cluster", lambda: _clusters(universe, given.get("cluster"))),
    ):
        turn = None if given.get(name) is False else ways()
        if turn is not None and len(turn.ways) > 1:
            made.append(turn)
    left: list[str] = []
    while math.prod(len(t.ways) for t in made) > MOST_TABLES:
        left.append(made.pop(0).name)
    levels = _numbers("fdr", given.get("fdr"), (0.0001, 0.5)) or (settings.fdr, settings.fdr / 5)
    corrections = _texts("correction", given.get("correction"), CORRECTIONS) or CORRECTIONS
    if given.get("fdr") is False:
        levels = (settings.fdr,)
    if len(answers.models) < 2 or given.get("correction") is False:
        corrections = CORRECTIONS[:1]
    checks = given.get("checks", ("U101",))
    codes = tuple(str(c) for c in ([checks] if isinstance(checks, str) else checks))
    return Choices(_start(universe, made), tuple(made), levels, corrections, codes, tuple(left))


def outcomes_over(
    choices: Choices, checks: Sequence[Check], settings: Settings
) -> Iterator[tuple[Table, list[Outcome]]]:
    """What the checks answer under each setting that changes the answers, in the order of the grid."""
    for table in choices.tables():
        subject = Subject(responses=table.answers())
        made: list[Outcome] = []
        for check in checks:
            try:
                made += check.run(subject, settings)
            except (TooFewUnits, Undefined) as error:
                made.append(check.not_applicable(str(error), "Collect more independent units."))
            except UnseenError:
                raise
            except Exception as error:
                made.append(check.not_applicable(f"It failed ({type(error).__name__}: {error}).", "Leave it out."))
        yield table, made


def adjusted(p_values: Sequence[float], how: str) -> NDArray[np.float64]:
    """p-values of several models, corrected for their number.

    >>> adjusted([0.01, 0.04], "over models").tolist(), adjusted([0.01, 0.04], "over models, strict").tolist()
    ([0.02, 0.04], [0.02, 0.08])
    """
    p = np.asarray(p_values, dtype=np.float64)
    if how == "none" or len(p) < 2:
        return p
    return np.minimum(p * len(p), 1.0) if how.endswith("strict") else benjamini_hochberg(p)


def _universe(answers: Responses) -> tuple[Responses, bool]:
    """Every row, with those that models owe, numbered; and whether answers are missing."""
    table = answers.table
    lacking = pl.col("score").is_null()
    for told in ("prediction", "confidence"):
        if told in table.columns:
            # An answer that nobody scored is not a missing answer.
            lacking = lacking & pl.col(told).is_null()
    table = table.with_columns(lacking.alias(LACKS), pl.lit(value=False).alias(FILLED))
    owed = _owed(table, answers)
    if owed is not None:
        table = pl.concat([table, owed], how="diagonal")
    share = table[LACKS].mean()
    some = isinstance(share, float) and 0 < share <= MISSING
    made = Responses(table.with_row_index(ROW), answers.factors, answers.score_kind, answers.notes)
    return made, some and answers.score_kind.name != "unbounded"


def _owed(table: pl.DataFrame, answers: Responses) -> pl.DataFrame | None:
    """Items that a model left out and others answered, as rows without score."""
    if len(answers.models) < 2 or answers.has("opponent"):
        return None
    first = table.unique("item", keep="first", maintain_order=True)
    pairs = table.select("model").unique(maintain_order=True).join(first.select("item"), how="cross")
    there = table.select("model", "item").unique()
    lacking = pairs.join(there, on=["model", "item"], how="anti")
    if lacking.is_empty() or len(lacking) > MISSING * len(pairs):
        return None
    own = {"score", "prediction", "confidence", "raw_answer", "repeat", "human_score", "p_true", "p_ik"}
    described = first.drop("model", *(c for c in own if c in first.columns))
    return lacking.join(described, on="item", how="left").with_columns(
        pl.lit(value=True).alias(LACKS), pl.lit(value=True).alias(FILLED)
    )


def _start(universe: Responses, turns: Sequence[Turn]) -> Responses:
    """The rows that all settings begin with: those that were filled in only where missing answers are a choice."""
    return universe if any(t.name == "missing answers" for t in turns) else universe.where(~pl.col(FILLED))


def _missing(some: bool, given: Any) -> Turn | None:
    if not some or given is False:
        return None
    out = Way("left out", lambda t: replace(t, rows=t.rows.where(~pl.col(FILLED))))
    wrong = Way("as wrong", _as_wrong)
    known = {"left out": out, "wrong": wrong, "as wrong": wrong}
    asked = _texts("missing", given, tuple(known)) or ("left out", "wrong")
    return Turn("missing answers", tuple(known[a] for a in asked))


def _as_wrong(table: Table) -> Table:
    low = table.rows.score_kind.low
    score = pl.when(pl.col(LACKS)).then(pl.lit(low)).otherwise(pl.col("score")).alias("score")
    return replace(table, rows=table.rows.with_columns(score))


def _left_out(universe: Responses, column: str, name: str) -> Turn | None:
    if not universe.has(column) or universe.table[column].dtype != pl.Boolean:
        return None
    marked = universe.table[column].fill_null(value=False)
    if not 0 < int(marked.sum()) <= MISSING * len(marked):
        return None
    kept = ~pl.col(column).fill_null(value=False)
    return Turn(name, (Way("as scored"), Way("left out", lambda t: replace(t, rows=t.rows.where(kept)))))


def _repeats(universe: Responses) -> Turn | None:
    if not universe.has("repeat"):
        return None
    first = pl.col("repeat").is_null() | (pl.col("repeat") == pl.col("repeat").min().over("model", "item"))
    if bool(universe.table.select(first.all()).item()):
        return None
    return Turn("repeated answers", (Way("all"), Way("the first", lambda t: replace(t, rows=t.rows.where(first)))))


def _variants(universe: Responses, settings: Settings) -> Turn | None:
    if not universe.has("variant_of", "split"):
        return None
    alone = universe.where(pl.col("variant_of").is_null())
    enough = all(
        alone.table.filter(pl.col("split").cast(pl.String) == side)["item"].n_unique() >= settings.min_units
        for side in ("seen", "unseen")
    )
    if not enough:
        return None
    kept = pl.col("variant_of").is_null()
    return Turn("rewritten items", (Way("counted"), Way("left out", lambda t: replace(t, rows=t.rows.where(kept)))))


def _splits(universe: Responses, settings: Settings, given: Any) -> Turn | None:
    """Other places of the border between seen and unseen: as asked, or one level of an ordered factor more or less."""
    asked = [] if given in (None, True) else [str(e) for e in ([given] if isinstance(given, str) else given)]
    if asked:
        ways = [Way("as given")]
        for number, expression in enumerate(asked, start=1):
            moved = apply_unseen(universe, expression).table["split"]
            ways.append(Way(value(expression, 60), _moved_to(moved, number)))
        return Turn("what is unseen", tuple(ways))
    for name in universe.factors.of_kind("ordered"):
        if universe.table[name].dtype.is_numeric() and (found := _borders(universe, settings, name)):
            return Turn("what is unseen", found)
    return None


def _borders(universe: Responses, settings: Settings, name: str) -> tuple[Way, ...]:
    """The border that a factor draws between the sides, and those one level off that leave enough items on both.

    Empty where the sides do not lie apart on it.
    """
    at = universe.column(name)
    seen, unseen = universe.is_split("seen"), universe.is_split("unseen")
    known = ~np.isnan(at)
    either = known & (seen | unseen)
    if not (known & seen).any() or not (known & unseen).any():
        return ()
    rising = at[known & seen].max() < at[known & unseen].min()
    if not rising and not at[known & unseen].max() < at[known & seen].min():
        return ()
    levels = np.unique(at[either])
    border = at[known & unseen].min() if rising else at[known & unseen].max()
    place = int(np.searchsorted(levels, border))
    sign = "≥" if rising else "≤"
    ways = [Way(f"{name} {sign} {border:g}")]
    for other in (levels[k] for k in (place - 1, place + 1) if 0 <= k < len(levels)):
        beyond = (at >= other) if rising else (at <= other)
        split = np.where(known & beyond, "unseen", "seen")
        if all(_items(universe, (split == side) & either) >= settings.min_units for side in ("seen", "unseen")):
            both = pl.Series("split", np.where(seen | unseen, split, "train")).cast(pl.Enum(SPLITS))
            moved = pl.select(pl.when(pl.Series(known)).then(both).otherwise(universe.table["split"])).to_series()
            ways.append(Way(f"{name} {sign} {other:g}", _moved_to(moved.alias("split"), len(ways))))
    return tuple(ways)


def _items(universe: Responses, rows: NDArray[np.bool_]) -> int:
    return len(np.unique(universe.codes("item").codes[rows]))


def _moved_to(split: pl.Series, number: int) -> Change:
    def change(table: Table) -> Table:
        moved = split.gather(table.rows.table[ROW]).alias("split")
        return replace(table, rows=table.rows.with_columns(moved), split=number)

    return change


def _cutoffs(universe: Responses, given: Any) -> Turn | None:
    kind = universe.score_kind
    if kind.name != "bounded":
        return None
    cuts = _numbers("cutoff", given, (kind.low, kind.high)) or ((kind.low + kind.high) / 2, kind.high)
    share = universe.score[~np.isnan(universe.score)]
    ways = [Way("by degrees")]
    for cut in cuts:
        right = float((share >= cut).mean()) if len(share) else 0.0
        # All right, or all wrong, is no way to score.
        if 0 < right < 1:
            words = f"right from {cut:g}" if cut < kind.high else "right at the full score"
            ways.append(Way(words, _cut_at(cut)))
    return Turn("score", tuple(ways))


def _cut_at(cut: float) -> Change:
    def change(table: Table) -> Table:
        score = (pl.col("score") >= cut).cast(pl.Float64).alias("score")
        made = table.rows.table.with_columns(score)
        return replace(table, rows=Responses(made, table.rows.factors, ScoreKind("binary"), table.rows.notes))

    return change


def _guessing(universe: Responses) -> Turn | None:
    """The score above chance, where the number of options is known: (s − 1/k) / (1 − 1/k)."""
    if universe.score_kind.name != "binary" or universe.table[FILLED].any():
        return None
    options = option_count(Subject(responses=universe))
    if options is None or len(options) != len(universe) or not np.isfinite(options).all():
        return None
    chance = pl.Series("chance", 1.0 / options)

    def change(table: Table) -> Table:
        own = chance.gather(table.rows.table[ROW])
        score = ((table.rows.table["score"] - own) / (1 - own)).alias("score")
        lowest = float(-(own / (1 - own)).max())  # type: ignore[arg-type]
        made = table.rows.table.with_columns(score)
        kind = ScoreKind("bounded", lowest, 1.0)
        return replace(table, rows=Responses(made, table.rows.factors, kind, table.rows.notes), scale=1.0)

    return Turn("guessing", (Way("as scored"), Way("chance taken off", change)))


def _outliers(universe: Responses) -> Turn | None:
    if universe.score_kind.name != "unbounded":
        return None
    score = universe.score[~np.isnan(universe.score)]
    if not len(score):
        return None
    low, high = (float(q) for q in np.quantile(score, [OUTERMOST, 1 - OUTERMOST]))
    if not low < high:
        return None
    scale = score_scale(universe.labelled())

    def change(table: Table) -> Table:
        return replace(table, rows=table.rows.with_columns(pl.col("score").clip(low, high)), scale=scale)

    return Turn("outliers", (Way("as they are"), Way("outermost 1 % drawn in", change)))


def _clusters(universe: Responses, given: Any) -> Turn | None:
    """What counts as independent: the cluster as given, each counting once, each item alone, other columns."""
    asked = [] if given in (None, True) else ([given] if isinstance(given, str) else list(given))
    own = universe.cluster_column
    ways = [Way("as given" if own == "cluster" else ALONE)]
    if own == "cluster":
        several = universe.n_levels("cluster") < universe.n_levels("item")
        if several and not asked:
            ways += [Way("as given, each counting once", lambda t: replace(t, once=True)), Way(ALONE, _by("item"))]
    for name in asked:
        column = "item" if name in (None, "none", "item", ALONE) else str(name)
        if column not in universe.table.columns:
            raise BadInput(
                f"multiverse: no column {value(column, 40)!r} to cluster by; the columns are "
                f"{names(universe.table.columns)}."
            )
        if column not in (own, "cluster"):
            ways.append(Way(ALONE if column == "item" else column, _by(column)))
    return Turn("clusters", tuple(ways))


def _by(column: str) -> Change:
    def change(table: Table) -> Table:
        # What names no cluster stands for itself.
        own = pl.coalesce(pl.col(column).cast(pl.String), pl.col("item").cast(pl.String)).alias("cluster")
        return replace(table, rows=table.rows.with_columns(own))

    return change


def _once(rows: Responses) -> Responses:
    """The mean of each cluster on each side, as one row."""
    table = rows.labelled().table
    kept = [c for c in ("model", "cluster", "split") if c in table.columns]
    made = table.group_by(kept, maintain_order=True).agg(pl.col("score").mean(), pl.col("item").first())
    made = made.with_columns(pl.col("cluster").cast(pl.String).alias("item")) if "split" not in kept else made.with_columns(
        pl.format("{} ({})", pl.col("cluster").cast(pl.String), pl.col("split").cast(pl.String)).alias("item")
    )  # fmt: skip
    kind = rows.score_kind
    return Responses(
        made, rows.factors, ScoreKind("bounded", kind.low, kind.high) if kind.name == "binary" else kind, rows.notes
    )


def _numbers(name: str, given: Any, within: tuple[float, float]) -> tuple[float, ...]:
    if given in (None, True, False):
        return ()
    listed = list(given) if isinstance(given, list | tuple) else [given]
    try:
        made = tuple(float(x) for x in listed)
    except (TypeError, ValueError):
        raise BadInput(f"multiverse: {name} takes numbers, got {value(given, 60)!r}.") from None
    if bad := [x for x in made if not within[0] <= x <= within[1]]:
        raise BadInput(f"multiverse: {name} lies from {within[0]:g} to {within[1]:g}, got {bad[0]:g}.")
    return made


def _texts(name: str, given: Any, known: Sequence[str]) -> tuple[str, ...]:
    if given in (None, True, False):
        return ()
    listed = [given] if isinstance(given, str) else list(given)
    if bad := [x for x in listed if x not in known]:
        raise BadInput(f"multiverse: {name} is one of {', '.join(known)}; got {value(bad[0], 40)!r}.")
    return tuple(listed)


def side_codes(tables: Sequence[Table], size: int) -> NDArray[np.int8]:
    """Sides of all rows under each split, shape (rows, splits): 0 seen, 1 unseen, -1 neither."""
    made = np.full((size, 1 + max((t.split for t in tables), default=0)), -1, dtype=np.int8)
    for table in tables:
        at = table.rows.table[ROW].to_numpy()
        for code, side in enumerate(("seen", "unseen")):
            made[at[table.rows.is_split(side)], table.split] = code
    return made


__all__ = ["ALONE", "ROW", "Choices", "Table", "adjusted", "choices_of", "outcomes_over", "side_codes"]
