"""Difficulty labels from who solved what: do they foretell other kinds of models, and does training at one level carry over?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.atlas.studies.measures.cross_difficulty import data, transfer
from unseen.engine.seeds import numpy_generator
from unseen.learners.pool import response_matrix, small_classifiers
from unseen.measures.curves.difficulty_labels import falls_with_difficulty, glicko_labels, upward_excess
from unseen.measures.curves.difficulty_transfer import decay_per_bin, equal_bins, item_difficulty

MODELS, KINDS, BINS, SWEPT = 100, 10, 5, (3, 4, 5)
STEPS = 300
# Fewest and most rows that a member of the pool is fitted to.
SIZES = {"digits": (30, 400), "sums": (60, 800), "tumours": (20, 80)}
TRANSFERRED = ("digits", "sums")
CORRELATION = (-1.0, 1.0)


def items_of(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and classes of one set; sums are cut to the number of digits."""
    if name == "tumours":
        from sklearn.datasets import load_breast_cancer

        found: Any = load_breast_cancer()
        x = np.asarray(found.data, float)
        return (x - x.mean(0)) / x.std(0), np.asarray(found.target)
    x, y = data(name, seed, quick=False)
    return x[:1800], y[:1800]


def labels(matrix: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Difficulty of each item by three estimators; higher is harder."""
    return {
        "IRT, one parameter": item_difficulty(matrix),
        "Glicko-2": glicko_labels(matrix, rng=rng).item,
        "share wrong": 1 - np.nanmean(matrix, axis=0),
    }


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Of two labels; infinite ones are ranked at the ends."""
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


@dataclass(frozen=True)
class Pool:
    """Answers of a pool of models with their kinds."""

    matrix: np.ndarray
    kind: np.ndarray

    def falls(self, rng: np.random.Generator) -> dict[str, float]:
        """How steadily models of half of the kinds fall along labels from the other half, mean over both ways."""
        first = rng.permutation(KINDS)[: KINDS // 2]
        side = np.isin(self.kind, first)
        found: dict[str, list[float]] = {}
        for own in (side, ~side):
            told = labels(self.matrix[own], rng)
            for name, label in (*told.items(), ("shuffled", rng.permutation(told["IRT, one parameter"]))):
                value = falls_with_difficulty(label, self.matrix[~own], rng=rng)
                found.setdefault(name, []).append(float(value.mean()))
        return {name: float(np.mean(values)) for name, values in found.items()}

    def halves(self, rng: np.random.Generator) -> dict[str, float]:
        """Labels from two random halves of the models: agreement, and how often they differ within their doubt."""
        side = rng.permutation(len(self.matrix)) < len(self.matrix) // 2
        one, two = (glicko_labels(self.matrix[s], rng=rng) for s in (side, ~side))
        error = np.hypot(one.item_deviation, two.item_deviation)
        return {
            "reliable": spearman(one.item, two.item),
            "within doubt": float(np.mean(np.abs(one.item - two.item) < 1.96 * error)),
        }


def pool_of(name: str, x: np.ndarray, y: np.ndarray, rng: np.random.Generator, count: int) -> Pool:
    """Answers of small classifiers of ten kinds, each fitted to its own rows."""
    rows = np.arange(len(y))
    members = small_classifiers(count, rng)
    matrix = response_matrix(members, x, y, train=rows, test=rows, sizes=SIZES[name], rng=rng)
    return Pool(matrix, np.arange(count) % KINDS)


def planted(rng: np.random.Generator) -> float:
    """Agreement of Glicko-2 labels with difficulties of a Rasch model that drew the answers."""
    difficulty, ability = rng.normal(size=600), rng.normal(size=(MODELS, 1))
    answers = rng.random((MODELS, 600)) < 1 / (1 + np.exp(difficulty - ability))
    return spearman(glicko_labels(answers.astype(float), rng=rng).item, difficulty)


def of_labels(pool: Pool, rng: np.random.Generator) -> dict[str, float]:
    """What labels of one set foretell and how far they can be relied on."""
    told, falls = labels(pool.matrix, rng), pool.falls(rng)
    return {
        "falls": falls["IRT, one parameter"],
        **{f"falls, {name}": value for name, value in falls.items()},
        "agree": spearman(told["IRT, one parameter"], told["Glicko-2"]),
        **pool.halves(rng),
        "spread": float(np.ptp(np.quantile(np.nanmean(pool.matrix, axis=0), [0.05, 0.95]))),
    }


def within_classes(difficulty: np.ndarray, y: np.ndarray, bins: int, rng: np.random.Generator) -> np.ndarray:
    """Levels of equal size within each class, so that levels do not differ in their answers."""
    found = np.empty(len(y), dtype=np.int64)
    for label in np.unique(y):
        found[y == label] = equal_bins(difficulty[y == label], bins, rng)
    return found


def of_training(
    items: tuple[np.ndarray, np.ndarray], difficulty: Mapping[str, np.ndarray], seed: int, quick: bool,
    rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """Gains of networks trained on one bin of difficulty, tested on all."""
    half, steps = rng.random(len(items[1])) < 0.5, 60 if quick else STEPS

    def gains(bins: np.ndarray) -> np.ndarray:
        return transfer(items, bins, half, seed, steps, rng)[: int(bins.max()) + 1]

    main = difficulty["IRT, one parameter"]
    by_count = {n: gains(within_classes(main, items[1], n, rng)) for n in ((BINS,) if quick else SWEPT)}
    level = within_classes(main, items[1], BINS, rng)
    plain, own = gains(equal_bins(main, BINS, rng)), by_count[BINS]
    return {
        "decay": decay_per_bin(own),
        "upward": upward_excess(own),
        **{f"upward at {n}": upward_excess(gain) for n, gain in by_count.items()},
        "decay, Glicko-2": decay_per_bin(gains(within_classes(difficulty["Glicko-2"], items[1], BINS, rng))),
        "decay, classes differ": decay_per_bin(plain),
        "upward, classes differ": upward_excess(plain),
        "decay, shuffled": decay_per_bin(gains(rng.permutation(level))),
        "decay, planted": decay_per_bin(gains(equal_bins(items[1], BINS, rng))),
        "easy": float(own[0, 0]),
        "own": float(np.diag(own).mean()),
        **{f"gain, {i + 1} to {j + 1}": float(own[i, j]) for i in (0, BINS - 1) for j in (0, BINS - 1)},
    }


@study(
    slug="easy2hard-bench",
    claim=[
        ("Difficulty estimated from some models foretells others: their accuracy falls from level to level.", "falls"),
        ("Training at one level generalises less the further the test level is from it.", "decay"),
        ("Most is lost from easy to hard.", "upward"),
        ("Item response theory and Glicko-2 order items alike.", "agree"),
        ("Labels carry their uncertainty.", "within doubt"),
    ],
    source="Ding, Deng, Choo, Wu, Agrawal, Schwarzschild, Zhou, Goldstein, Langford, Anandkumar, Huang (2024), Easy2Hard-Bench: "
    "Standardized Difficulty Labels for Profiling LLM Performance and Generalization, NeurIPS Datasets and Benchmarks",
    link="https://arxiv.org/abs/2409.18433",
    did="Labelled six sets of problems with difficulties by item response theory and Glicko-2 from attempts of people and of "
    "language models, profiled six language models along them, and trained at some levels to test at others.",
    here="Digits, tumours (breast cancer) and the tens digit of sums. 100 small classifiers of ten kinds answer in place of people "
    "and language models; labels from five kinds are tested on the five others. Perceptrons trained on one of five levels "
    "of digits and sums in place of fine-tuned language models; levels hold equally many items of each class. No human attempts.",
    fidelity="D",
    parts=[
        headline("falls", "How steadily accuracy falls over ten levels in models of kinds that the labels do not come from (minus "
                 "Spearman's coefficient, mean of models, three sets)", claimed=0.9, refuted=0.5, within=CORRELATION,
                 basis="accuracy falls along the labels for each of six models: of ten levels a pair of neighbours is swapped now "
                 "and then; half an order is no standard of difficulty"),
        headline("decay", "Gain per level of distance between training and test, five levels, within test levels",
                 claimed=-0.05, refuted=0.0, within=DIFFERENCE, basis="a fifth over the range, as for cross-difficulty; 0 is none"),
        side_part("upward", "Loss from easy to hard less that from hard to easy, mean over pairs of levels", claimed=0.05,
                  refuted=0.0, within=DIFFERENCE, basis="'most from easy to hard': a level's worth; 0 is as much either way"),
        side_part("agree", "Agreement of labels by item response theory and by Glicko-2 (Spearman)", claimed=0.9, refuted=0.7,
                  within=CORRELATION, basis="both are used as one standard of difficulty"),
        side_part("within doubt", "Items whose labels from two halves of the models differ by less than 1.96 standard errors",
                  claimed=0.9, refuted=0.75, within=SHARE, basis="0.95 nominal; a quarter is not covered"),
        gate("reliable", "Agreement of labels from two halves of the models (Spearman)", at_least=0.7, within=CORRELATION,
             basis="the usual least reliability of a test in groups"),
        gate("spread", "Share right of items from the 5 % hardest to the 5 % easiest", at_least=0.3, within=SHARE,
             basis="else there is no difficulty to label"),
        gate("own", "Training gains on its own level (mean of levels)", at_least=0.4, within=DIFFERENCE,
             basis="there must be something to lose; chance is 0.1"),
        gate("easy", "And on the easiest", at_least=0.7, within=DIFFERENCE, basis="learnt where it is easy; the most is 0.9"),
        control("planted", "Glicko-2 labels agree with difficulties that were planted (Spearman)", at_least=0.9, within=CORRELATION,
                basis="100 answers an item of a Rasch model"),
        control("decay, planted", "Levels of classes, of which nothing carries over: gain per level", at_most=-0.05,
                within=DIFFERENCE, basis="by construction"),
        control("falls, shuffled", "Labels shuffled: how steadily accuracy falls", at_most=0.2, within=CORRELATION,
                basis="0 but for chance", cuts="which label an item has"),
        control("decay, shuffled", "Levels shuffled: gain per level of distance", at_least=-0.01, within=DIFFERENCE,
                basis="a fifth of what is claimed", cuts="which level an item has"),
    ],
    units="seeds: pool of models, sums, division into kinds and into training and test items, initialisation and order redrawn",
    seeds=range(10, 18),
    code="umd-huang-lab/Easy2Hard-Bench was read: README.md only, its evaluation code is not published; the data set's card names "
    "the estimators (1PL IRT, Glicko-2) and the columns of uncertainty",
    oracle=["tests/measures/test_difficulty_labels.py", "tests/atlas/test_easy2hard_bench.py"],
    reconstructed="Number of levels and estimator (both swept); ten random rating periods; labels of the training part come from "
    "models that did not see the item; levels are made within classes (swept); 300 updates for each level.",
    sweeps=[
        Sweep("estimator", "falls", {name: f"falls, {name}" for name in
                                     ("IRT, one parameter", "Glicko-2", "share wrong")}),
        Sweep("labels of levels", "decay", {"IRT, classes held": "decay", "Glicko-2, classes held": "decay, Glicko-2",
                                            "IRT, classes differ": "decay, classes differ"}),
        Sweep("levels", "upward", {f"{n}": f"upward at {n}" for n in SWEPT}),
    ],
    history=[
        Change("2026-11-22", "First plan; thresholds before any pilot. A look at seed 0 without the plan: levels of sums differed "
               "in their classes (the easiest were those of few sums), so that levels are made within classes.", (0,)),
        Change("2026-11-22", "Pilot on two seeds; its spread asks for 5, eight are taken for the gate on the easiest level and the "
               "shuffled labels. Nothing was changed.", (100, 101)),
    ],
    would_take="fine-tuning language models at levels of a benchmark with human attempts",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Labels of three sets, and transfer in two of them."""
    rng = numpy_generator(seed, "easy2hard")
    told: dict[str, dict[str, float]] = {}
    moved: dict[str, dict[str, float]] = {}
    for name in SIZES:
        x, y = items_of(name, seed)
        pool = pool_of(name, x, y, rng, MODELS)
        told[name] = of_labels(pool, rng)
        if name in TRANSFERRED:
            moved[name] = of_training((x, y), labels(pool.matrix, rng), seed, quick, rng)
    mean = {
        key: float(np.mean([one[key] for one in part.values()]))
        for part in (told, moved)
        for key in next(iter(part.values()))
    }
    apart = {
        f"{key} ({name})": part[name][key]
        for part, keys in ((told, ("falls", "agree", "within doubt", "reliable")), (moved, ("decay", "upward", "easy")))
        for name in part
        for key in keys
    }
    return {**mean, **apart, "planted": planted(rng)}
