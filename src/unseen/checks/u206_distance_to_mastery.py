"""U206: ratings of models, and what they lack to mastery."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from unseen.checks._irt import Grid, grid, rasch
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject, guarded
from unseen.checks.details.models import Rating
from unseen.errors import Undefined
from unseen.estimates import Estimate
from unseen.estimates.difficulty.rasch import RaschFit, ability_estimates
from unseen.estimates.models.ratings import CENTRE, POINTS, distance_to_mastery, mastery_ability

MASTERY = (0.5, 0.9, 0.99)
STATED = 0.9


class DistanceToMastery(Check):
    """Rates models and items jointly and measures the way to 90 % success."""

    code = "U206"
    title = "ratings and distance to mastery"
    question = "How far is each model from solving 90 % of such items?"
    null = "none: a rating"
    interest = "Context: how far each rating is from the one that 90 % success needs."
    method = (
        "Rating = 1500 + 173.7 · ability, in Elo points above the mean item; abilities by joint maximum "
        "likelihood with "
        "random item difficulties, which does not depend on the order of answers. Distance = rating at which the mean "
        "success over the items is 0.9, minus the rating. Normal interval, cluster-robust. Context, no finding."
    )
    assumptions = "Items stand for those that shall be mastered. Beyond what the data show, difficulty is normal."
    sources = (
        "Sun et al. (2025), AGI-Elo: how far are we from mastering a task?",
        "Bradley & Terry (1952), Rank analysis of incomplete block designs.",
    )
    example = "small-lm is rated 1310 [1280, 1340]: it lacks 620 [590, 650] points to 90 % success on these items."
    needs = ("responses", "several models")
    studies = ("agi-elo", "easy2hard-bench")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        g, model = grid(subject), rasch(subject)
        abilities = ability_estimates(model, settings.level)
        return [
            guarded(self, About("model", name), lambda m=m: self._judge(g, model, m, abilities[m], settings))
            for m, name in enumerate(g.models)
        ]

    def _judge(self, g: Grid, model: RaschFit, m: int, ability: Estimate | None, settings: Settings) -> Outcome:
        name = g.models[m]
        if ability is None:
            extreme = "all" if model.ability[m] > 0 else "none"
            raise Undefined(f"{name} solves {extreme} of the items, so that its rating has no finite value.")
        distance = distance_to_mastery(model, m, STATED, settings.level)
        success = float(model.mean_success([ability.value])[0])
        rating = [CENTRE + POINTS * x for x in (ability.value, ability.low, ability.high)]
        rated = f"{name} is rated {rating[0]:.0f} [{rating[1]:.0f}, {rating[2]:.0f}] (the mean item 1500)"
        common: dict[str, Any] = {
            "code": self.code, "about": About("model", name), "estimate": distance,
            "effect": max(0.0, STATED - success),
            "details": Rating(
                model=name, rating=rating[0], low=rating[1], high=rating[2], success=success,
                item_mean=CENTRE, item_spread=POINTS * model.spread,
                needed={str(s): CENTRE + POINTS * mastery_ability(model, s) for s in MASTERY},
            ),
        }  # fmt: skip
        reached = f"{rated}: within reach of 90 % success (it lacks {distance.format(0)} points).{g.note}"
        if distance.low > 0 and STATED - success >= settings.smallest_gap:
            times = math.exp(distance.value / POINTS)
            return Context(
                statement=f"{rated}: it lacks {distance.format(0)} points to 90 % success on such items.{g.note}",
                next_step=f"Its odds on an item must grow {times:,.0f}-fold: see U102 and U104 for where it fails "
                f"first.",
                **common,
            )
        return Context(statement=reached, next_step="Nothing to do.", **common)
