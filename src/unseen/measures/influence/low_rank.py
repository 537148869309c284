"""Many queries at once: of each, a few directions a layer are kept, and no training gradient is ever made."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unseen.errors import BadInput
from unseen.learners.networks import Sample
from unseen.learners.networks.network import MEMORY
from unseen.measures.influence.kronecker import Kronecker
from unseen.measures.influence.result import Influence

# Directions a layer (Grosse et al. 2023, section 3.2.2).
RANK = 32


def low_rank_scores(
    kronecker: Kronecker, train: Sample, test: Sample, *, rank: int = RANK, memory: int = MEMORY
) -> Influence:
    """Influence by Kronecker factors, each query's (G + λI)⁻¹ g kept as a matrix of a small rank a layer.

    A query takes rank · (rows + columns) numbers a layer in place of rows · columns, so that more of them fit a memory and one
    pass over the training sample serves more queries. With a rank of the smaller side the scores are those of
    ``Kronecker.scores``.

    Args:
        kronecker: Fitted factors.
        train: n_train examples.
        test: n_test examples.
        rank: Directions kept a layer.
        memory: Bytes that batches may take.

    Raises:
        BadInput: The rank is below 1.

    Source: Grosse et al. (2023), Studying large language model generalization with influence functions, section 3.2.2.
    """
    if rank < 1:
        raise BadInput(f"low_rank_scores: the rank is 1 or more; got {rank}.")
    layers = kronecker.layers
    kept: list[list[tuple[Tensor, Tensor]]] = [[] for _ in kronecker.factors]
    for _, passed in layers.passes(test, layers.batch(memory, kept=3)):
        for factor, one, into in zip(kronecker.factors, passed, kept, strict=True):
            u, s, v = torch.linalg.svd(factor.inverse(one), full_matrices=False)
            into.append((u[..., :rank] * s[:, None, :rank], v[:, :rank]))
    outwards = [torch.cat([u for u, _ in one]).permute(1, 0, 2) for one in kept]
    inwards = [torch.cat([v for _, v in one]).permute(2, 0, 1) for one in kept]
    made = np.zeros((len(test), len(train)))
    for rows, passed in layers.passes(train, layers.batch(memory, kept=1)):
        for one, out, into in zip(passed, outwards, inwards, strict=True):
            g = one.gradients[0] @ out.flatten(1)
            g *= one.inputs @ into.flatten(1)
            # Over places and directions.
            made[:, rows] += g.sum(1).reshape(len(g), len(test), -1).sum(2).T.double().numpy()
    name = "EK-FAC" if kronecker.corrected else "K-FAC"
    return Influence(made, f"{name} of rank {rank}", kronecker.damping, layers.left_out)
