"""Losses of single examples: those that are known by name, and a user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.networks.sample import Sample

Loss = Callable[[Tensor, Tensor], Tensor]
# Target of a place that nothing is to be said of: filled up, or without a token that follows.
NO_TARGET = -100
NEXT = "next-token"


def next_token(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over the places of each sequence that have a target [nats a token], shape (b,).

    Args:
        outputs: Shape (b, places, tokens).
        targets: Shape (b, places); -100 where there is none.

    >>> round(float(next_token(torch.zeros(1, 3, 7), torch.tensor([[2, 5, -100]])).exp()), 3)
    7.0
    """
    each = nn.functional.cross_entropy(
        outputs.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET, reduction="none"
    ).reshape(targets.shape)
    return each.sum(1) / (targets != NO_TARGET).sum(1).clamp(min=1)


LOSSES: dict[str, Loss] = {
    "cross-entropy": lambda outputs, targets: _each(
        nn.functional.cross_entropy(outputs, targets, reduction="none"), targets
    ),
    "binary": lambda outputs, targets: _each(
        nn.functional.binary_cross_entropy_with_logits(
            outputs.reshape(targets.shape), targets.to(outputs.dtype), reduction="none"
        ),
        targets,
    ),
    NEXT: next_token,
    "squared": lambda outputs, targets: _each((outputs.reshape(targets.shape) - targets).square(), targets),
    "absolute": lambda outputs, targets: _each((outputs.reshape(targets.shape) - targets).abs(), targets),
}
# Classes that one output may be told apart into by a loss of the user's own, which is worked out for each.
MOST_CLASSES = 1_000


def chosen(loss: str | Loss | None, outputs: Tensor, sample: Sample) -> tuple[Loss, str]:
    """A loss as one value an example, and what it is called.

    Args:
        loss: A name, a function (outputs, targets) -> losses, or None for that which the targets speak for.
        outputs: Of some examples, shape (b, …).
        sample: The examples.

    Raises:
        BadInput: There is no loss of that name.
    """
    if callable(loss):
        known = _known(loss, outputs)
        if known:
            return LOSSES[known], known
        own = getattr(loss, "__name__", type(loss).__name__)
        return _of_rows(loss), f"your own {own}" if own in LOSSES else own
    if loss is None and sample.sequences and _by_place(outputs, sample):
        loss = NEXT
    if loss is None:
        loss = ("binary" if outputs[0].numel() == 1 else "cross-entropy") if sample.classes else "squared"
    if loss not in LOSSES:
        raise BadInput(
            f"there is no loss {loss!r}; there are {', '.join(LOSSES)}, or a function (outputs, targets) -> losses."
        )
    return LOSSES[loss], loss


def require_targets(loss: str, outputs: Tensor, sample: Sample, name: str) -> None:
    """Hold the targets of a sample against what a known loss reads.

    Args:
        loss: What the loss is called; of a user's own nothing is known.
        outputs: Of some examples of the sample, shape (b, …).
        sample: The examples.
        name: What the network is called.

    Raises:
        BadInput: The targets are no classes, name one that the network does not tell, or differ in number from its outputs.
    """
    width = outputs[0].numel()
    if loss == NEXT:
        _require_tokens(outputs, sample, name)
        return
    if loss in ("cross-entropy", "binary"):
        if not sample.classes and loss == "cross-entropy":
            raise BadInput(
                f"{name}: cross-entropy needs classes as whole numbers; the targets of {sample.name} are {type_of(sample.targets)}."
            )
        low, high = int(sample.targets.min()), int(sample.targets.max())
        count = 2 if loss == "binary" else outputs.shape[1] if outputs.dim() > 1 else 1
        if low < 0 or high >= count:
            raise BadInput(
                f"{name}: {sample.name} has class {high if high >= count else low}, and the network tells {count} classes "
                f"(0 to {count - 1}) apart."
            )
    elif loss in LOSSES and width != sample.targets[0].numel():
        whole = sample.targets[0].numel() == 1 and bool((sample.targets == sample.targets.round()).all())
        hint = " If they are classes, give them as whole numbers (integers)." if whole and not sample.classes else ""
        raise BadInput(
            f"{name}: gives {width} numbers an example, and the targets of {sample.name} have {sample.targets[0].numel()}.{hint}"
        )
    if loss != "binary" and sample.classes and width == 1 and int(sample.targets.max()) >= MOST_CLASSES:
        raise BadInput(
            f"{name}: {sample.name} has whole numbers up to {int(sample.targets.max()):,} as targets, which are read as classes, "
            f"and the network gives one output. Give numbers that are predicted as decimal ones (floats)."
        )


def _by_place(outputs: Tensor, sample: Sample) -> bool:
    """Whether outputs have their classes last, as language models do, and not in the middle, as torch's losses read them."""
    places = sample.targets.shape[1]
    last = outputs.dim() == 3 and outputs.shape[1] == places
    return last and (outputs.shape[2] != places or bool((sample.targets == NO_TARGET).any()))


def _require_tokens(outputs: Tensor, sample: Sample, name: str) -> None:
    if not sample.sequences:
        raise BadInput(
            f"{name}: the loss next-token reads sequences of tokens, and the targets of {sample.name} are "
            f"{type_of(sample.targets)} of shape {tuple(sample.targets.shape)}. Make the sample by Sample.tokens."
        )
    if outputs.dim() != 3 or outputs.shape[1] != sample.targets.shape[1]:
        raise BadInput(
            f"{name}: gives outputs of shape {tuple(outputs.shape[1:])} for {sample.targets.shape[1]} tokens of {sample.name}; one "
            "row of chances over all tokens is read for each."
        )
    most = int(sample.targets.max())
    if most >= outputs.shape[2]:
        raise BadInput(
            f"{name}: {sample.name} has token {most:,}, and the network knows {outputs.shape[2]:,} (0 to "
            f"{outputs.shape[2] - 1:,}). Take the tokenizer that it was trained with."
        )


def type_of(values: Tensor) -> str:
    """Its kind of numbers, without torch's prefix."""
    return str(values.dtype).removeprefix("torch.")


def _each(values: Tensor, targets: Tensor) -> Tensor:
    """One value an example: over the steps of a sequence their sum."""
    return values.reshape(len(targets), -1).sum(1)


def _known(loss: Any, outputs: Tensor) -> str | None:
    """The name of a loss of torch that computes what one of the known does.

    The negative log likelihood of log-probabilities is their cross-entropy, which alone has a curvature over the outputs.
    """
    plain = isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss) and loss.weight is None and loss.ignore_index < 0
    smooth = getattr(loss, "label_smoothing", 0.0)
    if plain and not smooth and isinstance(loss, nn.CrossEntropyLoss):
        return "cross-entropy"
    likelihood = (plain and isinstance(loss, nn.NLLLoss)) or loss is nn.functional.nll_loss
    if likelihood and outputs.dim() == 2 and outputs.shape[1] > 1:
        total = torch.logsumexp(outputs, 1)
        return "cross-entropy" if bool((total.abs() < 1e-4).all()) else None
    return None


def _of_rows(loss: Loss) -> Loss:
    """A user's loss as one value an example: as it is where it gives that, else example by example."""

    def rows(outputs: Tensor, targets: Tensor) -> Tensor:
        made: Any = loss(outputs, targets)
        if not isinstance(made, Tensor):
            raise BadInput(f"the loss gives {type(made).__name__}, where a tensor is read, as its gradients are taken.")
        if made.dim() and len(made) == len(outputs):
            return made.reshape(len(outputs), -1).sum(1)
        if len(outputs) == 1:
            return made.reshape(1)
        return torch.stack([loss(outputs[i : i + 1], targets[i : i + 1]).reshape(()) for i in range(len(outputs))])

    return rows
