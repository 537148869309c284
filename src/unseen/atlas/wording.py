"""Numbers and states of studies in words, the same on the terminal, in documents and on the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

VERDICT_STYLE: dict[str, str] = {
    "supported": "good", "supported in part": "good", "seen here": "good", "seen here in part": "good",
    "weaker than claimed": "mid", "contradicted": "bad", "not seen here": "bad", "inconclusive": "open",
    "not testable here": "open",
}  # fmt: skip


def number(value: float | None) -> str:
    """Three digits that count.

    >>> number(0.12345), number(1234.5), number(0.0), number(None)
    ('0.123', '1,234', '0', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def seeds_text(result: Mapping[str, Any]) -> str:
    """How many seeds were run, and of how many where the plan has more.

    >>> seeds_text({"seeds": [1, 2], "plan": {"seeds": [1, 2]}}), seeds_text({"seeds": [1, 2], "plan": {"seeds": [1, 2, 3]}})
    ('2 seeds', '2 of 3 seeds')
    """
    ran, planned = len(result["seeds"]), len(result["plan"]["seeds"])
    return f"{ran} seeds" if ran == planned else f"{ran} of {planned} seeds"


def subjects_text(plan: Mapping[str, Any]) -> str:
    """The pretrained models that a study asks, with their hashes and budgets; empty where it asks none.

    >>> subjects_text({"subjects": [{"name": "m-135m", "sha256": "ab" * 32, "tokens": 60000}]})
    'm-135m (SHA-256 abababababab…, at most 60,000 tokens).'
    """
    named = [
        f"{s['name']} (SHA-256 {s['sha256'][:12]}…, at most {s['tokens']:,} tokens)" for s in plan.get("subjects", [])
    ]
    return f"{', '.join(named)}." if named else ""


def effect_text(effect: Mapping[str, Any] | None, unit: str = "") -> str:
    """The effect as ``0.82 [0.75, 0.89] points``; a dash where there is none."""
    if not effect:
        return "–"
    shown = f"{number(effect['value'])} [{number(effect['low'])}, {number(effect['high'])}]"
    return f"{shown} {unit}".rstrip()


def machine_text(result: Mapping[str, Any]) -> str:
    """What a result was run on and with.

    >>> machine_text({"stamp": {"machine": "Python 3.11.7, Linux x86_64, cpu AVX2", "versions": {"numpy": "2.4.6"}}})
    'Python 3.11.7, Linux x86_64, cpu AVX2; numpy 2.4.6'
    """
    stamp = result["stamp"]
    versions = ", ".join(f"{k} {v}" for k, v in stamp["versions"].items())
    return "; ".join(part for part in (stamp.get("machine", ""), versions) if part)


def verified_texts(result: Mapping[str, Any]) -> list[str]:
    """When seeds were measured anew, and what came of it; a sentence each.

    >>> verified_texts({"verified": [{"date": "2026-11-20", "seeds": [10, 11], "outcome": "equal"}]})
    ['Verified 2026-11-20 on seeds 10, 11: equal.']
    """
    return [
        f"Verified {mark['date']} on seed{'s' * (len(mark['seeds']) != 1)} {', '.join(map(str, mark['seeds']))}: {mark['outcome']}."
        for mark in result.get("verified", [])
    ]


def cite_text(result: Mapping[str, Any], link: str) -> str:
    """How to cite a re-test of the paper at an address."""
    tested = f"Re-tested with unseen ({result['slug']}, {result['date']}): {result['verdict']}."
    return f"{result['plan']['source']} {link} {tested}"


def claimed_text(row: Mapping[str, Any]) -> str:
    """What was claimed of the effect of a row, with its side; empty where nothing is known.

    >>> claimed_text({"claimed": 0.05, "refuted": 0.25}), claimed_text({"claimed": None, "refuted": None})
    ('≤ 0.05', '')
    """
    if row["claimed"] is None or row["refuted"] is None:
        return ""
    # A claim of "at most" is refuted by what is larger.
    return ("≤ " if row["claimed"] < row["refuted"] else "≥ ") + number(row["claimed"])


def held_against(part: Mapping[str, Any]) -> str:
    """What a part is held against, in words."""
    word = "at least" if part["side"] == "above" else "at most"
    if part["role"] in ("gate", "control"):
        of = f" (for {', '.join(part['of'])} alone)" if part.get("of") else ""
        return f"{word} {number(part['claimed'])}{of}"
    return f"claimed {word} {number(part['claimed'])}, refuted at {number(part['refuted'])}"


def standardised(part: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Value and interval with refuted at 0 and claimed at 1; None without an estimate.

    >>> part = {"estimate": {"value": 3, "low": 2, "high": 4}, "claimed": 2.0, "refuted": 0.0, "scale": "plain"}
    >>> standardised(part)
    (1.5, 1.0, 2.0)
    """
    estimate = part["estimate"]
    if not estimate:
        return None

    def on_scale(x: float) -> float:
        return math.log(x) if part["scale"] == "log" else x

    refuted, claimed = on_scale(part["refuted"]), on_scale(part["claimed"])
    value, low, high = ((on_scale(estimate[k]) - refuted) / (claimed - refuted) for k in ("value", "low", "high"))
    return value, min(low, high), max(low, high)
