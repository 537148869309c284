"""U701: which models are told apart, and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from unseen.checks._judged import MIN_LABELS, human_item_means, score_range
from unseen.checks._rows import ItemMeans, first_positions, item_means, score_scale, scored, shared_items
from unseen.checks._unit import Unit
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, Undecided
from unseen.checks.details.models import LabelledPair, PairDifference, PairDifferences
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.paired import paired_difference
from unseen.estimates.intervals.prediction_powered import ppi_paired
from unseen.estimates.testing.multiplicity import holm
from unseen.plain_text import counted

# Beyond this many models, only the best are compared: pairs grow with the square.
MAX_MODELS = 40
# Columns that say which benchmark an item is from.
BENCHMARK = ("task", "benchmark", "dataset")
# A benchmark with this many times its even share of the items is worth a word.
UNEVEN = 1.5


class ModelDifferences(Check):
    """Compares all pairs of models on the items they share and forms tiers."""

    code = "U701"
    title = "differences between models"
    question = "Which models differ for certain, by how much, and which share a tier?"
    null = "Two neighbours in the ranking have the same mean score on the items they share."
    interest = "A difference of at least smallest_gap; clear where the interval excludes gap_that_matters either way."
    method = (
        "Scores are averaged per item and compared on shared items: exact McNemar where pairs are binary and "
        "independent, else sign flips of whole clusters. Intervals: Tango's or cluster-robust (CR2). One outcome for each "
        "pair of neighbours in the ranking: a gap between neighbours is never larger than the gap of a pair named "
        "beforehand, so that its p-value needs no further correction for the choice. Tiers rest on all pairs by Holm: a "
        "tier holds the best model left and every model that is not told apart from it by smallest_gap or more. Where "
        "items come from benchmarks of unequal size, the difference with equal weights stands beside. Where a judge gave "
        "the scores and humans scored both models on at least 10 shared units (--human), the difference is the "
        "prediction-powered one (PPI++): humans' differences on labelled items correct the judge's on all."
    )
    assumptions = "Items (or clusters) are a sample of those that matter; both models answered the shared items."
    sources = (
        "McNemar (1947); Holm (1979); Tango (1998).",
        "Dror et al. (2018), The hitchhiker's guide to testing statistical significance in NLP.",
        "Miller (2024), Adding error bars to evals.",
        "Angelopoulos, Duchi & Zrnic (2023), PPI++: efficient prediction-powered inference.",
    )
    example = "large-lm is ahead of small-lm: 0.710 against 0.652 on 1,500 shared items (0.058 [0.031, 0.085])."
    needs = ("responses", "several models")
    studies = ("concurrence",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a pair of neighbours in the ranking; the first holds tiers and all pairs."""
        means, scale = item_means(subject), score_scale(subject.answers)
        order = sorted(means, key=lambda name: (-float(means[name].mean.mean()), name))[:MAX_MODELS]
        bounds, human = score_range(subject.answers), human_item_means(subject)
        span = None if bounds is None else bounds[1] - bounds[0]
        pairs = [self._compare(a, b, means, human, span, settings) for a, b in combinations(order, 2)]
        known = [pair for pair in pairs if pair["estimate"] is not None]
        if not known:
            return [
                self.not_applicable(
                    f"No pair of the {counted(len(means), 'model')} shares enough independent items to be compared.",
                    "Let at least two models answer the same items.",
                    unlocks=("several models",),
                )
            ]
        for pair, adjusted in zip(known, holm([pair["p"] for pair in known]), strict=True):
            pair["p_holm"] = float(adjusted)
        apart = [
            pair for pair in known
            if pair["p_holm"] <= settings.fdr and abs(pair["estimate"].value) >= settings.smallest_gap * scale
        ]  # fmt: skip
        tiers = _tiers(order, apart)
        plain = tuple(_plain(pair) for pair in known)
        neighbours = [pair for pair in known if order.index(pair["b"]) - order.index(pair["a"]) == 1] or known[:1]
        benchmark = _benchmarks(subject)
        return [
            self._judge(
                pair, scale, settings, _evenly(pair, means, benchmark, settings),
                PairDifferences(tiers=tuple(map(tuple, tiers)), pairs=plain) if i == 0
                else PairDifferences(pairs=(_plain(pair),)),
                scored(subject).unit,
            )
            for i, pair in enumerate(neighbours)
        ]  # fmt: skip

    def _compare(
        self, a: str, b: str, means: Mapping[str, ItemMeans], human: Mapping[str, np.ndarray], span: float | None,
        settings: Settings,
    ) -> dict[str, Any]:  # fmt: skip
        x, y = means[a], means[b]
        ia, ib = shared_items(x, y)
        pair: dict[str, Any] = {"a": a, "b": b, "items": len(ia), "estimate": None, "p": 1.0, "p_holm": 1.0}
        pair["judged"] = bool(human)
        try:
            if human and _labelled(human[a][ia] - human[b][ib], x.cluster[ia]) >= MIN_LABELS:
                pair["estimate"], pair["p"], pair["weight"] = ppi_paired(
                    human[a][ia], human[b][ib], x.mean[ia], y.mean[ib], x.cluster[ia], level=settings.level, span=span
                )
                pair["labels"] = int(np.count_nonzero(~np.isnan(human[a][ia] - human[b][ib])))
            else:
                pair["estimate"], pair["p"] = paired_difference(
                    x.mean[ia], y.mean[ib], x.cluster[ia], rng=self.rng(settings, a, b), level=settings.level,
                    permutations=settings.n_resamples,
                )  # fmt: skip
        except (TooFewUnits, Undefined):
            return pair
        pair["means"] = (float(np.mean(x.mean[ia])), float(np.mean(y.mean[ib])))
        return pair

    def _judge(
        self, pair: dict[str, Any], scale: float, settings: Settings, even: _Evenly,
        details: PairDifferences, unit: Unit,
    ) -> Outcome:  # fmt: skip
        estimate: Estimate = pair["estimate"]
        a, b, (x, y) = pair["a"], pair["b"], pair["means"]
        if estimate.value < 0:
            # On the items that both answered the order can be the other one.
            a, b, x, y, estimate = b, a, y, x, -estimate
        matters = settings.gap_that_matters * scale
        x, y = unit.shown(x), unit.shown(y)
        numbers = (
            f"{x:.3f} against {y:.3f} on {counted(pair['items'], 'shared item')} ({estimate.format(3)}{even.said})"
        )
        if pair["judged"]:
            numbers += " by the judge alone: humans scored too few of them"
        if "labels" in pair:
            numbers = (
                f"{x:.3f} against {y:.3f} by the judge on {counted(pair['items'], 'shared item')}, {estimate.format(3)} "
                f"corrected by the {counted(pair['labels'], 'item')} that humans scored (PPI++)"
            )
        common: dict[str, Any] = {
            "code": self.code, "about": About("pair", f"{pair['a']} / {pair['b']}"), "estimate": estimate,
            "p_value": pair["p"], "effect": min(1.0, estimate.value / scale),
            "details": replace(details, benchmarks=even.benchmarks, evenly=even.evenly),
        }  # fmt: skip
        otherwise: Clear | Undecided
        if -matters < estimate.low and estimate.high < matters:
            told = f"{a} is ahead of {b}, but by less than" if estimate.low > 0 else f"{a} and {b} differ by less than"
            otherwise = Clear(
                statement=f"{told} the {matters:.3g} that matters: {numbers}.", next_step="Nothing to do.", **common
            )
        else:
            otherwise = self.undecided(
                settings=settings, matters=matters, statement=f"{a} and {b} cannot be told apart: {numbers}.", **common
            )
        if pair["p"] <= settings.fdr and estimate.value >= settings.smallest_gap * scale:
            return Found(
                statement=f"{a} is ahead of {b}: {numbers}.", otherwise=otherwise,
                next_step="See U702 for whether that order holds on unseen items and on each level of the factors.",
                **common,
            )  # fmt: skip
        return otherwise


def _tiers(order: list[str], different: list[dict[str, Any]]) -> list[list[str]]:
    """The best model left leads a tier, which holds every model that is not told apart from it."""
    apart = {frozenset((pair["a"], pair["b"])) for pair in different}
    left, tiers = list(order), list[list[str]]()
    while left:
        tier = [name for name in left if name == left[0] or frozenset((left[0], name)) not in apart]
        tiers.append(tier)
        left = [name for name in left if name not in tier]
    return tiers


def _benchmarks(subject: Subject) -> tuple[str, np.ndarray, tuple[Any, ...]] | None:
    """The column that names the benchmark of each item: its name, the code per item, what the codes mean."""
    answers, rows = subject.answers, scored(subject)
    for name in BENCHMARK:
        if name in answers.factors.of_kind("categorical"):
            coded, size = answers.codes(name), int(rows.item.max(initial=-1)) + 1
            return name, coded.codes[rows.row[first_positions(rows.item, size)]], coded.levels
    return None


class _Evenly(NamedTuple):
    """What to say of benchmarks of unequal size, the items of each, and the difference when each counts the same."""

    said: str = ""
    benchmarks: Mapping[str, int] | None = None
    evenly: Estimate | None = None


def _evenly(
    pair: dict[str, Any], means: Mapping[str, ItemMeans], benchmark: tuple[str, np.ndarray, tuple[Any, ...]] | None,
    settings: Settings,
) -> _Evenly:  # fmt: skip
    """What to say of benchmarks of unequal size, and the difference when each of them counts the same."""
    if benchmark is None or "labels" in pair:
        return _Evenly()
    name, level, labels = benchmark
    x, y = means[pair["a"]], means[pair["b"]]
    ia, ib = shared_items(x, y)
    own = level[x.item[ia]]
    counts = np.bincount(own[own >= 0], minlength=len(labels))
    present = int(np.count_nonzero(counts))
    largest = float(counts.max(initial=0) / max(1, counts.sum()))
    if present < 2 or largest < UNEVEN / present:
        return _Evenly()
    keep = own >= 0
    weight = keep.sum() / (present * counts[own[keep]])
    change = (x.mean[ia] - y.mean[ib])[keep] * weight
    sign = 1 if pair["estimate"].value >= 0 else -1
    label = labels[int(counts.argmax())]
    said = f"; {largest:.0%} of the items are {label}".replace("%", " %")
    items = {str(labels[i]): int(n) for i, n in enumerate(counts) if n}
    try:
        even, _ = paired_difference(
            sign * change, np.zeros(len(change)), x.cluster[ia][keep], rng=np.random.default_rng(0),
            level=settings.level, permutations=1,
        )  # fmt: skip
    except (TooFewUnits, Undefined):
        return _Evenly(said, items)
    return _Evenly(f"{said}, with each {name} counted the same {even.format(3)}", items, even)


def _labelled(difference: np.ndarray, cluster: np.ndarray) -> int:
    """Independent units on which both models have a human's score."""
    return len(np.unique(cluster[~np.isnan(difference)]))


def _plain(pair: dict[str, Any]) -> PairDifference:
    return PairDifference(
        pair["a"], pair["b"], pair["items"], *pair["means"], p=pair["p"], p_holm=pair["p_holm"], estimate=pair["estimate"],
        corrected=LabelledPair(pair["labels"], pair["weight"]) if "labels" in pair else None,
    )  # fmt: skip
