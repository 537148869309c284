"""What users of torch hand over beside examples, or leave open: own losses, networks that read the whole batch, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.networks.losses import Loss
from unseen.learners.networks.network import COPIES, MEMORY, Network, logits
from unseen.learners.networks.sample import Sample

# Gradients of single examples that are held at once where no memory is named, and the least that is taken (bytes): more is no
# faster, and large networks take more.
HELD, LEAST = 32, 1 << 28
# How far rounding may move outputs between batches of different size, as a share of the largest.
SAME = 1e-3
HINT = (
    "what it gives for an example depends on the others in the batch, in evaluation mode too (batch normalisation with "
    "track_running_stats=False?), so that no example has a gradient of its own. Give a network whose normalisation holds "
    "running means."
)


def own_loss(loss: Any) -> Any:
    """A loss of the user's own that holds each target against its own output, where outputs are (n, 1) and targets (n,).

    Names and losses of classes stay as they are. Those of torch get targets in the shape of the outputs; of any other, what
    has more values than there are outputs is worked out example by example.

    >>> own_loss(lambda outputs, targets: (outputs - targets) ** 2)(torch.zeros(2, 1), torch.tensor([1.0, 2.0])).tolist()
    [1.0, 4.0]
    """
    if not callable(loss) or isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss) or loss is nn.functional.nll_loss:
        return loss
    kind = loss if hasattr(loss, "__name__") else type(loss)
    of_torch = str(kind.__module__).startswith("torch.nn")
    binary = isinstance(loss, nn.BCEWithLogitsLoss | nn.BCELoss)
    rule = cast("Loss", loss)

    def each(outputs: Tensor, targets: Tensor) -> Tensor:
        one = outputs.shape[1:].numel() == 1 and targets.shape[1:].numel() == 1
        if of_torch and one and (binary or targets.is_floating_point()):
            targets = targets.reshape(outputs.shape).to(outputs.dtype)
        made: Any = rule(outputs, targets)
        if len(outputs) > 1 and isinstance(made, Tensor) and made.numel() > outputs.numel():
            rows = [rule(outputs[i : i + 1], targets[i : i + 1]).sum() for i in range(len(outputs))]
            return torch.stack(rows)
        return made

    each.__name__ = getattr(loss, "__name__", type(loss).__name__)
    return each


def require_running_means(module: Any) -> None:
    """Refuse batch normalisation that has no means of its own: it reads the batch, in evaluation mode too.

    Args:
        module: A module, several in a list, or by their names; what is none is left to others.

    Raises:
        BadInput: A layer has none.
    """
    several = list(module.values()) if isinstance(module, Mapping) else module
    for one in several if isinstance(several, list | tuple) else [several]:
        for key, part in one.named_modules() if isinstance(one, nn.Module) else ():
            if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is None:  # pyright: ignore[reportPrivateUsage]
                raise BadInput(f"network: {key or type(part).__name__}: {HINT}")


def require_alone(network: Network, sample: Sample) -> None:
    """What a network gives for an example is the same whatever others are in the batch; where it is drawn anew, nothing is known.

    Raises:
        BadInput: It differs by more than rounding.
    """
    inputs = sample.inputs[:2]
    if len(inputs) < 2:
        return
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        both, again, alone = (logits(network.module(x)) for x in (inputs, inputs, inputs[:1]))
    if not torch.equal(both, again) or alone.shape != both[:1].shape:
        return
    if float((alone - both[:1]).abs().max()) > SAME * float(both.abs().max()):
        raise BadInput(f"{network.name}: {HINT}")


def thrifty(networks: Sequence[Network]) -> int:
    """Bytes that gradients of single examples take at once where a user names none.

    >>> from unseen.learners.networks.sample import Sample
    >>> thrifty([Network.of(nn.Linear(2, 3), Sample.of(([[0.0, 1.0]], [2])))]) == 2**28
    True
    """
    largest = max(network.parameters for network in networks)
    return min(MEMORY, max(LEAST, HELD * COPIES * 4 * largest))
