"""A Transformer over sentences: each is one vector, the sum of its words in their places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unseen.learners.architectures.transformer import Block


class SentenceTransformer(nn.Module):
    """Reads a story sentence by sentence, with logits at every token that are those of its sentence.

    A sentence is the sum of its words' vectors, each multiplied by a learned vector of its place in the sentence, as
    in memory networks; causal attention then runs over sentences, told how many lie in between by rotary positions.
    A story of six sentences of seven words costs what a sequence of six tokens costs. Padding (token 0) after the end
    joins the last sentence with weight zero.

    Args:
        vocabulary: Number of tokens.
        stop: Token that ends a sentence.
        width: Model width.
        layers: Depth.
        heads: Attention heads.
        longest: Most words of a sentence; those beyond share the last place.

    Source: Sukhbaatar et al. (2015), End-to-end memory networks, section 4.1, position encoding (here learned).
    """

    def __init__(
        self, vocabulary: int, stop: int, width: int = 64, layers: int = 2, heads: int = 4, longest: int = 16
    ) -> None:
        super().__init__()
        self.stop, self.longest = stop, longest
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        self.places = nn.Parameter(1 + 0.5 * torch.randn(longest, width))
        self.blocks = nn.ModuleList(Block(width, heads, causal=True, position="rotary") for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, vocabulary)

    def sentences(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Number of the sentence of each token, and the vectors of sentences.

        Args:
            tokens: (batch, n).

        Returns:
            (batch, n) from 0, and (batch, most sentences, width), zero beyond the last sentence of a story.
        """
        ends = tokens == self.stop
        number = ends.cumsum(1) - ends.long()
        steps = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        # The first place of a token's sentence is one past the last end before it.
        before = torch.where(ends, steps + 1, 0).cummax(1).values
        start = torch.cat([torch.zeros_like(before[:, :1]), before[:, :-1]], 1)
        place = (steps - start).clamp(max=self.longest - 1)
        words = self.embedding(tokens) * self.places[place]
        count = int(number.max()) + 1
        vectors = words.new_zeros(len(tokens), count, words.shape[2])
        return number, vectors.scatter_add(1, number[..., None].expand_as(words), words)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, n) → (batch, n, vocabulary)."""
        number, x = self.sentences(tokens)
        for block in self.blocks:
            x = block(x)
        logits = self.out(self.norm(x))
        return logits.gather(1, number[..., None].expand(-1, -1, logits.shape[2]))
