"""How heavy a story is, and which one leads.

A story is one cause: however many checks tell of it, each model bears it once, with the heaviest of its findings.
Stories of lost score are in the unit that was asked about. Others (parts right but the whole wrong, confidence beside
the share of right answers) are shares of other things: beside a loss they compare by order of magnitude only, and lead
only where they weigh more than twice as much.
"""

from __future__ import annotations

from collections.abc import Iterable

from unseen.auditing import AuditResult
from unseen.checks.base import Found, Outcome
from unseen.stories.told import Story

# A story of lost score with at least this part of the weight of another kind goes before it.
NEAR = 0.5


def weight_of(result: AuditResult, positions: Iterable[int]) -> float:
    """Weight of findings that one cause explains: over models the sum of the heaviest finding of each.

    A finding that names none of the models, as on a domain of a learner, is about all of them at once.
    """
    answers = result.subject.responses
    models = None if answers is None else set(answers.models)
    each: dict[str, float] = {}
    for i in positions:
        weight = float(result.weight(i))
        named = models_named(result.outcomes[i])
        for name in (named if models is None else named & models) or {""}:
            each[name] = max(each.get(name, 0.0), weight)
    unnamed = each.pop("", 0.0)
    return max(sum(each.values()), unnamed)


def models_named(outcome: Outcome) -> set[str]:
    """The models that an outcome is about."""
    if isinstance(outcome, Found) and outcome.blames is not None:
        return set(outcome.blames.models)
    if "model" in outcome.details:
        return {str(outcome.details["model"])}
    return {outcome.about.name} if outcome.about.kind == "model" else set()


def in_order(stories: Iterable[Story]) -> list[Story]:
    """Stories as they are told: the heaviest first, one of lost score before others that are not twice as heavy."""
    left = sorted(stories, key=lambda s: (-s.weight, not s.of_score, s.title))
    told: list[Story] = []
    while left:
        near = (i for i, s in enumerate(left) if s.of_score and s.weight >= NEAR * left[0].weight)
        told.append(left.pop(next(near, 0)))
    return told


__all__ = ["in_order", "models_named", "weight_of"]
