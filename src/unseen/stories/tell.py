"""From the outcomes of an audit to what is told of it."""

from __future__ import annotations

from collections.abc import Sequence

from unseen.auditing import AuditResult
from unseen.checks.base import Found
from unseen.stories.amounts import Amounts, amounts, halves
from unseen.stories.cover import Cause, blame_of, causes, conditions_of
from unseen.stories.ground import Ground
from unseen.stories.scores import RATING, ScoreTable, score_table
from unseen.stories.sentences import carried, claim, figure, next_step, title
from unseen.stories.themes import by_theme
from unseen.stories.told import Story, Telling
from unseen.stories.verdict import verdict
from unseen.stories.weights import in_order, models_named, weight_of

# Where the right option stands, as probes write it.
KEY_PLACE = "key_position"


def tell(result: AuditResult) -> Telling:
    """The verdict, the scores, the stories and what no story holds.

    Nothing is tested here: stories are made of what was found, and no finding is added or taken away.
    """
    scores = score_table(result)
    found = [i for i, o in enumerate(result.outcomes) if isinstance(o, Found)]
    stories = _of_rows(result, found, scores) if scores is not None and scores.measure != RATING else []
    of_places = [story for story in stories if _of_places(story, result, found)]
    stories = [story for story in stories if story not in of_places]
    held = {i for story in stories for i in story.findings}
    joined = {i for story in of_places for i in story.findings}
    stories += by_theme(result, [i for i in found if i not in held], scores, of_forms=joined)
    stories = in_order(stories)
    held = {i for story in stories for i in story.findings}
    return Telling(verdict(result, stories), scores, tuple(stories), tuple(i for i in found if i not in held))


def _of_places(story: Story, result: AuditResult, found: Sequence[int]) -> bool:
    """Whether a story is that scores go with the place of the right option, of models whose choices are found to go with it."""
    if story.condition is None or story.condition.columns != (KEY_PLACE,):
        return False
    moved = {m for i in found if result.outcomes[i].code == "U402" for m in models_named(result.outcomes[i])}
    return bool(moved & set(story.models))


def _of_rows(result: AuditResult, found: Sequence[int], scores: ScoreTable) -> list[Story]:
    ground = Ground.of(result.subject, conditions_of(result, found))
    known = causes(result, found, ground)
    others = {id(c): [o for o in known if o is not c] for c in known}
    searched = [causes(result, found, ground.where(half)) for half in halves(ground, result.settings)] if known else []
    measured = [(c, amounts(c, others[id(c)], ground, result.settings, searched)) for c in known]
    _move_sides(result, measured)
    return [
        _story(result, cause, of, [o for o in others[id(cause)] if o.models & cause.models], scores)
        for cause, of in measured
        if cause.positions and not _above_alone(cause, of)
    ]


def _above_alone(cause: Cause, of: Amounts) -> bool:
    """Whether a model only stays behind others on the rows: where these gain there, its own score need not be lower."""
    lower = of.effect is not None and of.effect.low > 0
    return not lower and all(case.blame.measure == "excess" for case in cause.cases)


def _move_sides(result: AuditResult, measured: Sequence[tuple[Cause, Amounts]]) -> None:
    """The loss from seen to unseen is told under the story that carries most of it, not under the last that explains it."""
    carried = [(of.share.value, cause) for cause, of in measured if of.share is not None and of.share.low > 0]
    if not carried:
        return
    most = max(carried, key=lambda pair: pair[0])[1]
    for cause, _ in measured:
        for position in list(cause.positions):
            blame = blame_of(result.outcomes[position])
            model = blame.models[0] if blame and blame.models else ""
            side = blame is not None and blame.condition is not None and blame.condition.columns == ("split",)
            if side and cause is not most and model in most.models and len(cause.positions) > 1:
                cause.positions.remove(position)
                most.positions.append(position)


def _story(result: AuditResult, cause: Cause, of: Amounts, beside: Sequence[Cause], scores: ScoreTable) -> Story:
    ordered = sorted(set(cause.positions), key=lambda i: (-result.weight(i), i))
    models = tuple(row.model for row in scores.rows if row.model in cause.models)
    held = [column for o in beside for column in o.condition.columns]
    said = claim(cause.condition, of, models, len(scores), scores.unit, held)
    return Story(
        title=title(cause.condition, of, scores.unit),
        sentence=f"{said} {carried(cause.condition, of, scores.unit)}".strip(),
        figure=figure(of, scores.unit),
        models=models,
        of_models=len(scores),
        condition=cause.condition,
        effect=of.effect,
        share=of.share,
        lost=of.lost,
        findings=tuple(ordered),
        codes=tuple(sorted({result.outcomes[i].code for i in ordered})),
        weight=weight_of(result, ordered),
        next_step=next_step(cause.condition, models),
        claim=said,
    )


__all__ = ["tell"]
