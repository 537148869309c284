"""How heavy a story is, and which one leads.

A story is one cause: however many checks tell of it, each model bears it once, with the heaviest of its findings. A
finding weighs what it costs over all rows of a model: its effect, times its certainty, times the share of the rows that it
blames. So a small loss on every row and a large one on a few are on one scale, and beside each other: by the planted causes of
``benchmarks/verdicts.py`` the verdict then names what costs a reader more in nine tables of ten. Stories of lost score are in
the unit that was asked about; of two that cost nearly the same they go first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from unseen.auditing import AuditResult
from unseen.checks.base import Found, Outcome, Subject
from unseen.checks.blame import Condition
from unseen.stories.told import Story

# A story of lost score with at least this part of the weight of another kind goes before it: beside over-confidence and
# beside wholes whose parts are right, and rewording, the verdict names the costlier cause in 0.88, 0.91 and 0.92 of 843 tables
# at 0.7, 0.8 and 0.9 (0.91 at 1).
NEAR = 0.8


def weight_of(result: AuditResult, positions: Iterable[int]) -> float:
    """Weight of findings that one cause explains: over models the sum of the heaviest finding of each.

    A finding that names none of the models, as on a domain of a learner, is about all of them at once.
    """
    answers = result.subject.responses
    models = None if answers is None else set(answers.models)
    each: dict[str, float] = {}
    for i in positions:
        weight, outcome = float(result.weight(i)), result.outcomes[i]
        named, shares = models_named(outcome), shares_blamed(result.subject, outcome)
        for name in (named if models is None else named & models) or {""}:
            each[name] = max(each.get(name, 0.0), weight * shares.get(name, 1.0))
    unnamed = each.pop("", 0.0)
    return max(sum(each.values()), unnamed)


def shares_blamed(subject: Subject, outcome: Outcome) -> Mapping[str, float]:
    """Share of the labelled rows of each model on which the effect of a finding is lost; no entry where it blames no rows.

    What is lost in part on each of the rows counts for as many rows fewer. The entry "" is the share of all models together.
    """
    blame = outcome.blames if isinstance(outcome, Found) else None
    if blame is None or subject.responses is None or blame.condition is None:
        return {}
    return {name: blame.part * share for name, share in _shares(subject, blame.condition).items()}


def _shares(subject: Subject, condition: Condition) -> dict[str, float]:
    return subject.shared(f"rows blamed/{condition!r}", lambda: _share_by_model(subject, condition))


def _share_by_model(subject: Subject, condition: Condition) -> dict[str, float]:
    answers = subject.answers
    codes, size = answers.codes("model"), len(answers.codes("model").levels)
    rows = np.bincount(codes.codes, minlength=size)
    inside = np.bincount(codes.codes, weights=condition.mask(answers), minlength=size)
    each = {str(m): float(k / n) for m, k, n in zip(codes.levels, inside, rows, strict=True) if n}
    return {**each, "": float(inside.sum() / max(rows.sum(), 1))}


def models_named(outcome: Outcome) -> set[str]:
    """The models that an outcome is about."""
    if isinstance(outcome, Found) and outcome.blames is not None:
        return set(outcome.blames.models)
    if "model" in outcome.details:
        return {str(outcome.details["model"])}
    return {outcome.about.name} if outcome.about.kind == "model" else set()


def in_order(stories: Iterable[Story]) -> list[Story]:
    """Stories as they are told: the heaviest first, one of lost score before others that weigh about as much."""
    left = sorted(stories, key=lambda s: (-s.weight, not s.of_score, s.title))
    told: list[Story] = []
    while left:
        near = (i for i, s in enumerate(left) if s.of_score and s.weight >= NEAR * left[0].weight)
        told.append(left.pop(next(near, 0)))
    return told


__all__ = ["in_order", "models_named", "shares_blamed", "weight_of"]
