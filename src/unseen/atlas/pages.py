"""What the atlas shows: one row as text, one result as text, and all rows as one HTML page."""

from __future__ import annotations

import html as escaping
import textwrap
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from unseen.atlas.ledger import Entry, effect_text, entry, ledger, rows
from unseen.atlas.protocol import load, study_modules
from unseen.errors import BadInput

COLUMNS = 48


def describe(slug: str) -> dict[str, Any]:
    """All that is known of a row, as plain data.

    Raises:
        BadInput: There is no such row.
    """
    row = next((r for r in rows() if r.slug == slug), None)
    if row is None:
        load(slug)  # raises with near names
        raise BadInput(f"no row {slug!r}.")
    known = entry(row)
    found: dict[str, Any] = {**known.to_dict(), "part": row.part, "testbed": row.testbed, "result": known.result}
    if slug in study_modules():
        definition = load(slug)
        found["study"] = {
            "claim": definition.claim,
            "source": definition.source,
            "thresholds": [
                {"quantity": t.quantity, "side": t.side, "value": t.value, "statement": t.statement}
                for t in definition.thresholds
            ],
            "units": definition.units,
            "reduced": definition.reduced,
            "reconstructed": definition.reconstructed,
            "code": code_of(slug),
        }
    return found


def code_of(slug: str) -> str:
    """Source of a study."""
    *package, stem = study_modules()[slug].split(".")[1:]
    return files("unseen").joinpath(*package, f"{stem}.py").read_text(encoding="utf-8")


def text(described: Mapping[str, Any], *, code: bool = False) -> str:
    """A row for the terminal."""
    state = described["state"] + (f" ({described['why']})" if described["why"] else "")
    lines = [f"{described['slug']}: {described['title']}", f"state: {state}", ""]
    study = described.get("study")
    lines += _wrapped("Claim", study["claim"] if study else described["claim"])
    if study is None:
        return "\n".join([*lines, *_wrapped("Part", described["part"]), *_wrapped("Testbed", described["testbed"])])
    lines += _wrapped("Source", study["source"])
    lines += _wrapped("Reduced", study["reduced"]) + _wrapped("Reconstructed", study["reconstructed"])
    if described["result"]:
        lines.append(result_text(described["result"]))
    else:
        lines.append("Thresholds")
        lines += [f"  {t['statement']}: {t['quantity']} {t['side']} {t['value']:g}" for t in study["thresholds"]]
    if code:
        lines += ["", study["code"]]
    return "\n".join(lines)


def result_text(result: Mapping[str, Any]) -> str:
    """A result for the terminal: the verdict, each part with its interval as a picture, what the intervals cover."""
    lines = [f"{result['slug']}: {result['verdict']}" + (" (quick: not a verdict to keep)" if result["quick"] else "")]
    for part in result["parts"]:
        lines.append(f"  {part['verdict']:12}  {part['statement']}")
        estimate = part["estimate"]
        if estimate is None:
            lines.append(f"                no interval: {part['problem']}")
            continue
        lines.append(
            f"                {part['quantity']} = {effect_text(estimate)}, claimed {part['side']} {part['threshold']:g}"
        )
        lines.append(f"                {bar(estimate, part['threshold'])}")
    lines.append(f"  {len(result['seeds'])} seeds, {result['seconds']:.0f} s. Intervals cover {result['units']}")
    if result.get("note"):
        lines += textwrap.wrap(f"Note: {result['note']}", 96, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def bar(estimate: Mapping[str, Any], threshold: float) -> str:
    """An interval as a line of text: ``├──●──┤`` with the threshold as ``|``."""
    low, high, value = estimate["low"], estimate["high"], estimate["value"]
    left, right = min(low, threshold), max(high, threshold)
    span = (right - left) or 1.0

    def place(x: float) -> int:
        return round((x - left) / span * (COLUMNS - 1))

    cells = [" "] * COLUMNS
    for i in range(place(low), place(high) + 1):
        cells[i] = "─"
    cells[place(low)], cells[place(high)] = "├", "┤"
    cells[place(value)] = "●"
    cells[place(threshold)] = "|" if cells[place(threshold)] != "●" else "●"
    return "".join(cells).rstrip()


def _wrapped(heading: str, content: str) -> list[str]:
    return [heading, *textwrap.wrap(content, 96, initial_indent="  ", subsequent_indent="  "), ""]


def html() -> str:
    """One self-contained page: verdicts and evidence of all studies done, then every other row with its state."""
    style = files("unseen").joinpath("atlas", "atlas.css").read_text(encoding="utf-8")
    entries = ledger()
    done = [e for e in entries if e.result is not None]
    verdicts = [(e.result or {})["verdict"] for e in done if e.state == "done"]
    counts = {name: verdicts.count(name) for name in ("supported", "contradicted", "inconclusive")}
    said = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "none yet"
    body = "".join(_article(e) for e in done)
    rest = "".join(
        f"<tr><td>{escaping.escape(e.row.slug)}</td><td>{e.state}</td><td>{e.row.wave}</td>"
        f"<td>{escaping.escape(e.row.claim)}</td></tr>"
        for e in entries
        if e.result is None
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Atlas of generalisation</title><style>{style}</style></head><body><h1>Atlas of generalisation</h1>"
        f"<p>{len(entries)} published claims; {len(done)} re-tested by this code: {said}. A verdict follows by rule from "
        "thresholds written down before the full run (what pilots had shown is told in the notes): "
        "supported where the interval lies wholly on the claimed side, "
        "contradicted where it lies wholly on the other.</p>"
        f"{body}<h2>Planned</h2><div class=scroll><table><tr><th>study<th>state<th>wave<th>claim</tr>{rest}</table></div>"
        "</body></html>\n"
    )


def _article(e: Entry) -> str:
    result = e.result or {}
    esc = escaping.escape
    state = "" if e.state == "done" else f' <span class="small">(stale: {esc(e.why)})</span>'
    parts = "".join(_part(p) for p in result["parts"])
    note = f"<p><b>Note.</b> {esc(result['note'])}</p>" if result.get("note") else ""
    return (
        f'<article id="{esc(e.row.slug)}"><span class="verdict {esc(result["verdict"])}">{esc(result["verdict"])}</span>'
        f"<h2>{esc(e.row.slug)}{state}</h2><p class=small>{esc(e.row.title)}</p>"
        f"<p>{esc(result['claim'])}</p>{parts}{note}"
        f'<p class="small">{len(result["seeds"])} seeds, {result["seconds"]:.0f} s, {result["peak_gib"]:.1f} GiB. '
        f"Intervals cover {esc(result['units'])} <b>Reduced:</b> {esc(result['reduced'])} <b>Reconstructed:</b> "
        f"{esc(result['reconstructed'])}</p><details><summary>code</summary>"
        f"<pre>{esc(code_of(e.row.slug))}</pre></details></article>"
    )


def _part(part: Mapping[str, Any]) -> str:
    esc = escaping.escape
    head = f'<div><span class="verdict small {part["verdict"]}">{part["verdict"]}</span>{esc(part["statement"])}</div>'
    estimate = part["estimate"]
    if estimate is None:
        return f'<div class="part">{head}<div class="small">no interval: {esc(part["problem"] or "")}</div></div>'
    told = f"{esc(part['quantity'])} = {effect_text(estimate)}, claimed {part['side']} {part['threshold']:g}"
    return f'<div class="part">{head}<div class="small">{told}</div>{picture(estimate, part["threshold"])}</div>'


def picture(estimate: Mapping[str, Any], threshold: float) -> str:
    """An interval with its threshold as SVG."""
    low, high, value = estimate["low"], estimate["high"], estimate["value"]
    left, right = min(low, threshold), max(high, threshold)
    pad = 0.06 * ((right - left) or 1.0)

    def x(v: float) -> float:
        return round(8 + 384 * (v - left + pad) / (right - left + 2 * pad), 1)

    return (
        f'<svg viewBox="0 0 400 34" role="img" aria-label="{effect_text(estimate)} against {threshold:g}">'
        f'<line x1="8" x2="392" y1="24" y2="24" stroke="var(--rule)"/>'
        f'<line x1="{x(threshold)}" x2="{x(threshold)}" y1="2" y2="28" stroke="var(--ink)" stroke-dasharray="3 3"/>'
        f'<line x1="{x(low)}" x2="{x(high)}" y1="14" y2="14" stroke="var(--line)" stroke-width="3"/>'
        f'<circle cx="{x(value)}" cy="14" r="5" fill="var(--line)"/></svg>'
    )


__all__ = ["bar", "code_of", "describe", "html", "picture", "result_text", "text"]
