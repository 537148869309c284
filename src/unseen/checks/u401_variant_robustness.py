"""U401: what changes when a question is asked differently."""

from __future__ import annotations

from collections.abc import Iterable

from unseen.checks._rows import scored
from unseen.checks._variants import VariantPairs, variant_pairs
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, originals, variants
from unseen.checks.details.models import RewordedFlips
from unseen.errors import TooFewUnits
from unseen.estimates.intervals.paired import paired_difference
from unseen.plain_text import counted


class VariantRobustness(Check):
    """Compares each variant with its original, per model."""

    code = "U401"
    title = "change under variants"
    question = "Does a model keep its answers when the same question is put differently?"
    null = "The mean score is the same on variants as on their originals."
    interest = "A mean loss from original to variant of at least smallest_gap of the score's range."
    method = (
        "loss = mean over pairs of score(original) − score(variant); pairs of one cluster (one original and all its "
        "variants) move together. Exact McNemar and Tango's interval where each original has one variant and scores "
        "are binary, else sign flips of whole clusters and CR2. Flips are counted both ways, since a loss of zero may "
        "hide many; worst of variants is the mean over originals of the lowest score."
    )
    assumptions = "A variant keeps the meaning and the difficulty of its original."
    sources = (
        "McNemar (1947); Tango (1998), Equivalence test and confidence interval for paired proportions.",
        "Sclar et al. (2024), Quantifying language models' sensitivity to spurious features in prompt design.",
    )
    example = (
        "small-lm loses 0.12 [0.08, 0.16] from originals to variants (400 pairs): 61 answers turn wrong, 13 turn right."
    )
    needs = ("responses", "variant_of")
    studies = ("generalization-stress-test", "semantic-sensitivity")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        outcomes = [
            guarded(self, About("model", name), lambda n=name, p=pairs: self._judge(n, p, subject, settings))
            for name, pairs in variant_pairs(subject).items()
        ]
        return outcomes or [
            self.not_applicable(
                "No model answered both an original and a variant of it.",
                "Name the original's item in a column variant_of, and keep the originals in the table.",
                unlocks=("variant_of",),
            )
        ]

    def _judge(self, name: str, pairs: VariantPairs, subject: Subject, settings: Settings) -> Outcome:
        loss, p = paired_difference(
            pairs.original, pairs.variant, pairs.cluster, rng=self.rng(settings, name), level=settings.level,
            permutations=settings.n_resamples,
        )  # fmt: skip
        if loss.units < settings.min_units:
            raise TooFewUnits(f"{name} has {counted(loss.units, 'independent original')}, not {settings.min_units}.")
        flips, rows = pairs.flips(), scored(subject)
        unit = rows.unit
        worst, before, after = pairs.worst(), float(pairs.original.mean()), float(pairs.variant.mean())
        turned = (
            f"{flips['flips_to_wrong']:,} answers turn worse and {flips['flips_to_right']:,} better; "
            f"the worst form of each question {unit.scores} {unit.shown(worst):.2f}"
        )
        numbers = pairs.told(unit)
        turn = "worse" if unit.lower or unit.graded else "wrong"
        lost = f"rise of its mean {unit.word}" if unit.lower else "mean loss"
        return self.decide(
            about=About("model", name),
            estimate=loss,
            p_value=p,
            found=f"{unit.loses(name)} {loss.format(2)} from originals to variants: {numbers}; {turned}.",
            clear=f"{name} shows no {lost} from originals to variants that matters "
            f"({loss.format(2)}): {numbers}; {turned}.",
            next_step=f"Read the answers that turned {turn}; report the worst form beside the mean, and train or prompt over "
            "several forms of each question.",
            settings=settings,
            scale=rows.scale,
            blames=Blame((name,), variants(), originals()),
            shared=f"{unit.change} from originals to variants",
            details=RewordedFlips(
                model=name, **flips, mean_original=before, mean_variant=after, worst=worst, loss=loss
            ),
        )  # fmt: skip
