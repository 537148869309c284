"""Findings counted by code, as linters do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from unseen.plain_text import counted, line


def counts(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Code, title and number of findings of each check that found something, the most first; accepted ones apart."""
    found = [f for f in document["findings"] if f["outcome"] == "found"]
    titles = {f["code"]: f["title"] for f in found}
    every = Counter(f["code"] for f in found)
    known = Counter(f["code"] for f in found if f.get("accepted", {}).get("state") == "accepted")
    order = sorted(every, key=lambda code: (-(every[code] - known[code]), code))
    return [
        {"code": code, "title": titles[code], "found": every[code] - known[code], "accepted": known[code]}
        for code in order
    ]


def text(document: Mapping[str, Any]) -> str:
    """The counts as lines."""
    rows = counts(document)
    if not rows:
        return "Nothing found.\n"
    width = max(len(f"{row['found']:,}") for row in rows)
    lines = [f"{row['found']:>{width},}  {row['code']}  {line(row['title'])}{_known(row['accepted'])}" for row in rows]
    total = sum(row["found"] for row in rows)
    return "\n".join([*lines, f"{counted(total, 'finding')} by {counted(len(rows), 'check')}."]) + "\n"


def _known(count: int) -> str:
    return f"  ({count:,} accepted)" if count else ""


__all__ = ["counts", "text"]
