"""U703: how much the best of several runs flatters a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from unseen.checks._rows import Scored, scored
from unseen.checks._runs import run_means
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.models import BestRun
from unseen.estimates.models.expected_max import expected_maximum
from unseen.plain_text import counted


class BestOfN(Check):
    """Compares the best run with the mean and with the expected best of fewer runs."""

    code = "U703"
    title = "best-of-n reporting"
    question = "How much better does a model look if its best run is reported?"
    null = "none: a size"
    interest = "A best run that lies at least smallest_gap of the score's range above the mean of the runs."
    method = (
        "Each repeat gives one run mean. The expected best of N − 1 runs is the mean maximum over all subsets, "
        "Σ x_(i)·C(i − 1, n − 1)/C(N, n), which is unbiased (the plug-in with replacement is not), with the "
        "jackknife's interval over runs. The flattery is best − mean."
    )
    assumptions = "Runs are exchangeable: they differ by seed alone."
    sources = (
        "Dodge et al. (2019), Show your work.",
        "Tang et al. (2020), Showing your work doesn't always work.",
    )
    example = "The best of 5 runs of small-lm states 0.74 where a run scores 0.70 on average."
    needs = ("responses", "repeat")
    studies = ("showing-your-work",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        rows = scored(subject)
        outcomes = [
            guarded(self, About("model", name), lambda n=name, r=runs: self._judge(n, r, rows, settings))
            for name, runs in run_means(subject).items()
        ]
        return outcomes or [
            self.not_applicable("No row says which run it comes from.", "Give a repeat column.", unlocks=("repeat",))
        ]

    def _judge(self, name: str, runs: np.ndarray, rows: Scored, settings: Settings) -> Outcome:
        n, best, mean = len(runs) - 1, float(runs.max(initial=-np.inf)), float(runs.mean()) if len(runs) else 0.0
        unit = rows.unit
        expected = unit.mean(expected_maximum(runs, max(n, 1), level=settings.level))
        flattery = (best - mean) / rows.scale
        statement = (
            f"The best of {counted(len(runs), 'run')} of {name} states {unit.shown(best):.3f} where a run "
            f"{unit.scores} {unit.shown(mean):.3f} on "
            f"average; the best of {n} is worth {expected.format(3)}."
        )
        details = BestRun(model=name, runs=tuple(float(r) for r in runs), best=best, mean=mean, n=n)
        common: dict[str, Any] = {
            "code": self.code,
            "about": About("model", name),
            "estimate": expected,
            "details": details,
        }
        if flattery < settings.smallest_gap:
            return Clear(statement=statement, next_step="Nothing to do.", effect=max(0.0, flattery), **common)
        return Found(
            statement=statement, effect=min(1.0, flattery), **common,
            next_step="Report the mean over runs with its interval, or the expected best together with n, and give "
            "every model the same number of runs.",
        )  # fmt: skip
