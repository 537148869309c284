"""The cheap first, and no more fits for what can't win: a candidate is dropped for a test by domains that are not tested."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unseen.improving.attempts import UNCHANGED, Candidate, Done, candidates_of
from unseen.improving.design import Design, Fitting
from unseen.improving.gains import Gains
from unseen.improving.worst import Judge
from unseen.remedies import Remedy, remedy_named

# Parts that stand this far from a test's own, in a circle, validate first; four of nine where there are ten.
FIRST_STEPS = (1, 3)
# Fewer parts than these leave nothing to save.
LEAST_PARTS = 6
# A gain that lies this many standard errors below the bar is given up.
ERRORS = 2.0
# More fits than these for one remedy, and it waits until the cheap ones have answered.
CHEAP = 2
# Time of a fit beside the fit itself: answers, scores, and sending them, in seconds.
OVERHEAD = 0.02

# What is wanted, of which candidates, in which fittings (all where None).
Run = Callable[[Callable[[Fitting, Candidate], bool], Sequence[Candidate], Collection[str] | None], Done]


@dataclass
class Race:
    """What was fitted so far.

    Attributes:
        found: (fitting, repeat) → candidate → attempt.
        dropped: (fold, candidate) that got no further fits.
        fits: Jobs that were run.
    """

    found: Done = field(default_factory=dict)
    dropped: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])


def waves_of(remedies: Sequence[Remedy]) -> list[list[Candidate]]:
    """What to try first, next and last; no empty wave.

    Remedies that only wrap the plain fit share it, under all their settings; then come other cheap ones under their usual
    setting, under their other settings, and those that fit more than twice.
    """
    cheap = [r for r in remedies if r.fits <= CHEAP]
    dear = sorted((r for r in remedies if r.fits > CHEAP), key=lambda r: r.fits)
    wrapping, fitting = [r for r in cheap if r.wrap is not None], [r for r in cheap if r.wrap is None]
    usual = [c for r in fitting for c in candidates_of([r])[:1]]
    other = [c for r in fitting for c in candidates_of([r])[1:]]
    return [wave for wave in (candidates_of(wrapping), usual, other, candidates_of(dear)) if wave]


def seconds_of(wave: Sequence[Candidate], so_far: Race, workers: int) -> float:
    """About how long a wave takes, from the fits of the unchanged learner so far.

    Args:
        wave: What would be tried.
        so_far: With the unchanged learner in every fitting.
        workers: Processes.
    """
    plain = [own[UNCHANGED].fit_seconds for own in so_far.found.values() if UNCHANGED in own]
    fits = sum(remedy_named(c.remedy).fits for c in wave) * len(plain)
    return fits * (statistics.median(plain) + OVERHEAD) / workers


def early_of(made: Design) -> Design | None:
    """The design with the validations alone that come first; None where there is nothing to save."""
    parts = len(made.folds)
    if made.single or parts < LEAST_PARTS:
        return None
    near = {(i, (i + s) % parts) for i in range(parts) for s in FIRST_STEPS}
    near |= {(b, a) for a, b in near}
    folds = tuple(
        replace(
            fold, validations=tuple(v for b, v in zip(_others(g, parts), fold.validations, strict=True) if (g, b) in near)
        )
        for g, fold in enumerate(made.folds)
    )  # fmt: skip
    names = {name for fold in folds for name, _, _ in fold.validations}
    return replace(made, folds=folds, fittings=tuple(f for f in made.fittings if f.name in names))


def _others(part: int, parts: int) -> list[int]:
    return [b for b in range(parts) if b != part]


def hopeless(gains: Gains, bar: float, judge: Judge) -> set[tuple[str, str]]:
    """(fold, candidate) whose gain at the first validating domains lies below the bar for sure, as far as these tell.

    By the mean: the mean gain over these domains, plus two standard errors (of rows, or among domains where that is
    more). By the worst quarter: the change at each of them in either direction, since what costs at these may help at a
    worse one that is yet to come; only what changes next to nothing is dropped.

    Args:
        gains: Over the design of ``early_of``.
        bar: Gain that counts as help.
        judge: What decides.
    """
    found: set[tuple[str, str]] = set()
    for fold in gains.design.folds:
        for candidate in gains.candidates:
            units = gains.by_domain(fold, candidate)
            if not units:
                continue
            values, errors = np.array([u[0] for u in units]), np.sqrt([u[1] for u in units])
            if judge == "worst":
                reach = float((np.abs(values) + ERRORS * errors).max())
            else:
                among = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
                rows = float(np.sqrt(np.square(errors).sum())) / len(values)
                reach = float(values.mean()) + ERRORS * max(among, rows)
            if reach < bar:
                found.add((fold.name, candidate.key))
    return found


def run_race(
    made: Design, candidates: Sequence[Candidate], so_far: Race, run: Run, judge_of: Callable[[Design, Done], Gains],
    bar: float, *, racing: bool,
) -> None:  # fmt: skip
    """Fit one wave of remedies, the first validations before the others.

    Args:
        made: Everything that can be fitted.
        candidates: Of this wave.
        so_far: Grows.
        run: Runs the candidates in the fittings for which the function says so.
        judge_of: Reads gains of these candidates under a design.
        bar: Gain that counts as help.
        racing: Whether candidates are dropped.
    """
    early = early_of(made) if racing else None
    rest: Collection[str] | None = None
    if early is not None:
        first = {f.name for f in early.fittings}
        rest = {f.name for f in made.fittings} - first
        _add(so_far, run(lambda fitting, candidate: True, candidates, first))
        gains = judge_of(early, so_far.found)
        so_far.dropped |= hopeless(gains, bar, gains.judge)
    users: dict[str, list[str]] = {}
    for fold in made.folds:
        for name in (fold.final, *(v[0] for v in fold.validations)):
            users.setdefault(name, []).append(fold.name)

    def wanted(fitting: Fitting, candidate: Candidate) -> bool:
        return any((fold, candidate.key) not in so_far.dropped for fold in users[fitting.name])

    _add(so_far, run(wanted, candidates, rest))


def _add(so_far: Race, more: Done) -> None:
    for place, own in more.items():
        so_far.found.setdefault(place, {}).update(own)


def dropped_words(so_far: Race, made: Design, remedies: Sequence[Remedy], bar: float) -> str:
    """Which remedies were dropped for every test, in a sentence, or ""."""
    gone = [r.name for r in remedies if wholly_dropped(so_far, made, r)]
    if not gone:
        return ""
    seen = len(early.folds[0].validations) if (early := early_of(made)) else 0
    return (
        f"Dropped after {seen} of {len(made.folds) - 1} validating parts, where no gain of {bar:.3g} was in reach: "
        f"{', '.join(gone)}."
    )


def wholly_dropped(so_far: Race, made: Design, remedy: Remedy) -> bool:
    """Whether no setting of a remedy went on for any test."""
    keys = [Candidate(remedy.name, dict(s)).key for s in remedy_named(remedy.name).grid]
    return all((fold.name, key) in so_far.dropped for fold in made.folds for key in keys)
