"""What several studies do alike: train a small decoder on the answers of token tasks, and count right answers."""

from __future__ import annotations

from typing import Any

from unseen.data import Examples
from unseen.training import TrainConfig, fit_sequences
from unseen.training.vocabulary import Vocabulary


def small_decoder(
    train: Examples, seed: int, name: str, *, steps: int, width: int = 48, layers: int = 3, position: Any = "absolute",
    lr: float = 4e-3, batch_size: int = 64, longest: int = 96, known: Examples | None = None,
) -> Any:  # fmt: skip
    """A causal Transformer trained to continue inputs with their targets (AdamW, warm-up of an eighth, cosine).

    Args:
        train: Inputs and targets as lists of tokens.
        seed: Source of every draw, together with ``name``.
        name: Tells this run from the others of the study.
        steps: Updates.
        width: Model width.
        layers: Depth.
        position: How positions are told.
        lr: Peak learning rate.
        batch_size: Examples an update.
        longest: Longest sequence for learned positions.
        known: Further examples whose tokens shall be in the vocabulary.

    Returns:
        A ``training.Fitted``.
    """
    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.transformer import Transformer

    config = TrainConfig(
        steps=steps, batch_size=batch_size, lr=lr, warmup=max(1, steps // 8), schedule="cosine", clip=1.0,
        eval_every=steps, train_eval=64,
    )  # fmt: skip
    return fit_sequences(
        lambda v: Transformer(len(v), width=width, layers=layers, heads=4, position=position, longest=longest),
        train, None, config, torch_generator(seed, name), layout="lm",
        vocabulary=Vocabulary.of(train, *([known] if known is not None else [])),
    )  # fmt: skip


def share_right(fitted: Any, examples: Examples) -> tuple[float, int]:
    """Share of examples answered rightly, all tokens of an answer counted together, with their number."""
    right = fitted.accuracy(examples)
    return float(right.mean(dtype="float64")), len(right)
