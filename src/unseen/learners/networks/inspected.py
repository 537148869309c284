"""What an audit knows of trained networks: the networks, what they were trained on, and what judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.networks.losses import NEXT, NO_TARGET, Loss
from unseen.learners.networks.network import BATCH, COPIES, MEMORY, Network
from unseen.learners.networks.room import require_room
from unseen.learners.networks.sample import Sample
from unseen.plain_text import counted, names

# Training examples that stand beside the test set as answers; more say nothing that these do not.
MOST_ANSWERED = 20_000
# Columns that the answers have of themselves.
OWN = ("model", "item", "score", "prediction", "target", "confidence", "cluster")


@dataclass(frozen=True)
class Inspected:
    """Networks with the data that they were trained and are judged on.

    Attributes:
        networks: One, or several runs of one kind.
        train: What they were trained on.
        test: What they were not trained on; None where there is none.
        settings: What tells the runs apart (width, rate, seed …): one mapping a network, empty where nothing is known.
        memory: Bytes that gradients of single examples may take at once.
        shared: Results that several checks use, by name.
    """

    networks: tuple[Network, ...]
    train: Sample
    test: Sample | None = None
    settings: tuple[Mapping[str, Any], ...] = ()
    memory: int = MEMORY
    shared: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls, module: Any, train: Any, test: Any = None, *, loss: str | Loss | None = None, target: str | None = None,
        inputs: Sequence[str] = (), drop: Sequence[str] = (), cluster: str | None = None, memory: int = MEMORY,
        layers: str | None = None, settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Inspected:  # fmt: skip
        """Networks and data in whatever form a user has them.

        Args:
            module: A module; several in a list, or by their names.
            train: What they were trained on; see ``Sample.of``.
            test: What they were not trained on.
            loss: See ``Network.of``.
            target: Column to predict, where frames are given.
            inputs: Columns that the networks read.
            drop: Columns that they do not read.
            cluster: Column of what was sampled together.
            memory: Bytes that gradients of single examples may take at once.
            layers: Which parameters count as trained; see ``Network.of``.
            settings: What tells the runs apart, by their names.

        Raises:
            BadInput: A module or data can't be read, or train and test don't fit each other.
        """
        if train is None:
            raise BadInput("a module is inspected with its training examples: give train=.")
        columns: dict[str, Any] = {"inputs": inputs, "drop": drop, "cluster": cluster}
        read = Sample.tokens if loss == NEXT else partial(Sample.of, target=target)
        seen = read(train, **columns, name="train")
        beyond = None if test is None else read(test, **columns, name="test")
        # Sequences of tokens may be of any length.
        alike = beyond is None or (seen.sequences and beyond.sequences)
        if (
            beyond is not None
            and not alike
            and (beyond.inputs.shape[1:] != seen.inputs.shape[1:] or beyond.classes != seen.classes)
        ):
            raise BadInput(
                f"test: inputs have the shape {tuple(beyond.inputs.shape[1:])} and {_kind(beyond)} as targets, those of train "
                f"{tuple(seen.inputs.shape[1:])} and {_kind(seen)}. Prepare both in the same way."
            )
        given = _named(module)
        _require_room(given, memory)
        networks = [Network.of(one, seen, loss=loss, name=name, layers=layers) for name, one in given.items()]
        if beyond is not None:
            for network in networks:
                network.require_fit(beyond)
        own = settings or {}
        strange = sorted(set(own) - set(given))
        if strange:
            raise BadInput(
                f"settings of {names(strange, 5)}, which is no network here; the networks are {names(list(given), 5)}."
            )
        return cls(tuple(networks), seen, beyond, tuple(own.get(name, {}) for name in given), memory)

    def answers(self, *, both: bool = True, seed: int = 0) -> pl.DataFrame:
        """What the networks answer, as a table of responses.

        Args:
            both: The training examples as what is seen, the test set as what is not; else the test set alone.
            seed: Which training examples, where there are more than ``MOST_ANSWERED``.

        Returns:
            model, item, score (1 or 0 for classes, a share in a sequence, minus the error of numbers), prediction, target,
            confidence (for classes), cluster, the other columns of the data, and with ``both`` split.
        """
        parts = [(self.train, "seen")] if both or self.test is None else []
        parts += [] if self.test is None else [(self.test, "unseen")]
        made: list[pl.DataFrame] = []
        for sample, side in parts:
            rows = np.arange(len(sample))
            if side == "seen" and len(rows) > MOST_ANSWERED:
                rows = np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ANSWERED, replace=False))
            few = sample.take(rows)
            own = few.table.select(c for c in few.table.columns if c not in OWN and (c != "split" or len(parts) == 1))
            items = sample.items(bare=len(parts) == 1)
            label = pl.Series("item", [items[i] for i in rows])
            for network in self.networks:
                fixed = [pl.lit(network.name).alias("model"), label, *_scored(network, few)]
                if few.cluster is not None:
                    fixed.append(pl.Series("cluster", few.cluster).cast(pl.String))
                if len(parts) == 2:
                    fixed.append(pl.lit(side).alias("split"))
                made.append(own.with_columns(fixed) if own.width else pl.select(label).with_columns(fixed))
        return pl.concat(made, how="diagonal_relaxed")


def right(network: Network, sample: Sample) -> np.ndarray:
    """Score of each answer: 1 or 0 for classes, minus the absolute error for numbers, shape (n,)."""
    return next(s for s in _scored(network, sample) if s.name == "score").to_numpy()


def _scored(network: Network, sample: Sample) -> list[pl.Series]:
    if sample.classes and sample.targets.dim() > 1:
        return [pl.Series("score", _steps(network, sample))]
    outputs = network.outputs(sample.inputs)
    if not sample.classes:
        flat = outputs.reshape(sample.targets.shape)
        error = (flat - sample.targets).abs().reshape(len(sample), -1).mean(1)
        if flat.dim() > 1 and flat[0].numel() > 1:
            return [pl.Series("score", -error.numpy().astype(float))]
        told, truth = (v.reshape(-1).numpy().astype(str) for v in (flat, sample.targets))
        return [
            pl.Series("score", -error.numpy().astype(float)), pl.Series("prediction", told), pl.Series("target", truth),
        ]  # fmt: skip
    chances = torch.softmax(network.class_scores(outputs), 1)
    sure, told = chances.double().max(1)
    truth = sample.targets.reshape(len(sample), -1)[:, 0]
    return [
        pl.Series("score", (told == truth).double().numpy()), pl.Series("prediction", told.numpy()).cast(pl.String),
        pl.Series("target", truth.numpy()).cast(pl.String), pl.Series("confidence", sure.clamp(0, 1).numpy()),
    ]  # fmt: skip


def _steps(network: Network, sample: Sample) -> np.ndarray:
    """Share of right answers over the steps of each sequence that have a target, shape (n,)."""
    made: list[Tensor] = []
    size = network.batch()
    # Batch by batch: a language model gives a number for each token it knows, at each place.
    for x, y in zip(sample.inputs.split(size), sample.targets.split(size), strict=True):
        right, known = network.class_scores(network.outputs(x)).argmax(1) == y, y != NO_TARGET
        made.append((right & known).flatten(1).sum(1) / known.flatten(1).sum(1).clamp(min=1))
    return torch.cat(made).double().numpy()


def _named(module: Any) -> dict[str, Any]:
    if isinstance(module, Mapping):
        given = {str(k): v for k, v in module.items()}
        if len(given) < len(module):
            raise BadInput(f"{len(module)} modules have {len(given)} names; give each its own.")
        return given or _none()
    if isinstance(module, list | tuple):
        return {f"network {i + 1}": m for i, m in enumerate(module)} or _none()
    return {"network": module}


def _require_room(given: Mapping[str, Any], memory: int) -> None:
    """The machine has room for a copy of each network, and for a chunk of gradients."""
    whole = [sum(p.numel() for p in one.parameters()) for one in given.values() if isinstance(one, nn.Module)]
    most = max(whole, default=0)
    chunk = 4 * COPIES * most * max(1, min(BATCH, memory // (4 * COPIES * max(1, most))))
    require_room(
        4 * sum(whole) + chunk, f"copies of {counted(len(whole), 'network')} and a chunk of gradients",
        "Audit fewer networks at once, or give less --memory.",
    )  # fmt: skip


def _none() -> dict[str, Any]:
    raise BadInput("no module was given: an empty list or mapping.")


def _kind(sample: Sample) -> str:
    return "classes" if sample.classes else "numbers"
