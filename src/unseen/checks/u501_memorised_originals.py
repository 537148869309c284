"""U501: originals against rewritten variants as evidence of memorisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from unseen.checks._rows import scored
from unseen.checks._variants import VariantPairs, variant_pairs
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, originals, variants
from unseen.checks.details.models import MemorisedFlips
from unseen.errors import TooFewUnits
from unseen.estimates.intervals.paired import mcnemar, paired_difference
from unseen.plain_text import counted


class MemorisedOriginals(Check):
    """Asks whether a model falls from originals to variants by more than the other models do."""

    code = "U501"
    title = "originals better than their variants"
    question = "Does a model know the originals by heart, rather than how to answer them?"
    null = "The loss from originals to variants is zero; with several models, it is that of the other models."
    interest = "An excess loss of at least smallest_gap of the score's range, with more answers lost than won."
    method = (
        "loss = mean of score(original) − score(variant) per model. With several models the mean loss of the others on "
        "the same pairs is taken off pair by pair, since what all models lose is the variants' own difficulty. Sign "
        "flips of whole clusters (McNemar with one model and independent pairs); asymmetry of the "
        "flips by the exact sign test."
    )
    assumptions = (
        "The other models did not memorise the same originals: a leak into all of them looks like difficulty. With one "
        "model, harder variants and memorised originals cannot be told apart."
    )
    sources = (
        "Mirzadeh et al. (2025), GSM-Symbolic.",
        "Zhang et al. (2024), A careful examination of large language model performance on grade school arithmetic.",
    )
    example = "old-lm loses 0.14 [0.09, 0.19] more than the other models do from originals to variants (300 pairs)."
    needs = ("responses", "variant_of")
    studies = ("grokking-tickets", "memorize-then-generalize", "to-grok-or-not", "xor-benign-overfitting")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        pairs = variant_pairs(subject)
        others = _mean_loss_of_others(pairs)
        outcomes = [
            guarded(self, About("model", n), lambda n=n, p=p: self._judge(n, p, others.get(n), subject, settings))
            for n, p in pairs.items()
        ]
        return outcomes or [
            self.not_applicable(
                "No model answered both an original and a variant of it.",
                "Rewrite some items (new names and numbers, same reasoning) and name the original in variant_of.",
                unlocks=("variant_of",),
            )
        ]

    def _judge(
        self, name: str, pairs: VariantPairs, others: np.ndarray | None, subject: Subject, settings: Settings
    ) -> Outcome:
        base = np.zeros(len(pairs.item)) if others is None else others
        excess, p = paired_difference(
            pairs.original - base, pairs.variant, pairs.cluster, rng=self.rng(settings, name), level=settings.level,
            permutations=settings.n_resamples,
        )  # fmt: skip
        if excess.units < settings.min_units:
            raise TooFewUnits(f"{name} has {counted(excess.units, 'independent original')}, not {settings.min_units}.")
        flips, rows = pairs.flips(), scored(subject)
        unit = rows.unit
        not_lost = f"{name}'s {unit.word} does not rise" if unit.lower else f"{name} does not lose"
        asymmetry = mcnemar(flips["flips_to_wrong"], flips["flips_to_right"])
        more = f"more than {'those of ' if unit.lower else ''}the other models do " if others is not None else ""
        changed = (
            f"{counted(flips['pairs'], 'pair')}, {flips['flips_to_wrong']:,} turn worse and "
            f"{flips['flips_to_right']:,} better"
        )
        alone = "" if others is not None else " Harder variants would look the same: no other model was there to tell."
        return self.decide(
            about=About("model", name),
            estimate=excess,
            p_value=max(p, asymmetry) if others is None else p,
            found=f"{unit.loses(name)} {excess.format(2)} {more}from originals to variants ({changed}).{alone}",
            clear=f"{not_lost} {more or 'more than chance '}from originals to variants "
            f"({excess.format(2)}; {changed}).",
            next_step=f"Look for the originals in the training data, report the {unit.word} on variants, and compare with a "
            "model that cannot have seen them.",
            settings=settings,
            scale=rows.scale,
            blames=Blame((name,), variants(), originals(), measure="excess"),
            shared=f"{unit.change} {more}from originals to variants",
            details=MemorisedFlips(
                model=name, **flips, loss=float(np.mean(pairs.original - pairs.variant)),
                loss_of_others=None if others is None else float(base.mean()), p_flips=asymmetry, excess=excess,
            ),
        )  # fmt: skip


def _mean_loss_of_others(pairs: Mapping[str, VariantPairs]) -> dict[str, np.ndarray]:
    """Mean loss of the other models on each pair of a model; no entry where some pair has no other model."""
    if len(pairs) < 2:
        return {}
    size = max(int(p.item.max()) for p in pairs.values()) + 1
    total, count = np.zeros(size), np.zeros(size)
    for p in pairs.values():
        total[p.item] += p.original - p.variant
        count[p.item] += 1
    losses: dict[str, np.ndarray] = {}
    for name, p in pairs.items():
        n = count[p.item] - 1
        if np.all(n > 0):
            losses[name] = (total[p.item] - (p.original - p.variant)) / n
    return losses
