"""A plan from expected numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from unseen import auditing
from unseen.checks.base import Settings, Subject
from unseen.checks.registry import all_checks
from unseen.errors import BadInput
from unseen.estimates.intervals.designs import (
    Contrast,
    GapContrast,
    Layout,
    LevelsContrast,
    PairContrast,
    Rule,
    clusters_needed,
    smallest_decided,
    smallest_found,
)
from unseen.planning.design import Design
from unseen.planning.plan import Basis, Need, Plan, Question
from unseen.planning.shapes import (
    QUESTIONS,
    changes,
    gap_rule,
    gaps_of,
    least_clusters,
    lines,
    mixes,
    need_of,
    notes,
    rule_of,
    tests_basis,
)
from unseen.responses import Responses

# A table on which tests are counted need not be large.
COUNTED_ITEMS = 300
FACTOR_LEVELS = 3


def from_numbers(
    design: Design, settings: Settings | None = None, *, power: float = 0.8,
    select: Iterable[str] = (), ignore: Iterable[str] = (),
) -> Plan:  # fmt: skip
    """Plan an audit from expected numbers.

    Args:
        design: The numbers.
        settings: Levels and gaps of the audit.
        power: Chance to find that is asked for.
        select: Codes or prefixes of the checks that would run.
        ignore: Codes or prefixes that would not.

    Raises:
        BadInput: A number lies outside its range, or numbers contradict each other.

    >>> plan = from_numbers(Design(models=1, items=786, sd=0.5, factors=0), select=["U101"])
    >>> round(plan.questions[0].level, 3), round(plan.questions[0].found, 3)
    (0.05, 0.1)
    """
    settings = settings or Settings()
    design = design.checked()
    rule_of(settings.fdr, settings, power)
    layout, rho = design.layout, design.correlation
    tests = count_tests(design, settings, select, ignore)
    contrasts: dict[str, Contrast] = {
        "U101": GapContrast(design.score, design.unseen_share, rho, design.sd),
        "U701": PairContrast(design.score, design.pairing, rho, design.sd),
        "U102": LevelsContrast(design.score, FACTOR_LEVELS, rho, design.sd),
    }
    levels = auditing.levels_alone(tests, settings.fdr)
    if "U101" not in levels:
        raise BadInput("the gap from seen to unseen (U101) is not among the checks. Select it: --select U101,U701.")
    least = least_clusters(settings, design.unseen_share)
    questions = tuple(
        _question(code, contrasts[code], layout, rule_of(levels[code], settings, power), tests[code], settings, least)
        for code in QUESTIONS
        if code in levels
    )
    shares = {"seen": 1 - design.unseen_share, "unseen": design.unseen_share}
    sides = {
        name: (part * layout.clusters, part * layout.clusters / (1 + layout.uneven)) for name, part in shares.items()
    }
    gap, rule = contrasts["U101"], rule_of(levels["U101"], settings, power)
    return Plan(
        source="", models=design.models, layout=layout, unseen_share=design.unseen_share, clustered=not layout.single,
        settings=settings, power=power, basis=_assumed(design, tests), tests=tests, questions=questions,
        changes=changes(gap, layout, rule),
        mixes=mixes(gap, layout, rule, settings, least, need_of(questions[0], settings.gap_that_matters)),
        lines=lines(gap, layout, rule, design.models),
        notes=notes(gap, layout, rule, sides, settings),
    )  # fmt: skip


def count_tests(
    design: Design, settings: Settings, select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> dict[str, int]:
    """p-values by check in an audit of this shape, counted by auditing a table of random answers."""
    import polars as pl

    layout = design.layout
    # No side so small that a check declines: a design with too few clusters is told so, and planned for nonetheless.
    least = settings.min_units + 2
    k = max(2 * least, round(min(layout.clusters, max(40, COUNTED_ITEMS / layout.rows))))
    m = max(1, min(round(layout.rows), COUNTED_ITEMS // k))
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(k), m)
    unseen = cluster < min(max(least, round(design.unseen_share * k)), k - least)
    columns: dict[str, Any] = {
        "item": [f"i{i}" for i in range(len(cluster))],
        "split": np.where(unseen, "unseen", "seen"),
        "cluster": [f"c{c}" for c in cluster],
    }
    # Levels change within clusters: a factor that a cluster has as a whole would be called its name.
    for f in range(design.factors):
        columns[f"factor {f + 1}"] = [f"level {c}" for c in rng.integers(0, FACTOR_LEVELS, len(cluster))]
    base = pl.DataFrame(columns)
    middle = min(0.9, max(0.1, design.score))
    binary = design.sd is None
    frames = [
        base.with_columns(
            model=pl.lit(f"m{i}"),
            score=(rng.random(len(cluster)) < middle) * 1.0 if binary else rng.uniform(0, 1, len(cluster)),
        )
        for i in range(design.models)
    ]
    table = Responses.of(pl.concat(frames))
    quick = replace(settings, n_resamples=100)
    result = auditing.run(Subject(responses=table), quick, select=select, ignore=ignore)
    return dict(sorted(Counter(o.code for o in result.outcomes if o.p_value is not None).items()))


def _question(
    code: str, contrast: Contrast, layout: Layout, rule: Rule, tests: int, settings: Settings, least: float
) -> Question:
    def need(size: Callable[[Contrast, Layout, Rule], float | None], gap: float) -> Need:
        def meets(at: Layout) -> bool:
            reached = size(contrast, at, gap_rule(rule, gap))
            return reached is not None and reached <= gap

        clusters = clusters_needed(meets, layout.rows, layout.uneven, least=least) if gap < contrast.room else None
        return Need(gap, None if clusters is None else math.ceil(clusters * layout.rows), clusters)

    gaps = gaps_of(settings)
    return Question(
        code=code, title=all_checks()[code].title, about="any", level=rule.alpha, tests=tests,
        found=smallest_found(contrast, layout, rule), found_low=None, found_high=None,
        decided=smallest_decided(contrast, layout, rule),
        to_find=tuple(need(smallest_found, gap) for gap in gaps),
        to_decide=tuple(need(smallest_decided, gap) for gap in gaps), origin="assumed",
    )  # fmt: skip


def _assumed(design: Design, tests: dict[str, int]) -> tuple[Basis, ...]:
    layout = design.layout
    basis = [
        Basis("models", design.models, "assumed"),
        Basis("items of each model", round(layout.items), "assumed"),
        Basis("unseen share", design.unseen_share, "assumed"),
        Basis("score on seen items", design.score, "assumed", note="share of the score's range"),
    ]
    if design.sd is not None:
        basis.append(Basis("standard deviation of a score", design.sd, "assumed", note="share of the score's range"))
    if layout.single:
        basis.append(Basis("rows per cluster", 1, "assumed", note="each item is a unit of its own"))
    else:
        usual = "" if design.intraclass is not None else "none was given; a pilot would measure it"
        basis += [
            Basis("clusters", layout.clusters, "assumed", note="each on one side"),
            Basis("rows per cluster", layout.rows, "assumed"),
            Basis(
                "unevenness of clusters", design.uneven, "assumed", note="standard deviation of sizes over their mean"
            ),
            Basis("intraclass correlation", design.correlation, "assumed", note=usual),
        ]
    if design.models > 1:
        note = "correlation of two models' scores on one item"
        basis.append(Basis("pairing between models", design.pairing, "assumed", note=note))
    if design.factors:
        note = f"{FACTOR_LEVELS} equally frequent levels each"
        basis.append(Basis("factors", design.factors, "assumed", note=note))
    return (*basis, *tests_basis(tests, "in the audit of a table of this shape with random answers"))
