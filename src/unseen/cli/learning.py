"""Data and a learner from the command line: the part that ``audit`` and ``improve`` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unseen.api import learning_table
from unseen.engine.executors import Kind
from unseen.errors import BadInput
from unseen.refitting import Asked, ask


@dataclass(frozen=True)
class LearningRequest:
    """What to learn from, and under which shifts; see ``unseen.refitting.ask``."""

    source: str
    target: str | None
    learner: str
    shifts: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    cluster: str | None = None
    time: str | None = None
    regression: bool | None = None
    measure: str | None = None
    refits: int | None = None
    seed: int = 0
    executor: Kind = "local"
    workers: int | None = None
    seconds: float | None = None
    unseen: str | None = None
    split: str | None = None

    @property
    def shifted(self) -> bool:
        """Whether a shift was named, in whichever way."""
        return bool(self.shifts or self.unseen is not None or self.split is not None)


def request_of(sources: tuple[str, ...], **options: Any) -> LearningRequest:
    """A request from the options of a verb.

    Raises:
        BadInput: There is not exactly one source.
    """
    if len(sources) != 1:
        raise BadInput(f"a learner is refitted to one table, got {len(sources)} sources. Join them into one file.")
    options["learner"] = options.get("learner") or "gradient-boosting"
    for name in ("shifts", "inputs", "drop"):
        options[name] = tuple(options.get(name) or ())
    return LearningRequest(sources[0], **options)


def ask_for(request: LearningRequest) -> Asked:
    """Read the table and check everything before any refit.

    Raises:
        BadInput: A file, column, learner or shift can't be used.
    """
    return ask(
        learning_table(request.source), request.learner, request.shifts, target=request.target, inputs=request.inputs,
        drop=request.drop, cluster=request.cluster, time=request.time, regression=request.regression,
        measure=request.measure, seed=request.seed, seconds=request.seconds, unseen=request.unseen, split=request.split,  # type: ignore[arg-type]
    )  # fmt: skip


def describe_request(request: LearningRequest) -> None:
    """Show what the table is taken for: features, what is left out, domains, a cluster, suspected leaks.

    Raises:
        BadInput: A file, column, learner or shift can't be used.
    """
    from unseen.refitting import problem_of
    from unseen.report.learning_terminal import describe, described

    table = learning_table(request.source)
    problem = problem_of(
        table, request.target, inputs=request.inputs, drop=request.drop, cluster=request.cluster, time=request.time,
        regression=request.regression, measure=request.measure, refuse_leaks=False,  # type: ignore[arg-type]
    )  # fmt: skip
    given_away = [leak.name for leak in problem.suspects if leak.given_away]
    if not request.shifted or given_away:
        describe(described(problem))
        return
    asked = ask_for(request)
    describe(described(asked.problem, asked.cases, asked.refused))
