"""What refits showed: scores with and without having seen a domain, paired by row."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from unseen.engine.losses import LostKind
from unseen.factors import Kind
from unseen.refitting.design import Case, Plan
from unseen.refitting.problem import Problem
from unseen.refitting.refits import Answers, Refitted, Runner
from unseen.responses import Responses

# "60 of 60 rows" and "72 of 72 rows" are one failure.
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Held:
    """Scores on one held-out set.

    Attributes:
        case: What was held out.
        rows: Row numbers, shape (n,).
        unseen: Scores of fits that did not see the set, shape (refits, n).
        reference: Scores on the same rows of fits that saw their like, shape (refits, n).
        seen: By refit, answers on held-back rows of the training distribution.
        answers: By refit, answers on the set.
    """

    case: Case
    rows: np.ndarray
    unseen: np.ndarray
    reference: np.ndarray
    seen: tuple[Answers, ...]
    answers: tuple[Answers, ...]

    @property
    def loss(self) -> np.ndarray:
        """How much was lost for not having seen the set, by row, mean over refits, shape (n,)."""
        return (self.reference - self.unseen).mean(0)


class UnderShift:
    """A learner under shifts: the problem, the plan, and the answers of every refit.

    Args:
        runner: Runs refits on the problem.
        plan: What is refitted; further checks may ask the runner for more.
    """

    def __init__(self, runner: Runner, plan: Plan) -> None:
        self.runner, self.plan = runner, plan

    @property
    def problem(self) -> Problem:
        """The data."""
        return self.runner.problem

    @cached_property
    def refitted(self) -> tuple[Refitted, ...]:
        """Every planned refit; runs them when first asked."""
        return tuple(self.runner.run(self.plan.pieces))

    @property
    def failures(self) -> dict[str, list[str]]:
        """What the learner raised → the refits in which it did; messages that differ in their numbers alone are one."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        first: dict[str, str] = {}
        for result in self.refitted:
            if result.failed and result.tried:
                kind = _NUMBER.sub("#", result.failed)
                found[first.setdefault(kind, result.failed)].append(result.piece.name)
        return dict(found)

    @property
    def lost(self) -> dict[str, LostKind]:
        """Of the failures in which the learner took its worker along: message → what befell the worker."""
        return {x.failed: x.lost for x in self.refitted if x.lost is not None}

    @property
    def untried(self) -> list[str]:
        """The refits that were not tried, since the learner had taken its worker with it each time."""
        return [result.piece.name for result in self.refitted if not result.tried]

    @cached_property
    def _by_name(self) -> dict[str, Refitted]:
        return {result.piece.name: result for result in self.refitted}

    @cached_property
    def reference(self) -> np.ndarray:
        """Score of every row by fits that saw its like, shape (refits, n); NaN where none was asked for or it failed."""
        scores = np.full((self.plan.refits, len(self.problem)), np.nan)
        for refit, found in self._reference_answers:
            scores[refit, found.rows] = found.score
        if self.problem.how.of_sets:
            # A fold of all domains was scored together; each held-out set is told by itself.
            answered = np.isfinite(scores)
            scores[:] = np.nan
            for case in self.plan.cases:
                for r in range(self.plan.refits):
                    if answered[r, case.beyond].all():
                        scores[r, case.beyond] = self._reference_of(r, case)
        return scores

    @cached_property
    def _reference_answers(self) -> list[tuple[int, Answers]]:
        return [
            (int(x.piece.name.split("refit ")[1].split(",")[0]) - 1, x.answers["reference"])
            for x in self.refitted
            if "reference" in x.answers
        ]

    @cached_property
    def _reference_outputs(self) -> dict[int, tuple[np.ndarray, np.ndarray | None]]:
        """By refit: prediction of every row, shape (n,), and probabilities, shape (n, classes), from all folds."""
        made: dict[int, tuple[np.ndarray, np.ndarray | None]] = {}
        n = len(self.problem)
        for refit, found in self._reference_answers:
            if refit not in made:
                empty = None if found.chances is None else np.full((n, found.chances.shape[1]), np.nan)
                made[refit] = np.zeros(n, dtype=found.prediction.dtype), empty
            prediction, chances = made[refit]
            prediction[found.rows] = found.prediction
            if chances is not None:
                chances[found.rows] = found.chances
        return made

    def _reference_of(self, refit: int, case: Case) -> np.ndarray:
        """Scores of a held-out set by fits that saw its like, shape (rows of the set,); NaN where one is missing."""
        problem, rows = self.problem, case.beyond
        if not problem.how.of_sets:
            return self.reference[refit, rows]
        prediction, chances = self._reference_outputs[refit]
        return problem.how.rows(problem.answered(rows, prediction[rows], None if chances is None else chances[rows]))

    @cached_property
    def held(self) -> tuple[Held, ...]:
        """Every held-out set that at least one refit answered."""
        made: list[Held] = []
        for case in self.plan.cases:
            results = [
                (r, self._by_name[f"{case.family}: {case.name}, refit {r + 1}"]) for r in range(self.plan.refits)
            ]
            sound = [(r, x) for r, x in results if not x.failed and np.isfinite(self.reference[r, case.beyond]).all()]
            if not sound:
                continue
            made.append(
                Held(
                    case, case.beyond,
                    np.stack([x.answers["unseen"].score for _, x in sound]),
                    np.stack([self._reference_of(r, case) for r, _ in sound]),
                    tuple(x.answers["seen"] for _, x in sound if "seen" in x.answers),
                    tuple(x.answers["unseen"] for _, x in sound),
                )
            )  # fmt: skip
        return tuple(made)

    def of_family(self, family: str) -> tuple[Held, ...]:
        """Held-out sets of one shift."""
        return tuple(h for h in self.held if h.case.family == family)

    def responses(self) -> Responses | None:
        """The answers of the first refit as a response table, one model a shift; None if no refit succeeded.

        Unseen rows are those held out. Where every row is held out once, half of the rows (drawn by number) stand for
        the unseen and the other half, answered by the cross-fitted reference, for the seen: no row stands on both sides.
        """
        frames: list[pl.DataFrame] = []
        examples = self.problem.examples
        for family in dict.fromkeys(h.case.family for h in self.held):
            held = self.of_family(family)
            unseen = np.concatenate([h.rows for h in held])
            parts = [(h.answers[0], "unseen") for h in held]
            if len(unseen) > 0.7 * len(self.problem):
                even = _half(len(self.problem), self.plan.seed)
                parts = [(_only(a, even[a.rows]), side) for a, side in parts]
                parts += [
                    (_only(r.answers["reference"], ~even[r.answers["reference"].rows]), "seen")
                    for r in self.refitted
                    if "reference" in r.answers and ", refit 1," in f"{r.piece.name},"
                ]
            else:
                taken = np.zeros(len(self.problem), dtype=bool)
                taken[unseen] = True
                for h in held:
                    for answers in h.seen[:1]:
                        fresh = ~taken[answers.rows]
                        taken[answers.rows] = True
                        parts.append((_only(answers, fresh), "seen"))
            frames += [self._frame(family, answers, side) for answers, side in parts if len(answers.rows)]
        if not frames:
            return None
        table = pl.concat(frames, how="vertical")
        kinds: dict[str, Kind] = {name: f.kind for name, f in examples.factors.items() if name in table.columns}
        bounds = self.problem.how.bounds if self.keeps_score else None if self.problem.regression else (0.0, 1.0)
        return Responses.of(table, score_range=bounds, kinds=kinds)

    @property
    def keeps_score(self) -> bool:
        """Whether the response table has the score of the measure: one that stands for a row alone, as the checks read it."""
        return self.problem.measure in ("accuracy", "brier", "error")

    def plain_score(self, answers: Answers) -> np.ndarray:
        """Whether each row is right, or minus its absolute error, whatever the measure, shape (n,)."""
        truth = self.problem.truth[answers.rows]
        if self.problem.regression:
            return -np.abs(truth - answers.prediction)
        return (truth == answers.prediction).astype(np.float64)

    def _frame(self, family: str, answers: Answers, side: str) -> pl.DataFrame:
        table = self.problem.examples.table
        classes = self.problem.classes
        columns: dict[str, pl.Series] = {
            "model": pl.Series([f"{self.runner.learner.name}, {family}"] * len(answers.rows)),
            "item": table["item"].cast(pl.String)[answers.rows],
            "score": pl.Series(answers.score if self.keeps_score else self.plain_score(answers)),
            "split": pl.Series([side] * len(answers.rows)),
            "target": table[self.problem.target].cast(pl.String)[answers.rows],
            "prediction": pl.Series(
                [classes[i] if 0 <= i < len(classes) else None for i in answers.prediction.tolist()]
                if classes
                else answers.prediction.astype(str)
            ),
        }
        if answers.confidence is not None and self.problem.measure != "brier":
            columns["confidence"] = pl.Series(np.clip(answers.confidence.astype(np.float64), 0, 1))
        if self.problem.cluster is not None:
            columns["cluster"] = table[self.problem.cluster].cast(pl.String)[answers.rows]
        if self.problem.time is not None:
            columns["time"] = table[self.problem.time][answers.rows]
        factors = [n for n in self._shown_factors() if n not in columns]
        return pl.DataFrame(columns).with_columns(table[name][answers.rows] for name in factors)

    def _shown_factors(self) -> list[str]:
        """Factors for the checks on responses: those of the shifts, then categories, then numbers; at most ten."""
        examples = self.problem.examples
        first = [name for case in self.plan.cases for name in case.factors]
        rest = [*examples.factors.of_kind("categorical"), *examples.factors.of_kind("ordered")]
        apart = {"cluster", self.problem.cluster}
        return [n for n in dict.fromkeys([*first, *rest]) if n in examples.factors and n not in apart][:10]


def _only(answers: Answers, kept: np.ndarray) -> Answers:
    def part(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[kept]

    return Answers(
        answers.rows[kept],
        answers.score[kept],
        part(answers.confidence),
        part(answers.truth),
        answers.prediction[kept],
        part(answers.chances),
    )


def _half(n: int, seed: int) -> np.ndarray:
    from unseen.engine.seeds import numpy_generator

    return numpy_generator(seed, "halves").random(n) < 0.5
