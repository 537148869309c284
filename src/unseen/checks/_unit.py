"""What users know a score as: inside, higher is better and a loss is negated; sentences speak in the table's own unit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from unseen.checks.base import Subject
from unseen.estimates import Estimate
from unseen.responses.notes import facts_of


@dataclass(frozen=True, slots=True)
class Unit:
    """What users know a score as.

    Attributes:
        low: Lowest possible score; None where there is none.
        high: Highest possible score; None where there is none.
        name: What it is called; "" for a plain score.
        perfect: Where it is known as an error (lower is better), the score of no error: the error is this minus the score.
    """

    low: float | None = None
    high: float | None = None
    name: str = ""
    perfect: float | None = None

    @property
    def lower(self) -> bool:
        """Whether the number that users know is lower where answers are better."""
        return self.perfect is not None

    @property
    def word(self) -> str:
        """The number in a sentence.

        >>> Unit(name="perplexity", perfect=0.0).word, Unit(name="accuracy").word
        ('perplexity', 'score')
        """
        return (self.name or "loss") if self.lower else "score"

    @property
    def worse(self) -> str:
        """On which side of another number a worse one lies."""
        return "higher" if self.lower else "lower"

    def shown(self, score: float) -> float:
        """A mean score as users know it.

        >>> Unit(name="log loss", perfect=0.0).shown(-0.4), Unit().shown(0.7)
        (0.4, 0.7)
        """
        return score if self.perfect is None else self.perfect - score

    def told(self, estimate: Estimate | None) -> Estimate | None:
        """A mean score with its interval as users know it."""
        return None if estimate is None else self.mean(estimate)

    def mean(self, e: Estimate) -> Estimate:
        """A mean score with its interval as users know it."""
        if self.perfect is None:
            return e
        return replace(e, value=self.shown(e.value), low=self.shown(e.high), high=self.shown(e.low))


PLAIN = Unit()


def unit_of(subject: Subject) -> Unit:
    """Unit of the scores of single rows: the measure of a learner, the loss of a log, or a plain score."""
    kind = subject.answers.score_kind
    ends = (None, None) if kind.name == "unbounded" else (kind.low, kind.high)
    if subject.learner is not None:
        from unseen.refitting import MEASURES, UnderShift

        under = subject.learner
        if isinstance(under, UnderShift):
            kept = under.keeps_score
            how = under.problem.how if kept else MEASURES["error" if under.problem.regression else "accuracy"]
            return Unit(*ends, how.word, how.perfect)
    loss = facts_of(subject.answers.notes).get("loss", "")
    return Unit(*ends, loss, 0.0 if loss else None)


__all__ = ["PLAIN", "Unit", "unit_of"]
