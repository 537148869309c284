"""An LSTM that translates with attention and may copy words of its source."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor, Tensor, Tensor]


class CopyingLSTM(nn.Module):
    """Encoder and decoder LSTM with attention; with ``copy`` each token is written or copied, by a learned gate.

    Outputs are log-probabilities of the mixture, which a softmax leaves as they are. Attention is read after the
    decoder's LSTM, so that training takes whole sequences at once.

    Args:
        vocabulary: Tokens of source and target together, padding as 0.
        width: Size of embedding and states; even.
        copy: Whether words of the source can be copied.
        dropout: On embeddings and before the output.

    Source: Luong et al. (2015), Effective approaches to attention-based neural machine translation (global, bilinear);
    See et al. (2017), Get to the point, equations 8 and 9, for the gate between writing and copying.
    """

    layout = "seq2seq"

    def __init__(self, vocabulary: int, width: int = 64, *, copy: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.copy = copy
        self.embedding = nn.Embedding(vocabulary, width)
        self.encoder = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(width, width, batch_first=True)
        self.score = nn.Linear(width, width, bias=False)
        self.mix = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, vocabulary)
        self.gate = nn.Linear(3 * width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, source: Tensor, target: Tensor, keep: Tensor | None = None) -> Tensor:
        """(batch, m), (batch, n) → log-probabilities (batch, n, vocabulary); ``keep`` is False at source padding."""
        memory, state = self._encode(source)
        x = self.dropout(self.embedding(target))
        return self._write(x, self.decoder(x, state)[0], memory, source)

    def start(self, source: Tensor, max_length: int) -> State:
        """State before the first token."""
        memory, (hidden, cell) = self._encode(source)
        return memory, source, hidden, cell

    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """Log-probabilities after one more token (batch,), and the next state."""
        memory, source, hidden, cell = state
        x = self.embedding(token[:, None])
        read, (hidden, cell) = self.decoder(x, (hidden, cell))
        return self._write(x, read, memory, source)[:, 0], (memory, source, hidden, cell)

    def _encode(self, source: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        lengths = (source != 0).sum(1).clamp(min=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.embedding(source)), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, (hidden, cell) = self.encoder(packed)
        memory = nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])[0]
        # Both directions side by side start the decoder.
        both = (hidden.transpose(0, 1).reshape(1, len(source), -1), cell.transpose(0, 1).reshape(1, len(source), -1))
        return memory, (both[0].contiguous(), both[1].contiguous())

    def _write(self, x: Tensor, read: Tensor, memory: Tensor, source: Tensor) -> Tensor:
        weight = (self.score(read) @ memory.transpose(1, 2)).masked_fill((source == 0)[:, None], -math.inf).softmax(-1)
        context = weight @ memory
        mixed = torch.tanh(self.mix(torch.cat([read, context], -1)))
        written = self.out(self.dropout(mixed))
        if not self.copy:
            return written.log_softmax(-1)
        gate = self.gate(torch.cat([read, context, x], -1)).sigmoid()
        places = source[:, None].expand(-1, weight.shape[1], -1)
        # Probabilities are added as they are: log-sum-exp over the vocabulary takes twice the time of a step.
        mixture = (gate * written.softmax(-1)).scatter_add(2, places, (1 - gate) * weight)
        return mixture.clamp(min=1e-20).log()
