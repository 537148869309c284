"""What both ways to a plan share: levels, layouts beside the planned one, and what is too few."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from unseen.checks.base import Settings
from unseen.errors import BadInput
from unseen.estimates.intervals.designs import Contrast, Layout, Rule, clusters_needed, smallest_decided, smallest_found
from unseen.planning.plan import Basis, Change, Line, Mix, Need, Question

GAPS = (0.02, 0.05, 0.1, 0.15, 0.2)
# The lead questions, and one search for contrast.
QUESTIONS = ("U101", "U701", "U102")
CURVE_POINTS = 24
# As many rows per cluster as make no difference any more.
ENDLESS = 1e9
# In the note of a design that an audit would not judge.
DECLINES = "an audit declines a gap below"


def rule_of(alpha: float, settings: Settings, power: float) -> Rule:
    """When a check finds and excludes an effect in an audit under these settings.

    Raises:
        BadInput: The power lies outside its range.
    """
    if not 0.5 <= power <= 0.99:
        raise BadInput(f"a power lies from 0.5 to 0.99, got {power:g}. 0.8 is usual.")
    return Rule(alpha, settings.level, power, settings.smallest_gap)


def gap_rule(rule: Rule, gap: float) -> Rule:
    """The rule for a gap of this size: one that is never reported is planned for as if it were."""
    return replace(rule, smallest=0.0) if gap <= rule.smallest else rule


def least_clusters(settings: Settings, share: float) -> int:
    """Clusters below which U101 declines.

    >>> least_clusters(Settings(), 0.4)
    25
    """
    return max(2, math.ceil(settings.min_units / min(share, 1 - share) - 1e-9))


def need_of(question: Question, gap: float) -> Need:
    """What it takes to decide at a gap of the table."""
    return next(need for need in question.to_decide if need.gap == gap)


def gaps_of(settings: Settings) -> tuple[float, ...]:
    """The sizes of the table: the usual ones and the one that matters."""
    return tuple(sorted({*GAPS, settings.gap_that_matters}))


def changes(contrast: Contrast, layout: Layout, rule: Rule) -> tuple[Change, ...]:
    """Layouts beside the planned one, and what they bring; none where each item is a unit of its own."""
    if layout.single:
        return ()

    def change(name: str, clusters: float, rows: float) -> Change:
        at = Layout(clusters, rows, layout.uneven)
        ends = rows < ENDLESS
        return Change(
            name, round(clusters), rows if ends else None, round(at.items) if ends else None,
            smallest_found(contrast, at, rule), smallest_decided(contrast, at, rule),
        )  # fmt: skip

    k, m = layout.clusters, layout.rows
    return (
        change("as it is", k, m),
        change("twice the clusters", 2 * k, m),
        change("twice the rows per cluster", k, 2 * m),
        *([change("half the rows, twice the clusters", 2 * k, m / 2)] if m >= 2 else []),
        change("rows without end in these clusters", k, ENDLESS),
    )


def mixes(
    contrast: Contrast, layout: Layout, rule: Rule, settings: Settings, least: float, now: Need
) -> tuple[Mix, ...]:
    """Rows per cluster, and the clusters that decide at ``gap_that_matters`` with them.

    Args:
        contrast: The gap of one model.
        layout: The planned one.
        rule: Of the gap's test.
        settings: Of the audit.
        least: Fewest clusters.
        now: What it takes with the rows per cluster that there are.
    """
    if layout.single:
        return ()
    matters, own = settings.gap_that_matters, round(layout.rows, 1)
    rule = gap_rule(rule, matters)
    made = [Mix(own, now.clusters, now.items, now=True)]
    for rows in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        clusters = clusters_needed(
            lambda at: _at_most(smallest_decided(contrast, at, rule), matters),
            rows, layout.uneven if rows > 1 else 0.0, least=least,
        ) if matters < contrast.room else None  # fmt: skip
        if rows != own:
            made.append(Mix(rows, clusters, None if clusters is None else math.ceil(clusters * rows), now=False))
    return tuple(sorted(made, key=lambda mix: mix.rows))


def _at_most(value: float | None, gap: float) -> bool:
    return value is not None and value <= gap


def lines(contrast: Contrast, layout: Layout, rule: Rule, models: int) -> tuple[Line, ...]:
    """Gap against items: one line a number of clusters, or, where each item is its own, one a number of models."""
    made: list[Line] = []
    grid = np.geomspace(layout.items / 8, layout.items * 16, CURVE_POINTS)
    if layout.single:
        for count in sorted({1, models, 4 * models, 16 * models}):
            other = replace(rule, alpha=rule.alpha * models / count)
            points = [(n, smallest_found(contrast, Layout(n), other)) for n in grid if n >= 8]
            made.append(Line(_counted(count, "model"), count == models, _kept(points)))
        return tuple(made)
    for factor in (0.5, 1.0, 2.0, 4.0):
        k = round(layout.clusters * factor)
        rows = [n / k for n in grid if n / k >= 1]
        points = [(k * m, smallest_found(contrast, Layout(k, m, layout.uneven), rule)) for m in rows]
        made.append(Line(_counted(k, "cluster"), factor == 1.0, _kept(points)))
    return tuple(made)


def _kept(points: Sequence[tuple[float, float | None]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(n), gap) for n, gap in points if gap is not None)


def _whole(units: float) -> str:
    """A number of units, of which there are no halves.

    >>> _whole(3.5), _whole(4.0)
    ('3 or 4', '4')
    """
    low, high = math.floor(units + 1e-9), math.ceil(units - 1e-9)
    return f"{low:,}" if low == high else f"{low:,} or {high:,}"


def notes(
    contrast: Contrast, layout: Layout, rule: Rule, sides: Mapping[str, tuple[float, float]], settings: Settings
) -> tuple[str, ...]:
    """What is too few, in sentences.

    Args:
        contrast: The gap of one model.
        layout: The planned one.
        rule: Of the gap's test.
        sides: Clusters of each side, and how many of one size these count for.
        settings: Of the audit.
    """
    said: list[str] = []
    what, matters = "items" if layout.single else "clusters", settings.gap_that_matters
    for name, (have, count) in sides.items():
        if have < settings.min_units - 1e-9:
            needed = math.ceil(layout.clusters * settings.min_units / have - 1e-9)
            said.append(
                f"Too few {what}: the {name} side has {_whole(have)}, and {DECLINES} "
                f"{settings.min_units}. Collect {needed:,} {what} or more in all."
            )
        elif count < settings.min_units:
            said.append(
                f"Uneven clusters: the {have:.3g} of the {name} side count for {count:.2g} of one size. Take fewer rows "
                "of the largest ones, or more clusters."
            )
    if not layout.single:
        endless = smallest_decided(contrast, Layout(layout.clusters, ENDLESS, layout.uneven), rule)
        if endless is None or endless > matters:
            reached = "" if endless is None else f": without end of rows every gap is decided at {endless:.2f}"
            said.append(
                f"Too few clusters: no number of rows in {layout.clusters:,.0f} clusters decides every gap at "
                f"{matters:g}{reached}. More clusters do."
            )
    return tuple(said)


def tests_basis(tests: dict[str, int], where: str) -> tuple[Basis, ...]:
    """How many tests share the false discovery rate."""
    return (
        Basis("checks that test", len(tests), "counted", note=where),
        Basis("tests in the audit", sum(tests.values()), "counted", note=where),
    )


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
