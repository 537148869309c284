"""Pairs of an original item and its rewritten variant, per model, for the checks U401 and U501."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from unseen.checks._rows import ItemMeans, item_means
from unseen.checks._unit import Unit
from unseen.checks.base import Subject
from unseen.plain_text import counted


class Flipped(TypedDict):
    """Pairs, and how many of them turn wrong and right."""

    pairs: int
    flips_to_wrong: int
    flips_to_right: int


@dataclass(frozen=True, eq=False)
class VariantPairs:
    """Scores of one model on originals and on their variants, row by row.

    Attributes:
        original: Shape (k,), mean score on the original.
        variant: Shape (k,), mean score on the variant.
        root: Shape (k,), integer of the original item: the pairs of one original are one unit.
        item: Shape (k,), integer of the variant.
        cluster: Shape (k,), sampling unit.
    """

    original: NDArray[np.float64]
    variant: NDArray[np.float64]
    root: NDArray[np.int64]
    item: NDArray[np.int64]
    cluster: NDArray[np.int64]

    def worst(self) -> float:
        """Mean over originals of the lowest score on the original and its variants."""
        return _mean_of_extreme(self)

    def told(self, unit: Unit) -> str:
        """The means of both forms as users know them."""
        before, after = (unit.shown(float(side.mean())) for side in (self.original, self.variant))
        of = f"{unit.a_word} of " if unit.lower else ""
        return f"{of}{before:.2f} on originals, {after:.2f} on variants ({counted(len(self.item), 'pair')})"

    def flips(self) -> Flipped:
        """How many pairs turn wrong and how many turn right (scores above and below one half of their span)."""
        return {
            "pairs": len(self.item),
            "flips_to_wrong": int(np.sum(self.variant < self.original)),
            "flips_to_right": int(np.sum(self.variant > self.original)),
        }


def variant_pairs(subject: Subject) -> dict[str, VariantPairs]:
    """Pairs of each model that answered an original and a variant of it; computed once."""
    return subject.shared("variant_pairs", lambda: _variant_pairs(subject))


def _variant_pairs(subject: Subject) -> dict[str, VariantPairs]:
    answers = subject.answers
    if not answers.has("variant_of"):
        return {}
    items, parents = answers.codes("item"), answers.codes("variant_of")
    number = {name: i for i, name in enumerate(items.levels)}
    parent_item = np.array([number.get(name, -1) for name in parents.levels] + [-1], dtype=np.int64)
    root_of = np.full(len(items.levels), -1, dtype=np.int64)
    given = np.flatnonzero(parents.codes >= 0)
    root_of[items.codes[given]] = parent_item[parents.codes[given]]
    pairs: dict[str, VariantPairs] = {}
    for name, means in item_means(subject).items():
        found = _of_model(means, root_of)
        if len(found.item):
            pairs[name] = found
    return pairs


def _of_model(means: ItemMeans, root_of: NDArray[np.int64]) -> VariantPairs:
    where = np.full(len(root_of) + 1, -1, dtype=np.int64)
    where[means.item] = np.arange(len(means.item))
    root = root_of[means.item]
    at = where[root]
    kept = np.flatnonzero((root >= 0) & (at >= 0) & (root != means.item))
    return VariantPairs(
        means.mean[at[kept]], means.mean[kept], root[kept], means.item[kept], means.cluster[at[kept]]
    )  # fmt: skip


def _mean_of_extreme(pairs: VariantPairs) -> float:
    levels, where = np.unique(pairs.root, return_inverse=True)
    lowest = np.full(len(levels), np.inf)
    np.minimum.at(lowest, where, np.minimum(pairs.original, pairs.variant))
    return float(lowest.mean())
