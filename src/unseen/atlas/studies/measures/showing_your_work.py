"""The expected best of n tuning runs: the plug-in estimator is too low, and its bootstrap interval covers too rarely."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.engine.seeds import numpy_generator
from unseen.estimates.models.best_of_runs import KernelScores, bootstrap_maxima, true_expected_maximum
from unseen.estimates.models.expected_max import expected_maximum_value, plug_in_maximum

RUNS = 50
NS = (10, 25, 50)
BETAS = ((2.0, 5.0), (8.0, 2.0), (30.0, 1.5))

# Draws of scores, their standard deviation, and the true expected best of each n.
Known = tuple[Callable[[tuple[int, int], np.random.Generator], np.ndarray], float, np.ndarray]


def searched(kind: str, seed: int, settings: int) -> np.ndarray:
    """Test accuracies of a random search over settings of a small model on 500 digits."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.svm import SVC

    rng = numpy_generator(seed, "search", kind)
    digits: Any = load_digits()
    rows = rng.permutation(len(digits.target))
    train, test = rows[:200], rows[200:500]
    scores, svm = list[float](), cast("Any", SVC)
    for _ in range(settings):
        model = (
            svm(C=10 ** rng.uniform(-2, 3), gamma=10 ** rng.uniform(-5, -1.5))
            if kind == "svm"
            else RandomForestClassifier(
                n_estimators=int(rng.integers(2, 30)),
                max_depth=int(rng.integers(1, 10)),
                random_state=int(rng.integers(2**31)),
            )
        )
        scores.append(float(model.fit(digits.data[train], digits.target[train]).score(
            digits.data[test], digits.target[test])))  # fmt: skip
    return np.array(scores)


def distributions(seed: int, settings: int) -> dict[str, Known]:
    """Three beta distributions, and kernel fits to two random searches."""
    from scipy import stats

    found = dict[str, Known]()
    for a, b in BETAS:
        made = stats.beta(a, b)
        true = np.array([true_expected_maximum(made.cdf, n, 0.0, 1.0) for n in NS])
        found[f"beta({a:g},{b:g})"] = (lambda shape, rng, a=a, b=b: rng.beta(a, b, shape)), float(made.std()), true
    for kind in ("svm", "forest"):
        kernel = KernelScores.of(searched(kind, seed, settings))
        found[kind] = kernel.draw, kernel.sd, np.array([kernel.expected_maximum(n) for n in NS])
    return found


@first_form(
    slug="showing-your-work",
    claim="The plug-in estimator of the expected best of n runs is too low, the more so as n nears the number of runs, "
    "and its 95 % bootstrap interval covers less often than stated; the unbiased estimator's bias is zero.",
    source="Tang et al. (2020), Showing Your Work Doesn't Always Work, sections 3 and 4",
    thresholds=[
        Threshold("plug_in_bias", "below", 0.0, "With n = all 50 runs the plug-in estimate is too low [sd]"),
        Threshold("bias_growth", "below", 0.0, "Its bias is larger at n = 50 than at n = 10 [sd]"),
        Threshold("negative_share", "above", 0.5, "More than half of its errors at n = 50 are negative"),
        Threshold("coverage", "below", 0.95, "The bootstrap's 95 % interval at n = 50 covers too rarely"),
        Threshold("coverage_mid", "below", 0.95, "So it does at n = 25"),
        Threshold("unbiased_bias", "above", -0.02, "The U-statistic is not too low by 0.02 sd or more at n = 50"),
        Threshold("unbiased_bias", "below", 0.02, "Nor too high by 0.02 sd or more"),
    ],
    units="seeds: 2,000 sets of 50 runs from each of five distributions, and the random searches, redrawn",
    reduced="Nothing but the source of runs: three beta distributions and two random searches of small models "
    "(support vectors and forests on digits) in place of MLP and LSTM searches on text.",
    reconstructed="Biases are in standard deviations of the score and means over the five distributions; 1,000 "
    "resamples. That a bias is zero is read as lying within 0.02 standard deviations.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Errors of both estimators and coverage of the bootstrap, over repeated sets of runs."""
    repeats, resamples = (200, 200) if quick else (2000, 1000)
    rng = numpy_generator(seed, "showing-your-work")
    found = dict[str, Measurement]()
    plug, fair, covered = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for name, (draw, sd, true) in distributions(seed, 20 if quick else 60).items():
        sets = draw((repeats, RUNS), rng)
        plug.append((np.array([[plug_in_maximum(s, n) for n in NS] for s in sets]) - true) / sd)
        fair.append((np.array([[expected_maximum_value(s, n) for n in NS] for s in sets]) - true) / sd)
        ends = np.array(
            [np.quantile(bootstrap_maxima(s, NS, rng=rng, resamples=resamples), [0.025, 0.975], axis=0) for s in sets]
        )
        covered.append((ends[:, 0] <= true) & (true <= ends[:, 1]))
        found[f"coverage {name}"] = float(covered[-1][:, 2].mean()), repeats
        found[f"plug_in_bias {name}"] = float(plug[-1][:, 2].mean())
    low, unbiased, hits = np.stack(plug), np.stack(fair), np.stack(covered)
    total = len(low) * repeats
    return {
        "plug_in_bias": float(low[..., 2].mean()),
        "bias_growth": float(low[..., 2].mean() - low[..., 0].mean()),
        "negative_share": (float((low[..., 2] < 0).mean()), total),
        "negative_share_unbiased": (float((unbiased[..., 2] < 0).mean()), total),
        "coverage": (float(hits[..., 2].mean()), total),
        "coverage_mid": (float(hits[..., 1].mean()), total),
        "coverage_low": (float(hits[..., 0].mean()), total),
        "unbiased_bias": float(unbiased[..., 2].mean()),
        **found,
    }
