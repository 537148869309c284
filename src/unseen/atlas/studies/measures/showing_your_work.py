"""The expected best of n tuning runs: the plug-in estimator is too low, and its bootstrap interval covers too rarely."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from unseen.atlas.plan import ANY, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.atlas.studies.measures._best_of_runs import bootstrap_maxima, true_expected_maximum
from unseen.engine.seeds import numpy_generator
from unseen.estimates.models.expected_max import expected_maximum_value, plug_in_maximum

# Truncated normals of the authors' simulation: mean, deviation, least and greatest score. "heavy" is added here.
SCORES = {"small": (0.5, 0.1, 0.0, 0.6), "big": (0.25, 0.2, 0.0, 0.75), "heavy": (0.1, 0.3, 0.0, 1.0)}
RUNS, LARGE = 30, range(25, 31)


def known(name: str, n: int) -> tuple[Callable[[tuple[int, ...], np.random.Generator], np.ndarray], float, float]:
    """Draws of a truncated normal, its standard deviation, and the true expected best of n."""
    from scipy import stats

    mean, sd, low, high = SCORES[name]
    made = stats.truncnorm((low - mean) / sd, (high - mean) / sd, loc=mean, scale=sd)

    def draw(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return np.asarray(made.ppf(rng.random(shape)))

    return draw, float(made.std()), true_expected_maximum(made.cdf, n, low, high)


def negative_share(
    name: str, estimate: Callable[[np.ndarray, int], float], repeats: int, rng: np.random.Generator, runs: int = RUNS
) -> tuple[float, int]:
    """Share of estimates below the best of as many fresh runs, over n from 25 to 30."""
    errors = list[float]()
    for n in LARGE:
        draw, _, _ = known(name, n)
        best = draw((repeats, n), rng).max(1)
        errors += (np.array([estimate(s, n) for s in draw((repeats, runs), rng)]) - best).tolist()
    return float((np.array(errors) < 0).mean()), len(errors)


def covered(name: str, n: int, sets: int, resamples: int, rng: np.random.Generator) -> tuple[float, int]:
    """Share of sets of 50 runs whose 95 % percentile bootstrap holds the true expected best of n."""
    draw, _, true = known(name, n)
    hits = 0
    for scores in draw((sets, 50), rng):
        low, high = np.quantile(bootstrap_maxima(scores, (n,), rng=rng, resamples=resamples), [0.025, 0.975], axis=0)[
            :, 0
        ]
        hits += int(low <= true <= high)
    return hits / sets, sets


@study(
    slug="showing-your-work",
    claim=[
        ("The estimator of the expected best of n runs favours negative errors.", "negative"),
        ("Its percentile bootstrap gives poor intervals: at n = all runs they cover less often than stated.", "coverage"),
        ("It is biased downwards, by an amount that matters beside the spread of the scores.", "bias"),
        ("The bias grows as n nears the number of runs.", "growth"),
    ],
    source="Tang et al. (2020), Showing Your Work Doesn't Always Work, ACL",
    link="https://arxiv.org/abs/2004.13705",
    did="Proved the bias of the plug-in estimator of Dodge et al. (2019), gave an unbiased one, and measured the signs of "
    "errors and the coverage of bootstrap intervals on truncated normal scores and on kernel fits to tuning runs of text "
    "classifiers.",
    here="Both simulations on the authors' two truncated normals with their sizes (30 runs and n from 25 to 30 against the "
    "best of as many fresh runs; 50 runs and n = 50 for the bootstrap). Their tuning runs of LSTM and MLP are left out.",
    fidelity="A",
    parts=[
        headline(
            "negative", "Share of plug-in errors below zero (mean of both distributions)", claimed=0.6, refuted=0.5,
            basis="the authors give about 68 % for the plug-in and 50 % for the unbiased estimator; claimed is halfway",
            within=SHARE,
        ),
        headline(
            "coverage", "Coverage of the 95 % bootstrap interval at n = 50 of 50 (mean of both)", claimed=0.9, refuted=0.95,
            basis="nominal 95 %; five points below is what 'poor' must mean at least", within=SHARE,
        ),
        side_part(
            "bias", "Bias at n = 30 of 30", claimed=-0.05, refuted=0.0, unit="sd of a score", within=ANY,
            basis="theorem 1: negative; a twentieth of a standard deviation is the least that matters",
        ),
        side_part(
            "growth", "Bias at n = 30 less that at n = 10", claimed=-0.02, refuted=0.0, unit="sd of a score", within=ANY,
            basis="figure of the bias over n; zero for a bias that does not grow",
        ),
        gate(
            "covers_mean", "The same bootstrap covers the mean (n = 1) as stated", at_least=0.92, within=SHARE,
            basis="percentile bootstrap of a mean of 50: 94 %",
        ),
        control(
            "starved", "With 10 runs in place of 30 the plug-in is too low far more often", at_least=0.7, within=SHARE,
            basis="the best of 10 runs lies below the best of n fresh ones with chance n/(n + 10), 0.71 to 0.75",
        ),
        control(
            "unbiased", "The unbiased estimator does not favour negative errors", at_most=0.56, within=SHARE,
            basis="the authors give about 50 %", cuts="subsets without replacement in place of the empirical distribution",
        ),
    ],
    units="seeds: all runs redrawn; number of sets as a floor.",
    seeds=range(10, 18),
    code="castorini/meanmax, meanmax/run/simulate.py: truncated normals (0.5, 0.1, up to 0.6) and (0.25, 0.2, up to 0.75), "
    "actions mme-test (-s 30 --start-no 25) and bs (sample size 50)",
    oracle=["tests/atlas/test_best_of_runs.py"],
    reconstructed="Nothing in the simulation; a third distribution, with its tail above, is swept beside the authors' two.",
    sweeps=[
        Sweep("distribution of scores", "negative",
              {"small": "negative small", "big": "negative big", "tail above": "negative heavy"}),
        Sweep("distribution of scores", "coverage",
              {"small": "coverage small", "big": "coverage big", "tail above": "coverage heavy"}),
    ],
    history=[Change("2026-11-21", "New plan after one of the first form (seeds 0 to 4), whose distributions were others.",
                    tuple(range(5))),
             Change("2026-11-21", "Pilot on three seeds: the bound of the control with 10 runs was put at its closed form, 0.7.",
                    (100, 101, 102))],
    would_take="more sets a seed",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Signs of errors, bias and coverage."""
    rng = numpy_generator(seed, "showing-your-work", 2)
    repeats, sets, resamples = (60, 60, 200) if quick else (600, 400, 1000)
    found = dict[str, Measurement]()
    for name in SCORES:
        found[f"negative {name}"] = negative_share(name, plug_in_maximum, repeats, rng)
        found[f"coverage {name}"] = covered(name, 50, sets, resamples, rng)
    bias = dict[int, list[float]]()
    for name in ("small", "big"):
        for n in (10, 30):
            draw, sd, true = known(name, n)
            each = [plug_in_maximum(s, n) - true for s in draw((4 * repeats, RUNS), rng)]
            bias.setdefault(n, []).append(float(np.mean(each)) / sd)

    def both(what: str) -> Measurement:
        pairs = [found[f"{what} {name}"] for name in ("small", "big")]
        shares = [p for p in pairs if isinstance(p, tuple)]
        return sum(p for p, _ in shares) / len(shares), sum(n for _, n in shares)

    return {
        **found,
        "negative": both("negative"),
        "coverage": both("coverage"),
        "bias": float(np.mean(bias[30])),
        "growth": float(np.mean(bias[30]) - np.mean(bias[10])),
        "covers_mean": covered("small", 1, sets, resamples, rng),
        "starved": negative_share("small", plug_in_maximum, repeats, rng, runs=10),
        "unbiased": negative_share("small", expected_maximum_value, repeats, rng),
    }
