"""Many small modules trained side by side: one batched product instead of many small ones.

For modules, batches and evaluations along the way; ``training.full_batch`` takes hand-written losses over plain tensors.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence

import polars as pl
import torch
from torch import Tensor, nn

from unseen.engine.seeds import draw_seed
from unseen.errors import BadInput
from unseen.training.config import TrainConfig
from unseen.training.fitting import Fitted, TensorData, build
from unseen.training.loop import _draw  # pyright: ignore[reportPrivateUsage]
from unseen.training.objectives.base import Batch
from unseen.training.objectives.tensors import Tensors, tensor_batch
from unseen.training.run import HISTORY, Run


def fit_stacked(
    model: Callable[[], nn.Module],
    train_on: TensorData,
    evaluate: Mapping[str, TensorData] | None = None,
    config: TrainConfig | None = None,
    generators: Sequence[torch.Generator] = (),
    *,
    objective: Tensors | None = None,
) -> list[Fitted]:
    """Train one model a generator, all on the same data, as ``fit_tensors`` would one after the other.

    Weights and order of examples come from each model's own generator. A model that meets ``stop_at`` is kept as it
    was then. The seconds of each are those of all together.

    Args:
        model: Builds one module; dropout and batch norm are not supported.
        train_on: Inputs and target.
        evaluate: Named sets scored along the way.
        config: As for one model; ``patience`` and ``bucket`` are not supported.
        generators: One a model.
        objective: Classification by default.

    Raises:
        BadInput: No generators, or a setting that is not supported.
    """
    config, objective = config or TrainConfig(), objective or Tensors()
    if not generators or config.patience is not None or config.bucket > 1:
        raise BadInput("fit_stacked needs at least one generator, no patience and bucket=1.")
    modules = [build(model, None, g) for g in generators]
    if any(isinstance(m, nn.Dropout | nn.modules.batchnorm._BatchNorm) for m in modules[0].modules()):  # pyright: ignore
        raise BadInput("fit_stacked takes no dropout and no batch norm: train such models with fit_tensors.")
    for generator in generators:
        draw_seed(generator)  # fit_tensors draws one for dropout: the orders shall be the same
    stacked, buffers = torch.func.stack_module_state(modules)  # type: ignore[arg-type]
    base = copy.deepcopy(modules[0]).to("meta")
    data = tensor_batch(*train_on)
    sets = {"train": {k: v[: config.train_eval] for k, v in data.items()}}
    sets |= {name: tensor_batch(*d) for name, d in (evaluate or {}).items()}
    if config.stop_on not in sets:
        raise BadInput(f"stop_on names {config.stop_on!r}; the sets are {', '.join(sets)}.")
    leaves = list(stacked.values())
    optimizer = (
        torch.optim.SGD(leaves, config.lr, config.momentum, weight_decay=config.weight_decay)
        if config.optimizer == "sgd"
        else torch.optim.AdamW(leaves, config.lr, config.betas, weight_decay=config.weight_decay, fused=True)
    )

    class One(nn.Module):
        """A model whose parameters are handed in."""

        def __init__(self, parameters: dict[str, Tensor]) -> None:
            super().__init__()
            self.given = parameters

        def forward(self, *inputs: Tensor) -> Tensor:
            return torch.func.functional_call(base, self.given, inputs)

    def loss_of(parameters: dict[str, Tensor], batch: Batch) -> Tensor:
        return objective.loss(One(parameters), batch)

    def scores_of(parameters: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
        return objective.scores(One(parameters), batch)

    k, n = len(modules), len(data["y"])
    size = n if config.batch_size is None else min(config.batch_size, n)
    full = size == n
    losses_of = torch.vmap(loss_of, in_dims=(0, None if full else 0))
    everyone = torch.vmap(scores_of, in_dims=(0, None))
    runs = [Run() for _ in range(k)]
    kept: list[dict[str, Tensor] | None] = [None] * k
    began = time.perf_counter()
    for step in range(config.steps + 1):
        if step % config.eval_every == 0 or step == config.steps:
            with torch.no_grad():
                for name, batch in sets.items():
                    loss, right = (x.mean(1).tolist() for x in everyone({**stacked, **buffers}, batch))
                    for i, run in enumerate(runs):
                        if kept[i] is not None and run.step < step:
                            continue
                        run.step = step
                        run.history.append((step, name, loss[i], right[i], time.perf_counter() - began))
                        if name == config.stop_on and config.stop_at is not None and right[i] >= config.stop_at:
                            run.stopped = f"accuracy on {name} reached {config.stop_at:g} after {step} updates"
                        elif step == config.steps and not run.stopped:
                            run.stopped = f"{step} updates made"
            for i, run in enumerate(runs):
                if run.stopped and kept[i] is None:
                    kept[i] = {name: value[i].detach().clone() for name, value in {**stacked, **buffers}.items()}
            if all(state is not None for state in kept):
                break
        for group in optimizer.param_groups:
            group["lr"] = config.rate(step)
        if full:
            batch = data
        else:
            drawn = [_draw(data, n, size, config, g, r, None) for g, r in zip(generators, runs, strict=True)]
            batch = {name: torch.stack([d[name] for d in drawn]) for name in data}
        optimizer.zero_grad(set_to_none=True)
        losses_of({**stacked, **buffers}, batch).sum().backward()
        if config.clip is not None:
            _clip(leaves, config.clip)
        optimizer.step()
    seconds = time.perf_counter() - began
    for module, state in zip(modules, kept, strict=True):
        module.load_state_dict(state or {})
    return [
        Fitted(m.eval(), pl.DataFrame(r.history, schema=HISTORY, orient="row"), r.stopped, seconds, r.step, objective, config)
        for m, r in zip(modules, runs, strict=True)
    ]  # fmt: skip


def _clip(leaves: Sequence[Tensor], most: float) -> None:
    """Clip each model's gradient by its own norm."""
    gradients = [p.grad for p in leaves if p.grad is not None]
    norm = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
    scale = (most / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.reshape(-1, *[1] * (gradient.dim() - 1)))
