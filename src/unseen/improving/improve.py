"""Tries remedies and says honestly whether one helps: chosen on some domains, judged on others."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from unseen.engine.executors import Kind
from unseen.engine.processes import kept_workers
from unseen.engine.store import Store
from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.multiverse.grid import Multiverse
from unseen.estimates.testing.multiplicity import holm
from unseen.improving.attempts import UNCHANGED, Attempt, Candidate, Done, candidates_of, run_attempts
from unseen.improving.design import Design, Fitting, design
from unseen.improving.gains import CRAFTED, IN_DOMAIN, Gained, Gains
from unseen.improving.over_settings import over_settings
from unseen.improving.racing import Race, dropped_words, run_race, seconds_of, waves_of, wholly_dropped
from unseen.improving.told import Told
from unseen.improving.worst import LEAST, Judge, required_judge, worst_count
from unseen.refitting import Asked, Runner
from unseen.refitting.diversity import Doubling, doubling
from unseen.refitting.groups import Domains
from unseen.remedies import Remedy, all_remedies, applicable, remedy_named

Cost = tuple[float | None, float]
Subject = Literal["learner", "prompt"]
# A first answer is told before what would take longer than this from the start, in seconds.
PATIENCE = 20.0


@dataclass(frozen=True)
class Ranked:
    """One remedy on the final tests, its settings chosen by validation for each.

    Attributes:
        remedy: What was tried.
        gained: Over the unchanged learner.
        adjusted_p: Holm's, over all remedies that were ranked; None without an interval.
        verdict: gains, loses, unclear, not judged, or dropped (where no gain was in reach after the first domains).
        cost: Time of fitting and time of answering, as multiples of the unchanged learner's; of a language model, which is not
            fitted, the tokens of prompt and answer.
        validated: Mean gain in validation over all final tests, None where it was not validated.
        failures: What it raised → number of fits in which it did.
    """

    remedy: Remedy
    gained: Gained
    adjusted_p: float | None
    verdict: str
    cost: Cost | None
    validated: float | None
    failures: Mapping[str, int]


@dataclass(frozen=True)
class Selected:
    """The whole procedure under one way to validate.

    Attributes:
        how: The way, in words.
        gained: Honest gain: on domains that the choice did not see.
        advised: What the same rule takes when all domains validate.
    """

    how: str
    gained: Gained
    advised: str


@dataclass(frozen=True)
class Improvement:
    """What trying remedies under one family of shifts came to.

    Attributes:
        design: What was fitted.
        ranking: Remedies by their gain, the best first.
        selected: The procedure under the design's own validation.
        alternatives: Under other ways to validate, for comparison.
        not_tried: Remedy → why it can't be tried.
        unchanged: Mean score of the unchanged learner over held-out sets.
        helped: Whether the honest gain's interval lies above 0 and the gain is large enough.
        smallest_gain: The gain below which nothing counts as help.
        fits: Jobs that were run, those kept from an earlier run included.
        judge: What choice and verdict rest on: the mean over domains, or the worst quarter of them.
        unchanged_worst: Mean score of the unchanged learner over the worst quarter of held-out sets.
        collect: What doubling the domains or the rows would bring; why that can't be told; None where it was not asked.
        subject: What the remedies change.
        over: The honest gain under other reasonable ways to choose and judge; None where none of them has one.
    """

    design: Design
    ranking: tuple[Ranked, ...]
    selected: Selected
    alternatives: tuple[Selected, ...]
    not_tried: Mapping[str, str]
    unchanged: float
    helped: bool
    smallest_gain: float
    fits: int
    judge: Judge = "mean"
    unchanged_worst: float | None = None
    collect: Doubling | str | None = None
    subject: Subject = "learner"
    over: Multiverse | None = None


def improve(
    asked: Asked,
    *,
    remedies: Sequence[str] = (),
    repeats: int | None = None,
    rows: int = 20_000,
    smallest_gain: float = 0.005,
    judge: str = "mean",
    level: float = 0.95,
    seed: int = 0,
    executor: Kind = "local",
    workers: int | None = None,
    store: Store | None = None,
    done: Callable[[str, int, int], None] | None = None,
    seconds: float | None = None,
    first: Callable[[Improvement], None] | None = None,
    race: bool | None = None,
) -> list[Improvement]:
    """Try remedies under every family of shifts that was asked for.

    Args:
        asked: Data, learner and held-out sets.
        remedies: Names; by default all that apply.
        repeats: Seeds; by default 2 over domains, 5 for a single held-out set.
        rows: Most rows that are used.
        smallest_gain: Gain below which nothing counts as help, as a share (times the error of the best constant for numbers).
        judge: What choice and verdict rest on: "mean" over domains, or the "worst" quarter of them.
        level: Nominal coverage of intervals.
        seed: Source of every draw.
        executor: serial, local or ray.
        workers: Processes.
        store: Where finished fits are kept; a killed run goes on from there.
        done: Called with (name, finished, total) after each job.
        seconds: Longest time that a fit may take; it then fails.
        first: Called with the result of the cheap remedies, before those that would take longer than ``PATIENCE``.
        race: Whether remedies are dropped when the first validating domains leave them no hope; by default unless they
            are named.

    Returns:
        One result a family, in the order asked.

    Raises:
        BadInput: No held-out set can be judged, no remedy applies, a name is unknown, or the unchanged learner fails.
    """
    if rows < 100 or (repeats is not None and repeats < 1):
        raise BadInput(f"--rows must be at least 100 and --seeds at least 1, got {rows} and {repeats}.")
    decides = required_judge(judge)
    named = [remedy_named(name) for name in remedies]
    families = dict.fromkeys(case.family for case in asked.cases)
    designs = [
        _with_refused(
            design(
                asked.problem, [c for c in asked.cases if c.family == family], repeats=repeats, rows=rows, seed=seed
            ),
            asked,
        )
        for family in families
    ]
    with kept_workers():
        return [
            _one(
                one,
                asked,
                named,
                smallest_gain,
                level,
                decides,
                first=first,
                racing=not named if race is None else race,
                executor=executor,
                workers=workers,
                store=store or Store(),
                done=done,
                seconds=seconds,
                seed=seed,
            )
            for one in designs
        ]


def _with_refused(made: Design, asked: Asked) -> Design:
    """The design with the held-out sets that could not even be formed among those left out."""
    refused = {case.name: why for case, why in asked.refused if case.family == made.family}
    return replace(made, left_out={**refused, **made.left_out})


def _one(
    made: Design, asked: Asked, named: Sequence[Remedy], smallest_gain: float, level: float, judge: Judge, *,
    first: Callable[[Improvement], None] | None, racing: bool, executor: Kind, workers: int | None, store: Store,
    done: Callable[[str, int, int], None] | None, seconds: float | None, seed: int,
) -> Improvement:  # fmt: skip
    fitting, others = applicable(made.problem, asked.learner, domains=made.domains, ordered=made.ordered)
    not_tried = {r.name: why for r, why in others if not named or r in named}
    tried = [r for r in fitting if not named or r in named]
    if not tried:
        reasons = "; ".join(f"{name} {why}" for name, why in list(not_tried.items())[:3])
        raise BadInput(
            f"no remedy can be tried under {made.family!r}: {reasons}. There are {', '.join(all_remedies())}."
        )
    if made.single and judge == "worst":
        note = "One held-out set has no worst quarter of domains: the mean over its rows decides."
        made = replace(made, notes=(*made.notes, note))
    bar = smallest_gain * made.problem.scale
    so_far = Race()
    # Whoever names remedies wants each one's interval: then none is dropped.
    waves = waves_of(tried) if racing else [candidates_of(tried)]
    told_of = None if done is None else Told(done, made, waves)

    def run(
        wanted: Callable[[Fitting, Candidate], bool], candidates: Sequence[Candidate], only: Collection[str] | None
    ) -> Done:
        if told_of is not None:
            told_of.begin(candidates, only)
        found = run_attempts(
            made, asked.learner, candidates, executor=executor, workers=workers, store=store, done=told_of,
            seconds=seconds, wanted=wanted, have=so_far.found, only=only,
        )  # fmt: skip
        for (name, _), own in found.items():
            if UNCHANGED in own and own[UNCHANGED].failed:
                raise BadInput(f"the unchanged learner failed in the fit {name!r}: {own[UNCHANGED].failed}")
        return found

    def answer(candidates: Sequence[Candidate]) -> Improvement:
        names = {c.remedy for c in candidates}
        order = candidates_of([r for r in tried if r.name in names])
        ordered = sorted(candidates, key=lambda c: order.index(c))
        gains = Gains(made, so_far.found, ordered, level, judge, so_far.dropped)
        return improvement_of(gains, [r for r in tried if r.name in names], so_far, bar, not_tried)

    began, told = time.monotonic(), False
    for number, wave in enumerate(waves):
        run_race(
            made, wave, so_far, run, lambda d, found, c=wave: Gains(d, found, c, level, judge), bar,
            racing=racing,
        )  # fmt: skip
        rest = waves[number + 1 :]
        if first is not None and not told and rest:
            ahead = seconds_of(rest[0], so_far, workers or os.cpu_count() or 1 if executor == "local" else 1)
            if time.monotonic() - began + ahead > PATIENCE:
                first(answer([c for done_wave in waves[: number + 1] for c in done_wave]))
                told = True
    found = answer([c for wave in waves for c in wave])
    if not racing:
        return found
    if told_of is not None:
        told_of.begin((), ())
    # On all rows as they were given, so that an audit that asked the same (U804) has made these refits already.
    whole = len(asked.problem) == len(made.problem)
    runner = Runner(
        asked.problem if whole else made.problem, asked.learner, executor=executor, workers=workers, store=store,
        done=told_of, seconds=seconds,
    )  # fmt: skip
    return replace(found, collect=_collected(made, runner, level, seed))


def _collected(made: Design, runner: Runner, level: float, seed: int) -> Doubling | str:
    """What doubling the domains or the rows brings, or why that can't be told."""
    if made.single or any(case.kind != "held-out" for case in made.cases):
        return "the shift holds out no domains in turn."
    code = np.full(len(made.problem), -1)
    for k, case in enumerate(made.cases):
        code[case.beyond] = k
    if int((code >= 0).sum()) != sum(len(case.beyond) for case in made.cases):
        return "rows stand in several of the held-out sets."
    try:
        return doubling(runner, Domains(made.family, made.cases, code), seed, level)
    except TooFewUnits as error:
        return f"not enough domains: {str(error).removeprefix(f'{made.family}: ')}"


def improvement_of(
    gains: Gains, tried: Sequence[Remedy], so_far: Race, bar: float, not_tried: Mapping[str, str]
) -> Improvement:
    """What was answered, as ranking and verdict.

    Args:
        gains: Reads it.
        tried: Remedies.
        so_far: What was answered and dropped.
        bar: Gain that counts as help.
        not_tried: Remedy → why it can't be tried.
    """
    made = gains.design
    ranking = _ranked(gains, tried, so_far, bar)
    selected = _selected(gains, made.validation)
    alternatives = tuple(_selected(gains, how) for how in (CRAFTED, IN_DOMAIN) if how != made.validation)
    estimate = selected.gained.estimate
    helped = estimate is not None and estimate.low > 0 and estimate.value >= bar
    scores = _unchanged(gains)
    tail = None if made.single else statistics.fmean(sorted(scores)[: worst_count(len(scores), LEAST)])
    told = dropped_words(so_far, made, tried, bar)
    shown = replace(made, notes=(*made.notes, told)) if told else made
    fits = sum(
        sum(key == UNCHANGED or remedy_named(key.split(" ")[0]).wrap is None for key in own)
        for own in so_far.found.values()
    )
    return Improvement(
        shown, ranking, selected, alternatives, not_tried, statistics.fmean(scores), helped, bar, fits, gains.judge, tail,
        over=over_settings(gains, bar),
    )  # fmt: skip


def _unchanged(gains: Gains) -> list[float]:
    """Mean score of the unchanged learner on each held-out set."""
    made: list[float] = []
    for fold in gains.design.folds:
        side, where = next(iter(gains.fittings[fold.final, 0].tests.items()))
        runs = [gains.attempts[fold.final, r][UNCHANGED].scores[side] for r in range(gains.design.repeats)]
        for c in fold.cases:
            own = np.isin(where, gains.design.cases[c].beyond)
            made.append(float(np.mean([run[own].mean() for run in runs])))
    return made


def _selected(gains: Gains, how: str) -> Selected:
    chosen = [gains.choose(fold, how) for fold in gains.design.folds]
    return Selected(how, gains.gained(chosen), _advised(gains, how).key)


def _advised(gains: Gains, how: str) -> Candidate:
    """What to take: the candidate with the largest mean over all validations, if it passes the rule there."""
    best, top = Candidate(UNCHANGED), 0.0
    for candidate in gains.candidates:
        found = [v for fold in gains.design.folds if (v := gains.validated(fold, candidate, how)) is not None]
        if len(found) < len(gains.design.folds):
            continue
        value = statistics.fmean(v for v, _ in found)
        # Validations of the folds overlap: their mean error, not one that shrinks with their number, is the bar.
        if value > top and value > statistics.fmean(e for _, e in found):
            best, top = candidate, value
    return best


def _ranked(gains: Gains, remedies: Sequence[Remedy], so_far: Race, bar: float) -> tuple[Ranked, ...]:
    found, alpha = so_far.found, 1 - gains.level
    rows: list[tuple[Remedy, Gained, float | None]] = []
    for remedy in remedies:
        own = [c for c in gains.candidates if c.remedy == remedy.name]
        chosen = [gains.choose(fold, gains.design.validation, own) for fold in gains.design.folds]
        values = [
            v[0]
            for fold, c in zip(gains.design.folds, chosen, strict=True)
            if c.remedy != UNCHANGED and (v := gains.validated(fold, c, gains.design.validation)) is not None
        ]
        rows.append((remedy, gains.gained(chosen), statistics.fmean(values) if values else None))
    known = [g.p_value for _, g, _ in rows if g.p_value is not None]
    adjusted = iter(holm(known).tolist())
    made: list[Ranked] = []
    for remedy, gained, validated in rows:
        p = None if gained.p_value is None else next(adjusted)
        gone = wholly_dropped(so_far, gains.design, remedy)
        made.append(
            Ranked(
                remedy, gained, p, "dropped" if gone else _verdict(gained, p, bar, alpha), _cost(found, remedy.name), validated,
                _failures(found, remedy.name),
            )
        )  # fmt: skip
    return tuple(sorted(made, key=_place))


def _place(row: Ranked) -> tuple[bool, float]:
    """The best first, those without an estimate last."""
    estimate = row.gained.estimate
    return (True, 0.0) if estimate is None else (False, -estimate.value)


def _verdict(gained: Gained, p: float | None, bar: float, alpha: float) -> str:
    if gained.estimate is None or p is None:
        return "not judged"
    if p <= alpha and gained.estimate.value >= bar:
        return "gains"
    if p <= alpha and gained.estimate.value < 0:
        return "loses"
    return "unclear"


def _cost(found: Mapping[tuple[str, int], Mapping[str, Attempt]], name: str) -> Cost | None:
    """Time of fitting and of answering a row, the mean over settings, in units of the unchanged learner's."""
    fits: list[float] = []
    rows: list[float] = []
    for own in found.values():
        base = own[UNCHANGED]
        for key, one in own.items():
            if key.split(" ")[0] == name and not one.failed and base.row_seconds > 0:
                fits += [one.fit_seconds / base.fit_seconds] if base.fit_seconds > 0 else []
                rows.append(one.row_seconds / base.row_seconds)
    return (statistics.median(fits) if fits else None, statistics.median(rows)) if rows else None


def _failures(found: Mapping[tuple[str, int], Mapping[str, Attempt]], name: str) -> dict[str, int]:
    counts: dict[str, tuple[str, int]] = {}
    for own in found.values():
        for key, one in own.items():
            if key.split(" ")[0] == name and one.failed:
                # Messages that differ by their numbers alone tell of one failure.
                kind = re.sub(r"\d[\d.,e+-]*|\binf\b", "#", one.failed)
                first, count = counts.get(kind, (one.failed, 0))
                counts[kind] = (first, count + 1)
    return dict(counts.values())
