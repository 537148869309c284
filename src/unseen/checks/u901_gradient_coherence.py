"""U901: what the gradients of training examples share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unseen.checks._networks import affordable, mean_of, of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Coherent
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network

MOST = 5_000
# Times that an example goes through the network, gradients of single examples counted for what they take; examples that are
# looked at in any case.
PASSES, FEW = 8, 1_000


class GradientCoherence(Check):
    """Tells how far a step for one training example helps others."""

    code = "U901"
    title = "coherence of gradients"
    question = "Do training examples pull the network the same way, or does it learn each by itself?"
    null = "none: a measure"
    interest = "Context: how many others a step for one example helps."
    method = (
        "Coherence: the mean inner product of the gradients of two training examples of different clusters, over the mean "
        "square of one; interval by leaving out one cluster at a time. A step for one example helps about "
        "1 + (n − 1) · coherence of n. At most 5,000 examples, drawn at random; of a large network "
        "as many as go through in minutes."
    )
    assumptions = (
        "Coherence is that of the weights as they are: where training has ended, gradients cancel and it is near 0 for every "
        "network; weights from early in training tell more."
    )
    sources = (
        "Chatterjee & Zielinski (2020), Making coherence out of nothing at all, arXiv:2008.01217.",
        "Chatterjee & Zielinski (2022), On the generalization mystery in deep learning, arXiv:2203.10036.",
    )
    example = (
        "net: a step for one training example helps 41 [33, 49] of 1,000. Unseen examples agree with the direction of training "
        "by a cosine of 0.21 [0.18, 0.24]."
    )
    needs = ("module",)
    studies = ("coherent-gradients",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.gradients.coherence import alignment_with, coherence

        rng = self.rng(settings, network.name)
        train, _ = some(given.train, affordable(network, given.train, MOST, PASSES, FEW), rng)
        found = coherence(network, train, memory=given.memory, level=settings.level)
        n = len(train)
        beyond: Estimate | None = None
        if given.test is not None:
            test, _ = some(given.test, affordable(network, given.test, MOST, PASSES, FEW), rng)
            try:
                beyond = mean_of(
                    alignment_with(network, test, found.total, memory=given.memory), test, settings, "mean cosine"
                )
            except (TooFewUnits, Undefined):
                beyond = None
        low, high = (max(1.0, 1 + (n - 1) * x) for x in (found.estimate.low, found.estimate.high))
        helped = f"{_count(found.helped)} [{_count(low)}, {_count(high)}] of {n:,}"
        told = f"{network.name}: a step for one training example helps {helped}."
        if beyond is not None:
            told += f" Unseen examples agree with the direction of training by a cosine of {beyond.format(2)}."
        return Context(
            code=self.code, about=About("model", network.name), statement=told,
            next_step="Compare runs: give a folder of weights, and U907 tells whether coherence orders them.",
            estimate=found.estimate,
            details=Coherent(
                network=network.name, coherence=found.estimate, helped=found.helped, unseen_alignment=beyond,
            ),
        )  # fmt: skip


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 9.5 else f"{value:.1f}"
