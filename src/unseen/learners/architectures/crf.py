"""Linear-chain conditional random fields, plain and restricted to a regular language."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unseen.errors import BadInput, Undefined
from unseen.learners.architectures.automata import Automaton

# Finite, so that gradients stay numbers; far enough that exp(x - FORBIDDEN) is exactly 0 in single precision.
FORBIDDEN = -1e30


class LinearChainCRF(nn.Module):
    """p(y | x) proportional to exp of the sum of emissions and transitions, over all label sequences.

    Args:
        labels: Number of labels.
        automaton: Restricts the field to a regular language: sequences outside have probability exactly 0. The field
            then runs over pairs of a state and the label that led to it, with the weights of the labels.

    Raises:
        BadInput: The automaton has another number of labels, or an empty language.

    Source: Papay, Klinger, Padó (2022), Constraining Linear-chain CRFs to Regular Languages, section 4 (RegCCRF).
    """

    label_of: Tensor
    may_start: Tensor
    may_follow: Tensor
    may_end: Tensor

    def __init__(self, labels: int, automaton: Automaton | None = None) -> None:
        super().__init__()
        self.automaton = automaton
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.start = nn.Parameter(torch.zeros(labels))
        self.end = nn.Parameter(torch.zeros(labels))
        moves = automaton.moves if automaton else ((0,) * labels,)
        if len(moves[0]) != labels:
            raise BadInput(f"the automaton has {len(moves[0])} labels, the field {labels}.")
        alive = automaton.alive() if automaton else (True,)
        if not alive[0]:
            raise BadInput("the language is empty: no label sequence is in it.")
        accepting = automaton.accepting if automaton else (True,)
        pairs = sorted({(row[y], y) for s, row in enumerate(moves) if alive[s] for y in range(labels) if alive[row[y]]})
        forbid = {True: 0.0, False: FORBIDDEN}
        follow = [[forbid[moves[s][z] == t] for t, z in pairs] for s, _ in pairs]
        self.register_buffer("label_of", torch.tensor([y for _, y in pairs]))
        self.register_buffer("may_start", torch.tensor([forbid[moves[0][y] == s] for s, y in pairs]))
        self.register_buffer("may_follow", torch.tensor(follow))
        self.register_buffer("may_end", torch.tensor([forbid[accepting[s]] for s, _ in pairs]))

    def score(self, emissions: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """Unnormalised log score of label sequences.

        Args:
            emissions: Shape (batch, time, labels).
            labels: Shape (batch, time); what stands after the length is not read.
            lengths: At least 1, shape (batch,).

        Returns:
            Shape (batch,).
        """
        time = torch.arange(labels.shape[1], device=labels.device)
        inside = time < lengths[:, None]
        safe = labels * inside
        total = (emissions.gather(2, safe[..., None])[..., 0] * inside).sum(1)
        total = total + (self.transitions[safe[:, :-1], safe[:, 1:]] * inside[:, 1:]).sum(1)
        last = safe.gather(1, lengths[:, None] - 1)[:, 0]
        return total + self.start[safe[:, 0]] + self.end[last]

    def log_partition(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Log of the sum over all allowed sequences, by the forward algorithm.

        Args:
            emissions: Shape (batch, time, labels).
            lengths: Shape (batch,).

        Returns:
            Shape (batch,).

        Raises:
            Undefined: The language has no sequence of some length.
        """
        follow, alpha, wide = self._tables(emissions)
        for t in range(1, wide.shape[1]):
            step = torch.logsumexp(alpha[:, :, None] + follow, 1) + wide[:, t]
            alpha = torch.where((t < lengths)[:, None], step, alpha)
        total = torch.logsumexp(alpha + self.may_end + self.end[self.label_of], 1)
        self._possible(total, lengths)
        return total

    def log_probability(self, emissions: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """Log probability of label sequences, minus infinity outside the language; arguments as in ``score``."""
        found = self.score(emissions, labels, lengths) - self.log_partition(emissions, lengths)
        if self.automaton is None:
            return found
        rows = zip(labels.tolist(), lengths.tolist(), strict=True)
        inside = torch.tensor([self.automaton.accepts(row[:n]) for row, n in rows], device=found.device)
        return found.masked_fill(~inside, -torch.inf)

    @torch.no_grad()
    def decode(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """The most probable sequences (Viterbi), shape (batch, time), 0 after the length.

        Args:
            emissions: Shape (batch, time, labels).
            lengths: Shape (batch,).

        Raises:
            Undefined: The language has no sequence of some length.
        """
        follow, alpha, wide = self._tables(emissions)
        same = torch.arange(alpha.shape[1], device=alpha.device).expand_as(alpha)
        back: list[Tensor] = []
        for t in range(1, wide.shape[1]):
            best, where = (alpha[:, :, None] + follow).max(1)
            inside = (t < lengths)[:, None]
            alpha = torch.where(inside, best + wide[:, t], alpha)
            back.append(torch.where(inside, where, same))
        score, at = (alpha + self.may_end + self.end[self.label_of]).max(1)
        self._possible(score, lengths)
        path = [at]
        for where in reversed(back):
            at = where.gather(1, at[:, None])[:, 0]
            path.append(at)
        found = self.label_of[torch.stack(path[::-1], 1)]
        return found * (torch.arange(found.shape[1], device=found.device) < lengths[:, None])

    def restricted(self, automaton: Automaton) -> LinearChainCRF:
        """This field's weights over a regular language: constraint at decoding only.

        Args:
            automaton: Of the language.

        Returns:
            A field that shares the weights.
        """
        made = LinearChainCRF(len(self.start), automaton)
        made.transitions, made.start, made.end = self.transitions, self.start, self.end
        return made

    def _tables(self, emissions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.label_of
        wide = emissions[:, :, y]
        alpha = wide[:, 0] + self.start[y] + self.may_start
        return self.transitions[y][:, y] + self.may_follow, alpha, wide

    def _possible(self, total: Tensor, lengths: Tensor) -> None:
        bad = total < FORBIDDEN / 2
        if bool(bad.any()):
            raise Undefined(f"the language has no sequence of length {int(lengths[bad][0])}.")


class TaggerCRF(nn.Module):
    """A bidirectional LSTM whose outputs are the emissions of a linear-chain field.

    Args:
        inputs: Features a position.
        labels: Number of labels.
        width: Hidden size a direction.
        automaton: Restricts training and decoding to a language.
    """

    def __init__(self, inputs: int, labels: int, width: int = 16, automaton: Automaton | None = None) -> None:
        super().__init__()
        self.reader = nn.LSTM(inputs, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, labels)
        self.field = LinearChainCRF(labels, automaton)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, inputs) → emissions (batch, time, labels)."""
        return self.head(self.reader(x)[0])

    def loss(self, x: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """Mean negative log likelihood of sequences of the language [nats a sequence]."""
        emissions = self(x)
        return (self.field.log_partition(emissions, lengths) - self.field.score(emissions, labels, lengths)).mean()
