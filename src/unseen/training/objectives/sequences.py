"""Objectives on tokens: sequence to sequence, continuation, and filling of empty positions."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.training.objectives.base import Batch
from unseen.training.vocabulary import BOS, EMPTY, EOS, PAD, Vocabulary, padded

Layout = Literal["seq2seq", "lm", "positions"]


class Sequences:
    """Token sequences under one of three layouts; the loss is the mean cross-entropy of answer tokens.

    - ``seq2seq``: the model gets the source and, shifted by one, the target (``model(source, target)``).
    - ``lm``: begin, input, mark, target, end in one sequence (``model(tokens)``); only the target and the end count.
    - ``positions``: the input, then as many empty tokens as the target is long; the answers are read there, so the
      model is told how long they are (Delétang et al. 2023, section 4). One empty token makes a classifier.

    An answer is right where all its tokens are. Under teacher forcing every token of the target is the most likely
    one exactly where greedy decoding writes the target, so accuracy needs no decoding.

    Args:
        vocabulary: Numbers of tokens.
        layout: One of the three.

    Raises:
        BadInput: An unknown layout.
    """

    def __init__(self, vocabulary: Vocabulary, layout: Layout) -> None:
        if layout not in get_args(Layout):
            raise BadInput(f"layout is one of {', '.join(get_args(Layout))}; got {layout!r}.")
        self.vocabulary, self.layout = vocabulary, layout

    def encode(self, examples: Examples) -> Batch:
        """Named tensors of examples: tokens and labels (n, time), and source (n, s) for seq2seq; labels 0 do not count.

        Raises:
            BadInput: There are no examples, or no target, or an empty target where one is needed.
        """
        if examples.target is None or len(examples) == 0:
            raise BadInput("sequences need examples with a target, got none.")
        source = [
            [token for name in examples.inputs for token in self.vocabulary.encode(row[name])]
            for row in examples.table.select(examples.inputs).iter_rows(named=True)
        ]
        target = [self.vocabulary.encode(v) for v in examples.table[examples.target].to_list()]
        if self.layout == "seq2seq":
            return {
                "source": torch.from_numpy(padded([x or [EMPTY] for x in source])),
                "tokens": torch.from_numpy(padded([[BOS, *y] for y in target])),
                "labels": torch.from_numpy(padded([[*y, EOS] for y in target])),
            }
        if self.layout == "lm":
            tokens = [[BOS, *x, EMPTY, *y] for x, y in zip(source, target, strict=True)]
            labels = [[PAD] * (len(x) + 1) + [*y, EOS] for x, y in zip(source, target, strict=True)]
        else:
            if not all(target):
                raise BadInput(
                    f"row {target.index([])}: an empty target can't be read from positions; take seq2seq or lm."
                )
            tokens = [x + [EMPTY] * len(y) for x, y in zip(source, target, strict=True)]
            labels = [[PAD] * len(x) + y for x, y in zip(source, target, strict=True)]
        return {"tokens": torch.from_numpy(padded(tokens)), "labels": torch.from_numpy(padded(labels))}

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Outputs at every token, shape (rows, time, n_tokens)."""
        return run_model(model, batch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean cross-entropy over the answer tokens of the batch [nats]."""
        logits, labels = self.logits(model, batch), batch["labels"]
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=PAD)

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy over the tokens of each answer, and whether all of them are right."""
        logits, labels = self.logits(model, batch), batch["labels"]
        each = nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=PAD, reduction="none")
        counts = labels != PAD
        right = ((logits.argmax(-1) == labels) | ~counts).all(1)
        return each.sum(1) / counts.sum(1), right.float()

    def token_accuracy(self, model: nn.Module, batch: Batch) -> Tensor:
        """Share of right tokens of each answer under teacher forcing, shape (rows,)."""
        counts = batch["labels"] != PAD
        return ((self.logits(model, batch).argmax(-1) == batch["labels"]) & counts).sum(1) / counts.sum(1)

    def trim(self, batch: Batch) -> Batch:
        """Cut columns that are padding in every row."""
        used = (batch["tokens"] != PAD).any(0) | (batch["labels"] != PAD).any(0)
        time = int(used.sum())
        out = {name: t[:, :time] if name in ("tokens", "labels") else t for name, t in batch.items()}
        if "source" in batch:
            out["source"] = batch["source"][:, : int((batch["source"] != PAD).any(0).sum())]
        return out

    def lengths(self, data: Batch) -> Tensor | None:
        """Tokens of each row."""
        found = (data["tokens"] != PAD).sum(1)
        return found + (data["source"] != PAD).sum(1) if "source" in data else found

    @torch.no_grad()
    def decode(self, model: nn.Module, batch: Batch, max_length: int) -> tuple[list[list[str]], np.ndarray]:
        """Greedy answers as tokens, and the product of the probabilities of their tokens, shape (rows,).

        Args:
            model: In the mode it shall answer in (``model.eval()``).
            batch: As ``encode`` gives it; labels are used for their places only (positions).
            max_length: Most tokens that are written, the end mark included.
        """
        if self.layout == "seq2seq":
            numbers, confidence = greedy_seq2seq(model, batch["source"], max_length)
        elif self.layout == "lm":
            numbers, confidence = self._continue(model, batch, max_length)
        else:
            best, numbers = self.logits(model, batch).softmax(-1).max(-1)
            counts = batch["labels"] != PAD
            confidence = torch.where(counts, best, 1.0).prod(1)
            numbers = torch.where(counts, numbers, PAD)
        return [self.vocabulary.decode(row) for row in numbers.tolist()], confidence.numpy()

    def _continue(self, model: nn.Module, batch: Batch, max_length: int) -> tuple[Tensor, Tensor]:
        # Rows with prompts of equal length go together, so that no padding stands inside a sequence.
        lengths = (batch["labels"] != PAD).int().argmax(1) + 1
        numbers = torch.zeros(len(lengths), max_length, dtype=torch.int64)
        confidence = torch.ones(len(lengths))
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero()[:, 0]
            written, sure = greedy_continuation(model, batch["tokens"][rows, :length], max_length)
            numbers[rows, : written.shape[1]] = written
            confidence[rows] = sure
        return numbers, confidence


def run_model(model: nn.Module, batch: Batch) -> Tensor:
    """Outputs (rows, time, n_tokens); models that take ``keep`` are told where the padding of what they see whole is."""
    keep = "keep" in model.forward.__code__.co_varnames
    if "source" in batch:
        source = batch["source"]
        return model(source, batch["tokens"], keep=source != PAD) if keep else model(source, batch["tokens"])
    tokens = batch["tokens"]
    # Padding at the end lies in the future of every true token: causal attention needs no second mask.
    return model(tokens, keep=tokens != PAD) if keep and not getattr(model, "causal", False) else model(tokens)


def greedy_seq2seq(model: nn.Module, source: Tensor, max_length: int) -> tuple[Tensor, Tensor]:
    """Most likely token after most likely token; by ``model.start`` and ``model.step`` where there are such.

    Returns:
        Tokens (rows, at most max_length), ended by the end mark, and the product of their probabilities (rows,).
    """
    stepwise = hasattr(model, "step")
    state = _start(model, source, max_length) if stepwise else None
    token = torch.full((len(source),), BOS, dtype=torch.int64)
    so_far = token[:, None]
    written: list[Tensor] = []
    confidence, open_rows = torch.ones(len(source)), torch.ones(len(source), dtype=torch.bool)
    for _ in range(max_length):
        if stepwise:
            logits, state = model.step(token, state)  # type: ignore[operator]
        else:
            logits = run_model(model, {"source": source, "tokens": so_far})[:, -1]
        token, confidence, open_rows = _choose(logits, confidence, open_rows, written)
        so_far = torch.cat([so_far, token[:, None]], 1)
        if not open_rows.any():
            break
    return torch.stack(written, 1), confidence


def greedy_continuation(model: nn.Module, prompt: Tensor, max_length: int) -> tuple[Tensor, Tensor]:
    """Continue prompts of one length (rows, time); keys and values are kept where the model has ``extend``."""
    cached = hasattr(model, "extend") and getattr(model, "causal", True)
    state = model.state() if cached else None  # type: ignore[operator]
    new = prompt
    written: list[Tensor] = []
    confidence, open_rows = torch.ones(len(prompt)), torch.ones(len(prompt), dtype=torch.bool)
    for _ in range(max_length):
        if cached:
            logits, state = model.extend(new, state)  # type: ignore[operator]
        else:
            logits = model(prompt)
        token, confidence, open_rows = _choose(logits[:, -1], confidence, open_rows, written)
        new, prompt = token[:, None], torch.cat([prompt, token[:, None]], 1)
        if not open_rows.any():
            break
    return torch.stack(written, 1), confidence


def _start(model: nn.Module, source: Tensor, max_length: int) -> Any:
    start: Any = model.start
    if "keep" in start.__code__.co_varnames:
        return start(source, max_length, keep=source != PAD)
    return start(source, max_length)


def _choose(
    logits: Tensor, confidence: Tensor, open_rows: Tensor, written: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    best, token = logits.softmax(-1).max(-1)
    token = torch.where(open_rows, token, PAD)
    written.append(token)
    return token, torch.where(open_rows, confidence * best, confidence), open_rows & (token != EOS)
