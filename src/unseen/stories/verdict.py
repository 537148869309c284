"""The audit in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from unseen.auditing import AuditResult
from unseen.checks.base import Clear, Found, NotApplicable, Undecided
from unseen.checks.details.learner import DomainsBehind, DomainsHeldOut, HeldOutDomain
from unseen.checks.details.models import PairwiseRatings
from unseen.estimates import Estimate
from unseen.plain_text import counted, enumerated, names
from unseen.refitting import UnderShift
from unseen.responses import Responses
from unseen.stories.scores import PLAIN, Unit
from unseen.stories.told import Story, Verdict

# Fewer independent units tell nothing of how far a score holds.
FEW = 10
# A share of answers that could not be read from which on scores tell of the reading, not of the model.
MOST_UNREAD = 0.5
# Of what is told of the inside of networks, what comes first: what orders them, what can be acted on.
INSIDE = ("U907", "U905", "U904")


def verdict(result: AuditResult, stories: Sequence[Story]) -> Verdict:
    """The heaviest story; for a learner what to expect at the next domain; else what is clear and what is open."""
    expected = [d for o in result.outcomes if isinstance(d := o.details, DomainsHeldOut) and d.expectation]
    if expected:
        ahead = at_the_next(expected[0].expectation or "")
        return Verdict(
            f"{ahead}{_apart(result)}", "expectation", _told_as(result).told(_finite(expected[0].next_score))
        )
    if result.subject.responses is not None and (share := unread(result.subject.responses)) >= MOST_UNREAD:
        return Verdict(
            f"{100 * share:.0f} % of the answers could not be read and count as wrong: scores tell of the reading, not of the "
            "model (column raw_answer).", "unjudged",
        )  # fmt: skip
    if stories:
        return Verdict(stories[0].claim or stories[0].sentence, "story", stories[0].effect or stories[0].share)
    found = [o for o in result.outcomes if isinstance(o, Found)]
    if found:
        return Verdict(found[0].statement, "finding", found[0].estimate)
    clear = sum(isinstance(o, Clear) for o in result.outcomes)
    undecided = sum(isinstance(o, Undecided) for o in result.outcomes)
    ranked = _ranked(result)
    if unasked := _unasked(result):
        return Verdict(unasked, "open" if undecided else "unjudged")
    nothing = f"{ranked} Nothing else found" if ranked else "Nothing found"
    if undecided:
        passed = f"{_questions(clear)} clear, " if clear else ""
        return Verdict(f"{nothing}: {passed}{_questions(undecided)} undecided, which is not a pass.", "open")
    if clear:
        return Verdict(f"{nothing}: {_questions(clear)} clear, none undecided.", "clear")
    if ranked:
        return Verdict(ranked, "unjudged")
    inside = {c.code: c for c in reversed(result.context) if c.code.startswith("U9")}
    first = next((inside[code] for code in (*INSIDE, *inside) if code in inside), None)
    if first is not None:
        return Verdict(first.statement, "unjudged", first.estimate)
    return Verdict("Nothing could be judged.", "unjudged")


def unread(responses: Responses) -> float:
    """Share of the answers that could not be read, where the table says so; else 0.

    >>> import polars as pl
    >>> table = pl.DataFrame({"model": "m", "item": ["1", "2"], "score": [0, 1], "unparsable": [True, False]})
    >>> unread(Responses.of(table))
    0.5
    """
    told = responses.table.schema.get("unparsable")
    return float(responses.table["unparsable"].mean() or 0.0) if told == pl.Boolean else 0.0  # type: ignore[arg-type]


def _unasked(result: AuditResult) -> str:
    """That no question about scores was judged, and why; "" where one was, or where only the data were asked about."""
    responses, beyond = result.subject.responses, [o for o in result.outcomes if not o.code.startswith("U0")]
    if responses is None or result.subject.learner is not None or not beyond:
        return ""
    if any(isinstance(o, Clear | Found) for o in beyond):
        return ""
    units = len(np.unique(responses.cluster))
    if units < FEW:
        said = f"{counted(units, 'independent unit')} can't tell how far a score holds"
        return f"Not enough data: {said}. How many would: unseen plan."
    if any(isinstance(o, Undecided) for o in beyond):
        return ""
    gaps = [o for o in beyond if o.code.startswith("U1") and isinstance(o, NotApplicable)]
    if not gaps and all(o.code.startswith("U9") for o in beyond):
        # The inside of networks alone was asked about.
        return ""
    if gaps and all(o.unlocks for o in gaps):
        return "How far the score holds was not asked: no column says what is unseen, and none tells items apart."
    return f"How far the score holds could not be judged with {counted(units, 'independent unit')}: --full says why."


def at_the_next(expectation: str) -> str:
    """The sentence of U801 as a verdict: what held is said of the next domain, without the back-test.

    >>> at_the_next("held-out site: for the next one expect accuracy 0.67, from 0.61 to 0.73. (Left out in turn …)")
    'At the next site expect accuracy 0.67, from 0.61 to 0.73.'
    """
    family, found, ahead = expectation.partition(": for the next one expect ")
    if not found:
        return expectation[:1].upper() + expectation[1:]
    domain = family.removeprefix("held-out ")
    return f"At the next {domain} expect {ahead.partition(' (')[0].strip()}"


def _apart(result: AuditResult) -> str:
    """Domains that lose by not being seen, and those that are behind seen or not: each asks for a remedy of its own."""
    own = [o for o in result.outcomes if o.code == "U801" and isinstance(o, Found)]
    lost = [(d.result.domain, o) for o in own if isinstance(d := o.details, HeldOutDomain)]
    named = {name for name, _ in lost}
    behind = [n for o in own if isinstance(d := o.details, DomainsBehind) for n in d.behind if n not in named]
    said = ""
    if lost:
        listed = names([f"{name} ({o.estimate.value:.2f})" for name, o in lost if o.estimate is not None], 3)
        said += f" Lost by not being seen: {listed}."
    if behind:
        said += f" Behind even where rows of them were seen: {names(behind, 3)}."
    return said


def _ranked(result: AuditResult) -> str:
    """The order of models by comparisons, as far as their tiers tell it; "" where none were compared."""
    rated = next((d.ratings for o in result.context if isinstance(d := o.details, PairwiseRatings)), ())
    tiers = [[r.model for r in rated if r.tier == tier] for tier in dict.fromkeys(r.tier for r in rated)]
    return order_of(tiers) if tiers else ""


def order_of(tiers: Sequence[Sequence[str]]) -> str:
    """Models by tiers, the best first, as a sentence.

    >>> order_of([["a"], ["b", "c"]]), order_of([["a", "b"]]), order_of([["a"], ["b"], ["c"]])
    ('a is ahead of b and c.', 'a and b are not told apart.', 'a is ahead of b, and b of c.')
    >>> order_of([["a", "b"], ["c"], ["d"], ["e", "f", "g", "h"]])
    'a and b are ahead of 6 other models, in 4 tiers.'
    """
    first, rest = tiers[0], tiers[1:]
    if not rest:
        return f"{enumerated(first)} are not told apart." if len(first) > 1 else ""
    ahead = f"{enumerated(first)} {'is' if len(first) == 1 else 'are'} ahead of"
    if len(rest) < 3 and sum(map(len, rest)) <= 4:
        who = rest[0][0] if len(rest[0]) == 1 else "these"
        return f"{ahead} {enumerated(rest[0])}" + (f", and {who} of {enumerated(rest[1])}." if rest[1:] else ".")
    return f"{ahead} {sum(map(len, rest)):,} other models, in {len(tiers)} tiers."


def _told_as(result: AuditResult) -> Unit:
    """What users know the scores of the learner as."""
    under = result.subject.learner
    return Unit(perfect=under.problem.how.perfect) if isinstance(under, UnderShift) else PLAIN


def _finite(estimate: Estimate | None) -> Estimate | None:
    """The estimate, where both its ends are known."""
    return estimate if estimate is not None and math.isfinite(estimate.width) else None


def _questions(count: int) -> str:
    return f"{count:,} question{'' if count == 1 else 's'}"


__all__ = ["MOST_UNREAD", "at_the_next", "order_of", "unread", "verdict"]
