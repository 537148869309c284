"""Pictures of models and their answers: difficulty, mastery, variants, confidence, tiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unseen.checks.details import confidence, models
from unseen.report.forms import Axis, Curve, Mark, bars, curves, forest, histogram, stacked
from unseen.report.picture import (
    MAX_PICTURES,
    MAX_ROWS,
    CannotDraw,
    Picture,
    Shown,
    intervals,
    levels_of,
    mark_of,
    unit_range,
)  # fmt: skip
from unseen.report.plain import number
from unseen.report.svg import WIDTH, Canvas, Scale, extent

Reliability = confidence.Calibration | confidence.CalibrationMoved | confidence.ReliabilityCurve


def person_item_map(findings: Sequence[Shown[models.AbilityScale]]) -> Iterator[Picture]:
    """Models (ability, with intervals) and items (difficulty) on one scale."""
    d = findings[0].details
    difficulties = sorted(item.difficulty for item in d.scaled)
    people = [Mark(p.model, p.ability, p.low, p.high, "accent") for p in d.persons if p.ability is not None]
    people = sorted(people, key=lambda p: -(p.value or 0.0))
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


def extra_loss(findings: Sequence[Shown[models.ExtraLoss]]) -> Iterator[Picture]:
    """Gaps at equal difficulty, a row a model."""
    yield from intervals([f.entry for f in findings])


def extra_losses(findings: Sequence[Shown[models.ExtraLosses]]) -> Iterator[Picture]:
    """Gaps at equal difficulty at the levels of each factor."""
    for f in findings:
        cells = f.details.cells
        named = sorted({c.model for c in cells})[:8]
        by_level: dict[str, list[Mark]] = {}
        for c in sorted(cells, key=lambda c: c.model):
            if c.model in named:
                row = by_level.setdefault(c.level, [])
                row.append(mark_of(c.gap, c.model if row else c.level, f"c{named.index(c.model)}", note=""))
        name = f.details.factor
        svg = forest(
            list(by_level.values())[:MAX_ROWS], label=f"Gap at equal difficulty by {name}",
            axis="gap at equal difficulty",
            reference=0.0, legend=[(f"c{i}", m) for i, m in enumerate(named)], apart=True,
        )  # fmt: skip
        yield Picture(svg, f"Gap at equal difficulty by {name}: level against the others.")


def uninformative(findings: Sequence[Shown[models.SolvedByAll]]) -> Iterator[Picture]:
    """The items that all models solve, that some solve, and that none solves, as shares of all."""
    names = (("good", "solved by all"), ("accent", "by some"), ("mute", "by none"))
    rows: list[tuple[str, list[tuple[str, float]]]] = []
    for f in findings[:MAX_PICTURES]:
        total, every, none = f.details.total, f.details.every, f.details.none
        shares = (every / total, 1.0 - (every + none) / total, none / total)
        rows.append((f.name, [(kind, share) for (kind, _), share in zip(names, shares, strict=True)]))
    yield Picture(
        stacked(rows, label="Items by how many models solve them", names=names, axis="share of items"),
        "Only items that some models solve and others do not tell the models apart.",
    )


def ratings(findings: Sequence[Shown[models.Rating]]) -> Iterator[Picture]:
    """Ratings with intervals, against the one that solves nine items in ten."""
    shown = findings[:MAX_ROWS]
    rows = [[Mark(f.name, f.details.rating, f.details.low, f.details.high)] for f in shown]
    needed = shown[0].details.needed.get("0.9")
    svg = forest(
        rows, label="Ratings of models", axis="rating (the mean item has 1500)", reference=needed,
        reference_name="90 % success" if needed is not None else "",
    )  # fmt: skip
    yield Picture(svg, "Ratings with intervals, and the rating that solves nine items in ten.")


def by_difficulty(findings: Sequence[Shown[models.ByDifficulty]]) -> Iterator[Picture]:
    """Score against item difficulty, a line a model."""
    lines: list[Curve] = []
    axis = "share of items solved" if findings[0].details.told_as else "mean score"
    for i, f in enumerate(findings[:8]):
        at, _ = levels_of([e.difficulty for e in f.details.levels])
        kind = f"c{i % 8}"
        marks = [
            mark_of(e, f"{f.name}, difficulty {x:.2g}", kind, x=x) for e, x in zip(f.details.levels, at, strict=True)
        ]  # fmt: skip
        lines.append(Curve(f.name, kind, marks))
    marks = [p for line in lines for p in line.points]
    bounds = unit_range(v for m in marks for v in (m.value, m.low, m.high))
    svg = curves(
        lines, label=f"{axis[:1].upper()}{axis[1:]} against difficulty", x=Axis("difficulty, easy to hard"),
        y=Axis(axis, *(bounds or (None, None))), height=280,
    )  # fmt: skip
    yield Picture(svg, f"{axis[:1].upper()}{axis[1:]} against the difficulty of items.")


def mastery(findings: Sequence[Shown[models.Profiles]]) -> Iterator[Picture]:
    """The four profiles as shares, by the strict and by the loose rule."""
    names = (
        ("good", "complete mastery"), ("unseen", "inadequate generalisation"), ("c3", "rote memorisation"),
        ("mute", "insufficient knowledge"),
    )  # fmt: skip
    rows: list[tuple[str, list[tuple[str, float]]]] = []
    for f in findings[:MAX_PICTURES]:
        for rule, profile in (("strict", f.details.strict), ("loose", f.details.loose)):
            by_name = {k.replace("-", " "): e.value for k, e in profile.items()}
            parts = [(kind, by_name.get(title) or 0.0) for kind, title in names]
            total = sum(share for _, share in parts)
            if total > 0:
                rows.append((f"{f.name} · {rule}", [(kind, share / total) for kind, share in parts]))
    if not rows:
        raise CannotDraw("no profiles")
    right = "solved" if findings[0].details.told_as else "right"
    yield Picture(
        stacked(rows, label="Mastery profile of composite items", names=names, axis="share of composite items"),
        f"Composite items by what was {right}: parts and whole, parts only, whole only, neither.",
    )


def variant_flips(findings: Sequence[Shown[models.Flips]]) -> Iterator[Picture]:
    """Answers that a rewording turns wrong, and those that it turns right."""
    rows: list[Mark] = []
    turned, back = ("worse", "better") if findings[0].details.told_as else ("wrong", "right")
    for f in findings[:10]:
        pairs, wrong, right = f.details.pairs, f.details.flips_to_wrong, f.details.flips_to_right
        worse, better = ("worse", "better") if f.details.told_as else ("right → wrong", "wrong → right")
        rows.append(Mark(f"{f.name}: {worse}", -wrong / pairs, kind="bad", note=f"{wrong:g} of {pairs:g}"))
        rows.append(Mark(f"{f.name}: {better}", right / pairs, kind="good", note=f"{right:g} of {pairs:g}"))
    yield Picture(
        bars(
            rows,
            label="Answers that change between variants of an item",
            axis=f"share of pairs (left: turned {turned})",
        ),
        f"Answers that change when an item is rewritten. Chance alone would turn as many {back} as {turned}.",
    )


def places_of_options(findings: Sequence[Shown[models.PlacesOfOptions]]) -> Iterator[Picture]:
    """Choices by the place of the option, and right answers by the place of the key, once a model."""
    once = {f.details.model: f.details for f in reversed(findings)}
    for name, d in list(reversed(once.items()))[: MAX_PICTURES // 2]:
        rows = [
            Mark(f"{p.place}", p.chosen, note=f"{100 * p.chosen:.0f} % (by content {100 * p.expected:.0f} %)")
            for p in d.places
        ]
        yield Picture(
            bars(rows, label=f"Choices of {name} by the place of the option", axis="share of choices"),
            f"{name}: what its options alone would draw to each place stands in brackets.",
        )
        known = [[mark_of(p.right, f"key at {p.place}", "accent")] for p in d.places if p.right is not None]
        if known:
            what = f"The {d.word}" if d.told_as else "Right answers"
            svg = forest(
                known, label=f"{what} of {name} by the place of the key", axis=f"mean {d.word}",
                bounds=None if d.told_as else (0.0, 1.0),
            )  # fmt: skip
            yield Picture(svg, f"{name}: the same items, with the right option at each place.")


def rewrites(findings: Sequence[Shown[models.Disagreeing]]) -> Iterator[Picture]:
    """Answers that are not those of the original, by kind of rewriting."""
    for f in findings[:MAX_PICTURES]:
        d = f.details
        rows = [[mark_of(d.disagreement, "any two forms", "bad")]]
        rows += [[mark_of(k.share, f"{k.kind} against the original", "accent")] for k in d.kinds]
        svg = forest(
            rows,
            label=f"Answers of {d.model} that differ between forms of a question",
            axis="share of pairs",
            bounds=(0.0, 1.0),
        )
        yield Picture(svg, f"{d.model}: of two different answers to one question at least one is wrong.")


def reliability(findings: Sequence[Shown[Reliability]]) -> Iterator[Picture]:
    """Accuracy against confidence with bands; the diagonal is perfect calibration."""
    by_subject: dict[str, list[Reliability]] = {}
    for f in findings:
        if f.details.curve:
            by_subject.setdefault(f.details.model or f.name, []).append(f.details)
    for name, group in list(by_subject.items())[:MAX_PICTURES]:
        signal = getattr(group[0], "signal", None) or "confidence"
        lines: list[Curve] = []
        for i, d in enumerate(group[:3]):
            split = "" if isinstance(d, confidence.CalibrationMoved) else d.split or ""
            own = "accent" if i == 0 else f"c{i}"
            kind = {"seen": "seen", "unseen": "unseen", "all": "c2"}.get(split, own)
            lines.append(Curve(split, kind, [_bin(e, kind) for e in d.curve]))
        svg = curves(
            lines, label=f"Accuracy against {signal}, {name}", x=Axis(signal, 0.0, 1.0),
            y=Axis("accuracy (mean score)", 0.0, 1.0), diagonal=True, height=270, legend=any(line.name for line in lines),
        )  # fmt: skip
        yield Picture(svg, f"{name}: below the dashed line it is overconfident.")


def steps_behind(findings: Sequence[Shown[models.StepsBehind]]) -> Iterator[Picture]:
    """Right answers, and those whose steps are valid too, on each side of each model."""
    each = {f.details.model: f.details for f in findings}
    rows = [
        [mark_of(s.right, f"{name} {s.split}".removesuffix(" all"), "mute"), mark_of(s.valid, "with valid steps", "accent")]
        for name, d in each.items() for s in d.sides
    ][:MAX_ROWS]  # fmt: skip
    if not rows:
        raise CannotDraw("no sides")
    svg = forest(
        rows, label="Right answers, and right answers with valid steps", axis="share of answers", bounds=(0.0, 1.0),
        legend=(("mute", "right"), ("accent", "right with valid steps")),
    )  # fmt: skip
    yield Picture(svg, "What lies between the two points is right through an invalid step.")


def by_constraints(findings: Sequence[Shown[models.ByConstraints]]) -> Iterator[Picture]:
    """Share of items that meet all constraints by their number, beside what each alone lets expect."""
    for f in findings[:MAX_PICTURES]:
        d = f.details
        marks = [mark_of(n.right, f"{n.constraints} constraints", "accent", x=float(n.constraints)) for n in d.numbers]
        expected = [
            Mark(
                "expected",
                n.right.value if n.expected is None else n.expected,
                None,
                None,
                "mute",
                x=float(n.constraints),
            )
            for n in d.numbers
        ]
        svg = curves(
            [Curve("all met", "accent", marks), Curve("expected from each alone", "mute", expected)],
            label=f"Items with all constraints met, {d.model}", x=Axis("constraints", names={m.x: f"{m.x:g}" for m in marks}),
            y=Axis("share with all met", 0.0, 1.0), legend=True,
        )  # fmt: skip
        yield Picture(svg, f"{d.model}: below the grey line several constraints cost more than each alone.")


def abstaining(findings: Sequence[Shown[confidence.Abstaining]]) -> Iterator[Picture]:
    """Risk against coverage on both sides, and what the threshold of the seen side comes to on the unseen one."""
    for f in findings[:MAX_PICTURES]:
        d = f.details
        lines = [
            Curve(side.split, side.split, [_at(e, side.split) for e in side.curve]) for side in d.sides if side.curve
        ]  # fmt: skip
        target, got = d.judged.target, d.judged.risk
        lines.append(Curve("promised", "mute", [Mark("promised", target, None, None, "mute", x=x) for x in (0.0, 1.0)]))
        if got is not None:
            kept = Mark("kept of the unseen answers", got.value, got.low, got.high, "bad", x=d.judged.coverage.value)
            lines.append(Curve("by the threshold", "bad", [kept]))
        most = max([target, *(m.high or m.value or 0.0 for line in lines for m in line.points)])
        svg = curves(
            lines, label=f"Risk by the share that is kept, {f.name}", x=Axis("share of answers kept", 0.0, 1.0),
            y=Axis("wrong, or score lost, of these", 0.0, min(1.0, 1.05 * most)), height=270, legend=True,
        )  # fmt: skip
        yield Picture(svg, f"{f.name}: what stands above the promised risk was not to be let through.")


def _at(e: confidence.AtCoverage, kind: str) -> Mark:
    return Mark(f"{e.coverage:.0%} kept, {e.n} rows", e.risk, e.low, e.high, kind, x=e.coverage, units=e.n)


def _bin(e: confidence.Bin, kind: str) -> Mark:
    label = f"confidence {e.confidence:.2f}" + (f", {e.n} rows" if e.n else "")
    return Mark(label, e.accuracy, e.low, e.high, kind, x=e.confidence, units=e.n)


def label_free(findings: Sequence[Shown[confidence.LabelFree | confidence.FewLabels]]) -> Iterator[Picture]:
    """Accuracy of unlabelled rows by each method, with its interval."""
    for f in findings[:MAX_PICTURES]:
        rows: list[list[Mark]] = []
        for m in f.details.methods:
            off = "" if m.backtest_error is None else f" · off by {number(m.backtest_error, 2)} in back-tests"
            rows.append([Mark(m.method, m.value, m.low, m.high, "accent", f"{number(m.value, 2)}{off}")])
        bounds = unit_range(v for row in rows for m in row for v in (m.low, m.high))
        svg = forest(
            rows,
            label="Estimated accuracy without labels",
            axis="accuracy (mean score) of unlabelled rows",
            bounds=bounds,
        )
        yield Picture(svg, f"{f.name}: accuracy (mean score) of rows without labels, by method.")


def tiers(findings: Sequence[Shown[models.PairDifferences]]) -> Iterator[Picture]:
    """Differences between models with intervals; those that cover zero leave two models in one tier."""
    whole = next((f for f in findings if f.details.tiers), findings[0])
    known = {(p.a, p.b): p for f in (whole, *findings) for p in f.details.pairs}
    level = 1.0 - ((whole.entry["estimate"] or {}).get("level") or 0.95)
    rows = [
        [mark_of(p.estimate, f"{a} − {b}", "accent" if p.p_holm <= level else "mute")]
        for (a, b), p in list(known.items())[:MAX_ROWS]
    ]
    if not rows:
        raise CannotDraw("no pairs")
    better = f"how much lower the mean {whole.details.word} of the first is"
    axis = better if whole.details.told_as else "difference of mean scores"
    svg = forest(
        rows, label="Differences between models", axis=axis, reference=0.0,
        legend=(("accent", "told apart"), ("mute", "not told apart")),
    )  # fmt: skip
    named = [f"{i}: {', '.join(tier)}" for i, tier in enumerate(whole.details.tiers or (), 1)]
    yield Picture(svg, f"Tiers: {'; '.join(named)}." if named else "Differences between models, with intervals.")


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
    "abstaining",
    "by_constraints",
    "by_difficulty",
    "extra_loss",
    "extra_losses",
    "label_free",
    "mastery",
    "person_item_map",
    "places_of_options",
    "ratings",
    "reliability",
    "rewrites",
    "steps_behind",
    "tiers",
    "uninformative",
    "variant_flips",
]  # fmt: skip
