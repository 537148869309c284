"""How many bits a predictor shows beyond its training examples, among functions that fit them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates import Estimate
from unseen.measures.difficulty_in_bits.gaussian import Hypotheses, distances, exponential, hypotheses_that_fit

Floats = NDArray[np.float64]
LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
HEIGHTS = (0.25, 1.0, 4.0, 16.0)
# Groups of test clusters that the jackknife leaves out, and the fewest clusters.
GROUPS, LEAST = 20, 20
# Examples by which length and height are chosen: their cost grows with the cube.
CHOOSING = 500


@dataclass(frozen=True)
class Beyond:
    """What a predictor shows beyond its training examples.

    Attributes:
        bits: log₂ of how many times rarer functions are that err as little as the predictor than those that err as little as
            the mean of all that fit.
        predictor: Bits that single out functions that err as little as the predictor on the test examples.
        mean: The same for the mean of all that fit, which knows nothing but the training examples.
        error: Mean squared error of the predictor on the test examples.
        mean_error: Of that mean.
        fit: Mean squared error of the predictor on the training examples; the functions fit as closely.
        length: Length of the covariance.
        height: Its height.
        examples: Test examples.
    """

    bits: Estimate
    predictor: float
    mean: float
    error: float
    mean_error: float
    fit: float
    length: float
    height: float
    examples: int


def bits_beyond(
    train: tuple[ArrayLike, ArrayLike, ArrayLike], test: tuple[ArrayLike, ArrayLike, ArrayLike],
    clusters: ArrayLike | None = None, *, level: float = 0.95,
) -> Beyond:  # fmt: skip
    """Bits of a predictor beyond its training examples, on so many test examples.

    Hypotheses are functions of a Gaussian process with exponential covariance, whose length and height are those of greatest
    marginal likelihood of the training examples, given that they fit these as closely as the predictor does. Their mean is
    the best guess from the examples alone. It errs less than nearly all of them, so that few bits single out its error
    anew: those are taken off.

    Args:
        train: Inputs (N, …), targets (N,) or (N, k), and what the predictor says.
        test: The same of n test examples.
        clusters: What of the test examples was sampled together, shape (n,).
        level: Coverage of the interval, from the jackknife over 20 groups of clusters of test examples; the training examples
            and the predictor are taken as they are.

    Returns:
        Bits; negative where the predictor errs more than the best guess. They grow with the number of test examples until
        these are dense.

    Raises:
        BadInput: Shapes differ, or the training targets are all the same.
        TooFewUnits: There are fewer than 20 test clusters.

    Source: Boopathy et al. (2024), Towards exact computation of inductive bias; the reference to the mean is ours.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-2, 2, (150, 2))
    >>> y = np.sin(3 * x[:, 0])
    >>> told = bits_beyond((x[:50], y[:50], y[:50]), (x[50:], y[50:], y[50:] + 0.1))
    >>> told.bits.low > 50, told.error < told.mean_error
    (True, True)
    """
    x, y, seen = _three(train, "training")
    new, truth, said = _three(test, "test")
    own = np.arange(len(new)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    if len(own) != len(new):
        raise BadInput(f"{len(new)} test examples, but {len(own)} clusters. Give one cluster an example.")
    count = int(own.max()) + 1
    if count < LEAST:
        raise TooFewUnits(f"bits beyond the training examples: {count} test clusters, {LEAST} are needed.")
    middle = y.mean(0)
    spread = float(np.mean((y - middle) ** 2))
    if spread <= 0:
        raise BadInput("the targets of all training examples are the same: every constant fits.")
    fit = float(np.mean((seen - y) ** 2))
    length, height = _chosen(x, y - middle, spread, fit)
    made = hypotheses_that_fit(
        exponential(length, height), (x, y - middle), (new, truth - middle), noise=max(fit, 1e-6 * spread)
    )
    wrong = np.mean((said - truth) ** 2, axis=1)
    guess = np.mean((made.mean - made.targets) ** 2, axis=1)
    every = np.arange(len(new))
    predictor, mean = (_bits(made, every, e) for e in (wrong, guess))
    dealt = _dealt(own, count)
    left = np.array(
        [_bits(made, rows, wrong) - _bits(made, rows, guess) for rows in (every[dealt != g] for g in range(GROUPS))]
    )
    reach = float(stats.t.ppf((1 + level) / 2, GROUPS - 1)) * math.sqrt(
        (GROUPS - 1) / GROUPS * float(np.sum((left - left.mean()) ** 2))
    )
    value = predictor - mean
    reach = max(reach, 1e-9)
    bits = Estimate(
        value,
        value - reach,
        value + reach,
        count,
        f"{len(new)} test examples, jackknife over {GROUPS} groups of clusters",
        level,
    )
    return Beyond(bits, predictor, mean, float(wrong.mean()), float(guess.mean()), fit, length, height, len(new))


def _bits(made: Hypotheses, rows: NDArray[np.intp], errors: Floats) -> float:
    some = Hypotheses(made.mean[rows], made.covariance[np.ix_(rows, rows)], made.targets[rows])
    return some.bits_by_saddlepoint(float(errors[rows].mean()))


def _dealt(own: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Group of each example: clusters are dealt by their order, large ones first, so that groups are alike in size."""
    size = np.bincount(own, minlength=count)
    place = np.empty(count, np.intp)
    place[np.argsort(-size, kind="stable")] = np.arange(count) % GROUPS
    return place[own]


def _chosen(x: Floats, y: Floats, spread: float, fit: float) -> tuple[float, float]:
    """Length and height of greatest marginal likelihood, with the noise of the fit."""
    step = max(1, math.ceil(len(x) / CHOOSING))
    some, values = x[::step], y[::step]
    apart = distances(some, some)
    middle = float(np.median(apart[np.triu_indices(len(some), 1)]))
    if middle <= 0:
        raise BadInput("most training inputs are the same: they have no distances.")
    best = (-math.inf, middle, spread)
    noise = max(fit, 1e-6 * spread) * np.eye(len(some))
    for length in LENGTHS:
        shape = np.exp(-apart / (length * middle))
        for height in HEIGHTS:
            factor = linalg.cholesky(height * spread * shape + noise, lower=True, check_finite=False)
            inner = linalg.solve_triangular(factor, values, lower=True, check_finite=False)
            told = -0.5 * float(np.sum(inner**2)) - values.shape[1] * float(np.sum(np.log(np.diag(factor))))
            best = max(best, (told, length * middle, height * spread))
    return best[1], best[2]


def _three(given: tuple[ArrayLike, ArrayLike, ArrayLike], what: str) -> tuple[Floats, Floats, Floats]:
    x, y, said = (np.asarray(v, np.float64) for v in given)
    x, y, said = (v.reshape(len(v), -1) for v in (x, y, said))
    if not (len(x) == len(y) == len(said)) or y.shape != said.shape:
        raise BadInput(
            f"{what} examples: inputs {x.shape}, targets {y.shape} and outputs {said.shape} don't fit each other."
        )
    return x, y, said
