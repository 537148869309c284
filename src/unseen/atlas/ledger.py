"""The ledger: every row of the atlas is done, planned or stale, by what is stored."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from unseen.atlas.protocol import source_hash, study_modules

State = Literal["done", "planned", "stale"]


@dataclass(frozen=True, slots=True)
class Row:
    """One published claim: part that must exist, claim, smallest honest testbed, wave."""

    id: int
    slug: str
    title: str
    kind: str
    home: str
    part: str
    claim: str
    testbed: str
    wave: int


@cache
def rows() -> tuple[Row, ...]:
    """All rows of the atlas.

    >>> len(rows())
    261
    """
    text = (files("unseen") / "atlas" / "atlas.tsv").read_text(encoding="utf-8")
    return tuple(
        Row(
            int(r["id"]),
            r["slug"],
            r["title"],
            r["kind"],
            r["home"],
            r["part"],
            r["claim"],
            r["testbed"],
            int(r["wave"]),
        )
        for r in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    )


def results_folder() -> Path:
    """Where results are stored: beside the studies."""
    return Path(str(files("unseen") / "atlas" / "results"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with what is known of it.

    Attributes:
        row: The row.
        state: done (a stored result of this very study), stale (the study or the file changed since), planned.
        why: Why it is stale, else empty.
        result: The stored result, where there is one.
    """

    row: Row
    state: State
    why: str
    result: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for tables."""
        result = self.result or {}
        return {
            "slug": self.row.slug,
            "title": self.row.title,
            "home": self.row.home,
            "wave": self.row.wave,
            "state": self.state,
            "verdict": result.get("verdict"),
            "effect": result.get("effect"),
            "seconds": result.get("seconds"),
            "claim": self.row.claim,
            "why": self.why,
        }


def entry(row: Row, folder: Path | None = None) -> Entry:
    """State of a row: what is stored, and whether it still belongs to the study as it stands."""
    path = (folder or results_folder()) / f"{row.slug}.json"
    if row.slug not in study_modules() or not path.is_file():
        return Entry(row, "planned", "", None)
    try:
        result: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError):
        return Entry(row, "stale", f"{path.name} is not readable", None)
    if not isinstance(result, dict):
        return Entry(row, "stale", f"{path.name} holds no result", None)
    result = cast("dict[str, Any]", result)
    sound = result.get("checksum") == checksum(result)
    if not sound:
        return Entry(row, "stale", f"{path.name} was changed by hand since it was stored", result)
    if result.get("source_hash") != source_hash(row.slug):
        return Entry(row, "stale", "the study has changed since", result)
    return Entry(row, "done", "", result)


def ledger(folder: Path | None = None) -> list[Entry]:
    """All rows with their states, in the order of the atlas."""
    return [entry(row, folder) for row in rows()]


def checksum(result: Mapping[str, Any]) -> str:
    """Hash over a result's content apart from the checksum itself."""
    content = {k: v for k, v in result.items() if k != "checksum"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def effect_text(effect: Mapping[str, Any] | None) -> str:
    """The effect as ``0.82 [0.75, 0.89]``; a dash where there is none."""
    if not effect:
        return "–"
    return f"{effect['value']:.2f} [{effect['low']:.2f}, {effect['high']:.2f}]"


def markdown(folder: Path | None = None) -> str:
    """The atlas page of the documentation, made from the ledger."""
    entries = ledger(folder)
    done = [e for e in entries if e.state == "done" and e.result]
    lines = [
        "# Atlas",
        "",
        f"{len(entries)} published claims about generalisation stand behind the checks and remedies; {len(done)} of them "
        "have been re-tested by this code so far. A verdict follows by rule from thresholds written down before the full "
        "run; what pilots had shown is told in the notes.",
        "",
        "| study | verdict | effect (first part) | seconds | claim |",
        "|---|---|---|---|---|",
    ]
    for e in done:
        result = e.result or {}
        cost = f"{result['seconds']:.0f} | {_cell(e.row.claim)}"
        lines.append(f"| {e.row.slug} | {result['verdict']} | {effect_text(result['effect'])} | {cost} |")
    for e in done:
        lines += ["", *_section(e)]
    lines += ["", "## Planned or stale", "", "| study | state | wave | title |", "|---|---|---|---|"]
    lines += [
        f"| {e.row.slug} | {e.state} | {e.row.wave} | {_cell(e.row.title)} |" for e in entries if e.state != "done"
    ]
    return "\n".join(lines) + "\n"


def _section(e: Entry) -> list[str]:
    result = e.result or {}
    lines = [f"## {e.row.slug}", "", f"{e.row.title}: **{result['verdict']}**", "", result["claim"], ""]
    lines += ["| part | threshold | estimate | verdict |", "|---|---|---|---|"]
    for part in result["parts"]:
        claimed = f"{part['side']} {part['threshold']:g}"
        cells = (_cell(part["statement"]), claimed, effect_text(part["estimate"]), part["verdict"])
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"Intervals cover {result['units']}. Reduced: {result['reduced']} Reconstructed: {result['reconstructed']}",
    ]
    if result.get("note"):
        lines += ["", f"Note: {result['note']}"]
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
