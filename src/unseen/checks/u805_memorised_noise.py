"""U805: whether the learner learns labels by heart that the other rows do not bear out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from unseen.checks._domains import under_shift
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.learner import MemorisedLabels
from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, t_interval
from unseen.refitting import Piece, Refitted, UnderShift

FOLDS = 5
MAX_ROWS = 4000
MIN_MINORITY = 20
# A number is a minority row where the held-out error is among the largest tenth.
LARGEST = 0.9
LEAST_CHANCE = 1e-3


class MemorisedNoise(Check):
    """Memorised label noise."""

    code = "U805"
    title = "memorised label noise"
    question = "Does the learner memorise labels that the rest of the data speak against?"
    null = "On minority rows, having trained on a row moves the probability of its own label by less than smallest_gap."
    interest = "In-sample minus held-out probability of the own label of at least smallest_gap on minority rows."
    method = (
        f"Two independent sets of {FOLDS}-fold fits. By the first, minority rows are those whose own label has a held-out "
        "probability below 1/2 (without probabilities: those answered wrongly; for numbers: the tenth with the largest "
        "held-out error). On these, the second set is compared with itself: mean probability of the own label from fits "
        "that contained the row minus that from the fit that did not (CR2 over clusters). The same difference on the "
        "other rows stands beside it, and the rise of the log loss. The test is one-sided against smallest_gap, since "
        "every learner is a little better on rows that it has seen."
    )
    assumptions = (
        "Rows that the rest speaks against are mislabelled, or rare: both are meant. What is memorised is not harmful as "
        "such; it is where labels are wrong and where the same noise will not come again."
    )
    sources = (
        "Bayat et al. (2024), The pitfalls of memorization: when memorization hurts generalization",
        "Feldman & Zhang (2020), What neural networks memorize and why, section 2",
        "Bell & McCaffrey (2002), Bias reduction in standard errors",
    )
    example = (
        "forest gives 240 labels that other rows speak against a chance of 0.62 after training on them and 0.18 held out: 0.44 "
        "[0.41, 0.47] is memorised (0.05 on the other rows)."
    )
    needs = ("learner",)
    studies = ("memorization-aware-training",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for the learner."""
        under = under_shift(subject)
        about = About("model", under.runner.learner.name)
        return [guarded(self, about, lambda: self._one(under, settings, about))]

    def _one(self, under: UnderShift, settings: Settings, about: About) -> Outcome:
        rows, clusters = _sampled(under)
        pieces = [p for which in (0, 1) for p in _folds(under, rows, clusters, which)]
        results = under.runner.run(pieces)
        failed = [x.failed for x in results if x.failed]
        if failed:
            raise Undefined(
                f"{about.name} failed in {len(failed)} of {len(results)} fits to parts of the rows: {failed[0]}"
            )
        _, first, kind = _values(under, rows, results[:FOLDS])
        inside, outside, _ = _values(under, rows, results[FOLDS:])
        scale = under.problem.plain_scale
        minority = first < 0.5 if kind != "score" else first <= np.quantile(first, 1 - LARGEST)
        if int(minority.sum()) < MIN_MINORITY or int((~minority).sum()) < MIN_MINORITY:
            raise TooFewUnits(
                f"{about.name}: {int(minority.sum())} of {len(rows):,} rows are minority rows; at least {MIN_MINORITY} are "
                "needed on either side."
            )
        gain = inside - outside
        estimate, p, worth = _against(gain[minority], clusters[minority], settings.smallest_gap * scale, settings.level)
        others = float(gain[~minority].mean())
        details = MemorisedLabels(
            rows=len(rows), minority=int(minority.sum()), in_sample=float(inside[minority].mean()),
            held_out=float(outside[minority].mean()), others=others, measured=kind, difference=estimate,
        )  # fmt: skip
        tail = ""
        if kind == "probability":
            rise = _log_loss(outside[minority]) - _log_loss(inside[minority])
            details = replace(details, log_loss_rise=rise)
            tail = f"; their log loss is {rise:.2f} higher when held out"
        sign = -1 if kind == "score" else 1
        what = {
            "probability": "gives {n} labels that other rows speak against a chance of {a} after training on them and {b} held out",
            "right": "repeats {a} of {n} labels that other rows speak against after training on them and {b} held out",
            "score": "is off by {a} on the {n} rows it predicts worst after training on them and by {b} held out",
        }[kind].format(
            n=f"{int(minority.sum()):,}", a=f"{sign * details.in_sample:.2f}", b=f"{sign * details.held_out:.2f}"
        )
        said = f"{about.name} {what}: {estimate.format(2)} is memorised ({others:.2f} on the other rows){tail}."
        common: dict[str, Any] = {
            "code": self.code, "about": about, "statement": said, "estimate": estimate, "p_value": p,
            "effect": min(1.0, abs(estimate.value) / scale), "details": details,
        }  # fmt: skip
        otherwise = self.unless_found(
            settings.gap_that_matters * scale, settings=settings, undecided=f"{said[:-1]}; too few such rows to tell.",
            next_step="Give more rows.", **common,
        )  # fmt: skip
        if p <= settings.fdr and worth:
            return Found(
                next_step="Look at some of these rows: if their labels are wrong, correct or drop them; else regularise "
                "more (smaller trees, more neighbours, weight decay) or try unseen improve.", otherwise=otherwise, **common,
            )  # fmt: skip
        return otherwise


def _sampled(under: UnderShift) -> tuple[np.ndarray, np.ndarray]:
    """At most MAX_ROWS rows, by whole clusters, and their clusters numbered from 0."""
    clusters, rng = under.problem.clusters(), numpy_generator(under.plan.seed, "U805", "rows")
    if len(clusters) > MAX_ROWS:
        order = rng.permutation(int(clusters.max()) + 1)
        upto = np.cumsum(np.bincount(clusters, minlength=len(order))[order])
        kept = order[: max(2, int(np.searchsorted(upto, MAX_ROWS, side="right")))]
        rows = np.flatnonzero(np.isin(clusters, kept))
    else:
        rows = np.arange(len(clusters))
    return rows, np.unique(clusters[rows], return_inverse=True)[1]


def _folds(under: UnderShift, rows: np.ndarray, clusters: np.ndarray, which: int) -> list[Piece]:
    seed = spawn(under.plan.seed, "U805", which)
    n = int(clusters.max()) + 1
    fold = numpy_generator(seed, "folds").permutation(np.arange(n) % FOLDS)[clusters]
    return [
        Piece(
            f"memorised labels, set {which + 1}, fold {k + 1}", rows[fold != k],
            {"inside": rows[fold != k], "outside": rows[fold == k]}, spawn(seed, k),
        )
        for k in range(FOLDS)
    ]  # fmt: skip


def _values(under: UnderShift, rows: np.ndarray, results: list[Refitted]) -> tuple[np.ndarray, np.ndarray, str]:
    """For each row, what fits with and without it make of its own label, and what that is."""
    place = np.full(len(under.problem), -1)
    place[rows] = np.arange(len(rows))
    inside, count, outside = np.zeros(len(rows)), np.zeros(len(rows)), np.full(len(rows), np.nan)
    kind = "score" if under.problem.regression else "right"
    for x in results:
        for side, answers in x.answers.items():
            value = under.plain_score(answers)
            if answers.truth is not None:
                kind, value = "probability", answers.truth.astype(np.float64)
            at = place[answers.rows]
            if side == "inside":
                inside[at] += value
                count[at] += 1
            else:
                outside[at] = value
    return inside / count, outside, kind


def _against(gain: np.ndarray, cluster: np.ndarray, least: float, level: float) -> tuple[Estimate, float, bool]:
    """The mean gain, the one-sided p-value of "at most ``least``", and whether it lies above."""
    from scipy import special

    mean, variance, dof, units = cluster_robust(gain, cluster, what="the gain on minority rows")
    # Rows that training never moves have no spread; one in n + 2 could have moved by 1/2.
    variance, dof = max(variance, 0.25 / (len(gain) + 2) ** 2), max(dof, 1.0)
    low, high = t_interval(mean, variance, dof, level)
    estimate = Estimate(mean, low, high, units, "in-sample minus held-out, CR2 over clusters, t", level)
    return estimate, float(special.stdtr(dof, -(mean - least) / variance**0.5)), mean >= least


def _log_loss(chance: np.ndarray) -> float:
    return float(-np.log(np.maximum(chance, LEAST_CHANCE)).mean())
