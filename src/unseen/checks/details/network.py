"""What outcomes about the inside of networks hold: coherence, margins, curvature, bounds, pathways, what orders runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unseen.checks.details.data import Row
from unseen.checks.details.record import Details, Record
from unseen.estimates import Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class Coherent(Details):
    """What the gradients of training examples share.

    Attributes:
        network: The network.
        coherence: Product of two gradients over the square of one.
        helped: Examples that a step for one example helps, itself included.
        unseen_alignment: Cosine of the gradients of unseen examples and the training direction; None without such.
    """

    network: str
    coherence: Estimate
    helped: float
    unseen_alignment: Estimate | None


@dataclass(frozen=True, slots=True)
class Margin(Record):
    """Margins of one kind.

    Attributes:
        kind: "output", "hidden", "input" or "constrained".
        layer: The layer of hidden ones; else "".
        mean: Mean margin of training examples that are answered right.
        unseen: The same of unseen ones; None without such.
    """

    kind: str
    layer: str
    mean: Estimate
    unseen: Estimate | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Margins(Details):
    """How far the examples of a network lie from where its answer changes.

    Attributes:
        network: The network.
        margins: One row a kind.
        directions: Directions of the constrained search.
    """

    network: str
    margins: tuple[Margin, ...]
    directions: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Curved(Details):
    """How fast the loss rises around the weights of a network.

    Attributes:
        network: The network.
        adaptive: Rise to the worst weights within a radius that goes with their size.
        radius: That radius.
        largest: Largest eigenvalue of the Hessian.
        trace: Its trace.
        fisher_rao: Fisher–Rao norm.
    """

    network: str
    adaptive: float
    radius: float
    largest: float
    trace: Estimate
    fisher_rao: float


@dataclass(frozen=True, slots=True)
class Circuit(Record):
    """What the units that add most to seen answers give alone.

    Attributes:
        units: How many are kept.
        seen: Share of other seen inputs that keep the whole network's answer.
        unseen: The same of unseen inputs.
    """

    units: int
    seen: float
    unseen: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Carrying(Details):
    """Whether the units that carry a network's answers to seen inputs carry those to unseen ones.

    Attributes:
        network: The network.
        kept: Fewest units, chosen on seen inputs, that give nine in ten of its answers to these.
        units: All hidden units.
        seen: Share of other seen inputs that keep their answer, the mean over circuits of units chosen on seen ones.
        unseen: The same of unseen inputs.
        own: The same of these by units chosen on other unseen inputs.
        gained: own less unseen.
        p_value: Of no gain, one-sided, by exchanging inputs.
        curve: One row a size of the circuit.
    """

    network: str
    kept: int
    units: int
    seen: Estimate
    unseen: Estimate
    own: Estimate
    gained: Estimate
    p_value: float
    curve: tuple[Circuit, ...]


@dataclass(frozen=True, slots=True)
class Limit(Record):
    """What one bound says.

    Attributes:
        kind: Which bound.
        about: The network whose error it bounds: compressed and noisy ones are others than the network itself.
        value: The error is at most this.
        confidence: In how many of all draws of the examples it holds at least.
        seen: Error of the same network on the examples.
        vacuous: Whether it says no more than guessing does.
        assumes: What it rests on.
    """

    kind: str
    about: str
    value: float
    confidence: float
    seen: float
    vacuous: bool
    assumes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Limited(Details):
    """What bounds say of a network's unseen error from its training examples, beside what came out.

    Attributes:
        network: The network.
        bounds: One row a bound, the tightest first; all hold at once.
        together: The confidence that all hold.
        guess: Error of guessing among the classes.
        examples: Independent training examples.
        refused: Bounds that this network does not have, and why.
        came_out: Error on the test set; None without one.
    """

    network: str
    bounds: tuple[Limit, ...]
    together: float
    guess: float
    examples: int
    refused: tuple[str, ...]
    came_out: Estimate | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked(Details):
    """How many bits a network's test answers show beyond what its training examples give.

    Attributes:
        network: The network.
        bits: log₂ of how many times rarer functions are that err as little as it than those that err as little as their mean;
            None without a test set.
        predictor: Bits that single out its test error among functions that fit as closely.
        mean: The same of their mean.
        error: Its mean squared error on the test examples.
        mean_error: Of the mean.
        examples: Training examples that were counted from.
        tests: Test examples.
        dimension: Directions in which the training inputs vary; None where there is none.
        resolution: Smallest distance between two classes; None of numbers.
        complexity: Bits that telling the classes apart asks for at that dimension and distance.
        refused: What could not be told, and why.
    """

    network: str
    bits: Estimate | None
    predictor: float | None
    mean: float | None
    error: float | None
    mean_error: float | None
    examples: int
    tests: int
    dimension: Estimate | None
    resolution: float | None
    complexity: Estimate | None
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderedBy(Record):
    """How one measure orders the runs.

    Attributes:
        measure: The measure.
        tau: Agreement with the order of scores.
        p_value: Of none.
        worst: The setting where it is worst.
        by_setting: Agreement over pairs that differ in this setting alone.
    """

    measure: str
    tau: Estimate
    p_value: float
    worst: str
    by_setting: Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True, eq=False)
class Foretold(Details):
    """Which measures order runs as their unseen scores do.

    Attributes:
        ordered: One row a measure, the best first.
        runs: Runs.
        judged: "unseen score".
        each: The measures and the score of each run.
    """

    ordered: tuple[OrderedBy, ...]
    runs: int
    judged: str
    each: tuple[Row, ...]
