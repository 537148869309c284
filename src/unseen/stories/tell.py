"""From the outcomes of an audit to what is told of it."""

from __future__ import annotations

from unseen.auditing import AuditResult
from unseen.checks.base import Found
from unseen.stories.scores import score_table
from unseen.stories.themes import by_theme
from unseen.stories.told import Telling
from unseen.stories.verdict import verdict


def tell(result: AuditResult) -> Telling:
    """The verdict, the scores, the stories and what no story holds.

    Nothing is tested here: stories are made of what was found, and no finding is added or taken away.
    """
    scores = score_table(result)
    found = [i for i, o in enumerate(result.outcomes) if isinstance(o, Found)]
    stories = by_theme(result, found, scores)
    held = {i for story in stories for i in story.findings}
    return Telling(verdict(result, stories), scores, tuple(stories), tuple(i for i in found if i not in held))


__all__ = ["tell"]
