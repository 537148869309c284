"""What a check is, what it is given and what it may answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from unseen.data import Examples
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.responses import Responses

T = TypeVar("T")
AboutKind = Literal["data", "model", "pair", "item", "slice", "factor", "ranking"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set for all checks.

    Attributes:
        level: Nominal coverage of intervals.
        fdr: False discovery rate of the audit as a whole.
        smallest_gap: Smallest effect worth reporting, in score units as a share of the score's range.
        gap_that_matters: An effect that the data must be able to show (80 % power) before "clear" may be said.
        n_resamples: Bootstrap or permutation draws.
        min_units: Fewest independent units a side for an estimate.
        seed: Source of every random draw.
    """

    level: float = 0.95
    fdr: float = 0.05
    smallest_gap: float = 0.02
    gap_that_matters: float = 0.10
    n_resamples: int = 1000
    min_units: int = 10
    seed: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """What an outcome is about: the data, a model, a pair of models, an item, a slice, a factor or a ranking."""

    kind: AboutKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a check says of one subject.

    Attributes:
        code: Code of the check.
        about: What it is about.
        statement: One plain sentence with the numbers in it.
        next_step: What to do now; never empty.
        estimate: The number behind the statement, where there is one.
        p_value: Of the check's null for this subject; None where the outcome is a fact, not a test.
        effect: Size in [0, 1], as a share of the score's range, for sorting.
        details: Plain data (numbers, text, lists of rows) for tables and pictures; its layout is the check's own.
    """

    code: str
    about: About
    statement: str
    next_step: str
    estimate: Estimate | None = None
    p_value: float | None = None
    effect: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Outcome):
    """Something that the user should know. ``otherwise`` is said instead if it does not survive the correction."""

    otherwise: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear(Outcome):
    """Looked, with enough data to see an effect that matters, and found none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable(Outcome):
    """Could not be judged. The statement gives the reason, next_step the input or the number of units that would help.

    Attributes:
        unlocks: Inputs that are missing (``confidence``, ``variant_of``, ``split``, "several models" …).
    """

    unlocks: tuple[str, ...] = ()


@dataclass
class Subject:
    """Whatever the user gave. Checks share computations through ``shared``.

    Attributes:
        responses: Answers of models.
        train: Training examples.
        learner: Something to refit (checks U8xx).
        module: A torch module (checks U9xx).
    """

    responses: Responses | None = None
    train: Examples | None = None
    learner: Any = None
    module: Any = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def answers(self) -> Responses:
        """The responses that have a score, where a check has declared that it needs them.

        ``responses`` also holds the unlabelled rows.
        """
        responses = self.responses
        assert responses is not None, "a check that reads responses declares needs=('responses', …)"  # noqa: S101
        return self.shared("answers", responses.labelled)

    def shared(self, key: str, compute: Callable[[], T]) -> T:
        """The result of a computation that several checks use (a fitted IRT model, say): done once per subject."""
        if key not in self._cache:
            self._cache[key] = compute()
        return self._cache[key]


class Check(ABC):
    """One question about generalisation, with a code and a file of its own.

    Attributes:
        code: U101.
        title: Three to six words, lower case.
        question: What it asks, as a user would.
        null: The hypothesis that is tested, or "none: a count" where the outcome is a fact.
        interest: The effect of interest, in words ("a gap of at least smallest_gap").
        method: How it is computed, with the formula, in a few sentences.
        assumptions: What must hold for it to be right.
        sources: Papers and books.
        example: A statement that it might print.
        needs: Inputs: "responses", "seen" and "unseen" (rows in both), "several models", any column's name,
            "train", "learner", "module". The audit answers NotApplicable itself where one is missing.
        studies: Slugs of the atlas rows that bear on it.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    null: ClassVar[str]
    interest: ClassVar[str]
    method: ClassVar[str]
    assumptions: ClassVar[str]
    sources: ClassVar[tuple[str, ...]]
    example: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("responses",)
    studies: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each subject it judges; never empty.

        A test returns Found or Clear with its p-value: the audit corrects all p-values of one check together
        (Benjamini–Bogomolov) and turns what does not survive into Clear with ``otherwise``. Where an estimate that the
        whole check rests on does not exist, it may let TooFewUnits and Undefined through: the audit answers
        NotApplicable with their message.
        """

    def rng(self, settings: Settings, *names: str) -> np.random.Generator:
        """A generator that depends on the seed, the check and the names alone, not on the order of the work."""
        words = np.frombuffer("/".join((self.code, *names)).encode().ljust(4, b"_"), dtype=np.uint8)
        return np.random.default_rng([settings.seed, *words.tolist()])

    def not_applicable(
        self, reason: str, remedy: str, *, about: About | None = None, unlocks: Sequence[str] = (), **more: Any
    ) -> NotApplicable:
        """The answer where nothing can be said."""
        return NotApplicable(
            code=self.code, about=about or About("data", "all"), statement=reason, next_step=remedy,
            unlocks=tuple(unlocks), **more,
        )  # fmt: skip

    def decide(
        self,
        *,
        about: About,
        estimate: Estimate,
        p_value: float,
        found: str,
        clear: str,
        next_step: str,
        settings: Settings,
        scale: float = 1.0,
        details: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """The rule for a one-sided question "is the effect (estimate, larger is worse) there and large enough".

        Found: p at most ``fdr`` and the value at least ``smallest_gap × scale``. Otherwise clear, but only where
        the data could have shown an effect of ``gap_that_matters × scale`` with 80 % power; else not applicable.

        Args:
            about: Subject of the outcome.
            estimate: The effect; positive is bad.
            p_value: Of the null "no effect", one- or two-sided as the check states.
            found: Statement if it is found.
            clear: Statement if it is not.
            next_step: What to do if it is found.
            settings: The user's settings.
            scale: Range of the score, so that gaps are shares of it.
            details: Data for tables and pictures.
        """
        common: dict[str, Any] = {
            "code": self.code, "about": about, "estimate": estimate, "p_value": p_value,
            "effect": min(1.0, abs(estimate.value) / scale), "details": details or {},
        }  # fmt: skip
        if p_value <= settings.fdr and estimate.value >= settings.smallest_gap * scale:
            return Found(statement=found, next_step=next_step, otherwise=clear, **common)
        # Half a 95 % interval is 1.96 standard errors; 80 % power at 5 % needs 2.80 of them.
        detectable = estimate.width / 2 * (2.80 / 1.96)
        if detectable <= settings.gap_that_matters * scale or estimate.high < settings.smallest_gap * scale:
            return Clear(statement=clear, next_step="Nothing to do.", **common)
        times = (detectable / (settings.gap_that_matters * scale)) ** 2
        return NotApplicable(
            statement=f"{about.name}: not enough data. The effect is {estimate.format(2)}, and these data could only "
            f"show one of {detectable:.2f} or more ({self.title}).",
            next_step=f"Collect about {times:.1f} times as many independent units ({estimate.units} now).",
            **common,
        )


def guarded(check: Check, about: About, compute: Callable[[], Outcome]) -> Outcome:
    """Turn TooFewUnits and Undefined, raised by an estimate, into a NotApplicable that carries their message."""
    try:
        return compute()
    except (TooFewUnits, Undefined) as error:
        return check.not_applicable(str(error), "Collect more independent units on this side.", about=about)


def demoted(outcome: Found) -> Clear:
    """A found outcome that does not survive the correction for multiplicity."""
    return Clear(
        code=outcome.code, about=outcome.about,
        statement=(outcome.otherwise or outcome.statement) + " (Not significant once all checks are corrected for.)",
        next_step="Nothing to do; collect more data if this matters to you.", estimate=outcome.estimate,
        p_value=outcome.p_value, effect=outcome.effect, details=outcome.details,
    )  # fmt: skip


__all__ = [
    "About", "Check", "Clear", "Found", "NotApplicable", "Outcome", "Settings", "Subject", "demoted", "guarded",
]  # fmt: skip
