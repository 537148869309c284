"""The ranking of remedies as one HTML file: no network, no library, light and dark; everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from unseen.plain_text import counted
from unseen.report import tables
from unseen.report.forms import Mark, forest
from unseen.report.improvement import (
    cost_heads,
    costs_said,
    costs_shown,
    gain_heads,
    gains_shown,
    over_words,
    scored,
    settings_words,
    subject,
    subtitle,
    taken_words,
    title,
    why_not,
)
from unseen.report.pages import asset, content_policy, template
from unseen.report.plain import chance, interval, number
from unseen.report.tables import Cell, Column, Table

MAX_MARKS = 24
MAX_DOMAINS = 40


def render(document: Mapping[str, Any], *, theme: Literal["light", "dark"] | None = None) -> str:
    """The whole page.

    Args:
        document: What ``unseen.report.improvement.summarise`` returned, or such a document read back from JSON.
        theme: A fixed theme; the reader's own by default.
    """
    from markupsafe import Markup

    style, script = asset("style.css"), asset("script.js")
    return template("improvement.html.j2").render(
        title=title(document), subtitle=subtitle(document), version=document["unseen_version"], theme=theme,
        policy=content_policy(style, script),
        # Both are files of this package, not input; escaping would break them.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        families=[_family(f) for f in document["families"]],
        settings=tables.pairs(document["settings"]), notes=document["notes"],
    )  # fmt: skip


def _family(family: Mapping[str, Any]) -> dict[str, Any]:
    from markupsafe import Markup

    pictures = [
        (_ranking_picture(family), f"Gain of each remedy over the unchanged {subject(family)} on the final tests.")
    ]
    if len(family["procedure"]["domains"]) > 1 and family["procedure"]["gain"]:
        caption = "Gain of what was chosen, by held-out set; each was tested with a choice that had not seen it."
        pictures.append((_domains_picture(family), caption))
    return {
        "headline": family["headline"], "statement": family["statement"], "next_step": family["next_step"],
        "chip": "clear" if family["verdict"] == "helped" else "not_applicable", "verdict": family["verdict"],
        # The pictures escape every text they hold themselves.
        "pictures": [{"svg": Markup(svg), "caption": caption} for svg, caption in pictures],  # noqa: S704
        "ranking": _ranking(family), "procedures": _procedures(family),
        "facts": [
            ("held-out sets", number(family["held_out"])), ("final tests", number(len(family["folds"]))),
            ("seeds", number(family["repeats"])), ("fits" if subject(family) == "learner" else "answers", number(family["fits"])),
            (f"unchanged {subject(family)}", scored(family, "unchanged")), ("smallest gain", number(family["smallest_gain"])),
            *([] if family["unchanged_worst"] is None else [("at the worst quarter", scored(family, "unchanged_worst"))]),
        ],
        "notes": [
            *over_words(family), *family["notes"],
            *(f"{name} is not judged: {why}." for name, why in list(family["left_out"].items())[:MAX_DOMAINS]),
        ],
        "failures": [
            f"{r['remedy']} failed in {counted(n, 'fit')}: {why}" for r in family["ranking"] for why, n in r["failures"].items()
        ],
        "not_tried": [(why, ", ".join(names)) for why, names in why_not(family["not_tried"]).items()],
        "costs": costs_said(family), "subject": subject(family),
        "folds": [(f["name"], ", ".join(f["held_out"])) for f in family["folds"]],
    }  # fmt: skip


def _mark(name: str, gain: Mapping[str, Any] | None, kind: str) -> Mark:
    if gain is None:
        return Mark(name, None, note="no interval")
    return Mark(name, gain["value"], gain["low"], gain["high"], kind, interval(gain))


def _ranking_picture(family: Mapping[str, Any]) -> str:
    kinds = {"gains": "good", "loses": "unseen"}
    rows = [[_mark("what was chosen", family["procedure"]["gain"], "ink")]]
    rows += [[_mark(r["remedy"], r["gain"], kinds.get(r["verdict"], "mute"))] for r in family["ranking"] if r["gain"]]
    return forest(
        rows[:MAX_MARKS], label=f"Gain over the unchanged {subject(family)}, by remedy", axis="gain in score", reference=0.0,
        reference_name="no change",
    )  # fmt: skip


def _domains_picture(family: Mapping[str, Any]) -> str:
    found = sorted(family["procedure"]["domains"], key=lambda d: -d["gain"])
    shown = found if len(found) <= MAX_MARKS else [*found[: MAX_MARKS // 2], *found[-MAX_MARKS // 2 :]]
    rows = [[Mark(d["name"], d["gain"], kind="seen", note=f"{number(d['gain'])}, {d['rows']} rows")] for d in shown]
    return forest(rows, label="Gain by held-out set", axis="gain in score", reference=0.0, reference_name="no change")


def _ranking(family: Mapping[str, Any]) -> Table:
    columns = [
        Column("remedy"), Column("kind"), *(Column(h, True) for h in gain_heads(family)),
        Column("adjusted p", True), Column("verdict"),
        *(Column(h, True) for h in cost_heads(family)), Column("validated gain", True), Column("settings (tests)"),
    ]  # fmt: skip
    rows: list[list[Cell]] = []
    for r in family["ranking"]:
        rows.append(
            [
                Cell(r["remedy"]), Cell(r["kind"]), *_gains(r, family, "–"),
                Cell(chance(r["adjusted_p"]), r["adjusted_p"], "n"), Cell(r["verdict"]),
                *_costs(r, family),
                Cell(number(r["validated"]), r["validated"], "n"),
                tables.text(settings_words(r["chosen"], r["remedy"])),
            ]
        )  # fmt: skip
    return Table("Remedies", columns, rows)


def _costs(row: Mapping[str, Any], family: Mapping[str, Any]) -> list[Cell]:
    values = (row["fit_cost"], row["answer_cost"])
    shown = costs_shown(row, family)
    return [Cell(words, v, "n") for words, v in zip(shown, values[-len(shown) :], strict=True)]


def _gains(row: Mapping[str, Any], family: Mapping[str, Any], otherwise: str) -> list[Cell]:
    names = ("gain_mean", "gain_worst") if family["judge"] == "mean" else ("gain_worst", "gain_mean")
    values = [row["gain"]] if family["single"] else [row[n] for n in names]
    return [
        Cell(words, v and v["value"], "n") for words, v in zip(gains_shown(row, family, otherwise), values, strict=True)
    ]


def _procedures(family: Mapping[str, Any]) -> Table:
    columns = [
        Column("validation"),
        *(Column(h, True) for h in gain_heads(family, "honest gain")),
        Column("chosen"),
        Column("advised"),
    ]
    rows = [
        [
            Cell(s["how"]), *_gains(s, family, "none"),
            tables.text(taken_words(s["chosen"], len(family["folds"]), subject(family))), Cell(s["advised"]),
        ]
        for s in (family["procedure"], *family["alternatives"])
    ]  # fmt: skip
    return Table("Ways to choose", columns, rows)
