"""Fits remedies: each attempt is a piece of plain data that is kept when done, on one worker or many."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from unseen.data import Examples
from unseen.engine.executors import Job, Kind, run_jobs
from unseen.engine.losses import Lost
from unseen.engine.seeds import numpy_generator
from unseen.engine.store import Store, content_hash
from unseen.errors import UnseenError
from unseen.improving.design import GROUP, Design, Fitting
from unseen.refitting import Problem, Spec, resolve
from unseen.refitting.refits import (
    packed,
    read_rows,
    read_table,
    score_rows,
    stored_rows,
    stored_table,
    unpacked,
    versions,
    with_wrong_labels,
)
from unseen.remedies import DOMAIN, ORDER, Call, Remedy, foresee, label, plain_fit, remedy_named
from unseen.shifts.perturbations import PERTURBATIONS, families
from unseen.shifts.perturbations import applicable as changing

UNCHANGED = "unchanged"
CRAFTED_FOLDS = 2


@dataclass(frozen=True)
class Candidate:
    """A remedy under one setting.

    Attributes:
        remedy: Its name; ``UNCHANGED`` for the learner as it is.
        settings: Of the remedy.
    """

    remedy: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def key(self) -> str:
        """Name and settings in words."""
        return label(self.remedy, self.settings)


@dataclass(frozen=True)
class Attempt:
    """What came of a candidate in one fitting.

    Attributes:
        scores: Side → score of each row, shape (n,).
        failed: What it raised, or "".
        fit_seconds: Time of the fits.
        row_seconds: Time of answering, per row.
    """

    scores: Mapping[str, np.ndarray]
    failed: str
    fit_seconds: float
    row_seconds: float


Done = dict[tuple[str, int], dict[str, Attempt]]


def candidates_of(remedies: Sequence[Remedy]) -> list[Candidate]:
    """Every remedy under each of its settings."""
    return [Candidate(r.name, dict(s)) for r in remedies for s in r.grid]


def run_attempts(
    design: Design, learner: Spec, candidates: Sequence[Candidate], *, executor: Kind, workers: int | None,
    store: Store, done: Callable[[str, int, int], None] | None, seconds: float | None = None,
    wanted: Callable[[Fitting, Candidate], bool] = lambda fitting, candidate: True,
    have: Mapping[tuple[str, int], Mapping[str, Attempt]] | None = None, only: Collection[str] | None = None,
) -> Done:  # fmt: skip
    """Run every candidate in every fitting where it is wanted.

    The unchanged learner and all remedies that only wrap it share one fit.

    Args:
        design: What is fitted.
        learner: Unfitted.
        candidates: Without the unchanged learner.
        executor: serial, local or ray.
        workers: Processes.
        store: Where finished attempts stand.
        done: Called with (name, finished, total) after each job.
        seconds: Longest time that a job may take.
        wanted: Whether a candidate is to be fitted there.
        have: What was fitted before; the unchanged learner is not fitted twice for remedies that don't wrap it.
        only: Names of the fittings that have their turn; all by default.

    Returns:
        (fitting, repeat) → candidate → attempt.
    """
    data = str(stored_table(_lean(design.problem), store))
    known, who = versions(__name__), content_hash(learner.to_dict())
    jobs: list[Job] = []
    places: list[Fitting] = []
    for fitting in design.fittings:
        if only is not None and fitting.name not in only:
            continue
        own = [c for c in candidates if wanted(fitting, c)]
        wrapping = [c for c in own if remedy_named(c.remedy).wrap is not None]
        bundles = [[c] for c in own if c not in wrapping]
        if wrapping or UNCHANGED not in (have or {}).get((fitting.name, fitting.repeat), {}):
            bundles.insert(0, [Candidate(UNCHANGED), *wrapping])
        if not bundles:
            continue
        rows = str(stored_rows({"train": fitting.train, **fitting.tests}, store))
        for bundle in bundles:
            name = f"{fitting.name}, seed {fitting.repeat + 1}: {bundle[0].key}"
            arguments = _arguments(design.problem, data, rows, learner, bundle, fitting, known)
            key = {**arguments, "learner": learner.identity()}
            group = (who,) if bundle[0].remedy == UNCHANGED else (who, bundle[0].key)
            jobs.append(Job(name, arguments, key, learner.lasting, group))
            places.append(fitting)
    # The unchanged learner first: where it kills its workers, no remedy needs to be tried. Then long fits first, so that the
    # last worker ends soon after the others.
    order = sorted(range(len(jobs)), key=lambda i: (len(jobs[i].group), -len(places[i].train)))
    raw = run_jobs(
        attempt, [jobs[i] for i in order], executor=executor, workers=workers, store=store, done=done, keep=_finished,
        seconds=seconds, lost=_lost, what="fit", cost=lambda result: max(one["seconds"][0] for one in result),
    )  # fmt: skip
    found: Done = {}
    for i, result in zip(order, raw, strict=True):
        own = found.setdefault((places[i].name, places[i].repeat), {})
        for one in result:
            own[label(one["remedy"], one["settings"])] = _read(one)
    return found


def _lost(job: Job, lost: Lost) -> list[dict[str, Any]]:
    failed = f"the learner {lost.why}"
    return [{**task, "scores": {}, "failed": failed, "seconds": [0.0, 0.0]} for task in job.arguments["tasks"]]


def _finished(result: Sequence[Mapping[str, Any]]) -> bool:
    """A job in which all failed is tried again by the next run."""
    return any(not one["failed"] for one in result)


def _lean(problem: Problem) -> Examples:
    """Inputs, target and the two columns that remedies read; other factors would only be copied around."""
    from unseen.factors import Factors

    factors = Factors(f for name, f in problem.examples.factors.items() if name in (DOMAIN, ORDER))
    return Examples(problem.examples.table, problem.examples.inputs, problem.examples.target, factors)


def _arguments(
    problem: Problem,
    data: str,
    rows: str,
    learner: Spec,
    bundle: Sequence[Candidate],
    fitting: Fitting,
    known: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "data": data, "rows": rows, "learner": learner.to_dict(), "seed": fitting.seed,
        "problem": problem.scoring(),
        "tasks": [{"remedy": c.remedy, "settings": dict(c.settings)} for c in bundle],
        "primary": list(fitting.primary), "crafted": fitting.crafted, "options": dict(fitting.options),
        "versions": dict(known),
    }  # fmt: skip


def _read(one: Mapping[str, Any]) -> Attempt:
    fit_seconds, row_seconds = one["seconds"]
    scores = {side: unpacked(kept).astype(np.float64) for side, kept in one["scores"].items()}
    return Attempt(scores, one["failed"], fit_seconds, row_seconds)


def attempt(
    *, data: str, rows: str, learner: Mapping[str, Any], seed: int, problem: Mapping[str, Any],
    tasks: Sequence[Mapping[str, Any]], primary: Sequence[str], crafted: str, options: Mapping[str, Any],
    versions: Mapping[str, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Fit a remedy once, or the unchanged learner with what wraps it, and answer; the job that workers run.

    Args:
        data: File of the table.
        rows: File of the row numbers.
        learner: A spec as plain data.
        seed: Source of every draw; the same for all candidates, so that they are compared under equal draws.
        problem: As ``Problem.scoring`` says it.
        tasks: Candidates; the first is fitted, the others wrap it.
        primary: Sides that a remedy that looks at the target answers.
        crafted: Side that is answered under perturbations too.
        options: What else the shift does.
        versions: Only so that a kept piece of other versions is not taken for this one.

    Returns:
        One entry a task: remedy, settings, scores by side, failed, seconds. What a remedy raises is reported.
    """
    asked = json.dumps([problem["inputs"], problem["target"], options], sort_keys=True)
    train, sides = _read_sides(data, rows, seed, crafted, asked)
    spec = Spec.from_dict(learner)

    def call(target: Examples | None = None) -> Call:
        return Call(lambda: resolve(spec), train, numpy_generator(seed, "fit"), target)

    made: list[dict[str, Any]] = []
    fitted: Any = None
    fit_seconds = 0.0
    with warnings.catch_warnings():
        # A learner's own remarks (not converged, unknown categories) are not failures.
        warnings.simplefilter("ignore")
        for task in tasks:
            one: dict[str, Any] = {**task, "scores": {}, "failed": "", "seconds": [0.0, 0.0]}
            made.append(one)
            started = time.perf_counter()
            try:
                remedy = None if task["remedy"] == UNCHANGED else remedy_named(task["remedy"])
                if remedy is not None and remedy.sees_target:
                    _for_each_target(one, remedy, call, {s: sides[s] for s in primary}, problem)
                    continue
                if remedy is None:
                    fitted = plain_fit(call())
                    fit_seconds = time.perf_counter() - started
                    answering, spent = fitted, fit_seconds
                elif remedy.wrap is not None:
                    if fitted is None:
                        one["failed"] = "the learner that it wraps could not be fitted"
                        continue
                    answering = remedy.wrap(fitted, call(), **task["settings"])
                    spent = fit_seconds + time.perf_counter() - started
                else:
                    assert remedy.fit is not None, "a remedy fits or wraps"  # noqa: S101
                    answering = remedy.fit(call(), **task["settings"])
                    spent = time.perf_counter() - started
                _answered(one, answering, sides, problem, spent)
            except UnseenError as error:
                one["failed"] = str(error)
            except Exception as error:
                one["failed"] = f"{type(error).__name__}: {error}"
    return made


@lru_cache(maxsize=2)
def _read_sides(data: str, rows: str, seed: int, crafted: str, asked: str) -> tuple[Examples, dict[str, Examples]]:
    """Training rows and sides of a fitting, kept in a worker between its candidates: what is made of them is shared.

    Args:
        data: File of the table.
        rows: File of the row numbers.
        seed: Source of every draw.
        crafted: Side that is answered under perturbations too.
        asked: Inputs, target and what else the shift does, as JSON.
    """
    inputs, target, options = json.loads(asked)
    examples = Examples(read_table(data), tuple(inputs), target)
    parts = read_rows(rows)
    train = examples.take(parts.pop("train"))
    if "label_noise" in options:
        train = with_wrong_labels(train, options["label_noise"], numpy_generator(seed, "label noise"))
    sides = {name: _shown(examples.take(own), name, options, seed) for name, own in parts.items()}
    if crafted:
        sides |= crafted_sides(sides[crafted], seed)
    return train, sides


def _shown(examples: Examples, side: str, options: Mapping[str, Any], seed: int) -> Examples:
    """A side as the shift shows it: the test perturbed, validation under wrong labels."""
    how = options.get("perturb")
    if how and side == "test":
        return _same_columns(
            PERTURBATIONS[how["name"]](examples, how["severity"], numpy_generator(seed, "perturb")), examples
        )
    if "label_noise" in options and side != "test":
        return with_wrong_labels(examples, options["label_noise"], numpy_generator(seed, "label noise", side))
    return examples


def _same_columns(changed: Examples, examples: Examples) -> Examples:
    return Examples(changed.table.select(examples.table.columns), examples.inputs, examples.target)


def crafted_sides(examples: Examples, seed: int) -> dict[str, Examples]:
    """Held-back rows under perturbations that a fold of the families keeps for validation: one side a fold."""
    from unseen.remedies.data import families_for, perturbed_rows

    if len(families(changing(PERTURBATIONS.values(), examples))) < CRAFTED_FOLDS:
        return {}
    made: dict[str, Examples] = {}
    for fold in range(CRAFTED_FOLDS):
        _, validate = families_for(examples, fold)
        rng = numpy_generator(seed, "crafted", fold)
        made[f"crafted {fold}"] = perturbed_rows(examples, validate, rng, low=0.1, high=0.5)
    return made


def _answered(
    one: dict[str, Any], fitted: Any, sides: Mapping[str, Examples], problem: Mapping[str, Any], fit_seconds: float
) -> None:
    started, rows = time.perf_counter(), 0
    # What fails here fails again below, on the side that it can't answer; many learners refuse the holes of crafted rows.
    for crafted in (False, True):
        with contextlib.suppress(Exception):
            foresee(fitted, [given for side, given in sides.items() if side.startswith("crafted") == crafted])
    for side, given in sides.items():
        if not len(given):
            continue
        try:
            one["scores"][side] = packed(score_rows(fitted, given, problem, _blocks(side, given))["score"])
        except Exception:
            # Crafted rows only serve a comparison: a learner that refuses them is not refused for it.
            if not side.startswith("crafted"):
                raise
        rows += len(given)
    one["seconds"] = [fit_seconds, (time.perf_counter() - started) / max(rows, 1)]


def _blocks(side: str, given: Examples) -> np.ndarray | None:
    """Domain of each row on a side that may hold several; the others are one."""
    return given.column(DOMAIN) if side.startswith(GROUP) else None


def _for_each_target(
    one: dict[str, Any], remedy: Remedy, call: Callable[[Examples], Call], sides: Mapping[str, Examples],
    problem: Mapping[str, Any],
) -> None:  # fmt: skip
    """Fit anew for each side, with its inputs and without its labels."""
    fitting, answering, rows = 0.0, 0.0, 0
    assert remedy.fit is not None, "a remedy that sees the target fits"  # noqa: S101
    for side, given in sides.items():
        unlabelled = Examples(given.table.drop(problem["target"]), given.inputs, None)
        started = time.perf_counter()
        fitted = remedy.fit(call(unlabelled), **one["settings"])
        middle = time.perf_counter()
        one["scores"][side] = packed(score_rows(fitted, given, problem, _blocks(side, given))["score"])
        fitting, answering, rows = (
            fitting + middle - started,
            answering + time.perf_counter() - middle,
            rows + len(given),
        )
    one["seconds"] = [fitting, answering / max(rows, 1)]
