"""U503: whether the score falls abruptly at a cutoff date."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unseen.checks._levels import numbers, split_codes
from unseen.checks._rows import Scored, scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.gaps import AtCutoff, Placebo
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.trend import jump
from unseen.estimates.intervals.codes import distinct

FloatArray = NDArray[np.float64]
PLACEBOS = 4
# Two times a side determine its line; two more leave something to judge its error by.
TIMES_A_SIDE = 4


class Cutoff(Check):
    """Discontinuity at a cutoff date."""

    code = "U503"
    title = "discontinuity at a cutoff date"
    question = "Does the score fall abruptly where the training data end?"
    null = "The expected score is continuous in time at the cutoff."
    interest = "A fall of at least smallest_gap at the cutoff."
    method = (
        "The cutoff is the boundary where the split is a clean cut in time: all seen items before all unseen ones. "
        "Local linear regression with a triangular kernel on each side, bandwidth h = 1.84·sd(time)·n^(−1/5) with n "
        "the number of units or of different times, whichever is smaller, at least wide enough for min_units rows and "
        "4 times a side; the fall is the left limit minus the right limit. Items of one time share what happened then: "
        "up to 40 times the line goes through their means, with a shock each (Knapp–Hartung); with more, CR2 by time "
        "and cluster, t with Satterthwaite's degrees of freedom. The same is done at 4 placebo cutoffs inside the "
        "sides; the p-value is at least the share of cutoffs (this one included) whose |t| reaches that of the true "
        "one, where placebos reject more often than 5 %."
    )
    assumptions = "Nothing else changes abruptly at the cutoff; the score is smooth in time elsewhere."
    sources = (
        "Hahn, Todd & van der Klaauw (2001), Identification and estimation of treatment effects with a "
        "regression-discontinuity design",
        "Lee & Card (2008), Regression discontinuity inference with specification error",
        "Imbens & Lemieux (2008), Regression discontinuity designs: a guide to practice",
        "Roberts et al. (2024), To the cutoff and beyond? A longitudinal perspective on LLM data contamination",
    )
    example = "model A falls by 0.15 [0.08, 0.22] at the cutoff 2021-09-01; no placebo cutoff shows such a fall."
    needs = ("responses", "seen", "unseen", "time")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model."""
        rows, (seen, unseen) = scored(subject), split_codes(subject)
        column = subject.answers.table["time"]
        times = numbers(column)[rows.row]
        known = ~np.isnan(times)
        before, after = times[seen & known], times[unseen & known]
        if not len(before) or not len(after) or before.max() >= after.min():
            return [
                self.not_applicable(
                    "The split is not a clean cut in time: seen and unseen items overlap in time.",
                    "Give the cutoff as a split: --unseen 'time >= \"2024-01-01\"'.",
                )
            ]
        cutoff = float(after.min())
        outcomes: list[Outcome] = []
        for model, part in rows.each():
            about = About("model", model)

            def judge(model: str = model, part: slice = part, about: About = about) -> Outcome:
                keep = known[part] & (seen[part] | unseen[part])
                arrays = (times[part][keep], rows.score[part][keep], rows.cluster[part][keep])
                return self._judge(model, about, arrays, cutoff, _when(cutoff, column), rows, settings)

            outcomes.append(guarded(self, about, judge))
        return outcomes

    def _judge(
        self, model: str, about: About, arrays: tuple[FloatArray, FloatArray, NDArray[np.integer]], cutoff: float,
        shown: str, rows: Scored, settings: Settings,
    ) -> Outcome:  # fmt: skip
        time, score, cluster = arrays
        units = distinct(cluster)
        width = bandwidth(time, cutoff, units, settings.min_units)
        fall, p = jump(time, score, cluster, cutoff, width, level=settings.level)
        placebos: list[Placebo] = []
        for side in (time < cutoff, time >= cutoff):
            for q in np.quantile(time[side], [1 / 3, 2 / 3]).tolist():
                try:
                    h = bandwidth(time[side], q, units, settings.min_units)
                    e, p_placebo = jump(time[side], score[side], cluster[side], q, h, level=settings.level)
                except (TooFewUnits, Undefined):
                    continue
                placebos.append(Placebo(q, e.value, e.low, e.high, p_placebo))
        strong = sum(x.p <= max(p, 1e-300) for x in placebos)
        rejecting = sum(x.p <= 0.05 / PLACEBOS for x in placebos)
        if rejecting:
            p = max(p, (1 + strong) / (1 + len(placebos)) if strong else p)
        note = f" {rejecting} of {len(placebos)} placebo cutoffs also show a jump." if rejecting else ""
        unit = rows.unit
        details = AtCutoff(model=model, cutoff=shown, bandwidth=width, placebos=tuple(placebos))
        return self.decide(
            about=about, estimate=fall, p_value=p, settings=settings, scale=rows.scale, details=details,
            blames=Blame((model,), rows_in("unseen"), rows_in("seen")),
            found=f"{unit.loses(model, 'falls by')} {fall} at the cutoff {shown}.{note}",
            clear=f"{model} shows no abrupt {'rise' if unit.lower else 'fall'} that matters at the cutoff {shown}.{note}",
            next_step=f"Trust only the {unit.word} after the cutoff; items before it may have been in the training data.",
        )  # fmt: skip


def bandwidth(time: FloatArray, cutoff: float, units: int, least: int) -> float:
    """Rule-of-thumb bandwidth, widened until ``least`` rows and 4 different times lie on each side of the cutoff.

    Items of one time share what happened then, so that the rule counts times where they are fewer than units.

    >>> round(bandwidth(np.arange(100.0), 50.0, 100, 10), 1)
    21.1
    """
    rule = 1.84 * float(time.std()) * max(min(units, distinct(time)), 2) ** (-0.2)
    widest = rule
    for side in (cutoff - time[time < cutoff], time[time >= cutoff] - cutoff):
        if len(side) >= least:
            widest = max(widest, 1.2 * float(np.partition(side, least - 1)[least - 1]))
        places = np.unique(side)
        if len(places) >= TIMES_A_SIDE:
            widest = max(widest, 1.2 * float(places[TIMES_A_SIDE - 1]))
    return max(widest, 1e-12)


def _when(value: float, column: pl.Series) -> str:
    is_date = column.dtype.is_temporal() or (column.dtype == pl.String and "-" in str(column.drop_nulls()[0])[1:])
    return str(np.datetime64(int(value), "s"))[:10] if is_date else f"{value:g}"
