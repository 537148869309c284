"""How a model is trained: every number that decides a run, in one frozen record."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from unseen.errors import BadInput

Schedule = Literal["constant", "cosine", "linear"]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of one run.

    Attributes:
        steps: Most updates that are made.
        batch_size: Examples an update; None takes all of them (full batch).
        lr: Peak learning rate.
        schedule: What follows the warm-up: constant, cosine to zero, or linear to zero at ``steps``.
        warmup: Updates over which the rate rises linearly from zero to its peak.
        weight_decay: Decoupled (adamw) or added to the gradient (sgd).
        optimizer: adamw or sgd.
        betas: Of adamw.
        momentum: Of sgd.
        clip: Largest norm of the gradient, or None.
        eval_every: Updates between two evaluations; the first comes before the first update, the last after the last.
        eval_batch_size: Examples at once in an evaluation.
        stop_at: Stop as soon as accuracy on ``stop_on`` reaches this share at an evaluation; None never.
        stop_on: The set that the stop rules look at; ``"train"`` or a name in ``evaluate``.
        patience: Stop after this many evaluations without a lower loss on ``stop_on``; None never.
        train_eval: Most training examples that an evaluation scores (the first ones), since all may be many.
        bucket: Batches cut from this many at once, sorted by length, so that less is padding; 1 leaves them as drawn.

    Raises:
        BadInput: A number lies where it has no meaning.

    >>> TrainConfig(steps=100, stop_at=0.99, stop_on="seen").stop_rule
    'at most 100 updates; stops when accuracy on seen reaches 0.99'
    """

    steps: int = 1000
    batch_size: int | None = 64
    lr: float = 1e-3
    schedule: Schedule = "constant"
    warmup: int = 0
    weight_decay: float = 0.0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.0
    clip: float | None = None
    eval_every: int = 100
    eval_batch_size: int = 512
    stop_at: float | None = None
    stop_on: str = "train"
    patience: int | None = None
    train_eval: int = 512
    bucket: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "eval_every", "eval_batch_size", "bucket", "train_eval"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.batch_size is not None and self.batch_size < 1:
            raise BadInput(f"batch_size must be at least 1, or None for the full batch, got {self.batch_size}.")
        if not self.lr > 0 or not math.isfinite(self.lr):
            raise BadInput(f"lr must be a positive number, got {self.lr}.")
        if self.warmup < 0 or self.weight_decay < 0:
            raise BadInput(f"warmup and weight_decay can't be negative, got {self.warmup} and {self.weight_decay}.")
        if self.schedule not in ("constant", "cosine", "linear"):
            raise BadInput(f"schedule is one of constant, cosine, linear; got {self.schedule!r}.")
        if self.optimizer not in ("adamw", "sgd"):
            raise BadInput(f"optimizer is one of adamw, sgd; got {self.optimizer!r}.")
        if self.clip is not None and not self.clip > 0:
            raise BadInput(f"clip must be positive, or None, got {self.clip}.")
        if self.stop_at is not None and not 0 < self.stop_at <= 1:
            raise BadInput(f"stop_at is a share in (0, 1], got {self.stop_at}.")

    @property
    def stop_rule(self) -> str:
        """When training ends, in words."""
        rules = [f"at most {self.steps} updates"]
        if self.stop_at is not None:
            rules.append(f"stops when accuracy on {self.stop_on} reaches {self.stop_at:g}")
        if self.patience is not None:
            rules.append(f"stops after {self.patience} evaluations without a lower loss on {self.stop_on}")
        return "; ".join(rules)

    def rate(self, step: int) -> float:
        """Learning rate of the update after ``step`` updates.

        >>> config = TrainConfig(steps=110, lr=1.0, warmup=10, schedule="cosine")
        >>> [round(config.rate(s), 3) for s in (0, 9, 10, 60, 110)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
        """
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.lr
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.lr * (0.5 * (1 + math.cos(math.pi * done)) if self.schedule == "cosine" else 1 - done)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for hashes and result files."""
        return asdict(self)
