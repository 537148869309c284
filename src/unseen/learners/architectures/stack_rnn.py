"""A recurrent network with a differentiable stack."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def stack_step(stack: Tensor, action: Tensor, pushed: Tensor) -> Tensor:
    """The stack after a mixture of push, pop and no action.

    Args:
        stack: (batch, depth, width), the top at depth 0.
        action: (batch, 3), weights of push, pop and no action that sum to 1.
        pushed: (batch, width), what a push would put on top.

    Returns:
        (batch, depth, width); what falls off the bottom is lost, what comes up there is zero.

    Source: Joulin & Mikolov (2015), Inferring Algorithmic Patterns with Stack-Augmented Recurrent Nets, section 3.2.
    """
    push, pop, keep = (action[:, i, None, None] for i in range(3))
    after_push = torch.cat([pushed[:, None], stack[:, :-1]], dim=1)
    after_pop = torch.cat([stack[:, 1:], torch.zeros_like(stack[:, :1])], dim=1)
    return push * after_push + pop * after_pop + keep * stack


class StackRNN(nn.Module):
    """A tanh RNN that reads the top of a stack and acts on it at every step.

    Args:
        vocabulary: Number of tokens.
        width: Size of embedding and state.
        stack_width: Size of a stack cell.
        depth: Cells of the stack; by default as many as the sequence has steps.
    """

    # Logits are read at the positions of the input: how a sequence trainer lays out examples.
    layout = "positions"

    def __init__(self, vocabulary: int, width: int = 64, stack_width: int = 8, depth: int | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.cell = nn.RNNCell(width + stack_width, width)
        self.action = nn.Linear(width, 3)
        self.push = nn.Linear(width, stack_width)
        self.out = nn.Linear(width, vocabulary)
        self.stack_width, self.depth = stack_width, depth

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, n) → (batch, n, vocabulary)."""
        batch, n = tokens.shape
        inputs = self.embedding(tokens)
        state = inputs.new_zeros(batch, self.cell.hidden_size)
        stack = inputs.new_zeros(batch, self.depth or n, self.stack_width)
        states: list[Tensor] = []
        for t in range(n):
            state = self.cell(torch.cat([inputs[:, t], stack[:, 0]], dim=1), state)
            stack = stack_step(stack, self.action(state).softmax(1), self.push(state))
            states.append(state)
        return self.out(torch.stack(states, dim=1))
