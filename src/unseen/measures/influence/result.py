"""What every method of influence gives: one score for each pair of a test and a training example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Influence:
    """Scores of training examples for test examples.

    Attributes:
        scores: Shape (n_test, n_train); positive where the training example lowers the loss of the test example.
        method: By which method.
        damping: λ that was added to the curvature; of Kronecker factors the mean over the layers. None where there is none.
        left_out: Names of trained parameters that did not count.
        notes: What else a reader must know ("3 of 10 solves did not converge").

    >>> found = Influence(np.array([[0.5, -2.0, 1.0]]), "dot")
    >>> found.top(0, 2), found.top(0, 1, harmful=True)
    ([2, 0], [1])
    """

    scores: np.ndarray
    method: str
    damping: float | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def top(self, test: int, k: int = 5, *, harmful: bool = False) -> list[int]:
        """Rows of the training examples that lower the loss of a test example most (harmful: raise it most)."""
        order = np.argsort(self.scores[test] if harmful else -self.scores[test], kind="stable")
        return [int(i) for i in order[:k]]
