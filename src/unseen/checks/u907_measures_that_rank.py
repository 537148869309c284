"""U907: which measures of a network order runs as their unseen scores do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unseen.checks._networks import directions, generator, inspected, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Foretold, OrderedBy
from unseen.engine.seeds import seeded_torch
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates.models.foretelling import MIN_RUNS, Foretelling, configurations, foretelling

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network, Sample

MOST = 300
STEPS = 20
# What is foretold, by each measure: 1 where more of it should go with a better score, -1 where less should.
MEASURES: Mapping[str, int] = {
    "training score": 1, "training loss": -1, "confidence on unseen inputs": 1, "output margin": 1, "hidden margin": 1,
    "input margin": 1, "constrained margin": 1, "coherence": 1, "adaptive sharpness": -1, "trace of the Hessian": -1,
    "Fisher-Rao norm": -1, "norm of the weights": -1, "parameters": -1,
}  # fmt: skip


class MeasuresThatRank(Check):
    """Orders the user's runs by each measure, and tells which order is that of their unseen scores."""

    code = "U907"
    title = "measures that order runs"
    question = "Which measure, taken without labels of unseen data, tells which of my runs holds best?"
    null = "The order by a measure has nothing to do with the order by unseen score."
    interest = "Context: how far the order by each measure is that of the scores, over all pairs and over like ones."
    method = (
        "For each run: training score and loss, mean confidence on unseen inputs, margins (U902), coherence (U901), sharpness "
        "(U903), norm and number of weights, on up to 300 examples. Kendall's coefficient between the measure, in the direction "
        "in which it is said to help, and the unseen score; interval by leaving out one configuration at a time (runs that "
        "differ in the seed alone), on Fisher's scale, simultaneous over the measures (Bonferroni). With settings (runs.csv) the "
        "same over pairs of runs that differ in one setting only and whose scores differ by two standard errors, and the setting "
        "where it is worst: a measure that follows the width alone orders by width alone."
    )
    assumptions = (
        "Runs stand for those that would be chosen among. A measure that orders these runs may not order those of another sweep. "
        "The unseen scores have errors of their own, which weaken every agreement. What runs of one seed share across "
        "configurations (the same draw of the data) is not counted."
    )
    sources = (
        "Jiang, Neyshabur, Mobahi, Krishnan & Bengio (2020), Fantastic generalization measures and where to find them.",
        "Dziugaite et al. (2020), In search of robust measures of generalization.",
        "Gastpar, Nachum, Shafer & Weinberger (2024), Fantastic generalization measures are nowhere to be found.",
    )
    example = (
        "Of 12 measures, 4 order 48 runs as their unseen scores do: constrained margin 0.61 [0.42, 0.75], at worst 0.30 over runs "
        "that differ in depth."
    )
    needs = ("module",)
    studies = ("fantastic-measures-nowhere", "constrained-margins")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome."""
        given = inspected(subject)
        if len(given.networks) == 1:
            return [
                self.not_applicable(
                    "One network has no order.", "Give the weights of several runs: a folder (--weights), or several modules.",
                    unlocks=("several runs",),
                )
            ]  # fmt: skip
        from unseen.learners.networks.inspected import right

        if given.test is None:
            return [
                self.not_applicable(
                    "Without unseen examples there is no score to compare with.", "Give a test set: --test FILE.", unlocks=("test",)
                )
            ]  # fmt: skip
        if len(given.networks) < MIN_RUNS:
            raise TooFewUnits(f"an order of runs needs {MIN_RUNS} of them, got {len(given.networks)}.")
        train, _ = some(given.train, MOST, self.rng(settings, "train"))
        test, _ = some(given.test, MOST, self.rng(settings, "test"))
        rows = [self._measured(given, net, train, test, settings) for net in given.networks]
        with seeded_torch(settings.seed):
            scores = np.stack([right(net, given.test) for net in given.networks], 1)
        score = scores.mean(0)
        known = {name: np.array([row.get(name, np.nan) for row in rows], dtype=float) for name in MEASURES}
        usable = {name: v for name, v in known.items() if np.isfinite(v).all() and np.ptp(v) > 0}
        if not usable or np.ptp(score) == 0:
            raise Undefined("all runs have the same unseen score, or the same measures: there is no order to tell.")
        level = 1 - (1 - settings.level) / len(usable)
        varying, apart = _varying(given.settings), told_apart(scores, given.test.clusters)
        groups = configurations(_configured(given.settings), len(rows))
        found = {
            name: foretelling(MEASURES[name] * v, score, varying, apart=apart, groups=groups, level=level)
            for name, v in usable.items()
        }
        ordered = sorted(found, key=lambda name: -found[name].tau.value)
        return [self._told(given, score, rows, {name: found[name] for name in ordered})]

    def _told(
        self, given: Inspected, score: np.ndarray, rows: list[dict[str, float]], found: Mapping[str, Foretelling]
    ) -> Outcome:
        holds = [name for name, one in found.items() if one.tau.low > 0]
        against = [name for name, one in found.items() if one.tau.high < 0]
        best = next(iter(found))
        lead = found[best]
        count = f"{len(holds)} order{'s' * (len(holds) == 1)}" if holds else "none orders"
        told = f"Of {len(found)} measures, {count} {len(rows)} runs as their unseen scores do"
        if holds:
            told += f": {best} {lead.tau.format(2)}"
            if lead.worst:
                told += (
                    f", at worst {lead.by_setting[lead.worst].format(2)} over runs that differ in {lead.worst} alone"
                )
        told += "."
        if against:
            told += f" The other way round: {', '.join(f'{name} {found[name].tau.format(2)}' for name in against[::-1][:3])}."
        step = (
            f"Choose among such runs by {best} where there are no unseen labels."
            if holds and not (lead.worst and lead.by_setting[lead.worst].low <= 0)
            else "Choose by none of them alone: label some unseen examples instead."
        )
        each = tuple(
            {"run": net.name, "unseen score": float(s), **row}
            for net, s, row in zip(given.networks, score, rows, strict=True)
        )
        return Context(
            code=self.code, about=About("ranking", "runs"), statement=told, next_step=step, estimate=lead.tau,
            details=Foretold(
                ordered=tuple(OrderedBy(n, o.tau, o.p_value, o.worst, dict(o.by_setting)) for n, o in found.items()),
                runs=len(rows), judged="unseen score",
                each=each,
            ),
        )  # fmt: skip

    def _measured(
        self, given: Inspected, network: Network, train: Sample, test: Sample, settings: Settings
    ) -> dict[str, float]:
        """The measures of one run; what can't be had is left out."""
        from unseen.learners.networks.inspected import right
        from unseen.measures.gradients.coherence import coherence
        from unseen.measures.margins.margins import hidden_margins, input_margins, layers, output_margins
        from unseen.measures.sharpness.sharpness import adaptive_sharpness, curvature, fisher_rao

        made = {
            "training score": float(right(network, given.train).mean()),
            "training loss": float(network.losses(given.train).mean()), "parameters": float(network.parameters),
            "norm of the weights": float(network.weights.norm()),
        }  # fmt: skip
        told = {
            "coherence": lambda: coherence(network, train, memory=given.memory).estimate.value,
            "adaptive sharpness": lambda: adaptive_sharpness(network, train),
            "trace of the Hessian": lambda: (
                curvature(
                    network, train, generator=generator(self.rng(settings, network.name)), probes=8, steps=2
                ).trace.value
            ),
            "Fisher-Rao norm": lambda: fisher_rao(network, train, memory=given.memory),
        }
        if train.classes:
            inner = layers(network)
            told |= {
                "confidence on unseen inputs": lambda: _confidence(network, test),
                "output margin": lambda: _mean(output_margins(network, train)),
                "input margin": lambda: _mean(input_margins(network, train, steps=STEPS)),
            }
            if (basis := directions(given)) is not None:
                told["constrained margin"] = lambda: _mean(input_margins(network, train, within=basis, steps=STEPS))
            if inner:
                told["hidden margin"] = lambda: _mean(hidden_margins(network, train, inner[0]))
        for name, measure in told.items():
            try:
                with seeded_torch(settings.seed):
                    value = measure()
            except (BadInput, TooFewUnits, Undefined, RuntimeError):
                continue
            if math.isfinite(value):
                made[name] = value
        return made


def told_apart(scores: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Which pairs of runs differ by more than two standard errors of their paired difference, shape (runs, runs).

    Args:
        scores: Shape (examples, runs).
        clusters: What was sampled together, shape (examples,).
    """
    centred = scores - scores.mean(0)
    sums = np.stack([np.bincount(clusters, centred[:, k]) for k in range(scores.shape[1])], 1)
    products = sums.T @ sums
    own = np.diag(products)
    error = np.sqrt(np.maximum(own[:, None] + own[None] - 2 * products, 0)) / len(scores)
    mean = scores.mean(0)
    return abs(mean[:, None] - mean[None]) > 2 * np.maximum(error, 1e-12)


def _confidence(network: Network, sample: Sample) -> float:
    """Mean probability of the answer: no label is read."""
    import torch

    made = [
        torch.softmax(network.class_scores(network.outputs(x)), 1).max(1).values.flatten()
        for x in sample.inputs.split(network.batch())
    ]
    return float(torch.cat(made).mean())


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def _configured(settings: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """Settings without words that are another in each run (names, dates, paths); numbers may be, as in a random search."""
    names = {name for one in settings for name in one}
    words = {name for name in names if any(isinstance(one.get(name), str) for one in settings)}
    labels = {name for name in words if len({str(one.get(name)) for one in settings}) == len(settings)}
    return [{name: value for name, value in one.items() if name not in labels} for one in settings]


def _varying(settings: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """Settings without those that are the same in all runs, or another in each."""
    names = sorted({name for one in settings for name in one})
    counts = {name: len({str(one.get(name)) for one in settings}) for name in names}
    kept = [name for name in names if 1 < counts[name] < len(settings)]
    return [{name: one.get(name) for name in kept} for one in settings] if kept else []
