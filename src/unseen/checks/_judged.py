"""A human's scores beside a judge's: where there are enough of them, and the means that they correct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.checks._rows import ItemMeans, Scored, item_means, scored
from unseen.checks.base import Subject
from unseen.checks.details.gaps import Corrected
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import difference
from unseen.estimates.intervals.powered_levels import largest_powered_gap, powered_levels
from unseen.estimates.intervals.prediction_powered import ppi_difference, ppi_retained
from unseen.responses import Responses

FloatArray = NDArray[np.float64]
# Fewer labelled units than this say too little of a judge to correct it.
MIN_LABELS = 10
# At this p-value the labels of one side are called chosen; U006 tests it at the level of the audit.
CHOSEN = 0.001


@dataclass(frozen=True, eq=False)
class Human:
    """Human scores along the scored rows.

    Attributes:
        score: Shape (n,); NaN where no human scored the row.
        has: Where one did, shape (n,).
        score_range: Ends of the scale, None where it has none.
    """

    score: FloatArray
    has: NDArray[np.bool_]
    score_range: tuple[float, float] | None


def human_scores(subject: Subject) -> Human | None:
    """Human scores along the rows of ``scored``; None where there are none. Computed once."""
    return subject.shared("human_scores", lambda: _human(subject))


def human_item_means(subject: Subject) -> dict[str, FloatArray]:
    """Mean human score per item of each model, along ``item_means``; NaN where no answer to it has one."""
    return subject.shared("human_item_means", lambda: _item_means(subject, item_means(subject)))


@dataclass(frozen=True, slots=True)
class CorrectedGap:
    """Means of two sides that human labels correct, and their difference.

    Attributes:
        means: Of the seen and of the unseen side.
        gap: Seen less unseen.
        p_value: Two-sided.
        retained: Unseen by seen, None where the seen mean is not clearly above zero.
        labels: Rows with a human's score on each side.
        judge: The judge's own means.
        chosen: Whether the judge's scores of the labelled rows differ from the others' beyond chance.
        weights: Share of the judge's scores that is used on each side (λ); 0 is human labels alone.
    """

    means: tuple[Estimate, Estimate]
    gap: Estimate
    p_value: float
    retained: Estimate | None
    labels: tuple[int, int]
    judge: tuple[float, float]
    chosen: bool
    weights: tuple[float, float]

    @property
    def source(self) -> str:
        """What the means rest on, for a sentence."""
        doubt = "; the labelled rows do not look drawn at random, see U006" if self.chosen else ""
        return (
            f"PPI++: {self.labels[0]:,} and {self.labels[1]:,} human labels correct the judge's "
            f"{self.judge[0]:.2f} and {self.judge[1]:.2f}{doubt}"
        )

    def details(self) -> Corrected:
        """What marks an outcome as corrected."""
        return Corrected(self.labels, self.judge, self.weights, self.chosen)


def corrected_gap(
    human: Human, rows: Scored, part: slice, a: NDArray[np.bool_], b: NDArray[np.bool_],
    *, level: float, names: tuple[str, str] = ("seen", "unseen"),
) -> CorrectedGap | None:  # fmt: skip
    """The gap between two groups of a model's rows by human labels and the judge together.

    Args:
        human: Human scores along the scored rows.
        rows: The scored rows.
        part: Those of one model.
        a: Which rows of the part lie in one group, shape (rows of the part,).
        b: The other group.
        level: Nominal coverage.
        names: What to call the groups in messages.

    Returns:
        None where a group has human labels on fewer than ``MIN_LABELS`` units.
    """
    score, cluster, truth = rows.score[part], rows.cluster[part], human.score[part]
    if min(len(np.unique(cluster[side & human.has[part]])) for side in (a, b)) < MIN_LABELS:
        return None
    gap, p, (one, two) = ppi_difference(
        (truth[a], score[a], cluster[a]), (truth[b], score[b], cluster[b]), level=level,
        score_range=human.score_range, names=names,
    )  # fmt: skip
    try:
        retained = ppi_retained(one, two, level=level)
    except Undefined:
        retained = None
    means = one.estimate(level), two.estimate(level)
    judge = float(score[a].mean()), float(score[b].mean())
    chosen = any(_chosen(score[side], cluster[side], human.has[part][side]) for side in (a, b))
    return CorrectedGap(means, gap, p, retained, (one.labels, two.labels), judge, chosen, (one.weight, two.weight))


def _chosen(score: FloatArray, cluster: NDArray[np.integer], has: NDArray[np.bool_]) -> bool:
    """Whether rows with a human's score differ from the others in the judge's, so clearly that chance is no answer."""
    try:
        return difference(score[has], cluster[has], score[~has], cluster[~has])[1] <= CHOSEN
    except (TooFewUnits, Undefined):
        return False


@dataclass(frozen=True, slots=True)
class CorrectedLevels:
    """Means of the levels of a factor that human labels correct, and the largest gap between two of them.

    Attributes:
        gap: Higher less lower, with the choice of the pair paid for.
        p_value: That no two levels differ.
        pair: Higher and lower level.
        labels: Rows with a human's score.
        levels: Level to its mean.
    """

    gap: Estimate
    p_value: float
    pair: tuple[int, int]
    labels: int
    levels: dict[int, Estimate]


def corrected_levels(
    human: Human, rows: Scored, part: slice, codes: NDArray[np.integer], levels: Sequence[int], *, level: float
) -> CorrectedLevels | None:
    """Gaps between levels of a factor by human labels and the judge together; None where fewer than two have labels.

    Args:
        human: Human scores along the scored rows.
        rows: The scored rows.
        part: Those of one model.
        codes: Level of each row of the part.
        levels: Levels to compare.
        level: Nominal coverage.
    """
    sides = powered_levels(
        human.score[part], rows.score[part], rows.cluster[part], codes, levels, least=MIN_LABELS,
        score_range=human.score_range,
    )  # fmt: skip
    if len(sides) < 2:
        return None
    gap, p, pair = largest_powered_gap(sides, level=level)
    labels = sum(side.labels for side in sides.values())
    return CorrectedLevels(gap, p, pair, labels, {k: side.estimate(level) for k, side in sides.items()})


def uncorrected(human: Human | None) -> str:
    """What to add to a sentence on means of a judge that too few human labels leave as they are."""
    return " These are the judge's own means: human labels are too few to correct them (U006)." if human else ""


def score_range(answers: Responses) -> tuple[float, float] | None:
    """Ends of the score's scale, None where it has none."""
    kind = answers.score_kind
    return None if kind.name == "unbounded" else (kind.low, kind.high)


def _human(subject: Subject) -> Human | None:
    answers = subject.answers
    if not answers.has("human_score"):
        return None
    score = scored(subject).take(answers.column("human_score"))
    return Human(score, ~np.isnan(score), score_range(answers))


def _item_means(subject: Subject, means: dict[str, ItemMeans]) -> dict[str, FloatArray]:
    human, rows = human_scores(subject), scored(subject)
    if human is None:
        return {}
    found: dict[str, FloatArray] = {}
    for name, part in rows.each():
        has = human.has[part]
        where = np.searchsorted(means[name].item, rows.item[part][has])
        count = np.bincount(where, minlength=len(means[name].item))
        total = np.bincount(where, weights=human.score[part][has], minlength=len(means[name].item))
        found[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found
