"""U701: models that cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from unseen.checks._rows import ItemMeans, item_means, many, score_scale, shared_items
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.multiplicity import holm
from unseen.estimates.paired import paired_difference

# Beyond this many models, only the best are compared: pairs grow with the square.
MAX_MODELS = 40


class IndistinguishableModels(Check):
    """Compares all pairs of models on the items they share and forms tiers."""

    code = "U701"
    title = "models that cannot be told apart"
    question = "Which models differ for certain, and which share a tier?"
    null = "Two models have the same mean score on the items they share."
    interest = "A pair of neighbours in the ranking whose difference is not significant after Holm's correction."
    method = (
        "Scores are averaged per item and compared on shared items: exact McNemar where pairs are binary and "
        "independent, else sign flips of whole clusters; Holm over all pairs. Intervals: Tango's or cluster-robust "
        "(CR2). A tier holds the best model left and every model that is not told apart from it."
    )
    assumptions = "Items (or clusters) are a sample of those that matter; both models answered the shared items."
    sources = (
        "McNemar (1947); Holm (1979); Tango (1998).",
        "Dror et al. (2018), The hitchhiker's guide to testing statistical significance in NLP.",
        "Miller (2024), Adding error bars to evals.",
    )
    example = (
        "large-lm and medium-lm cannot be told apart: 0.71 against 0.70 on 500 shared items (+0.01 [-0.02, 0.04])."
    )
    needs = ("responses", "several models")
    studies = ("concurrence",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a pair of neighbours in the ranking; the first holds tiers and all pairs."""
        means = item_means(subject)
        order = sorted(means, key=lambda name: (-float(means[name].mean.mean()), name))[:MAX_MODELS]
        pairs = [self._compare(a, b, means, settings) for a, b in combinations(order, 2)]
        known = [pair for pair in pairs if pair["estimate"] is not None]
        if not known:
            return [
                self.not_applicable(
                    f"No pair of the {many(len(means), 'model')} shares enough independent items to be compared.",
                    "Let at least two models answer the same items.",
                    unlocks=("several models",),
                )
            ]
        for pair, adjusted in zip(known, holm([pair["p"] for pair in known]), strict=True):
            pair["p_holm"] = float(adjusted)
        tiers = _tiers(order, known, settings.fdr)
        plain = [_plain(pair) for pair in known]
        scale = score_scale(subject.answers)
        neighbours = [pair for pair in known if order.index(pair["b"]) - order.index(pair["a"]) == 1] or known[:1]
        return [
            self._judge(
                pair, scale, settings, {"tiers": tiers, "pairs": plain} if i == 0 else {"pairs": [_plain(pair)]}
            )
            for i, pair in enumerate(neighbours)
        ]

    def _compare(self, a: str, b: str, means: Mapping[str, ItemMeans], settings: Settings) -> dict[str, Any]:
        x, y = means[a], means[b]
        ia, ib = shared_items(x, y)
        pair: dict[str, Any] = {"a": a, "b": b, "items": len(ia), "estimate": None, "p": 1.0, "p_holm": 1.0}
        try:
            pair["estimate"], pair["p"] = paired_difference(
                x.mean[ia], y.mean[ib], x.cluster[ia], rng=self.rng(settings, a, b), level=settings.level,
                permutations=settings.n_resamples,
            )  # fmt: skip
        except (TooFewUnits, Undefined):
            return pair
        pair["means"] = (float(np.mean(x.mean[ia])), float(np.mean(y.mean[ib])))
        return pair

    def _judge(self, pair: dict[str, Any], scale: float, settings: Settings, details: dict[str, Any]) -> Outcome:
        estimate: Estimate = pair["estimate"]
        a, b, (x, y) = pair["a"], pair["b"], pair["means"]
        numbers = f"{x:.3f} against {y:.3f} on {many(pair['items'], 'shared item')} ({estimate.format(3)})"
        about = About("pair", f"{a} / {b}")
        if pair["p_holm"] <= settings.fdr:
            higher, lower = (a, b) if estimate.value > 0 else (b, a)
            return Clear(
                code=self.code, about=about, estimate=estimate, details=details, next_step="Nothing to do.",
                statement=f"{higher} is told apart from {lower}: {numbers}.",
            )  # fmt: skip
        half = estimate.width / 2
        times = (half / max(abs(estimate.value), settings.smallest_gap * scale)) ** 2 * (2.8 / 1.96) ** 2
        return Found(
            code=self.code, about=about, estimate=estimate, details=details, effect=min(1.0, half / scale),
            statement=f"{a} and {b} cannot be told apart: {numbers}.",
            next_step="Report them as one tier"
            + (f", or collect about {times:.1f} times as many items to separate them." if times > 1 else "."),
        )  # fmt: skip


def _tiers(order: list[str], pairs: list[dict[str, Any]], alpha: float) -> list[list[str]]:
    """The best model left leads a tier, which holds every model that is not told apart from it."""
    apart = {frozenset((pair["a"], pair["b"])) for pair in pairs if pair["p_holm"] <= alpha}
    left, tiers = list(order), list[list[str]]()
    while left:
        tier = [name for name in left if name == left[0] or frozenset((left[0], name)) not in apart]
        tiers.append(tier)
        left = [name for name in left if name not in tier]
    return tiers


def _plain(pair: dict[str, Any]) -> dict[str, Any]:
    return {
        "a": pair["a"], "b": pair["b"], "items": pair["items"], "mean_a": pair["means"][0], "mean_b": pair["means"][1],
        "p": pair["p"], "p_holm": pair["p_holm"], "estimate": pair["estimate"].to_dict(),
    }  # fmt: skip
