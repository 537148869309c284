"""Where a training run stands: its history, why it stopped, and what is needed to go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl
import torch
from torch import Tensor

HISTORY = {"step": pl.Int64, "split": pl.String, "loss": pl.Float64, "accuracy": pl.Float64, "seconds": pl.Float64}


@dataclass
class Run:
    """Where a run stands.

    Attributes:
        step: Updates made.
        history: Rows (step, split, loss, accuracy, seconds).
        stopped: Why it ended, in words; empty while it has not.
        order: Row numbers of the epoch under way, shape (rows,), and how many of them were used.
        used: How many of the epoch's rows were used.
        seconds: Wall time spent.
        best: Lowest loss on ``stop_on``, and evaluations since.
        waited: Evaluations since the lowest loss.
    """

    step: int = 0
    history: list[tuple[int, str, float, float, float]] = field(default_factory=list)
    stopped: str = ""
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    used: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    waited: int = 0

    def table(self) -> pl.DataFrame:
        """History as columns step, split, loss, accuracy, seconds."""
        return pl.DataFrame(self.history, schema=HISTORY, orient="row")


def state_of(run: Run) -> dict[str, Any]:
    """A run as plain data and tensors, for a checkpoint."""
    return {
        "step": run.step, "history": [list(row) for row in run.history], "stopped": run.stopped, "order": run.order,
        "used": run.used, "seconds": run.seconds, "best": run.best, "waited": run.waited,
    }  # fmt: skip
