"""U902: how far examples lie from where the network's answer changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from unseen.checks._networks import affordable, directions, mean_of, of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Margin, Margins
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    from torch import Tensor

    from unseen.learners.networks import Inspected, Network, Sample

MOST = 1_000
# Times that an example goes through the network, in the search for the nearest other answers.
PASSES = 25
# Hidden layers that are told: the first, the last, and evenly between.
LAYERS = 4


class MarginsOfNetwork(Check):
    """Measures margins in outputs, hidden layers, inputs, and within the directions that the data have."""

    code = "U902"
    title = "margins"
    question = "How far do examples lie from where the answer changes?"
    null = "none: a measure"
    interest = "Context: margins of training examples that are answered right, beside those of unseen ones."
    method = (
        "Means over examples that are answered right. Output: right class minus the largest other. Hidden: the same over the "
        "length of its gradient in a layer's activations and over their spread, which rescaling leaves alone. Input: distance to "
        "the nearest point where the answer changes, by linearised steps to each of the four likeliest other classes. "
        "Constrained: the same, within the principal directions that carry 90 % of the variance of the training inputs. At most "
        "1,000 examples a side, drawn at random, fewer of a network that takes long; clusters count once."
    )
    assumptions = (
        "Outputs have a gradient in the inputs. Distances are to points that were found, upper bounds of the true ones. Margins of "
        "one network foretell nothing by themselves: U907 tells whether they order your runs."
    )
    sources = (
        "Jiang, Krishnan, Mobahi & Bengio (2019), Predicting the generalization gap in deep networks with margin distributions.",
        "Mouton, Theunissen & Davel (2023), Input margins can predict generalization too, arXiv:2308.15466.",
        "Moosavi-Dezfooli, Fawzi & Frossard (2016), DeepFool.",
    )
    example = (
        "net: the nearest other answer is 1.20 [1.15, 1.25] away in the inputs, 2.10 [2.02, 2.18] within the directions of the "
        "data."
    )
    needs = ("module",)
    studies = ("constrained-margins",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.margins.margins import hidden_margins, input_margins, layers, output_margins

        about = About("model", network.name)
        if not given.train.classes:
            return self.not_applicable(
                f"{network.name} predicts numbers, and a margin is the distance to another class.",
                "Nothing to do.",
                about=about,
            )
        rng = self.rng(settings, network.name)
        basis: Tensor | None = directions(given)
        chosen = layers(network)
        chosen = [
            chosen[i] for i in np.unique(np.linspace(0, len(chosen) - 1, min(LAYERS, len(chosen))).round().astype(int))
        ]
        kinds: list[tuple[str, str, Callable[[Sample], np.ndarray]]] = [
            ("output", "", lambda s: output_margins(network, s))
        ]
        kinds += [("hidden", name, lambda s, name=name: hidden_margins(network, s, name)) for name in chosen]
        kinds.append(("input", "", lambda s: input_margins(network, s)))
        if basis is not None:
            kinds.append(("constrained", "", lambda s: input_margins(network, s, within=basis)))
        sides = [
            some(side, affordable(network, side, MOST, PASSES), rng)[0]
            for side in (given.train, given.test)
            if side is not None
        ]
        right = [output_margins(network, side) > 0 for side in sides]
        rows: list[Margin] = []
        for kind, layer, measure in kinds:
            made: list[Estimate | None] = []
            for side, known in zip(sides, right, strict=True):
                try:
                    made.append(mean_of(np.where(known, measure(side), np.nan), side, settings, f"mean {kind} margin"))
                except (BadInput, TooFewUnits, Undefined, RuntimeError):
                    # A layer that is used twice, or inputs without a gradient (tokens): this kind has no margin here.
                    made.append(None)
            if made[0] is not None:
                rows.append(Margin(kind, layer, made[0], made[1] if len(made) > 1 else None))
        if not rows:
            raise TooFewUnits(f"{network.name} answers fewer than ten training examples right.")
        told = {row.kind: row for row in rows}
        parts = [
            f"{told[kind].mean.format(2)} {words}"
            for kind, words in (("input", "away in the inputs"), ("constrained", "within the directions of the data"))
            if kind in told
        ]
        lead = told.get("constrained", told.get("input", rows[0]))
        sentence = f"{network.name}: the nearest other answer is {', '.join(parts)}" if parts else (
            f"{network.name}: the right class leads by {rows[0].mean.format(2)}"
        )  # fmt: skip
        beside = "" if lead.unseen is None else f"; of unseen examples {lead.unseen.format(2)}"
        return Context(
            code=self.code, about=about, statement=f"{sentence}{beside}.", estimate=lead.mean,
            next_step="Compare runs: give a folder of weights, and U907 tells whether margins order them.",
            details=Margins(network=network.name, margins=tuple(rows), directions=0 if basis is None else len(basis)),
        )  # fmt: skip
