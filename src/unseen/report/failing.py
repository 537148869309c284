"""Whether an audit fails: what continuous integration asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Among the codes: what is undecided fails too.
UNDECIDED = "UNDECIDED"


def failures(document: Mapping[str, Any], codes: tuple[str, ...], gap: float | None) -> list[dict[str, Any]]:
    """Outcomes that make the audit fail.

    A found outcome fails where it has one of the codes (prefixes) and an effect of at least the gap; with both, it must meet
    both. The word ``UNDECIDED`` among the codes lets undecided outcomes of those codes (of all, where it stands alone) fail
    too, whatever their effect. What is accepted does not fail; what has grown beyond it, or whose acceptance has expired,
    does, whatever the codes are.

    Args:
        document: The audit.
        codes: Codes or prefixes, upper case, and the word.
        gap: Effect, as a share of the score's range.
    """
    named = tuple(c for c in codes if c != UNDECIDED)
    only_word = bool(codes) and not named and gap is None
    asked_at_all = bool(codes) or gap is not None

    def fails(f: Mapping[str, Any]) -> bool:
        state = f.get("accepted", {}).get("state")
        if state is not None:
            return state != "accepted"
        if not asked_at_all or (named and not f["code"].startswith(named)):
            return False
        if f["outcome"] == "undecided":
            return UNDECIDED in codes
        return f["outcome"] == "found" and not only_word and (gap is None or f["effect"] >= gap)

    return [f for f in document["findings"] if fails(f)]


def unasked(document: Mapping[str, Any], codes: tuple[str, ...]) -> list[str]:
    """Checks that were asked for by their whole code and judged nothing, each with the reason: no gate holds there.

    A prefix (``U1``) is a net over whatever can be judged; a whole code (``U705``) asks that question. Nets that caught
    nothing to judge, all of them, hold no gate either.

    Args:
        document: The audit.
        codes: Codes or prefixes, upper case.
    """
    unjudged: Mapping[str, str] = document.get("unjudged", {})
    missing = [f"{code} could not be judged: {unjudged[code]}" for code in codes if code in unjudged]
    nets = tuple(c for c in codes if c != UNDECIDED)
    caught = [f for f in document["findings"] if f["code"].startswith(nets)] if nets and not missing else []
    if caught and all(f["outcome"] == "not_applicable" for f in caught):
        return [f"nothing under {' or '.join(nets)} could be judged: {caught[0]['statement']}"]
    return missing


__all__ = ["UNDECIDED", "failures", "unasked"]
