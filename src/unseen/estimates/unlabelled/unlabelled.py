"""What to say of rows without labels: which method speaks, whether anything tested it, and how much to doubt it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.intervals.means import normal_quantile
from unseen.estimates.unlabelled.backtest import MIN_LEVELS, Backtest, Hidden, Rehearsal, rehearse, summarised
from unseen.estimates.unlabelled.label_free import METHODS, Claim, Rows, cbpe, difference_of_confidences
from unseen.estimates.unlabelled.label_shift import LabelShift, label_shift

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MAX_REFITS = 40
# Power 80 % at a two-sided 5 %: so many standard errors must fit into the effect.
POWER = 0.80


@dataclass(frozen=True, eq=False)
class Classes:
    """Predictions and right answers as integers in one numbering, in the order of the rows (see ``Rows``).

    Attributes:
        predicted: Labelled rows, shape (n,).
        truth: The same rows, shape (n,).
        target: Predictions of the unlabelled rows, shape (m,).
    """

    predicted: IntArray
    truth: IntArray
    target: IntArray


@dataclass(frozen=True, eq=False)
class Judgement:
    """The claim that speaks, and what it rests on.

    Attributes:
        claim: Widened by its back-test where there is one.
        basis: "back-test", or "assumption" where no hidden level could test the method.
        claims: What every method says; those with a back-test are widened by it.
        rehearsal: The back-tests.
        tests: Method → back-test, those of the rehearsal and that of the label shift procedure.
        shift: Label shift, where predictions and classes allow an estimate.
        reach: How many times farther than any hidden level the unlabelled rows have moved; scales the widening.
    """

    claim: Claim
    basis: Literal["back-test", "assumption"]
    claims: list[Claim]
    rehearsal: Rehearsal
    tests: Mapping[str, Backtest]
    shift: LabelShift | None
    reach: float


def judged(
    rows: Rows,
    factors: Sequence[tuple[ArrayLike, Sequence[str]]],
    *,
    classes: Classes | None = None,
    anchors: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> Judgement:
    """Claim the accuracy of the unlabelled rows.

    CBPE speaks, unless another method missed hidden levels by significantly less; where a test finds that classes shift
    and that this explains the unlabelled rows, the estimate under label shift speaks. Its interval is widened by the errors
    of the same procedure on hidden levels in which something shifts, in proportion where the unlabelled rows have moved
    farther than any of these.

    Args:
        rows: From ``Rows.of``.
        factors: Of the labelled rows, as in ``rehearse``.
        classes: Where they are known.
        anchors: Further columns to use as ``DoC`` uses confidence: method → (labelled, unlabelled).

    >>> rng = np.random.default_rng(0); c, t = rng.random(2000), rng.beta(1, 2, 500)
    >>> rows = Rows.of(c, rng.random(2000) < c, np.arange(2000), t, 2000 + np.arange(500))
    >>> judged(rows, []).basis
    'assumption'
    """
    anchors = anchors or {}
    rehearsal = rehearse(
        rows.confidence, rows.outcome, rows.cluster, factors, anchors={k: a for k, (a, _) in anchors.items()}
    )
    claims = [method(rows) for method in METHODS.values()]
    for name, (mine, theirs) in anchors.items():
        own = replace(rows, confidence=np.asarray(mine, np.float64), target=np.asarray(theirs, np.float64))
        claims.append(difference_of_confidences(own, method=name))
    plain = next(c for c in claims if c.method == "CBPE")
    reach = rehearsal.reach(plain.value - rows.accuracy)
    tests = dict(rehearsal.tests)
    chosen = rehearsal.chosen
    shift = _shift(rows, classes) if classes is not None else None
    if shift is not None and classes is not None:
        claims.append(shift.claim)
        if shift.holds():
            chosen = "label shift"
        if tests:
            tests["label shift"] = _shift_tested(rows, classes, factors, rehearsal)
    claims = [c.widened(tests[c.method].taus * reach) if c.method in tests else c for c in claims]
    claim = next(c for c in claims if c.method == chosen)
    return Judgement(claim, "assumption" if claim.taus is None else "back-test", claims, rehearsal, tests, shift, reach)


def at_other_odds(rows: Rows, factor: float) -> float:
    """Accuracy of the unlabelled rows if, at equal confidence, the odds of being right were multiplied by a factor.

    The assumption behind every estimate without labels is that this factor is 1; no unlabelled row can tell.

    >>> c = np.linspace(0.4, 0.6, 1001)
    >>> at_other_odds(Rows.of(c, np.arange(1001) % 2, np.arange(1001), c, np.arange(1001)), 0.5) < 0.35
    True
    """
    claim = cbpe(rows)
    # The recalibrated confidence of each unlabelled row stands in its influence.
    p = np.clip(claim.target * len(rows.target) + claim.value, 0.0, 1.0)
    return float(np.mean(p * factor / (1 - p + p * factor)))


def rows_to_label(
    accuracy: float, gap: float, *, known: float = 0.0, design: float = 1.0, level: float = 0.95, least: int = 30
) -> int:
    """Rows to draw at random and label, so that a drop of ``gap`` can be told from none four times of five.

    N = d·p(1 − p) / ((gap / (z + 0.84))² − V), with V the variance of the accuracy that they are compared with; at least
    ``least``, and never more than for V at half of what is allowed.

    Args:
        accuracy: Expected.
        gap: Drop that matters.
        known: Variance of the labelled rows' accuracy.
        design: Variance of a clustered mean over that of independent rows.
        level: Coverage of the interval.
        least: Fewest.

    >>> rows_to_label(0.5, 0.1)
    197
    """
    allowed = (gap / (normal_quantile((1 - level) / 2) + normal_quantile(1 - POWER))) ** 2
    left = max(allowed - known, allowed / 2)
    # A drop that matters may bring the accuracy nearer to one half, where it varies most.
    nearest = min(accuracy, max(accuracy - gap, 0.5))
    spread = nearest * (1 - nearest)
    return max(least, math.ceil(design * spread / left))


def _shift(rows: Rows, classes: Classes) -> LabelShift | None:
    try:
        return label_shift(rows, classes.predicted, classes.truth, classes.target)
    except (TooFewUnits, Undefined):
        return None


def _shift_tested(
    rows: Rows, classes: Classes, factors: Sequence[tuple[ArrayLike, Sequence[str]]], rehearsal: Rehearsal
) -> Backtest:
    """Back-test of the procedure: label shift where its tests accept it, CBPE elsewhere."""
    levels: list[Hidden] = []
    telling = sorted(rehearsal.telling, key=lambda i: -rehearsal.hidden[i].n)[:MAX_REFITS]
    for i in telling:
        level = rehearsal.hidden[i]
        inside = np.asarray(factors[level.factor][0]).astype(np.int64) == level.code
        claimed, variance = level.claimed["CBPE"], level.variance["CBPE"]
        try:
            part = Rows(
                rows.confidence[~inside], rows.outcome[~inside], rows.cluster[~inside], rows.confidence[inside],
                rows.cluster[inside],
            )  # fmt: skip
            found = label_shift(part, classes.predicted[~inside], classes.truth[~inside], classes.predicted[inside])
            if found.holds():
                claimed, variance = found.claim.value, found.claim.error_variance(rows.outcome[inside])
        except (TooFewUnits, Undefined):
            pass
        levels.append(
            replace(
                level, claimed=level.claimed | {"label shift": claimed},
                variance=level.variance | {"label shift": variance},
            )
        )  # fmt: skip
    assert len(levels) >= MIN_LEVELS  # noqa: S101
    moved = {k for k, i in enumerate(telling) if i in rehearsal.moved}
    return summarised("label shift", levels, moved)
