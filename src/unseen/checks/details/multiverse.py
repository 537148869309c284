"""What an answer under many settings holds: the specification curve, and how much each choice moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unseen.checks.details.record import Details, Record


@dataclass(frozen=True, slots=True)
class Chosen(Record):
    """One choice.

    Attributes:
        name: What is chosen.
        choices: The ways, the one that was used first.
        moves: Share of the variance of the estimates that goes with it alone.
        decides: The same of whether the effect is found; None where that is the same everywhere.
        means: Mean estimate at each way.
    """

    name: str
    choices: tuple[str, ...]
    moves: float
    decides: float | None
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class UnderSetting(Record):
    """The answer under one setting.

    Attributes:
        at: Number of the way, for each choice.
        value: Estimate.
        low: Lower end.
        high: Upper end.
        found: Whether the effect is found.
    """

    at: tuple[int, ...]
    value: float
    low: float | None
    high: float | None
    found: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class OverSettings(Details):
    """One conclusion under all reasonable settings.

    Attributes:
        judged: Code of the check whose conclusion it is.
        model: What it is about.
        choices: What is chosen, what moves the estimates most first.
        curve: One row a setting that has an answer, by its estimate.
        used: Place of the settings that were used, in the curve; -1 where these have no answer.
        holds: Settings in which the conclusion of those that were used holds.
        found_in: Settings in which the effect is found.
        settings: Settings with an answer.
        unanswered: Settings without one.
        together: Share of the variance of the estimates that goes with several choices together.
        significant: Share of the settings whose gap is significant by itself, of the commoner sign; None where no null was drawn.
        p_significant: Chance of so large a share under the null.
        p_together: Chance of so large a mean z under the null.
        across: The smallest and the largest estimate.
        left_out: Choices that would have made too many settings.
    """

    judged: str
    model: str
    choices: tuple[Chosen, ...]
    curve: tuple[UnderSetting, ...]
    used: int
    holds: int
    found_in: int
    settings: int
    unanswered: int
    together: float
    significant: float | None
    p_significant: float | None
    p_together: float | None
    across: tuple[float, float]
    left_out: tuple[str, ...]
