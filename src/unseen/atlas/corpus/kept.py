"""What is kept of the corpus: weights in the user's cache, scores and measures as a table of the package."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
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
from unseen.files import write_atomically

TABLE = Path(__file__).parent / "runs.parquet"


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


@cache
def runs() -> pl.DataFrame:
    """The table of the package: a row a run, with its settings, scores and measures; runs that missed the loss included.

    Columns ``family``, ``run``, ``seed``, the settings (``width``, ``depth``, ``batch``, ``rate``, ``decay``, ``noise``,
    ``moves``), ``reached``, ``steps``, ``score`` (share of right answers on 1,000 test images), ``shifted`` (on 1,500 that were
    turned, blurred or made noisy), ``right`` and ``right_shifted`` (each answer as a bit), and one column a measure.
    """
    return pl.read_parquet(TABLE)


def write(rows: Sequence[Mapping[str, Any]], path: Path = TABLE) -> None:
    """Write the table."""
    held = io.BytesIO()
    table = pl.DataFrame(list(rows), infer_schema_length=None).with_columns(pl.selectors.float().cast(pl.Float32))
    table.write_parquet(held, compression="zstd", compression_level=19, statistics=False)
    write_atomically(path, held.getvalue())
