"""U003: too few units for the gap that matters."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from unseen.checks._rows import Scored, many, scored
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, guarded
from unseen.errors import TooFewUnits
from unseen.estimates.means import cluster_robust
from unseen.estimates.power import detectable_from_error


class TooFewUnitsForGap(Check):
    """Computes the smallest gap that each model's rows could show."""

    code = "U003"
    title = "too few units for the gap"
    question = "Is there enough data to see a gap that matters, and if not, how much is missing?"
    null = "none: a property of the design"
    interest = "A smallest detectable gap above gap_that_matters of the score's range."
    method = (
        "δ = (z_{1−α/2} + z_{0.8})·√(SE_seen² + SE_unseen²) with cluster-robust (CR2) standard errors; where no split "
        "is given, two halves of the rows, δ = 2.80·2·SE. A binary side without variation counts as one "
        "success short of constant. Units to collect grow with (δ / gap_that_matters)²."
    )
    assumptions = "More units would vary as those seen do; the sides share no clusters (sharing makes δ smaller)."
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
        outcomes = [
            guarded(self, About("model", name), lambda n=name, p=part: self._judge(n, rows, p, sides, settings))
            for name, part in rows.each()
        ]
        return outcomes or [self.not_applicable("No row has a score.", "Give scores.", unlocks=("score",))]

    def _judge(
        self, name: str, rows: Scored, part: slice, sides: tuple[np.ndarray, np.ndarray] | None, settings: Settings
    ) -> Outcome:
        score, cluster = rows.score[part], rows.cluster[part]
        if sides is None:
            error, units = _error(score, cluster, rows, f"the mean of {name}")
            spread, counts = 2 * error, f"two halves of {many(units, 'independent unit')}"
        else:
            a, b = (
                _error(score[side[part]], cluster[side[part]], rows, f"the {word} mean of {name}")
                for side, word in zip(sides, ("seen", "unseen"), strict=True)
            )
            spread, counts, units = math.hypot(a[0], b[0]), f"{a[1]:,} seen and {b[1]:,} unseen units", a[1] + b[1]
        smallest = detectable_from_error(spread, alpha=1 - settings.level) / rows.scale
        times = (smallest / settings.gap_that_matters) ** 2
        details = {
            "model": name, "smallest_detectable": smallest, "gap_that_matters": settings.gap_that_matters,
            "units": units, "units_needed": math.ceil(units * times), "standard_error": spread,
        }  # fmt: skip
        about = About("model", name)
        if smallest <= settings.gap_that_matters:
            return Clear(
                code=self.code, about=about, details=details, next_step="Nothing to do.",
                statement=f"{name} could show a gap of {smallest:.3f} of the score's range with 80 % power ({counts}).",
            )  # fmt: skip
        return Found(
            code=self.code, about=about, details=details, effect=min(1.0, smallest - settings.gap_that_matters),
            statement=f"{name} could only show a gap of {smallest:.2f} of the score's range or more ({counts}), "
            f"and {settings.gap_that_matters:.2f} matters.",
            next_step=f"Collect about {times:.1f} times as many independent units "
            f"({math.ceil(units * times):,} instead of {units:,}), spread as these are; more rows of the same "
            "clusters help less.",
        )  # fmt: skip


def _error(score: np.ndarray, cluster: np.ndarray, rows: Scored, what: str) -> tuple[float, int]:
    """Standard error of a mean and its units; a side without variation gets that of one unit that differs."""
    if not len(score):
        raise TooFewUnits(f"{what} has no row.")
    _, variance, _, units = cluster_robust(score, cluster, what=what)
    p = 1 / (units + 1)
    floor = rows.scale * math.sqrt(p * (1 - p) / units)
    return (math.sqrt(variance) if variance > 0 else floor), units
