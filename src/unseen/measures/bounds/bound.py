"""What a bound says: a number that the unseen error does not exceed, the confidence, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from unseen.errors import BadInput
from unseen.learners.networks import Network, Sample

# Examples that every bound takes as drawn.
DRAWN = "the examples were drawn independently of each other, from what is to come"


@dataclass(frozen=True)
class Bound:
    """An upper bound of the unseen error (or loss) of a network, or of one made from it.

    Attributes:
        kind: Which bound.
        about: The network whose error it bounds: compressed and noisy ones are others than the network itself.
        value: The bound; of an error at most 1.
        confidence: In how many of all draws of the examples it holds at least.
        seen: Error of the same network on the examples.
        guess: Error (or loss) of guessing among the classes, each as likely.
        examples: Independent examples behind it.
        assumes: What it rests on.
        terms: What it is made of, by name.
    """

    kind: str
    about: str
    value: float
    confidence: float
    seen: float
    guess: float
    examples: int
    assumes: tuple[str, ...]
    terms: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def vacuous(self) -> bool:
        """Whether it says no more than that guessing is not better."""
        return self.value >= self.guess


@dataclass(frozen=True)
class Units:
    """Independent examples: what was sampled together, and what stands twice, counts once.

    Attributes:
        of: The unit of each example, shape (n,).
        count: Units.
    """

    of: np.ndarray
    count: int

    def risk(self, values: np.ndarray) -> float:
        """Mean of values of shape (n,): over units or over examples, whichever is larger.

        Of copies the mean over units is the one to bound, of equal inputs that were drawn apart that over examples.
        """
        sums = np.bincount(self.of, np.asarray(values, dtype=float), self.count)
        sizes = np.bincount(self.of, minlength=self.count)
        return float(max((sums / sizes).mean(), np.mean(values)))

    def errors(self, values: np.ndarray) -> float:
        """Errors among the units: a whole number (int) where each unit is one answer, right or wrong."""
        if self.count == len(values) and bool(np.isin(values, (0.0, 1.0)).all()):
            return int(np.sum(values))
        return self.risk(values) * self.count


def units_of(sample: Sample) -> Units:
    """What counts once among these examples: clusters, and examples of which the same input stands elsewhere.

    Bounds count draws. Copies of one example are one draw, as are the sentences of one document.
    """
    own = sample.clusters
    same = _same_inputs(sample.inputs)
    if len(np.unique(same)) < len(same):
        own = _joined(own, same)
    return Units(own, int(own.max()) + 1)


def shared_rows(one: Sample, other: Sample) -> int:
    """How many examples of ``other`` have an input that stands in ``one`` too."""
    known = {row.tobytes() for row in _rows(one.inputs)}
    return sum(row.tobytes() in known for row in _rows(other.inputs))


def wrong(network: Network, sample: Sample) -> np.ndarray:
    """1 where an answer is wrong, shape (n,); of a sequence the share of wrong steps.

    Raises:
        BadInput: The targets are no classes.
    """
    from unseen.learners.networks.inspected import right

    if not sample.classes:
        raise BadInput(f"{network.name} predicts numbers; these bounds are of the share of wrong answers.")
    return 1 - right(network, sample)


def guess_error(network: Network, sample: Sample) -> float:
    """Error of guessing: 1 − 1 / classes."""
    return 1 - 1 / network.class_scores(network.outputs(sample.inputs[:1])).shape[1]


def checked(delta: float) -> float:
    """The chance that a bound fails, held against what it can be.

    Raises:
        BadInput: It is not between 0 and 1.
    """
    if not 0 < delta < 1:
        raise BadInput(f"a bound fails with a chance between 0 and 1, got delta={delta:g}.")
    return delta


def _rows(inputs: Tensor) -> list[np.ndarray]:
    return list(np.ascontiguousarray(inputs.reshape(len(inputs), -1).numpy()))


def _same_inputs(inputs: Tensor) -> np.ndarray:
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in _rows(inputs)])


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Units that hold together what either grouping holds together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, shift = len(one), int(one.max()) + 1
    size = shift + int(other.max()) + 1
    graph = coo_array((np.ones(n), (one, other + shift)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    return np.unique(labels[one], return_inverse=True)[1]
