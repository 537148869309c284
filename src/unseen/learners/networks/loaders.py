"""What users of torch hand over as examples: loaders in the order of their data set, and two classes as 0.0 and 1.0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.utils import data

from unseen.errors import BadInput
from unseen.learners.networks.sample import MOST_STACKED, Sample
from unseen.plain_text import names


def unrolled(given: Any, name: str) -> Any:
    """Inputs and targets of a ``DataLoader``: every example once, whatever batches it is drawn in; what is none stays as it is.

    Shuffling is left out, so that row numbers are those of the data set (of its chosen rows, under a ``SubsetRandomSampler``).

    Args:
        given: The loader, of batches ``(inputs, targets)``.
        name: What it is called in messages.

    Raises:
        BadInput: Its sampler draws some examples more often than others, its batches are no such pairs, or they differ in shape.

    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> pairs = TensorDataset(torch.arange(3.0)[:, None], torch.tensor([0, 1, 0]))
    >>> unrolled(DataLoader(pairs, batch_size=2, shuffle=True), "train")[1].tolist()
    [0, 1, 0]
    """
    if not isinstance(given, data.DataLoader):
        return given
    plain = given if isinstance(given.dataset, data.IterableDataset) else _in_order(given, name)
    inputs, targets, rows = list[torch.Tensor](), list[torch.Tensor](), 0
    for batch in plain:
        if not (isinstance(batch, tuple | list) and len(batch) == 2):
            held = f"a {type(batch).__name__}" + (f" of {names(list(batch), 6)}" if isinstance(batch, dict) else "")
            if isinstance(batch, tuple | list):
                held = f"{len(batch)} parts"
            raise BadInput(f"{name}: batches of a DataLoader are pairs (inputs, targets); the first here is {held}.")
        x, y = (torch.as_tensor(part) for part in batch)
        if x.dim() == 0 or x.shape[:1] != y.shape[:1]:
            raise BadInput(
                f"{name}: a batch of a DataLoader has inputs of shape {tuple(x.shape)} and targets of {tuple(y.shape)}. "
                "Both begin with the number of examples."
            )
        rows += len(x)
        if rows > MOST_STACKED:
            raise BadInput(f"{name}: more than {MOST_STACKED:,} examples in a DataLoader. Give a subset, or tensors.")
        if inputs and x.shape[1:] != inputs[0].shape[1:]:
            raise BadInput(
                f"{name}: inputs of one batch have the shape {tuple(x.shape[1:])}, of the first {tuple(inputs[0].shape[1:])}. "
                "Pad or crop all to one shape."
            )
        inputs.append(x)
        targets.append(y)
    if not inputs:
        raise BadInput(f"{name}: the DataLoader gives no batch.")
    return torch.cat(inputs), torch.cat(targets)


def _in_order(loader: data.DataLoader[Any], name: str) -> data.DataLoader[Any]:
    """The same data set and collation, one example after another."""
    drawn = loader.sampler
    chosen: Any = loader.dataset
    if isinstance(drawn, data.SubsetRandomSampler):
        chosen = data.Subset(chosen, sorted(drawn.indices))
    elif isinstance(drawn, data.RandomSampler) and not drawn.replacement and drawn.num_samples == len(chosen):
        pass
    elif not isinstance(drawn, data.SequentialSampler) or type(loader.batch_sampler) not in (
        data.BatchSampler,
        type(None),
    ):
        kind = type(loader.batch_sampler if isinstance(drawn, data.SequentialSampler) else drawn).__name__
        raise BadInput(
            f"{name}: this DataLoader draws examples by a {kind}, some more often than others, maybe. "
            f"Give what each example counts once in: {name}=loader.dataset."
        )
    return data.DataLoader(
        chosen, batch_size=None if loader.batch_sampler is None else 64, collate_fn=loader.collate_fn
    )


def two_classes(sample: Sample) -> Sample:
    """The sample with targets that are all 0.0 or 1.0 as classes, which is how the loss of one logit takes them.

    >>> two_classes(Sample.of(([[0.0], [1.0]], [0.0, 1.0]))).classes
    True
    >>> two_classes(Sample.of(([[0.0], [1.0]], [0.0, 0.9]))).classes
    False
    """
    values = sample.targets
    if sample.classes or not bool(((values == 0) | (values == 1)).all()):
        return sample
    flat = values[:, 0] if values.dim() == 2 and values.shape[1] == 1 else values
    return sample if flat.dim() != 1 else replace(sample, targets=flat.long())
