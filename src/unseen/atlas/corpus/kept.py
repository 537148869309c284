"""Weights of the corpus, kept in the user's cache as they are made."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import nn

from unseen.atlas.corpus.images import images
from unseen.atlas.corpus.networks import network
from unseen.atlas.corpus.settings import FAMILIES, LOSS, Run
from unseen.atlas.corpus.training import Trained, train
from unseen.engine.store import content_hash, default_folder
from unseen.errors import BadInput
from unseen.files import write_atomically


def all_runs(families: Sequence[str] = tuple(FAMILIES)) -> list[Run]:
    """Every run of these families."""
    return [run for name in families for run in FAMILIES[name].runs()]


def stacks(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that are trained together, in the order of the first of each."""
    made: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        made.setdefault(run.shape, []).append(run)
    return list(made.values())


def key(run: Run) -> str:
    """Under what a run's weights are kept: all that decides them but the code."""
    family = FAMILIES[run.family]
    told = {"run": run.name, "rows": family.rows, "updates": family.updates, "loss": LOSS}
    return content_hash(told)


def place(run: Run) -> Path:
    """The file of a run's weights: nothing but tensors."""
    return default_folder() / "corpus" / run.family / f"{key(run)}.pt"


def keep(done: Trained) -> None:
    """Write a run's weights, its updates and its loss into the user's cache."""
    held = io.BytesIO()
    torch.save({**done.weights, ":steps": torch.tensor(done.steps), ":loss": torch.tensor(done.loss)}, held)
    path = place(done.run)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, held.getvalue())


def read(run: Run) -> Trained | None:
    """A run as it was kept, or None."""
    path = place(run)
    if not path.is_file():
        return None
    held: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    steps, loss = int(held.pop(":steps")), float(held.pop(":loss"))
    return Trained(run, held, steps, loss)


def made(runs: Sequence[Run]) -> Iterator[Trained]:
    """Runs, trained where they are not kept; a stack is kept as soon as it is done."""
    for stack in stacks(runs):
        kept = [read(run) for run in stack]
        if any(one is None for one in kept):
            family = FAMILIES[stack[0].family]
            kept = list[Trained | None](train(stack, images(family.images, family.rows)))
            for one in kept:
                if one is not None:
                    keep(one)
        yield from (one for one in kept if one is not None)


def module(done: Trained) -> nn.Module:
    """The network of a run with its last weights."""
    family = FAMILIES[done.run.family]
    given = images(family.images, family.rows)
    net = network(done.run, given.train.shape[1:], given.classes)
    net.load_state_dict(dict(done.weights))
    return net.eval()


def export(family: str, folder: Path) -> int:
    """Write a family's runs as a user has them: weights, ``runs.csv`` with their settings, training and test data.

    Runs with wrong labels are left out, since all runs of a folder share their training data, and those of further seeds.

    Args:
        family: The family.
        folder: ``runs/``, ``train.parquet`` and ``test.parquet`` are written into it.

    Returns:
        How many runs were written.

    Raises:
        BadInput: None of them is in the cache.
    """
    one = FAMILIES[family]
    runs = [run for run in one.runs() if not run.settings["noise"] and run.seed == one.seeds[0]]
    told = [d for run in runs if (d := read(run)) is not None and d.reached]
    if not told:
        raise BadInput(f"no run of {family} is kept: make them by python -m unseen.atlas.corpus {family} --train.")
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    for done in told:
        held = io.BytesIO()
        torch.save(dict(done.weights), held)
        write_atomically(folder / "runs" / f"{done.run.name}.pt", held.getvalue())
    varying = [k for k, values in one.grid.items() if len(values) > 1 and k != "noise"]
    rows = [{"run": d.run.name, **{k: d.run.settings[k] for k in varying}} for d in told]
    pl.DataFrame(rows).write_csv(folder / "runs" / "runs.csv")
    given = images(one.images, one.rows)
    for name, x, y in (("train", given.train, given.labels), ("test", given.test, given.test_labels)):
        table = pl.DataFrame(x.reshape(len(x), -1), schema=[f"pixel{k}" for k in range(x[0].size)])
        table.with_columns(label=pl.Series(y)).write_parquet(folder / f"{name}.parquet")
    return len(told)
