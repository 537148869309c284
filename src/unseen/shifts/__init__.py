"""Rules that say what is seen and what is not, each with guarantees that it checks."""

from unseen.shifts.base import Guarantee, Shift, Split
from unseen.shifts.by_domain import EachOut, LeaveEachOut, SpuriousBroken
from unseen.shifts.by_factor import (
    DeeperAtMatchedLength,
    DifficultyBins,
    HeldOutCombination,
    HeldOutLevel,
    LongerThan,
    RandomShift,
    UnseenCube,
)
from unseen.shifts.by_order import Extrapolated, LaterThan
from unseen.shifts.changed import LabelNoise, Perturbed
from unseen.shifts.compound import CompoundDivergence, UnobservedLocalStructures, divergence
from unseen.shifts.phrases import PHRASES, NamedShifts, parse_shift
from unseen.shifts.reweighted import CovariateReweighted
from unseen.shifts.training_side import corrupt_labels, repeat_examples

__all__ = [
    "PHRASES",
    "CompoundDivergence",
    "CovariateReweighted",
    "DeeperAtMatchedLength",
    "DifficultyBins",
    "EachOut",
    "Extrapolated",
    "Guarantee",
    "HeldOutCombination",
    "HeldOutLevel",
    "LabelNoise",
    "LaterThan",
    "LeaveEachOut",
    "LongerThan",
    "NamedShifts",
    "Perturbed",
    "RandomShift",
    "Shift",
    "Split",
    "SpuriousBroken",
    "UnobservedLocalStructures",
    "UnseenCube",
    "corrupt_labels",
    "divergence",
    "parse_shift",
    "repeat_examples",
]
