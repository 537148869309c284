"""U101: how much is lost from seen to unseen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from unseen.checks._judged import Human, corrected_gap, human_scores, uncorrected
from unseen.checks._rows import Scored, percent, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, side
from unseen.checks.details.gaps import SidesCompared
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.means import difference, mean_estimate, share_retained

# Means, standard errors and correlations go through the same sums for each of the three estimates.
Side = tuple[np.ndarray, np.ndarray]


class SeenUnseenGap(Check):
    """Compares each model's mean score on seen and on unseen rows."""

    code = "U101"
    title = "seen to unseen gap"
    question = "How much does each model lose from items like those it was trained on to items beyond them?"
    null = "The mean score is the same on seen and on unseen items."
    interest = "An unseen mean that lies below the seen one by at least smallest_gap of the score's range."
    method = (
        "gap = mean(seen) − mean(unseen), share retained = mean(unseen) / mean(seen). Sums per cluster give the "
        "variance (CR2 under an estimated cluster effect), with what clusters on both sides share; binary scores get "
        "Newcombe's hybrid of Wilson intervals, other scores t, with Satterthwaite's degrees of freedom where rows are "
        "clustered; p is one minus the level at which the interval touches zero. Where one or two clusters hold most "
        "rows, fewer than 2 degrees of freedom are left, and nothing is estimated. The "
        "share retained has Fieller's interval. The p-value is two-sided; only a loss is found. Where a judge gave the "
        "scores and humans scored at least 10 units a side (--human), each side's mean is the prediction-powered one: "
        "mean_L(y) + λ·(mean_U(f) − mean_L(f)), y a human's and f the judge's score, λ tuned; the interval and the test "
        "are the hybrid of the sides' limits at their effective sizes."
    )
    assumptions = (
        "Clusters are independent of each other. The gap mixes what is unseen with what is merely harder: U107 takes "
        "difficulty out of it, U203 does so item by item."
    )
    sources = (
        "Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.",
        "Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples.",
        "Angelopoulos, Duchi & Zrnic (2023), PPI++: efficient prediction-powered inference.",
        "Donner & Zou (2012), Closed-form intervals for functions of the normal mean and standard deviation.",
    )
    example = (
        "small-lm scores 0.91 [0.89, 0.93] on 1,200 seen items and 0.41 [0.37, 0.45] on 640 unseen ones: it loses 0.50 "
        "[0.46, 0.54] and retains 45 % [41 %, 50 %]."
    )
    needs = ("responses", "seen", "unseen")
    studies = ("chomsky-hierarchy", "complexity-ood", "omega", "scylla")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        answers, rows = subject.answers, scored(subject)
        if not answers.has("split"):
            return [_no_split(self)]
        seen, unseen = rows.take(answers.is_split("seen")), rows.take(answers.is_split("unseen"))
        human = human_scores(subject)
        outcomes = [
            guarded(
                self,
                About("model", name),
                lambda n=name, p=part: self._judge(n, rows, p, seen[p], unseen[p], human, settings),
            )
            for name, part in rows.each()
        ]
        return outcomes or [_no_split(self)]

    def _judge(
        self, name: str, rows: Scored, part: slice, seen: np.ndarray, unseen: np.ndarray, human: Human | None,
        settings: Settings,
    ) -> Outcome:  # fmt: skip
        score, cluster = rows.score[part], rows.cluster[part]
        a, b = (score[seen], cluster[seen]), (score[unseen], cluster[unseen])
        means = [
            mean_estimate(*side, level=settings.level, binary=rows.binary, what=f"the mean of {name} on {label} items")
            for side, label in ((a, "seen"), (b, "unseen"))
        ]
        short = min(means, key=lambda m: m.units)
        if short.units < settings.min_units:
            raise TooFewUnits(
                f"{name} has {means[0].units} independent seen units and {means[1].units} unseen ones; "
                f"a gap needs {settings.min_units} a side."
            )
        unit = rows.unit
        corrected = corrected_gap(human, rows, part, seen, unseen, level=settings.level) if human else None
        if corrected:
            means, gap, p, retained = corrected.means, corrected.gap, corrected.p_value, corrected.retained
            basis = corrected.source
        else:
            gap, p = difference(*a, *b, level=settings.level, names=("seen", "unseen"))
            # A part of a loss is retained by nobody.
            retained = None if unit.lower else _retained(a, b, settings)
            basis = f"{means[0].units:,} and {means[1].units:,} independent units"
        sides = (
            f"{name} {unit.scores} {unit.mean(means[0]).format(2)} on seen items and {unit.mean(means[1]).format(2)} on unseen "
            f"ones ({basis})"
        )
        loses = "rises by" if unit.lower else "loses"
        by_judge = "" if corrected else uncorrected(human)
        most = settings.gap_that_matters * rows.scale
        kept = f", and retains {percent(retained)}" if retained and not unit.lower else ""
        return self.decide(
            about=About("model", name),
            estimate=gap,
            p_value=p,
            found=f"{sides}: it {loses} {gap.format(2)}{kept}.{by_judge}",
            clear=f"{sides}: any loss is smaller than {most:.3g} (difference {gap.format(2)}).{by_judge}",
            next_step=(
                "Unseen items may be harder as well as unfamiliar: read U107 for what is lost within the same kind of "
                "item, U203 for the gap at equal difficulty, "
                "U102 and U104 for where it opens."
            ),
            settings=settings,
            scale=rows.scale,
            blames=Blame((name,), side("unseen"), side("seen")),
            details=SidesCompared(
                model=name,
                seen=means[0],
                unseen=means[1],
                gap=gap,
                retained=retained,
                corrected=corrected.details() if corrected else None,
            ),
        )


def _retained(a: Side, b: Side, settings: Settings) -> Any:
    """The share retained, or None where the seen mean is not clearly above zero."""
    try:
        return share_retained(*a, *b, level=settings.level, names=("seen", "unseen"))
    except Undefined:
        return None


def _no_split(check: Check) -> Outcome:
    return check.not_applicable(
        "No labelled rows are marked as seen and unseen.",
        "Say what is unseen (--unseen 'digits > 2'), or give a split column.",
        unlocks=("split",),
    )
