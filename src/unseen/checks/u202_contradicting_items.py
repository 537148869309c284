"""U202: items that contradict the rest, likely because their key is wrong."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._irt import Grid, grid
from unseen.checks._rows import many, texts
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject
from unseen.estimates import Estimate
from unseen.estimates.contradiction import contradiction, models_needed
from unseen.estimates.multiplicity import benjamini_hochberg

FloatArray = NDArray[np.float64]
MAX_LISTED = 50
MAX_HINTS = 20


class ContradictingItems(Check):
    """Finds items that abler models fail and weaker ones solve."""

    code = "U202"
    title = "items that contradict the rest"
    question = "Which items do weaker models solve and stronger ones fail, so that their key is probably wrong?"
    null = (
        "For each item: stronger models (by their answers to all other items) solve it at least as "
        "often as weaker ones."
    )
    interest = "Any item with a negative association, corrected over all items that were tested."
    method = (
        "Each item's scores are correlated with the models' mean excess on all other items. One-sided permutation test "
        "of independence, exact up to 5,000 arrangements and by a Pearson III curve with the permutation's first three "
        "moments beyond; Benjamini–Hochberg over all items that some models solve and others do not. The p-value of an "
        "outcome is the adjusted one."
    )
    assumptions = (
        "Models are exchangeable under the null: many variants of one model count as one. One main dimension: an item "
        "of another kind than the rest may stand out without being wrong. Too few models can't prove it for any item."
    )
    sources = (
        "Lord & Novick (1968), Statistical theories of mental test scores, ch. 15 (item–rest correlation).",
        "Pitman (1937), Significance tests which may be applied to samples from any populations, II.",
        (
            "Rodriguez et al. (2021), Evaluation examples are not equally informative: how should that "
            "change NLP leaderboards?"
        ),
    )
    example = (
        "Item q17 is solved by 3 of the 15 weaker models and by none of the 15 stronger: item–rest correlation −0.42."
    )
    needs = ("responses", "several models")
    studies = ("easy2hard-bench",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome an item that is found (at most 50), and one for the data."""
        g = grid(subject)
        share = g.share()
        correlation, p, smallest, excess = contradiction(share, g.patterns.of_item)
        tested = np.flatnonzero(~np.isnan(p))
        data = About("data", "all items")
        if not len(tested):
            return [
                self.not_applicable(
                    "No item is solved by some models and failed by others, so that none can contradict the rest.",
                    "Add models of other strengths, or items of other difficulty.", about=data,
                )
            ]  # fmt: skip
        order = tested[np.argsort(p[tested], kind="stable")]
        hints = self._rows(
            subject, g, share, excess, correlation, p, [i for i in order[:MAX_HINTS] if correlation[i] < 0]
        )
        if float(np.nanmin(smallest)) > settings.fdr / len(tested):
            least = float(np.nanmin(smallest))
            return [
                self.not_applicable(
                    f"With {many(len(g.models), 'model')} no item can be shown to contradict the rest: the smallest "
                    f"possible p-value is {least:.2g}, and {many(len(tested), 'item')} are tested. "
                    "The details list those that look odd.",
                    f"Add answers of other models: about {models_needed(len(tested), settings.fdr)} are needed.",
                    about=data, details={"items": hints, "tested": len(tested), "smallest_p": least},
                )
            ]  # fmt: skip
        adjusted = benjamini_hochberg(p[tested])
        found = [int(i) for i, q in zip(tested, adjusted, strict=True) if q <= settings.fdr]
        found.sort(key=lambda i: (float(p[i]), i))
        q_of = dict(zip(tested.tolist(), adjusted.tolist(), strict=True))
        shown = found[:MAX_LISTED]
        rows = self._rows(subject, g, share, excess, correlation, p, shown)
        outcomes: list[Outcome] = [
            self._found(row, i, q_of[i], settings, correlation, share) for i, row in zip(shown, rows, strict=True)
        ]
        if not found:
            outcomes.append(
                Clear(
                    code=self.code, about=data, p_value=float(adjusted.min()),
                    statement=f"None of {many(len(tested), 'item')} contradicts the rest beyond chance.",
                    next_step="Nothing to do.", details={"items": hints, "tested": len(tested)},
                )
            )  # fmt: skip
        elif len(found) > MAX_LISTED:
            outcomes.append(
                Found(
                    code=self.code, about=data, p_value=float(adjusted.min()), effect=len(found) / len(tested),
                    statement=f"{len(found):,} of {many(len(tested), 'item')} contradict the rest; the {MAX_LISTED} "
                    f"clearest are listed.",
                    next_step="So many point to a wrong scorer or a second skill rather than to single keys: look at a "
                    "few first.",
                    details={"found": len(found), "tested": len(tested)},
                )
            )  # fmt: skip
        return outcomes

    def _found(
        self, row: dict[str, Any], i: int, q: float, settings: Settings, correlation: FloatArray, share: FloatArray
    ) -> Found:
        value, n = float(correlation[i]), int((~np.isnan(share[i])).sum())
        estimate = _fisher(value, n, settings.level)
        statement = (
            f"Item {row['item']} is solved by {row['weaker_right']:.0%} of the weaker models and by "
            f"{row['stronger_right']:.0%} of the stronger ones: item–rest correlation {estimate.format(2)}."
        ).replace("%", " %")
        if row["favourite"] is not None and row["favourite"] != row["target"]:
            statement += f" The stronger ones mostly answer “{row['favourite']}”; the key says “{row['target']}”."
        return Found(
            code=self.code, about=About("item", str(row["item"])), estimate=estimate, p_value=q, effect=abs(value),
            statement=statement, next_step="Check the key of this item by hand; correct it or drop the item.",
            otherwise=self.undecided(
                about=About("item", str(row["item"])), estimate=estimate, p_value=q, effect=abs(value), settings=settings,
                details=row, next_step="Check the key of this item by hand if the score rests on few items.",
                statement=f"Whether item {row['item']} contradicts the rest is not decided: {statement}",
            ), details=row,
        )  # fmt: skip

    def _rows(
        self, subject: Subject, g: Grid, share: FloatArray, excess: FloatArray, correlation: FloatArray, p: FloatArray,
        items: list[int],
    ) -> list[dict[str, Any]]:  # fmt: skip
        at = g.row[np.array(items, dtype=np.int64)]
        answers = subject.answers
        strong = excess >= np.median(excess)
        favourites = _favourites(subject, items, {g.models[m] for m in np.flatnonzero(strong)})
        names = answers.table["item"][at].to_list()
        questions, targets = texts(answers, "question", at), texts(answers, "target", at)
        rows: list[dict[str, Any]] = []
        for k, i in enumerate(items):
            weaker, stronger = share[i, ~strong], share[i, strong]
            rows.append(
                {
                    "item": str(names[k]), "question": questions[k], "target": targets[k],
                    "favourite": favourites.get(i),
                    "correlation": float(correlation[i]), "p": float(p[i]), "weaker_right": _mean(weaker),
                    "stronger_right": _mean(stronger), "n": int((~np.isnan(share[i])).sum()),
                }
            )  # fmt: skip
        return rows


def _mean(x: FloatArray) -> float:
    here = x[~np.isnan(x)]
    return float(here.mean()) if len(here) else 0.0


def _fisher(r: float, n: int, level: float) -> Estimate:
    """Correlation with Fisher's interval."""
    from scipy.special import ndtri

    half = float(ndtri(0.5 + level / 2)) / math.sqrt(max(n - 3, 1))
    centre = math.atanh(max(-0.999999, min(0.999999, r)))
    return Estimate(
        r, math.tanh(centre - half), math.tanh(centre + half), n, "item–rest correlation, Fisher's z", level
    )


def _favourites(subject: Subject, items: list[int], strong: set[str]) -> dict[int, str]:
    """What the stronger half of the models answers most often, by item."""
    answers = subject.answers
    if not items or not answers.has("prediction"):
        return {}
    codes = answers.codes("item").codes
    rows = np.flatnonzero(np.isin(codes, items))
    part = answers.table[rows].select(pl.col("model").cast(pl.String), pl.col("prediction").cast(pl.String))
    votes: dict[int, Counter[str]] = {}
    for code, (model, said) in zip(codes[rows].tolist(), part.iter_rows(), strict=True):
        if model in strong and said is not None:
            votes.setdefault(code, Counter())[said[:300]] += 1
    return {code: max(sorted(v), key=v.__getitem__) for code, v in votes.items()}
