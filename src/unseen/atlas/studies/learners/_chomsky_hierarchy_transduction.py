"""Strings to strings through blanks, in batches of one length, scored by token over a range of lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from unseen.engine.seeds import draw_seed
from unseen.errors import BadInput
from unseen.tasks.base import Example, Task
from unseen.training.config import TrainConfig
from unseen.training.fitting import build
from unseen.training.loop import train
from unseen.training.objectives.base import Batch
from unseen.training.run import Run
from unseen.training.vocabulary import EMPTY, PAD, SPECIAL, Vocabulary


def task_vocabulary(task: Task, length: int, samples: int = 200) -> Vocabulary:
    """All tokens that occur in items of a task up to a length (a look at this many fixed seeds)."""
    found: set[str] = set()
    for seed in range(samples):
        example = task.draw(seed, length=(1, length))
        found.update(task.as_tokens(example.input), task.as_tokens(example.target))
    return Vocabulary((*SPECIAL, *sorted(found)))


def blanked(task: Task, examples: Sequence[Example], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """Inputs followed by as many blanks as the longest target has tokens, and labels that count at the blanks alone.

    Args:
        task: For the token form of inputs and targets.
        examples: Items whose inputs are equally long.
        vocabulary: Numbers of tokens.

    Returns:
        Tokens and labels, both (n, time); labels are 0 where nothing is asked.

    Raises:
        BadInput: Inputs of different lengths.
    """
    source = [vocabulary.encode(task.as_tokens(e.input)) for e in examples]
    target = [vocabulary.encode(task.as_tokens(e.target)) for e in examples]
    lengths = {len(x) for x in source}
    if len(lengths) != 1:
        raise BadInput(f"a batch holds inputs of one length, got {sorted(lengths)}. Draw them with one length.")
    longest = max(len(y) for y in target)
    tokens = [x + [EMPTY] * longest for x in source]
    labels = [[PAD] * len(x) + y + [PAD] * (longest - len(y)) for x, y in zip(source, target, strict=True)]
    return torch.tensor(tokens), torch.tensor(labels)


class Transduction:
    """An objective whose rows are whole batches: tokens and labels (1, rows, time), so that lengths never mix.

    A network that reads a tape or counts its steps is told by the sequence length how long the input is; padding inside
    a batch would take that away. Loss and accuracy are means over answer tokens.

    Source: Delétang et al. (2023), Neural Networks and the Chomsky Hierarchy, section 4.
    """

    def trim(self, batch: Batch) -> Batch:
        """Cut columns that are padding in every row of the batch."""
        used = int((batch["tokens"] != PAD).flatten(0, -2).any(0).sum())
        return {name: tensor[..., :used] for name, tensor in batch.items()}

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean cross-entropy over answer tokens [nats]."""
        tokens, labels = batch["tokens"].flatten(0, -2), batch["labels"].flatten(0, -2)
        return nn.functional.cross_entropy(model(tokens).flatten(0, 1), labels.flatten(), ignore_index=PAD)

    def scores(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Loss and share of right answer tokens of each batch, both (rows,)."""
        losses: list[Tensor] = []
        shares: list[Tensor] = []
        for tokens, labels in zip(batch["tokens"], batch["labels"], strict=True):
            one = self.trim({"tokens": tokens, "labels": labels})
            logits, asked = model(one["tokens"]), one["labels"] != PAD
            losses.append(nn.functional.cross_entropy(logits[asked], one["labels"][asked]))
            shares.append((logits.argmax(-1)[asked] == one["labels"][asked]).float().mean())
        return torch.stack(losses), torch.stack(shares)

    def lengths(self, data: Batch) -> Tensor | None:
        """Batches are not sorted."""
        return None


def drawn(
    task: Task, lengths: Sequence[int], size: int, vocabulary: Vocabulary, rng: np.random.Generator
) -> list[tuple[Tensor, Tensor]]:
    """One batch a length of fresh items, repeats allowed; each (tokens, labels)."""
    found: list[tuple[Tensor, Tensor]] = []
    for length in lengths:
        seeds = rng.integers(0, 2**62, size=size).tolist()
        found.append(blanked(task, [task.draw(seed, length=length) for seed in seeds], vocabulary))
    return found


def fit_transducer(
    model: nn.Module | Callable[[Vocabulary], nn.Module],
    task: Task,
    longest: int,
    vocabulary: Vocabulary,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    batches: int = 500,
    size: int = 32,
) -> tuple[nn.Module, Run]:
    """Train on batches of one length each, lengths drawn evenly from those up to ``longest`` that the task has.

    Args:
        model: A module, or a function of the vocabulary.
        task: What is learned.
        longest: Longest training length.
        vocabulary: Numbers of tokens.
        config: Settings; its batch size is one (a batch is a row here).
        generator: Source of every draw.
        batches: Different batches, gone through again and again.
        size: Items a batch.

    Returns:
        The model in evaluation mode, and the run with the share of right tokens along the way.

    Raises:
        BadInput: The configuration asks for another batch size.
    """
    if config.batch_size != 1:
        raise BadInput(f"a row is a whole batch here: set batch_size=1, got {config.batch_size}.")
    module = build(model, vocabulary, generator)
    rng = np.random.default_rng(draw_seed(generator))
    first, step = getattr(task, "shortest", 1), getattr(task, "step", 1)
    lengths = rng.choice(np.arange(first, longest + 1, step), size=batches).tolist()
    pairs = drawn(task, lengths, size, vocabulary, rng)
    time = max(tokens.shape[1] for tokens, _ in pairs)
    widen = [tuple(nn.functional.pad(x, (0, time - x.shape[1]), value=PAD) for x in pair) for pair in pairs]
    data = {"tokens": torch.stack([x for x, _ in widen]), "labels": torch.stack([y for _, y in widen])}
    return module, train(module, Transduction(), data, config, generator)


@torch.no_grad()
def score_by_length(
    model: nn.Module, task: Task, lengths: Sequence[int], size: int, vocabulary: Vocabulary, rng: np.random.Generator
) -> dict[int, float]:
    """Share of right answer tokens at each length.

    Source: Delétang et al. (2023), section 4: a task counts as solved where the mean over test lengths is at least 0.9.
    """
    model.eval()
    found: dict[int, float] = {}
    for length, (tokens, labels) in zip(lengths, drawn(task, lengths, size, vocabulary, rng), strict=True):
        asked = labels != PAD
        found[length] = float((model(tokens).argmax(-1) == labels)[asked].float().mean())
    return found
