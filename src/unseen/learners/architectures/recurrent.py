"""RNN, LSTM and GRU over tokens."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn


class Recurrent(nn.Module):
    """A recurrent network that gives logits at every position.

    Args:
        vocabulary: Number of tokens.
        width: Size of embedding and state.
        cell: rnn (tanh), lstm or gru.
        layers: Depth.
        dropout: Between layers.
    """

    # Logits are read at the positions of the input: how a sequence trainer lays out examples.
    layout = "positions"

    def __init__(
        self, vocabulary: int, width: int = 64, cell: Literal["rnn", "lstm", "gru"] = "lstm", layers: int = 1,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        kinds: dict[str, type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
        self.embedding = nn.Embedding(vocabulary, width)
        self.cell = kinds[cell](width, width, layers, batch_first=True, dropout=dropout)
        self.out = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, n) → (batch, n, vocabulary)."""
        return self.out(self.cell(self.embedding(tokens))[0])
