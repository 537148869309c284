"""Joint ratings of models and cases: they predict held-out matches, are stable, and leave a gap on the long tail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.engine.seeds import numpy_generator
from unseen.estimates.models.match_ratings import match_ratings
from unseen.estimates.models.ratings import joint_ratings
from unseen.learners.pool import response_matrix, small_classifiers
from unseen.tasks import load

SETS = ("digits", "cancer", "mode")
LONGEST = 12
# The weakest members see a dozen rows: models that hardly differ have no ranking to be stable.
FEWEST = 12


def data(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and classes of one set; the most frequent of five symbols from one-hot symbols, padded at the end."""
    from sklearn.datasets import load_breast_cancer, load_digits

    if name != "mode":
        found: Any = (load_digits if name == "digits" else load_breast_cancer)()
        return np.asarray(found.data, float), np.asarray(found.target)
    examples = load("mode").draw_many(1600, seed, length=(3, LONGEST))
    tokens = sorted({t for e in examples for t in e.input})
    x = np.zeros((len(examples), LONGEST, len(tokens)))
    for row, e in zip(x, examples, strict=True):
        row[np.arange(len(e.input)), [tokens.index(t) for t in e.input]] = 1
    return x.reshape(len(x), -1), np.array([str(e.target[0]) for e in examples])


def loss(p: np.ndarray, outcome: np.ndarray) -> float:
    """Mean log loss [nats]."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-(outcome * np.log(p) + (1 - outcome) * np.log1p(-p)).mean())


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho."""
    from scipy import stats

    found: Any = stats.spearmanr(a, b)
    return float(found.statistic)


def mean_of_side(seen: np.ndarray, axis: int) -> np.ndarray:
    """Mean score along an axis, drawn by one match towards the mean of all."""
    total, n = np.nansum(seen, axis=axis), (~np.isnan(seen)).sum(axis=axis)
    return (total + np.nanmean(seen)) / (n + 1)


def one_set(name: str, seed: int, quick: bool) -> dict[str, Any]:
    """All measurements on one set of cases."""
    rng = numpy_generator(seed, "agi-elo", name)
    x, y = data(name, seed)
    rows = rng.permutation(len(y))
    train, test = np.split(rows, [len(y) // 2])
    test = test[:150] if quick else test
    matrix = response_matrix(
        small_classifiers(30, rng), x, y, train=train, test=test, sizes=(FEWEST, len(train)), rng=rng
    )
    held = rng.random(matrix.shape) < 0.2
    seen, outcome = np.where(held, np.nan, matrix), matrix[held]
    ratings = match_ratings(seen, rng=rng, orders=10 if quick else 50)
    models, cases = np.nonzero(held)
    rated = loss(ratings.success()[held], outcome)
    # Every order against the next, and halves of the cases against each other.
    by_order = [rank_correlation(a, b) for a, b in zip(ratings.model, ratings.model[1:], strict=False)]
    by_half, plain = list[float](), list[float]()
    for _ in range(3 if quick else 10):
        half = rng.permutation(len(test)) < len(test) // 2
        sides = [match_ratings(matrix[:, h], rng=rng, orders=5).model.mean(axis=0) for h in (half, ~half)]
        by_half.append(rank_correlation(*sides))
        plain.append(rank_correlation(matrix[:, half].mean(axis=1), matrix[:, ~half].mean(axis=1)))
    strength, difficulty = ratings.model.mean(axis=0), ratings.item.mean(axis=0)
    joint = joint_ratings(seen)
    best, hard = np.argsort(strength)[-5:], difficulty >= np.quantile(difficulty, 0.98)
    tail = matrix[held & np.isin(np.arange(30), best)[:, None] & hard]
    return {
        "over_model_mean": loss(mean_of_side(seen, 1)[models], outcome) - rated,
        "over_case_mean": loss(mean_of_side(seen, 0)[cases], outcome) - rated,
        "order_rho": float(np.mean(by_order)),
        "subset_rho": float(np.mean(by_half)),
        "subset_rho_of_accuracy": float(np.mean(plain)),
        "tail_gap": float(ratings.gap(0.99, 0.5).min()),
        "joint_tail_gap": float(np.quantile(joint.item, 0.99) - joint.model.max()),
        "mastery_gap": float(ratings.gap(0.99, 0.9).min()),
        "tail": (float(tail.mean()), len(tail)) if len(tail) else None,
        "top_accuracy": float(matrix[best[-1]].mean()),
    }


@first_form(
    slug="agi-elo",
    claim="Joint ratings of models and test cases predict held-out outcomes better than the mean of the model or of the "
    "case alone; rankings are stable over the order of matches and subsets of cases; the top model keeps a positive "
    "gap on the long tail.",
    source="Sun et al. (2025), AGI-Elo: How Far Are We From Mastering A Task?",
    thresholds=[
        Threshold("over_model_mean", "above", 0.0, "Lower log loss than the model's mean (three sets) [nats]"),
        Threshold("over_case_mean", "above", 0.0, "Lower log loss than the case's mean (three sets) [nats]"),
        Threshold("least_gain", "above", 0.0, "So on the worst set and against the better of the two means [nats]"),
        Threshold("order_rho", "above", 0.9, "Rank correlation of models between orders of the matches"),
        Threshold("subset_rho", "above", 0.9, "Rank correlation of models between halves of the cases"),
        *[Threshold(f"tail_gap_{s}", "above", 0.0, f"Top model below the hardest 1 % of cases: {s} [points]")
          for s in SETS],
        Threshold("mastery_gap", "above", 0.0, "Top model below a success of 90 % there (three sets) [points]"),
        Threshold("tail_success", "below", 0.5, "Held-out success of the top five on the hardest 2 % is below half"),
    ],
    units="seeds: models, their training rows, cases, held-out matches and orders redrawn",
    reduced="30 small classifiers on three sets (digits, breast cancer, most frequent symbol) in place of large models "
    "and humans on six sets of vision, language and action.",
    reconstructed="Ratings are updated by Glicko's equations, a period a match, all starting at 1500 with deviation 350; "
    "the score of a match is 1 or 0. Models are fitted to twelve up to half of a set's rows. Means as "
    "competitors are drawn by one match towards the overall mean. The long tail is the hardest hundredth of cases.",
    seeds=5,
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Ratings from 80 % of the matches on each set, judged on the rest."""
    sets = {name: one_set(name, seed, quick) for name in SETS}
    mean = {k: float(np.mean([s[k] for s in sets.values()])) for k in (
        "over_model_mean", "over_case_mean", "order_rho", "subset_rho", "subset_rho_of_accuracy", "mastery_gap")}  # fmt: skip
    tails = [s["tail"] for s in sets.values() if s["tail"]]
    n = sum(k for _, k in tails)
    gains = {f"{k} {name}": s[k] for name, s in sets.items() for k in ("over_model_mean", "over_case_mean")}
    return {
        **mean,
        "least_gain": min(gains.values()),
        "tail_success": (sum(p * k for p, k in tails) / n, n),
        **{f"tail_gap_{name}": s["tail_gap"] for name, s in sets.items()},
        **{f"{k} {name}": s[k] for name, s in sets.items() for k in ("joint_tail_gap", "mastery_gap", "order_rho", "subset_rho",
                                                                    "top_accuracy")},
        **gains,
    }  # fmt: skip
