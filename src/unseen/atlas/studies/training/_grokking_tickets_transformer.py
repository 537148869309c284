"""The one-layer Transformer of the grokking tickets, stacked: one head, no positions, no norms, no biases, ReLU."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def start_transformer(p: int, width: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Initial weights of one network, each of shape (1, rows, columns) for row vectors times matrix.

    Normal; variance 1/p for the embedding and 1/width for all others, as in the authors' model.py.
    """
    names = ("key", "query", "value", "out", "mlp_in", "mlp_out")
    drawn = {"embed": torch.randn(1, p, width, generator=generator) / p**0.5}
    drawn |= {name: torch.randn(1, width, width, generator=generator) / width**0.5 for name in names}
    return drawn | {"unembed": torch.randn(1, width, p, generator=generator) / width**0.5}


def transformer_logits(w: Mapping[str, Tensor], pairs: Tensor) -> Tensor:
    """Outputs at the second of two places, shape (models, pairs, p).

    There are no positions, so that keys, queries and values depend on the residue alone and are computed once for each; only
    their mixture is a pair's own. The first place is never read, so that the causal mask leaves nothing out.

    Args:
        w: As ``start_transformer`` gives it, with any number of models along the first axis.
        pairs: Residues a and b, shape (pairs, 2).
    """
    a, b = pairs[:, 0], pairs[:, 1]
    x = w["embed"]
    scores = torch.bmm(torch.bmm(x, w["query"]), torch.bmm(x, w["key"]).transpose(1, 2)) / x.shape[2] ** 0.5
    first = torch.sigmoid(scores[:, b, a] - scores[:, b, b])[..., None]
    moved = torch.bmm(torch.bmm(x, w["value"]), w["out"])
    middle = x[:, b] + moved[:, b] + first * (moved[:, a] - moved[:, b])
    return torch.bmm(middle + torch.bmm(torch.relu(torch.bmm(middle, w["mlp_in"])), w["mlp_out"]), w["unembed"])
