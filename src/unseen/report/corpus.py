"""Pictures of the corpus of trained networks: which measures order its runs, and what they tell beyond settings."""

from __future__ import annotations

from unseen.atlas.corpus import told
from unseen.estimates.estimate import Estimate
from unseen.report.forms import Mark, forest
from unseen.report.picture import Picture
from unseen.report.standalone import Plot

KINDS = (("gap", "test images", "c0"), ("shifted", "shifted images", "c1"))


def measures_that_rank() -> Plot:
    """Each measure's mean coefficient over the families, for scores on test images and on shifted ones."""
    found = {target: told.means(target) for target, _, _ in KINDS}
    rows = [
        [_mark(name, found[target][name], kind, said) for target, said, kind in KINDS if name in found[target]]
        for name in found[KINDS[0][0]]
    ]
    svg = forest(
        rows, label="Measures by how they order networks", axis="agreement with the order of unseen scores", reference=0.0,
        legend=[(kind, said) for _, said, kind in KINDS], apart=True,
    )  # fmt: skip
    return Plot(
        (Picture(svg, "Mean over families of networks; 0 is no agreement. Intervals hold together."),), "measures"
    )


def told_beyond(target: str = "gap") -> Plot:
    """What each measure tells of the order beyond settings, beside what shuffled ones tell, by family."""
    pictures: list[Picture] = []
    for family, parts in told.read().items():
        listed = sorted((one for one in parts[target] if "information" in one), key=lambda one: -one["information"])
        rows = [
            [
                Mark(
                    one["measure"],
                    one["information"],
                    kind="accent",
                    said=f"given {', '.join(one['given']) or 'nothing'}",
                ),
                Mark(one["measure"], one["by_chance"], kind="mute", said="shuffled"),
            ]
            for one in listed
        ]
        svg = forest(
            rows, label=f"Information beyond settings, {family}", axis="share of what there is to know of a pair's order",
            reference=0.0, legend=[("accent", "measure"), ("mute", "shuffled within settings")],
        )  # fmt: skip
        pictures.append(Picture(svg, f"{family}: at the two settings that leave least."))
    return Plot(tuple(pictures), "information beyond settings")


def _mark(name: str, estimate: Estimate, kind: str, said: str) -> Mark:
    return Mark(name, estimate.value, estimate.low, estimate.high, kind, units=estimate.units, said=said)
