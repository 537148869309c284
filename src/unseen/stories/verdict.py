"""The audit in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from unseen.auditing import AuditResult
from unseen.checks.base import Clear, Found, Undecided
from unseen.stories.told import Story, Verdict


def verdict(result: AuditResult, stories: Sequence[Story]) -> Verdict:
    """The heaviest story; for a learner what to expect at the next domain; else what is clear and what is open."""
    expected = [o for o in result.outcomes if o.details.get("expectation")]
    if expected:
        return Verdict(str(expected[0].details["expectation"]), "expectation", expected[0].estimate)
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


def _questions(count: int) -> str:
    return f"{count:,} question{'' if count == 1 else 's'}"


__all__ = ["verdict"]
