"""U001: duplicate or conflicting responses."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import polars as pl

from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject
from unseen.checks.details.data import Copies
from unseen.plain_text import counted
from unseen.responses import Responses
from unseen.responses.table import Coded

SHOWN = 10


class DuplicateResponses(Check):
    """Counts answers that stand more than once for one model, item and repeat."""

    code = "U001"
    title = "duplicate or conflicting responses"
    question = "Does the same answer stand in the table twice, and do the copies agree on the score?"
    null = "none: a count"
    interest = "Any row that repeats model, item and repeat; a pair with different scores weighs more."
    method = (
        "Rows are grouped by model, item and repeat (where given). surplus = rows − groups; a group is in conflict "
        "where its scores differ. The share of surplus rows is the effect."
    )
    assumptions = "One model answers one item once per repeat: several samples of an item need a repeat column."
    sources = ("Biderman et al. (2024), Lessons from the trenches on reproducible evaluation of language models.",)
    example = "14 of 2,000 rows repeat an answer that is already there; 3 of these answers have different scores."
    needs = ("responses",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for the data."""
        answers = subject.answers
        keys, groups = duplicated_groups(answers)
        rows = len(answers)
        about = About("data", "all")
        if groups.is_empty():
            return [
                Clear(
                    code=self.code, about=about, next_step="Nothing to do.",
                    statement=f"No answer stands twice among {counted(rows, 'row')}.",
                    details=Copies(rows=rows, surplus=0, conflicts=0, examples=()),
                )
            ]  # fmt: skip
        surplus = int(groups["rows"].sum()) - groups.height
        conflicts = groups.filter(pl.col("lowest") != pl.col("highest"))
        # Unequal copies come first: they are what a person has to decide on.
        shown = groups.sort(pl.col("highest") - pl.col("lowest"), *keys, descending=[True, *([False] * len(keys))])
        verb = "repeats" if surplus == 1 else "repeat"
        return [
            Found(
                code=self.code, about=about, effect=min(1.0, surplus / rows),
                statement=f"{surplus:,} of {counted(rows, 'row')} {verb} an answer that is already there; "
                f"{conflicts.height:,} of these answers come with different scores.",
                next_step="Keep one row an answer, or name the column that tells repeated samples apart as repeat."
                + (" Find out why copies were scored differently first." if conflicts.height else ""),
                details=Copies(
                    rows=rows, surplus=surplus, conflicts=conflicts.height, examples=tuple(shown.head(SHOWN).to_dicts())
                ),
            )
        ]  # fmt: skip


def duplicated_groups(answers: Responses) -> tuple[list[str], pl.DataFrame]:
    """Key columns, and the groups with more than one row: their keys, number of rows, lowest and highest score."""
    keys = ["model", "item", *(["repeat"] if answers.has("repeat") else [])]
    # Counting rows over integers first keeps the common case, no duplicate, free of text.
    if _all_distinct([answers.codes(k) for k in keys]):
        return keys, pl.DataFrame(schema={**dict.fromkeys(keys, pl.String), "rows": pl.UInt32})
    coded = pl.DataFrame({k: answers.codes(k).codes for k in keys}).with_columns(score=pl.Series(answers.score))
    score = pl.col("score").fill_nan(None)
    groups = coded.group_by(keys).agg(rows=pl.len(), lowest=score.min(), highest=score.max()).filter(pl.col("rows") > 1)
    named = [pl.Series(k, [_level(answers, k, c) for c in groups[k].to_list()], dtype=pl.String) for k in keys]
    return keys, groups.with_columns(named)


def _all_distinct(columns: list[Coded]) -> bool:
    """Whether no two rows have the same codes in all columns."""
    # A missing value (-1) is a level of its own here.
    sizes = [len(c.levels) + 1 for c in columns]
    rows = len(columns[0].codes)
    if math.prod(sizes) > max(8 * rows, 1000):
        return pl.DataFrame([pl.Series(str(i), c.codes) for i, c in enumerate(columns)]).n_unique() == rows
    key = np.zeros(rows, dtype=np.int64)
    for column, size in zip(columns, sizes, strict=True):
        key *= size
        key += column.codes
        key += 1
    seen = np.zeros(math.prod(sizes), dtype=bool)
    seen[key] = True
    return int(np.count_nonzero(seen)) == rows


def _level(answers: Responses, name: str, code: int) -> str | None:
    return None if code < 0 else str(answers.codes(name).levels[code])
