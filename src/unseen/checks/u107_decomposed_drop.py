"""U107: how much of a drop is another mix of items, how much is lost within one kind, and how much has no counterpart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import Levels, all_levels, split_codes
from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, side
from unseen.checks.details.gaps import DropInParts
from unseen.estimates.contrasts.decomposition import decompose
from unseen.estimates.contrasts.logistic import mixed_radix
from unseen.plain_text import names

# A factor whose levels overlap less than this between the sides defines the split rather than explains the drop.
MIN_OVERLAP = 0.5
MIN_SUPPORT = 0.7


class DecomposedDrop(Check):
    """A drop from seen to unseen, taken apart."""

    code = "U107"
    title = "a drop taken apart"
    question = "Is the model worse on unseen items of the same kind, or are the unseen items of another kind?"
    null = "Within the combinations of levels that both sides share, seen and unseen items are scored alike."
    interest = "A within-level part of at least smallest_gap."
    method = (
        "Cells are combinations of levels. mix = Σ(w_s − w_u)(r_s + r_u)/2, within (details: difficulty) = Σ(w_s + "
        "w_u)/2·(r_s − r_u) over "
        "cells that both sides share, remainder = the part of cells that only one side has; they add up "
        "exactly. Factors "
        "enter by their overlap between the sides, as long as 70 % of the rows of each side stay in shared cells; a "
        "factor with overlap below 50 % defines the split and is named instead. Delta-method intervals, t with a CR2 "
        "variance by cluster and Satterthwaite's degrees of freedom."
    )
    assumptions = (
        "The factors name what makes items different; what they leave out counts as lost within the same kind of item."
    )
    sources = (
        "Kitagawa (1955), Components of a difference between two rates",
        "Oaxaca (1973); Blinder (1973)",
        "Ñopo (2008), Matching as a tool to decompose wage gaps",
    )
    example = (
        "model A: of a drop of 0.30, 0.25 [0.19, 0.31] is lost within the same kind of item (template), 0.05 is another "
        "mix of items, 0.00 beyond comparison."
    )
    needs = ("responses", "seen", "unseen", "factors")
    studies = ("complexity-ood",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model."""
        rows, factors, (seen, unseen) = scored(subject), all_levels(subject), split_codes(subject)
        chosen, defining = choose_factors(factors, seen, unseen)
        if not chosen:
            names = ", ".join(f.name for f in defining) or "none"
            return [
                self.not_applicable(
                    f"Every factor differs so much between seen and unseen that it defines the split "
                    f"({names}): there is "
                    "nothing to compare like with like.",
                    "Add a factor that both sides share (template, operation, domain).",
                )
            ]
        cell = mixed_radix([f.codes for f in chosen], [f.size for f in chosen])
        used = seen | unseen
        outcomes: list[Outcome] = []
        for model, part in rows.each():
            keep = used[part]
            arrays = (cell[part][keep], seen[part][keep], rows.score[part][keep], rows.cluster[part][keep])
            about = About("model", model)

            def judge(model: str = model, arrays: Any = arrays, about: About = about) -> Outcome:
                return self._judge(model, about, arrays, chosen, defining, rows, settings)

            outcomes.append(guarded(self, about, judge))
        return outcomes

    def _judge(
        self, model: str, about: About, arrays: Any, chosen: list[Levels], defining: list[Levels], rows: Scored,
        settings: Settings,
    ) -> Outcome:  # fmt: skip
        if not arrays[1].any() or arrays[1].all():
            return self.not_applicable(f"{model} answered only one side.", "Add its answers to the other.", about=about)
        parts = decompose(*arrays, level=settings.level)
        mix = parts.mix.format(2) if parts.mix else "0.00"
        rest = parts.remainder.format(2) if parts.remainder else "0.00"
        by = _named(chosen)
        verbs = ("define", "are") if len(defining) > 1 else ("defines", "is")
        note = f" {_named(defining)} {verbs[0]} the split and {verbs[1]} no part of the kind." if defining else ""
        details = DropInParts(
            model=model, factors=tuple(f.name for f in chosen), defines_split=tuple(f.name for f in defining),
            support=tuple(parts.support), cells=parts.cells, p_values=parts.p_values, mix=parts.mix,
            difficulty=parts.difficulty, remainder=parts.remainder, total=parts.total,
        )  # fmt: skip
        unit = rows.unit
        drop, lost = ("rise", "lies") if unit.lower else ("drop", "is lost")
        numbers = (
            f"of a {drop} of {parts.total.format(2)}, {parts.difficulty.format(2)} {lost} within the same kind of item ({by}), "
            f"{mix} is another mix of items, {rest} beyond comparison."
        )
        return self.decide(
            about=about, estimate=parts.difficulty, p_value=parts.p_values["difficulty"], settings=settings,
            scale=rows.scale, details=details, blames=Blame((model,), side("unseen"), side("seen")),
            found=f"{model}: {_unsigned(numbers)}{note}",
            clear=f"{model}: no {drop} that matters is left within the same kind of item ({_unsigned(numbers)})",
            next_step=f"What {lost} within one kind of item points at the model, or at what the factors leave out: look at unseen "
            "failures of kinds that it solves when seen.",
        )  # fmt: skip


def _named(factors: list[Levels]) -> str:
    """Names of at most three factors, and how many more there are."""
    return names([f.name for f in factors], 3)


def _unsigned(text: str) -> str:
    """A text in which no zero has a sign.

    >>> _unsigned("-0.00 [-0.00, 0.01]")
    '0.00 [0.00, 0.01]'
    """
    return re.sub(r"[-−](0\.0+)(?!\d)", r"\1", text)


def choose_factors(
    factors: list[Levels], seen: NDArray[np.bool_], unseen: NDArray[np.bool_]
) -> tuple[list[Levels], list[Levels]]:
    """Factors to compare within, and those that define the split; chosen by overlap alone, never by scores."""
    # 0 seen, 1 unseen, 2 neither: one count of cell and side serves both sides.
    side = np.where(seen, np.int8(0), np.where(unseen, np.int8(1), np.int8(2)))
    overlap = [(_overlap(_counts(f.codes, f.size, side)), f) for f in factors]
    defining = [f for o, f in overlap if o < MIN_OVERLAP]
    chosen: list[Levels] = []
    key = np.zeros(len(side), dtype=np.int64)
    for _, factor in sorted((x for x in overlap if x[0] >= MIN_OVERLAP), key=lambda x: (-x[0], x[1].name)):
        trial = key * factor.size + factor.codes
        if int(trial.max(initial=0)) > 4_000_000:
            break
        n = _counts(trial, int(trial.max()) + 1, side)
        shared = np.all(n >= 5, axis=0)
        if np.min(n[:, shared].sum(axis=1) / n.sum(axis=1)) >= MIN_SUPPORT:
            chosen, key = [*chosen, factor], trial
    return chosen, defining


def _counts(codes: NDArray[np.integer], size: int, side: NDArray[np.int8]) -> NDArray[np.int64]:
    """Rows of each code on the seen and the unseen side, shape (2, size)."""
    return np.bincount(codes.astype(np.int64) * 3 + side, minlength=3 * size).reshape(size, 3).T[:2]


def _overlap(counts: NDArray[np.int64]) -> float:
    a, b = counts
    both = (a > 0) & (b > 0)
    return float(min(a[both].sum() / a.sum(), b[both].sum() / b.sum()))
