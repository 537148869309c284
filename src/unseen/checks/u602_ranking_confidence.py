"""U602: whether confidence tells right from wrong answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from unseen.checks._confident import Confident, each_split, enough, on, subject_of
from unseen.checks.base import Check, Clear, Found, Outcome, Settings, Subject, Undecided
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.confidence import AtCoverage, RankingByConfidence
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.confidence.ranking_quality import auroc, risk_coverage

# A confidence that ranks below this is of little use for abstaining, whatever its calibration.
USEFUL = 0.6


class RankingConfidence(Check):
    """Tests whether right answers are more confident than wrong ones."""

    code = "U602"
    title = "confidence that does not rank"
    question = "Can a model's confidence tell its right answers from its wrong ones?"
    null = "A right answer is more confident than a wrong one in at least 60 of 100 pairs (AUROC of at least 0.6)."
    interest = "An AUROC below 0.6: abstaining on the least confident answers would hardly help."
    method = (
        "AUROC = P(confidence of a right answer > confidence of a wrong one) + ½ P(equal), with a clustered (CR2) "
        "variance of placement values (Obuchowski's, DeLong's for independent rows); one-sided test against 0.6. The area under "
        "the risk–coverage curve, and its excess over the best ranking, come with it."
    )
    assumptions = "Scores are 0 and 1. Clusters are independent of each other."
    sources = (
        "Obuchowski (1997), Nonparametric analysis of clustered ROC curve data.",
        "DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under correlated ROC curves.",
        "Geifman & El-Yaniv (2017), Selective classification for deep neural networks.",
    )
    example = "small-lm's confidence does not rank on unseen rows: AUROC 0.52 [0.48, 0.56], where 0.5 is chance."
    needs = ("responses", "confidence")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model and split."""
        return each_split(self, subject, lambda split, rows: self._judge(split, rows, settings))

    def _judge(self, split: str, rows: Confident, settings: Settings) -> Outcome:
        rows.need(enough(settings), on(split))
        data = (rows.confidence, rows.outcome, rows.cluster)
        area, two_sided = auroc(*data, level=settings.level, against=USEFUL)
        p = two_sided / 2
        details = RankingByConfidence(
            model=rows.model, split=split, auroc=area, aurc=None, excess_aurc=None, risk_coverage=()
        )  # fmt: skip
        try:
            risk = risk_coverage(*data, level=settings.level)
            points = tuple(AtCoverage.read(point) for point in risk.curve)
            details = replace(details, aurc=risk.aurc, excess_aurc=risk.excess, risk_coverage=points)
        except (TooFewUnits, Undefined):
            pass
        common: dict[str, Any] = {
            "code": self.code, "about": subject_of(rows.model, split), "estimate": area, "details": details,
            "p_value": p if area.value < USEFUL else 1 - p, "effect": min(1.0, 2 * max(0.0, USEFUL - area.value)),
        }  # fmt: skip
        name, where = rows.model, on(split)
        clear = f"{name}'s confidence ranks right above wrong answers {where} in {area.value:.0%} of pairs".replace(
            "%", " %"
        )
        clear = f"{clear} (AUROC {area.format(2)}, 0.5 is chance)."
        otherwise: Clear | Undecided
        if area.low > USEFUL - settings.gap_that_matters:
            otherwise = Clear(statement=clear, next_step="Nothing to do.", **common)
        else:
            otherwise = self.undecided(
                settings=settings,
                statement=f"Whether confidence ranks is not decided: {clear}",
                next_step="Collect more rows: right and wrong answers are both needed to tell whether confidence ranks.",
                **common,
            )
        if area.value < USEFUL and p <= settings.fdr:
            upside = " Wrong answers are the more confident ones." if area.high < 0.5 else ""
            return Found(
                statement=f"{name}'s confidence does not rank {where}: AUROC {area.format(2)}, where 0.5 is chance."
                f"{upside}",
                next_step="Do not abstain or route by this confidence; try another one (margin, agreement of samples).",
                otherwise=otherwise,
                blames=Blame((name,), rows_in(split), measure="confidence"),
                **common,
            )
        return otherwise
