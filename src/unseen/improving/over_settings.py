"""The honest gain under other reasonable ways to choose and to judge, from what was fitted already."""

from __future__ import annotations

from collections.abc import Mapping

from unseen.errors import Undefined
from unseen.estimates import Estimate
from unseen.estimates.multiverse.grid import Grid, Multiverse, explored
from unseen.improving.attempts import Candidate
from unseen.improving.gains import CRAFTED, IN_DOMAIN, Gains
from unseen.improving.worst import Judge

ALL, USUAL = "all that were tried", "the usual ones alone"


def over_settings(gains: Gains, bar: float) -> Multiverse | None:
    """The gain of the whole procedure under every combination of three choices; nothing is fitted anew.

    The choices: by which held-back rows remedies are chosen, whether the mean over held-out sets or the worst quarter of them
    decides, and whether each remedy is tried under all its settings or its usual ones. A setting under which the learner is left
    unchanged throughout has no gain to tell.

    Args:
        gains: What was fitted.
        bar: Gain that counts as help.
    """
    made = gains.design
    first = _usual(gains)
    judges: tuple[Judge, ...] = (
        ("mean",) if made.single else (gains.judge, "worst" if gains.judge == "mean" else "mean")
    )
    axes: dict[str, tuple[str, ...]] = {
        "validation": (made.validation, *(how for how in (CRAFTED, IN_DOMAIN) if how != made.validation)),
        "judge": judges,
        "settings of remedies": (ALL, USUAL) if len(first) < len(gains.candidates) else (ALL,),
    }
    grid = Grid.of({name: ways for name, ways in axes.items() if len(ways) > 1})

    def gained(setting: Mapping[str, str]) -> Estimate:
        judge: Judge = "worst" if setting.get("judge", judges[0]) == "worst" else "mean"
        candidates = first if setting.get("settings of remedies") == USUAL else gains.candidates
        own = Gains(made, gains.attempts, candidates, gains.level, judge, gains.dropped)
        found = own.gained([own.choose(fold, setting.get("validation", made.validation)) for fold in made.folds])
        if found.estimate is None:
            raise Undefined(found.reason)
        return found.estimate

    try:
        return explored(grid, gained, found=lambda e: e.low > 0 and e.value >= bar)
    except Undefined:
        return None


def _usual(gains: Gains) -> tuple[Candidate, ...]:
    """The first setting of each remedy."""
    kept: dict[str, Candidate] = {}
    for candidate in gains.candidates:
        kept.setdefault(candidate.remedy, candidate)
    return tuple(kept.values())


__all__ = ["over_settings"]
