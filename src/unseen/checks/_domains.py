"""What was lost on each held-out set for not having seen it, for the checks on a learner under shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from unseen.checks.base import Subject
from unseen.checks.details.learner import HeldOutRows, LevelsOf
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, t_interval
from unseen.refitting import Case, UnderShift
from unseen.refitting.under_shift import Held

# Training sets of refits overlap; the variance between refits is scaled by 1/R + (held out : kept), as Nadeau and
# Bengio (2003, section 3) do for cross-validation.
OVERLAP = 0.25
# Degrees of freedom of the variance between refits from which its row-by-row part is told apart.
ENOUGH = 4


@dataclass(frozen=True)
class Loss:
    """One held-out set.

    Attributes:
        held: The scores.
        value: Mean of reference minus unseen score.
        variance: Of the value: between the rows (clusters) judged, and between refits.
        dof: Degrees of freedom of the variance.
        units: Independent units among the rows.
        unseen: Mean score not having seen the set.
        unseen_variance: Of that mean, over rows and refits.
        reference: Mean score having seen its like.
        reference_variance: Of that mean, over rows and refits.
    """

    held: Held
    value: float
    variance: float
    dof: float
    units: int
    unseen: float
    unseen_variance: float
    reference: float
    reference_variance: float

    @property
    def name(self) -> str:
        """Name of the set."""
        return self.held.case.name

    def estimate(self, level: float) -> Estimate:
        """The loss with a t interval."""
        return Estimate(
            self.value, *t_interval(self.value, self.variance, self.dof, level), self.units,
            "paired by row, CR2 over clusters plus variance between refits, t", level,
        )  # fmt: skip


def under_shift(subject: Subject) -> UnderShift:
    """The refitted learner of a subject."""
    learner = subject.learner
    assert isinstance(learner, UnderShift), "a check that reads refits declares needs=('learner',)"  # noqa: S101
    return learner


def losses(subject: Subject, kinds: Sequence[str] | None = None) -> dict[str, list[Loss]]:
    """Family of shifts → the loss on each of its held-out sets; only shifts of these kinds.

    The variance between refits is pooled over the sets of a family.
    """
    under = under_shift(subject)
    found: dict[str, list[Loss]] = subject.shared("losses by family", lambda: _losses(under))
    return {family: own for family, own in found.items() if own and (kinds is None or own[0].held.case.kind in kinds)}


def _losses(under: UnderShift) -> dict[str, list[Loss]]:
    made: dict[str, list[Loss]] = {}
    clusters = under.problem.clusters()
    for family in under.plan.families():
        held = under.of_family(family)
        if not held:
            continue
        between = _pooled([h.reference - h.unseen for h in held])
        between_unseen = _pooled([h.unseen for h in held])
        between_seen = _pooled([h.reference for h in held])
        degrees = max(1, sum(len(h.unseen) - 1 for h in held))
        rows = list[Loss]()
        for h in held:
            share = 1 / len(h.unseen) + OVERLAP
            try:
                value, variance, dof, units = cluster_robust(h.loss, clusters[h.rows], what=h.case.name)
                _, unseen_variance, _, _ = cluster_robust(h.unseen.mean(0), clusters[h.rows], what=h.case.name)
                _, seen_variance, _, _ = cluster_robust(h.reference.mean(0), clusters[h.rows], what=h.case.name)
            except TooFewUnits:
                continue
            floor = under.problem.least_variance(h.rows)
            variance = max(variance, floor)
            total = variance + share * between
            dof = under.problem.degrees(h.rows, dof)
            dof = total**2 / (variance**2 / max(dof, 1.0) + (share * between) ** 2 / degrees)
            rows.append(
                Loss(
                    h, value, total, dof, units, float(h.unseen.mean()),
                    max(unseen_variance, floor) + share * between_unseen, float(h.reference.mean()),
                    max(seen_variance, floor) + share * between_seen,
                )
            )  # fmt: skip
        made[family] = rows
    return made


def _pooled(by_refit: Sequence[np.ndarray]) -> float:
    """Mean over sets of the variance between refits, from scores of shape (refits, rows); 0 with a single refit.

    Refits that differ row by row also differ in their means; that part is in the variance over rows already, and is
    taken off where there are enough sets to tell (otherwise the variance errs towards the large).
    """
    several = [v for v in by_refit if len(v) > 1]
    if not several:
        return 0.0
    total = float(np.mean([np.var(v.mean(1), ddof=1) for v in several]))
    if sum(len(v) - 1 for v in several) < ENOUGH:
        return total
    return max(0.0, total - float(np.mean([np.var(v, axis=0, ddof=1).mean() / v.shape[1] for v in several])))


def blamed(under: UnderShift, cases: Sequence[Case]) -> HeldOutRows | None:
    """What a finding about held-out sets of one shift blames, for its details: the model, and conditions on the rows.

    Levels of one column are named; of other sets only the model is, whose unseen rows they are.
    """
    if not cases:
        return None
    found = HeldOutRows(f"{under.runner.learner.name}, {cases[0].family}")
    factors = {case.factors for case in cases}
    if len(factors) != 1 or any(len(case.factors) != 1 or case.kind != "held-out" for case in cases):
        return found
    (name,) = next(iter(factors))
    column = under.problem.examples.table[name]
    if isinstance(column.dtype, pl.List | pl.Array):
        return found
    rows = np.unique(np.concatenate([case.beyond for case in cases]))
    levels = column[rows].cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()
    if int(column.cast(pl.String).is_in(levels).sum()) != len(rows):
        return found
    return HeldOutRows(found.model, (LevelsOf(name, "levels", tuple(levels)),))


def score_word(under: UnderShift) -> str:
    """What a score is called in sentences."""
    return under.problem.how.word


def shown(under: UnderShift, value: float) -> str:
    """A mean score in a sentence: the error itself where the measure is one."""
    how = under.problem.how
    return f"{how.shown(value):.3g}" if how.perfect is not None or how.bounds is None else f"{value:.2f}"
