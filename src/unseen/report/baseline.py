"""Two audits compared: only what got worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from unseen.report.plain import interval

Finding = Mapping[str, Any]
# Outcomes that are no answer, and how that is said.
OPEN = {"undecided": "is undecided", "not_applicable": "can't be judged"}
BEFORE = {"clear": "was clear", "undecided": "was undecided", "not_applicable": "could not be judged"}


def worse(old: Sequence[Finding], new: Sequence[Finding], smallest: float) -> list[dict[str, Any]]:
    """Findings of the new audit that are worse than in the old one, with the difference in words and in details.

    A finding is worse where it was not found before; where it was, and its effect grew by at least ``smallest``
    with an interval of the change that excludes zero; or where it was clear and is open now.

    Args:
        old: Findings of the earlier document.
        new: Findings of the later one.
        smallest: Growth of the effect (a share of the score's range) that is worth reporting.
    """
    before = {_key(f): f for f in old}
    told = ((f, _change(before.get(_key(f)), f, smallest)) for f in new)
    return [_marked(f, *change) for f, change in told if change is not None]


def difference(old: Finding | None, new: Finding) -> dict[str, float] | None:
    """New minus old value with an interval, as if the two audits were independent; None where one has no number.

    The same items in both make the true interval narrower: the rule errs towards not reporting.

    Source: Zou & Donner (2008), Construction of confidence limits about effect measures (MOVER).

    >>> e = lambda v, l, h: {"estimate": {"value": v, "low": l, "high": h}}
    >>> {k: round(v, 3) for k, v in difference(e(0.1, 0.06, 0.14), e(0.3, 0.27, 0.33)).items()}
    {'value': 0.2, 'low': 0.15, 'high': 0.25}
    """
    a, b = (old or {}).get("estimate"), new.get("estimate")
    if not a or not b or any(e[k] is None for e in (a, b) for k in ("value", "low", "high")):
        return None
    change = b["value"] - a["value"]
    return {
        "value": change,
        "low": change - math.hypot(b["value"] - b["low"], a["high"] - a["value"]),
        "high": change + math.hypot(b["high"] - b["value"], a["value"] - a["low"]),
    }


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding["code"], finding["subject"]["kind"], finding["subject"]["name"]


def _change(old: Finding | None, new: Finding, smallest: float) -> tuple[str, dict[str, Any]] | None:
    """What to say of the change and the data behind it; None where nothing got worse."""
    is_open = new["outcome"] in OPEN
    if new["outcome"] == "clear" or (is_open and (old or {}).get("outcome") != "clear"):
        return None
    record: dict[str, Any] = {
        "outcome": None if old is None else old["outcome"],
        "estimate": None if old is None else old["estimate"],
        "effect": None if old is None else old["effect"],
        "difference": difference(old, new),
    }
    if is_open:
        return f"It was clear in the baseline and {OPEN[new['outcome']]} now.", record
    if old is None:
        return "The baseline does not have it.", record
    if old["outcome"] != "found":
        said = BEFORE[old["outcome"]]
        return f"In the baseline it {said}{_numbers(old, record)}.", record
    grown = (new["effect"] or 0.0) - (old["effect"] or 0.0)
    change = record["difference"]
    if grown < smallest or (change is not None and change["low"] <= 0.0 <= change["high"]):
        return None
    return f"It grew since the baseline{_numbers(old, record)}.", record


def _numbers(old: Finding, record: Mapping[str, Any]) -> str:
    change = record["difference"]
    if change is None:
        return ""
    return f": {interval(old['estimate'])} then, a change of {'+' if change['value'] > 0 else ''}{interval(change)}"


def _marked(finding: Finding, words: str, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **finding,
        "statement": f"{finding['statement']} {words}",
        "details": {**finding["details"], "baseline": dict(record)},
    }


__all__ = ["difference", "worse"]
