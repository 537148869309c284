"""What a Transformer holds between its layers: read off by its own output layer, or swapped to see what changes."""

from __future__ import annotations

import torch
from torch import Tensor

from unseen.errors import BadInput
from unseen.learners.architectures.transformer import Transformer


def logit_lens(model: Transformer, tokens: Tensor) -> list[Tensor]:
    """The output layer applied to the residual stream before each layer and after the last.

    Args:
        model: Any decoder or encoder over one sequence.
        tokens: Shape (batch, n).

    Returns:
        Logits, one tensor (batch, n, vocabulary) a depth; the last is the model's own output.

    Source: nostalgebraist (2020), interpreting GPT: the logit lens; Wang et al. (2024), section 3.3.
    """
    with torch.no_grad():
        return [model.out(model.norm(state)) for state in model.states(tokens)]


def patched(model: Transformer, tokens: Tensor, other: Tensor, *, depth: int, place: int) -> Tensor:
    """Outputs after the state at one depth and place was replaced by the one of another input (causal tracing).

    Args:
        model: Any decoder or encoder over one sequence.
        tokens: Inputs whose outputs are wanted, shape (batch, n).
        other: Inputs that the state is taken from, of the same shape.
        depth: 0 for the embeddings, k for the residual stream after layer k.
        place: Position whose state is replaced.

    Returns:
        Logits (batch, n, vocabulary).

    Raises:
        BadInput: Shapes differ, or there is no such depth or place.

    Source: Meng et al. (2022), Locating and editing factual associations, section 2.1; Wang et al. (2024), section 3.3.
    """
    if tokens.shape != other.shape:
        raise BadInput(
            f"causal tracing swaps states of inputs of one shape, got {tuple(tokens.shape)} and {tuple(other.shape)}."
        )
    if not 0 <= depth <= model.layers or not 0 <= place < tokens.shape[1]:
        raise BadInput(
            f"depth runs from 0 to {model.layers} and place from 0 to {tokens.shape[1] - 1}, "
            f"got depth={depth}, place={place}."
        )
    with torch.no_grad():
        state = model.states(tokens)[depth].clone()
        state[:, place] = model.states(other)[depth][:, place]
        for i in range(depth, model.layers):
            state = model.blocks[i % len(model.blocks)](state)
        return model.out(model.norm(state))
