"""Cells of model × level whose scores all lie at one end of the range although nothing lets one expect it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unseen.checks._rows import scored
from unseen.checks.base import Subject
from unseen.estimates.intervals.codes import distinct

FloatArray = NDArray[np.float64]
# Chance, over all cells of a factor together, that a cell is named although it came about by luck.
IMPROBABLE = 0.01
HIGH_QUANTILE = 0.8


@dataclass(frozen=True, slots=True)
class ConstantCell:
    """A model that has all right (or all wrong) at one level, where the other models vary.

    Attributes:
        model: Its place among the models of :func:`unseen.checks._rows.scored`.
        level: Code of the level.
        right: Whether all are at the upper end.
        rows: Rows of the cell.
        units: Independent units of the cell.
        others: Lowest and highest mean of the other models at the level, as shares of the range.
        chance: Upper bound of the chance of such a run.
    """

    model: int
    level: int
    right: bool
    rows: int
    units: int
    others: tuple[float, float]
    chance: float


def constant_cells(subject: Subject, factor: str, min_units: int) -> list[ConstantCell]:
    """Improbable constant cells of a factor; computed once.

    The chance of a success is bounded from above by the larger of what the other models' mean at the level and this
    model's lead elsewhere lead to expect (on the logit scale, plus a standard error), and a high quantile of the
    other models' means there. The chance of a run is at most that to the power of the independent units: items of
    unequal difficulty only make it less likely (geometric mean ≤ mean).
    """
    return subject.shared(f"constant_cells/{factor}/{min_units}", lambda: _cells(subject, factor, min_units))


def _cells(subject: Subject, factor: str, min_units: int) -> list[ConstantCell]:
    answers, rows = subject.answers, scored(subject)
    kind, coded = answers.score_kind, answers.codes(factor)
    if kind.name == "unbounded" or len(rows.models) < 3:
        return []
    models, levels = len(rows.models), len(coded.levels)
    level = rows.take(coded.codes)
    n, sums = np.zeros((models, levels), dtype=np.int64), np.zeros((models, levels))
    parts = [slice(*ends) for ends in pairwise(rows.starts.tolist())]
    for m, part in enumerate(parts):
        # Missing levels are counted in front, and left out.
        place = level[part] + np.int64(1)
        n[m] = np.bincount(place, minlength=levels + 1)[1:]
        sums[m] = np.bincount(place, weights=rows.score[part], minlength=levels + 1)[1:]
    sums = (sums - kind.low * n) / (kind.high - kind.low)
    found: list[ConstantCell] = []
    for m, k in np.argwhere((n >= max(min_units, 1)) & (np.minimum(sums, n - sums) <= 1e-9 * n)).tolist():
        there = np.flatnonzero(level[parts[m]] == k)
        score = rows.score[parts[m]][there]
        right = bool(score.min() >= kind.high)
        if not right and score.max() > kind.low:
            continue
        units = distinct(rows.cluster[parts[m]][there])
        others = (np.arange(models) != m) & (n[:, k] >= min_units)
        if units < min_units or others.sum() < 2:
            continue
        means = sums[others, k] / n[others, k]
        chance = _chance(sums, n, m, k, others, units, right=right) ** units
        if chance < IMPROBABLE / int((n > 0).sum()):
            ends = (float(means.min()), float(means.max()))
            found.append(ConstantCell(m, k, right, int(n[m, k]), units, ends, chance))
    return found


def _chance(
    sums: FloatArray, n: NDArray[np.int64], m: int, k: int, others: NDArray[np.bool_], units: int, *, right: bool
) -> float:
    """Upper bound of the chance that one score of the cell lies at its end."""
    away = np.arange(n.shape[1]) != k
    means = sums[others, k] / n[others, k]
    here, elsewhere = _share(sums[others, k].sum(), n[others, k].sum()), np.nan
    rest = n[others][:, away].sum()
    own = n[m, away].sum()
    expected = here
    if rest > 0 and own > 0:
        elsewhere = _share(sums[others][:, away].sum(), rest)
        lead = _logit(_share(sums[m, away].sum(), own)) - _logit(elsewhere)
        error = 1 / math.sqrt(units * here * (1 - here) + 1)
        logit = _logit(here) + lead
        expected = 1 / (1 + math.exp(-(logit + (error if right else -error))))
    if right:
        return max(expected, float(np.quantile(means, HIGH_QUANTILE, method="higher")))
    return 1 - min(expected, float(np.quantile(means, 1 - HIGH_QUANTILE, method="lower")))


def _share(total: float, n: float) -> float:
    return float((total + 0.5) / (n + 1))


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
