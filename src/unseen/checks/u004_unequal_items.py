"""U004: models that answered different items."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unseen.checks._rows import item_means
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject
from unseen.checks.details.data import ItemsAnswered
from unseen.plain_text import counted

SHOWN = 10


class UnequalItems(Check):
    """Compares the sets of items that models answered."""

    code = "U004"
    title = "models answered different items"
    question = "Were the models asked the same items, so that their means can be compared?"
    null = "none: a count"
    interest = "Any item that one model answered and another did not."
    method = (
        "union = items answered by any model, common = items answered by all. coverage(model) = its items / union. The "
        "effect is 1 − common / union. Where models differ, their means are also given on the common items."
    )
    assumptions = "Items are matched by identifier (readers match by content where identifiers differ)."
    sources = ("Rubin (1976), Inference and missing data.",)
    example = "2 of 3 models left out items: 1,940 of 2,000 items were answered by all; tiny-lm answered 1,960."
    needs = ("responses", "several models")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for the data."""
        means = item_means(subject)
        if len(means) < 2:
            return [
                self.not_applicable(
                    "Only one model has scores, so that there is nothing to compare.",
                    "Add the responses of another model.",
                    unlocks=("several models",),
                )
            ]
        answered = np.bincount(np.concatenate([m.item for m in means.values()]))
        union, common = int(np.count_nonzero(answered)), int(np.count_nonzero(answered == len(means)))
        about = About("data", "all")
        counts = {name: len(m.item) for name, m in means.items()}
        if common == union:
            return [
                Clear(
                    code=self.code, about=about, next_step="Nothing to do.",
                    statement=f"All {len(means)} models answered the same {counted(union, 'item')}.",
                    details=ItemsAnswered(union=union, common=common, answered=counts, examples=()),
                )
            ]  # fmt: skip
        short = min(counts, key=lambda name: (counts[name], name))
        lacking = sum(count < union for count in counts.values())
        levels = subject.answers.codes("item").levels
        missing = np.setdiff1d(np.flatnonzero(answered), means[short].item)[:SHOWN]
        on_common = {name: _common_mean(m.item, m.mean, answered == len(means)) for name, m in means.items()}
        return [
            Found(
                code=self.code, about=about, effect=1 - common / union,
                statement=f"{lacking} of {len(means)} models left out items: {common:,} of {counted(union, 'item')} were "
                f"answered by all; {short} answered {counts[short]:,}.",
                next_step=_step(common),
                details=ItemsAnswered(
                    union=union, common=common, answered=counts, means_on_common=on_common,
                    examples=tuple({"item": str(levels[i]), "missing_from": short} for i in missing),
                ),
            )
        ]  # fmt: skip


def _step(common: int) -> str:
    if not common:
        return (
            "No item was answered by all models, so that their scores can't be compared: give them the same items, or audit each "
            "by itself. If the items are the same under other names, name the column they share: --item-column COLUMN."
        )
    return (
        "Compare models on the items they share (the paired checks do), and find out whether the missing answers are failures: a "
        "refusal or a timeout is a wrong answer, not a missing one."
    )


def _common_mean(item: np.ndarray, mean: np.ndarray, is_common: np.ndarray) -> float | None:
    chosen = mean[is_common[item]]
    return float(chosen.mean()) if len(chosen) else None
