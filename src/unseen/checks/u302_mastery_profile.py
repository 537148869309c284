"""U302: what right and wrong wholes rest on."""

from __future__ import annotations

import numpy as np

from unseen.checks._parts import CheckOfWholes, Wholes, above
from unseen.checks.base import About, Outcome, Settings
from unseen.checks.blame import Blame
from unseen.checks.blame import wholes as wholes_rows
from unseen.checks.details.models import Profiles
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.intervals.means import mean_estimate

KINDS = ("complete mastery", "inadequate generalisation", "insufficient knowledge", "rote memorisation")


class MasteryProfile(CheckOfWholes):
    """Shares of the four ways in which parts and whole can be right or wrong."""

    code = "U302"
    title = "mastery profile"
    question = "Do right answers to composite items rest on the parts, and wrong ones on missing parts?"
    null = "Wholes that are right although parts are wrong (rote memorisation) make up at most smallest_gap."
    interest = "A share of rote memorisation above smallest_gap."
    method = (
        "Complete mastery: parts and whole right. Inadequate generalisation: parts right, whole wrong. Insufficient "
        "knowledge: parts and whole wrong. Rote memorisation: parts wrong, whole right. Strict: all parts must be "
        "right; loose: at least half. Shares have simultaneous intervals: clustered Wilson at level 1 − α/4 "
        "(Goodman). The test is a one-sided score test of the strict share of rote memorisation."
    )
    assumptions = (
        "Parts are asked in the same way as the whole. A guess can be right: with few possible answers, part of the "
        "rote share is luck."
    )
    sources = (
        "Goodman (1965), On simultaneous confidence intervals for multinomial proportions.",
        "Press et al. (2023), Measuring and narrowing the compositionality gap in language models.",
    )
    example = (
        "small-lm on 180 wholes: complete mastery 0.20, inadequate generalisation 0.31, insufficient knowledge 0.40, "
        "rote memorisation 0.09 [0.04, 0.17]: right wholes often rest on wrong parts."
    )
    studies = ("dyna-babi", "omega", "prontoqa-ood")

    def judge(self, w: Wholes, settings: Settings) -> Outcome:
        """What there is to say of one model."""
        if distinct(w.cluster) < settings.min_units:
            raise TooFewUnits(
                f"{w.model} answered {len(w.item)} wholes with their parts; {settings.min_units} are needed."
            )
        strict, loose = (_profile(w, known, settings.level) for known in (w.all_right, w.most_right))
        rote = w.whole & ~w.all_right
        share = mean_estimate(rote.astype(np.float64), w.cluster, level=settings.level, binary=True, what="rote share")
        shares = ", ".join(f"{kind} {strict[kind].value:.2f}" for kind in KINDS[:3])
        said = f"{w.model} on {len(w.item):,} wholes: {shares}, rote memorisation {share.format(2)}"
        right, wrong = ("solved", "unsolved") if w.lower else ("right", "wrong")
        return self.decide(
            about=About("model", w.model),
            estimate=share,
            p_value=above(rote.astype(np.float64), w.cluster, settings.smallest_gap),
            found=f"{said}: {right} wholes rest on {wrong} parts.{w.note}",
            clear=f"{said}: few {right} wholes rest on {wrong} parts.{w.note}",
            next_step=f"Look at the answers behind it: a whole {right} without its parts was memorised, guessed or misgraded.",
            settings=settings,
            blames=Blame((w.model,), wholes_rows(), measure="parts"),
            shared=f"{{}} of wholes are {right} although parts of them are {wrong}",
            details=Profiles(model=w.model, strict=strict, loose=loose),
        )


def _kinds(w: Wholes, known: np.ndarray) -> dict[str, np.ndarray]:
    masks = (known & w.whole, known & ~w.whole, ~known & ~w.whole, ~known & w.whole)
    return dict(zip(KINDS, masks, strict=True))


def _profile(w: Wholes, known: np.ndarray, level: float) -> dict[str, Estimate]:
    wide = 1 - (1 - level) / len(KINDS)
    return {
        kind: mean_estimate(mask.astype(np.float64), w.cluster, level=wide, binary=True, what=f"the share of {kind}")
        for kind, mask in _kinds(w, known).items()
    }
