"""Findings as SARIF, which code scanning of GitHub, GitLab and Azure and many editors read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(document: Mapping[str, Any]) -> str:
    """One run with a rule for each check that found something, and a result for each finding.

    What is accepted is a suppressed result with its reason. The location is the first source: a finding is about answers,
    not about a line of a file.

    Source: OASIS, Static Analysis Results Interchange Format (SARIF) version 2.1.0, errata 01.
    """
    found = [f for f in document["findings"] if f["outcome"] == "found"]
    codes = sorted({f["code"] for f in found})
    driver = {
        "name": "unseen", "semanticVersion": document["unseen_version"],
        "rules": [_rule(code, document["checks"].get(code, {})) for code in codes],
    }  # fmt: skip
    location = _location(document["sources"])
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, codes.index(f["code"]), location) for f in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=1) + "\n"


def _rule(code: str, check: Mapping[str, Any]) -> dict[str, Any]:
    title = str(check.get("title") or code)
    name = "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", title)) or code
    method = " ".join(str(check[k]) for k in ("method", "assumptions") if check.get(k))
    return {
        "id": code, "name": name, "shortDescription": {"text": title},
        "fullDescription": {"text": str(check.get("question") or title)},
        "help": {"text": method or f"In the terminal: unseen explain {code}"}, "defaultConfiguration": {"level": "warning"},
    }  # fmt: skip


def _result(finding: Mapping[str, Any], rule: int, location: Mapping[str, Any] | None) -> dict[str, Any]:
    known = finding.get("accepted")
    named = {"logicalLocations": [{"name": finding["subject"]["name"], "kind": finding["subject"]["kind"]}]}
    result = {
        "ruleId": finding["code"], "ruleIndex": rule, "kind": "fail",
        "level": "error" if known and known["state"] != "accepted" else "warning",
        "message": {"text": f"{finding['statement']} Next: {finding['next_step']}"},
        "locations": [{**(location or {}), **named}],
        "partialFingerprints": {"finding/v1": finding["id"]},
        "rank": round(100 * float(finding["weight"] or 0.0), 3),
        "properties": {"effect": finding["effect"], "estimate": finding["estimate"], "q_value": finding["q_value"]},
    }  # fmt: skip
    if known and known["state"] == "accepted":
        why = f"{known['reason']} (until {known['expires']})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _location(sources: list[str]) -> dict[str, Any] | None:
    """Where a finding is shown: the first source, relative to the repository where it was named so."""
    if not sources:
        return None
    path = Path(sources[0])
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}}


__all__ = ["render"]
