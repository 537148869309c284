"""Judgements of a column of probabilities of being right: of confidence (U601 to U603), of P(True) (U605), of P(IK) (U606)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from unseen.checks._confident import Confident, enough, in_split, labelled, on, splits, unusable
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, Undecided, guarded
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.confidence import (
    AtCoverage,
    BrierParts,
    Calibration,
    CalibrationMoved,
    RankingByConfidence,
    RankingMoved,
    bins_of,
)
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.confidence.calibration import brier, calibration_error, calibration_test, equal_mass_bins
from unseen.estimates.confidence.ranking_quality import auroc, auroc_difference, risk_coverage
from unseen.estimates.confidence.recalibration import cross_fitted, fit_isotonic
from unseen.estimates.intervals.means import difference, mean_estimate
from unseen.estimates.unlabelled.label_free import Rows, cbpe

# A confidence that ranks below this is of little use for abstaining, whatever its calibration.
USEFUL = 0.6
# With fewer effective clusters their own covariance is too rough a guess to call an error small: intervals covered .87 to .89,
# and one error in ten of the size that matters was cleared (12 to 14 clusters of very uneven sizes, or one of 60 %).
CLEARING = 10.0


@dataclass(frozen=True, slots=True)
class Signal:
    """A column that tells how likely an answer is right.

    Attributes:
        column: Its name in the table.
        words: What it is called in a sentence.
        mend: What is to be done where it is miscalibrated.
    """

    column: str
    words: str
    mend: str

    @property
    def shown(self) -> str | None:
        """What a picture calls it, where that is not confidence."""
        return None if self.column == "confidence" else self.words


CONFIDENCE = Signal(
    "confidence", "confidence", "U603 tells whether that carries over to unseen rows"
)  # fmt: skip


def calibration(
    check: Check, signal: Signal, rows: Confident, split: str, about: About, settings: Settings
) -> Outcome:  # fmt: skip
    """Whether the column means what it says, on the rows of one side."""
    rows.need(enough(settings), on(split))
    data = (rows.confidence, rows.outcome, rows.cluster)
    bins = equal_mass_bins(*data)
    error = calibration_error(bins, level=settings.level, rng=check.rng(settings, rows.model, split))
    lean = mean_estimate(rows.confidence - rows.outcome, rows.cluster, level=settings.level, what="over-confidence")
    parts = brier(*data, bins=bins, level=settings.level)
    if lean.excludes(0.0):
        leaning = f"{'over' if lean.value > 0 else 'under'}-confident by {_size(lean).format(2)}"
    else:
        leaning = "neither over- nor under-confident on average"
    missed = f"its {signal.words} misses the {rows.unit.share} by {error.format(2)} on average"
    carrying = bins.dof + 1
    rough = (
        f"Not decided ({check.title}): {missed}, but about {carrying:.0f} clusters carry these rows, too few to call an "
        "error small."
    )
    return check.decide(
        about=about,
        estimate=error,
        p_value=calibration_test(*data),
        found=f"{rows.model} is {leaning} {on(split)}: {missed}.",
        clear=f"{rows.model}'s {signal.words} can be read as a probability {on(split)} (calibration error "
        f"{error.format(2)}).",
        next_step=(
            f"Recalibrate with temperature scaling or isotonic regression on held-out rows before its {signal.words} "
            f"decides anything; {signal.mend}."
        ),
        settings=settings,
        too_rough=rough if carrying < CLEARING else "",
        instead=f"Collect rows of more clusters: at least {CLEARING:.0f} of about equal size.",
        blames=Blame((rows.model,), rows_in(split), measure="confidence"),
        shared=f"{signal.words} misses the {rows.unit.share} by {{}} {on(split)}",
        details=Calibration(
            model=rows.model,
            split=split,
            signal=signal.shown,
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


def ranking(
    check: Check, signal: Signal, rows: Confident, split: str, about: About, settings: Settings, beside: str = ""
) -> Outcome:
    """Whether the column tells right from wrong answers, on the rows of one side.

    Args:
        check: The check that asks.
        signal: The column.
        rows: Rows of one model and side.
        split: The side.
        about: What the outcome is about.
        settings: The user's settings.
        beside: A clause on how another column ranks the same rows.
    """
    rows.need(enough(settings), on(split))
    data = (rows.confidence, rows.outcome, rows.cluster)
    area, two_sided = auroc(*data, level=settings.level, against=USEFUL)
    p = two_sided / 2
    details = RankingByConfidence(
        model=rows.model, split=split, signal=signal.shown, auroc=area, aurc=None, excess_aurc=None, risk_coverage=()
    )  # fmt: skip
    try:
        risk = risk_coverage(*data, level=settings.level)
        points = tuple(AtCoverage.read(point) for point in risk.curve)
        details = replace(details, aurc=risk.aurc, excess_aurc=risk.excess, risk_coverage=points)
    except (TooFewUnits, Undefined):
        pass
    common: dict[str, Any] = {
        "code": check.code, "about": about, "estimate": area, "details": details,
        "p_value": p if area.value < USEFUL else 1 - p, "effect": min(1.0, 2 * max(0.0, USEFUL - area.value)),
    }  # fmt: skip
    name, where = rows.model, on(split)
    over = f"answers without {rows.unit.word} above others" if rows.unit.lower else "right above wrong answers"
    clear = f"{name}'s {signal.words} ranks {over} {where} in {area.value:.0%} of pairs".replace("%", " %")
    clear = f"{clear} (AUROC {area.format(2)}, 0.5 is chance){beside}."
    otherwise: Clear | Undecided
    if area.low > USEFUL - settings.gap_that_matters:
        otherwise = Clear(statement=clear, next_step="Nothing to do.", **common)
    else:
        otherwise = check.undecided(
            settings=settings,
            statement=f"Whether {signal.words} ranks is not decided: {clear}",
            next_step=f"Collect more rows: good and bad answers are both needed to tell whether {signal.words} ranks.",
            **common,
        )
    if area.value < USEFUL and p <= settings.fdr:
        worse = f"Answers with {rows.unit.word}" if rows.unit.lower else "Wrong answers"
        upside = f" {worse} are the more confident ones." if area.high < 0.5 else ""
        return Found(
            statement=f"{name}'s {signal.words} does not rank {where}: AUROC {area.format(2)}, where 0.5 is chance{beside}."
            f"{upside}",
            next_step=f"Do not abstain or route by this {signal.words}; try another one (margin, agreement of samples).",
            otherwise=otherwise,
            blames=Blame((name,), rows_in(split), measure="confidence"),
            shared=f"{signal.words} ranks {where} with an AUROC of {{}}, where 0.5 is chance",
            **common,
        )
    return otherwise


def transfer(
    check: Check, signal: Signal, subject: Subject, part: Confident, about: About, settings: Settings
) -> Outcome:
    """Whether the column, recalibrated on seen rows, claims no more on unseen ones than is right there."""
    seen, unseen = sides(subject, part, settings)
    rows = Rows.of(seen.confidence, seen.outcome, seen.cluster, unseen.confidence, unseen.cluster)
    claim = cbpe(rows)
    over, p = claim.error(unseen.outcome, level=settings.level)
    actual = float(unseen.outcome.mean())
    raw, _ = difference(
        unseen.confidence - unseen.outcome, unseen.cluster, seen.confidence - seen.outcome, seen.cluster,
        level=settings.level, names=("unseen", "seen"),
    )  # fmt: skip
    rng = check.rng(settings, part.model)
    refit = cross_fitted(seen.confidence, seen.outcome, seen.cluster, rng=rng)
    moved = fit_isotonic(seen.confidence, seen.outcome)(unseen.confidence)
    bins = [equal_mass_bins(c, side.outcome, side.cluster) for c, side in ((refit, seen), (moved, unseen))]
    errors = [calibration_error(one, level=settings.level, rng=rng) for one in bins]
    if signal.shown is None:
        said = (
            f"Recalibrated on seen rows, {part.model} claims {claim.value:.2f} on unseen rows, "
            f"{part.unit.right_in(f'{actual:.2f}')}"
        )
    else:
        said = (
            f"Recalibrated on seen rows, {part.model}'s {signal.words} claims {claim.value:.2f} on unseen rows, where "
            f"{actual:.2f} {part.unit.share_there}"
        )
    return check.decide(
        about=about,
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
        shared=f"recalibrated on seen rows, {signal.words} claims {{}} too much on unseen ones",
        details=CalibrationMoved(
            model=part.model,
            signal=signal.shown,
            claimed=claim.accuracy(settings.level),
            actual=actual,
            raw_change=raw,
            ece_seen=errors[0],
            ece_unseen=errors[1],
            curve=bins_of(bins[1].curve(settings.level)),
            blocks=len(np.unique(moved)),
        ),
    )


def ranking_kept(
    check: Check, signal: Signal, subject: Subject, part: Confident, about: About, settings: Settings
) -> Outcome:
    """Whether the column ranks on unseen rows as it does on seen ones."""
    seen, unseen = sides(subject, part, settings)
    areas = [auroc(s.confidence, s.outcome, s.cluster, level=settings.level)[0] for s in (seen, unseen)]
    lost, p = auroc_difference(
        *((s.confidence, s.outcome, s.cluster) for s in (seen, unseen)), level=settings.level
    )  # fmt: skip
    told = f"AUROC {areas[0].value:.2f} on seen and {areas[1].value:.2f} on unseen rows"
    name = f"{part.model}'s {signal.words}"
    return check.decide(
        about=about,
        estimate=lost,
        p_value=p,
        found=f"{name} ranks worse on unseen rows by {lost.format(2)}: {told}.",
        clear=f"{name} ranks unseen rows no worse than seen ones, or too little worse to matter (difference {lost.format(2)}): "
        f"{told}.",
        next_step="Choose what to answer, or to whom to route, by something that was tried on unseen rows.",
        settings=settings,
        blames=Blame((part.model,), rows_in("unseen"), measure="confidence"),
        shared=f"{signal.words} ranks worse on unseen rows by {{}}",
        details=RankingMoved(model=part.model, signal=signal.words, seen=areas[0], unseen=areas[1], lost=lost),
    )


def sides(subject: Subject, part: Confident, settings: Settings) -> tuple[Confident, Confident]:
    """The seen and the unseen rows.

    Raises:
        TooFewUnits: A side has too few independent units.
    """
    seen, unseen = (part.where(in_split(subject, name)[part.row]) for name in ("seen", "unseen"))
    seen.need(enough(settings), "on seen rows")
    unseen.need(enough(settings), "on unseen rows")
    return seen, unseen


def _size(lean: Estimate) -> Estimate:
    return lean if lean.value > 0 else -lean


class CheckOfSelfKnowledge(Check):
    """A check of what a model says of its own answers: calibration and ranking on each side, and what carries over.

    Attributes:
        signal: The column.
    """

    signal: ClassVar[Signal]

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """Calibration and ranking a model and side; where there are two sides also what becomes of both on the unseen one."""
        if (refused := unusable(self, subject)) is not None:
            return [refused]
        made: list[Outcome] = []
        for part in labelled(subject, self.signal.column):
            found = list(splits(subject, part))
            for split, rows in found[1:] if len(found) == 3 else found[:1]:
                where = "" if split == "all" else f", {split} rows"
                made += [
                    guarded(self, a, lambda r=rows, s=split, a=a: calibration(self, self.signal, r, s, a, settings))
                    for a in [About("slice", f"{part.model}: calibration{where}")]
                ]
                made += [
                    guarded(self, a, lambda r=rows, s=split, a=a: self._ranks(subject, r, s, a, settings))
                    for a in [About("slice", f"{part.model}: ranking{where}")]
                ]
            if len(found) == 3:
                made += [
                    guarded(self, a, lambda p=part, a=a, judge=judge: judge(self, self.signal, subject, p, a, settings))
                    for a, judge in (
                        (About("slice", f"{part.model}: calibration kept"), transfer),
                        (About("slice", f"{part.model}: ranking kept"), ranking_kept),
                    )
                ]  # fmt: skip
        return made

    def _ranks(self, subject: Subject, rows: Confident, split: str, about: About, settings: Settings) -> Outcome:
        beside = _beside_confidence(self.signal, subject, rows, settings)
        return ranking(self, self.signal, rows, split, about, settings, beside)


def _beside_confidence(signal: Signal, subject: Subject, rows: Confident, settings: Settings) -> str:
    """How the model's confidence ranks the same rows, as a clause; empty where there is none, or it is the same column."""
    responses = subject.responses
    if responses is None or not responses.has("confidence"):
        return ""
    other = responses.column("confidence")[rows.row]
    both = ~np.isnan(other)
    if not both.any() or np.array_equal(other[both], rows.confidence[both]):
        return ""
    shared = (rows.outcome[both], responses.cluster[rows.row[both]])
    try:
        gap, _ = auroc_difference((rows.confidence[both], *shared), (other[both], *shared), level=settings.level)
    except (TooFewUnits, Undefined):
        return ""
    word = "better than" if gap.low > 0 else "worse than" if gap.high < 0 else "not told apart from"
    return f"; {word} its confidence on these rows (difference {gap.format(2)})"
