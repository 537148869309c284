"""One training loop for all objectives: explicit draws, evaluation along the way, a stated stop, resumable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from unseen.engine.seeds import draw_seed, seeded_torch
from unseen.errors import BadInput, Undefined
from unseen.training.checkpoints import load_checkpoint, save_checkpoint
from unseen.training.config import TrainConfig
from unseen.training.objectives.base import Batch, Objective
from unseen.training.run import Run


def optimizer_for(model: nn.Module, config: TrainConfig, objective: object = None) -> torch.optim.Optimizer:
    """The optimizer that the configuration names, over all parameters that learn, those of the objective included."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    if isinstance(objective, nn.Module):
        parameters += [p for p in objective.parameters() if p.requires_grad]
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    return torch.optim.AdamW(parameters, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True)


def train(
    model: nn.Module,
    objective: Objective,
    data: Batch,
    config: TrainConfig,
    generator: torch.Generator,
    *,
    evaluate: Mapping[str, Batch] | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int | None = None,
    after_step: Callable[[int, nn.Module], None] | None = None,
) -> Run:
    """Train a model in place.

    Args:
        model: Any module; the objective knows how to call it.
        objective: What is lowered and how answers are scored. Where it is a module, its parameters are learnt too and its
            state is kept in checkpoints; where it has ``order(data, size, generator)``, batches are cut from that.
        data: Named tensors with one row an example.
        config: Every number of the run.
        generator: Source of the order of examples and of the seed for dropout; equal generators give equal runs.
        evaluate: Named sets scored along the way, beside ``train``.
        checkpoint: File that a run is kept in; where it exists, the run goes on from there.
        checkpoint_every: Updates between two checkpoints; by default at each evaluation.
        after_step: Called after each update with (updates made, model), for measures along the way.

    Returns:
        The run with its history and why it stopped.

    Raises:
        BadInput: No rows; a stop rule that names an unknown set; a checkpoint of another configuration.
        Undefined: The loss is not a finite number at an evaluation.
    """
    sets = {"train": {k: v[: config.train_eval] for k, v in data.items()}, **(evaluate or {})}
    n = len(next(iter(data.values()), ()))
    if n == 0:
        raise BadInput("training needs at least one example, got none.")
    if config.stop_on not in sets:
        raise BadInput(f"stop_on names {config.stop_on!r}; the sets are {', '.join(sets)}.")
    run, optimizer = Run(), optimizer_for(model, config, objective)
    noise = draw_seed(generator)
    path = Path(checkpoint) if checkpoint else None
    if path and path.exists():
        run = load_checkpoint(path, model, optimizer, generator, config, objective)
        if run.stopped:
            return run
    with seeded_torch(noise):
        if run.step:  # dropout goes on from a seed of its own per resumed step, as in an uninterrupted run
            torch.manual_seed(_noise_at(noise, run.step))
        _loop(
            model,
            objective,
            data,
            n,
            config,
            generator,
            sets,
            run,
            optimizer,
            path,
            checkpoint_every,
            noise,
            after_step,
        )
    return run


def _noise_at(noise: int, step: int) -> int:
    return (noise + 0x9E3779B97F4A7C15 * step) % 2**62


def _loop(
    model: nn.Module, objective: Objective, data: Batch, n: int, config: TrainConfig, generator: torch.Generator,
    sets: Mapping[str, Batch], run: Run, optimizer: torch.optim.Optimizer, path: Path | None, every: int | None,
    noise: int, after_step: Callable[[int, nn.Module], None] | None,
) -> None:  # fmt: skip
    size = n if config.batch_size is None else min(config.batch_size, n)
    lengths = objective.lengths(data) if config.bucket > 1 else None
    parameters = [p for p in model.parameters() if p.requires_grad]
    ordered = getattr(objective, "order", None)
    full = objective.trim(data) if size == n else None
    varying = config.schedule != "constant" or config.warmup > 0
    began = time.perf_counter() - run.seconds
    model.train()
    while not run.stopped:
        if run.step % config.eval_every == 0 or run.step >= config.steps:
            if not (run.history and run.history[-1][0] == run.step):
                run.seconds = time.perf_counter() - began
                _evaluate(model, objective, sets, config, run)
                model.train()
            if run.step >= config.steps and not run.stopped:
                run.stopped = f"{config.steps} updates made"
            due = every is None
        else:
            due = False
        saved = path is not None and (due or bool(run.stopped) or (every and run.step and run.step % every == 0))
        if saved and path is not None:
            run.seconds = time.perf_counter() - began
            save_checkpoint(path, model, optimizer, generator, config, run, objective)
        if saved or due:
            # A resumed run can't know how many numbers dropout drew: every run starts its stream anew from here.
            torch.manual_seed(_noise_at(noise, run.step))
        if run.stopped:
            break
        if varying:
            for group in optimizer.param_groups:
                group["lr"] = config.rate(run.step)
        batch = (
            full if full is not None else objective.trim(_draw(data, n, size, config, generator, run, lengths, ordered))
        )
        loss = objective.loss(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if config.clip is not None:
            nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        run.step += 1
        if after_step is not None:
            after_step(run.step, model)
    run.seconds = time.perf_counter() - began
    model.eval()


def _draw(
    data: Batch, n: int, size: int, config: TrainConfig, generator: torch.Generator, run: Run, lengths: Tensor | None,
    ordered: Callable[[Batch, int, torch.Generator], Tensor] | None = None,
) -> Batch:  # fmt: skip
    """The next rows of the epoch; a rest smaller than a batch starts the next epoch instead of ending this one short."""
    if run.used + size > len(run.order):
        order = torch.randperm(n, generator=generator) if ordered is None else ordered(data, size, generator)
        if lengths is not None:
            span = size * config.bucket
            parts = [part[lengths[part].argsort(stable=True)] for part in order.split(span)]
            batches = [rows for part in parts for rows in part.split(size) if len(rows) == size]
            shuffled = torch.randperm(len(batches), generator=generator)
            order = torch.cat([batches[i] for i in shuffled.tolist()])
        run.order, run.used = order, 0
    rows = run.order[run.used : run.used + size]
    run.used += size
    return {name: tensor[rows] for name, tensor in data.items()}


def _evaluate(model: nn.Module, objective: Objective, sets: Mapping[str, Batch], config: TrainConfig, run: Run) -> None:
    for name, data in sets.items():
        losses, right = score(model, objective, data, config.eval_batch_size)
        loss, accuracy = losses.mean().item(), right.mean().item()
        if loss != loss:
            raise Undefined(
                f"the loss on {name} is not a number after {run.step} updates. Lower lr, or set clip, "
                f"or add warmup; lr is {config.lr:g}."
            )
        run.history.append((run.step, name, loss, accuracy, run.seconds))
        if name != config.stop_on:
            continue
        run.best, run.waited = (loss, 0) if loss < run.best else (run.best, run.waited + 1)
        if config.stop_at is not None and accuracy >= config.stop_at:
            run.stopped = f"accuracy on {name} reached {config.stop_at:g} after {run.step} updates"
        elif config.patience is not None and run.waited >= config.patience:
            run.stopped = f"loss on {name} did not fall for {config.patience} evaluations, up to update {run.step}"


@torch.no_grad()
def score(model: nn.Module, objective: Objective, data: Batch, batch_size: int = 512) -> tuple[Tensor, Tensor]:
    """Loss and accuracy of each example, both of shape (rows,), with the model in evaluation mode."""
    model.eval()
    n = len(next(iter(data.values())))
    found = [
        objective.scores(model, objective.trim({k: v[i : i + batch_size] for k, v in data.items()}))
        for i in range(0, n, batch_size)
    ]
    return torch.cat([a for a, _ in found]), torch.cat([b for _, b in found])
