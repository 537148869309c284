"""Which picture shows which kind of details. A picture that can't be drawn falls back to plain intervals."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from unseen.checks import details
from unseen.checks.details import Details, confidence, gaps, learner, models, multiverse, network
from unseen.report.picture import MAX_PICTURES, Draw, Finding, Picture, Shown, intervals

# Module and function that draw a kind, in the order in which pictures of several kinds stand. Loaded on first use: a
# report without such a finding needs none of it.
DRAWN: dict[type[Details], str] = {
    gaps.Detectable: "charts_gap:detectable",
    gaps.SidesCompared: "charts_gap:seen_unseen",
    gaps.FactorLevels: "charts_gap:factor_levels",
    gaps.Levels: "charts_gap:factor_levels",
    gaps.SlicesBelow: "charts_gap:slices",
    gaps.Frontier: "charts_gap:frontier",
    gaps.GapPeak: "charts_gap:valley",
    gaps.OverTime: "charts_gap:over_time",
    gaps.AtCutoff: "charts_gap:at_cutoff",
    gaps.DropInParts: "charts_gap:decomposition",
    gaps.Compounding: "charts_gap:compounding",
    gaps.BySimilarity: "charts_gap:by_similarity",
    models.AbilityScale: "charts_models:person_item_map",
    models.ExtraLoss: "charts_models:extra_loss",
    models.ExtraLosses: "charts_models:extra_losses",
    models.ByDifficulty: "charts_models:by_difficulty",
    models.SolvedByAll: "charts_models:uninformative",
    models.Rating: "charts_models:ratings",
    models.Profiles: "charts_models:mastery",
    models.StepsBehind: "charts_models:steps_behind",
    models.ByConstraints: "charts_models:by_constraints",
    models.Flips: "charts_models:variant_flips",
    models.TwoRankings: "charts_ranks:two_rankings",
    models.PlacesOfOptions: "charts_models:places_of_options",
    models.Disagreeing: "charts_models:rewrites",
    models.PairDifferences: "charts_models:tiers",
    confidence.Calibration: "charts_models:reliability",
    confidence.CalibrationMoved: "charts_models:reliability",
    confidence.ReliabilityCurve: "charts_models:reliability",
    confidence.Abstaining: "charts_models:abstaining",
    confidence.LabelFree: "charts_models:label_free",
    confidence.FewLabels: "charts_models:label_free",
    learner.DomainsHeldOut: "charts_learner:domains",
    learner.Extrapolated: "charts_learner:extrapolation",
    learner.ShuffledColumns: "charts_learner:shortcuts",
    learner.Validations: "charts_learner:validations",
    learner.ClaimedDomains: "charts_learner:claims",
    network.Foretold: "charts_network:orders",
    network.Margins: "charts_network:margins",
    multiverse.OverSettings: "charts_multiverse:curves",
    network.Limited: "charts_network:bounds",
    network.Carrying: "charts_network:circuits",
    network.Asked: "charts_network:bits",
}
# Kinds whose estimates, as rows of intervals, are their picture.
BY_INTERVALS = (learner.HeldOutDomain, learner.DomainsBehind, learner.ClaimedRows)

# These show the first findings, one a picture: of a check with hundreds no more need be read.
ONE_EACH = frozenset({
    "charts_gap:valley", "charts_gap:over_time", "charts_gap:compounding", "charts_gap:decomposition",
    "charts_gap:by_similarity", "charts_models:abstaining", "charts_models:label_free",
})  # fmt: skip


def pictures(findings: Sequence[Finding]) -> list[Picture]:
    """The pictures of one check's findings (found and clear), at most six; never raises.

    Args:
        findings: Its entries in the document, the heaviest first.
    """
    return own_pictures(findings) or _tried(intervals, findings)


def own_pictures(findings: Sequence[Finding]) -> list[Picture]:
    """The same, where a kind has a picture of its own; else none."""
    by_home: dict[str, list[Shown[Details]]] = {}
    by_intervals, enough = False, set[frozenset[str]]()
    for finding in findings:
        keys = frozenset(finding["details"])
        if keys in enough:
            continue
        kind = details.read(finding["details"])
        if kind is None:
            continue
        by_intervals |= isinstance(kind, BY_INTERVALS)
        home = home_of(type(kind))
        if home is not None:
            own = by_home.setdefault(home, [])
            own.append(Shown(finding, kind))
            if home in ONE_EACH and len(own) >= MAX_PICTURES:
                enough.add(keys)
    homes = [home for home in dict.fromkeys(DRAWN.values()) if home in by_home]
    drawn = [p for home in homes for p in _tried(_function(home), by_home[home])][:MAX_PICTURES]
    return drawn or (_tried(intervals, findings) if homes or by_intervals else [])


def home_of(kind: type[Details]) -> str | None:
    """Module and function that draw a kind; None where it has no picture of its own."""
    return next((DRAWN[own] for own in kind.__mro__ if own in DRAWN), None)


def _tried(draw: Any, findings: Sequence[Any]) -> list[Picture]:
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
