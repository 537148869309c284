"""Rules that say what is seen and what is not, each with guarantees that it checks."""

from unseen.shifts.base import Guarantee, Shift, Split
from unseen.shifts.by_factor import (
    DeeperAtMatchedLength,
    DifficultyBins,
    HeldOutCombination,
    HeldOutLevel,
    LongerThan,
    RandomShift,
    UnseenCube,
)
from unseen.shifts.compound import CompoundDivergence, UnobservedLocalStructures, divergence
from unseen.shifts.training_side import corrupt_labels, repeat_examples

__all__ = [
    "CompoundDivergence",
    "DeeperAtMatchedLength",
    "DifficultyBins",
    "Guarantee",
    "HeldOutCombination",
    "HeldOutLevel",
    "LongerThan",
    "RandomShift",
    "Shift",
    "Split",
    "UnobservedLocalStructures",
    "UnseenCube",
    "corrupt_labels",
    "divergence",
    "repeat_examples",
]
