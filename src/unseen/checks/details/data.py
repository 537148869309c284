"""What findings about the data and their scores hold: copies, constant scores, leaks, a judge beside humans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unseen.checks.details.record import IF_KNOWN, MEAN, Details, Record, called
from unseen.estimates import Estimate

# A row of the user's table, as it is.
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Copies(Details):
    """Answers that stand more than once.

    Attributes:
        rows: Rows in all.
        surplus: Rows that repeat another one.
        conflicts: Answers with unequal scores.
        examples: Some of them.
    """

    rows: int
    surplus: int
    conflicts: int
    examples: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread(Details):
    """Where the scores of a model lie.

    Attributes:
        model: The model.
        where: "constant", "floor", "ceiling" or None.
        mean: Mean score, where scores differ or lie at an end.
        lowest: Lowest score; all three as users know them.
        highest: Highest score.
    """

    model: str
    where: str | None
    mean: Estimate | None
    lowest: float
    highest: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstantLevel(Details):
    """A level at which a model is all right or all wrong, against what the others are there.

    Attributes:
        model: The model.
        factor: The factor.
        level: The level.
        where: "all right" or "all wrong".
        rows: Rows.
        units: Independent units.
        others_low: Lowest mean of another model, as a share of the way to "all right".
        others_high: Highest.
        chance: The chance of such a run, at most.
    """

    model: str
    factor: str
    level: str
    where: str
    rows: int
    units: int
    others_low: float
    others_high: float
    chance: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemsAnswered(Details):
    """Which items the models answered.

    Attributes:
        union: Items that any answered.
        common: Items that all answered.
        answered: Items of each model.
        means_on_common: Mean score of each on the common items.
        examples: Items that are missing, and from which model.
    """

    union: int
    common: int
    answered: Mapping[str, int] = field(metadata=called("items"))
    means_on_common: Mapping[str, float | None] | None = field(default=None, metadata={**IF_KNOWN, **MEAN})
    examples: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaked(Details):
    """Unseen questions that are near-identical to a seen one.

    Attributes:
        leaked: How many.
        seen: Seen questions.
        unseen: Unseen questions.
        examples: Some pairs.
    """

    leaked: int
    seen: int
    unseen: int
    examples: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Alike(Details):
    """How alike the items of one level of a factor are.

    Attributes:
        factor: The factor.
        correlation: Of scores within a level.
        design_effect: How much larger the variance of a mean is for it.
    """

    factor: str
    correlation: Estimate
    design_effect: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledRows(Details):
    """The rows that humans scored beside the others.

    Attributes:
        rows: Which rows.
        labelled: How many have a label.
        others: How many have none.
        difference: Of the judge's means.
    """

    rows: str
    labelled: int
    others: int
    difference: Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement(Details):
    """A judge beside humans.

    Attributes:
        model: The model that is judged.
        labels: Labelled rows.
        share: Share on which they agree.
        kappa: Cohen's kappa.
        bias: The judge's mean minus that of humans.
    """

    model: str
    labels: int
    share: Estimate
    kappa: Estimate | None
    bias: Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class BiasOfSides(Details):
    """A judge's bias on seen and on unseen rows.

    Attributes:
        model: The model that is judged.
        difference: Of the two.
        bias_seen: On seen rows.
        bias_unseen: On unseen ones.
        labels_seen: Labelled rows that were seen.
        labels_unseen: Those that were not.
    """

    model: str
    difference: Estimate
    bias_seen: float
    bias_unseen: float
    labels_seen: int
    labels_unseen: int


@dataclass(frozen=True, slots=True)
class BiasAt(Record):
    """A judge's bias at one level.

    Attributes:
        level: Factor and level.
        bias: There.
        elsewhere: On the other rows.
        labels: Labelled rows.
        p: p-value.
    """

    level: str
    bias: float
    elsewhere: float
    labels: int
    p: float


@dataclass(frozen=True, kw_only=True, eq=False)
class BiasOfLevels(Details):
    """A judge's bias at the levels of the factors.

    Attributes:
        model: The model that is judged.
        levels: The levels that were tried.
    """

    model: str
    levels: tuple[BiasAt, ...]
