"""What outcomes about the influence of training examples hold."""

from __future__ import annotations

from dataclasses import dataclass

from unseen.checks.details.data import Row
from unseen.checks.details.record import Details
from unseen.estimates import Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class Carriers(Details):
    """Training examples behind the answers of a network.

    Attributes:
        network: The network.
        wrong: Wrong answers on the test set; of numbers the tenth with the largest loss. None without a test set.
        fall: What the mean loss of wrong answers would fall by without the examples that raise it most, these chosen on one half
            of the wrong answers and told on the other; to first order, not by retraining. None where too few are wrong.
        left_out: How many examples that is.
        carriers: The training examples that raise the loss of wrong answers most, the worst first.
        answers: Some wrong answers, with the training examples that raise the loss of each most.
        suspects: Training examples with the largest loss if they had not been trained on, by estimate: wrong labels, or rare.
        doubted: Training examples whose class would then have a probability below 0.05; None where no class is told.
        alike: Pairs of training examples of one target whose gradients and inputs are nearly the same.
        damping: Mean damping of the layers.
        uncounted: Trained parameters that did not count.
    """

    network: str
    wrong: int | None
    fall: Estimate | None
    left_out: int
    carriers: tuple[Row, ...]
    answers: tuple[Row, ...]
    suspects: tuple[Row, ...]
    alike: tuple[Row, ...]
    damping: float
    uncounted: tuple[str, ...]
    doubted: int | None = None
