"""U800: which refits failed, which held-out sets could not be judged, and what is too good to be true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from unseen.checks._domains import under_shift
from unseen.checks._failures import remedy_for
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject
from unseen.checks.details.learner import FailedRefits, NearPerfect, SetsLeftOut, SoundRefits, SuspectColumn
from unseen.plain_text import counted
from unseen.refitting import Problem, UnderShift
from unseen.refitting.leaks import SUSPECT
from unseen.refitting.measures import constant_error as error_of_constant

# A learner that removes this share of the error of a constant answer is asked where it has it from.
TOO_GOOD = 0.98


class Refits(Check):
    """Refits that failed, and scores that are too good to be true."""

    code = "U800"
    title = "refits that failed, suspected leaks"
    question = "Could the learner be refitted under every shift, and are its scores too good to be true?"
    null = "none: a count"
    interest = (
        "Any refit in which the learner raised, any held-out set that is too small to judge, any feature that alone "
        f"removes {SUSPECT:.0%} of the error of a constant answer, a learner that removes {TOO_GOOD:.0%} of it."
    )
    method = (
        "Every refit runs by itself; what the learner raises is kept with the name of the refit. A small tree of each "
        "feature alone is cross-fitted, for names and few values their most frequent class (their mean). The error is the "
        "share of wrong rows, the Brier loss or the absolute error; the constant answer is the most frequent class, the "
        "shares of the classes or the median. The learner is judged where it saw the like of the rows. Features named "
        "with --inputs are vouched for."
    )
    assumptions = "An easy task looks like a leak: whether a column is known in time is for the user to say."
    sources = (
        "Paleyes, Urma & Lawrence (2022), Challenges in deploying machine learning: a survey of case studies",
        "Kaufman, Rosset, Perlich & Stitelman (2012), Leakage in data mining: formulation, detection, and avoidance",
        "Kapoor & Narayanan (2023), Leakage and the reproducibility crisis in machine-learning-based science",
    )
    example = "gradient-boosting failed in 2 of 42 refits: ValueError: y contains 1 class."
    needs = ("learner",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """Failures, leaks, then what was left out, else that all went well."""
        under = under_shift(subject)
        untried = len(under.untried)
        name, total = under.runner.learner.name, len(under.refitted) - untried
        outcomes: list[Outcome] = [*self._leaks(under), *self._too_good(under)]
        failed = sum(map(len, under.failures.values()))
        for message, where in under.failures.items():
            step = remedy_for(under, message)
            if failed < total:
                step += " The refits that did not fail are judged without these."
            outcomes.append(
                Found(
                    code=self.code, about=About("model", name),
                    statement=f"{name} failed in {'all' if failed == total else failed} "
                    f"{'' if failed == total else 'of '}{total} refits" + (" that were tried" if untried else "")
                    + (f", {len(where)} of them so" if len(where) < failed else "") + f" ({where[0]}"
                    + (f" and {len(where) - 1} more" if len(where) > 1 else "") + f"): {message}" + _given_up(untried),
                    next_step=step,
                    effect=len(where) / total,
                    details=FailedRefits(refits=tuple(where), message=message, untried=untried or None),
                )
            )  # fmt: skip
        for family in under.plan.families():
            left = [(case.name, reason) for case, reason in under.plan.left_out if case.family == family]
            if left:
                examples = "; ".join(f"{n}: {reason}" for n, reason in left[:3])
                outcomes.append(
                    self.not_applicable(
                        f"{family}: {len(left)} held-out {'set is' if len(left) == 1 else 'sets are'} not judged ({examples}"
                        + ("; …" if len(left) > 3 else "") + ").",
                        "Give more rows for them, or join small groups into larger ones.",
                        about=About("factor", family), details=SetsLeftOut(left_out=tuple(left)),
                    )
                )  # fmt: skip
        if not under.failures:
            notes = " ".join(under.problem.notes)
            outcomes.append(
                Clear(
                    code=self.code, about=About("model", name),
                    statement=f"{name} was refitted {total} times without a failure." + (f" {notes}" if notes else ""),
                    next_step="Nothing to do.", details=SoundRefits(refits=total, notes=tuple(under.problem.notes)),
                )
            )  # fmt: skip
        return outcomes

    def _leaks(self, under: UnderShift) -> Iterator[Outcome]:
        target = under.problem.target
        for leak in under.problem.suspects:
            yield Found(
                code=self.code, about=About("factor", leak.name), effect=min(1.0, leak.removed),
                statement=f"{leak.statement}: it may be {target} in another form, or known only after it.",
                next_step=f"If {leak.name} is not known when {target} is to be predicted, leave it out: --drop "
                f"{leak.name}. If it is, name the features: --inputs.",
                details=SuspectColumn(column=leak.name, right=leak.right, removed=leak.removed, base=leak.base),
            )  # fmt: skip

    def _too_good(self, under: UnderShift) -> Iterator[Outcome]:
        """A fact where the learner is near perfect on rows whose like it saw."""
        score = under.reference
        answered = np.asarray(np.isfinite(score).any(0))
        if not answered.any():
            return
        left = _error_left(under.problem, float(np.nanmean(score[:, answered])))
        base = constant_error(under.problem, answered)
        if base <= 0 or left > (1 - TOO_GOOD) * base:
            return
        name, removed = under.runner.learner.name, 1 - left / base
        yield Found(
            code=self.code, about=About("model", f"{name}, near perfect"), effect=min(1.0, removed),
            statement=f"{name} removes {removed:.1%} of the error of a constant answer where it saw the like of the rows "
            f"(error {left:.2g}, constant {base:.2g}): a leak, copies of rows on both sides, or an easy task.",
            next_step="Look for columns that are known only afterwards (--describe names suspects), for copies of rows, and "
            "for rows that belong together (--cluster), before anything else here is believed.",
            details=NearPerfect(removed=removed, error=left, constant_error=base),
        )  # fmt: skip


def _given_up(untried: int) -> str:
    """What is said where a learner was given up."""
    if not untried:
        return ""
    return (
        f". The other {counted(untried, 'refit')} {'was' if untried == 1 else 'were'} not tried: each costs a process, and "
        "all that were tried took theirs with them."
    )


def _error_left(problem: Problem, score: float) -> float:
    return -score if problem.how.lower else 1 - score


def constant_error(problem: Problem, rows: np.ndarray) -> float:
    """The error of the best constant answer on some rows, in the unit of the measure.

    Args:
        problem: The data.
        rows: Which rows, boolean, shape (n,).
    """
    return error_of_constant(problem.how, problem.truth[rows])
