"""How tight are bounds of the expected gap that retraining on exchanged examples gives?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unseen.atlas.plan import SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.engine.seeds import numpy_generator

if TYPE_CHECKING:
    from unseen.measures.bounds.supersample import Kind, Supersample

SIZES = (5, 10, 20, 30)
# Inputs that tell the class, those of the second setting (the rest is noise: any labels can be fitted), and most updates.
INPUTS, WIDE, EPOCHS = 5, 40, 500
# Draws of the pairs, and retrainings on each: as the authors, and so many that information within a draw has little bias.
DRAWS, RETRAINED = 50, 100
FEW, OFTEN = 12, 800
# A learner stops where so many of its training examples are right.
ENOUGH = 0.99
RATIO = (0.0, math.inf)


def drawn_pairs(n: int, rng: np.random.Generator, inputs: int = INPUTS) -> tuple[np.ndarray, np.ndarray]:
    """2n points of two classes in n pairs, as the authors draw them: inputs (n, 2, inputs) and classes (n, 2)."""
    from sklearn.datasets import make_classification

    made: Any = make_classification(
        n_samples=2 * n, n_features=inputs, n_informative=INPUTS, n_redundant=0, n_clusters_per_class=1, class_sep=1.0,
        flip_y=0, random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    order = rng.permutation(2 * n)
    x, y = cast("np.ndarray", made[0])[order], cast("np.ndarray", made[1])[order]
    return x.reshape(n, 2, inputs), y.reshape(n, 2).astype(np.int64)


def retrained(
    x: np.ndarray, y: np.ndarray, masks: np.ndarray, rate: float, epochs: int, rng: np.random.Generator
) -> np.ndarray:  # fmt: skip
    """Classes that a linear classifier tells of both examples of each pair, for each mask; shape (draws, m, n, 2).

    Softmax over two outputs by full-batch descent from torch's initial weights, which depends on the difference of the two rows
    of weights alone; that difference moves twice as fast as either.

    Args:
        x: Inputs, shape (draws, n, 2, inputs).
        y: Classes, shape (draws, n, 2).
        masks: Which example of a pair is trained on, shape (draws, m, n).
        rate: Of the descent.
        epochs: At most so many.
        rng: Initial weights.
    """
    draws, m, n = masks.shape
    both = np.concatenate([x, np.ones((*x.shape[:-1], 1))], -1).astype(np.float32)
    spread = 1 / math.sqrt(x.shape[-1])
    first = rng.uniform(-spread, spread, (2, draws, m, both.shape[-1])).astype(np.float32)
    weights = first[1] - first[0]
    rows, at = np.arange(n), np.arange(draws)[:, None, None]
    inputs, classes = both[at, rows, masks], y[at, rows, masks].astype(np.float32)
    running = np.ones((draws, m), dtype=bool)
    for _ in range(epochs):
        values = np.einsum("zmni,zmi->zmn", inputs, weights)
        right = ((values > 0) == (classes > 0)).mean(-1)
        chance = 1 / (1 + np.exp(-np.clip(values, -60, 60)))
        pull = np.einsum("zmn,zmni->zmi", chance - classes, inputs) / n
        weights = weights - np.float32(2 * rate) * pull * running[..., None]
        running &= right < ENOUGH
        if not running.any():
            break
    return (np.einsum("znki,zmi->zmnk", both, weights) > 0).astype(np.int64)


def experiment(
    n: int, draws: int, m: int, epochs: int, rng: np.random.Generator, *, rate: float = 0.01, inputs: int = INPUTS
) -> Supersample:  # fmt: skip
    """Pairs, fair masks, and a learner retrained on each."""
    from unseen.measures.bounds.supersample import Supersample

    pairs = [drawn_pairs(n, rng, inputs) for _ in range(draws)]
    x, y = np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])
    masks = rng.integers(0, 2, (draws, m, n))
    told = retrained(x, y, masks, rate, epochs, rng)
    return Supersample(masks, (told != y[:, None]).astype(np.int64), told)


def by_heart(rng: np.random.Generator) -> Supersample:
    """A learner that knows its training examples and guesses the rest."""
    from unseen.measures.bounds.supersample import Supersample

    masks = rng.integers(0, 2, (4, 1_000, 6))
    own = np.stack([masks == 0, masks == 1], -1)
    losses = np.where(own, 0, rng.integers(0, 2, own.shape))
    return Supersample(masks, losses, losses)


def mean_ratio(above: list[float], below: list[float]) -> float:
    """Geometric mean of ratios; what is nothing counts as a thousandth."""
    return float(np.exp(np.mean(np.log(np.maximum(above, 1e-3)) - np.log(np.maximum(below, 1e-3)))))


@study(
    slug="supersample-bounds",
    claim=[
        ("Bounds from the difference of the two losses of a pair are tighter than those from the learner's predictions (f-CMI).",
         "ld_over_f"),
        ("Bounds without a root are tighter than those with one where the training error is near zero.", "fast_over_ld"),
        ("The difference is tighter than f-CMI at every size of the sample.", "worst_ld_over_f"),
        ("It is tighter than the pair of losses (e-CMI) too.", "ld_over_e"),
        ("All bounds exceed the gap.", "least_over_gap"),
    ],
    source="Wang & Mao (2023), Tighter Information-Theoretic Generalization Bounds from Supersamples, ICML",
    link="https://arxiv.org/abs/2302.02432",
    did="Proved bounds of the expected gap by the information between the difference of two losses and which example was trained "
    "on, and compared them with earlier ones on linear classifiers of simulated points, on MNIST pairs with a CNN and on CIFAR-10.",
    here="The simulated points, linear classifier, descent and numbers of draws of the authors' code (50 draws of the pairs, 100 "
    "retrainings of each, 5 inputs, separation 1, rate 0.01, up to 500 epochs, sizes 5 to 30). Information within a draw is "
    "estimated "
    "on 12 other draws with 800 retrainings of each, where its bias is small; beside it as the authors did. For small "
    "training errors "
    "35 inputs of noise and a rate of 0.1.",
    fidelity="A",
    parts=[
        headline("ld_over_f", "Bound from the difference of losses, over f-CMI (mean ratio over sizes)", claimed=0.9, refuted=1.0,
                 within=RATIO, unit="ratio", basis="'tighter than all … known to date': a tenth at least, to be seen in a figure; "
                 "1 is no gain"),
        headline("fast_over_ld", "Bound without a root over that with one, training error near zero (mean ratio)", claimed=0.9,
                 refuted=1.0, within=RATIO, unit="ratio",
                 basis="fast-rate bounds are there to be tighter for small training errors"),
        side_part("worst_ld_over_f", "Difference over f-CMI at the size where it gains least", claimed=0.95, refuted=1.0,
                  within=RATIO, unit="ratio", basis="'at every n'; half of the gain of the mean"),
        side_part("ld_over_e", "Difference over the pair of losses, both within draws", claimed=0.97, refuted=1.0, within=RATIO,
                  unit="ratio", basis="one number in place of two tells less: data processing; 1 is no gain"),
        side_part("least_over_gap", "Smallest of all bounds at any size and setting, over the gap", claimed=1.0, refuted=0.9,
                  within=RATIO, unit="ratio", basis="theorems 3.1 to 4.2; a tenth below is no error of estimation"),
        gate("learnt", "Right on the other examples at the largest size", at_least=0.75, within=SHARE, basis="half is chance"),
        gate("gap", "Gap at the smallest size", at_least=0.03, within=SHARE, basis="else there is nothing to bound"),
        gate("near_gap", "Gap in the second setting at the smallest size", at_least=0.03, within=SHARE,
             basis="else there is nothing to bound"),
        gate("near_zero", "Training error in the second setting", at_most=0.02, within=SHARE, basis="'near zero'"),
        gate("says", "f-CMI in the authors' setting, mean over sizes", at_most=1.0, within=RATIO,
             basis="1 is what no gap exceeds: vacuous beyond"),
        control("heart", "Bound for learners without training errors over the gap, of one that learns by heart", at_most=1.1,
                within=RATIO, basis="there the theorem holds with equality"),
        control("shuffled", "Difference bound with masks shuffled over retrainings, over that with the true ones", at_most=0.5,
                within=RATIO, basis="what is left is bias of the estimate", cuts="the link of losses to what was trained on"),
    ],
    units="seeds: pairs, masks and initial weights redrawn; 5,000 retrainings a size",
    seeds=range(20, 58),
    code="github.com/ZiqiaoWangGeothe/ld-single-CMI: BoundCompare.py (PlotBound with its defaults; RunClassExp, "
    "TrainClassification)",
    oracle=["tests/measures/bounds/test_supersample.py", "tests/atlas/test_supersample_bounds.py"],
    reconstructed="Inputs and rate of the second setting; how the bias of the information is dealt with (swept).",
    sweeps=[
        Sweep("retrainings of each draw, and how the bias of the information is dealt with", "ld_over_f",
              {"100, none (as the authors)": "ld_over_f as the authors", "100, Miller–Madow": "ld_over_f at 100",
               "800, none": "ld_over_f plug-in", "800, Miller–Madow": "ld_over_f", "800, shuffled masks": "ld_over_f shuffled"}),
    ],
    history=[
        Change("2026-11-22", "First plan; thresholds before any pilot.", ()),
        Change("2026-11-22", "Pilot: with 100 retrainings of each draw the ratio hung on how the bias of information within "
               "a draw is dealt with (0.92 as the authors, 1.02 less shuffled masks), so that 12 draws of 800 retrainings were "
               "added for it, with Miller and Madow's correction. The second setting (separation 3) had no gap left; it has 35 "
               "inputs of noise instead. Thresholds were left as they were.", (100, 101)),
        Change("2026-11-22", "Second pilot: all gates and controls hold, and the five ways to estimate information within a draw "
               "agree (0.90 to 0.93). Nothing was changed.", (100, 101)),
        Change("2026-11-23", "Five seeds (10 to 14) left the ratio open, 0.91 [0.89, 0.93] where 0.9 is claimed; about 38 would "
               "decide: as many fresh ones. Nothing else changed.", tuple(range(10, 15))),
    ],
    would_take="more retrainings of each draw",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Both settings over all sizes, with every bound."""
    rng = numpy_generator(seed, "supersample-bounds")
    draws, m, few, often, epochs = (12, 40, 3, 120, 200) if quick else (DRAWS, RETRAINED, FEW, OFTEN, EPOCHS)
    theirs = [experiment(n, draws, m, epochs, rng) for n in SIZES]
    longer = [experiment(n, few, often, epochs, rng) for n in SIZES]
    near = [experiment(n, draws, m, epochs, rng, rate=0.1, inputs=WIDE) for n in SIZES]
    kind: Kind = "Miller–Madow"
    ld = [one.difference(kind) for one in theirs]
    f = [one.functional(kind) for one in longer]
    every = [
        min(one.difference(kind), other.difference(kind, within=True), other.functional(kind), other.evaluated(kind),
            one.fast(kind), one.fast(kind, variance=True)) / max(one.gap, 1e-3)
        for one, other in (*zip(theirs, longer, strict=True), *zip(near, near, strict=True))
    ]  # fmt: skip
    heart = by_heart(rng)
    return {
        "ld_over_f": mean_ratio(ld, f),
        "ld_over_f as the authors": mean_ratio(
            [one.difference() for one in theirs], [one.functional() for one in theirs]
        ),
        "ld_over_f at 100": mean_ratio(ld, [one.functional(kind) for one in theirs]),
        "ld_over_f plug-in": mean_ratio([one.difference() for one in theirs], [one.functional() for one in longer]),
        "ld_over_f shuffled": mean_ratio(
            [one.difference("less shuffled", rng) for one in theirs],
            [one.functional("less shuffled", rng) for one in longer],
        ),
        "fast_over_ld": mean_ratio([one.fast(kind) for one in near], [one.difference(kind) for one in near]),
        "worst_ld_over_f": max(a / b for a, b in zip(ld, f, strict=True)),
        "ld_over_e": mean_ratio(
            [one.difference(kind, within=True) for one in longer], [one.evaluated(kind) for one in longer]
        ),
        "least_over_gap": min(every),
        "learnt": 1 - theirs[-1].training_loss - theirs[-1].gap,
        "gap": max(0.0, theirs[0].gap),
        "near_gap": max(0.0, near[0].gap),
        "near_zero": float(np.mean([one.training_loss for one in near])),
        "says": float(np.mean(f)),
        "heart": heart.interpolating() / heart.gap,
        "shuffled": mean_ratio(
            [shuffled(one, rng).difference() for one in theirs], [one.difference() for one in theirs]
        ),
        "ld_over_gap": mean_ratio(ld, [one.gap for one in theirs]),
        "fast_over_gap, second setting": mean_ratio([one.fast(kind) for one in near], [one.gap for one in near]),
        "gap at the largest size": theirs[-1].gap,
    }


def shuffled(sample: Supersample, rng: np.random.Generator) -> Supersample:
    """The same losses beside the masks of other retrainings."""
    from unseen.measures.bounds.supersample import Supersample

    return Supersample(rng.permuted(sample.masks, axis=1), sample.losses, sample.predictions)
