"""From what a user says (a table, a target, a learner, shifts in words) to a learner under shift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.engine.executors import Kind
from unseen.engine.seeds import numpy_generator
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.factors import Factors
from unseen.plain_text import names
from unseen.refitting.clusters import proposed_clusters
from unseen.refitting.design import MIN_ROWS, Case, plan
from unseen.refitting.problem import Problem, problem_of
from unseen.refitting.refits import Runner
from unseen.refitting.resolve import Spec, spec_of
from unseen.refitting.under_shift import UnderShift
from unseen.responses.expressions import unknown_column
from unseen.shifts.base import Shift
from unseen.shifts.by_factor import HeldOutCombination, HeldOutLevel, RandomShift
from unseen.shifts.by_order import Extrapolated, LaterThan
from unseen.shifts.changed import LabelNoise, Perturbed
from unseen.shifts.declared import Declared
from unseen.shifts.phrases import NamedShifts, parse_shift
from unseen.shifts.reweighted import CovariateReweighted

# Words of a column that names the sides.
SEEN, UNSEEN = ("train", "seen", "validation", "valid", "val", "dev"), ("test", "unseen")
# Subclasses before their bases.
KINDS: tuple[tuple[type[Shift], str], ...] = (
    (LabelNoise, "label-noise"),
    (Perturbed, "perturbed"),
    (RandomShift, "random"),
    (HeldOutLevel, "held-out"),
    (HeldOutCombination, "held-out"),
    (LaterThan, "later"),
    (Extrapolated, "beyond"),
    (CovariateReweighted, "reweighted"),
)


@dataclass(frozen=True)
class Asked:
    """What was asked for, checked, before any refit.

    Attributes:
        problem: The data; factors that a shift holds out are no inputs.
        learner: What is refitted.
        cases: Held-out sets, also those that are too small.
        refused: Held-out sets that can't be formed, with the reason.
    """

    problem: Problem
    learner: Spec
    cases: tuple[Case, ...]
    refused: tuple[tuple[Case, str], ...]

    def by(self, name: str) -> Asked:
        """The same of a learner with another name."""
        return replace(self, learner=replace(self.learner, name=name))


def ask(
    table: pl.DataFrame | Examples,
    learner: Any,
    shifts: Sequence[str],
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    drop: Sequence[str] = (),
    cluster: str | None = None,
    time: str | None = None,
    regression: bool | None = None,
    measure: str | None = None,
    seed: int = 0,
    seconds: float | None = None,
    unseen: str | None = None,
    split: str | None = None,
) -> Asked:
    """Check data, learner and shifts, and find the rows that each shift holds out.

    Args:
        table: One row an example.
        learner: A name, ``module:object``, a spec, or a live object: an estimator, a pipeline, a class, a function.
        shifts: Phrases (``unseen.shifts.phrases.PHRASES``); a column that is held out by level is no input.
        target: Column to predict.
        inputs: Only these columns are features.
        drop: Columns to leave out.
        cluster: Column of what was sampled together.
        time: Column of time.
        regression: Whether the target is a number to predict; inferred by default.
        measure: How answers are scored.
        seed: Source of every draw.
        seconds: Longest time that a refit may take, which holds for importing the learner too.
        unseen: Condition of the rows to hold out, a shift of its own (``where CONDITION``).
        split: Column with train and test, or seen and unseen: its test or unseen rows are held out.

    Raises:
        BadInput: A column, the learner or a phrase can't be used; the message says which, and what there is.
    """
    problem = problem_of(
        table, target, inputs=inputs, drop=drop, cluster=cluster, time=time, regression=regression, measure=measure
    )
    shifts = [*shifts, *_declared(problem, unseen, split)]
    if not shifts:
        raise BadInput(f"say which shift to judge.{suggestions(problem)}")
    return asked_of(problem, spec_of(learner, regression=problem.regression, seconds=seconds), shifts, seed)


def _declared(problem: Problem, unseen: str | None, split: str | None) -> list[str]:
    """The phrase for rows that a condition, or a column of sides, calls unseen."""
    if unseen is not None and split is not None:
        raise BadInput("--unseen and --split both say what is unseen. Leave one out.")
    if unseen is not None:
        if not unseen.strip():
            raise BadInput("--unseen: the expression is empty. Write one such as 'year > 2017'.")
        return [f"where {unseen}"]
    if split is None:
        return []
    table = problem.examples.table
    if split not in table.columns:
        raise BadInput(f"--split: {unknown_column(split, table.columns)}")
    held = table[split].drop_nulls().cast(pl.String).unique().sort().to_list()
    if other := [word for word in held if word not in (*SEEN, *UNSEEN)]:
        raise BadInput(
            f"--split: column {split!r} holds {names(other, 5)}, and only {', '.join((*SEEN, *UNSEEN))} say a side. Say "
            f"what is unseen with --unseen instead, e.g. --unseen \"`{split}` == '{other[0]}'\"."
        )
    words = [f"'{word}'" for word in held if word in UNSEEN]
    return [f"where `{split}` in [{', '.join(words or ['null'])}]"]


def asked_of(problem: Problem, spec: Spec, shifts: Sequence[str], seed: int) -> Asked:
    """A problem and a learner under shifts: the rows that each holds out.

    Args:
        problem: The data.
        spec: The learner.
        shifts: Phrases, at least one.
        seed: Source of every draw.

    Raises:
        BadInput: A phrase can't be used.
    """
    parsed = [parse_shift(text, problem.examples) for text in shifts]
    held_out = [f for named in parsed for shift in named.shifts.values() for f in _levels_held(shift, problem)]
    problem = _units_within(problem.without_inputs(list(dict.fromkeys(held_out))), held_out)
    problem = with_cluster_note(problem, held_out)
    if not spec.lasting:
        note = f"{spec.name}: its source can't be read (a notebook, a lambda …), so refits are not kept between runs."
        problem = replace(problem, notes=(*problem.notes, note))
    cases, refused = list[Case](), list[tuple[Case, str]]()
    for named in parsed:
        found, left = cases_of(problem, named, seed)
        cases += found
        refused += left
    return Asked(problem, spec, tuple(cases), tuple(refused))


def cases_of(problem: Problem, named: NamedShifts, seed: int) -> tuple[list[Case], list[tuple[Case, str]]]:
    """The held-out sets of one phrase, and those that are refused."""
    cases, nothing = list[Case](), np.zeros(0, dtype=np.int64)
    for name, shift in named.shifts.items():
        rng = numpy_generator(seed, "shift", named.phrase, name)
        inside, beyond = shift.unseen_rows(problem.examples, rng)
        kind, factors = next((k for c, k in KINDS if isinstance(shift, c)), "other"), _factors(shift)
        if isinstance(shift, Declared):
            kind, factors = _kind_of(shift, problem, inside, beyond)
        short = name.removeprefix("where ") if isinstance(shift, Declared) else name
        short = short.removeprefix("held-out ") if kind == "held-out" else short
        cases.append(Case(named.phrase, short, factors, np.asarray(inside), np.asarray(beyond), kind, _options(shift)))
    refused = [
        (Case(named.phrase, name.removeprefix("held-out "), (named.factor or "",), nothing, nothing, "held-out"), why)
        for name, why in named.refused.items()
    ]
    return cases, refused


def _kind_of(shift: Declared, problem: Problem, inside: np.ndarray, beyond: np.ndarray) -> tuple[str, tuple[str, ...]]:
    """What a condition holds out: one end of an order, else rows that its columns of levels describe."""
    known, used = problem.examples.factors, shift.columns(problem.examples)
    if len(used) == 1 and used[0] in known.of_kind("ordered"):
        column = problem.examples.table[used[0]].to_physical().cast(pl.Float64, strict=False).to_numpy()
        apart = (
            np.nanmax(column[inside]) < np.nanmin(column[beyond]),
            np.nanmax(column[beyond]) < np.nanmin(column[inside]),
        )
        if any(apart):
            timed = problem.examples.table.schema[used[0]].is_temporal() or used[0] in ("month", "year", problem.time)
            return "later" if timed and apart[0] else "beyond", used
    return "held-out", tuple(c for c in used if c in known.of_kind("categorical"))


def _units_within(problem: Problem, held_out: Sequence[str]) -> Problem:
    """Rows are the units where a shift holds out whole clusters: within a school, pupils are.

    Else the reference, which keeps clusters whole, could never see the like of what is held out.
    """
    table, cluster = problem.examples.table, problem.cluster
    if cluster is None:
        return problem
    for factor in dict.fromkeys(held_out):
        if factor == cluster or table.group_by(factor).agg(pl.col(cluster).n_unique())[cluster].max() == 1:
            note = f"{cluster}: the same throughout each {factor}, which a shift holds out, so rows are the units."
            return replace(problem, cluster=None, notes=(*problem.notes, note))
    return problem


def _levels_held(shift: Shift, problem: Problem) -> tuple[str, ...]:
    """Columns of which the unseen rows have levels that no other row has."""
    if isinstance(shift, Declared):
        inside, beyond = shift.unseen_rows(problem.examples, np.random.default_rng(0))
        table, levels = problem.examples.table, problem.examples.factors.of_kind("categorical")
        used = [c for c in shift.columns(problem.examples) if c in levels]
        return tuple(c for c in used if not set(table[c][inside].unique()) & set(table[c][beyond].unique()))
    return _factors(shift) if isinstance(shift, HeldOutLevel | HeldOutCombination) else ()


def _factors(shift: Shift) -> tuple[str, ...]:
    if isinstance(shift, HeldOutCombination):
        return tuple(dict.fromkeys(f for c in shift.combinations for f in c))
    if isinstance(shift, CovariateReweighted):
        return (*shift.tilt, *([shift.factor] if shift.factor else []))
    name = getattr(shift, "factor", None) or getattr(shift, "spurious", None)
    return (name,) if isinstance(name, str) else ()


def _options(shift: Shift) -> dict[str, Any]:
    if isinstance(shift, LabelNoise):
        return {"label_noise": shift.noise}
    if isinstance(shift, Perturbed):
        return {"perturb": {"name": shift.perturbation, "severity": shift.severity, "sides": ["unseen"]}}
    return {}


def with_cluster_note(problem: Problem, held_out: Sequence[str] = ()) -> Problem:
    """The problem with a note on the column whose repeated names suggest that its rows were sampled together."""
    proposed = proposed_clusters(problem, held_out)
    if not proposed:
        return problem
    name, why = proposed[0]
    fed = f"; it is given to the learner as a feature, else --drop {name}" if name in problem.examples.inputs else ""
    note = f"{name}: {why}. If rows of one {name} were sampled together, say so: --cluster {name}{fed}."
    return replace(problem, notes=(*problem.notes, note))


def possible_shifts(problem: Problem) -> list[tuple[str, str]]:
    """Shifts that the columns allow: (phrase, what it would hold out), domains first."""
    factors: Factors = problem.examples.factors
    table = problem.examples.table
    named = {name for name, _ in proposed_clusters(problem)}
    found: list[tuple[int, str, str]] = []
    for name in factors.of_kind("categorical"):
        counts = table[name].drop_nulls().value_counts(sort=True)["count"].to_numpy()
        enough = int((counts >= MIN_ROWS).sum())
        if not 3 <= len(counts) <= 200 or enough < 3 or name == problem.cluster:
            continue
        few = len(counts) - enough
        rest = f"; {few} have fewer than {MIN_ROWS} rows" if few else ""
        # What names units is a domain only where nothing better is there.
        found.append(
            (
                name in named,
                f"held-out {name}",
                f"{len(counts)} levels of {counts.min():,} to {counts.max():,} rows{rest}",
            )
        )
    found.sort(key=lambda one: one[0])
    for name in table.columns:
        if name in factors and (table.schema[name].is_temporal() or name in ("month", "year", problem.time)):
            found.append((0, f"later {name}", "the last fifth"))
    later = {phrase.removeprefix("later ") for _, phrase, _ in found}
    for name in factors.of_kind("ordered"):
        if name not in later and name in problem.examples.inputs and table[name].n_unique() >= 5:
            found.append((0, f"beyond {name}", "its upper fifth"))
    return [(phrase, what) for _, phrase, what in found]


def suggestions(problem: Problem) -> str:
    """Shifts that the columns allow, as a sentence."""
    found = possible_shifts(problem)
    domains = [f"--shift '{phrase}' ({what.split(' of ')[0]})" for phrase, what in found if phrase.startswith("held")]
    times = [f"--shift '{phrase}'" for phrase, _ in found if phrase.startswith("later")]
    shown = domains[:3] + times[:2]
    return f" With these columns: {', '.join(shown)}." if shown else " See: unseen audit --help"


def refitted_under(
    asked: Asked,
    *,
    refits: int | None = None,
    seed: int = 0,
    executor: Kind = "local",
    workers: int | None = None,
    store: Store | None = None,
    done: Callable[[str, int, int], None] | None = None,
    seconds: float | None = None,
) -> UnderShift:
    """The learner under what was asked; refits run when their results are first read.

    Args:
        asked: See ``ask``.
        refits: Repetitions under other folds and seeds.
        seed: Source of every draw.
        executor: serial, local or ray.
        workers: Processes.
        store: Where finished refits are kept.
        done: Called with (name, finished, total) after each refit.
        seconds: Longest time that a refit may take.

    Raises:
        BadInput: No held-out set can be judged.
    """
    made = plan(asked.problem, asked.cases, refits=refits, seed=seed, refused=asked.refused)
    runner = Runner(
        asked.problem, asked.learner, executor=executor, workers=workers, store=store, done=done,
        seconds=seconds,
    )  # fmt: skip
    return UnderShift(runner, made)
