"""What a check is, what it is given and what it may answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from unseen.checks.blame import Blame
from unseen.checks.details import Details
from unseen.checks.details.record import Needed
from unseen.data import Examples
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.testing.power import told_times, units_to_decide
from unseen.responses import Responses
from unseen.responses.kept import KeptScores

T = TypeVar("T")
# Beyond so many times the data nobody collects them.
HOPELESS, MOST_UNITS = 100, 20_000
AboutKind = Literal["data", "model", "pair", "item", "slice", "factor", "ranking"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set for all checks.

    Attributes:
        level: Nominal coverage of intervals.
        fdr: False discovery rate of the audit as a whole.
        smallest_gap: Smallest effect worth reporting, in score units as a share of the score's range.
        gap_that_matters: "Clear" is said only where the interval excludes an effect of this size; unit as above.
        n_resamples: Bootstrap or permutation draws.
        min_units: Fewest independent units a side for an estimate.
        seed: Source of every random draw.
        labelled_at_random: The scored rows of the unseen side were drawn at random among all its rows.
    """

    level: float = 0.95
    fdr: float = 0.05
    smallest_gap: float = 0.02
    gap_that_matters: float = 0.10
    n_resamples: int = 1000
    min_units: int = 10
    seed: int = 0
    labelled_at_random: bool = False


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
        details: Data for tables and pictures: a record of ``checks.details``, whose kind says how it is drawn, or plain data
            (numbers, text, lists of rows) of a layout of the check's own. Both are read as a mapping.
    """

    code: str
    about: About
    statement: str
    next_step: str
    estimate: Estimate | None = None
    p_value: float | None = None
    effect: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        number = "" if self.estimate is None else f" {self.estimate}"
        return f"<{type(self).__name__} {self.code}, {self.about.name}{number}: {self.statement}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Clear(Outcome):
    """The interval excludes an effect that matters. Nothing else is a pass."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Undecided(Outcome):
    """An estimate is there, but excludes neither "no effect" nor one that matters; next_step says what would decide.

    Attributes:
        matters: The effect that matters, in the unit of the estimate: the audit then writes into next_step how many
            units would decide, knowing its correction. None where more units are not what decides.
    """

    matters: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found(Outcome):
    """Something that the user should know.

    Attributes:
        otherwise: What is said instead if the correction for the whole audit does not let the finding stand: the
            same estimate, judged by the same rule. A test (with a p-value) always has it, a fact never.
        blames: The rows and models that it blames, where it blames any: findings with one cause are told once.
        shared: What the estimate is, as a clause with {} for the number: how it is told of several models at once. Findings
            that have the same one are the same quantity.
    """

    otherwise: Clear | Undecided | None = None
    blames: Blame | None = None
    shared: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Context(Outcome):
    """What helps to read the findings and judges nothing: a scale, ratings, shares. Shown in tables, never counted."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NotApplicable(Outcome):
    """An input is missing, or no estimate can be had. The statement gives the reason, next_step what would help.

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
        baseline: Scores of an earlier audit (check U705).
        multiverse: Choices under which conclusions are asked anew (check U909), as ``unseen.checks._multiverse`` reads them.
    """

    responses: Responses | None = None
    train: Examples | None = None
    learner: Any = None
    module: Any = None
    baseline: KeptScores | None = None
    multiverse: Mapping[str, Any] | None = None
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
            "train", "learner", "module", "baseline". The audit answers NotApplicable itself where one is missing.
        studies: Slugs of the atlas rows that bear on it.
        judged_by: Code of the check at whose level its outcomes are judged, where that is not its own.
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
    judged_by: ClassVar[str] = ""

    @abstractmethod
    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for each subject it judges; never empty.

        A test returns Found, Clear or Undecided with its p-value: the audit corrects all p-values of one check
        together (Benjamini–Bogomolov) and replaces what does not survive by its ``otherwise``. Where an estimate that
        the whole check rests on does not exist, it may let TooFewUnits and Undefined through: the audit answers
        NotApplicable with their message.
        """

    def at_level(self, outcome: Outcome, alpha: float) -> Outcome:
        """The outcome once the audit knows at which level it is tested: an undecided one tells the units needed."""
        return with_units_needed(outcome, alpha=alpha) if isinstance(outcome, Undecided) else outcome

    def beside(self, outcome: Outcome, judged: Outcome) -> Outcome:
        """The outcome once the audit knows what ``judged_by`` has answered about the same subject."""
        del judged
        return outcome

    def rng(self, settings: Settings, *names: str) -> np.random.Generator:
        """A generator that depends on the seed, the check and the names alone, not on the order of the work."""
        words = np.frombuffer("/".join((self.code, *names)).encode().ljust(4, b"_"), dtype=np.uint8).astype(np.uint32)
        seed = settings.seed
        # An array of words seeds as a list of numbers does, in a fraction of the time; a longer seed is several words.
        return np.random.default_rng(
            np.append(np.uint32(seed), words) if 0 <= seed < 2**32 else [seed, *words.tolist()]
        )

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
        blames: Blame | None = None,
        title: str = "",
        too_rough: str = "",
        instead: str = "",
        shared: str = "",
    ) -> Outcome:
        """The rule for a one-sided question "is the effect (estimate, larger is worse) there and large enough".

        In this order. Found: p at most ``fdr`` and the value at least ``smallest_gap × scale``. Clear: the interval
        ends below ``gap_that_matters × scale``. Else undecided. What the correction for the whole audit takes from
        the found ones is judged by the last two.

        Args:
            about: Subject of the outcome.
            estimate: The effect; positive is bad.
            p_value: Of the null "no effect", one- or two-sided as the check states.
            found: Statement where there is an effect.
            clear: Statement where the interval excludes one that matters and reaches zero.
            next_step: What to do if it is found.
            settings: The user's settings.
            scale: Range of the score, so that gaps are shares of it.
            details: Data for tables and pictures.
            blames: The rows and models that are blamed if it is found.
            title: What the check is called in a sentence, where that is not its title: of a loss, say.
            too_rough: Statement where the interval is too rough a guess to clear anything; "" where it is none.
            instead: What to do then.
            shared: What the estimate is, as a clause with {} for the number, to be told of several models at once.
        """
        matters = settings.gap_that_matters * scale
        common: dict[str, Any] = {
            "code": self.code, "about": about, "estimate": estimate, "p_value": p_value,
            "effect": min(1.0, abs(estimate.value) / scale), "details": {} if details is None else details,
        }  # fmt: skip
        if estimate.low > 0:
            clear = f"{found.rstrip('.')}: less than the {matters:.3g} that matters."
        elif estimate.high < 0:
            clear = f"{about.name}: the effect is {estimate.format(2)}, the other way round ({title or self.title})."
        if too_rough and estimate.high < matters:
            otherwise = self.undecided(settings=settings, statement=too_rough, next_step=instead, **common)
        else:
            otherwise = self.unless_found(matters, settings=settings, clear=clear, title=title, **common)
        if p_value <= settings.fdr and estimate.value >= settings.smallest_gap * scale:
            return Found(
                statement=found, next_step=next_step, otherwise=otherwise, blames=blames, shared=shared, **common
            )
        return otherwise

    def unless_found(
        self,
        matters: float,
        *,
        settings: Settings,
        estimate: Estimate,
        high: float | None = None,
        clear: str = "",
        undecided: str = "",
        if_clear: str = "Nothing to do.",
        next_step: str = "",
        title: str = "",
        **common: Any,
    ) -> Clear | Undecided:
        """What an outcome is where its effect is not found: clear where the interval ends below what matters, else undecided.

        Args:
            matters: The effect that matters, in the unit of the estimate.
            settings: The user's settings.
            estimate: The effect; positive is bad.
            high: The end that is compared with what matters, where that is not the estimate's own.
            clear: Statement where it is clear, if another than in the common fields.
            undecided: Statement where it is not, if another than in the common fields.
            if_clear: What to do where it is clear.
            next_step: What to do where it is undecided; by default as many more units as would decide it.
            title: What the check is called in a sentence, where that is not its title.
            common: Fields of either outcome.
        """
        own: dict[str, Any] = {"code": self.code, "estimate": estimate, **common}
        if (estimate.high if high is None else high) < matters:
            own |= {"next_step": if_clear, **({"statement": clear} if clear else {})}
            return Clear(**own)
        own |= {"statement": undecided} if undecided else {}
        matters_then = None if next_step else matters
        return self.undecided(settings=settings, next_step=next_step, matters=matters_then, title=title, **own)

    def undecided(
        self,
        *,
        about: About,
        estimate: Estimate,
        settings: Settings,
        matters: float | None = None,
        statement: str = "",
        next_step: str = "",
        title: str = "",
        **more: Any,
    ) -> Undecided:
        """The answer where an estimate excludes neither no effect nor one that matters.

        Args:
            about: Subject of the outcome.
            estimate: The effect; positive is bad.
            settings: The user's settings.
            matters: The effect that matters, in the unit of the estimate, where more units would decide.
            statement: Said instead of the general sentence.
            next_step: Said where more units are not what decides.
            title: What the check is called in the general sentence, where that is not its title.
            more: Other fields of the outcome.
        """
        said = statement or _neither(about, estimate, title or self.title, matters)
        step = next_step or "Nothing in these data decides it: read the number with its interval."
        fields: dict[str, Any] = {"code": self.code, **more}
        outcome = Undecided(
            about=about, estimate=estimate, statement=said, next_step=step, matters=matters, **fields
        )  # fmt: skip
        return with_units_needed(outcome, alpha=settings.fdr)


def with_units_needed(outcome: Undecided, *, alpha: float) -> Undecided:
    """The outcome with the number of units that would decide it, given the level at which its null is tested.

    ``details["units_needed"]`` holds the number, ``details["times"]`` its ratio to what there is.
    """
    estimate, matters = outcome.estimate, outcome.matters
    if estimate is None or matters is None:
        return outcome
    times, needed = units_to_decide(estimate, matters, alpha=alpha)
    told, given = Needed(times, needed), outcome.details
    details = replace(given, deciding=told) if isinstance(given, Details) else {**given, **told.plain()}
    return replace(outcome, details=details, next_step=_more_units(times, needed, estimate.units))


def _more_units(times: float, needed: int, units: int) -> str:
    """How many more units would decide, in two digits that count; where hopelessly many, that they won't.

    >>> _more_units(6.24, 4618, 740)
    'About 6.2 times as many independent units would decide it: about 4,600, 740 now.'
    >>> _more_units(1218.8, 949423, 779)
    'More data will not decide it: the effect lies too near to what would matter.'
    >>> _more_units(400.0, 1200, 3)
    'About 400 times as many independent units would decide it: about 1,200, 3 now.'
    """
    if times > HOPELESS and needed > MOST_UNITS:
        return "More data will not decide it: the effect lies too near to what would matter."
    return (
        f"About {told_times(times)} times as many independent units would decide it: about "
        f"{int(float(f'{needed:.2g}')):,}, {units:,} now."
    )


def _neither(about: About, estimate: Estimate, title: str, matters: float | None) -> str:
    past = "" if matters is None else f", and one of {matters:.3g} is not excluded"
    chance = (
        "not beyond chance" if estimate.low <= 0 else "beyond zero by itself, but not once all checks are corrected for"
    )
    return f"{about.name}: not decided ({title}). The effect is {estimate.format(2)}: {chance}{past}."


def guarded(check: Check, about: About, compute: Callable[[], Outcome]) -> Outcome:
    """Turn TooFewUnits and Undefined, raised by an estimate, into a NotApplicable that carries their message."""
    try:
        return compute()
    except (TooFewUnits, Undefined) as error:
        return check.not_applicable(str(error), "Collect more independent units on this side.", about=about)


def demoted(outcome: Found) -> Clear | Undecided:
    """What is said of a found outcome that does not survive the correction for multiplicity."""
    assert outcome.otherwise is not None, f"{outcome.code}: a finding with a p-value says what it is otherwise"  # noqa: S101
    return outcome.otherwise


__all__ = [
    "About", "Check", "Clear", "Context", "Found", "NotApplicable", "Outcome", "Settings", "Subject", "Undecided",
    "demoted", "guarded", "with_units_needed",
]  # fmt: skip
