"""What test-time methods read of a fitted learner: probabilities, features, and the torch module where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from unseen.adaptation.base import FloatArray, IntArray, Source
from unseen.data import Examples
from unseen.errors import BadInput

# Rows of one forward pass; more do not fit into the caches of a core.
CHUNK = 256


@runtime_checkable
class Probabilistic(Protocol):
    """A learner that tells more than its answers.

    A torch learner may also have ``module`` (in evaluation mode) and ``inputs(examples)``, the tensor that the module
    takes; batch norm and Tent need these.
    """

    @property
    def classes(self) -> Any:
        """Class of each column of the probabilities; None for a learner of numbers."""
        ...

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Shape (n, classes)."""
        ...

    def features(self, examples: Examples) -> np.ndarray:
        """Shape (n, d)."""
        ...


def classes_of(learner: Any) -> np.ndarray:
    """Classes of a fitted learner, shape (classes,).

    Raises:
        BadInput: It gives no probabilities of classes.
    """
    name = getattr(learner, "name", type(learner).__name__)
    classes = getattr(learner, "classes", None)
    if not isinstance(learner, Probabilistic) or classes is None or len(classes) < 2:
        raise BadInput(f"{name} gives no probabilities of classes: test-time methods can't adapt it.")
    return np.asarray(classes)


def class_numbers(examples: Examples, classes: np.ndarray) -> IntArray:
    """Number of each row's class, shape (n,); −1 for one that is not among the classes.

    Raises:
        BadInput: The examples have no target.
    """
    if examples.target is None:
        raise BadInput("these examples have no target: their classes are unknown.")
    numbers = {str(c): i for i, c in enumerate(classes)}
    return np.array([numbers.get(str(v), -1) for v in examples.column(examples.target)], dtype=np.int64)


class Parts:
    """Reads the parts of examples that methods ask for, in as few passes as can be.

    Features that do not come from a torch module are scaled to unit deviation, missing numbers filled with the median,
    both of the source; else the column with the largest unit would decide who is near whom.

    Args:
        learner: Fitted.
        source: What it was fitted to; gives the scale.
        features: Whether features will be asked for.
    """

    def __init__(self, learner: Any, source: Examples, *, features: bool = True) -> None:
        self.learner = learner
        self.module: Any = getattr(learner, "module", None)
        self.takes_tensor = self.module is not None and callable(getattr(learner, "inputs", None))
        weight = getattr(getattr(self.module, "head", None), "weight", None)
        linear = weight is not None and weight.ndim == 2 and len(weight) == len(classes_of(learner))
        # Features and a linear head with an output a class: one pass gives both.
        self.featured = self.takes_tensor and linear and hasattr(self.module, "features")
        self._scale: tuple[FloatArray, FloatArray] | None = None
        if features and not self.featured:
            raw = np.asarray(learner.features(source), np.float64)
            raw = np.where(np.isfinite(raw), raw, np.nan)
            known = np.isfinite(raw).any(0)
            fill, spread = np.zeros(raw.shape[1]), np.ones(raw.shape[1])
            fill[known], spread[known] = np.nanmedian(raw[:, known], 0), np.nanstd(raw[:, known], 0)
            self._scale = fill, np.where(spread > 0, spread, 1.0)

    @property
    def head(self) -> tuple[FloatArray, FloatArray] | None:
        """Weights and bias of the linear last layer, where there is one with an output a class."""
        if not self.featured:
            return None
        w, bias = self.module.head.weight.detach().cpu().double().numpy(), self.module.head.bias
        return w, np.zeros(len(w)) if bias is None else bias.detach().cpu().double().numpy()

    def read(self, examples: Examples, needs: Iterable[str]) -> dict[str, Any]:
        """Probabilities, features and inputs of examples, as far as they are needed.

        Raises:
            BadInput: Inputs are needed and the learner has no module that takes tensors.
        """
        wanted = frozenset(needs)
        made: dict[str, Any] = {}
        if "inputs" in wanted or (self.featured and "features" in wanted):
            if not self.takes_tensor:
                name = getattr(self.learner, "name", type(self.learner).__name__)
                raise BadInput(f"this test-time method changes a torch module, which {name} is not.")
            made["inputs"] = self.learner.inputs(examples)
        if self.featured and "features" in wanted:
            made |= _passed(self.module, made["inputs"])
            return {k: v for k, v in made.items() if k in wanted}
        if "probabilities" in wanted:
            made["probabilities"] = np.asarray(self.learner.probabilities(examples), np.float64)
        if "features" in wanted and self._scale is not None:
            raw = np.asarray(self.learner.features(examples), np.float64)
            fill, spread = self._scale
            made["features"] = np.where(np.isfinite(raw), raw, fill) / spread
        return made

    def source(
        self, examples: Examples, keeps: Iterable[str], *, rows: int, held_out: np.ndarray | None = None
    ) -> Source:
        """What methods may keep of the source.

        Args:
            examples: The source.
            keeps: ``probabilities`` and ``features``, as far as they are needed.
            rows: Most rows that are kept, evenly over the order given.
            held_out: True for rows that the learner was not fitted to, shape (n,).
        """
        classes = classes_of(self.learner)
        labels = class_numbers(examples, classes)
        known = np.flatnonzero(labels >= 0)
        if len(known) > rows:
            known = known[np.linspace(0, len(known) - 1, rows).round().astype(np.int64)]
        # The same examples where all are kept: what learners make of them is then made once for all methods.
        made = self.read(examples if len(known) == len(examples) else examples.take(known), keeps)
        return Source(
            labels[known], len(classes), made.get("probabilities"), made.get("features"),
            None if held_out is None else held_out[known], self.head, self.module,
        )  # fmt: skip


def _passed(module: Any, x: Any) -> dict[str, Any]:
    import torch

    # Features stay in the precision of the module: doubling it would double what a batch costs.
    features: list[Any] = []
    chances: list[FloatArray] = []
    module.eval()
    with torch.no_grad():
        for start in range(0, len(x), CHUNK):
            z = module.features(x[start : start + CHUNK])
            features.append(z.cpu().numpy())
            chances.append(torch.softmax(module.head(z).double(), 1).cpu().numpy())
    return {"features": np.concatenate(features), "probabilities": np.concatenate(chances)}
