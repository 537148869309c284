"""U704: claims that depend on the seed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from unseen.checks._rows import score_scale
from unseen.checks._runs import run_means
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.models import RunsOfTwo
from unseen.errors import TooFewUnits
from unseen.estimates.intervals.means import difference

# A claim that one comparison of single runs in twenty turns round depends on the seed.
REVERSED = 0.05


class SeedDependence(Check):
    """Asks how often a single run of each of two models would reverse their order."""

    code = "U704"
    title = "claims that depend on the seed"
    question = "Would another seed have put the models in another order?"
    null = "none: a share of pairs of runs"
    interest = f"Neighbours whose order turns round in more than {REVERSED:.0%} of the pairs of single runs."
    method = (
        "For neighbours a above b in the mean over runs: reversed = share of pairs (run of a, run of b) in which b is "
        "ahead, ties as one half (a Mann–Whitney statistic). The difference of means has a t interval over runs "
        "(CR2 with Satterthwaite's degrees of freedom)."
    )
    assumptions = "Runs differ by seed alone and are independent of each other."
    sources = (
        "Mann & Whitney (1947).",
        "Bouthillier et al. (2021), Accounting for variance in machine learning benchmarks.",
    )
    example = "Whether a or b is ahead depends on the seed: 18 % of the pairs of single runs reverse the order."
    needs = ("responses", "several models", "repeat")
    studies = ("showing-your-work",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a pair of neighbours."""
        runs, scale = run_means(subject), score_scale(subject.answers)
        order = sorted((n for n in runs if len(runs[n])), key=lambda name: (-float(runs[name].mean()), name))
        outcomes = [
            guarded(
                self,
                About("pair", f"{a} / {b}"),
                lambda a=a, b=b: self._judge(a, b, runs[a], runs[b], scale, settings),
            )
            for a, b in pairwise(order)
        ]
        return outcomes or [
            self.not_applicable(
                "Fewer than two models have runs that are told apart.",
                "Give the repeat (seed) of each row, for two models or more.",
                unlocks=("several models", "repeat"),
            )
        ]

    def _judge(self, a: str, b: str, x: np.ndarray, y: np.ndarray, scale: float, settings: Settings) -> Outcome:
        if min(len(x), len(y)) < 2:
            raise TooFewUnits(f"{a} has {len(x)} runs and {b} has {len(y)}; seeds are judged from 2 runs a model on.")
        unit = np.arange(len(x) + len(y))
        # A shift keeps run means that happen to be 0 and 1 from being read as binary rows.
        gap, _ = difference(x + 10, unit[: len(x)], y + 10, unit[len(x) :], level=settings.level, names=(a, b))
        reversed_share = float(np.mean((y[None] > x[:, None]) + 0.5 * (y[None] == x[:, None])))
        details = RunsOfTwo(
            a=a, b=b, runs_a=tuple(float(v) for v in x), runs_b=tuple(float(v) for v in y),
            reversed=reversed_share, difference=gap,
        )  # fmt: skip
        share = f"{100 * reversed_share:.0f} %"
        numbers = f"{len(x)} and {len(y)} runs, mean difference {gap.format(3)}"
        about = About("pair", f"{a} / {b}")
        if reversed_share <= REVERSED:
            return Clear(
                code=self.code, about=about, estimate=gap, details=details, next_step="Nothing to do.",
                statement=f"{a} is ahead of {b} in nearly every pair of runs ({share} reversed; {numbers}).",
            )  # fmt: skip
        return Found(
            code=self.code, about=about, estimate=gap, details=details, effect=min(1.0, gap.width / 2 / scale),
            statement=f"Whether {a} or {b} is ahead depends on the seed: {share} of the pairs of single runs reverse "
            f"the order ({numbers}).",
            next_step="Compare means over runs, with the same number of seeds for both, and do not claim an order from "
            "single runs.",
        )  # fmt: skip
