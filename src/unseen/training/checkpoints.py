"""Runs kept on disk: tensors and plain data only, read back without running code."""

from __future__ import annotations

import io
import json
from pathlib import Path

import torch
from torch import nn

from unseen.errors import BadInput
from unseen.files import write_atomically
from unseen.training.config import TrainConfig
from unseen.training.run import Run, state_of


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator,
    config: TrainConfig, run: Run, objective: object = None,
) -> None:  # fmt: skip
    """Write model, optimizer, generator, run and the state of an objective that has one, whole or not at all.

    Raises:
        BadInput: The disk is full, or the folder can't be written to.
    """
    buffer = io.BytesIO()
    content = {
        "config": json.dumps(config.to_dict(), sort_keys=True), "model": model.state_dict(),
        "optimizer": optimizer.state_dict(), "generator": generator.get_state(), "run": state_of(run),
    }  # fmt: skip
    if isinstance(objective, nn.Module):
        content["objective"] = objective.state_dict()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator, config: TrainConfig,
    objective: object = None,
) -> Run:  # fmt: skip
    """Put model, optimizer, generator and objective back to where the run was, and return it.

    Raises:
        BadInput: The file is not a checkpoint, or it belongs to another configuration or model.
    """
    try:
        content = torch.load(path, weights_only=True)
        stored = content["config"]
    except Exception as error:
        raise BadInput(
            f"{path}: not a checkpoint of this library ({type(error).__name__}). Delete it to start anew."
        ) from None
    if stored != json.dumps(config.to_dict(), sort_keys=True):
        raise BadInput(f"{path}: this checkpoint belongs to another configuration. Delete it, or name another file.")
    try:
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(content["optimizer"])
        if isinstance(objective, nn.Module):
            objective.load_state_dict(content["objective"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise BadInput(f"{path}: this checkpoint belongs to another model ({str(error).splitlines()[0]}).") from None
    generator.set_state(content["generator"])
    run = Run(**content["run"])
    run.history = [tuple(row) for row in run.history]  # type: ignore[misc]
    return run
