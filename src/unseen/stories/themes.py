"""Stories of findings that blame no rows of the table: one a theme."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from unseen.auditing import AuditResult
from unseen.checks._unit import Unit
from unseen.checks.base import Found, Outcome
from unseen.checks.details.learner import HeldOutDomain
from unseen.checks.details.models import TwoRankings
from unseen.checks.u702_ranking_flips import order_told
from unseen.stories.scores import PLAIN, ScoreTable
from unseen.stories.sentences import who
from unseen.stories.told import Story
from unseen.stories.weights import models_named, weight_of


@dataclass(frozen=True, slots=True)
class Theme:
    """Checks that speak of one thing.

    Attributes:
        title: What their findings come to, in a few words.
        codes: Prefixes of the checks.
        of_score: Whether they measure lost score.
        of_loss: The title where users know scores as a loss and nothing is right or wrong; else the same, with its word.
    """

    title: str
    codes: tuple[str, ...]
    of_score: bool = True
    of_loss: str = ""

    def told(self, unit: Unit) -> str:
        """The title in the words of the score.

        >>> Theme("Parts right", ("U301",), of_loss="Parts solved").told(Unit(name="error", perfect=0.0))
        'Parts solved'
        """
        return (self.of_loss if unit.lower else "") or unit.titled(self.title)


# Where the order of two models flips, one of them stays behind the other on a side.
FLIPS = Theme("The order of models flips", ("U702",), of_score=False)
BEHIND = "U203"
FORMS = Theme("Answers change with how a question is put", ("U402", "U403", "U404", "U405"), of_score=False)

# Tried in this order; a finding joins the first theme that names its check.
THEMES = (
    Theme(
        "Scores fall with what is asked",
        ("U101", "U102", "U103", "U104", "U105", "U106", "U107", "U108", "U303"),
        of_loss="Answers get worse with what is asked",
    ),
    Theme("Parts right, whole wrong", ("U301", "U302"), of_score=False, of_loss="Parts solved, whole unsolved"),
    Theme(
        "Right answers rest on invalid steps", ("U304",), of_score=False, of_loss="Good answers rest on invalid steps"
    ),
    Theme("Several constraints cost more than each alone", ("U406",), of_score=False),
    Theme("Worse on rewritten items", ("U401", "U501")),
    FORMS,
    FLIPS,
    Theme("Stays behind other models", ("U203",), of_score=False),
    Theme("Confidence does not match the score", ("U601", "U603"), of_score=False),
    Theme(
        "Confidence can't tell right from wrong",
        ("U602",),
        of_score=False,
        of_loss="Confidence can't tell good from bad",
    ),
    Theme("Abstains too little on what it has not seen", ("U607",), of_score=False),
    Theme("Does not know what it knows", ("U605", "U606"), of_score=False),
    Theme("Learns the noise of its training labels by heart", ("U805",), of_score=False),
    Theme("Validation misleads about what was held out", ("U806",), of_score=False),
    Theme("Loses on domains that were held out", ("U801", "U802", "U803", "U804", "U807")),
)


def by_theme(
    result: AuditResult, found: Iterable[int], scores: ScoreTable | None, *, of_forms: Container[int] = ()
) -> list[Story]:
    """One story a theme of the findings at these positions.

    Args:
        result: The audit.
        found: Positions of findings.
        scores: Its scores.
        of_forms: Those of them that tell in scores what changes with the form of a question, whatever their check.
    """
    grouped: dict[Theme, list[int]] = {}
    found = list(found)
    flip = any(result.outcomes[i].code in FLIPS.codes for i in found)
    for i in found:
        theme = next((t for t in THEMES if result.outcomes[i].code.startswith(t.codes)), None)
        theme = FLIPS if flip and result.outcomes[i].code == BEHIND else theme
        theme = FORMS if i in of_forms else theme
        if theme is not None:
            grouped.setdefault(theme, []).append(i)
    return [_story(result, theme, positions, scores) for theme, positions in grouped.items()]


def _story(result: AuditResult, theme: Theme, positions: list[int], scores: ScoreTable | None) -> Story:
    ordered = sorted(
        positions, key=lambda i: (not result.outcomes[i].code.startswith(theme.codes), -result.weight(i), i)
    )
    first = _lead([result.outcomes[i] for i in ordered])
    models = models_of((result.outcomes[i] for i in ordered), scores)
    of_models = 0 if scores is None else len(scores)
    own = [result.outcomes[i] for i in ordered]
    of_several, figure = over_models(first, own, of_models)
    domains = over_domains(own, result.outcomes)
    if domains and first.code == "U801":
        figure = domains[1]
    claim = of_several or _claim(first, scores)
    said = claim if isinstance(first.details, TwoRankings) else first.statement
    if of_several and first.estimate is not None:
        said = f"{of_several} {min(models_named(first))}: {first.estimate.format(2)}."
    return Story(
        title=theme.told(PLAIN if scores is None else scores.unit),
        sentence=f"{said} {domains[0]}" if domains else said,
        figure=figure,
        models=models,
        of_models=of_models,
        condition=None,
        effect=None,
        share=None,
        lost=None,
        findings=tuple(ordered),
        codes=tuple(sorted({result.outcomes[i].code for i in ordered})),
        weight=weight_of(result, ordered),
        next_step=first.next_step,
        claim=claim,
        of_score=theme.of_score,
    )


def _claim(first: Outcome, scores: ScoreTable | None) -> str:
    """What the heaviest finding says, short enough to open the report with."""
    if isinstance(first.details, TwoRankings):
        size = "" if first.estimate is None else f"; {first.estimate.format(2)} or more on either side"
        return f"{order_told(first.details, PLAIN if scores is None else scores.unit)}{size}."
    # What stands behind a semicolon explains the number before it.
    return f"{_clause(first.statement).rstrip('.')}."


def _clause(text: str) -> str:
    """A sentence up to its first semicolon that stands in no bracket.

    >>> _clause("31 % of cases (24 items; most by typos), so that it is wrong; the rest is below.")
    '31 % of cases (24 items; most by typos), so that it is wrong'
    """
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and text.startswith("; ", place):
            return text[:place]
    return text


def _lead(outcomes: Sequence[Outcome]) -> Outcome:
    """The heaviest finding of the quantity that is found of most models."""
    models: dict[tuple[str, str], set[str]] = {}
    for o in outcomes:
        if isinstance(o, Found) and o.shared:
            models.setdefault((o.code, o.shared), set()).update(models_named(o))
    return max(outcomes, key=lambda o: len(models.get((o.code, o.shared), ())) if isinstance(o, Found) else 0)


def over_models(lead: Outcome, outcomes: Sequence[Outcome], of_models: int) -> tuple[str, str]:
    """What a finding says, of all models of which the same quantity is found.

    Args:
        lead: The finding.
        outcomes: Findings of one theme, the heaviest first, this one among them.
        of_models: Number of models in the audit.

    Returns:
        A sentence ("" for one model), and the range over models or the estimate of the one model.
    """
    values = _alike(lead, outcomes)
    if not isinstance(lead, Found) or len(values) < 2:
        return "", "" if lead.estimate is None else lead.estimate.format(2)
    told = _from_to(values.values())
    return f"{who(list(values), of_models)}: {lead.shared.replace('{}', told, 1)}.", told


def _alike(one: Outcome, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """What is found of each model that is the same quantity; of several findings of a model the heaviest, which comes first."""
    if not isinstance(one, Found) or not one.shared:
        return {}
    return {
        min(models_named(o)): o.estimate.value for o in reversed(outcomes)
        if isinstance(o, Found) and (o.code, o.shared) == (one.code, one.shared) and o.estimate is not None
        and len(models_named(o)) == 1
    }  # fmt: skip


def over_domains(found: Iterable[Outcome], judged: Iterable[Outcome]) -> tuple[str, str] | None:
    """What domains lose by not being seen, all that were judged, in a sentence and in short; None below two.

    Those that are found alone would speak of the large losses only.

    Args:
        found: Findings of one theme.
        judged: All outcomes of the audit; domains of other learners or shifts are left aside.
    """
    lost = {o.about.name: _shift_of(o) for o in found if isinstance(o.details, HeldOutDomain)}
    shifts = set(lost.values())
    each = {
        o.about.name: o.estimate.value for o in judged
        if isinstance(o.details, HeldOutDomain) and o.estimate is not None and _shift_of(o) in shifts
    }  # fmt: skip
    if not lost or len(each) < 2:
        return None
    told = _from_to(each.values())
    if len(lost) == len(each):
        return f"All {len(each)} held-out domains lose by not being seen: {told}.", told
    verb = "is" if len(lost) == 1 else "are"
    said = (
        f"{len(lost)} of {len(each)} held-out domains {verb} found to lose by not being seen; the estimates of all "
        f"{len(each)} run from {told}."
    )
    return said, f"{told} ({len(lost)} of {len(each)})"


def _shift_of(outcome: Outcome) -> str:
    """The learner and the shift that an outcome on a held-out domain is about."""
    details = outcome.details
    return details.about.model if isinstance(details, HeldOutDomain) and details.about is not None else ""


def _from_to(values: Iterable[float]) -> str:
    """The least and the most, as one number where they read the same."""
    ordered = sorted(values)
    low, high = f"{ordered[0]:.2f}", f"{ordered[-1]:.2f}"
    return low if low == high else f"{low} to {high}"


def models_of(outcomes: Iterable[Outcome], scores: ScoreTable | None) -> tuple[str, ...]:
    """The models that findings are about, in the order of the score table."""
    named = set[str]()
    for outcome in outcomes:
        named |= set(outcome.details.pair) if isinstance(outcome.details, TwoRankings) else models_named(outcome)
    if scores is None:
        return tuple(sorted(named))
    return tuple(row.model for row in scores.rows if row.model in named)


__all__ = ["by_theme", "models_of", "over_domains", "over_models"]
