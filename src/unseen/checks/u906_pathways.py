"""U906: whether the units that carry answers to seen inputs also carry those to unseen ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unseen.checks._networks import of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Carrying, Circuit

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network
    from unseen.measures.pathways.carried import Carried

# Inputs a side; more units say less by more inputs.
MOST = 300
# Units up to which circuits are looked for among single ones.
LARGEST = 20_000


class Pathways(Check):
    """Compares the units that carry answers to seen inputs with those that carry answers to unseen ones."""

    code = "U906"
    title = "pathways"
    question = "Do the units that carry answers to seen inputs also carry those to unseen ones?"
    null = "Units chosen on seen inputs are those chosen on unseen ones."
    interest = "Context: how many more unseen answers units give that were chosen on unseen inputs."
    method = (
        "What each hidden unit (neuron, channel, feature) adds to the log odds of the network's own answer, by integrated "
        "gradients from its mean over training examples (8 steps). The units that add most are kept alone, one to all but one "
        "of them, all others at that mean; in how many of these circuits an input keeps the whole network's answer is its "
        "share. Units are chosen on one half of each side and judged on the other; answers that both sides have count the same "
        "on each. What units chosen on unseen inputs give of unseen answers beyond those chosen on seen inputs: interval by "
        "drawing clusters anew and choosing again (100 draws), one-sided p-value by exchanging the inputs for choosing (199). "
        "No label is read. At most 300 inputs a side, drawn at random. On three classes around corners, in 60 draws each, p is "
        "0.05 or less in 0.05 to 0.12 (standard error 0.03 to 0.04) where unseen inputs are alike, in clusters, nearer to the "
        "boundary, or of two classes only, and the interval lies above 0 in at most 0.08 of them; in 0.9 both do where other "
        "inputs tell the classes."
    )
    assumptions = (
        "A unit that is put at its mean is one that tells nothing; units that stand in for each other are missed. That answers "
        "take another way says nothing of whether they are right."
    )
    sources = (
        "Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks, arXiv:1703.01365.",
        "Dhamdhere, Sundararajan & Yan (2019), How important is a neuron?, arXiv:1805.12233.",
        "Wang et al. (2023), Interpretability in the wild, arXiv:2211.00593 (faithfulness, mean ablation).",
        "Conmy et al. (2023), Towards automated circuit discovery, arXiv:2304.14997.",
        "Mueller et al. (2025), MIB: a mechanistic interpretability benchmark, arXiv:2504.13151 (area under the curve).",
    )
    example = (
        "net: 12 of 64 hidden units give its answers to seen inputs. Units chosen on unseen inputs give 0.11 [0.06, 0.16] more of "
        "its unseen answers (p = 0.005): other units carry these."
    )
    needs = ("module",)
    studies = ("circuit-reuse", "pathway-grokking", "box-stability")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.pathways.carried import carried_over
        from unseen.measures.pathways.units import Units

        about = About("model", network.name)
        if given.test is None:
            return self.not_applicable(
                "Without unseen inputs there are no pathways to compare.", "Give a test set: --test FILE.", about=about,
                unlocks=("test",),
            )  # fmt: skip
        if not given.train.classes or given.train.sequences:
            return self.not_applicable(
                f"{network.name} gives no class an example, so that its answers are not the same or others.",
                "Nothing to do.", about=about,
            )  # fmt: skip
        rng = self.rng(settings, network.name)
        seen, unseen = (some(side, MOST, rng)[0] for side in (given.train, given.test))
        units = Units.of(network, seen)
        if units.count > LARGEST:
            return self.not_applicable(
                f"{network.name} has {units.count:,} hidden units; circuits are looked for among {LARGEST:,} at most.",
                "Nothing to do.", about=about,
            )  # fmt: skip
        found = carried_over(units, seen, unseen, rng=rng, level=settings.level)
        return Context(
            code=self.code, about=about, statement=_sentence(network.name, found), next_step=_step(found), estimate=found.gained,
            details=Carrying(
                network=network.name, kept=found.kept, units=found.units, seen=found.seen, unseen=found.unseen, own=found.own,
                gained=found.gained, p_value=found.p_value, curve=tuple(Circuit(*row) for row in found.curve),
            ),
        )  # fmt: skip


def _others(found: Carried) -> bool:
    return found.p_value <= 1 - found.gained.level and found.gained.low > 0


def _sentence(name: str, found: Carried) -> str:
    told = f"{name}: {found.kept:,} of {found.units:,} hidden units give its answers to seen inputs."
    if _others(found):
        return (
            f"{told} Units chosen on unseen inputs give {found.gained.format(2)} more of its unseen answers "
            f"(p = {found.p_value:.3f}): other units carry these."
        )
    return (
        f"{told} That others carry its unseen answers is not seen: units chosen on unseen inputs give {found.gained.format(2)} "
        f"more of these (p = {found.p_value:.2f})."
    )


def _step(found: Carried) -> str:
    if _others(found):
        return "Look at how the unseen inputs differ (U5, U6): what was learnt for seen ones is not what answers them."
    return "Nothing to do: read it beside what the answers lose (U101)."
