"""Transformers: decoder or encoder over one sequence, and encoder–decoder; layers may share their weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.architectures.attention import Attention, KeyValues, Position, sinusoids


class Kept(NamedTuple):
    """What a decoder keeps of the places it has read: their number, and keys and values of each layer."""

    past: int
    layers: tuple[KeyValues, ...]


class KeptPair(NamedTuple):
    """What an encoder–decoder keeps: the decoder's places, the source's keys and values of each layer, its padding."""

    target: Kept
    source: tuple[KeyValues, ...]
    keep: Tensor | None


class Block(nn.Module):
    """Pre-norm attention, optional cross-attention, and a feed-forward layer."""

    def __init__(
        self, width: int, heads: int, *, causal: bool, position: Position = "none", cross: bool = False,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if cross else 2))
        self.attention = Attention(width, heads, causal=causal, position=position)
        self.cross = Attention(width, heads, causal=False) if cross else None
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, keep: Tensor | None = None, memory_keep: Tensor | None = None
    ) -> Tensor:
        """(batch, n, width) → (batch, n, width)."""
        x = x + self.dropout(self.attention(self.norms[0](x), keep=keep))
        if self.cross is not None and memory is not None:
            x = x + self.dropout(self.cross(self.norms[2](x), memory, keep=memory_keep))
        return x + self.dropout(self.feed(self.norms[1](x)))

    def extend(
        self, x: Tensor, kept: KeyValues | None, memory: KeyValues | None = None, memory_keep: Tensor | None = None
    ) -> tuple[Tensor, KeyValues]:
        """``forward`` at new places (batch, n, width), by the keys and values of earlier places and of the memory."""
        attended, kept = self.attention.extend(self.norms[0](x), kept)
        x = x + self.dropout(attended)
        if self.cross is not None and memory is not None:
            x = x + self.dropout(self.cross.read(self.norms[2](x), memory, memory_keep))
        return x + self.dropout(self.feed(self.norms[1](x))), kept


class Positions(nn.Module):
    """Adds what the embedding tells of positions.

    ``random-offset`` shifts all positions of a sequence by one random number while training, so that every position
    up to ``longest`` is trained although the sequences are short; outside training the offset is 0.
    """

    def __init__(self, kind: Position, width: int, longest: int) -> None:
        super().__init__()
        self.kind, self.longest = kind, longest
        self.embedding = nn.Embedding(longest, width) if kind in ("absolute", "random-offset") else None
        self.register_buffer(
            "sines", sinusoids(longest, width) if kind == "sinusoidal" else torch.empty(0), persistent=False
        )
        self.sines: Tensor
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, width) → the same with positions."""
        n = x.shape[1]
        if self.kind == "sinusoidal":
            return x + self.sines[:n]
        if self.embedding is None:
            return x
        places = torch.arange(n, device=x.device)
        if self.kind == "random-offset" and self.training:
            room = self.longest - n
            offset = (
                torch.randint(0, room + 1, (x.shape[0], 1), generator=self.generator)
                if room > 0
                else torch.zeros(1, 1, dtype=torch.long)
            )
            return x + self.embedding(places + offset.to(x.device))
        return x + self.embedding(places)

    def after(self, x: Tensor, past: int) -> Tensor:
        """``forward`` outside training for a sequence's continuation: (batch, n, width) behind ``past`` places."""
        n = x.shape[1]
        if self.kind == "sinusoidal":
            return x + self.sines[past : past + n]
        if self.embedding is None:
            return x
        return x + self.embedding(torch.arange(past, past + n, device=x.device))


class Transformer(nn.Module):
    """A Transformer over one sequence with logits at every position.

    Args:
        vocabulary: Number of tokens.
        width: Model width.
        layers: Depth.
        heads: Attention heads.
        causal: Decoder (True) or encoder (False).
        position: How positions are told.
        longest: Longest sequence for learned and sinusoidal positions.
        shared: All layers use one set of weights.
        dropout: After each sublayer.
    """

    def __init__(
        self, vocabulary: int, width: int = 64, layers: int = 2, heads: int = 4, *, causal: bool = True,
        position: Position = "absolute", longest: int = 256, shared: bool = False, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.causal = causal
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = Positions(position, width, longest)
        inner: Position = position if position in ("rotary", "alibi") else "none"
        distinct = [
            Block(width, heads, causal=causal, position=inner, dropout=dropout) for _ in range(1 if shared else layers)
        ]
        self.blocks = nn.ModuleList(distinct)
        self.layers = layers
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, vocabulary)

    def states(self, tokens: Tensor, keep: Tensor | None = None) -> list[Tensor]:
        """The residual stream before each layer and after the last, each (batch, n, width)."""
        x = self.positions(self.embedding(tokens))
        found = [x]
        for i in range(self.layers):
            x = self.blocks[i % len(self.blocks)](x, keep=keep)
            found.append(x)
        return found

    def forward(self, tokens: Tensor, keep: Tensor | None = None) -> Tensor:
        """(batch, n) → (batch, n, vocabulary)."""
        return self.out(self.norm(self.states(tokens, keep)[-1]))

    def state(self) -> Kept:
        """What is kept before any token was read."""
        return Kept(0, ())

    def extend(self, tokens: Tensor, state: Kept) -> tuple[Tensor, Kept]:
        """Logits of the next tokens alone: what ``forward`` gives there for the whole sequence, outside training.

        Args:
            tokens: The tokens behind those that were read, (batch, n).
            state: From ``state`` or the last call; it is not changed, so a sequence can be continued in several ways.

        Returns:
            (batch, n, vocabulary), and what is kept now.

        Raises:
            BadInput: The model is an encoder: there each token changes what all others see.
        """
        if not self.causal:
            raise BadInput("an encoder's tokens see those after them, so nothing can be kept; call the model itself.")
        x = self.positions.after(self.embedding(tokens), state.past)
        layers: list[KeyValues] = []
        for i in range(self.layers):
            x, kept = self.blocks[i % len(self.blocks)].extend(x, state.layers[i] if state.layers else None)  # type: ignore[operator]
            layers.append(kept)
        return self.out(self.norm(x)), Kept(state.past + tokens.shape[1], tuple(layers))


class EncoderDecoder(nn.Module):
    """A sequence-to-sequence Transformer.

    Args:
        vocabulary: Tokens of source and target together.
        width: Model width.
        layers: Depth of encoder and of decoder.
        heads: Attention heads.
        position: How positions are told on both sides.
        longest: Longest sequence.
        shared: All layers of a side use one set of weights.
        dropout: After each sublayer.
    """

    def __init__(
        self, vocabulary: int, width: int = 64, layers: int = 2, heads: int = 4, *, position: Position = "sinusoidal",
        longest: int = 256, shared: bool = False, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        inner: Position = position if position in ("rotary", "alibi") else "none"
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = Positions(position, width, longest)
        n = 1 if shared else layers
        self.encoder = nn.ModuleList(
            Block(width, heads, causal=False, position=inner, dropout=dropout) for _ in range(n)
        )
        self.decoder = nn.ModuleList(
            Block(width, heads, causal=True, position=inner, cross=True, dropout=dropout) for _ in range(n)
        )
        self.layers = layers
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.out = nn.Linear(width, vocabulary)

    def encode(self, source: Tensor, keep: Tensor | None = None) -> Tensor:
        """(batch, m) → (batch, m, width)."""
        x = self.positions(self.embedding(source))
        for i in range(self.layers):
            x = self.encoder[i % len(self.encoder)](x, keep=keep)
        return self.norms[0](x)

    def decode(self, target: Tensor, memory: Tensor, memory_keep: Tensor | None = None) -> Tensor:
        """(batch, n), (batch, m, width) → (batch, n, vocabulary)."""
        x = self.positions(self.embedding(target))
        for i in range(self.layers):
            x = self.decoder[i % len(self.decoder)](x, memory, memory_keep=memory_keep)
        return self.out(self.norms[1](x))

    def forward(self, source: Tensor, target: Tensor, keep: Tensor | None = None) -> Tensor:
        """(batch, m), (batch, n) → (batch, n, vocabulary); ``keep`` is False at the padding of the source."""
        return self.decode(target, self.encode(source, keep), keep)

    def start(self, source: Tensor, max_length: int, keep: Tensor | None = None) -> KeptPair:
        """Read the source (batch, m) once; ``max_length`` is no limit here, since places are kept as they come."""
        memory = self.encode(source, keep)
        blocks = [self.decoder[i % len(self.decoder)] for i in range(self.layers)]
        return KeptPair(Kept(0, ()), tuple(b.cross.keys_values(memory) for b in blocks), keep)  # type: ignore[union-attr]

    def step(self, token: Tensor, state: KeptPair) -> tuple[Tensor, KeptPair]:
        """The next token (batch,) → logits (batch, vocabulary) as ``forward`` gives them outside training."""
        x = self.positions.after(self.embedding(token[:, None]), state.target.past)
        layers: list[KeyValues] = []
        for i in range(self.layers):
            kept = state.target.layers[i] if state.target.layers else None
            x, kept = self.decoder[i % len(self.decoder)].extend(x, kept, state.source[i], state.keep)  # type: ignore[operator]
            layers.append(kept)
        target = Kept(state.target.past + 1, tuple(layers))
        return self.out(self.norms[1](x))[:, -1], state._replace(target=target)
