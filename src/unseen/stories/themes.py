"""Stories of findings that blame no rows of the table: one a theme."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from unseen.auditing import AuditResult
from unseen.checks.base import Found, Outcome
from unseen.stories.scores import ScoreTable
from unseen.stories.told import Story


@dataclass(frozen=True, slots=True)
class Theme:
    """Checks that speak of one thing.

    Attributes:
        title: What their findings come to, in a few words.
        codes: Prefixes of the checks.
    """

    title: str
    codes: tuple[str, ...]


# Tried in this order; a finding joins the first theme that names its check.
THEMES = (
    Theme("Scores fall with what is asked", ("U101", "U102", "U103", "U104", "U105", "U106", "U107", "U108", "U303")),
    Theme("Parts right, whole wrong", ("U301", "U302")),
    Theme("Worse on rewritten items", ("U401", "U501")),
    Theme("Confidence misses the share of right answers", ("U601", "U603")),
    Theme("Confidence does not tell right from wrong", ("U602",)),
    Theme("Loses on domains that were held out", ("U801", "U802", "U803", "U804", "U805", "U806", "U807")),
)


def by_theme(result: AuditResult, found: Iterable[int], scores: ScoreTable | None) -> list[Story]:
    """One story a theme, the heaviest first, of the findings at these positions."""
    grouped: dict[Theme, list[int]] = {}
    for i in found:
        theme = next((t for t in THEMES if result.outcomes[i].code.startswith(t.codes)), None)
        if theme is not None:
            grouped.setdefault(theme, []).append(i)
    stories = [_story(result, theme, positions, scores) for theme, positions in grouped.items()]
    return sorted(stories, key=lambda s: (-s.weight, s.title))


def _story(result: AuditResult, theme: Theme, positions: list[int], scores: ScoreTable | None) -> Story:
    ordered = sorted(positions, key=lambda i: (-result.weight(i), i))
    first = result.outcomes[ordered[0]]
    models = models_of((result.outcomes[i] for i in ordered), scores)
    return Story(
        title=theme.title,
        sentence=first.statement,
        figure="" if first.estimate is None else first.estimate.format(2),
        models=models,
        of_models=0 if scores is None else len(scores),
        condition=None,
        effect=None,
        share=None,
        lost=None,
        findings=tuple(ordered),
        codes=tuple(sorted({result.outcomes[i].code for i in ordered})),
        weight=sum(result.weight(i) for i in ordered),
        next_step=first.next_step,
    )


def models_of(outcomes: Iterable[Outcome], scores: ScoreTable | None) -> tuple[str, ...]:
    """The models that findings are about, in the order of the score table."""
    named: set[str] = set()
    for o in outcomes:
        if isinstance(o, Found) and o.blames is not None:
            named |= set(o.blames.models)
        elif "model" in o.details:
            named.add(str(o.details["model"]))
        elif o.about.kind == "model":
            named.add(o.about.name)
    if scores is None:
        return tuple(sorted(named))
    return tuple(row.model for row in scores.rows if row.model in named)


__all__ = ["by_theme", "models_of"]
