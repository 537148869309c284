"""What users know a score as: inside, higher is better and a loss is negated; sentences speak in the table's own unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unseen.checks.base import Subject
from unseen.checks.details.record import Details, ToldAs
from unseen.estimates import Estimate
from unseen.responses import Responses
from unseen.responses.notes import facts_of


@dataclass(frozen=True, slots=True)
class Unit:
    """What users know a score as.

    Attributes:
        low: Lowest possible score; None where there is none.
        high: Highest possible score; None where there is none.
        name: What it is called; "" for a plain score.
        perfect: Where it is known as an error (lower is better), the score of no error: the error is this minus the score.
        graded: Whether it has degrees between its ends, so that no answer is called right or wrong.
    """

    low: float | None = None
    high: float | None = None
    name: str = ""
    perfect: float | None = None
    graded: bool = False

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
    def a_word(self) -> str:
        """The same with its article.

        >>> Unit(name="error", perfect=0.0).a_word, Unit(name="loss", perfect=0.0).a_word
        ('an error', 'a loss')
        """
        return f"{'an' if self.word[:1].lower() in 'aeiou' else 'a'} {self.word}"

    @property
    def rises(self) -> str:
        """How a change for the worse is told of the number."""
        return "rises" if self.lower else "falls"

    @property
    def scores(self) -> str:
        """The verb between a subject and its number.

        >>> Unit(name="loss", perfect=0.0).scores, Unit().scores
        ('has a loss of', 'scores')
        """
        return f"has {self.a_word} of" if self.lower else "scores"

    def loses(self, subject: str, verb: str = "loses") -> str:
        """A subject that gets worse, up to the number of how much.

        >>> Unit(name="loss", perfect=0.0).loses("lm"), Unit().loses("lm"), Unit().loses("lm", "falls by")
        ("lm's loss rises by", 'lm loses', 'lm falls by')
        """
        return f"{subject}'s {self.word} rises by" if self.lower else f"{subject} {verb}"

    @property
    def change(self) -> str:
        """A change for the worse as a clause with {} for the number.

        >>> Unit().change, Unit(name="loss", perfect=0.0).change
        ('{} is lost', 'loss rises by {}')
        """
        return f"{self.word} rises by {{}}" if self.lower else "{} is lost"

    @property
    def worse(self) -> str:
        """On which side of another number a worse one lies."""
        return "higher" if self.lower else "lower"

    @property
    def success(self) -> str:
        """What the share of right answers is called; of a score by degrees its mean.

        >>> Unit().success, Unit(name="error", perfect=0.0).success, Unit(0.0, 1.0, graded=True).success
        ('accuracy', 'success', 'score')
        """
        return "success" if self.lower else "score" if self.graded else "accuracy"

    @property
    def share(self) -> str:
        """What a confidence is compared with: the share of right answers, or the mean score.

        >>> Unit().share, Unit(name="error", perfect=0.0).share, Unit(0.0, 10.0, graded=True).share
        ('share of right answers', 'share of answers without error', 'mean share of the full score')
        """
        if self.graded:
            return "mean score" if self._of_one else "mean share of the full score"
        return f"share of answers without {self.word}" if self.lower else "share of right answers"

    @property
    def estimated(self) -> str:
        """What is estimated where no answer is marked.

        >>> Unit().estimated, Unit(name="error", perfect=0.0).estimated, Unit(0.0, 1.0, graded=True).estimated
        ('accuracy', 'share of answers without error', 'mean score')
        """
        return self.share if self.lower or self.graded else "accuracy"

    def wrong(self, *, one: bool = False) -> str:
        """The verb of answers that are not right, or of a model that gives them.

        >>> Unit().wrong(), Unit().wrong(one=True), Unit(name="error", perfect=0.0).wrong(one=True)
        ('are wrong', 'is wrong', 'has an error')
        """
        if self.lower:
            return f"{'has' if one else 'have'} {self.a_word}"
        return f"{'is' if one else 'are'} wrong"

    @property
    def share_there(self) -> str:
        """The verb between rows and what they come to.

        >>> Unit().share_there, Unit(name="error", perfect=0.0).share_there, Unit(0.0, 1.0, graded=True).share_there
        ('are right', 'are without error', 'is the mean score')
        """
        return f"is the {self.share}" if self.graded else f"are without {self.word}" if self.lower else "are right"

    def right_in(self, share: str, rows: str = "") -> str:
        """How a model does on rows, as what follows its name.

        Args:
            share: The share of right answers, or the mean score.
            rows: The rows; "" where the sentence has named them.

        >>> Unit().right_in("0.62", "500 rows"), Unit(0.0, 1.0, graded=True).right_in("0.62", "500 rows")
        ('is right in 0.62 of 500 rows', 'scores 0.62 on 500 rows')
        >>> Unit(name="error", perfect=0.0).right_in("0.62"), Unit(0.0, 10.0, graded=True).right_in("0.62")
        ('is without error in 0.62', 'reaches 0.62 of the full score')
        """
        if self.graded:
            said, joined = f"scores {share}" if self._of_one else f"reaches {share} of the full score", "on"
        else:
            said, joined = f"is {f'without {self.word}' if self.lower else 'right'} in {share}", "of"
        return f"{said} {joined} {rows}" if rows else said

    def counted_as(self, middle: float) -> str:
        """Which scores by degrees count as right, as a sentence.

        >>> Unit(0.0, 1.0, graded=True).counted_as(0.5), Unit(name="error", perfect=0.0).counted_as(-0.5)
        (' Scores count as right from 0.5 on.', ' An error of at most 0.5 counts as solved.')
        """
        if self.lower:
            return f" {self.a_word.capitalize()} of at most {self.shown(middle):g} counts as solved."
        return f" Scores count as right from {middle:g} on."

    @property
    def _of_one(self) -> bool:
        """Whether a score is a share already."""
        return (self.low, self.high) == (0.0, 1.0)

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

    def titled(self, title: str) -> str:
        """The title of a check, of scores.

        >>> Unit(name="loss", perfect=0.0).titled("floor, ceiling, constant scores"), Unit().titled("accuracy")
        ('floor, ceiling, constant loss', 'accuracy')
        """
        title = re.sub(r"\bscores?\b", self.word, title) if self.lower else title
        return title.replace("accuracy", self.success)

    def told_of(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        """Details of an outcome with every mean score in them as users know it, and the word for it beside them."""
        if not self.lower or not isinstance(details, Details):
            return details
        return replace(details.with_means(self.shown), told_as=ToldAs(self.word))


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
            return Unit(*ends, how.word, how.perfect, _graded(subject.answers))
    return answers_unit(subject.answers)


def answers_unit(answers: Responses) -> Unit:
    """Unit of the scores of answers by themselves: the loss of a log, or a plain score."""
    kind, loss = answers.score_kind, facts_of(answers.notes).get("loss", "")
    ends = (None, None) if kind.name == "unbounded" else (kind.low, kind.high)
    return Unit(*ends, loss, 0.0 if loss else None, _graded(answers))


def _graded(answers: Responses) -> bool:
    """Whether a score lies between the two ends of its range, or has no range."""
    kind = answers.score_kind
    if kind.name == "bounded":
        return bool(((answers.score > kind.low) & (answers.score < kind.high)).any())
    return kind.name == "unbounded"


__all__ = ["PLAIN", "Unit", "answers_unit", "unit_of"]
