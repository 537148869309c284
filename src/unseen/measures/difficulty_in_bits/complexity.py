"""Inductive-bias complexity: bits that a task asks for beyond its training examples, from the shape of its data alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import gammaln

from unseen.errors import BadInput
from unseen.estimates import Estimate


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the measure reads of a task.

    Attributes:
        examples: Training examples, n.
        radius: Largest distance of an input from the middle, R.
        resolution: Smallest distance of inputs that ask for different outputs, δ.
        outputs: Numbers that are foretold, D: classes − 1.
        sheets: Separate pieces that the data lie on, at which outputs are learnt apart: classes.
        error: Desired error, over the Lipschitz constant of the loss.
        largest: Largest output.
    """

    examples: int
    radius: float
    resolution: float
    outputs: int = 1
    sheets: int = 1
    error: float = 0.01
    largest: float = 1.0

    def __post_init__(self) -> None:
        for what, value in (
            ("radius", self.radius),
            ("resolution", self.resolution),
            ("error", self.error),
            ("largest", self.largest),
        ):
            if not 0 < value < math.inf:
                raise BadInput(f"a task's {what} is a positive number, got {value:g}.")
        if min(self.examples, self.outputs, self.sheets) < 1:
            raise BadInput(
                f"a task has examples, outputs and sheets, got {self.examples}, {self.outputs} and {self.sheets}."
            )

    @classmethod
    def classification(
        cls, *, examples: int, radius: float, separation: float, classes: int, error: float = 0.01
    ) -> Task:
        """A task of classes: each lies on a sheet of its own, and one output less than classes tells them apart."""
        return cls(
            examples=examples, radius=radius, resolution=separation, outputs=classes - 1, sheets=classes, error=error
        )

    @property
    def frequency(self) -> float:
        """Largest frequency that resolves δ on a sphere of radius one, M = 2πR/δ."""
        return 2 * math.pi * self.radius / self.resolution


def eigenfunctions(dimension: float, frequency: float) -> tuple[float, float]:
    """Smooth functions on a sphere: the largest degree K with K(K + m − 1) ≤ M², and the natural logarithm of how many there are.

    Args:
        dimension: That of the sphere, m.
        frequency: M.

    Returns:
        K, not rounded, and log(C(m + K, m) + C(m + K − 1, m)).

    >>> degree, log_count = eigenfunctions(2, math.sqrt(12))  # spherical harmonics up to degree 3: 1 + 3 + 5 + 7
    >>> round(degree, 9), round(math.exp(log_count), 9)
    (3.0, 16.0)
    """
    m = dimension
    degree = (math.sqrt((m - 1) ** 2 + 4 * frequency**2) - (m - 1)) / 2
    one = _log_binomial(m + degree, m)
    # C(m + K − 1, m) = C(m + K, m) · K / (m + K).
    return degree, one + math.log1p(degree / (m + degree))


def inductive_bias_complexity(dimension: float, task: Task) -> float:
    """Bits that single out functions that generalise among smooth functions that fit the training examples.

    The hypotheses are all combinations of the eigenfunctions of the Laplacian on a sphere of dimension m per sheet that
    resolve δ. Those that fit n examples leave 2·D·d·E − n·D directions; in each, the share that stays within the desired
    error of the truth, by the distance from unseen to training inputs, costs the same number of bits. It is an upper bound
    of the bits by its derivation, and an approximation by its constants.

    Args:
        dimension: Intrinsic dimension of the inputs, m.
        task: The task.

    Returns:
        Bits: 0 where the examples leave no direction, or the desired error asks for nothing; infinite beyond 2^1024.

    Raises:
        BadInput: The dimension is not positive.

    Source: Boopathy et al. (2023), Model-agnostic measure of generalization difficulty, and the authors' code.

    >>> task = Task.classification(examples=60_000, radius=17.18, separation=2.4, classes=10, error=0.001)
    >>> f"{inductive_bias_complexity(14, task):.1e}"
    '1.5e+16'
    """
    m, d, outputs = dimension, task.sheets, task.outputs
    if not m > 0:
        raise BadInput(f"an intrinsic dimension is positive, got {m:g}.")
    degree, log_count = eigenfunctions(m, task.frequency)
    directions = math.log(2 * outputs * d) + log_count
    if directions > 700:
        return math.inf
    left = math.exp(directions) - task.examples * outputs
    # Distance of an unseen input to the nearest training input (Wasserstein), on a sphere with a grid of n points.
    away = (
        0.5 * math.log(m / 6) + math.log(task.radius) - math.log(task.examples) / m
        + (math.log(2 * d) + (m + 1) / 2 * math.log(math.pi) - float(gammaln((m + 1) / 2))) / m
    )  # fmt: skip
    steep = math.log(degree) + 0.5 * math.log(outputs) - math.log(task.radius)
    each = math.log(task.largest) + 0.5 * math.log(outputs * d) - math.log(task.error) + steep + away
    return max(0.0, left) * max(0.0, each) / math.log(2)


def complexity_over(dimension: Estimate, task: Task) -> Estimate:
    """The same with the interval of the dimension carried through: bits grow with the dimension.

    Radius, resolution and error are taken as they are given. The count changes by factors where the dimension changes by
    tenths: tell it as a power of ten.

    Args:
        dimension: The intrinsic dimension with its interval.
        task: The task.

    Raises:
        Undefined: All dimensions of the interval ask for no bits.

    >>> task = Task.classification(examples=100, radius=1.0, separation=0.3, classes=2)
    >>> print(complexity_over(Estimate(2.0, 1.8, 2.2, 100, "two nearest neighbours"), task).format(0))
    16898 [10277, 26856]
    """
    steps = [dimension.low + (dimension.high - dimension.low) * k / 32 for k in range(33)]
    bits = [inductive_bias_complexity(max(m, 1e-6), task) for m in (*steps, dimension.value)]
    return Estimate(
        bits[-1], min(bits), max(bits), dimension.units, f"inductive-bias complexity over {dimension.method}", dimension.level
    )  # fmt: skip


def _log_binomial(n: float, k: float) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
