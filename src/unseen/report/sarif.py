"""Findings as SARIF, which code scanning of GitHub, GitLab and Azure and many editors read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unseen.errors import UnseenError

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# Readers show the first place; of a folder of thousands of files the others only make the file long.
MOST_FILES = 20


def render(document: Mapping[str, Any]) -> str:
    """One run with a rule for each check that found something, and a result for each finding.

    What is accepted is a suppressed result with its reason. The locations are the files that were read, those of the model that
    is named where files are called by it: a finding is about answers, not about a line, so that the line is the first.

    Source: OASIS, Static Analysis Results Interchange Format (SARIF) version 2.1.0, errata 01.
    """
    found = [f for f in document["findings"] if f["outcome"] == "found"]
    codes = sorted({f["code"] for f in found})
    driver = {
        "name": "unseen", "semanticVersion": document["unseen_version"],
        "rules": [_rule(code, document["checks"].get(code, {})) for code in codes],
    }  # fmt: skip
    files = _files(document["sources"])
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, codes.index(f["code"]), files) for f in found],
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


def _result(finding: Mapping[str, Any], rule: int, files: Sequence[Path]) -> dict[str, Any]:
    known = finding.get("accepted")
    named = {"logicalLocations": [{"name": finding["subject"]["name"], "kind": finding["subject"]["kind"]}]}
    result = {
        "ruleId": finding["code"], "ruleIndex": rule, "kind": "fail",
        "level": "error" if known and known["state"] != "accepted" else "warning",
        "message": {"text": f"{finding['statement']} Next: {finding['next_step']}"},
        "locations": [{**place, **named} for place in _locations(files, finding["subject"]["name"])] or [named],
        "partialFingerprints": {"finding/v1": finding["id"]},
        "rank": round(100 * float(finding["weight"] or 0.0), 3),
        "properties": {"effect": finding["effect"], "estimate": finding["estimate"], "q_value": finding["q_value"]},
    }  # fmt: skip
    if known and known["state"] == "accepted":
        why = f"{known['reason']} (until {known['expires']})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _files(sources: Sequence[str]) -> list[Path]:
    """The files that were read: those of a folder or a pattern one by one, a source that is not there (any more) by its name."""
    from unseen.responses.reading import find

    found: list[Path] = []
    for source in sources:
        try:
            found += [path for path, _ in find(source)]
        except UnseenError:
            found.append(Path(source))
    return found


def _locations(files: Sequence[Path], name: str) -> list[dict[str, Any]]:
    """Where a finding is shown: the files of the model that it names, where files or folders are called by it, else all."""
    own = [p for p in files if _plain(name) in (_plain(p.stem), *(_plain(part) for part in p.parent.parts))]
    return [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": p.as_uri() if p.is_absolute() else quote(p.as_posix())},
                "region": {"startLine": 1},
            }
        }
        for p in (own or files)[:MOST_FILES]
    ]


def _plain(name: str) -> str:
    # lm-eval writes acme/beta as acme__beta.
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


__all__ = ["render"]
