"""Pictures of models and their answers: difficulty, mastery, variants, confidence, tiers and rankings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unseen.report.forms import Axis, Curve, Mark, bars, curves, forest, histogram, slopes, stacked
from unseen.report.picture import (
    MAX_PICTURES,
    MAX_ROWS,
    CannotDraw,
    Finding,
    Picture,
    grouped,
    intervals,
    levels_of,
    mark_of,
    rows_in,
    unit_range,
    value_of,
)  # fmt: skip
from unseen.report.plain import number
from unseen.report.svg import WIDTH, Canvas, Scale, extent


def person_item_map(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U201: models (ability, with intervals) and items (difficulty) on one scale."""
    d = grouped(findings, "persons", "items")[0]["details"]
    difficulties = sorted(v for v in (value_of(i, "difficulty") for i in d["items"]) if v is not None)
    people = [
        Mark(
            str(p.get("model", p.get("person", ""))),
            value_of(p, "ability"),
            value_of(p, "low"),
            value_of(p, "high"),
            "accent",
        )
        for p in d["persons"]
    ]
    people = sorted((p for p in people if p.value is not None), key=lambda p: -(p.value or 0.0))
    if not difficulties or not people:
        raise CannotDraw("no abilities or difficulties")
    # A few items that all or none solve would squeeze the scale: the outer two in a hundred are held at its ends.
    inner = difficulties[len(difficulties) // 50 : max(1, len(difficulties) - len(difficulties) // 50)]
    shown = people if len(people) <= 12 else []
    low, high = extent([*inner, *(v for p in people for v in (p.value, p.low, p.high))], pad=0.03)
    scale = Scale(low, high, 16, WIDTH - 16)
    tall, gap = 90.0, 26.0
    bottom = gap + tall + 8 + (len(shown) * 34 if shown else tall)
    canvas = Canvas(bottom + 40, "Abilities of models and difficulties of items on one scale")
    canvas.text(2, 14, f"{number(len(difficulties))} items by difficulty", "name")
    canvas.x_axis(scale, gap, bottom, "logits: harder items and abler models to the right")
    _columns(canvas, scale, difficulties, gap + tall, -tall + 6, "bar mute", "items")
    canvas.line(16, gap + tall, WIDTH - 16, gap + tall, "axis")
    for i, p in enumerate(shown):
        y = gap + tall + 8 + i * 34
        canvas.text(4, y + 13, p.label, "t", room=WIDTH - 70)
        canvas.text(WIDTH - 4, y + 13, number(p.value, 2), "value", anchor="end")
        canvas.interval(scale, y + 24, p.value, p.low, p.high, "accent", p.tip())
    if not shown:
        _columns(canvas, scale, [p.value or 0.0 for p in people], gap + tall + 1, tall - 6, "bar accent", "models")
    yield Picture(canvas.svg(), "Where a model stands right of an item, it solves the item more often than not.")


def equated(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U203: gaps at equal difficulty, of models and at the levels of each factor."""
    yield from intervals([f for f in findings if f["subject"]["kind"] == "model"])
    for f in findings:
        cells = f["details"].get("cells")
        if not isinstance(cells, list):
            continue
        models = sorted({str(c["model"]) for c in cells})[:8]
        by_level: dict[str, list[Mark]] = {}
        for c in sorted(cells, key=lambda c: str(c["model"])):
            model, level = str(c["model"]), str(c["level"])
            if model in models:
                row = by_level.setdefault(level, [])
                row.append(mark_of(c["gap"], model if row else level, f"c{models.index(model)}", note=""))
        name = str(f["details"].get("factor", f["subject"]["name"]))
        svg = forest(
            list(by_level.values())[:MAX_ROWS], label=f"Gap at equal difficulty by {name}",
            axis="gap at equal difficulty",
            reference=0.0, legend=[(f"c{i}", m) for i, m in enumerate(models)], apart=True,
        )  # fmt: skip
        yield Picture(svg, f"Gap at equal difficulty by {name}: level against the others.")


def uninformative(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U205: the items that all models solve, that some solve, and that none solves, as shares of all."""
    names = (("good", "solved by all"), ("accent", "by some"), ("mute", "by none"))
    rows: list[tuple[str, list[tuple[str, float]]]] = []
    for f in grouped(findings, "items")[:MAX_PICTURES]:
        d = f["details"]
        items, every, none = (value_of(d, name) or 0.0 for name in ("items", "all", "none"))
        shares = (every / items, 1.0 - (every + none) / items, none / items)
        rows.append((f["subject"]["name"], [(kind, share) for (kind, _), share in zip(names, shares, strict=True)]))
    yield Picture(
        stacked(rows, label="Items by how many models solve them", names=names, axis="share of items"),
        "Only items that some models solve and others do not tell the models apart.",
    )


def ratings(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U206: ratings with intervals, against the one that solves nine items in ten."""
    shown = grouped(findings, "rating")[:MAX_ROWS]
    rows = [
        [Mark(f["subject"]["name"], value_of(d, "rating"), value_of(d, "low"), value_of(d, "high"))]
        for f in shown
        for d in (f["details"],)
    ]
    needed = shown[0]["details"].get("needed")
    svg = forest(
        rows, label="Ratings of models", axis="rating (the mean item has 1500)", reference=value_of(needed, "0.9"),
        reference_name="90 % success" if value_of(needed, "0.9") is not None else "",
    )  # fmt: skip
    yield Picture(svg, "Ratings with intervals, and the rating that solves nine items in ten.")


def by_difficulty(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U204: score against item difficulty, a line a model."""
    lines: list[Curve] = []
    name = "difficulty"
    for i, f in enumerate(grouped(findings)[:8]):
        d = f["details"]
        for j, (label, entries) in enumerate(_series(d, f["subject"]["name"])):
            at, _ = levels_of(entries, "difficulty", "level", "x", "center", "bin")
            kind = f"c{(i + j) % 8}"
            lines.append(
                Curve(
                    label,
                    kind,
                    [mark_of(e, f"{label}, {name} {x:.2g}", kind, x=x) for e, x in zip(entries, at, strict=True)],
                )
            )
    if not lines:
        raise CannotDraw("no curves")
    marks = [p for line in lines for p in line.points]
    bounds = unit_range(v for m in marks for v in (m.value, m.low, m.high))
    svg = curves(
        lines, label="Score against difficulty", x=Axis("difficulty, easy to hard"),
        y=Axis("mean score", *(bounds or (None, None))), height=280,
    )  # fmt: skip
    yield Picture(svg, "Mean score against the difficulty of items.")


def _series(details: Mapping[str, Any], name: str) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    if all(isinstance(details.get(side), list) for side in ("seen", "unseen")):
        return [(f"{name}, {side}", details[side]) for side in ("seen", "unseen")]
    entries = rows_in(details, "levels", "curve", "bins")
    return [(name, entries)]


def mastery(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U302: the four profiles as shares, by the strict and by the loose rule."""
    names = (
        ("good", "complete mastery"), ("unseen", "inadequate generalisation"), ("c3", "rote memorisation"),
        ("mute", "insufficient knowledge"),
    )  # fmt: skip
    rows: list[tuple[str, list[tuple[str, float]]]] = []
    for f in grouped(findings)[:MAX_PICTURES]:
        for rule in ("strict", "loose"):
            shares = f["details"].get(rule)
            if not isinstance(shares, Mapping):
                continue
            by_name = {str(k).replace("_", " ").replace("-", " "): value_of({"v": v}, "v") for k, v in shares.items()}
            parts = [(kind, by_name.get(title) or 0.0) for kind, title in names]
            total = sum(share for _, share in parts)
            if total > 0:
                rows.append((f"{f['subject']['name']} · {rule}", [(kind, share / total) for kind, share in parts]))
    if not rows:
        raise CannotDraw("no profiles")
    yield Picture(
        stacked(rows, label="Mastery profile of composite items", names=names, axis="share of composite items"),
        "Composite items by what was right: parts and whole, parts only, whole only, neither.",
    )


def variant_flips(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U401: answers that a rewording turns wrong, and those that it turns right."""
    rows: list[Mark] = []
    for f in grouped(findings, "pairs")[:10]:
        d = f["details"]
        pairs = value_of(d, "pairs") or 0.0
        wrong, right = value_of(d, "flips_to_wrong") or 0.0, value_of(d, "flips_to_right") or 0.0
        name = f["subject"]["name"]
        rows.append(Mark(f"{name}: right → wrong", -wrong / pairs, kind="bad", note=f"{wrong:g} of {pairs:g}"))
        rows.append(Mark(f"{name}: wrong → right", right / pairs, kind="good", note=f"{right:g} of {pairs:g}"))
    yield Picture(
        bars(rows, label="Answers that change between variants of an item", axis="share of pairs (left: turned wrong)"),
        "Answers that change when an item is rewritten. Chance alone would turn as many right as wrong.",
    )


def reliability(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U601 and U603: accuracy against confidence with bands; the diagonal is perfect calibration."""
    by_subject: dict[str, list[Finding]] = {}
    for f in grouped(findings, "curve"):
        by_subject.setdefault(str(f["details"].get("model", f["subject"]["name"])), []).append(f)
    for name, group in list(by_subject.items())[:MAX_PICTURES]:
        lines: list[Curve] = []
        for i, f in enumerate(group[:3]):
            d = f["details"]
            split = str(d.get("split") or "")
            lines += _reliability_lines(
                d["curve"],
                split,
                {"seen": "seen", "unseen": "unseen", "all": "c2"}.get(split, "accent" if i == 0 else f"c{i}"),
            )
        svg = curves(
            lines, label=f"Accuracy against confidence, {name}", x=Axis("confidence", 0.0, 1.0),
            y=Axis("accuracy", 0.0, 1.0), diagonal=True, height=270, legend=any(line.name for line in lines),
        )  # fmt: skip
        yield Picture(svg, f"{name}: below the dashed line it is overconfident.")


def _reliability_lines(curve: Any, split: str, kind: str) -> list[Curve]:
    if isinstance(curve, Mapping):
        return [
            line
            for side, entries in curve.items()
            for line in _reliability_lines(
                entries, str(side), {"seen": "seen", "unseen": "unseen"}.get(str(side), kind)
            )
        ]
    marks = [
        mark_of(
            e,
            f"confidence {value_of(e, 'confidence'):.2f}" + (f", {e['n']} rows" if e.get("n") else ""),
            kind,
            x=value_of(e, "confidence") or 0.0,
        )
        for e in curve
        if value_of(e, "accuracy", "value") is not None and value_of(e, "confidence") is not None
    ]
    return [Curve(split, kind, marks)]


def label_free(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U604: accuracy of unlabelled rows by each method, with its interval."""
    for f in grouped(findings, "methods")[:MAX_PICTURES]:
        rows: list[list[Mark]] = []
        for m in f["details"]["methods"]:
            error = value_of(m, "backtest_error")
            note = number(value_of(m), 2) + ("" if error is None else f" · off by {number(error, 2)} in back-tests")
            rows.append([mark_of(m, str(m.get("method", "")), "mute" if m.get("refused") else "accent", note=note)])
        bounds = unit_range(v for row in rows for m in row for v in (m.low, m.high))
        svg = forest(rows, label="Estimated accuracy without labels", axis="accuracy of unlabelled rows", bounds=bounds)
        yield Picture(svg, f"{f['subject']['name']}: accuracy of rows without labels, by method.")


def tiers(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U701: differences between models with intervals; those that cover zero leave two models in one tier."""
    whole = next((f for f in findings if f["details"].get("tiers")), findings[0])
    known = {(str(p["a"]), str(p["b"])): p for f in (whole, *findings) for p in f["details"].get("pairs", [])}
    level = 1.0 - (value_of(whole["estimate"], "level") or 0.95)
    rows: list[list[Mark]] = []
    for (a, b), pair in list(known.items())[:MAX_ROWS]:
        apart = (value_of(pair, "p_holm", "p") or 0.0) <= level
        rows.append([mark_of(pair["estimate"], f"{a} − {b}", "accent" if apart else "mute")])
    if not rows:
        raise CannotDraw("no pairs")
    svg = forest(
        rows, label="Differences between models", axis="difference of mean scores", reference=0.0,
        legend=(("accent", "told apart"), ("mute", "not told apart")),
    )  # fmt: skip
    named = [f"{i}: {', '.join(map(str, tier))}" for i, tier in enumerate(whole["details"].get("tiers", []), 1)]
    yield Picture(svg, f"Tiers: {'; '.join(named)}." if named else "Differences between models, with intervals.")


def rank_flips(findings: Sequence[Finding]) -> Iterator[Picture]:
    """U702: two rankings side by side; models that change places are marked."""
    for f in grouped(findings)[:MAX_PICTURES]:
        d = f["details"]
        left, right = str(d.get("left", d.get("a", "seen"))), str(d.get("right", d.get("b", "unseen")))
        entries = rows_in(d, "models", "ranks", "rankings")
        lines = [(str(e["model"]), *_two_ranks(e)) for e in entries[:20]]
        flips = {
            str(m)
            for flip in d.get("flips", [])
            for m in ((flip.get("a"), flip.get("b"), *flip.get("models", [])) if isinstance(flip, Mapping) else flip)
        }
        yield Picture(
            slopes(
                left,
                right,
                lines,
                label=f"Ranks on {left} and on {right}",
                flipped=flips or {n for n, a, b in lines if a != b},
            ),
            f"Ranks on {left} and on {right}; 1 is best.",
        )


def _two_ranks(entry: Mapping[str, Any]) -> tuple[float, float]:
    for a, b in (("rank_a", "rank_b"), ("left", "right"), ("seen", "unseen"), ("rank_seen", "rank_unseen"), ("a", "b")):
        first, second = value_of(entry, a), value_of(entry, b)
        if first is not None and second is not None:
            return first, second
    raise CannotDraw("no two ranks")


def _columns(
    canvas: Canvas, scale: Scale, values: Sequence[float], base: float, tall: float, kind: str, what: str
) -> None:
    counts = histogram(values, scale.low, scale.high, 40)
    most = max(n for _, _, n in counts) or 1
    for start, end, n in counts:
        if n:
            canvas.rect(
                scale(start) + 0.5,
                base,
                scale(end) - scale(start) - 1,
                tall * n / most,
                kind,
                f"{n} {what} from {start:.2f} to {end:.2f}",
            )


__all__ = [
    "by_difficulty", "label_free", "mastery", "person_item_map", "rank_flips", "reliability", "tiers",
    "uninformative", "variant_flips",
]  # fmt: skip
