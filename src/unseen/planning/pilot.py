"""A plan from a pilot: its own audit, carried over to other sizes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from unseen import auditing
from unseen.checks._rows import score_scale
from unseen.checks.base import Outcome, Settings, Subject
from unseen.checks.registry import all_checks
from unseen.errors import BadInput, TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.designs import Layout, MeasuredContrast, Rule, smallest_decided, smallest_found
from unseen.estimates.testing.power import error_of, units_to_decide
from unseen.planning.measured import measured
from unseen.planning.plan import Basis, Need, Plan, Question
from unseen.planning.shapes import (
    QUESTIONS,
    changes,
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


def from_pilot(
    pilot: Responses, settings: Settings | None = None, *, power: float = 0.8, models: int | None = None,
    select: Iterable[str] = (), ignore: Iterable[str] = (), source: str = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> Plan:  # fmt: skip
    """Plan an audit from a pilot: its own audit gives standard errors and the number of tests.

    Args:
        pilot: Answers with rows marked as seen and unseen.
        settings: Levels and gaps of the audit.
        power: Chance to find that is asked for.
        models: Models in the audit that is planned; those of the pilot by default.
        select: Codes or prefixes of the checks that would run.
        ignore: Codes or prefixes that would not.
        source: Where the pilot came from.
        progress: Called with (code, done, total) before each check.

    Raises:
        BadInput: No rows are marked as seen and unseen.
        TooFewUnits: No model has enough clusters on both sides for a standard error.
    """
    settings = settings or Settings()
    subject = Subject(responses=pilot)
    missing = auditing.missing_inputs(all_checks()["U101"], subject)
    if missing:
        raise BadInput(
            f"the pilot has no labelled rows marked {' and '.join(missing)}, and a gap needs both sides. Say which rows "
            "are unseen: --unseen 'digits > 2', or --split COLUMN with the values seen and unseen."
        )
    result = auditing.run(subject, settings, select=select, ignore=ignore, progress=progress)
    outcomes = {code: [o for o in result.outcomes if o.code == code] for code in QUESTIONS}
    if not any(o.estimate for o in outcomes["U101"]):
        if not outcomes["U101"]:
            raise BadInput("the gap from seen to unseen (U101) is not among the checks. Select it: --select U101,U701.")
        raise TooFewUnits(f"the pilot gives no gap. {outcomes['U101'][0].statement}")
    facts = measured(subject, settings)
    scale, there = score_scale(subject.answers), len(subject.answers.models)
    planned = models or there
    tests = _scaled(Counter(o.code for o in result.outcomes if o.p_value is not None), there, planned)
    levels = auditing.levels_alone(tests, settings.fdr)
    layout, share = facts.layout, facts.unseen_share
    questions: list[Question] = []
    contrast: MeasuredContrast | None = None
    for code in QUESTIONS:
        worst = max((o for o in outcomes[code] if o.estimate), key=lambda o: error_of(_known(o)), default=None)
        if worst is None or code not in levels:
            continue
        made = _carried(worst, scale, layout, facts.carried)
        contrast = contrast or made
        questions.append(
            _measured_question(worst, made, scale, rule_of(levels[code], settings, power), tests[code], settings)
        )
    assert contrast is not None, "U101 has an estimate"  # noqa: S101
    rule, least = rule_of(levels["U101"], settings, power), least_clusters(settings, share)
    basis = (
        Basis("models", planned, "counted" if planned == there else "assumed"),
        *facts.basis, *tests_basis(tests, "in the audit of the pilot"),
    )  # fmt: skip
    return Plan(
        source=source, models=planned, layout=layout, unseen_share=share, clustered=not layout.single,
        settings=settings, power=power, basis=basis, tests=tests, questions=tuple(questions),
        changes=changes(contrast, layout, rule),
        mixes=mixes(contrast, layout, rule, settings, least, need_of(questions[0], settings.gap_that_matters)),
        lines=lines(contrast, layout, rule, planned),
        notes=(*notes(contrast, layout, rule, facts.sides, settings), *facts.notes, *_declined(outcomes["U101"])),
    )  # fmt: skip


def _known(outcome: Outcome) -> Estimate:
    assert outcome.estimate is not None, outcome.code  # noqa: S101
    return outcome.estimate


def _carried(outcome: Outcome, scale: float, layout: Layout, intraclass: float) -> MeasuredContrast:
    from scipy import special

    estimate = _known(outcome)
    dof = max(1, estimate.units - 1)
    margin = math.sqrt(dof / float(special.chdtri(dof, 0.8)))
    return MeasuredContrast(error_of(estimate) / scale, layout, intraclass, margin)


def _measured_question(
    outcome: Outcome, contrast: MeasuredContrast, scale: float, rule: Rule, tests: int, settings: Settings
) -> Question:
    from scipy import special

    estimate, layout = _known(outcome), contrast.at
    dof, tail = max(1, estimate.units - 1), (1 - settings.level) / 2
    # The interval of a standard error from as many units: its square is χ² over its degrees of freedom.
    spread = tuple(math.sqrt(dof / float(special.chdtri(dof, p))) for p in (tail, 1 - tail))
    found = smallest_found(contrast, layout, replace(rule, smallest=0.0)) or 0.0

    def sized(times: float) -> tuple[int, int]:
        return math.ceil(times * layout.items - 1e-9), math.ceil(times * layout.clusters - 1e-9)

    def to_find(gap: float) -> Need:
        times = (found / gap) ** 2
        low, high = (sized(times * s * s)[0] for s in spread)
        return Need(gap, *sized(times), low, high)

    def to_decide(gap: float) -> Need:
        times, units = units_to_decide(estimate, gap * scale, alpha=rule.alpha)
        reached = (smallest_decided(contrast, layout, replace(rule, smallest=0.0)) or 0.0) / gap
        # Fewer than there are can be enough: what an audit asks for beyond them is never less than 1.1 times.
        times = units / estimate.units if reached > 1 else reached**2
        low, high = (sized(max(times, 0.0) * (s / contrast.margin) ** 2)[0] for s in spread)
        return Need(gap, *sized(times), low, high)

    gaps = gaps_of(settings)
    return Question(
        code=outcome.code, title=all_checks()[outcome.code].title, about=outcome.about.name, level=rule.alpha,
        tests=tests, found=max(found, rule.smallest), found_low=found * spread[0], found_high=found * spread[1],
        decided=smallest_decided(contrast, layout, rule), to_find=tuple(to_find(g) for g in gaps),
        to_decide=tuple(to_decide(g) for g in gaps), origin="measured",
    )  # fmt: skip


def _declined(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    return tuple(f"{o.about.name} is not planned for: {o.statement}" for o in outcomes if o.estimate is None)


def _scaled(tests: Counter[str], there: int, planned: int) -> dict[str, int]:
    """p-values by check with another number of models: neighbours are one fewer, everything else grows with them."""
    made: dict[str, int] = {}
    for code, n in sorted(tests.items()):
        if there == planned:
            made[code] = n
        elif code == "U701":
            made[code] = max(0, planned - 1)
        else:
            made[code] = max(1, round(n * planned / there)) if n >= there else n
    return {code: n for code, n in made.items() if n}
