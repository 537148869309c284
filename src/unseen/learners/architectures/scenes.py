"""Encoders of an instruction and a grid of coloured shapes: recurrent, Transformer, cross-attention and Perceiver."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from unseen.learners.architectures.transformer import Block

PAD = 0


class SceneInputs(nn.Module):
    """Instruction tokens and grid cells as vectors of one width.

    A cell is its shape, its colour and its place; those of the instruction share the embedding of symbols, so that
    "red a" in words and a red a in the grid have parts in common.

    Args:
        vocabulary: Number of symbols (words, shapes and colours), 0 being padding.
        width: Size of a vector.
        longest: Most instruction tokens.
        cells: Cells of the grid.
    """

    def __init__(self, vocabulary: int, width: int, longest: int, cells: int) -> None:
        super().__init__()
        self.symbols = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.order = nn.Embedding(longest, width)
        self.place = nn.Embedding(cells, width)

    def forward(self, instruction: Tensor, grid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, m) and (batch, cells, 2) → vectors (batch, m, width) and (batch, cells, width), and what is no padding."""
        words = self.symbols(instruction) + self.order.weight[: instruction.shape[1]]
        return words, self.symbols(grid).sum(2) + self.place.weight, instruction != PAD


class RecurrentScene(nn.Module):
    """An RNN or GRU that reads the instruction, then the grid cell by cell, and answers from its last state.

    Args:
        vocabulary: Number of symbols.
        classes: Number of answers.
        width: Size of embedding and state.
        cell: rnn (tanh) or gru.
        layers: Depth.
        longest: Most instruction tokens.
        cells: Cells of the grid.
    """

    def __init__(
        self, vocabulary: int, classes: int, width: int = 64, cell: Literal["rnn", "gru"] = "gru", layers: int = 1, *,
        longest: int = 64, cells: int = 25,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs = SceneInputs(vocabulary, width, longest, cells)
        self.cell = (nn.RNN if cell == "rnn" else nn.GRU)(width, width, layers, batch_first=True)
        self.out = nn.Linear(width, classes)

    def forward(self, instruction: Tensor, grid: Tensor) -> Tensor:
        """(batch, m), (batch, cells, 2) → (batch, classes); padding stands first, so that it is forgotten."""
        words, cells, keep = self.inputs(instruction, grid)
        words = words * keep[..., None]
        # Rows are turned so that their padding comes before the first word.
        gap = (~keep).sum(1, keepdim=True)
        turned = (torch.arange(words.shape[1], device=words.device) - gap) % words.shape[1]
        words = words.gather(1, turned[..., None].expand_as(words))
        return self.out(self.cell(torch.cat([words, cells], 1))[0][:, -1])


class TransformerScene(nn.Module):
    """One stream of instruction and grid through self-attention, averaged over what is no padding.

    Args:
        vocabulary: Number of symbols.
        classes: Number of answers.
        width: Model width.
        layers: Depth.
        heads: Attention heads.
        longest: Most instruction tokens.
        cells: Cells of the grid.
    """

    def __init__(
        self, vocabulary: int, classes: int, width: int = 64, layers: int = 1, heads: int = 4, *, longest: int = 64,
        cells: int = 25,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs = SceneInputs(vocabulary, width, longest, cells)
        self.blocks = nn.ModuleList(Block(width, heads, causal=False) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, instruction: Tensor, grid: Tensor) -> Tensor:
        """(batch, m), (batch, cells, 2) → (batch, classes)."""
        words, cells, keep = self.inputs(instruction, grid)
        x = torch.cat([words, cells], 1)
        keep = torch.cat([keep, keep.new_ones(cells.shape[:2])], 1)
        for block in self.blocks:
            x = block(x, keep=keep)
        return self.out(_mean(self.norm(x), keep))


class CrossAttentionScene(nn.Module):
    """Self-attention over the instruction, whose tokens then attend to the grid.

    Args:
        vocabulary: Number of symbols.
        classes: Number of answers.
        width: Model width.
        layers: Layers of self-attention with cross-attention.
        heads: Attention heads.
        longest: Most instruction tokens.
        cells: Cells of the grid.
    """

    def __init__(
        self, vocabulary: int, classes: int, width: int = 64, layers: int = 1, heads: int = 4, *, longest: int = 64,
        cells: int = 25,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs = SceneInputs(vocabulary, width, longest, cells)
        self.blocks = nn.ModuleList(Block(width, heads, causal=False, cross=True) for _ in range(layers))
        self.after = Block(width, heads, causal=False)
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, instruction: Tensor, grid: Tensor) -> Tensor:
        """(batch, m), (batch, cells, 2) → (batch, classes)."""
        x, cells, keep = self.inputs(instruction, grid)
        for block in self.blocks:
            x = block(x, cells, keep=keep)
        return self.out(_mean(self.norm(self.after(x, keep=keep)), keep))


class PerceiverScene(nn.Module):
    """A few learned vectors attend to instruction and grid, then to each other, several times with one set of weights.

    Args:
        vocabulary: Number of symbols.
        classes: Number of answers.
        width: Model width.
        layers: Rounds of cross-attention and self-attention.
        heads: Attention heads.
        latents: Number of learned vectors.
        longest: Most instruction tokens.
        cells: Cells of the grid.

    Source: Jaegle et al. (2021), Perceiver: General Perception with Iterative Attention, section 3.
    """

    def __init__(
        self, vocabulary: int, classes: int, width: int = 64, layers: int = 2, heads: int = 4, *, latents: int = 8,
        longest: int = 64, cells: int = 25,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs = SceneInputs(vocabulary, width, longest, cells)
        self.latents = nn.Parameter(torch.randn(latents, width) * 0.02)
        self.block, self.layers = Block(width, heads, causal=False, cross=True), layers
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, instruction: Tensor, grid: Tensor) -> Tensor:
        """(batch, m), (batch, cells, 2) → (batch, classes)."""
        words, cells, keep = self.inputs(instruction, grid)
        memory = torch.cat([words, cells], 1)
        keep = torch.cat([keep, keep.new_ones(cells.shape[:2])], 1)
        x = self.latents.expand(len(memory), -1, -1)
        for _ in range(self.layers):
            x = self.block(x, memory, memory_keep=keep)
        return self.out(self.norm(x).mean(1))


def _mean(x: Tensor, keep: Tensor) -> Tensor:
    weights = keep.to(x)[..., None]
    return (x * weights).sum(1) / weights.sum(1)
