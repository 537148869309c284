"""U205: saturated or uninformative items."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from unseen.checks._irt import Grid, grid
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject, guarded
from unseen.checks.details.models import SolvedByAll
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import mean_estimate
from unseen.plain_text import counted

THRESHOLD = 0.5
MAX_LISTED = 100


class UninformativeItems(Check):
    """Counts items that all models solve, or none."""

    code = "U205"
    title = "saturated or uninformative items"
    question = "How many items tell the models apart at all?"
    null = "none: a share"
    interest = "Context: more than half of the items solved by all models or by none are pointed out."
    method = (
        "Share of items with answers of at least two models that all of them solved, or none; an interval for a mean "
        "that respects clusters. Such an item adds nothing to any comparison of these models. Context, no finding: the "
        "next step is given where the whole interval lies above one half."
    )
    assumptions = (
        "Items are a sample of those that could be asked. Another set of models may be told apart by other items."
    )
    sources = (
        "Lord (1980), Applications of item response theory to practical testing problems, ch. 5 (item information).",
        (
            "Rodriguez et al. (2021), Evaluation examples are not equally informative: how should that "
            "change NLP leaderboards?"
        ),
    )  # fmt: skip
    example = "0.78 [0.76, 0.80] of 1,648 items tell nothing apart: 74 are solved by all 4 models, 1,218 by none."
    needs = ("responses", "several models")
    studies = ("easy2hard-bench",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for the data."""
        return [guarded(self, About("data", "all items"), lambda: self._judge(subject, grid(subject), settings))]

    def _judge(self, subject: Subject, g: Grid, settings: Settings) -> Outcome:
        answered = (g.trials > 0).sum(axis=1)
        items = np.flatnonzero(answered >= 2)
        if len(items) < settings.min_units:
            raise TooFewUnits(
                f"{len(items)} items are answered by two or more models; {settings.min_units} are needed."
            )
        right, trials = g.right[items].sum(axis=1), g.trials[items].sum(axis=1)
        every, none = right == trials, right == 0
        cluster = items if g.cluster is None else g.cluster[items]
        share = mean_estimate(
            (every | none).astype(np.float64), cluster, level=settings.level, binary=True, what="uninformative items"
        )
        text = (
            f"{share.format(2)} of {counted(len(items), 'item')} tell nothing apart: {int(every.sum()):,} are "
            f"solved by all of "
            f"{counted(len(g.models), 'model')}, {int(none.sum()):,} by none."
        )
        common: dict[str, Any] = {
            "code": self.code, "about": About("data", "all items"), "estimate": share,
            "effect": max(0.0, share.value - THRESHOLD),
            "details": self._details(subject, g, items, every, none),
        }  # fmt: skip
        step = "Nothing to do."
        if share.low > THRESHOLD:
            harder = every.sum() > none.sum()
            step = f"Replace them by {'harder' if harder else 'easier'} items: {_equivalent(share)}"
        return Context(statement=text + g.note, next_step=step, **common)

    def _details(
        self, subject: Subject, g: Grid, items: np.ndarray, every: np.ndarray, none: np.ndarray
    ) -> SolvedByAll:
        names = subject.answers.table["item"]
        solved = (tuple(str(v) for v in names[g.row[items[mask][:MAX_LISTED]]].to_list()) for mask in (every, none))
        by_all, by_none = solved
        return SolvedByAll(
            total=len(items), every=int(every.sum()), none=int(none.sum()), solved_by_all=by_all, solved_by_none=by_none,
            listed_at_most=MAX_LISTED,
        )  # fmt: skip


def _equivalent(share: Estimate) -> str:
    return f"{1 - share.value:.0%} of the items carry all that these data say of differences.".replace("%", " %")
