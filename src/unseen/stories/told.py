"""What an audit tells: one verdict, the scores of each model, stories, and the findings that no story holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from unseen.checks.blame import Condition
from unseen.estimates import Estimate
from unseen.stories.scores import ScoreTable


@dataclass(frozen=True, slots=True)
class Verdict:
    """The audit in one sentence.

    Attributes:
        sentence: The sentence, with its number and interval.
        kind: story (the heaviest story), expectation (what to expect at the next domain), finding (one that no story
            holds), open (nothing found, some undecided), clear (nothing found, nothing undecided) or unjudged.
        estimate: The number in it, where there is one.
    """

    sentence: str
    kind: Literal["story", "expectation", "finding", "open", "clear", "unjudged"]
    estimate: Estimate | None = None

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return f"<Verdict: {self.sentence}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "sentence": self.sentence, "kind": self.kind,
            "estimate": None if self.estimate is None else self.estimate.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """Findings that one cause explains, told once.

    Attributes:
        title: The cause in a few words ("Fails past digits = 1").
        sentence: One sentence with the numbers.
        figure: The numbers in short, for a table ("0.36 of 0.41 lost").
        models: Models that it is about, in the order of the score table.
        of_models: How many models were audited.
        condition: The rows that it blames; None where it blames none.
        effect: How much lower the score of these models is on the rows, in score units.
        share: Part of ``lost`` that the levels of its columns carry; which levels count is searched on one half of the clusters
            and measured on the other (which columns, on all).
        lost: Mean loss of these models from seen to unseen, in score units.
        findings: Positions of the findings underneath in ``AuditResult.outcomes``, the heaviest first.
        codes: Their codes, sorted.
        weight: Of each model the heaviest of what its findings cost over all rows (effect, certainty, share of rows), summed over
            models: a cause told by many checks counts once.
        next_step: What to do.
        claim: The sentence without the part of the loss, short enough to open the report with.
        of_score: Whether it tells of lost score; else of something beside it, as confidence.
    """

    title: str
    sentence: str
    figure: str
    models: tuple[str, ...]
    of_models: int
    condition: Condition | None
    effect: Estimate | None
    share: Estimate | None
    lost: Estimate | None
    findings: tuple[int, ...]
    codes: tuple[str, ...]
    weight: float
    next_step: str
    claim: str = ""
    of_score: bool = True

    def __repr__(self) -> str:
        return f"<Story: {self.title}. {self.sentence}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data; findings by position."""

        def number(estimate: Estimate | None) -> dict[str, Any] | None:
            return None if estimate is None else estimate.to_dict()

        return {
            "title": self.title, "sentence": self.sentence, "figure": self.figure, "models": list(self.models),
            "of_models": self.of_models, "condition": None if self.condition is None else self.condition.to_dict(),
            "effect": number(self.effect), "share": number(self.share), "lost": number(self.lost),
            "findings": list(self.findings), "codes": list(self.codes), "weight": self.weight,
            "next_step": self.next_step,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Telling:
    """The first screen of an audit, as objects.

    Attributes:
        verdict: The audit in one sentence.
        scores: One row a model; None where no answers were given, or they compare two models.
        stories: Stories, the heaviest first; one of lost score before others that weigh about as much.
        rest: Positions of the findings that no story holds, the heaviest first.
    """

    verdict: Verdict
    scores: ScoreTable | None
    stories: tuple[Story, ...]
    rest: tuple[int, ...]

    def __repr__(self) -> str:
        models = 0 if self.scores is None else len(self.scores)
        return f"<Telling: {self.verdict.sentence} {models} models, {len(self.stories)} stories, {len(self.rest)} other findings>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "verdict": self.verdict.to_dict(),
            "scores": None if self.scores is None else self.scores.to_dict(),
            "stories": [story.to_dict() for story in self.stories],
            "rest": list(self.rest),
        }


__all__ = ["Story", "Telling", "Verdict"]
