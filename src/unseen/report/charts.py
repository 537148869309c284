"""Which picture shows the findings of which check. A picture that can't be drawn falls back to plain intervals."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from unseen.report.picture import MAX_PICTURES, Draw, Finding, Picture, intervals

# Module and function that draw a check. Loaded on first use: a report without such a finding needs none of it.
HOMES = {
    "U003": "charts_gap:detectable",
    "U101": "charts_gap:seen_unseen",
    "U102": "charts_gap:factor_levels",
    "U103": "charts_gap:slices",
    "U104": "charts_gap:frontier",
    "U105": "charts_gap:valley",
    "U106": "charts_gap:over_time",
    "U107": "charts_gap:decomposition",
    "U108": "charts_gap:compounding",
    "U201": "charts_models:person_item_map",
    "U203": "charts_models:equated",
    "U204": "charts_models:by_difficulty",
    "U205": "charts_models:uninformative",
    "U206": "charts_models:ratings",
    "U302": "charts_models:mastery",
    "U401": "charts_models:variant_flips",
    "U501": "charts_models:variant_flips",
    "U502": "charts_gap:by_similarity",
    "U503": "charts_gap:at_cutoff",
    "U601": "charts_models:reliability",
    "U603": "charts_models:reliability",
    "U604": "charts_models:label_free",
    "U701": "charts_models:tiers",
    "U702": "charts_models:rank_flips",
    "U801": "charts_learner:domains",
    "U802": "charts_learner:extrapolation",
    "U803": "charts_learner:shortcuts",
    "U806": "charts_learner:validations",
    "U808": "charts_learner:claims",
}


def pictures(code: str, findings: Sequence[Finding]) -> list[Picture]:
    """The pictures of one check's findings (found and clear), at most six; never raises.

    Args:
        code: Code of the check.
        findings: Its entries in the document, the heaviest first.
    """
    drawn: list[Picture] = []
    if code in HOMES:
        drawn = _tried(_function(HOMES[code]), findings)
    if not drawn:
        drawn = _tried(_generic, findings)
    return drawn or _tried(intervals, findings)


def _generic(findings: Sequence[Finding]) -> list[Picture]:
    """Details that look like levels or a curve are drawn as such, whatever the check."""
    for key, home in (("levels", "charts_gap:factor_levels"), ("curve", "charts_models:reliability")):
        if any(key in f["details"] for f in findings):
            return _tried(_function(home), findings)
    return []


def _tried(draw: Draw, findings: Sequence[Finding]) -> list[Picture]:
    # A report must come out whatever a check (or a plug-in of a user) leaves in its details.
    drawn: list[Picture] = []
    try:
        for picture in draw(findings):
            drawn.append(picture)
            if len(drawn) == MAX_PICTURES:
                break
    except Exception:
        return drawn
    return drawn


def _function(home: str) -> Draw:
    module, name = home.split(":")
    return getattr(import_module(f"unseen.report.{module}"), name)
