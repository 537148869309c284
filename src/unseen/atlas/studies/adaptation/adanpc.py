"""AdaNPC: a memory of features that votes and grows at test time, against the trained head, Tent, T3A and batch norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unseen.adaptation.adanpc import AdaNPC
from unseen.adaptation.base import Adapter, Batch, FloatArray, Setting, Source, Unchanged, adapt, batch_rows
from unseen.adaptation.batch_norm import BatchNormAdaptation
from unseen.adaptation.parts import Parts, class_numbers, classes_of
from unseen.adaptation.t3a import T3A
from unseen.adaptation.tent import Tent
from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.data import Examples
from unseen.data.digits import digit_domains
from unseen.engine.seeds import numpy_generator

BATCH, K, MARGIN, RATE = 32, 20, 0.5, 1e-3
ANGLES = [f"{angle}°" for angle in (0, 15, 30, 45, 60, 75)]
KS, MARGINS, RATES = (5, 20, 50), (0.0, 0.5, 0.9), (1e-4, 1e-3, 1e-2)


class Told(AdaNPC):
    """AdaNPC whose sure rows join with labels that are given, batch after batch, not with the predicted ones."""

    def __init__(self, source: Source, labels: Sequence[np.ndarray]) -> None:
        super().__init__(source, k=K, margin=MARGIN)
        self.given = iter(labels)

    def predict(self, batch: Batch) -> FloatArray:
        """Vote, then insert the sure rows."""
        z, labels = self._placed(batch.need("features", "AdaNPC")), next(self.given)
        shares = self._vote(z)
        top = np.sort(shares, axis=1)
        sure = top[:, -1] - top[:, -2] >= self.margin
        self.seen = np.concatenate([self.seen, z[sure]])
        self.seen_labels = np.concatenate([self.seen_labels, labels[sure]])
        return shares


class Asked:
    """A fitted network, what methods may keep of its source, and the batches that it is asked."""

    def __init__(self, learner: Any, source: Examples, target: Examples) -> None:
        parts = Parts(learner, source)
        self.source = parts.source(source, frozenset({"features"}), rows=2000)
        read = parts.read(target, {"probabilities", "features", "inputs"})
        self.truth = class_numbers(target, classes_of(learner))
        cut = batch_rows([str(d) for d in target.column("domain")], BATCH)
        self.rows = [rows for _, rows in cut]
        self.batches = [Batch(**{k: v[rows] for k, v in read.items()}, domain=name) for name, rows in cut]

    def right(self, adapter: Adapter, setting: Setting = "online") -> float:
        """Share of rows that a method answers rightly."""
        made = adapt(adapter, self.batches, setting)
        hits = [p.argmax(1) == self.truth[rows] for p, rows in zip(made, self.rows, strict=True)]
        return float(np.concatenate(hits).mean())

    def methods(self) -> dict[str, Adapter]:
        """Each method at its usual values; Tent without a guard, as published."""
        return {
            "head": Unchanged(self.source), "adanpc": AdaNPC(self.source, k=K, margin=MARGIN),
            "frozen": AdaNPC(self.source, k=K, margin=2.0), "t3a": T3A(self.source),
            "batch-norm": BatchNormAdaptation(self.source), "tent": Tent(self.source, rate=RATE, guard=False),
        }  # fmt: skip


def fitted(examples: Examples, steps: int, rng: np.random.Generator) -> Any:
    """A small convolutional network with batch norm, trained by cross-entropy."""
    from unseen.learners.architectures.featured import FeaturedCNN
    from unseen.training.config import TrainConfig
    from unseen.training.domain_learner import DomainLearner

    config = TrainConfig(steps=steps, batch_size=64, lr=3e-3, schedule="cosine", eval_every=steps)
    made = DomainLearner(lambda _, n: FeaturedCNN(1, 8, n, 16, batch_norm=True), config=config, shape=(1, 8, 8))
    return made.fit(examples, rng)


def inside(examples: Examples, domains: Sequence[str]) -> Examples:
    """The rows of these domains, domain after domain in the order given."""
    column = examples.column("domain")
    return examples.take(np.concatenate([np.flatnonzero(column == d) for d in domains]))


@study(
    slug="adanpc",
    claim=[
        ("On domains that were left out, AdaNPC is right more often than the trained head.", "over_head"),
        ("Where the target is a series of domains, its accuracy is far above that of adaptation by gradients.", "series"),
        ("On single domains it is right more often than Tent, too.", "over_tent"),
        ("And than T3A.", "over_t3a"),
        ("Test rows that join the memory add to it.", "growth_adds"),
        ("Its lead over Tent is larger where nothing is reset between domains.", "series_growth"),
    ],
    source="Zhang et al. (2023), AdaNPC: Exploring Non-Parametric Classifier for Test-Time Adaptation, ICML, section 5",
    link="https://arxiv.org/abs/2304.12566",
    did="Put a memory of source features in place of the head of ResNets and transformers, let sure test rows join it, and "
    "compared on DomainBed (Rotated MNIST among it), each domain left out in turn, and on series of domains.",
    here="Rotated digits like DomainBed's Rotated MNIST, 8 × 8 with about 300 rows an angle, and a small convolutional network "
    "with batch norm. All methods at their usual values, none is tuned. The network is trained by cross-entropy only; training "
    "under the loss of the memory is left out.",
    fidelity="B",
    parts=[
        headline("over_head", "Each angle left out in turn: points above the head", claimed=0.02, refuted=0.0, within=DIFFERENCE,
                 basis="abstract: significantly outperforms; two points, beyond what DomainBed's repetitions differ by"),
        headline("series", "30° to 75° after 0° and 15°, no reset: accuracy over that of Tent", claimed=1.25, refuted=1.0,
                 within=(0.0, 100.0), scale="log", basis="abstract: 50 % higher than advanced methods; half of that"),
        side_part("over_tent", "Each angle left out in turn: points above Tent", claimed=0.01, refuted=0.0, within=DIFFERENCE,
                  basis="abstract: outperforms competitive baselines; a point is the least that shows on 1,797 rows"),
        side_part("over_t3a", "Each angle left out in turn: points above T3A", claimed=0.01, refuted=0.0, within=DIFFERENCE,
                  basis="as for Tent"),
        side_part("growth_adds", "Each angle left out in turn: points above the same memory, frozen", claimed=0.01, refuted=0.0,
                  within=DIFFERENCE, basis="abstract: the memory moves towards the test distribution; a point as for Tent"),
        side_part("series_growth", "Series: points that its lead over Tent gains where nothing is reset", claimed=0.02, refuted=0.0,
                  within=DIFFERENCE, basis="section 5: methods by gradients forget over a series; two points as for the head"),
        gate("seen", "The head is right on held-out rows of the source", at_least=0.9, within=SHARE, basis="learnt"),
        gate("room", "There is room: head on angles left out", at_most=0.95, within=SHARE, basis="ceiling"),
        control("true_labels", "Rows that join with their true labels add over the head", at_least=0.03, within=DIFFERENCE,
                basis="above what is claimed: what a memory can use"),
        control("random_labels", "Rows that join with random labels add nothing to the frozen memory", at_most=0.01,
                within=DIFFERENCE, basis="what growth is claimed to add", cuts="the label of rows that join"),
        control("no_shift", "On held-out rows of the source nothing is gained over the head", at_most=0.02, within=DIFFERENCE,
                basis="what is claimed", cuts="the shift"),
    ],
    units="seeds: digits to angles, hold-outs, initialisation and order redrawn; six angles and a series a seed.",
    seeds=range(30, 74),
    code="yfzhang114/AdaNPC: domainbed/adapt_algorithms.py (AdaNPC, T3A, TentFull), knn.py (cosine, weights exp(s / 0.1)) and "
    "scripts/unsupervised_adaptation.py (batches of 32; K 1 to 200, β 0 to 1.1). There β bounds a softmax of the shares, which "
    "for ten classes is at most 0.23: β = 0 takes all rows in, and from 0.25 on the memory is frozen",
    oracle=["tests/adaptation/test_numpy_methods.py"],
    reconstructed="K = 20, temperature 0.1; rows join where the two largest shares differ by 0.5. K, that margin (0 takes all rows "
    "in) and Tent's rate (usual: 1e-3) are swept. 400 updates a network.",
    sweeps=[
        Sweep("K", "over_head", {str(k): f"over_head at K = {k}" for k in KS}),
        Sweep("margin for joining", "over_head", {str(m): f"over_head at margin {m:g}" for m in MARGINS}),
        Sweep("rate of Tent", "series", {f"{r:g}": f"series at rate {r:g}" for r in RATES}),
    ],
    history=[
        Change("2026-11-21", "New plan after one of the first form: thresholds above zero; frozen memory, T3A and batch "
               "norm beside.", tuple(range(10))),
        Change("2026-11-21", "Pilots: the bound of no_shift went from 0.01 to 0.02, which is what is claimed; 16 seeds.",
               tuple(range(100, 105))),
        Change("2026-11-23", "Sixteen (10 to 25) left the lead on series open, 1.28 [1.24, 1.33] where 1.25 is claimed; about 44 "
               "would decide: as many fresh ones. Nothing else changed.", tuple(range(10, 26))),
    ],
    would_take="DomainBed's images and ResNets on a GPU",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Six angles left out in turn, then a series of four after two."""
    rng = numpy_generator(seed, "adanpc", 2)
    steps = 60 if quick else 400
    digits = digit_domains("rotation", seed=int(rng.integers(2**31)))
    trials = list[dict[str, float]]()
    for target in ANGLES[5:] if quick else ANGLES:
        rest = inside(digits, [n for n in ANGLES if n != target])
        order = rng.permutation(len(rest))
        train, held = rest.take(order[len(order) // 6 :]), rest.take(order[: len(order) // 6])
        learner = fitted(train, steps, rng)
        asked, same = Asked(learner, train, inside(digits, [target])), Asked(learner, train, held)
        source = asked.source
        right = {name: asked.right(method) for name, method in asked.methods().items()}
        truth = [asked.truth[rows] for rows in asked.rows]
        random = [rng.integers(10, size=len(rows)) for rows in asked.rows]
        right |= {"true": asked.right(Told(source, truth)), "random": asked.right(Told(source, random))}
        right |= {f"over_head at K = {k}": asked.right(AdaNPC(source, k=k, margin=MARGIN)) - right["head"] for k in KS}
        for margin in MARGINS:
            right[f"over_head at margin {margin:g}"] = asked.right(AdaNPC(source, k=K, margin=margin)) - right["head"]
        right["seen"] = same.right(Unchanged(same.source))
        right["no_shift"] = same.right(AdaNPC(same.source, k=K, margin=MARGIN)) - right["seen"]
        trials.append(right)
    mean = {name: float(np.mean([trial[name] for trial in trials])) for name in trials[0]}
    series = Asked(
        fitted(inside(digits, ANGLES[:2]), steps, rng), inside(digits, ANGLES[:2]), inside(digits, ANGLES[2:])
    )
    kept, fresh = ({k: series.right(m, s) for k, m in series.methods().items()} for s in ("continual", "online"))
    ratio = {r: kept["adanpc"] / series.right(Tent(series.source, rate=r, guard=False), "continual") for r in RATES}
    return {
        "over_head": mean["adanpc"] - mean["head"], "series": ratio[RATE], "over_tent": mean["adanpc"] - mean["tent"],
        "over_t3a": mean["adanpc"] - mean["t3a"], "growth_adds": mean["adanpc"] - mean["frozen"],
        "series_growth": (kept["adanpc"] - kept["tent"]) - (fresh["adanpc"] - fresh["tent"]),
        "seen": mean["seen"], "room": mean["head"], "true_labels": mean["true"] - mean["head"],
        "random_labels": mean["random"] - mean["frozen"], "no_shift": mean["no_shift"],
        **{name: value for name, value in mean.items() if name.startswith("over_head at")},
        **{f"series at rate {r:g}": value for r, value in ratio.items()},
        **{f"left_out_{name}": mean[name] for name in kept}, **{f"series_{name}": value for name, value in kept.items()},
        **{f"series_reset_{name}": value for name, value in fresh.items()},
    }  # fmt: skip
