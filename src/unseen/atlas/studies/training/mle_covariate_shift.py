"""Under covariate shift, weights help maximum likelihood only where the model is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form
from unseen.engine.seeds import numpy_generator
from unseen.estimates.difficulty.irt_em import sigmoid
from unseen.estimates.shift.weighted_likelihood import Model, excess_risk, fisher_information, fisher_rate, fit_weighted

MODELS: tuple[Model, ...] = ("linear", "logistic", "phase")
# Mean along the first axis and standard deviations of the first two axes of the target; the source is standard
# normal. No density ratio is bounded; that of "wide" has no second moment.
SHIFTS = {"near": (0.5, 1.0), "far": (1.5, 1.0), "wide": (0.5, 1.5)}
SIZES = ((5, 100), (5, 1000), (5, 10_000), (20, 1000), (20, 10_000))
CELLS = 200_000  # numbers of inputs held at once


def moved(z: np.ndarray, shift: str) -> np.ndarray:
    """Target inputs from standard normal ones, in place."""
    mean, sd = SHIFTS[shift]
    z[..., :2] *= sd
    z[..., 0] += mean
    return z


def ratio(x: np.ndarray, shift: str) -> np.ndarray:
    """Density of target to source at source inputs."""
    mean, sd = SHIFTS[shift]
    inside = (x[..., 0] - mean) ** 2 + x[..., 1] ** 2
    return np.exp(((x[..., :2] ** 2).sum(-1) - inside / sd**2) / 2) / sd**2


def truth(model: Model, x: np.ndarray, beta: np.ndarray, wrong: bool) -> np.ndarray:
    """E[y | x]; where the model is wrong, with half the square of the first input added to its linear part."""
    z = x @ beta + (0.5 * x[..., 0] ** 2 if wrong else 0.0)
    return z if model == "linear" else sigmoid(z) if model == "logistic" else z**2


def outcomes(model: Model, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws around the mean: coins, or normal noise of standard deviation 1."""
    return (rng.random(mean.shape) < mean).astype(float) if model == "logistic" else mean + rng.normal(size=mean.shape)


def risks(
    model: Model, d: int, n: int, sets: int, wrong: bool, rng: np.random.Generator
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], dict[str, float]]:
    """Excess target risk of source, weighted and target-trained fits for each shift, and the rates."""
    beta = rng.normal(size=d)
    beta /= np.linalg.norm(beta)
    fits = {shift: (list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()) for shift in SHIFTS}
    at_once = max(1, CELLS // (n * d))
    for first in range(0, sets, at_once):
        shape = (min(at_once, sets - first), n, d)
        x = rng.normal(size=shape)
        y = outcomes(model, truth(model, x, beta, wrong), rng)
        plain = fit_weighted(model, x, y, start=beta)
        for shift, (of_source, of_weighted, of_target) in fits.items():
            of_source.append(plain)
            of_weighted.append(fit_weighted(model, x, y, ratio(x, shift), start=beta))
            t = moved(rng.normal(size=shape), shift)
            of_target.append(fit_weighted(model, t, outcomes(model, truth(model, t, beta, wrong), rng), start=beta))
    found, rate = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]](), dict[str, float]()
    source = fisher_information(model, rng.normal(size=(100_000, d)), beta)
    for shift, parts in fits.items():
        t = moved(rng.normal(size=(20_000, d)), shift)
        mean = truth(model, t, beta, wrong)
        a, b, c = (excess_risk(model, t, mean, np.concatenate(p)) for p in parts)
        found[shift] = a, b, c
        rate[shift] = fisher_rate(source, fisher_information(model, t, beta), n)
    return found, rate


@first_form(
    slug="mle-covariate-shift",
    claim="With a well-specified model, plain maximum likelihood on source data has no larger target risk than the "
    "density-ratio-weighted estimator and follows the rate of the Fisher informations, though the ratio is unbounded; "
    "with a misspecified model the weighted estimator is better.",
    source="Ge et al. (2024), Maximum Likelihood Estimation is All You Need for Well-Specified Covariate Shift, "
    "theorems 3.1 and 5.2, section 4",
    thresholds=[
        Threshold("well_linear", "below", 0.0, "Linear: log risk of plain over weighted, mean over sizes and shifts"),
        Threshold("well_logistic", "below", 0.0, "Logistic: the same"),
        Threshold("well_phase", "below", 0.0, "Phase retrieval: the same"),
        Threshold("well_worst", "below", 0.095, "In no size and shift is plain worse by a tenth"),
        Threshold("fisher_least", "above", 2 / 3, "From 1,000 rows on, plain risk is at least 2/3 of its rate"),
        Threshold("fisher_most", "below", 1.5, "and at most 3/2 of it, in every size and shift"),
        Threshold("wrong_linear", "above", 0.0, "Misspecified linear: plain has the larger risk (10,000 rows, far)"),
        Threshold("wrong_logistic", "above", 0.0, "Misspecified logistic: the same"),
        Threshold("wrong_phase", "above", 0.0, "Misspecified phase retrieval: the same"),
    ],
    units="seeds: 200 data sets a cell, true parameters and target draws redrawn",
    reduced="Nothing, but the minimax lower bound itself is not tested. Dimensions 5 and 20, 100 to 10,000 rows.",
    reconstructed="Normal inputs, moved by 0.5 or 1.5 or widened to 1.5 on two axes; parameters of norm 1, noise of "
    "standard deviation 1; misspecified by half a square of the first input. Risks of plain and weighted are compared "
    "by their medians over data sets, the rate with the mean. Phase retrieval starts at the truth, for all estimators.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Log ratios of risks and of risk to rate, over models, sizes and shifts."""
    rng = numpy_generator(seed, "mle-covariate-shift")
    sizes, sets = (SIZES[1:2], 20) if quick else (SIZES, 200)
    found, worst, to_rate = dict[str, Measurement](), list[float](), list[float]()
    for model in MODELS:
        logs, oracle = list[float](), list[float]()
        for d, n in sizes:
            by_shift, rate = risks(model, d, n, sets, False, rng)
            for shift, (plain, weighted, target) in by_shift.items():
                logs.append(float(np.log(np.median(plain) / np.median(weighted))))
                oracle.append(float(np.log(np.median(plain) / np.median(target))))
                if n >= 1000:
                    to_rate.append(float(plain.mean() / rate[shift]))
        worst += logs
        found[f"well_{model}"], found[f"oracle_{model}"] = float(np.mean(logs)), float(np.mean(oracle))
        by_shift, _ = risks(model, 5, 1000 if quick else 10_000, sets, True, rng)
        for shift, (plain, weighted, _) in by_shift.items():
            name = f"wrong_{model}" + ("" if shift == "far" else f"_{shift}")
            found[name] = float(np.log(np.median(plain) / np.median(weighted)))
    return {**found, "well_worst": max(worst), "fisher_least": min(to_rate), "fisher_most": max(to_rate)}
