"""How much a cause takes: the effect on its rows, and its part of what is lost from seen to unseen.

The loss of the models is taken apart by one regression of scores on the side of the split and on what all causes hold
equal: a cause carries its coefficients times the difference of its rows' shares between the sides (Oaxaca–Blinder), so
that the parts add up to the loss. Half of the clusters search for the causes and say which levels of a cause's columns
count, the other half measures, and the other way round.

Source: Oaxaca (1973), Male-female wage differentials in urban labor markets; Chernozhukov et al. (2018),
Double/debiased machine learning, definition 3.2 (cross-fitting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.checks._levels import cluster_half, split_codes
from unseen.checks._rows import scored
from unseen.checks.base import Settings
from unseen.checks.blame import Condition, originals
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.clustered import Robust, robust_contrast
from unseen.estimates.intervals.means import difference, t_interval
from unseen.stories.cover import Cause
from unseen.stories.ground import BoolArray, FloatArray, Ground, numbered

# Beyond these, means of models are taken out of the columns before the regression.
MANY_MODELS = 20


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a cause comes to, over its models.

    Attributes:
        there: Mean score on the rows.
        elsewhere: Mean score on those that they are compared with.
        effect: How much lower the score is on the rows, the conditions of other causes held equal.
        share: Part of ``lost`` that the rows carry.
        lost: Mean loss from seen to unseen.
    """

    there: float
    elsewhere: float
    effect: Estimate | None
    share: Estimate | None
    lost: Estimate | None


def amounts(
    cause: Cause, others: Sequence[Cause], ground: Ground, settings: Settings, searched: Sequence[Sequence[Cause]]
) -> Amounts:
    """Effect and share of a cause.

    Args:
        cause: The cause.
        others: The other causes of the same audit.
        ground: The rows.
        settings: Level of the intervals.
        searched: What each half of the clusters (``halves``) finds by itself.
    """
    at = np.concatenate([ground.part(model) for model in sorted(cause.models)])
    inside = ground.mask(cause.condition, at)
    used = inside | ground.mask(originals(), at) if _is_variant(cause.condition) else np.ones(len(at), dtype=bool)
    y = ground.rows.score[at]
    lost = _lost(at, ground, settings.level)
    return Amounts(
        there=float(y[inside].mean()) if inside.any() else float("nan"),
        elsewhere=float(y[used & ~inside].mean()) if (used & ~inside).any() else float("nan"),
        effect=_effect(cause, others, at[used], ground, settings.level),
        share=None if lost is None else _share(cause, others, at, ground, settings, searched),
        lost=lost,
    )


def halves(ground: Ground, settings: Settings) -> tuple[BoolArray, BoolArray]:
    """Two halves of the clusters, as arrays over the scored rows."""
    half = ground.along(cluster_half(scored(ground.subject).cluster, np.random.default_rng([settings.seed, 17])))
    return half, ~half


def _is_variant(condition: Condition) -> bool:
    return any(term.kind == "variant" for term in condition.terms)


def _lost(at: NDArray[np.intp], ground: Ground, level: float) -> Estimate | None:
    seen, unseen = map(ground.along, split_codes(ground.subject))
    a, b = at[seen[at]], at[unseen[at]]
    if not len(a) or not len(b):
        return None
    score, cluster = ground.rows.score, ground.rows.cluster
    try:
        return difference(score[a], cluster[a], score[b], cluster[b], level=level, names=("seen", "unseen"))[0]
    except (TooFewUnits, Undefined):
        return None


def _effect(
    cause: Cause, others: Sequence[Cause], at: NDArray[np.intp], ground: Ground, level: float
) -> Estimate | None:
    inside = ground.mask(cause.condition, at)
    if not inside.any() or inside.all():
        return None
    beside = [o for o in others if o.models & cause.models]
    conditions = [o.condition for o in beside]
    cells = ground.cells_by([*conditions, cause.condition], at)
    own = cells.mask(cause.condition)[:, None].astype(np.float64)
    x = np.concatenate([*map(cells.columns, conditions), own], axis=1)
    contrast = np.zeros(x.shape[1])
    contrast[-1] = -1.0
    fit = _regress(_Design.of(x, cells.local, at, ground), contrast)
    if fit is None:
        return None
    how = "least squares, other stories held equal, cluster-robust (CR2), t" if beside else "cluster-robust (CR2), t"
    return _estimate(fit.value, fit.variance, fit.dof, fit.units, how, level)


def _share(
    cause: Cause, others: Sequence[Cause], at: NDArray[np.intp], ground: Ground, settings: Settings,
    searched: Sequence[Sequence[Cause]],
) -> Estimate | None:  # fmt: skip
    seen, unseen = map(ground.along, split_codes(ground.subject))
    at = at[seen[at] | unseen[at]]
    beside = [o.condition for o in others if o.models & cause.models]
    fits: list[tuple[float, float, float, int]] = []
    for half, theirs in zip(halves(ground, settings), searched, strict=True):
        mine = _same(cause, theirs)
        fit = _carried(mine, [c for c in beside if c != mine], at[~half[at]], unseen, ground)
        if fit is None:
            return None
        fits.append(fit)
    value = float(np.mean([v for v, *_ in fits]))
    variance = sum(v for _, v, *_ in fits) / 4
    parts = [v * v / max(dof, 1.0) for _, v, dof, _ in fits]
    dof = (4 * variance) ** 2 / sum(parts) if sum(parts) > 0 else 1.0
    units = sum(n for *_, n in fits)
    return _estimate(value, variance, dof, units, "Oaxaca–Blinder, cross-fitted by clusters, CR2, t", settings.level)


def _same(cause: Cause, searched: Sequence[Cause]) -> Condition:
    """The levels of the cause's columns that one half of the clusters finds; the cause's own where it finds none."""
    if any(o.condition == cause.condition for o in searched):
        return cause.condition
    columns = set(cause.condition.columns)
    return next((o.condition for o in searched if set(o.condition.columns) == columns), cause.condition)


def _carried(
    mine: Condition, beside: Sequence[Condition], at: NDArray[np.intp], unseen: BoolArray, ground: Ground
) -> tuple[float, float, float, int] | None:
    """Value, variance, degrees of freedom and clusters of the part of the loss that a condition carries."""
    side = unseen[at]
    if not side.any() or side.all():
        return None
    is_side = mine.columns == ("split",)
    cells = ground.cells_by([*beside, mine], at)
    # Rows of a cell on both sides are counted apart.
    number, local = numbered(2 * cells.local + side)
    cell, beyond = number // 2, (number % 2).astype(np.float64)
    own = cells.mask(mine)[:, None].astype(np.float64) if is_side else cells.columns(mine)
    own, size = own[cell], np.bincount(local).astype(np.float64)
    there, here = size * beyond, size * (1 - beyond)
    moved = there @ own / there.sum() - here @ own / here.sum()
    base = [cells.columns(c)[cell] for c in beside]
    place = sum(part.shape[1] for part in base)
    # Where the conditions say all of the side, it has no part of its own: it comes last, and is left out.
    x = np.concatenate([*base, own, beyond[:, None]], axis=1)
    contrast = np.zeros(x.shape[1])
    contrast[place : place + len(moved)] = -moved
    design = _Design.of(x, local, at, ground)
    fit = _regress(design, contrast)
    if fit is None:
        return None
    # How often the rows occur on either side is a draw too.
    slope = design.slopes()[place : place + len(moved)]
    drawn = _variance_of_mix((own @ slope)[local], side, ground.rows.cluster[at])
    return fit.value, fit.variance + drawn, fit.dof, fit.units


@dataclass(frozen=True, eq=False, slots=True)
class _Design:
    """Columns of a regression beside a mean for each model, at the cells of each model.

    Attributes:
        x: Columns at each cell of a model, shape (k, p).
        size: Its rows, shape (k,).
        model: Its model, shape (k,).
        local: Cell of each row, shape (n,).
        models: Number of models.
        score: Of each row, shape (n,).
        cluster: Of each row, shape (n,).
    """

    x: FloatArray
    size: FloatArray
    model: NDArray[np.intp]
    local: NDArray[np.intp]
    models: int
    score: FloatArray
    cluster: NDArray[np.integer]

    @classmethod
    def of(cls, x: FloatArray, local: NDArray[np.intp], at: NDArray[np.intp], ground: Ground) -> _Design:
        """Of columns at cells and the cell of each row, at the rows ``at`` of some models."""
        present, model = numbered(np.searchsorted(ground.rows.starts[1:], at, side="right"))
        number, own = numbered(model * len(x) + local)
        return cls(
            x[number % len(x)], np.bincount(own).astype(np.float64), number // len(x), own, len(present),
            ground.rows.score[at], ground.rows.cluster[at],
        )  # fmt: skip

    def centred(self) -> tuple[FloatArray, FloatArray]:
        """Columns less their means over the rows of the model, and scores of rows less theirs."""
        rows = np.bincount(self.model, weights=self.size)
        columns = [
            v - np.take(np.bincount(self.model, weights=self.size * v) / rows, self.model)
            for v in np.ascontiguousarray(self.x.T)
        ]
        sums = np.bincount(self.local, weights=self.score, minlength=len(self.size))
        mean = np.bincount(self.model, weights=sums) / rows
        return np.stack(columns, axis=1), np.asarray(self.score - mean[self.model][self.local], dtype=np.float64)

    def slopes(self) -> FloatArray:
        """Coefficients, shape (p,)."""
        x, y = self.centred()
        sums = np.bincount(self.local, weights=y, minlength=len(self.size))
        return np.linalg.pinv((x * self.size[:, None]).T @ x, rcond=1e-8, hermitian=True) @ (x.T @ sums)


def _variance_of_mix(value: FloatArray, side: BoolArray, cluster: NDArray[np.integer]) -> float:
    """Variance of the difference between the means of a quantity on both sides, clusters drawn at random."""
    _, group = numbered(cluster)
    influence = np.where(
        side, (value - value[side].mean()) / side.sum(), -(value - value[~side].mean()) / (~side).sum()
    )
    per = np.bincount(group, weights=influence)
    return float(per @ per) * len(per) / max(len(per) - 1, 1)


def _regress(design: _Design, contrast: FloatArray) -> Robust | None:
    """A contrast of coefficients beside a mean for each model, None where the columns do not determine it."""
    x, y = design.x, design.score
    empty = np.count_nonzero(x, axis=0) == 0
    if design.models <= MANY_MODELS:
        x = np.concatenate([(design.model[:, None] == np.arange(design.models)).astype(np.float64), x], axis=1)
        contrast = np.concatenate([np.zeros(design.models), contrast])
        empty = np.concatenate([np.zeros(design.models, dtype=np.bool_), empty])
    else:
        # A column a model would fill the memory: what their means explain is taken out beforehand instead.
        x, y = design.centred()
    kept = _independent(x * np.sqrt(design.size)[:, None])
    lost = np.setdiff1d(np.flatnonzero(contrast), kept)
    # A column without rows takes nothing away; one that others determine does.
    if not empty[lost].all():
        return None
    x, contrast = x[:, kept], contrast[kept]
    # Rows of a cluster that agree in all columns count together, whatever their model.
    key = x @ np.random.default_rng(1).uniform(1, 2, x.shape[1])
    _, first, alike = np.unique(key, return_index=True, return_inverse=True)
    present, group = numbered(design.cluster)
    number, cell = numbered(group * len(first) + alike[design.local])
    x, cluster = x[first[number % len(first)]], present[number // len(first)]
    size = np.bincount(cell).astype(np.float64)
    mean = np.bincount(cell, weights=y) / size
    within = max(0.0, float(y @ y - size @ mean**2))
    try:
        fit = robust_contrast(x, mean, size, cluster, contrast, size=size, within=within)
    except (TooFewUnits, Undefined):
        return None
    return fit if fit.variance > 0 and fit.dof > 1 else None


def _independent(x: FloatArray) -> list[int]:
    """Columns that are no combination of those before them."""
    kept: list[int] = []
    room = np.empty((x.shape[1], x.shape[0]))
    for i, column in enumerate(np.ascontiguousarray(x.T)):
        basis = room[: len(kept)]
        rest = column - (basis @ column) @ basis
        size = float(rest @ rest)
        if size > 1e-4 * max(float(column @ column), 1e-12):
            room[len(kept)] = rest / np.sqrt(size)
            kept.append(i)
    return kept


def _estimate(value: float, variance: float, dof: float, units: int, method: str, level: float) -> Estimate | None:
    try:
        return Estimate(value, *t_interval(value, variance, max(dof, 1.0), level), units, method, level)
    except Undefined:
        return None


__all__ = ["Amounts", "amounts", "halves"]
