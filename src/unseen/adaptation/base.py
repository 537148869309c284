"""What a test-time method may keep of the source, what it sees of a batch, and the three settings it runs in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Setting = Literal["episodic", "online", "continual"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)
# Below this a probability is taken as this, so that logarithms stay finite.
SMALLEST = 1e-10


@dataclass(frozen=True, eq=False)
class Source:
    """What a method may keep of the data that the model was trained on.

    Attributes:
        labels: Class numbers, shape (n,).
        classes: How many classes there are.
        probabilities: Of the model on these rows, shape (n, classes).
        features: Of the model on these rows, shape (n, d).
        held_out: True for rows that the model was not fitted to, shape (n,); None where all were.
        head: Weights (classes, d) and bias (classes,) of a linear last layer, where there is one.
        module: The torch module itself, for methods that change it (they copy it first).
    """

    labels: IntArray
    classes: int
    probabilities: FloatArray | None = None
    features: FloatArray | None = None
    held_out: NDArray[np.bool_] | None = None
    head: tuple[FloatArray, FloatArray] | None = None
    module: Any = None

    def __post_init__(self) -> None:
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < self.classes:
            raise BadInput(
                f"labels are class numbers from 0 to {self.classes - 1}, got {self.labels.min()} to {self.labels.max()}."
            )
        for name in ("probabilities", "features", "held_out"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.labels):
                raise BadInput(f"the source has {len(self.labels)} labels, but {len(value)} rows of {name}.")

    @property
    def prior(self) -> FloatArray:
        """Share of each class, one row added to each so that none is zero, shape (classes,)."""
        count = np.bincount(self.labels, minlength=self.classes) + 1.0
        return count / count.sum()

    def need(self, name: str, method: str) -> Any:
        """A part of the source that a method can't do without.

        Raises:
            BadInput: It was not kept.
        """
        value = getattr(self, name)
        if value is None:
            raise BadInput(f"{method} needs the {name} of the source, which were not kept.")
        return value


@dataclass(frozen=True, eq=False)
class Batch:
    """What a method sees of some rows at test time: never their labels.

    Attributes:
        probabilities: Of the unadapted model, shape (n, classes).
        features: Of the unadapted model, shape (n, d).
        inputs: A torch tensor, shape (n, …), for methods that run the module themselves.
        domain: Name of the domain that the rows come from; ``online`` starts anew where it changes.
    """

    probabilities: FloatArray | None = None
    features: FloatArray | None = None
    inputs: Any = None
    domain: str | int | None = None

    def __len__(self) -> int:
        for part in (self.probabilities, self.features, self.inputs):
            if part is not None:
                return len(part)
        return 0

    def need(self, name: str, method: str) -> Any:
        """A part of the batch that a method can't do without.

        Raises:
            BadInput: It is not there.
        """
        value = getattr(self, name)
        if value is None:
            raise BadInput(f"{method} needs the {name} of each batch, which are not given.")
        return value


@runtime_checkable
class Adapter(Protocol):
    """A test-time method that was built from a source.

    Attributes:
        needs: Parts of a batch that it reads: probabilities, features, inputs.
    """

    needs: ClassVar[frozenset[str]]

    def predict(self, batch: Batch) -> FloatArray:
        """Probabilities for a batch, shape (n, classes); the method may learn from the batch."""
        ...

    def reset(self) -> None:
        """Forget everything that was learnt at test time."""
        ...


class Unchanged:
    """The model as it is: the baseline of every comparison."""

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    def __init__(self, source: Source) -> None:
        self.classes = source.classes

    def predict(self, batch: Batch) -> FloatArray:
        """The probabilities of the model."""
        return batch.need("probabilities", "the unadapted model")

    def reset(self) -> None:
        """There is nothing to forget."""


def adapt(adapter: Adapter, batches: Iterable[Batch], setting: Setting = "online") -> list[FloatArray]:
    """Run a method over batches.

    Args:
        adapter: The method; it is reset before the first batch.
        batches: In the order in which they arrive.
        setting: ``episodic`` resets before every batch, so that each is predicted from the source and itself alone;
            ``online`` resets where the domain changes; ``continual`` never resets.

    Returns:
        Probabilities for each batch, each (n, classes).

    Raises:
        BadInput: There is no such setting.

    >>> batch = Batch(probabilities=np.array([[0.9, 0.1]]))
    >>> adapt(Unchanged(Source(np.array([0, 1]), 2)), [batch], "episodic")[0].tolist()
    [[0.9, 0.1]]
    """
    return list(adapting(adapter, batches, setting))


def adapting(adapter: Adapter, batches: Iterable[Batch], setting: Setting = "online") -> Iterator[FloatArray]:
    """The same as ``adapt``, one batch at a time as they arrive."""
    if setting not in SETTINGS:
        raise BadInput(f"no setting {setting!r}; the settings are {', '.join(SETTINGS)}.")
    adapter.reset()
    last: str | int | None = None
    for i, batch in enumerate(batches):
        if setting == "episodic" or (setting == "online" and i and batch.domain != last):
            adapter.reset()
        last = batch.domain
        yield adapter.predict(batch)


def batch_rows(
    domains: Sequence[str | int | None] | NDArray[Any], size: int
) -> list[tuple[str | int | None, IntArray]]:
    """Cut rows into batches that lie within one domain.

    Domains come in the order of their first row, rows in their own order. A domain is cut into parts that differ by
    one row at most, so that no single row is left over for a method that needs several.

    Args:
        domains: Domain of each row, shape (n,).
        size: Most rows in a batch.

    Returns:
        Domain and row numbers of each batch.

    Raises:
        BadInput: The size is below 1.

    >>> [(d, r.tolist()) for d, r in batch_rows(["b", "a", "b", "b"], 2)]
    [('b', [0, 2]), ('b', [3]), ('a', [1])]
    """
    if size < 1:
        raise BadInput(f"a batch holds one row or more, got {size}.")
    rows: dict[str | int | None, list[int]] = {}
    for i, name in enumerate(domains):
        rows.setdefault(name, []).append(i)
    return [
        (name, part)
        for name, members in rows.items()
        for part in np.array_split(np.asarray(members, np.int64), -(-len(members) // size))
    ]


def softmax(logits: FloatArray) -> FloatArray:
    """Shape (n, classes) → (n, classes), each row a distribution."""
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def entropy(probabilities: FloatArray) -> FloatArray:
    """Entropy of each row [nats], shape (n, classes) → (n,).

    >>> round(float(entropy(np.array([[0.5, 0.5]]))[0]), 4)
    0.6931
    """
    return -(probabilities * np.log(np.maximum(probabilities, SMALLEST))).sum(1)


def unit(x: FloatArray) -> FloatArray:
    """Rows of length one, shape (n, d); a row of zeros stays."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
