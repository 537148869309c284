"""What findings about gaps hold: both sides, levels of a factor, slices, a place along an order, parts of a drop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from unseen.checks.details.record import IF_KNOWN, MEAN, Details, Record, called
from unseen.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Ends(Record):
    """A place with its interval.

    Attributes:
        value: Where it is.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Level(Record):
    """The mean score at one level.

    Attributes:
        level: Its name, or its place on the axis.
        value: Mean score.
        low: Lower end of its interval.
        high: Upper end.
        units: Independent units.
        method: How the interval was computed, where it is not the one of all levels.
    """

    level: str | float
    value: float
    low: float | None = None
    high: float | None = None
    units: int | None = field(default=None, metadata=IF_KNOWN)
    method: str | None = field(default=None, metadata=IF_KNOWN)

    @classmethod
    def of(cls, point: Mapping[str, float], name: str | None = None) -> Self:
        """A point of a curve of means (``points`` of an estimate), by its place or by another name."""
        return cls(name or point["level"], point["value"], point["low"], point["high"], int(point["units"]))


@dataclass(frozen=True, slots=True)
class LevelOfSide(Record):
    """The mean score at one level, and the side it lies on.

    Attributes:
        level: Place on the axis.
        value: Mean score.
        low: Lower end of its interval.
        high: Upper end.
        units: Independent units.
        split: "seen" or "unseen"; None where nothing is known to be seen.
    """

    level: float
    value: float
    low: float
    high: float
    units: int
    split: str | None

    @classmethod
    def of(cls, point: Mapping[str, float], split: str | None) -> Self:
        """A point of a curve of means (``points`` of an estimate), and its side."""
        return cls(point["level"], point["value"], point["low"], point["high"], int(point["units"]), split)


@dataclass(frozen=True, kw_only=True, eq=False)
class Detectable(Details):
    """The smallest gap that a model's data could show.

    Attributes:
        model: The model.
        smallest_detectable: That gap, a share of the score's range.
        gap_that_matters: The gap that it should be able to show, unit as above.
        level_tested: Level at which the audit tests the gap.
        units: Independent units.
        times: Ratio of the units that would show every gap that matters to those there are.
        units_needed: Units that would.
        standard_error: Of the gap, in the unit of the score.
        counts: The units of both sides, in words.
        scale: Range of the score.
        decided: What is known of the gap without more data: "found" or "clear".
        of: What users know the score as, where lower is better.
    """

    model: str
    smallest_detectable: float
    gap_that_matters: float
    level_tested: float
    units: int
    times: float
    units_needed: int
    standard_error: float
    counts: str
    scale: float
    decided: str | None = field(default=None, metadata=IF_KNOWN)
    of: str | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Corrected(Record):
    """What human labels did to the means of both sides.

    Attributes:
        labels: Labelled rows a side.
        judge_means: The judge's own means.
        weights: Share of the judge's scores that is used on each side.
        chosen: Whether the labelled rows do not look drawn at random.
    """

    labels: tuple[int, int]
    judge_means: tuple[float, float] = field(metadata=MEAN)
    weights: tuple[float, float]
    chosen: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class SidesCompared(Details):
    """The mean on seen and on unseen rows.

    Attributes:
        model: The model.
        seen: Mean on seen rows.
        unseen: Mean on unseen rows.
        gap: What is lost.
        retained: Unseen by seen mean, where that is defined.
        corrected: What human labels corrected.
    """

    model: str
    seen: Estimate = field(metadata=MEAN)
    unseen: Estimate = field(metadata=MEAN)
    gap: Estimate
    retained: Estimate | None
    corrected: Corrected | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels(Details):
    """Means at the levels of something, where nothing more is known of them; what checks of other packages may hold.

    Attributes:
        levels: One a level.
        factor: The factor.
        model: The model.
    """

    levels: tuple[Level, ...] = field(metadata=MEAN)
    factor: str | None = field(default=None, metadata=IF_KNOWN)
    model: str | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Labelled(Record):
    """What human labels corrected.

    Attributes:
        labels: How many.
    """

    labels: int


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorLevels(Details):
    """Means at the levels of one factor, and the pair that differs beyond chance.

    Attributes:
        factor: The factor.
        model: The model.
        best: The better level of the pair.
        worst: The worse one.
        note: Why nothing was adjusted, or what corrected the means; may be empty.
        levels: Means.
        marginal: Gap of the pair.
        adjusted: The same given the other factors.
        separated: Whether some level is all right or all wrong.
        left_out: Levels with too few units.
        corrected: What human labels corrected.
    """

    factor: str
    model: str
    best: str
    worst: str
    note: str
    levels: tuple[Level, ...] = field(metadata=MEAN)
    marginal: Estimate
    adjusted: Estimate | None
    separated: bool
    left_out: tuple[str, ...]
    corrected: Labelled | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class SliceBelow(Record):
    """One slice that a search proposed, on rows that the search did not see.

    Attributes:
        conditions: What its rows have in common.
        value: Mean score there.
        units: Independent units.
        rows: Rows.
        gap: How far it lies below the rest.
        low: Lower end of the interval of the gap.
        high: Upper end.
        p: p-value.
    """

    conditions: tuple[str, ...]
    value: float = field(metadata=MEAN)
    units: int
    rows: int
    gap: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SlicesBelow(Details):
    """The slices that a search proposed.

    Attributes:
        model: The model.
        searched: How many were proposed.
        slices: Those that could be judged.
        narrowed: Factors that were tried by number of conditions, where not all were.
    """

    model: str
    searched: int
    slices: tuple[SliceBelow, ...]
    narrowed: Mapping[str, int] | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Break(Record):
    """Where a score breaks along an order.

    Attributes:
        value: Where.
        low: Lower end of its interval.
        high: Upper end.
        kind: "step" or "hinge".
        either: Whether the data do not tell which.
        jump: Height of the step.
    """

    value: float
    low: float
    high: float
    kind: str
    either: bool
    jump: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Frontier(Details):
    """Means along an ordered factor, what was seen of it, and where the score breaks.

    Attributes:
        factor: The factor.
        model: The model.
        seen_range: Lowest and highest value seen.
        edge: Value at which the reference ends.
        levels: Means.
        break_: Where the score breaks.
        half: Where half of it is left.
    """

    factor: str
    model: str
    seen_range: tuple[float, float] | None
    edge: str
    levels: tuple[LevelOfSide, ...] = field(metadata=MEAN)
    break_: Break | None = field(metadata=called("break"))
    half: Ends | None


@dataclass(frozen=True, kw_only=True, eq=False)
class GapPeak(Details):
    """The gap from seen to unseen along an ordered factor.

    Attributes:
        factor: The factor.
        model: The model.
        critical: Where the gap is widest.
        levels: The gap at each level.
    """

    factor: str
    model: str
    critical: Ends
    levels: tuple[Level, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class OverTime(Details):
    """Means over time.

    Attributes:
        model: The model.
        start: First time.
        end: Last time.
        levels: Mean of each period.
    """

    model: str
    start: str
    end: str
    levels: tuple[Level, ...] = field(metadata=MEAN)


@dataclass(frozen=True, kw_only=True, eq=False)
class BySimilarity(Details):
    """Means by similarity to the training examples.

    Attributes:
        model: The model.
        low: Lowest similarity.
        high: Highest.
        levels: Mean of each bin.
    """

    model: str
    low: float
    high: float
    levels: tuple[Level, ...] = field(metadata=MEAN)


@dataclass(frozen=True, slots=True)
class Placebo(Record):
    """The jump at a place where none is expected.

    Attributes:
        cutoff: The place.
        value: The jump.
        low: Lower end of its interval.
        high: Upper end.
        p: p-value.
    """

    cutoff: float
    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, kw_only=True, eq=False)
class AtCutoff(Details):
    """The jump of a score at a cutoff.

    Attributes:
        model: The model.
        cutoff: The cutoff.
        bandwidth: How far around it rows count.
        placebos: Jumps elsewhere.
    """

    model: str
    cutoff: str
    bandwidth: float
    placebos: tuple[Placebo, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class DropInParts(Details):
    """A drop from seen to unseen as a sum.

    Attributes:
        model: The model.
        factors: Factors whose levels say what a kind of item is.
        defines_split: Factors that define the split.
        support: Share of the rows of each side in kinds that both have.
        cells: Kinds.
        p_values: Of each part.
        mix: Lost by another mix of kinds.
        difficulty: Lost within a kind.
        remainder: Lost in kinds of one side.
        total: The drop.
    """

    model: str
    factors: tuple[str, ...]
    defines_split: tuple[str, ...]
    support: tuple[float, ...]
    cells: int
    p_values: Mapping[str, float | None]
    mix: Estimate | None
    difficulty: Estimate | None
    remainder: Estimate | None
    total: Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class Compounding(Details):
    """Means with neither, either and both of two conditions.

    Attributes:
        model: The model.
        scale: Scale on which losses add up.
        conditions: The two.
        cells: Neither, one, the other, both.
        expected: Mean that is expected with both if the losses add up.
        observed: Mean with both.
    """

    model: str
    scale: str
    conditions: tuple[str, ...]
    cells: tuple[Level, ...] = field(metadata=MEAN)
    expected: float = field(metadata=MEAN)
    observed: float = field(metadata=MEAN)


@dataclass(frozen=True, kw_only=True, eq=False)
class NewCombinations(Details):
    """The mean on combinations of levels that were not seen together.

    Attributes:
        model: The model.
        expected: What the parts let expect.
        observed: The mean.
        units: Independent units.
        combinations: The combinations.
        scale: Scale on which effects add up.
        firth: Whether Firth's penalty was needed.
    """

    model: str
    expected: float = field(metadata=MEAN)
    observed: float = field(metadata=MEAN)
    units: int
    combinations: tuple[str, ...]
    scale: str
    firth: bool
