"""An audit as one HTML file: no network, no library, light and dark; everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from unseen.engine.collecting import no_search_for_cycles
from unseen.faces import in_python
from unseen.items import WHY
from unseen.plain_text import counted
from unseen.report import baseline, first, first_html, tables
from unseen.report.charts import own_pictures, pictures
from unseen.report.packed import pack
from unseen.report.pages import asset, content_policy, template
from unseen.report.picture import Picture
from unseen.report.plain import chance, interval
from unseen.report.words import by_check, expectations, headline, joined_step, subtitle, title_case, what

if TYPE_CHECKING:
    from unseen.responses import Responses

# Findings of one check beyond these are folded; pictures beyond these are left out (the tables hold all numbers).
SHOWN = 6
# Beyond these, findings of one check stand in the table of all numbers alone, so that the page stays below 5 MB.
MAX_CARDS = 40
MAX_PICTURES = 60
MAX_CONTEXT_PICTURES = 4
METHOD_PARTS = (
    ("question", "Question"), ("null", "Null"), ("interest", "Effect of interest"), ("method", "Method"),
    ("assumptions", "Assumptions"), ("sources", "Sources"), ("example", "Example"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shown:
    """A finding as the template shows it."""

    id: str
    subject: Mapping[str, str]
    line: str
    statement: str
    next_step: str
    own_step: bool
    behind: str
    examples: tables.Table | None
    tables: Sequence[tables.Table]


@no_search_for_cycles()
def render(
    document: Mapping[str, Any],
    *,
    theme: Literal["light", "dark"] | None = None,
    responses: Responses | None = None,
    served: bool = False,
) -> str:
    """The whole page.

    Args:
        document: What ``unseen.report.summary.summarise`` returned, or such a document read back from JSON.
        theme: A fixed theme; the reader's own by default.
        responses: What was audited: its answers are packed into the page. Without them it holds those that findings name.
        served: The page asks the server that it comes from for answers, and holds none.
    """
    from markupsafe import Markup

    packed = None if served else pack(document, responses)
    style, script = asset("style.css") + asset("first.css"), asset("script.js") + asset("pictures.js")
    if served or packed:
        style, script = style + asset("drawer.css"), script + asset("drawer.js")
    found = by_check(document["findings"], "found")
    outcomes = document["findings"]
    groups = _groups(found, document)
    undecided = [f for f in outcomes if f["outcome"] == "undecided"]
    clear = [f for f in outcomes if f["outcome"] == "clear"]
    room = MAX_PICTURES - sum(len(g["pictures"]) for g in groups)
    unjudged = [f for f in outcomes if f["outcome"] == "not_applicable"]
    screen = _first_screen(document, groups)
    opening = document["verdict"]["sentence"] if screen and "baseline" not in document else headline(document)
    return template(
        "report.html.j2"
    ).render(
        title=opening,
        headline=opening,
        told=screen != "",
        has_stories=bool(document.get("stories")) and screen != "",
        first_screen=screen,
        subtitle=what(document) if screen and "baseline" not in document else subtitle(document),
        version=document["unseen_version"],
        theme=theme,
        policy=content_policy(style, script, connect="'self'" if served else "'none'"),
        # Both are files of this package, not input; escaping would break them.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        drawer=Markup(asset("drawer.html")) if served or packed else "",  # noqa: S704
        packed=packed.text if packed else "",
        families=[{**f, "chip": _chip(f)} for f in document["families"]],
        expected=expectations(document) if not screen or len(expectations(document)) > 1 else [],
        since=tables.since(document),
        beside=baseline.beside(document) if "baseline" in document else [],
        first=[findings[0] for findings in found.values()][:6] if len(found) > 1 and not screen else [],
        groups=groups,
        undecided=tables.undecided(undecided) if undecided else None,
        other_groups=list(_other_groups(document, found, room)),
        context=_context(document["context"]),
        clear=tables.clear(clear) if clear else None,
        unjudged=tables.unjudged(unjudged) if unjudged else None,
        unlock=tables.unlock(document["unlock"]) if document["unlock"] else None,
        numbers=tables.numbers(outcomes),
        facts=tables.facts(document["responses"]),
        notes=(document["responses"] or {}).get("notes", []),
        factors=tables.factors(document["responses"]["factors"])
        if (document["responses"] or {}).get("factors")
        else None,
        settings=tables.pairs(document["settings"]),
        sources=document["sources"],
        methods=_methods(document["checks"]),
    )


def _first_screen(document: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> str:
    """Scores and stories; "" where a document tells none."""
    from markupsafe import Markup

    if not first.told(document):
        return ""
    linked = {f.id for g in groups for f in (*g["shown"], *g["folded"])}
    # The template escapes what it is given.
    return Markup(template("first.html.j2").render(**first_html.parts(document, linked)))  # noqa: S704


def _chip(family: Mapping[str, Any]) -> str:
    if family["status"] == "found":
        return f"{family['found']} found"
    return {"undecided": "undecided", "clear": "clear"}.get(family["status"], "not judged")


def _groups(found: Mapping[str, list[dict[str, Any]]], document: Mapping[str, Any]) -> list[dict[str, Any]]:

    groups: list[dict[str, Any]] = []
    drawn = 0
    for code, findings in found.items():
        # Subjects that are clear stand in the picture too: one that holds tells as much as one that does not.
        beside = [f for f in document["findings"] if f["code"] == code and f["outcome"] in ("undecided", "clear")]
        left = max(0, MAX_PICTURES - drawn)
        shown = pictures([*findings, *beside])[:left] if left else []
        drawn += len(shown)
        check = document["checks"].get(code, {})
        step = joined_step(findings)
        cards = [_shown(f, own_step=step is None) for f in findings[:MAX_CARDS]]
        groups.append(
            {
                "code": code,
                "title": title_case(findings[0]["title"]),
                "question": check.get("question", ""),
                # The pictures escape every text they hold themselves.
                "pictures": [_framed(p) for p in shown],
                "shown": cards[:SHOWN],
                "folded": cards[SHOWN:],
                "left_out": len(findings) - len(cards),
                "step": step,
            }
        )
    return groups


def _other_groups(document: Mapping[str, Any], found: Mapping[str, Any], room: int) -> Iterable[dict[str, Any]]:
    """Pictures of checks that found nothing, where they have one of their own: a clear map is worth a look too."""
    open_or_clear: dict[str, list[dict[str, Any]]] = {}
    for finding in document["findings"]:
        if finding["outcome"] in ("undecided", "clear"):
            open_or_clear.setdefault(finding["code"], []).append(finding)
    for code, findings in open_or_clear.items():
        shown = _drawn(findings, room) if code not in found else []
        room -= len(shown)
        if shown:
            yield {"code": code, "title": title_case(findings[0]["title"]), "pictures": shown}


def _context(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What helps to read the findings: by check, its sentences, pictures and tables."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(entry["code"], []).append({**entry, "outcome": "context"})
    return [
        {
            "code": code,
            "title": title_case(own[0]["title"]),
            "table": tables.context(own),
            "pictures": _drawn(own, MAX_CONTEXT_PICTURES),
            "tables": [t for e in own[:1] for t in tables.of_details(e["details"])],
        }
        for code, own in groups.items()
    ]


def _drawn(findings: Sequence[Mapping[str, Any]], room: int) -> list[dict[str, Any]]:
    return [_framed(p) for p in own_pictures(findings)[:room]] if room > 0 else []


def _framed(picture: Picture) -> dict[str, Any]:
    """A picture with its caption and the table of its numbers."""
    from markupsafe import Markup

    # The pictures escape every text they hold themselves.
    return {"svg": Markup(picture.svg), "caption": picture.caption, "table": tables.of_tips(picture.svg.tips)}  # noqa: S704


def _shown(finding: Mapping[str, Any], *, own_step: bool) -> _Shown:
    return _Shown(
        id=finding["id"],
        subject=finding["subject"],
        line=value_line(finding),
        statement=finding["statement"],
        next_step=finding["next_step"],
        own_step=own_step,
        behind=_behind(finding.get("items", ())),
        examples=tables.examples(finding["details"]),
        tables=tables.of_details(finding["details"]),
    )


def _behind(items: Sequence[Mapping[str, Any]]) -> str:
    """How many answers of each kind are named.

    >>> _behind([{"why": "worst"}, {"why": "worst"}, {"why": "typical"}])
    '2 worst, 1 typical'
    """
    counts = {why: sum(i["why"] == why for i in items) for why in WHY}
    return ", ".join(f"{n} {why}" for why, n in counts.items() if n)


def value_line(finding: Mapping[str, Any]) -> str:
    """The estimate in one line: value, interval, level, units, adjusted p.

    >>> value_line({"estimate": None, "q_value": None})
    ''
    """
    e = finding["estimate"]
    if not e:
        return ""
    q = "" if finding["q_value"] is None else f" · q\N{NO-BREAK SPACE}{chance(finding['q_value'])}"
    return f"{interval(e)} · {e['level']:.0%} interval · {counted(e['units'], 'independent unit')}{q}"


def _methods(checks: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for code, check in checks.items():
        texts = [(name, check.get(key)) for key, name in METHOD_PARTS]
        parts = [(name, " ".join(text) if isinstance(text, list) else text) for name, text in texts if text]
        page = in_python(f"unseen explain {code}")
        yield {"code": code, "title": check.get("title", ""), "parts": parts, "page": page}


__all__ = ["render", "value_line"]
