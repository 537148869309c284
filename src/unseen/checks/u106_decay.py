"""U106: whether the score decays over time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from unseen.checks._levels import numbers, singletons
from unseen.checks._rows import scored
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, Condition, Term
from unseen.checks.details.gaps import Level, OverTime
from unseen.errors import TooFewUnits
from unseen.estimates.contrasts.curve import curve
from unseen.estimates.contrasts.trend import change_over
from unseen.estimates.intervals.codes import dense

BINS = 8


class Decay(Check):
    """Decay over time."""

    code = "U106"
    title = "decay over time"
    question = "Is the model worse on later items?"
    null = "The score has no linear trend over time."
    interest = "A fall of at least smallest_gap between the first and the last item."
    method = (
        "Least squares of the score on time; the estimate is −slope × (last − first). Items of one time share what "
        "happened then: the unit is the time where each cluster lies at one time, the cluster where each time lies in "
        "one cluster, and both where they cross. Up to 40 different times the line goes through their means, with a shock "
        "each (random-effects regression, Knapp–Hartung: t with times − 2 degrees of freedom; 5 times are needed); with "
        "more, CR2 by time and cluster, t with Satterthwaite's degrees of freedom. "
        "Means in 8 equal-sized periods are given for the picture."
    )
    assumptions = (
        "The trend is roughly straight; what else changes over time is part of it; clusters are independent, and times "
        "but for the trend."
    )
    sources = (
        "Bell & McCaffrey (2002), Bias reduction in standard errors for linear regression with multi-stage samples",
        "Cameron, Gelbach & Miller (2011), Robust inference with multiway clustering",
        "Knapp & Hartung (2003), Improved tests for a random effects meta-regression with a single covariate",
        "Yao et al. (2022), Wild-Time: a benchmark of in-the-wild distribution shift over time",
    )
    example = "model A loses 0.12 [0.07, 0.17] from the first item (2021) to the last (2024)."
    needs = ("responses", "time")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each model."""
        rows = scored(subject)
        column = subject.answers.table["time"]
        times = numbers(column)[rows.row]
        # Periods by quantile, the same for all models.
        known = times[~np.isnan(times)]
        outcomes: list[Outcome] = []
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
        for model, part in rows.each():
            about = About("model", model)

            def judge(model: str = model, part: slice = part, about: About = about) -> Outcome:
                keep = ~np.isnan(times[part])
                x, score, cluster = times[part][keep], rows.score[part][keep], rows.cluster[part][keep]
                if len(np.unique(x[:1000])) < 2 and len(np.unique(x)) < 3:
                    raise TooFewUnits(f"{model}: a trend needs 3 different times, got {len(np.unique(x))}.")
                start, end = float(x.min()), float(x.max())
                trend, p = change_over(
                    x, score, cluster, end - start, shared=dense(x)[0], level=settings.level, what="time"
                )  # fmt: skip
                periods = np.searchsorted(edges, x).astype(np.int32)
                size = len(edges) + 1
                at = np.bincount(periods, weights=x, minlength=size) / np.maximum(
                    np.bincount(periods, minlength=size), 1
                )
                try:
                    points = curve(at, periods, score, cluster, singletons=singletons(cluster)).points(settings.level)
                except TooFewUnits:
                    points = []
                decay = f"rise of its {rows.unit.word}" if rows.unit.lower else "decay"
                first, last = _when(start, column), _when(end, column)
                return self.decide(
                    about=about, estimate=-trend, p_value=p, settings=settings, scale=rows.scale,
                    blames=Blame((model,), _later(x, column)),
                    details=OverTime(model=model, start=first, end=last, levels=tuple(map(Level.of, points))),
                    found=f"{rows.unit.loses(model)} {-trend} from the first item ({first}) to the last ({last}).",
                    clear=f"{model} shows no {decay} that matters between {first} and {last} ({(-trend).format(2)}).",
                    next_step="Compare what changed in the items over time (see factor gaps); refresh training data.",
                )  # fmt: skip

            outcomes.append(guarded(self, about, judge))
        return outcomes


def _later(x: np.ndarray, column: pl.Series) -> Condition:
    """The later half of the items."""
    middle = float(np.median(x))
    from_then = middle if middle > float(x.min()) else float(x[x > middle].min())
    return Condition((Term("time", "range", f"time ≥ {_when(from_then, column)}", low=from_then),))


def _when(value: float, column: pl.Series) -> str:
    is_date = column.dtype.is_temporal() or (column.dtype == pl.String and "-" in str(column.drop_nulls()[0])[1:])
    return str(np.datetime64(int(value), "s"))[:10] if is_date else f"{value:g}"
