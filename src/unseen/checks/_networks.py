"""What checks of trained networks share: which examples they look at, and measures that are worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.engine.seeds import draw_seed, seeded_torch
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import mean_estimate

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network, Sample

MIN_EXAMPLES = 10
# Networks that are told one by one; of more, U907 tells what orders them.
MOST_TOLD = 8
# Operations that one measure of one network may take at all (ten minutes), and those beyond which it looks at fewer examples, but
# not at too few to be told (a quarter of a minute, on two cores).
WORK, QUICK, FEW = 1e13, 1.5e11, 250
# Multiplications of all examples going forwards once beyond which checks of networks take half a minute and more, and the most
# that is sent to a second process (bytes).
LONG, LARGEST_SENT = 1e9, 256 * 2**20
# Under which name the principal directions of the training inputs are kept.
DIRECTIONS = "principal directions"


def inspected(subject: Subject) -> Inspected:
    """The networks and their data."""
    return subject.module


def of_each(
    check: Check, tell: Callable[[Inspected, Network, Settings], Outcome], subject: Subject, settings: Settings
) -> list[Outcome]:
    """What a check tells of each network by itself; what one of them can't give ends the check of it, not the audit.

    Raises:
        Undefined: There are more than eight networks.
    """
    given = inspected(subject)
    if len(given.networks) > MOST_TOLD:
        raise Undefined(
            f"{len(given.networks)} networks are too many to tell each by itself ({MOST_TOLD} at most): U907 compares them."
        )

    def told(network: Network) -> Outcome:
        try:
            with seeded_torch(settings.seed):
                return tell(given, network, settings)
        except BadInput as error:
            raise Undefined(str(error)) from error

    return [guarded(check, About("model", net.name), lambda net=net: told(net)) for net in given.networks]


def affordable(network: Network, sample: Sample, most: int, passes: int, few: int = FEW) -> int:
    """How many examples go through a network so many times, forwards and back, within a quarter of a minute.

    Args:
        network: The network; all its weights are worked through, whether trained or not.
        sample: The examples.
        most: At most so many.
        passes: Times that each goes through.
        few: As many at least, where that takes minutes and no more.
    """
    each = 6 * passes * multiplications(network, sample)
    return max(2, min(most, int(WORK / each), max(few, int(QUICK / each))))


def worth_two_processes(given: Inspected) -> bool:
    """Whether the measures take so long that loading torch once more pays, and networks and data are small enough to be sent."""
    samples = [sample for sample in (given.train, given.test) if sample is not None]
    held = [p for net in given.networks for p in net.module.parameters()]
    held += [part for sample in samples for part in (sample.inputs, sample.targets)]
    small = sum(part.numel() * part.element_size() for part in held) <= LARGEST_SENT
    here = all(part.device.type == "cpu" for part in held)
    # A network may draw: the user's own draws stay as they are.
    with seeded_torch(0):
        each = sum(multiplications(network, given.train) for network in given.networks[:MOST_TOLD])
    return small and here and each * len(given.train) > LONG


def multiplications(network: Network, sample: Sample) -> float:
    """Multiplications that one example takes on its way forwards: weights, as often as a layer uses them.

    Layers that are neither linear nor convolutions count by their weights, once at each place of a text.
    """
    from torch import nn

    # A weight of a convolution is used at each place of its output, one of a linear layer at each vector that it gets.
    layers = (nn.Linear, nn.modules.conv._ConvNd)  # pyright: ignore[reportPrivateUsage]
    counted: dict[str, float] = {}

    def count(name: str, layer: Any, out: Any) -> None:
        places = out.numel() / out.shape[1 if isinstance(layer, layers[1]) else -1]
        counted[name] = counted.get(name, 0.0) + layer.weight.numel() * places

    hooks = [
        layer.register_forward_hook(lambda layer, _, out, name=name: count(name, layer, out))
        for name, layer in network.module.named_modules()
        if isinstance(layer, layers)
    ]
    try:
        network.outputs(sample.inputs[:1])
    finally:
        for hook in hooks:
            hook.remove()
    weights = sum(p.numel() for p in network.module.parameters())
    known = {f"{name}.weight".lstrip(".") for name in counted}
    told = sum(p.numel() for name, p in network.module.named_parameters() if name in known)
    places = sample.targets[0].numel() if sample.sequences else 1
    return max(1.0, sum(counted.values()) + max(0, weights - told) * places)


def some(sample: Sample, most: int, rng: np.random.Generator) -> tuple[Sample, np.ndarray]:
    """At most so many examples, drawn at random, and their row numbers."""
    rows = np.arange(len(sample))
    if len(rows) > most:
        rows = np.sort(rng.choice(len(rows), most, replace=False))
    return sample.take(rows), rows


def mean_of(values: np.ndarray, sample: Sample, settings: Settings, what: str) -> Estimate:
    """Mean over the examples that have a finite value, those of one cluster as one draw.

    Raises:
        TooFewUnits: Fewer than ten clusters hold a value.
        Undefined: All values are the same.
    """
    known = np.isfinite(values)
    count = len(np.unique(sample.clusters[known]))
    if count < MIN_EXAMPLES:
        raise TooFewUnits(f"{what}: {count} independent examples, {MIN_EXAMPLES} are needed.")
    return mean_estimate(values[known], sample.clusters[known], level=settings.level, what=what)


def directions(given: Inspected) -> Any:
    """The principal directions of the training inputs, worked out once; None where they have none."""
    from unseen.measures.margins.margins import principal_directions

    if DIRECTIONS not in given.shared:
        try:
            given.shared[DIRECTIONS] = principal_directions(given.train)
        except (BadInput, Undefined):
            given.shared[DIRECTIONS] = None
    return given.shared[DIRECTIONS]


def generator(rng: np.random.Generator) -> Any:
    """A generator of torch, seeded by one of numpy."""
    import torch

    return torch.Generator().manual_seed(draw_seed(rng))
