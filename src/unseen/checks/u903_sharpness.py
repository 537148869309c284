"""U903: how fast the loss rises around the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unseen.checks._networks import affordable, generator, of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Curved

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network

MOST = 1_000
RADIUS = 0.5
# Times that an example goes through the network: twice for each of 50 products with the Hessian, and for the ascent.
PASSES = 120


class Sharpness(Check):
    """Measures curvature as it is, and in a form that rescaling the weights leaves alone."""

    code = "U903"
    title = "sharpness"
    question = "How fast does the loss rise around the weights?"
    null = "none: a measure"
    interest = "Context: sharpness, which foretells nothing by itself; U907 tells whether it orders your runs."
    method = (
        "Adaptive sharpness: the rise of the mean training loss to the worst weights w + |w| e with |e| at most 0.5, by projected "
        "gradient ascent; networks that compute the same in other scales have the same. Beside it the largest eigenvalue of the "
        "Hessian (Lanczos), its trace (Hutchinson, interval over 20 random probes) and the Fisher–Rao norm. At most 1,000 training "
        "examples, drawn at random; fewer of a network that takes long."
    )
    assumptions = (
        "The loss can be differentiated twice. The ascent gives a lower bound of the rise. "
        "Eigenvalue and trace depend on the scale of the weights."
    )
    sources = (
        "Kwon, Kim, Park & Choi (2021), ASAM: adaptive sharpness-aware minimization, definition 2.",
        "Andriushchenko et al. (2023), A modern look at the relationship between sharpness and generalization.",
        "Dinh, Pascanu, Bengio & Bengio (2017), Sharp minima can generalize for deep nets.",
        "Liang, Poggio, Rakhlin & Stokes (2019), Fisher–Rao metric, geometry, and complexity of neural networks.",
    )
    example = (
        "net: the loss rises from 0.02 by 0.31 to the worst weights within half their size; "
        "at this scale of the weights the Hessian's trace is 84 [70, 98], its largest eigenvalue 21."
    )
    needs = ("module",)
    studies = ("fantastic-measures-nowhere",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.sharpness.sharpness import adaptive_sharpness, curvature, fisher_rao

        rng = self.rng(settings, network.name)
        train, _ = some(given.train, affordable(network, given.train, MOST, PASSES), rng)
        rise = adaptive_sharpness(network, train, radius=RADIUS)
        bent = curvature(network, train, generator=generator(rng), level=settings.level)
        norm = fisher_rao(network, train, memory=given.memory)
        start = float(network.losses(train).mean())
        few = (
            "" if len(train) == min(MOST, len(given.train)) else f" (on {len(train)} of {len(given.train):,} examples)"
        )
        return Context(
            code=self.code, about=About("model", network.name),
            statement=f"{network.name}: the loss rises from {start:.3g} by {rise:.3g} to the worst weights within half their size; "
            f"at this scale of the weights the Hessian's trace is {bent.trace.format(2)}, "
            f"its largest eigenvalue {bent.largest:.3g}{few}.",
            next_step="Compare runs: give a folder of weights, and U907 tells whether sharpness orders them.",
            estimate=bent.trace,
            details=Curved(
                network=network.name, adaptive=rise, radius=RADIUS, largest=bent.largest, trace=bent.trace, fisher_rao=norm
            ),
        )  # fmt: skip
