"""U203: who loses more from seen to unseen items, or across a factor, than the other models do."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._irt import Grid, grid
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.dif import equated_gaps, mantel_haenszel
from unseen.estimates.rasch import Patterns, RaschFit, fit_rasch

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MAX_LEVELS = 12


class EquatedGaps(Check):
    """Compares models at equal difficulty: each model's loss beyond the loss that all share."""

    code = "U203"
    title = "gaps at equal difficulty"
    question = (
        "Which models lose more from seen to unseen items (or across the levels of a factor) than difficulty explains?"
    )
    null = "Every model loses as much on the logit scale as the others do."
    interest = "An extra loss of at least smallest_gap of the mean score on the unseen side."
    method = (
        "A Rasch model with random item difficulties is fitted to each side; extra loss = (ability on "
        "seen − ability on "
        "unseen) − its mean over models (mean–mean equating), with a cluster-robust covariance, and "
        "translated into mean "
        "score on the unseen side. Factors: the same between each level and all other items, with a Wald test over "
        "levels by Bonferroni. Beside it the Mantel–Haenszel delta with its ETS class, matched on the "
        "other models' answers."
    )  # fmt: skip
    assumptions = (
        "Difficulty acts on all models alike on the logit scale. What all models lose alike counts as "
        "difficulty: a weakness "
        "that they share can't be told from harder items. Needs two models that are right and wrong on either side."
    )  # fmt: skip
    sources = (
        "Lord (1980), Applications of item response theory to practical testing problems, ch. 14.",
        "Holland & Thayer (1988), Differential item performance and the Mantel–Haenszel procedure.",
        "Swaminathan & Rogers (1990), Detecting differential item functioning using logistic regression procedures.",
    )
    example = (
        "small-lm loses 0.11 [0.06, 0.15] more from seen to unseen items than the other models, at equal difficulty."
    )
    needs = ("responses", "several models")
    studies = ("cross-difficulty",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model for the split, and one a factor."""
        g, answers = grid(subject), subject.answers
        outcomes: list[Outcome] = []
        if answers.has("split"):
            outcomes += self._split(
                g, _by_item(g, answers.codes("split").codes), answers.codes("split").levels, settings
            )
        for name in answers.factors.of_kind("categorical"):
            coded = answers.codes(name)
            if 2 <= len(coded.levels) <= MAX_LEVELS:
                outcomes.append(self._factor(g, name, _by_item(g, coded.codes), coded.levels, settings))
        return outcomes or [
            self.not_applicable(
                f"There is neither a split nor a categorical factor with 2 to {MAX_LEVELS} levels to compare.",
                "Say what is unseen (--unseen 'digits > 2'), or name a factor (--factor domain:categorical).",
                unlocks=("split", "factors"),
            )
        ]

    def _split(self, g: Grid, side: IntArray, levels: tuple[Any, ...], settings: Settings) -> list[Outcome]:
        names = [str(level) for level in levels]
        about = About("data", "seen and unseen")
        if "seen" not in names or "unseen" not in names:
            return [
                self.not_applicable(
                    "Only one side of the split is present.", "Give seen and unseen items.", about=about
                )
            ]
        seen, unseen = side == names.index("seen"), side == names.index("unseen")
        try:
            reference, focal = _fit(g, seen), _fit(g, unseen)
            gaps = _in_score(reference, focal, settings.level)
        except (TooFewUnits, Undefined) as error:
            return [
                self.not_applicable(str(error), "Add models or items with mixed answers on both sides.", about=about)
            ]
        outcomes: list[Outcome] = []
        for m, (gap, p, logits) in gaps.items():
            name = g.models[m]
            text = f"{name} loses {gap.format(2)} more from seen to unseen items than the models do on average"
            outcomes.append(
                self.decide(
                    about=About("model", name), estimate=gap, p_value=p, found=f"{text}, at equal difficulty.",
                    clear=f"{text}: what difficulty leaves is too small to matter.",
                    next_step="Difficulty does not explain this: look at U102 and U104 for where this model's gap "
                    "opens.",
                    settings=settings,
                    details={"model": name, "extra_logits": logits, **_companion(g, m, seen, unseen)},
                )
            )  # fmt: skip
        return outcomes

    def _factor(self, g: Grid, name: str, level: IntArray, levels: tuple[Any, ...], settings: Settings) -> Outcome:
        rows: list[dict[str, Any]] = []
        for k, label in enumerate(levels):
            try:
                gaps = _in_score(_fit(g, (level >= 0) & (level != k)), _fit(g, level == k), settings.level)
            except (TooFewUnits, Undefined):
                continue
            rows += [
                {"level": str(label), "model": g.models[m], "p": p, "extra_logits": logits, "gap": gap}
                for m, (gap, p, logits) in gaps.items()
            ]
        about = About("factor", name)
        if not rows:
            return self.not_applicable(
                f"No level of {name} has enough items on which two models are both right and wrong.",
                "Add models or items.", about=about,
            )  # fmt: skip
        # The worst cell is picked among all of them: its p-value and its interval pay for the choice.
        worst = min(rows, key=lambda r: (r["p"] if r["gap"].value > 0 else 2.0, r["level"], r["model"]))
        gap = _wider(worst["gap"], len(rows), settings.level)
        p = min(1.0, worst["p"] * len(rows))
        text = (
            f"{worst['model']} loses {gap.format(2)} more on items with {name} = {worst['level']} than the "
            f"models do on "
            "average"
        )
        return self.decide(
            about=about, estimate=gap, p_value=p, found=f"{text}, at equal difficulty.",
            clear=f"{text}, the largest of {len(rows)} such gaps: too small to matter.",
            next_step=f"Look at the answers of {worst['model']} to items with {name} = {worst['level']}.",
            settings=settings, details={"factor": name, "cells": [{**r, "gap": r["gap"].to_dict()} for r in rows]},
        )  # fmt: skip


def _by_item(g: Grid, codes: NDArray[np.int32]) -> IntArray:
    return np.where(g.row >= 0, codes[np.maximum(g.row, 0)], -1).astype(np.int64)


def _fit(g: Grid, items: NDArray[np.bool_]) -> RaschFit:
    whole = g.patterns
    weight = np.bincount(whole.of_item[items], minlength=len(whole.weight)).astype(np.float64)
    kept = np.flatnonzero(weight > 0)
    renumbered = np.cumsum(weight > 0) - 1
    part = Patterns(
        whole.right[kept], whole.trials[kept], weight[kept], renumbered[whole.of_item[items]].astype(np.int64)
    )
    return fit_rasch(part, cluster=None if g.cluster is None else g.cluster[items])


def _in_score(reference: RaschFit, focal: RaschFit, level: float) -> dict[int, tuple[Estimate, float, float]]:
    """Extra loss of each model on the focal side in mean score, its two-sided p-value, and the loss in logits."""
    from scipy.special import ndtr, ndtri

    loss, covariance, used = equated_gaps(reference, focal)
    found: dict[int, tuple[Estimate, float, float]] = {}
    for m in np.flatnonzero(used).tolist():
        error = math.sqrt(float(covariance[m, m]))
        if error < 1e-9:
            continue
        value, half = float(loss[m]), float(ndtri(0.5 + level / 2)) * error
        # Where the model would stand on this side, had it lost no more than the others.
        at = float(focal.ability[m]) + value
        ends = focal.mean_success([at]) - focal.mean_success(at - np.array([value, value - half, value + half]))
        units = min(reference.units, focal.units)
        estimate = Estimate(
            float(ends[0]),
            float(ends[1]),
            float(ends[2]),
            units,
            "Rasch on either side, mean–mean equating, cluster-robust",
            level,
        )
        found[m] = (estimate, 2 * float(ndtr(-abs(value) / error)), value)
    return found


def _wider(gap: Estimate, cells: int, level: float) -> Estimate:
    from scipy.special import ndtri

    factor = float(ndtri(1 - (1 - level) / 2 / cells) / ndtri(0.5 + level / 2))
    low, high = gap.value - factor * (gap.value - gap.low), gap.value + factor * (gap.high - gap.value)
    return Estimate(
        gap.value, max(low, -1.0), min(high, 1.0), gap.units, f"{gap.method}, Bonferroni over {cells}", level
    )


def _companion(g: Grid, m: int, seen: NDArray[np.bool_], unseen: NDArray[np.bool_]) -> dict[str, Any]:
    """Mantel–Haenszel delta of one model, matched on the share of the others that is right."""
    data = g.patterns
    others = np.arange(data.right.shape[1]) != m
    rest = data.right[:, others].sum(axis=1) / np.maximum(data.trials[:, others].sum(axis=1), 1)
    stratum = np.round(rest * 20).astype(np.int64)
    binary = (data.trials[:, m] > 0) & ((data.right[:, m] == 0) | (data.right[:, m] == data.trials[:, m]))
    right, kept = (data.right[:, m] > 0).astype(np.float64), np.flatnonzero(binary)
    size = len(data.weight)
    weights = [np.bincount(data.of_item[side], minlength=size)[kept] for side in (seen, unseen)]
    try:
        mh = mantel_haenszel(
            np.tile(right[kept], 2),
            np.repeat([0.0, 1.0], len(kept)),
            np.tile(stratum[kept], 2),
            np.concatenate(weights),
        )
    except Undefined:
        return {"mantel_haenszel": None}
    return {"mantel_haenszel": mh.delta.to_dict(), "mantel_haenszel_p": mh.p_value, "ets_class": mh.ets}
