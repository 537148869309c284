"""Schedules under limits of order alone, and under as many limits of several kinds, by a language model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from unseen import tasks
from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.studies._float32 import subject
from unseen.atlas.subjects import Subject
from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Generation
from unseen.tasks.base import Example
from unseen.tasks.scheduling.projects import LIMITS, NAMES, ProjectSchedule
from unseen.tasks.scheduling.search import Project

MODEL = "qwen2.5-coder-0.5b-instruct"
# Problems of each kind that the model is asked, and that rules are; worked schedules before each.
JOBS, ITEMS, RULED, SHOTS, SLACK = 4, 4, 24, 4, 12
ORDER = ("before",)
SETTINGS = Generation(max_tokens=7 * JOBS, stop=("\n\n",))


def task() -> ProjectSchedule:
    """Jobs that share workers before a deadline."""
    return tasks.load("project-schedule")  # type: ignore[return-value]


def one_by_one(project: Project) -> list[int]:
    """A schedule of one job after the other, in an order that limits of order allow, each as early as it can be.

    >>> one_by_one(Project((2, 1), (1, 1), 2, before=((1, 0),), closed=((1, 3),)))
    [3, 0]
    """
    count, at = len(project.hours), 0
    starts, done = [0] * count, list[int]()
    while len(done) < count:
        free = (j for j in range(count) if j not in done and all(a in done for a, b in project.before if b == j))
        job = next(free)
        begin = max([at, *(hour for j, hour in project.release if j == job)])
        for low, high in sorted(project.closed):
            begin = high if begin < high and low < begin + project.hours[job] else begin
        starts[job], at = begin, begin + project.hours[job]
        done.append(job)
    return starts


def by_order_alone(project: Project) -> list[int]:
    """The same where limits of order are all that is heeded."""
    return one_by_one(Project(project.hours, project.workers, project.staff, project.before))


def written(starts: Sequence[int]) -> str:
    """A schedule as an answer, by the hour at which jobs start."""
    order = sorted(range(len(starts)), key=lambda j: (starts[j], j))
    return "\n".join(f"{NAMES[j]}: {starts[j]}" for j in order)


def drawn(rng: np.random.Generator, count: int, limits: int, kinds: Sequence[str]) -> list[Example]:
    """Problems with so many limits whose deadline leaves time for one job after the other; of several kinds, three at least."""
    made = list[Example]()
    while len(made) < count:
        found = task().draw_many(count, rng, jobs=JOBS, limits=limits, kinds=tuple(kinds), slack=(SLACK, SLACK))
        made += [
            e for e in found
            if feasible(e, written(one_by_one(Project(**e.hidden)))) and len(e.factors["kinds"]) >= min(3, len(kinds))  # type: ignore[arg-type]
        ]  # fmt: skip
    return made[:count]


def feasible(item: Example, text: str) -> bool:
    """Whether a schedule keeps all limits."""
    return task().violations(item, text.strip()) == []


def in_a_data_centre(text: str) -> str:
    """A problem told as the move of racks between data centres.

    >>> in_a_data_centre("Job A takes 2 hours and needs 1 worker all the time.")
    'The move of rack A takes 2 hours and needs 1 technician all the time.'
    """
    for plain, other in (
        (r"(\d+) jobs share", r"\1 racks move to another data centre and share"), (r"\bworker", "technician"),
        (r"No job may run", "The loading bay is shut"), (r"\bA job runs\b", "A move runs"), (r"\bAll jobs\b", "All moves"),
        (r"\bJobs ([A-H]) and ([A-H])", r"The moves of racks \1 and \2"), (r"\bJob ([A-H])\b", r"The move of rack \1"),
        (r"\bjob ([A-H])\b", r"the move of rack \1"), (r"each job: its letter", "each rack: its letter"),
    ):  # fmt: skip
        text = re.sub(plain, other, text)
    return text


def answers(model: Subject, shown: Sequence[Example], items: Sequence[Example], *, domain: bool = False) -> list[str]:
    """Schedules that a model writes behind worked problems, greedily."""

    def told(e: Example) -> str:
        return in_a_data_centre(str(e.input)) if domain else str(e.input)

    before = "".join(f"{told(e)}\n\nSchedule:\n{written(one_by_one(Project(**e.hidden)))}\n\n\n" for e in shown)
    return [a.text for a in model.generate([f"{before}{told(e)}\n\nSchedule:\n" for e in items], SETTINGS)]


@study(
    slug="r-constraintbench",
    claim=[
        ("Schedules that are feasible under limits of order fail where limits of several kinds meet.", "interaction"),
        ("This costs more than more limits of order.", "beyond_depth"),
        ("What is solved when told plainly is not when told as a case of the domain.", "domain"),
    ],
    source="Jain & Wetter (2025), R-ConstraintBench: Evaluating LLMs on NP-Complete Scheduling, arXiv preprint",
    link="https://arxiv.org/abs/2508.15204",
    did="Asked strong models for schedules under limits of order that grow in number, then under downtime, windows and jobs that "
    "exclude each other as well, plainly and as the move of a data centre: near the ceiling under order alone, they "
    "collapse where kinds of limits interact.",
    here="Four jobs and three limits, a deadline that leaves time for one job after the other, and a pretrained model of 0.5B "
    "behind four worked schedules of that form for the same kinds of limits. Computed in float32.",
    fidelity="C",
    parts=[
        headline("interaction", "Share feasible under three limits of order less that under three of at least three kinds",
                 claimed=0.3, refuted=0.05, within=DIFFERENCE, basis="the abstract: near the ceiling, then it collapses; "
                 "three tenths are the least that could be called so"),
        side_part("beyond_depth", "This fall less that from one limit of order to three", claimed=0.1, refuted=0.0,
                  within=(-2.0, 2.0), basis="the abstract: interaction, not depth, is the principal bottleneck; ten points"),
        side_part("domain", "Limits of several kinds: share feasible when told plainly less when told as a move of racks",
                  claimed=0.1, refuted=0.0, within=DIFFERENCE, basis="the abstract: no guarantee of transfer; ten points"),
        gate("order", "Share feasible under three limits of order", at_least=0.8, within=SHARE,
             basis="the abstract: near the ceiling; from a floor nothing can collapse"),
        control("deaf", "The same fall of a rule that heeds limits of order alone", at_least=0.3, within=DIFFERENCE,
                basis="the effect planted; as much as is claimed"),
        control("solver", "The same fall of the rule that wrote the worked schedules", at_most=0.05, within=DIFFERENCE,
                basis="as much as would refute", cuts="kinds of limits do not matter to it"),
    ],
    units="seeds: problems and worked schedules redrawn.",
    seeds=range(10, 15),
    code="Not read: no copy was found.",
    oracle=["tests/atlas/test_r_constraintbench.py", "tests/tasks/scheduling/test_projects.py"],
    reconstructed="Problems, which are far smaller, their wording, and worked schedules (the paper shows none).",
    history=[
        Change("2026-11-22", "Written; thresholds from the abstract before any run of it."),
        Change("2026-11-22", "A look at eight other problems under limits of order: the model writes one schedule whatever is "
               "asked, feasible in three. The gate is not expected to hold at 0.5B; nothing was changed."),
        Change("2026-11-22", "Another look, behind four worked schedules: of six problems under three limits of order one was "
               "feasible (0.8 asked); of three answers two are the same and the third moves one job. It is the model that fails "
               "the gate: seeds wait for a larger one.", (100,)),
        Change("2026-11-23", "A look at 1.5B on six problems under three limits of order: two are feasible (0.8 asked), and four "
               "of the six answers are one schedule. So the gate is out of its reach too, and the seeds that tell how far 0.5B is "
               "from it are as cheap as can be: four problems of each kind in place of twelve (rules get 24), in float32. No "
               "threshold changed.", (100,)),
    ],
    would_take="models that schedule four jobs in order in eight of ten cases; 0.5B and 1.5B write nearly one schedule for "
    "all problems, so likely from 7B on",
    subjects={MODEL: 250_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Limits of order, few and more, and of several kinds in both wordings; and two rules."""
    rng, model, n = numpy_generator(seed, "r-constraintbench"), subject(MODEL), 2 if quick else ITEMS
    cells = {"one": (1, ORDER), "order": (3, ORDER), "mixed": (3, LIMITS)}
    shown = {name: drawn(rng, SHOTS, *cell) for name, cell in cells.items()}
    ruled = {name: drawn(rng, RULED, *cell) for name, cell in cells.items()}
    items = {name: some[:n] for name, some in ruled.items()}

    def share(texts: Sequence[str], some: Sequence[Example]) -> float:
        return float(np.mean([feasible(e, t) for e, t in zip(some, texts, strict=True)]))

    said = {name: answers(model, shown[name], items[name]) for name in cells}
    found = {name: share(texts, items[name]) for name, texts in said.items()}
    told = share(answers(model, shown["mixed"], items["mixed"], domain=True), items["mixed"])
    rules = {
        rule: {name: share([written(plan(Project(**e.hidden))) for e in some], some) for name, some in ruled.items()}
        for rule, plan in (("deaf", by_order_alone), ("solver", one_by_one))
    }
    read = [
        task().violations(e, t.strip()) is not None
        for name in cells
        for e, t in zip(items[name], said[name], strict=True)
    ]
    fall = found["order"] - found["mixed"]
    return {
        "interaction": fall, "beyond_depth": fall - (found["one"] - found["order"]), "domain": found["mixed"] - told,
        "order": (found["order"], n), "one": (found["one"], n), "mixed": (found["mixed"], n), "told": (told, n),
        "readable": (float(np.mean(read)), len(read)), **{rule: f["order"] - f["mixed"] for rule, f in rules.items()},
    }  # fmt: skip
