"""U603: whether a calibration made on seen rows holds on unseen ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unseen.checks._confident import Confident, enough, in_split, labelled, unusable
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.confidence import CalibrationMoved, bins_of
from unseen.estimates.confidence.calibration import calibration_error, equal_mass_bins
from unseen.estimates.confidence.recalibration import cross_fitted, fit_isotonic
from unseen.estimates.intervals.means import difference
from unseen.estimates.unlabelled.label_free import Rows, cbpe


class CalibrationTransfer(Check):
    """Recalibrates confidence on seen rows and reads it on unseen ones."""

    code = "U603"
    title = "calibration that does not carry over"
    question = "If I calibrate a model on what it has seen, can I trust its confidence on what it has not?"
    null = "Confidence recalibrated on seen rows claims no more on unseen rows than is right there."
    interest = "Over-confidence on unseen rows, after recalibration on seen ones, of at least smallest_gap."
    method = (
        "Isotonic recalibration by blocks of seen rows gives each unseen row a probability of being right; the "
        "estimate is its mean minus the share that is right. The interval holds the sampling error of both sides, with "
        "clusters (influence function). Beside it stand calibration errors on both sides (cross-fitted by cluster on "
        "the seen one) and the change in raw over-confidence."
    )
    assumptions = "Clusters are independent of each other. Blocks hold at least 20 seen rows."
    sources = (
        "Ovadia et al. (2019), Can you trust your model's uncertainty? Evaluating predictive uncertainty under shift.",
        "Zadrozny & Elkan (2002), Transforming classifier scores into accurate multiclass probability estimates.",
    )
    example = (
        "Recalibrated on seen rows, small-lm claims 0.52 on unseen rows and is right in 0.31: over-confident by 0.21 "
        "[0.17, 0.25]."
    )
    needs = ("responses", "confidence", "seen", "unseen")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        if (refused := unusable(self, subject)) is not None:
            return [refused]
        return [
            guarded(self, About("model", part.model), lambda p=part: self._judge(subject, p, settings))
            for part in labelled(subject)
        ]

    def _judge(self, subject: Subject, part: Confident, settings: Settings) -> Outcome:
        seen, unseen = (part.where(in_split(subject, name)[part.row]) for name in ("seen", "unseen"))
        seen.need(enough(settings), "on seen rows")
        unseen.need(enough(settings), "on unseen rows")
        rows = Rows.of(seen.confidence, seen.outcome, seen.cluster, unseen.confidence, unseen.cluster)
        claim = cbpe(rows)
        over, p = claim.error(unseen.outcome, level=settings.level)
        actual = float(unseen.outcome.mean())
        raw, _ = difference(
            unseen.confidence - unseen.outcome, unseen.cluster, seen.confidence - seen.outcome, seen.cluster,
            level=settings.level, names=("unseen", "seen"),
        )  # fmt: skip
        rng = self.rng(settings, part.model)
        refit = cross_fitted(seen.confidence, seen.outcome, seen.cluster, rng=rng)
        moved = fit_isotonic(seen.confidence, seen.outcome)(unseen.confidence)
        errors = [
            calibration_error(equal_mass_bins(c, side.outcome, side.cluster), level=settings.level, rng=rng)
            for c, side in ((refit, seen), (moved, unseen))
        ]
        said = (
            f"Recalibrated on seen rows, {part.model} claims {claim.value:.2f} on unseen rows, is right in {actual:.2f}"
        )
        return self.decide(
            about=About("model", part.model),
            estimate=over,
            p_value=p,
            found=f"{said}: over-confident by {over.format(2)}.",
            clear=f"{said}: "
            + (
                f"any over-confidence is too small to matter (difference {over.format(2)})."
                if over.high >= 0 or over.value > -settings.smallest_gap
                else f"it errs on the safe side (difference {over.format(2)})."
            ),
            next_step=(
                "Do not let thresholds tuned on seen rows decide on unseen ones: recalibrate with some labelled rows "
                "from there, or abstain beyond the seen range."
            ),
            settings=settings,
            blames=Blame((part.model,), rows_in("unseen"), measure="confidence"),
            details=CalibrationMoved(
                model=part.model,
                claimed=claim.accuracy(settings.level),
                actual=actual,
                raw_change=raw,
                ece_seen=errors[0],
                ece_unseen=errors[1],
                curve=bins_of(equal_mass_bins(moved, unseen.outcome, unseen.cluster).curve(settings.level)),
                blocks=len(np.unique(moved)),
            ),
        )
