"""Torch modules become learners here: one loop, explicit generators, seen and unseen scored along the way.

A study in twenty lines:

>>> import polars as pl
>>> from unseen import training
>>> from unseen.data import Examples
>>> from unseen.engine.seeds import torch_generator
>>> from unseen.learners.architectures.recurrent import Recurrent
>>> def copies(lengths):
...     rows = [" ".join("ab"[(i >> k) & 1] for k in range(n)) for n in lengths for i in range(2**n)]
...     return Examples(pl.DataFrame({"input": rows, "target": rows}))
>>> fitted = training.fit_sequences(
...     lambda vocabulary: Recurrent(len(vocabulary), width=32, cell="gru"),
...     copies([1, 2, 3]),
...     evaluate={"seen": copies([1, 2, 3]), "unseen": copies([4])},
...     config=training.TrainConfig(steps=300, batch_size=8, lr=1e-2, eval_every=50, stop_at=1.0, stop_on="seen"),
...     generator=torch_generator(0, "copy"),
... )
>>> fitted.accuracy(copies([2])).shape, fitted.final("seen") > fitted.final("unseen"), fitted.history.columns
((4,), True, ['step', 'split', 'loss', 'accuracy', 'seconds'])
>>> answers, confidence = fitted.predict(copies([2]))  # lists of tokens, and how sure

``fit_tensors`` does the same for (inputs, target) tensors, ``fit_stacked`` for many small models at once, and
``TorchLearner`` makes either a learner with responses. Names are loaded when asked for; they need the extra torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from unseen.engine.torch_extra import name_torch_extra, needs_torch

name_torch_extra(__name__)

_HOMES = {
    "DomainLearner": "domain_learner",
    "Fitted": "fitting",
    "Run": "run",
    "Sequences": "objectives.sequences",
    "Tensors": "objectives.tensors",
    "TorchLearner": "learner",
    "TrainConfig": "config",
    "Vocabulary": "vocabulary",
    "fit_sequences": "fitting",
    "fit_stacked": "batched.stacked",
    "fit_tensors": "fitting",
    "train": "loop",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"unseen.training has no {name!r}; it has {', '.join(__all__)}.")
    with needs_torch(f"unseen.training.{name}"):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
