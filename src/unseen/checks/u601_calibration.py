"""U601: whether confidence means what it says."""

from __future__ import annotations

from collections.abc import Iterable

from unseen.checks._confident import Confident, each_split, enough, on, subject_of
from unseen.checks.base import Check, Outcome, Settings, Subject
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.confidence import BrierParts, bins_of
from unseen.checks.details.confidence import Calibration as Curve
from unseen.estimates import Estimate
from unseen.estimates.confidence.calibration import brier, calibration_error, calibration_test, equal_mass_bins
from unseen.estimates.intervals.means import mean_estimate


class Calibration(Check):
    """Compares confidence with the share of right answers, per model and split."""

    code = "U601"
    title = "miscalibrated confidence"
    question = "When a model says 80 %, is it right in 80 of 100 cases?"
    null = "Confidence is calibrated: P(right | confidence) = confidence."
    interest = "An expected calibration error of at least smallest_gap."
    method = (
        "ECE = Σ_b w_b |mean confidence − share right| over bins of equal mass, debiased by test inversion: the error "
        "at which gaps with their clustered noise would look as large as the observed ones. The p-value is that of a "
        "score test of calibration intercept 0 and slope 1, with clusters. The Brier score is split into reliability, "
        "resolution, uncertainty and within-bin terms, which add up exactly."
    )
    assumptions = "Confidence is a probability of being right. Clusters are independent of each other."
    sources = (
        "Kumar, Liang & Ma (2019), Verified uncertainty calibration.",
        "Roelofs et al. (2022), Mitigating bias in calibration error estimation.",
        "Stephenson, Coelho & Jolliffe (2008), Two extra components in the Brier score decomposition.",
        "Cox (1958), Two further applications of a model for binary regression.",
    )
    example = (
        "small-lm is over-confident by 0.12 [0.10, 0.14] on unseen rows: its confidence misses the share of right "
        "answers by 0.13 [0.11, 0.15] on average."
    )
    needs = ("responses", "confidence")
    studies = ()

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model and split."""
        return each_split(self, subject, lambda split, rows: self._judge(split, rows, settings))

    def _judge(self, split: str, rows: Confident, settings: Settings) -> Outcome:
        rows.need(enough(settings), on(split))
        data = (rows.confidence, rows.outcome, rows.cluster)
        bins = equal_mass_bins(*data)
        error = calibration_error(bins, level=settings.level, rng=self.rng(settings, rows.model, split))
        lean = mean_estimate(rows.confidence - rows.outcome, rows.cluster, level=settings.level, what="over-confidence")
        parts = brier(*data, bins=bins, level=settings.level)
        if lean.excludes(0.0):
            leaning = f"{'over' if lean.value > 0 else 'under'}-confident by {_size(lean).format(2)}"
        else:
            leaning = "neither over- nor under-confident on average"
        missed = f"its confidence misses the share of right answers by {error.format(2)} on average"
        return self.decide(
            about=subject_of(rows.model, split),
            estimate=error,
            p_value=calibration_test(*data),
            found=f"{rows.model} is {leaning} {on(split)}: {missed}.",
            clear=f"{rows.model}'s confidence can be read as a probability {on(split)} (calibration error "
            f"{error.format(2)}).",
            next_step=(
                "Recalibrate with temperature scaling or isotonic regression on held-out rows before its confidence "
                "decides anything; U603 tells whether that carries over to unseen rows."
            ),
            settings=settings,
            blames=Blame((rows.model,), rows_in(split), measure="confidence"),
            details=Curve(
                model=rows.model,
                split=split,
                curve=bins_of(bins.curve(settings.level)),
                ece=error,
                over_confidence=lean,
                brier=BrierParts(
                    parts.score,
                    parts.reliability,
                    parts.resolution,
                    parts.uncertainty,
                    parts.within_variance,
                    parts.within_covariance,
                ),
            ),
        )


def _size(lean: Estimate) -> Estimate:
    return lean if lean.value > 0 else -lean
