"""Pictures of what is inside networks: which measures order runs, how far answers are from changing, what bounds say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unseen.checks.details import network
from unseen.report.forms import Axis, Curve, Mark, curves, forest
from unseen.report.picture import Picture, Shown

MAX_ROWS = 20


def orders(findings: Sequence[Shown[network.Foretold]]) -> Iterator[Picture]:
    """Agreement of each measure's order with that of the scores, over all runs and over those that differ in one setting."""
    for f in findings:
        shown = f.details.ordered[:MAX_ROWS]
        rows = [[Mark(o.measure, o.tau.value, o.tau.low, o.tau.high)] for o in shown]
        axis = "agreement with the order of unseen scores"
        svg = forest(rows, label="Measures by how they order runs", axis=axis, reference=0.0)
        yield Picture(
            svg, f"Kendall's coefficient of each measure over {f.details.runs} runs; intervals hold together."
        )
        worst = [(o, o.by_setting[o.worst]) for o in shown if o.worst in o.by_setting]
        if worst:
            rows = [[Mark(f"{o.measure} · {o.worst}", e.value, e.low, e.high)] for o, e in worst]
            axis = "agreement over runs that differ in this alone"
            svg = forest(rows, label="Measures where they order worst", axis=axis, reference=0.0)
            yield Picture(svg, "The same over runs that differ in one setting alone, where that is worst.")


def margins(findings: Sequence[Shown[network.Margins]]) -> Iterator[Picture]:
    """Distance to the nearest other answer, in the inputs and within the directions of the data."""
    rows = [
        [Mark(f"{f.name} · {m.kind}", m.mean.value, m.mean.low, m.mean.high)]
        for f in findings[:MAX_ROWS]
        for m in f.details.margins
        if m.kind in ("input", "constrained")
    ]
    if rows:
        svg = forest(
            rows, label="Margins of training examples", axis="distance to where the answer changes", reference=0.0
        )
        yield Picture(svg, "Mean distance of training examples that are answered right to where the answer changes.")


def circuits(findings: Sequence[Shown[network.Carrying]]) -> Iterator[Picture]:
    """How many answers stay as ever more of the units that carry seen ones are kept, on seen and on unseen inputs."""
    for f in findings:
        d = f.details
        lines = [
            Curve(name, kind, [Mark(f"{c.units} units", share(c), kind=kind, x=c.units) for c in d.curve])
            for name, kind, share in (("seen inputs", "seen", _of_seen), ("unseen inputs", "unseen", _of_unseen))
        ]
        svg = curves(
            lines,
            label="Answers that circuits give",
            x=Axis("hidden units kept"),
            y=Axis("share of answers", low=0.0, high=1.0),
        )
        yield Picture(
            svg, f"{f.name}: share of other seen and of unseen inputs that keep the answer of the whole network if only the units "
            "that add most to seen answers are kept.",
        )  # fmt: skip


def bounds(findings: Sequence[Shown[network.Limited]]) -> Iterator[Picture]:
    """From the error on the training examples to what each bound leaves open, with what came out and what guessing gives."""
    for f in findings:
        d = f.details
        rows = [[Mark(b.kind, b.seen, b.seen, b.value)] for b in d.bounds if b.value > b.seen]
        if d.came_out is not None:
            rows.append([Mark("came out on the test set", d.came_out.value, d.came_out.low, d.came_out.high)])
        svg = forest(rows, label="Bounds of the unseen error", axis="share of wrong answers", reference=d.guess)
        sure = f"{100 * d.together:.0f} %"
        yield Picture(
            svg, f"{f.name}: from the error on training examples (point) to each bound; all hold with {sure} confidence. The line "
            "is what guessing gives: a bound beyond it says nothing.",
        )  # fmt: skip


def bits(findings: Sequence[Shown[network.Asked]]) -> Iterator[Picture]:
    """Bits of each network beyond its training examples, on the same test examples."""
    told = [(f.name, f.details.bits) for f in findings[:MAX_ROWS] if f.details.bits is not None]
    if told:
        rows = [[Mark(name, e.value, e.low, e.high)] for name, e in told]
        svg = forest(rows, label="Bits beyond the training examples", axis="bits", reference=0.0)
        yield Picture(
            svg, "Bits that test answers show beyond what the training examples give; at 0 a network errs as much as the mean of "
            "all functions that fit as closely.",
        )  # fmt: skip


def _of_seen(circuit: network.Circuit) -> float:
    return circuit.seen


def _of_unseen(circuit: network.Circuit) -> float:
    return circuit.unseen
