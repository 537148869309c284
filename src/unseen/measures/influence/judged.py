"""Scores of influence held against retraining: the linear datamodelling score, and what leaving some examples out does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, t_interval
from unseen.measures.influence.result import Influence

# Row numbers of the examples to train on -> loss of each test example, shape (n_test,); the mean over seeds where it can be had.
Retrain = Callable[[np.ndarray], np.ndarray]


def halves(n: int, count: int, rng: np.random.Generator, share: float = 0.5) -> np.ndarray:
    """Random subsets of n examples of one size, shape (count, n), true where an example is in.

    >>> halves(6, 2, np.random.default_rng(0)).sum(1)
    array([3, 3])
    """
    size = round(share * n)
    if not 0 < size < n:
        raise BadInput(f"subsets of {share:g} of {n} examples hold {size}; they must hold some and leave some out.")
    made = np.zeros((count, n), dtype=bool)
    for row in made:
        row[rng.permutation(n)[:size]] = True
    return made


def datamodelling(
    influence: Influence | np.ndarray,
    subsets: np.ndarray,
    losses: np.ndarray,
    *,
    against: Influence | np.ndarray | None = None,
    cluster: np.ndarray | None = None,
    level: float = 0.95,
) -> Estimate:
    """The linear datamodelling score (LDS): how well sums of scores rank networks that were trained on subsets.

    For each test example the rank correlation, over subsets, of the sum of its scores within the subset and minus its loss after
    training on the subset; the mean over test examples. All test examples share the same trained networks, so that the interval
    adds two variances: of the mean over clusters of test examples (CR2), and of leaving out one subset at a time (jackknife).

    Args:
        influence: Scores, shape (n_test, n_train).
        subsets: Shape (m, n_train), true where an example was trained on (``halves``).
        losses: Loss of each test example after training on each subset, shape (m, n_test).
        against: Scores of another method: then the estimate is the difference of the two, on the same networks.
        cluster: What was sampled together among the test examples, shape (n_test,).
        level: Nominal coverage.

    Raises:
        Undefined: The losses or sums of every test example are the same for all subsets, or nothing varies.
        TooFewUnits: Fewer than 4 subsets or 2 clusters.

    Source: Park et al. (2023), TRAK: attributing model behavior at scale, definition 2.4.

    >>> rng = np.random.default_rng(0)
    >>> truth, subsets = rng.normal(size=(30, 20)), halves(20, 25, rng)
    >>> losses = -(subsets @ truth.T) + rng.normal(size=(25, 30))
    >>> print(datamodelling(truth, subsets, losses))
    0.878 [0.842, 0.914]
    """
    m = len(subsets)

    def rows_of(kept: np.ndarray | slice) -> np.ndarray:
        made = correlations(influence, subsets[kept], losses[kept])
        return made if against is None else made - correlations(against, subsets[kept], losses[kept])

    if m < 4:
        raise TooFewUnits(f"the LDS needs at least 4 subsets for an interval, got {m}.")
    rows = rows_of(slice(None))
    known = ~np.isnan(rows)
    if not known.any():
        raise Undefined("the LDS has no value: losses or sums of scores are the same for every subset.")
    codes = np.arange(len(rows)) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    value, between, dof, units = cluster_robust(rows, codes, what="the LDS")
    without = np.array([np.nanmean(rows_of(np.delete(np.arange(m), j))[known]) for j in range(m)])
    shared = (m - 1) / m * float(np.square(without - without.mean()).sum())
    variance = between + shared
    if not variance > 0:
        raise Undefined(
            "every test example has the same rank correlation whatever subset is left out: nothing bounds the error."
        )
    low, high = t_interval(value, variance, variance**2 / (between**2 / dof + shared**2 / (m - 1)), level)
    if against is None:
        low, high = max(low, -1.0), min(high, 1.0)
    return Estimate(value, low, high, units, "CR2 over test examples and jackknife over subsets, t", level)


def correlations(influence: Influence | np.ndarray, subsets: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Rank correlation of each test example, shape (n_test,); NaN where losses or sums do not vary.

    Raises:
        BadInput: Shapes that don't fit.
        TooFewUnits: Fewer than 3 subsets.
    """
    scores = influence.scores if isinstance(influence, Influence) else influence
    if subsets.shape[1:] != scores.shape[1:] or losses.shape != (len(subsets), len(scores)):
        raise BadInput(
            f"scores {scores.shape}, subsets {subsets.shape} and losses {losses.shape} don't fit: they are (n_test, n_train), "
            "(m, n_train) and (m, n_test)."
        )
    if len(subsets) < 3:
        raise TooFewUnits(f"a rank correlation over subsets needs at least 3 of them, got {len(subsets)}.")
    a = rankdata(subsets.astype(np.float64) @ scores.T.astype(np.float64), axis=0)
    b = rankdata(-losses, axis=0)
    a, b = a - a.mean(0), b - b.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(0) / np.sqrt(np.square(a).sum(0) * np.square(b).sum(0))


def left_out(
    influence: Influence | np.ndarray, test: int, retrain: Retrain, *, k: int, rng: np.random.Generator, draws: int = 3
) -> tuple[float, float]:
    """What leaving out the k examples that lower the loss of a test example most does, and what k random ones do.

    Args:
        influence: Scores, shape (n_test, n_train).
        test: Row of the test example.
        retrain: Trains on some examples and gives the loss of each test example.
        k: How many to leave out.
        rng: Source of the random sets.
        draws: Random sets whose mean is taken.

    Returns:
        The loss of the test example without the k, and the mean without k at random.

    Source: Ilyas et al. (2022), Datamodels; Grosse et al. (2023), section 5.1 (as counterfactual of the top sequences).
    """
    scores = influence.scores if isinstance(influence, Influence) else influence
    n = scores.shape[1]
    if not 0 < k < n:
        raise BadInput(f"{k} of {n} examples can't be left out: at least 1, and some must be left.")
    top = np.argsort(-scores[test], kind="stable")[:k]
    without = float(retrain(np.setdiff1d(np.arange(n), top))[test])
    random = [float(retrain(np.sort(rng.permutation(n)[k:]))[test]) for _ in range(draws)]
    return without, float(np.mean(random))
