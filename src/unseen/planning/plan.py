"""What a plan says: plain values, each with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unseen.checks.base import Settings
from unseen.estimates.intervals.designs import Layout

Origin = Literal["assumed", "measured", "counted"]


@dataclass(frozen=True, slots=True)
class Basis:
    """A number that the plan rests on.

    Attributes:
        name: What it is.
        value: The number.
        origin: Assumed, measured in the pilot, or counted (in the pilot, or in a table of this shape).
        low: Lower end of its interval, where it was measured.
        high: Upper end.
        note: How it was had.
    """

    name: str
    value: float
    origin: Origin
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What a gap of one size takes.

    Attributes:
        gap: As a share of the score's range.
        items: Of each model, seen and unseen together; None where no number is enough.
        clusters: The same in clusters.
        low: Items at the lower end of the interval of the measured standard error; None by assumption.
        high: Items at the upper end.
    """

    gap: float
    items: int | None
    clusters: int | None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One check, and what a design shows of it.

    Attributes:
        code: Of the check.
        title: Of the check.
        about: The subject it was planned for: the one with the largest standard error, or any.
        level: Two-sided level at which the audit tests one subject, its correction included.
        tests: p-values of this check in the audit.
        found: Smallest gap found with the power asked for, as a share of the score's range; None where none is.
        found_low: Lower end of its interval, where it was measured.
        found_high: Upper end.
        decided: Smallest ``gap_that_matters`` at which every question is decided.
        to_find: Needed to find a gap with the power asked for.
        to_decide: Needed so that every question is decided at a ``gap_that_matters`` of this size.
        origin: What the numbers rest on.
    """

    code: str
    title: str
    about: str
    level: float
    tests: int
    found: float | None
    found_low: float | None
    found_high: float | None
    decided: float | None
    to_find: tuple[Need, ...]
    to_decide: tuple[Need, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Change:
    """Another layout, and what it brings for the gap of one model (U101).

    Attributes:
        name: What is changed.
        clusters: Clusters.
        rows: Mean rows per cluster; None where there is no end to them.
        items: Items; None where there is no end to them.
        found: Smallest gap found with the power asked for.
        decided: Smallest ``gap_that_matters`` at which every question is decided.
    """

    name: str
    clusters: int
    rows: float | None
    items: int | None
    found: float | None
    decided: float | None


@dataclass(frozen=True, slots=True)
class Mix:
    """Clusters that decide at ``gap_that_matters`` with so many rows each (U101)."""

    rows: float
    clusters: int | None
    items: int | None
    now: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The smallest gap that is found against items, for one number of clusters or of models."""

    name: str
    now: bool
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a design would show, and what it would take to show more.

    Attributes:
        source: The pilot; empty where the plan is from numbers.
        models: Models in the audit.
        layout: Clusters and rows of one model.
        unseen_share: Share of the items that is unseen.
        clustered: Whether items are sampled in clusters.
        settings: Levels and gaps of the audit.
        power: Chance to find that is asked for.
        basis: What the numbers rest on.
        tests: p-values by check.
        questions: U101 first.
        changes: More clusters against more rows per cluster.
        mixes: Rows per cluster, and the clusters that decide with them.
        lines: For the picture.
        notes: What else to know: too few clusters, questions that are not asked.
    """

    source: str
    models: int
    layout: Layout
    unseen_share: float
    clustered: bool
    settings: Settings
    power: float
    basis: tuple[Basis, ...]
    tests: dict[str, int]
    questions: tuple[Question, ...]
    changes: tuple[Change, ...]
    mixes: tuple[Mix, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
