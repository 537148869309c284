"""Whether unlabelled rows lie where labelled ones do: a label-free estimate beyond that is a guess, and is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.errors import TooFewUnits

FloatArray = NDArray[np.float64]
N_BINS = 20
# A level or bin with fewer labelled rows than this says next to nothing about the rows in it.
MIN_ROWS = 5
MIN_EFFECTIVE = 30


@dataclass(frozen=True, slots=True)
class Column:
    """One factor on both sides.

    Attributes:
        labelled: Shape (n_labelled,): numbers of an ordered factor, codes (−1 missing) of a categorical one.
        target: Shape (n_target,): the same on the unlabelled side.
        ordered: Whether the values are numbers, so that a value inside the labelled range is supported.
        counts: Rows of each entry of ``labelled`` and of ``target``, where those list distinct values; None where each
            entry is a row.
    """

    labelled: ArrayLike
    target: ArrayLike
    ordered: bool = False
    counts: tuple[ArrayLike, ArrayLike] | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """How far labelled rows can speak for unlabelled ones.

    Attributes:
        outside: Share of unlabelled rows outside the labelled ones, per factor and for "confidence".
        effective_size: Labelled rows that are left once they are weighted to look like the unlabelled ones.
        separation: AUROC of telling the sides apart by confidence: 0.5 alike, 1 disjoint.
        refused: Whether an estimate would be a guess.
        reason: Why, in words; empty where it is not refused.
    """

    outside: Mapping[str, float] = field(default_factory=dict)
    effective_size: float = 0.0
    separation: float = 0.5
    refused: bool = False
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "outside": dict(self.outside), "effective_size": self.effective_size, "separation": self.separation,
            "refused": self.refused, "reason": self.reason,
        }  # fmt: skip


def support(
    confidence_labelled: ArrayLike,
    confidence_target: ArrayLike,
    factors: Mapping[str, Column] | Iterable[tuple[str, Column]] = (),
    *,
    max_outside: float = 0.05,
    min_effective: float = MIN_EFFECTIVE,
) -> Support:
    """Test whether unlabelled rows lie inside the labelled ones.

    An unlabelled row is outside where its bin of confidence (twenty of equal mass over both sides) or its level of a
    categorical factor holds fewer than five labelled rows, or its value of an ordered factor lies beyond the labelled
    range. The weights w_b = share of unlabelled / share of labelled rows in a bin leave n/Σ(q_b²/p_b) effective rows
    (Kish). Refused: more than ``max_outside`` of the rows outside, or fewer than ``min_effective`` effective rows.

    Args:
        confidence_labelled: Shape (n_labelled,).
        confidence_target: Shape (n_target,).
        factors: Other columns by name, or one after another with their names.
        max_outside: Largest share of unlabelled rows that may lie outside, per column.
        min_effective: Fewest effective labelled rows.

    Raises:
        TooFewUnits: A side is empty.

    Source: Kish (1965), section 11.2; Sugiyama, Suzuki & Kanamori (2012), Density ratio estimation in machine
    learning, chapter 1 (importance weights exist only where the supports overlap).

    >>> c = np.linspace(0, 1, 200)
    >>> support(c, c).refused, support(c / 2, 0.5 + c / 2).refused
    (False, True)
    """
    c, t = np.asarray(confidence_labelled, np.float64), np.asarray(confidence_target, np.float64)
    if not len(c) or not len(t):
        raise TooFewUnits(f"a support test needs rows on both sides, got {len(c)} labelled and {len(t)} unlabelled.")
    both = np.concatenate([c, t])
    # Small samples get fewer bins, or chance alone would leave some without labelled rows.
    bins = int(np.clip(len(c) // (4 * MIN_ROWS), 2, N_BINS))
    edges = np.unique(np.quantile(both, np.linspace(0, 1, bins + 1)[1:-1]))
    nc, nt = (np.bincount(np.searchsorted(edges, x, side="right"), minlength=len(edges) + 1) for x in (c, t))
    p, q = nc / len(c), nt / len(t)
    inside = nc >= MIN_ROWS
    outside = {"confidence": float(q[~inside].sum())}
    pairs: Any = factors.items() if isinstance(factors, Mapping) else factors
    for name, column in pairs:
        outside[name] = _outside(column)
    overlap = q[inside].sum()
    size = len(c) * float(overlap**2 / np.sum(q[inside] ** 2 / p[inside])) if overlap > 0 else 0.0
    worst = max(outside, key=lambda name: outside[name])
    reason = ""
    if outside[worst] > max_outside:
        what = "a confidence" if worst == "confidence" else f"a value of {worst}"
        reason = f"{outside[worst]:.0%} of these rows have {what} that no labelled row covers".replace("%", " %")
    elif size < min_effective:
        reason = f"labelled rows that resemble these amount to {size:.0f} (at least {min_effective:.0f} are needed)"
    below = np.cumsum(p) - p
    separation = float(q @ (below + p / 2))
    return Support(outside, size, max(separation, 1 - separation), bool(reason), reason)


def _outside(column: Column) -> float:
    labelled, target = np.asarray(column.labelled), np.asarray(column.target)
    rows, weight = None, np.ones(len(target))
    if column.counts is not None:
        rows, weight = (np.asarray(count, np.float64) for count in column.counts)
        labelled, rows, target, weight = labelled[rows > 0], rows[rows > 0], target[weight > 0], weight[weight > 0]
    if column.ordered:
        known, there = labelled[~np.isnan(labelled)], ~np.isnan(target)
        present, weight = target[there], weight[there]
        if not len(known) or not len(present):
            return 0.0 if not len(present) else 1.0
        beyond = (present < known.min()) | (present > known.max())
    else:
        codes = target.astype(np.int64) + 1
        size = int(max(codes.max(initial=0), labelled.max(initial=-1) + 1)) + 1
        beyond = np.bincount(labelled.astype(np.int64) + 1, weights=rows, minlength=size)[codes] < MIN_ROWS
    return float(weight[beyond].sum() / weight.sum())
