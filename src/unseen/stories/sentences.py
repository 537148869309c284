"""Stories in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unseen.checks.blame import Condition
from unseen.plain_text import brief
from unseen.stories.amounts import Amounts
from unseen.stories.scores import PLAIN, Unit

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# A part of the loss below this share of it is not told.
LEAST = 0.1


def who(models: Sequence[str], of_models: int) -> str:
    """The models of a story as the subject of a sentence.

    >>> who(["a"], 1), who(["a", "b"], 2), who(["a", "b", "c"], 3), who(["a", "b"], 4)
    ('a', 'Both models', 'All three models', '2 of 4 models')
    >>> who(["a"], 4)
    'a (1 of 4 models)'
    """
    if of_models <= 1:
        return models[0] if models else "The model"
    if len(models) == 1:
        return f"{models[0]} (1 of {of_models} models)"
    if len(models) == of_models:
        return "Both models" if of_models == 2 else f"All {in_words(of_models)} models"
    return f"{len(models)} of {of_models} models"


def where(condition: Condition) -> str:
    """The rows of a story, as they follow a verb."""
    kinds = [term.kind for term in condition.terms]
    if kinds == ["split"]:
        return f"on {condition}"
    if kinds == ["variant"]:
        return "on rewritten items"
    return f"{'where' if len(kinds) - kinds.count('split') > 1 else 'at'} {condition}"


def fails(of: Amounts, unit: Unit) -> bool:
    """Whether less than half of the score elsewhere is left; an error, or a score without a lowest value, never fails."""
    low = unit.low
    return not unit.lower and low is not None and of.elsewhere > low and (of.there - low) < (of.elsewhere - low) / 2


def title(condition: Condition, of: Amounts, unit: Unit) -> str:
    """A story in a few words."""
    said = f"Higher {unit.name}" if unit.lower else "Fails" if fails(of, unit) else "Lower"
    return f"{said} {where(condition)}"


def claim(
    condition: Condition, of: Amounts, models: Sequence[str], of_models: int, unit: Unit, held: Sequence[str]
) -> str:
    """What a story says, in one sentence: who, where, how much.

    Args:
        condition: The rows.
        of: What they come to.
        models: Its models.
        of_models: Number of models in the audit.
        unit: What users know a score as.
        held: Columns of other stories that were held equal.
    """
    one = len(models) == 1
    if unit.lower:
        verb = f"{'has' if one else 'have'} a higher {unit.name}"
    else:
        verb = ("fails" if one else "fail") if fails(of, unit) else ("scores lower" if one else "score lower")
    at = where(condition)
    said = f"{who(models, of_models)} {verb} {at}"
    if math.isfinite(of.there) and math.isfinite(of.elsewhere):
        base = "on their originals" if at == "on rewritten items" else "elsewhere"
        said += f": {unit.shown(of.elsewhere):.2f} {base}, {unit.shown(of.there):.2f} there"
    if of.effect is not None:
        named = list(dict.fromkeys(held))
        given = "" if not named else f" at equal {_joined(named)}" if len(named) < 3 else " with other things equal"
        said += f"; {of.effect.format(2)} {_less(unit)}{given}"
    return f"{said}."


def carried(condition: Condition, of: Amounts, unit: Unit = PLAIN) -> str:
    """The part of the loss that a story carries, in a sentence; empty where it is not worth one.

    The part is that of all levels of the story's columns, of which its condition is the worst.
    """
    if not carries(of) or of.share is None or of.lost is None:
        return ""
    columns = [] if "split" in condition.columns else list(condition.columns)
    what = f"{_joined(columns)} {'carries' if len(columns) == 1 else 'carry'}" if columns else "This carries"
    part = "all" if of.share.value >= of.lost.value else of.share.format(2)
    lost = f"rise of {of.lost.value:.2f}" if unit.lower else f"{of.lost.value:.2f} lost"
    return f"{what} {part} of the {lost} from seen to unseen."


def carries(of: Amounts) -> bool:
    """Whether the rows carry a part of the loss that is worth a word."""
    return of.share is not None and of.lost is not None and of.share.low > 0 and of.share.value >= LEAST * of.lost.value


def figure(of: Amounts, unit: Unit = PLAIN) -> str:
    """The numbers in short."""
    if carries(of) and of.share is not None and of.lost is not None:
        part = "all" if of.share.value >= of.lost.value else f"{of.share.value:.2f}"
        return f"{part} of {of.lost.value:.2f} {'rise' if unit.lower else 'lost'}"
    return "" if of.effect is None else f"{brief(of.effect.value, of.effect.low, of.effect.high)} {_less(unit)}"


def _less(unit: Unit) -> str:
    return "higher" if unit.lower else "lower"


def next_step(condition: Condition, models: Sequence[str]) -> str:
    """What to do about a story."""
    these = "this model" if len(models) == 1 else "these models"
    kinds = [term.kind for term in condition.terms]
    if kinds == ["split"]:
        return f"Find what sets unseen rows apart: add columns that describe the items before using {these} there."
    if kinds == ["variant"]:
        return "Report the worst form of each question beside the mean; train or prompt over several forms."
    named = Condition(tuple(term for term in condition.terms if term.kind != "split"))
    sides = "".join(f"{side} " for term in condition.terms if term.kind == "split" for side in term.levels)
    return f"Test or train on {sides}items with {named} before using {these} there."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def in_words(n: int) -> str:
    """A small number as a word.

    >>> in_words(4), in_words(1200)
    ('four', '1,200')
    """
    return NUMBERS[n] if n < len(NUMBERS) else f"{n:,}"


__all__ = ["carried", "carries", "claim", "fails", "figure", "next_step", "title", "where", "who"]
