"""The audit in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unseen.auditing import AuditResult
from unseen.checks.base import Clear, Found, Undecided
from unseen.checks.details.learner import DomainsBehind, DomainsHeldOut, HeldOutDomain
from unseen.estimates import Estimate
from unseen.refitting import UnderShift
from unseen.stories.scores import PLAIN, Unit
from unseen.stories.told import Story, Verdict


def verdict(result: AuditResult, stories: Sequence[Story]) -> Verdict:
    """The heaviest story; for a learner what to expect at the next domain; else what is clear and what is open."""
    expected = [d for o in result.outcomes if isinstance(d := o.details, DomainsHeldOut) and d.expectation]
    if expected:
        ahead = at_the_next(expected[0].expectation or "")
        return Verdict(
            f"{ahead}{_apart(result)}", "expectation", _told_as(result).told(_finite(expected[0].next_score))
        )
    if stories:
        return Verdict(stories[0].claim or stories[0].sentence, "story", stories[0].effect or stories[0].share)
    found = [o for o in result.outcomes if isinstance(o, Found)]
    if found:
        return Verdict(found[0].statement, "finding", found[0].estimate)
    clear = sum(isinstance(o, Clear) for o in result.outcomes)
    undecided = sum(isinstance(o, Undecided) for o in result.outcomes)
    if undecided:
        passed = f"{_questions(clear)} clear, " if clear else ""
        return Verdict(f"Nothing found: {passed}{_questions(undecided)} undecided, which is not a pass.", "open")
    if clear:
        return Verdict(f"Nothing found: {_questions(clear)} clear, none undecided.", "clear")
    return Verdict("Nothing could be judged.", "unjudged")


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
        listed = _some([f"{name} ({o.estimate.value:.2f})" for name, o in lost if o.estimate is not None])
        said += f" Lost by not being seen: {listed}."
    if behind:
        said += f" Behind, seen or not: {_some(behind)}."
    return said


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _told_as(result: AuditResult) -> Unit:
    """What users know the scores of the learner as."""
    under = result.subject.learner
    return Unit(perfect=under.problem.how.perfect) if isinstance(under, UnderShift) else PLAIN


def _finite(estimate: Estimate | None) -> Estimate | None:
    """The estimate, where both its ends are known."""
    return estimate if estimate is not None and math.isfinite(estimate.width) else None


def _questions(count: int) -> str:
    return f"{count:,} question{'' if count == 1 else 's'}"


__all__ = ["at_the_next", "verdict"]
