"""Verdicts by rule, from a plan and stored measurements; nothing else plays a part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from unseen.atlas.intervals import Mean, mean_over_seeds, seeds_for
from unseen.atlas.plan import Measurement, Part
from unseen.errors import TooFewUnits, Undefined

Verdict = Literal[
    "supported", "supported in part", "weaker than claimed", "contradicted", "seen here", "seen here in part",
    "not seen here", "inconclusive", "not testable here",
]  # fmt: skip
VERDICTS: tuple[Verdict, ...] = (
    "supported", "supported in part", "seen here", "seen here in part", "weaker than claimed", "contradicted",
    "not seen here", "inconclusive", "not testable here",
)  # fmt: skip
LEVEL = 0.95
PROXY_WORDS: dict[str, Verdict] = {
    "supported": "seen here", "supported in part": "seen here in part", "contradicted": "not seen here",
}  # fmt: skip
# The weaker of two headlines decides.
STRENGTH = ("contradicted", "inconclusive", "weaker than claimed", "supported")


def measurements_of(stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Measurement]]:
    """Stored measurements with shares as pairs.

    Raises:
        Undefined: Something is no number.
    """
    try:
        return [
            {k: (float(v[0]), int(v[1])) if isinstance(v, list | tuple) else float(v) for k, v in seed.items()}
            for seed in stored
        ]
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise Undefined(f"the measurements are no numbers ({error}).") from None


def judged(plan: Mapping[str, Any], measurements: Sequence[Mapping[str, Measurement]]) -> dict[str, Any]:
    """Verdict on a claim, with every part and sweep.

    Args:
        plan: As ``Study.plan`` gives it.
        measurements: One mapping a seed.

    Returns:
        ``verdict``, ``why`` (a sentence), ``effect`` (of the headline that decides), ``parts`` and ``sweeps`` as plain data.
    """
    parts = [Part.from_dict(p) for p in plan["parts"]]
    means, found = dict[str, Mean](), list[dict[str, Any]]()
    for part in parts:
        mean, problem = _mean(part, measurements)
        if mean is not None:
            means[part.quantity] = mean
        found.append(_shown(part, mean, problem, measurements))
    sweeps = [_swept(sweep, parts, measurements) for sweep in plan["sweeps"]]
    _decide(parts, means, found)
    for sweep in sweeps:
        if sweep["changes"]:
            part = next(p for p in found if p["quantity"] == sweep["part"])
            part["state"], part["problem"] = "inconclusive", f"its sign changes over {sweep['name']}"
    _withhold(found)
    verdict, why = _verdict(plan, parts, means, found)
    return {
        "verdict": verdict, "why": why, "effect": deciding(found)["estimate"], "parts": found, "sweeps": sweeps,
    }  # fmt: skip


def deciding(parts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The headline that decides, among judged parts: the weakest, and of equals the first.

    >>> parts = [{"role": "headline", "state": s, "quantity": s[0]} for s in ("supported", "inconclusive")]
    >>> deciding(parts)["quantity"]
    'i'
    """
    return min((p for p in parts if p["role"] == "headline"), key=lambda p: STRENGTH.index(p["state"]))


def _mean(part: Part, measurements: Sequence[Mapping[str, Measurement]]) -> tuple[Mean | None, str | None]:
    missing = [i for i, m in enumerate(measurements) if part.quantity not in m]
    if missing:
        return None, f"not measured in {len(missing)} of {len(measurements)} seeds"
    values = [m[part.quantity] for m in measurements]
    points = [v[0] if isinstance(v, tuple) else v for v in values]
    low, high = part.within
    outside = next((p for p in points if not low <= p <= high), None)
    if outside is not None:
        return None, f"a seed gave {outside:g}, which the plan says can't be ({low:g} to {high:g})"
    try:
        return mean_over_seeds(values, part.scale), None
    except (TooFewUnits, Undefined) as error:
        return None, str(error)


def _shown(
    part: Part, mean: Mean | None, problem: str | None, measurements: Sequence[Mapping[str, Measurement]]
) -> dict[str, Any]:
    estimate = None
    if mean is not None:
        try:
            estimate = mean.estimate(LEVEL).to_dict()
        except Undefined as error:
            value = math.exp(mean.value) if part.scale == "log" else mean.value
            problem = str(error)
            if not part.decides:
                # A gate that all seeds pass with the same number is passed.
                estimate = {"value": value, "low": value, "high": value, "level": LEVEL, "units": mean.seeds,
                            "method": "the same in all seeds"}  # fmt: skip
    values = [m.get(part.quantity) for m in measurements]
    return {
        **part.to_dict(), "estimate": estimate, "problem": problem, "state": "inconclusive",
        "seeds": [v[0] if isinstance(v, tuple) else v for v in values],
    }  # fmt: skip


def _decide(parts: Sequence[Part], means: Mapping[str, Mean], found: Sequence[dict[str, Any]]) -> None:
    """State of each part: headlines by Holm among themselves, all others by their own interval."""
    headlines = [p for p in parts if p.role == "headline"]
    for word, on_claimed in (("supported", True), ("contradicted", False)):
        p_values = {
            p.quantity: _p(p, means.get(p.quantity), p.claimed if on_claimed else p.refuted, on_claimed)
            for p in headlines
        }
        for quantity in _holm(p_values):
            next(f for f in found if f["quantity"] == quantity)["state"] = word
    for part, shown in zip(parts, found, strict=True):
        mean, estimate = means.get(part.quantity), shown["estimate"]
        if mean is None or estimate is None:
            continue
        beyond = _p(part, mean, part.claimed, True) < 1 - LEVEL
        against = _p(part, mean, part.refuted, False) < 1 - LEVEL
        if part.role == "side":
            shown["state"] = "supported" if beyond else "contradicted" if against else "inconclusive"
        elif not part.decides:
            at_bound = mean.error == 0 and mean.value == mean.at(part.claimed)
            shown["state"] = "holds" if beyond or at_bound else "fails" if against else "open"
        if part.decides and shown["state"] == "inconclusive":
            low, high = sorted((part.claimed, part.refuted))
            if low < estimate["low"] and estimate["high"] < high:
                shown["state"] = "weaker than claimed"


def _withhold(found: Sequence[dict[str, Any]]) -> None:
    """Side parts whose own gates and controls don't hold say nothing."""
    for condition in found:
        for part in found:
            if part["quantity"] in condition["of"] and condition["state"] != "holds":
                word = "fails" if condition["state"] == "fails" else "is not settled"
                part["state"] = "inconclusive"
                part["problem"] = f"its {condition['role']} {condition['quantity']} {word}"


def _p(part: Part, mean: Mean | None, threshold: float, for_claim: bool) -> float:
    if mean is None or (mean.error == 0 and part.decides):
        return 1.0
    return mean.p_beyond(threshold, (part.side == "above") == for_claim)


def _holm(p_values: Mapping[str, float]) -> list[str]:
    taken = list[str]()
    for i, (name, p) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        if p > (1 - LEVEL) / (len(p_values) - i):
            break
        taken.append(name)
    return taken


def _swept(
    sweep: Mapping[str, Any], parts: Sequence[Part], measurements: Sequence[Mapping[str, Measurement]]
) -> dict[str, Any]:
    part = next(p for p in parts if p.quantity == sweep["part"])
    shown = list[dict[str, Any]]()
    for words, quantity in sweep["at"].items():
        values = [m[quantity] for m in measurements if quantity in m]
        points = [v[0] if isinstance(v, tuple) else v for v in values]
        try:
            mean = mean_over_seeds(values, part.scale)
            centre = math.exp(mean.value) if part.scale == "log" else mean.value
        except (TooFewUnits, Undefined):
            mean, centre = None, (sum(points) / len(points) if points else math.nan)
        estimate = mean.estimate(LEVEL).to_dict() if mean is not None and mean.error > 0 else None
        shown.append({"at": words, "quantity": quantity, "value": centre, "estimate": estimate})
    signs = {(s["value"] > part.refuted) == (part.side == "above") for s in shown}
    return {"name": sweep["name"], "part": sweep["part"], "values": shown, "changes": len(signs) > 1}


def _verdict(
    plan: Mapping[str, Any], parts: Sequence[Part], means: Mapping[str, Mean], found: Sequence[Mapping[str, Any]]
) -> tuple[Verdict, str]:
    failed = [f for f in found if f["state"] == "fails" and not f["of"]]
    if failed:
        names = "; ".join(f"{f['role']} {f['quantity']} ({f['statement'].rstrip('.')})" for f in failed)
        take = f" It would take: {plan['would_take']}" if plan["would_take"] else ""
        return "not testable here", f"Failed: {names}.{take}"
    unready = [f for f in found if f["role"] in ("gate", "control") and f["state"] != "holds" and not f["of"]]
    if unready:
        names = ", ".join(f"{f['role']} {f['quantity']}" for f in unready)
        return "inconclusive", f"Not settled: {names}.{_more(parts, means, unready)}"
    weakest = deciding(found)
    state = str(weakest["state"])
    if state == "inconclusive":
        why = weakest["problem"] or "the interval reaches over a threshold"
        return "inconclusive", f"{weakest['quantity']}: {why}.{_more(parts, means, [weakest])}"
    if state == "supported":
        refuted = [f for f in found if f["role"] == "side" and f["state"] == "contradicted"]
        if refuted:
            state = "supported in part"
        why = "Not so: " + "; ".join(f["statement"].rstrip(".") for f in refuted) + "." if refuted else ""
    elif state == "weaker than claimed":
        why = (
            f"{weakest['quantity']} lies between refuted ({weakest['refuted']:g}) and claimed ({weakest['claimed']:g})."
        )
    else:
        why = f"{weakest['quantity']} lies beyond refuted ({weakest['refuted']:g})."
    if plan["fidelity"] in ("C", "D"):
        state = PROXY_WORDS.get(state, state)
    return state, why  # type: ignore[return-value]


def _more(parts: Sequence[Part], means: Mapping[str, Mean], open_: Sequence[Mapping[str, Any]]) -> str:
    """How many seeds would decide, were means and spread to stay as they are; a spread of four or fewer tells nothing."""
    if any(mean.seeds < 5 for mean in means.values()):
        return ""
    needs = list[int | None]()
    for shown in open_:
        mean = means.get(shown["quantity"])
        part = next(p for p in parts if p.quantity == shown["quantity"])
        if mean is None or "sign changes" in (shown["problem"] or ""):
            return ""
        distance = min(abs(mean.value - mean.at(part.claimed)), abs(mean.value - mean.at(part.refuted)))
        needs.append(seeds_for(max(mean.spread, mean.error * math.sqrt(mean.seeds)), distance))
    if None in needs:
        return " More than 89 seeds would be needed to decide."
    most = max((n for n in needs if n is not None), default=0)
    return f" About {most} seeds would decide if mean and spread stayed as they are." if most else ""
