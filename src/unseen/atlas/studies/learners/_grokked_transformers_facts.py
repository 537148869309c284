"""Tasks of facts as tensors, and a small Transformer that reads its answer at the last token of a question."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unseen.learners.architectures.transformer import Transformer
from unseen.tasks.knowledge.facts import FactTask

# Tokens, place of the last one, and the answer: shapes (n, 3), (n,), (n,).
FactTensors = tuple[tuple[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class FactSets:
    """The facts of a world by their part.

    Attributes:
        words: Number of each word; 0 is padding.
        train: All atomic facts and the trained inferred ones.
        fitted: The trained inferred facts alone.
        seen: Inferred ID facts that were not trained.
        unseen: Inferred OOD facts.
    """

    words: dict[str, int]
    train: FactTensors
    fitted: FactTensors
    seen: FactTensors
    unseen: FactTensors

    @classmethod
    def of(cls, task: FactTask, atomic_copies: int = 1) -> FactSets:
        """Number the words of a task and sort its facts; atomic facts stand in the training set so many times."""
        words = sorted({word for tokens, target, *_ in task.rows for word in (*tokens, target)})
        numbers = {word: i + 1 for i, word in enumerate(words)}
        rows: dict[str, list[tuple[list[int], int, int]]] = {"train": [], "fitted": [], "seen": [], "unseen": []}
        for tokens, target, kind, _, part in task.rows:
            row = ([numbers[t] for t in tokens] + [0] * (3 - len(tokens)), len(tokens) - 1, numbers[target])
            rows[part] += [row] * (atomic_copies if kind == "atomic" else 1)
            if part == "train" and kind == "inferred":
                rows["fitted"].append(row)
        sets = {
            name: (
                (torch.tensor([tokens for tokens, _, _ in part]), torch.tensor([place for _, place, _ in part])),
                torch.tensor([answer for _, _, answer in part]),
            )
            for name, part in rows.items()
        }
        return cls(numbers, sets["train"], sets["fitted"], sets["seen"], sets["unseen"])


class FactReader(nn.Module):
    """A decoder whose answer is read at the last token; input and output share one embedding, as in GPT-2.

    Args:
        words: Size of the vocabulary with padding.
        width: Model width.
        layers: Depth.
        shared: All layers use one set of weights.
    """

    def __init__(self, words: int, width: int = 64, layers: int = 2, *, shared: bool = False) -> None:
        super().__init__()
        self.body = Transformer(words, width, layers, heads=2, longest=3, shared=shared)
        # Large first embeddings make memorising easy and delay what generalises: GPT-2 starts at 0.02.
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.05)
                nn.init.zeros_(module.bias)
        self.body.out.weight = self.body.embedding.weight

    def forward(self, tokens: Tensor, place: Tensor) -> Tensor:
        """(batch, 3), (batch,) → (batch, words)."""
        last = self.body.states(tokens)[-1][torch.arange(len(tokens)), place]
        return self.body.out(self.body.norm(last))
