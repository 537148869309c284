"""U003: too few units for the gap that matters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from unseen.checks._judged import Human, corrected_gap, human_scores
from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Clear, Context, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.gaps import Detectable
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.intervals.means import cluster_robust, difference, normal_quantile
from unseen.estimates.testing.power import LEAST_TIMES, detectable_from_error, error_of, told_times, units_to_decide
from unseen.plain_text import counted

# Scores of one side, and the sampling units of its rows.
Side = tuple[np.ndarray, np.ndarray]


class TooFewUnitsForGap(Check):
    """Computes the smallest gap that each model's rows could show."""

    code = "U003"
    title = "too few units for the gap"
    question = "Is there enough data to see a gap that matters, and if not, how much is missing?"
    null = "none: a property of the design"
    interest = "A smallest detectable gap above gap_that_matters of the score's range, of a model whose gap U101 leaves undecided."
    judged_by = "U101"
    method = (
        "δ = (z_{1−α/2} + z_{0.8})·SE, SE that of U101's gap (half its interval over the normal quantile) and α the level "
        "at which the audit tests U101 of one model, its correction for all tests included. Where no split is given, nobody "
        "has asked for a gap: then as context, of two halves of the rows (SE = 2·SE of the mean) and α = fdr. Units to "
        "collect so that every gap is told from zero or from gap_that_matters: those of U101 and of `unseen plan`, "
        "(SE⁺·(z_{1−α/2} + z_{1−(1−level)/2}) / gap_that_matters)² times as many, SE⁺ the upper 80 % limit of SE."
    )
    assumptions = "More units would vary as those seen do."
    sources = (
        "Card et al. (2020), With little power comes great responsibility.",
        "Kish (1965), Survey sampling, section 5.4.",
    )
    example = "small-lm could only show a gap of 0.18 or more (60 seen and 55 unseen units), and 0.10 matters."
    needs = ("responses",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        rows, answers = scored(subject), subject.answers
        sides = None
        if answers.has("split"):
            seen, unseen = rows.take(answers.is_split("seen")), rows.take(answers.is_split("unseen"))
            sides = (seen, unseen) if seen.any() and unseen.any() else None
        human = human_scores(subject)
        outcomes = [
            guarded(self, About("model", name), lambda n=name, p=part: self._judge(n, rows, p, sides, human, settings))
            for name, part in rows.each()
        ]
        return outcomes or [self.not_applicable("No row has a score.", "Give scores.", unlocks=("score",))]

    def _judge(
        self, name: str, rows: Scored, part: slice, sides: tuple[np.ndarray, np.ndarray] | None, human: Human | None,
        settings: Settings,
    ) -> Outcome:  # fmt: skip
        score, cluster = rows.score[part], rows.cluster[part]
        if sides is None:
            gap = _halves(score, cluster, rows, f"the mean of {name}", settings)
            counts = f"two halves of {counted(gap.units, 'independent unit')}"
        else:
            a, b = ((score[side[part]], cluster[side[part]]) for side in sides)
            corrected = (
                corrected_gap(human, rows, part, sides[0][part], sides[1][part], level=settings.level)
                if human
                else None
            )
            gap = corrected.gap if corrected else _gap(a, b, rows, name, settings)
            counts = f"{distinct(a[1]):,} seen and {distinct(b[1]):,} unseen units"
        outcome = self._outcome(
            name, gap, counts, rows.scale, settings.gap_that_matters, settings.fdr,
            rows.unit.word if rows.unit.lower else None,
        )  # fmt: skip
        if sides is not None:
            return outcome
        # A gap that nobody asked about is no finding: what the rows could show helps to plan.
        return Context(
            code=self.code, about=outcome.about, statement=outcome.statement, next_step=outcome.next_step, estimate=gap,
            effect=outcome.effect, details=outcome.details,
        )  # fmt: skip

    def at_level(self, outcome: Outcome, alpha: float) -> Outcome:
        """The same at the level at which the audit tests the gap of one model."""
        d = outcome.details
        if outcome.estimate is None or not isinstance(d, Detectable):
            return outcome
        return self._outcome(d.model, outcome.estimate, d.counts, d.scale, d.gap_that_matters, alpha, d.of)

    def beside(self, outcome: Outcome, judged: Outcome) -> Outcome:
        """No finding where U101 has decided the gap: more units would only narrow it."""
        d = outcome.details
        if not isinstance(outcome, Found) or not isinstance(judged, Found | Clear) or not isinstance(d, Detectable):
            return outcome
        word = "found" if isinstance(judged, Found) else "clear"
        told = f"{outcome.statement.rstrip('.')}; but its gap is decided without more: {word} (U101)."
        fields: dict[str, Any] = {
            "code": self.code, "about": outcome.about, "estimate": outcome.estimate,
            "details": replace(d, decided=word),
        }  # fmt: skip
        return Clear(statement=told, next_step="Nothing to do.", **fields)

    def _outcome(
        self, name: str, gap: Estimate, counts: str, scale: float, matters: float, alpha: float, of: str | None
    ) -> Outcome:
        word = of or "score"
        smallest = detectable_from_error(error_of(gap), alpha=alpha) / scale
        times, needed = units_to_decide(gap, matters * scale, alpha=alpha)
        details = Detectable(
            model=name, smallest_detectable=smallest, gap_that_matters=matters, level_tested=alpha,
            units=gap.units, times=times, units_needed=needed, standard_error=error_of(gap),
            counts=counts, scale=scale, of=of,
        )  # fmt: skip
        common: dict[str, Any] = {"code": self.code, "about": About("model", name), "estimate": gap, "details": details}
        collect = (
            f"about {told_times(times)} times as many independent units ({needed:,} instead of {gap.units:,}), spread as these "
            "are; more rows of the same clusters help less."
        )
        if smallest <= matters:
            undecided = f"To tell every gap from zero or from {matters:.2f}, collect {collect}"
            return Clear(
                next_step="Nothing to do." if times <= LEAST_TIMES else undecided, **common,
                statement=f"{name} could show a gap of {smallest:.3f} of the {word}'s range with 80 % power ({counts}).",
            )  # fmt: skip
        shows = f"only show a gap of {smallest:.2f} of the {word}'s range or more ({counts})"
        if smallest > 1:
            shows = f"show no gap at all ({counts}: not even one of the whole range of the {word})"
        return Found(
            effect=min(1.0, smallest - matters), next_step=f"Collect {collect}", **common,
            statement=f"{name} could {shows}, and {matters:.2f} matters.",
        )  # fmt: skip


def _gap(a: Side, b: Side, rows: Scored, name: str, settings: Settings) -> Estimate:
    """The gap of U101; where a constant side leaves it without one, an interval as of one unit that differs."""
    for side, word in ((a, "seen"), (b, "unseen")):
        if not len(side[0]):
            raise TooFewUnits(f"the {word} mean of {name} has no row.")
    try:
        return difference(*a, *b, level=settings.level, names=("seen", "unseen"))[0]
    except Undefined:
        errors = [_floor(distinct(side[1]), rows.scale) for side in (a, b)]
        units = distinct(np.concatenate([a[1], b[1]]))
        return _around(float(a[0].mean() - b[0].mean()), math.hypot(*errors), units, settings)


def _halves(score: np.ndarray, cluster: np.ndarray, rows: Scored, what: str, settings: Settings) -> Estimate:
    _, variance, _, units = cluster_robust(score, cluster, what=what)
    return _around(0.0, 2 * (math.sqrt(variance) if variance > 0 else _floor(units, rows.scale)), units, settings)


def _floor(units: int, scale: float) -> float:
    """Standard error of a side without variation: that of one unit that differs."""
    p = 1 / (units + 1)
    return scale * math.sqrt(p * (1 - p) / max(1, units))


def _around(value: float, error: float, units: int, settings: Settings) -> Estimate:
    half = normal_quantile((1 - settings.level) / 2) * error
    return Estimate(value, value - half, value + half, units, "normal, cluster-robust (CR2)", settings.level)
