"""What findings about a learner under shift hold: refits, held-out domains, distances, columns, ways to validate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from unseen.checks.details.record import FLAT, IF_KNOWN, Details, Record, called
from unseen.estimates import Estimate


@dataclass(frozen=True, slots=True)
class LevelsOf(Record):
    """Rows at some levels of a column.

    Attributes:
        column: The column.
        kind: What the condition is: "levels".
        levels: The levels.
    """

    column: str
    kind: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldOutRows(Record):
    """Whose answers to which held-out rows a finding is about.

    Attributes:
        model: Name of the learner under this shift among the models of the answers.
        blamed: The rows, where levels of one column name them.
    """

    model: str
    blamed: tuple[LevelsOf, ...] | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class WithPValue(Record):
    """An estimate with the p-value of its null.

    Attributes:
        value: The value.
        low: Lower end of the interval.
        high: Upper end.
        level: Its level.
        units: Independent units.
        method: How it was computed.
        p_value: The p-value.
    """

    value: float
    low: float | None
    high: float | None
    level: float
    units: int
    method: str
    p_value: float

    @classmethod
    def of(cls, estimate: Estimate, p_value: float) -> Self:
        """An estimate with its p-value."""
        return cls(**estimate.to_dict(), p_value=p_value)


@dataclass(frozen=True, kw_only=True, eq=False)
class FailedRefits(Details):
    """Refits that failed alike.

    Attributes:
        refits: Which.
        message: What the learner said.
        untried: How many more were not tried, since the learner took its worker with it each time.
    """

    refits: tuple[str, ...]
    message: str
    untried: int | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, kw_only=True, eq=False)
class SetsLeftOut(Details):
    """Held-out sets that are not judged.

    Attributes:
        left_out: Name and reason of each.
    """

    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class SoundRefits(Details):
    """Refits without a failure.

    Attributes:
        refits: How many.
        notes: What was made of the table.
    """

    refits: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class SuspectColumn(Details):
    """A column that tells the target by itself.

    Attributes:
        column: The column.
        right: How right it is.
        removed: Share of the error of a constant answer that it removes.
        base: That error.
    """

    column: str
    right: float
    removed: float
    base: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class NearPerfect(Details):
    """A learner that is right nearly always.

    Attributes:
        removed: Share of the error of a constant answer that it removes.
        error: Its error.
        constant_error: That of the constant answer.
    """

    removed: float
    error: float
    constant_error: float


@dataclass(frozen=True, slots=True)
class Domain(Record):
    """One domain, not having seen it and having seen its like.

    Attributes:
        domain: Its name.
        rows: Its rows.
        loss: What is lost by not having seen it.
        se: Standard error of the loss.
        unseen: Score, not having seen it.
        unseen_se: Its standard error.
        reference: Score, having seen rows like them.
        seen: Score on held-back rows of what was seen.
    """

    domain: str
    rows: int
    loss: float
    se: float
    unseen: float
    unseen_se: float
    reference: float
    seen: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOutDomain(Details):
    """One held-out domain.

    Attributes:
        result: Its scores.
        about: Whose answers to which rows.
    """

    result: Domain = field(metadata=FLAT)
    about: HeldOutRows | None = field(default=None, metadata=FLAT)


@dataclass(frozen=True, slots=True)
class BackTest(Record):
    """Domains left out in turn, and how many the interval for the next one held.

    Attributes:
        inside: How many it held.
        domains: Of how many.
    """

    inside: int
    domains: int


@dataclass(frozen=True, kw_only=True, eq=False)
class DomainsHeldOut(Details):
    """All held-out domains of one shift, and what to expect of the next one.

    Attributes:
        about: Whose answers to which rows.
        seen_score: Mean score, having seen rows like them.
        family: The shift.
        domains: The domains, the largest loss first.
        mean_score: Mean score, not having seen them.
        next_score: Score of one further domain.
        next_loss: Loss of one further domain.
        between: Standard deviation of the loss between domains.
        share_between: Share of the variance that lies between them.
        measure: What scores are.
        backtest: How the interval for the next one fared.
        expectation: What to expect of the next one, in words.
    """

    about: HeldOutRows | None = field(default=None, metadata=FLAT)
    seen_score: Estimate
    family: str
    domains: tuple[Domain, ...]
    mean_score: Estimate
    next_score: Estimate | None
    next_loss: Estimate | None
    between: float
    share_between: float
    measure: str
    backtest: BackTest | None = field(default=None, metadata=IF_KNOWN)
    expectation: str | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class DomainScore(Record):
    """One domain on the rows on which it was not chosen.

    Attributes:
        domain: Its name.
        score: Score, not having seen it.
        se: Its standard error.
        seen: Score, having seen rows like them.
        worst: Whether it is among those that fall behind.
    """

    domain: str
    score: float
    se: float
    seen: float
    worst: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class DomainsBehind(Details):
    """Domains that fall behind the others.

    Attributes:
        family: The shift.
        worst: Those that were chosen.
        behind: Those of them that fall behind seen or not.
        about: Whose answers to which rows.
        domains: All domains.
    """

    family: str
    worst: tuple[str, ...]
    behind: tuple[str, ...]
    about: HeldOutRows | None = field(default=None, metadata=FLAT)
    domains: tuple[DomainScore, ...]


@dataclass(frozen=True, slots=True)
class LossAt(Record):
    """The loss at a distance.

    Attributes:
        at: Mean value of the factor.
        loss: The loss.
        low: Lower end of its interval.
        high: Upper end.
        units: Independent units.
    """

    at: float
    loss: float
    low: float
    high: float
    units: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Extrapolated(Details):
    """The loss beyond a boundary.

    Attributes:
        family: The shift.
        factor: The factor.
        about: Whose answers to which rows.
        levels: Loss by distance, where rows have a loss of their own.
        trend: Change of the loss from the nearest to the furthest.
    """

    family: str
    factor: str
    about: HeldOutRows | None = field(default=None, metadata=FLAT)
    levels: tuple[LossAt, ...] | None = field(default=None, metadata=IF_KNOWN)
    trend: WithPValue | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class GainOn(Record):
    """What shuffling a column gains on one domain.

    Attributes:
        domain: The domain.
        gain: The gain.
        se: Its standard error.
        p_value: Adjusted over columns and domains.
    """

    domain: str
    gain: float
    se: float
    p_value: float


@dataclass(frozen=True, slots=True)
class ShuffledColumn(Record):
    """What shuffling a column costs.

    Attributes:
        column: The column.
        seen: On seen rows.
        unseen: On rows of domains not seen.
        difference: Of the two.
        p_value: Of the difference.
        sets: Held-out sets that could judge it.
        domains: What it gains on each domain.
        adjusted: p-value, adjusted over columns.
    """

    column: str
    seen: float
    unseen: float
    difference: Estimate
    p_value: float
    sets: int
    domains: tuple[GainOn, ...]
    adjusted: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ShuffledColumns(Details):
    """What shuffling each column costs.

    Attributes:
        family: The shift.
        columns: The columns.
        misleads: Domains on which one misleads.
        about: Whose answers to which rows.
    """

    family: str
    columns: tuple[ShuffledColumn, ...]
    misleads: tuple[str, ...] | None = field(default=None, metadata=IF_KNOWN)
    about: HeldOutRows | None = field(default=None, metadata=FLAT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Doubled(Details):
    """What doubling the domains or the rows brings.

    Attributes:
        surface: Mean score by number of domains and of rows.
        fits: Refits.
        family: The shift.
        domains: What doubling the domains brings.
        rows: What doubling the rows brings.
    """

    surface: tuple[Mapping[str, Any], ...]
    fits: int
    family: str
    domains: WithPValue
    rows: WithPValue


@dataclass(frozen=True, kw_only=True, eq=False)
class MemorisedLabels(Details):
    """Minority rows, trained on and held out.

    Attributes:
        rows: Rows in all.
        minority: Minority rows.
        in_sample: What the learner says of them after training on them.
        held_out: What it says of them otherwise.
        others: The difference on the other rows.
        measured: What is compared: "probability", "right" or "score".
        difference: Of the two.
        log_loss_rise: How much their log loss rises when held out.
    """

    rows: int
    minority: int
    in_sample: float
    held_out: float
    others: float
    measured: str
    difference: Estimate
    log_loss_rise: float | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Validation(Record):
    """What picking a learner by one way to validate comes to.

    Attributes:
        lost: Score lost against the best learner.
        correlation: Of validation and test scores.
        picked: Learner that it picks, by test group.
    """

    lost: Estimate
    correlation: Estimate | None
    picked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValidatedAndTested(Record):
    """A learner's score by one way to validate, and on test domains.

    Attributes:
        way: The way.
        group: Test group.
        learner: The learner.
        validation: Its score in validation.
        test: Its score on test domains.
    """

    way: str
    group: int
    learner: str
    validation: float
    test: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Validations(Details):
    """Ways to validate, by what picking by them loses.

    Attributes:
        family: The shift.
        ways: Each way.
        learners: The learners.
        domains: Domains.
        points: Scores in validation and test.
        against_leave_domains_out: Picking in-domain against picking by leaving domains out.
    """

    family: str
    ways: Mapping[str, Validation]
    learners: tuple[str, ...]
    domains: int
    points: tuple[ValidatedAndTested, ...]
    against_leave_domains_out: WithPValue


@dataclass(frozen=True, slots=True)
class PropertyOf(Record):
    """A property and the score of one domain.

    Attributes:
        domain: The domain.
        value: The property.
        score: The score.
    """

    domain: str
    value: float
    score: float


@dataclass(frozen=True, slots=True)
class DomainProperty(Record):
    """How the score goes with a property of domains.

    Attributes:
        property: The property.
        correlation: Rank correlation.
        correlation_low: Lower end of its interval.
        correlation_high: Upper end.
        change: Change of the score over the range of the property.
        p_value: p-value.
        worse: Where scores are worse: "low" or "high".
        start: Lower end of the range.
        end: Upper end.
        correlation_with_loss: Rank correlation with the loss.
        adjusted: p-value, adjusted over properties.
    """

    property: str
    correlation: float
    correlation_low: float
    correlation_high: float
    change: Estimate
    p_value: float
    worse: str
    start: float = field(metadata=called("from"))
    end: float = field(metadata=called("to"))
    correlation_with_loss: float
    adjusted: float


@dataclass(frozen=True, kw_only=True, eq=False)
class DomainProperties(Details):
    """Properties that set domains apart.

    Attributes:
        family: The shift.
        domains: Property and score of each domain.
        properties: All properties.
        about: Whose answers to which rows.
    """

    family: str
    domains: tuple[PropertyOf, ...]
    properties: tuple[DomainProperty, ...]
    about: HeldOutRows | None = field(default=None, metadata=FLAT)


@dataclass(frozen=True, slots=True)
class ClaimedDomain(Record):
    """A domain's accuracy, claimed without its labels, and the true one.

    Attributes:
        domain: Its name.
        rows: Its rows.
        actual: Its accuracy.
        method: The method.
        claimed: What it claims, corrected on the other domains.
        seen: Accuracy on seen rows.
        covered: Whether the interval holds the accuracy.
        refused: Why nothing would be claimed; empty where it would.
    """

    domain: str
    rows: int
    actual: float
    method: str
    claimed: Estimate
    seen: float
    covered: bool
    refused: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimedDomains(Details):
    """Claims without labels, held against the labels of each domain.

    Attributes:
        family: The shift.
        domains: The domains.
        method: The method.
        missed: Mean error.
        missed_by_seen: Mean error of taking the accuracy on seen rows.
        inside: Domains that the interval held.
        error: Mean signed error.
        about: Whose answers to which rows.
    """

    family: str
    domains: tuple[ClaimedDomain, ...]
    method: str
    missed: float
    missed_by_seen: float
    inside: int
    error: Estimate
    about: HeldOutRows | None = field(default=None, metadata=FLAT)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimedRows(Details):
    """The accuracy that is claimed for rows without labels.

    Attributes:
        without_answers: They are not among the answers.
        accuracy: The accuracy.
        labelled: Accuracy of labelled rows.
        rows: Rows without labels.
        method: The method.
        rows_to_label: How many labels would settle it.
    """

    without_answers: bool
    accuracy: Estimate
    labelled: float
    rows: int
    method: str
    rows_to_label: int
