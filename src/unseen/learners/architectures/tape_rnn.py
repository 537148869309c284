"""A recurrent network with a differentiable tape."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def tape_step(tape: Tensor, action: Tensor, written: Tensor, jump: int) -> Tensor:
    """The tape after writing at the head and a mixture of moves.

    Args:
        tape: (batch, cells, width), the head at cell 0; the tape is a ring, so that moving is rolling.
        action: (batch, 5), weights of stay, left, right, jump left and jump right that sum to 1.
        written: (batch, width), what is written at the head before the move.
        jump: Cells of a jump (the length of the input).

    Returns:
        (batch, cells, width).

    Source: Suzgun et al. (2019), Memory-Augmented Recurrent Neural Networks; jumps by Delétang et al. (2023), appendix.
    """
    tape = torch.cat([written[:, None], tape[:, 1:]], dim=1)
    # The head moves right where the tape rolls left.
    moves = [tape, tape.roll(1, 1), tape.roll(-1, 1), tape.roll(jump, 1), tape.roll(-jump, 1)]
    return sum((action[:, i, None, None] * moved for i, moved in enumerate(moves)), torch.zeros_like(tape))


class TapeRNN(nn.Module):
    """A tanh RNN that reads, writes and moves on a tape at every step.

    Args:
        vocabulary: Number of tokens.
        width: Size of embedding and state.
        tape_width: Size of a cell.
        blank: Token that stands where answers are read; a jump is then as long as the input before the first blank.
    """

    # Logits are read at the positions of the input: how a sequence trainer lays out examples.
    layout = "positions"

    def __init__(self, vocabulary: int, width: int = 64, tape_width: int = 8, blank: int | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.cell = nn.RNNCell(width + tape_width, width)
        self.action = nn.Linear(width, 5)
        self.write = nn.Linear(width, tape_width)
        self.out = nn.Linear(width, vocabulary)
        self.tape_width, self.blank = tape_width, blank

    def forward(self, tokens: Tensor, jump: int | None = None) -> Tensor:
        """(batch, n) → (batch, n, vocabulary); a jump is half the sequence unless given or told by the blanks."""
        batch, n = tokens.shape
        inputs = self.embedding(tokens)
        state = inputs.new_zeros(batch, self.cell.hidden_size)
        tape = inputs.new_zeros(batch, 2 * n, self.tape_width)
        if jump is None and self.blank is not None:
            jump = int((tokens[0] != self.blank).sum())
        distance = jump if jump is not None else max(1, n // 2)
        states: list[Tensor] = []
        for t in range(n):
            state = self.cell(torch.cat([inputs[:, t], tape[:, 0]], dim=1), state)
            tape = tape_step(tape, self.action(state).softmax(1), self.write(state), distance)
            states.append(state)
        return self.out(torch.stack(states, dim=1))
