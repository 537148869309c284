"""Which measures order the runs of the corpus, within each family and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from unseen.atlas.corpus.settings import FAMILIES
from unseen.engine.seeds import numpy_generator
from unseen.errors import Undefined
from unseen.estimates.estimate import Estimate
from unseen.estimates.models.foretelling import Foretelling, foretelling
from unseen.estimates.models.pairwise_information import Information, Worst, information, worst_environments

SETTINGS = ("width", "depth", "batch", "rate", "decay", "noise", "moves", "seed")
# Runs that reached the loss, from which a family's order is told.
LEAST_RUNS = 16
# What is foretold; each is larger where a run holds better.
TARGETS: Mapping[str, str] = {
    "gap": "score on test images less that on training images", "shifted": "score on turned, blurred and noisy images",
}  # fmt: skip


@dataclass(frozen=True)
class Ranked:
    """How one measure orders the runs of one family.

    Attributes:
        family: The family.
        measure: The measure.
        target: What is foretold.
        order: Agreement over all pairs and by setting.
        granulated: Mean over settings of the agreement of runs that differ in that setting alone.
        information: What it tells beyond settings; None where it was not asked for.
        worst: The environments in which it orders worst; None where it was not asked for.
    """

    family: str
    measure: str
    target: str
    order: Foretelling
    granulated: float
    information: Information | None
    worst: Worst | None


def judged(table: pl.DataFrame, target: str) -> np.ndarray:
    """What is foretold of each run, shape (runs,)."""
    if target == "gap":
        return table["score"].to_numpy().astype(float) - table["training score"].to_numpy().astype(float)
    return table[target].to_numpy().astype(float)


def told_apart(table: pl.DataFrame, target: str) -> np.ndarray:
    """Pairs of runs whose scores on the same images differ by two standard errors, shape (runs, runs)."""
    column = "right_shifted" if target == "shifted" else "right"
    bits = np.stack([np.unpackbits(np.frombuffer(b, np.uint8)) for b in table[column]]).astype(float)
    products = bits @ bits.T
    own = np.diag(products)
    differ = own[:, None] + own[None] - 2 * products
    gap = own[:, None] - own[None]
    # Answers that only one of two runs has right: their difference has this variance, as in McNemar's test.
    return abs(gap) > 2 * np.sqrt(np.maximum(differ - gap**2 / bits.shape[1], 1e-9))


def ranked(
    table: pl.DataFrame, family: str, target: str, measures: Mapping[str, int], *, deep: bool = True, permutations: int = 99,
) -> list[Ranked]:  # fmt: skip
    """Every measure of a family, the best first.

    Args:
        table: The corpus (``table.runs()``); runs that missed the common loss are left out.
        family: The family.
        target: One of ``TARGETS``.
        measures: Names, with 1 where more of it is said to go with a better score, -1 where less is.
        deep: Conditional information and worst environments too.
        permutations: Shuffles for the information.
    """
    own = table.filter((pl.col("family") == family) & pl.col("reached"))
    score, apart = judged(own, target), told_apart(own, target)
    settings = own.select(SETTINGS).to_dicts()
    usable = {name: own[name].to_numpy().astype(float) * sign for name, sign in measures.items() if name in own.columns}
    usable = {name: v for name, v in usable.items() if np.isfinite(v).all() and np.ptp(v) > 0}
    level = 1 - 0.05 / max(1, len(usable))
    made: list[Ranked] = []
    for name, value in usable.items():
        order = foretelling(value, score, settings, apart=apart, level=level)
        inside = [one.value for one in order.by_setting.values()]
        told, worst = None, None
        if deep:
            rng = numpy_generator(0, "corpus", "information", family, target, name)
            told = information(value, score, settings, rng=rng, permutations=permutations)
            try:
                worst = worst_environments(value, score, settings, apart=apart, level=level)
            except Undefined:
                worst = None
        made.append(Ranked(family, name, target, order, float(np.mean(inside)) if inside else np.nan, told, worst))
    return sorted(made, key=lambda one: -one.order.tau.value)


def mean_over(parts: list[Estimate], level: float) -> Estimate:
    """Mean of coefficients of several families on Fisher's scale, each family counting once.

    Args:
        parts: The coefficient in each family.
        level: Coverage.

    >>> one = Estimate(0.5, 0.3, 0.65, 60, "Kendall")
    >>> mean_over([one, one, one, one], 0.95).low > 0.3
    True
    """
    middle, error = list[float](), list[float]()
    for one in parts:
        at, low, high = np.arctanh(np.clip([one.value, one.low, one.high], -0.999, 0.999))
        middle.append(float(at))
        error.append(float(high - low) / 2 / float(stats.t.ppf((1 + one.level) / 2, max(1, one.units - 1))))
    at, spread = float(np.mean(middle)), float(np.sqrt(np.square(error).sum())) / len(parts)
    reach = float(stats.norm.ppf((1 + level) / 2)) * spread
    units, method = sum(one.units for one in parts), "mean over families on Fisher's scale"
    return Estimate(float(np.tanh(at)), float(np.tanh(at - reach)), float(np.tanh(at + reach)), units, method, level)


def families(table: pl.DataFrame) -> list[str]:
    """Families of which enough runs reached the common loss for an order to be told."""
    trained = table.filter("reached")["family"].to_list()
    return [name for name in FAMILIES if trained.count(name) >= LEAST_RUNS]
