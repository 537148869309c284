"""Recalibration of predictions where the shares of the classes have changed and the look of each class has not."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unseen.adaptation.base import SMALLEST, Batch, FloatArray, Source
from unseen.errors import BadInput, Undefined


def reweighted(probabilities: FloatArray, weights: FloatArray) -> FloatArray:
    """p(class | x) under other class shares: ∝ p(class | x) · new share / old share.

    Args:
        probabilities: Shape (n, classes).
        weights: New share over old share of each class, shape (classes,).

    Source: Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new a priori
    probabilities, equation 2.4.

    >>> reweighted(np.array([[0.5, 0.5]]), np.array([3.0, 1.0])).tolist()
    [[0.75, 0.25]]
    """
    made = probabilities * weights
    return made / np.maximum(made.sum(1, keepdims=True), SMALLEST)


def em_prior(
    probabilities: FloatArray, source_prior: FloatArray, *, pseudo_rows: float = 0.0, start: FloatArray | None = None,
    steps: int = 1000, tolerance: float = 1e-7,
) -> FloatArray:  # fmt: skip
    """Class shares of unlabelled rows by maximum likelihood.

    Args:
        probabilities: Of a model with calibrated probabilities under the source shares, shape (n, classes).
        source_prior: Class shares of the source, shape (classes,).
        pseudo_rows: Rows with the source shares that are thought to be added; keeps the estimate of a small batch near
            the source (a Dirichlet prior, whose mode this is).
        start: Shares to start from, shape (classes,).
        steps: Most EM steps.
        tolerance: Stops when no share moves by more.

    Returns:
        Shares, shape (classes,).

    Source: Saerens et al. (2002), equation 2.9; the likelihood is concave in the shares.

    >>> em_prior(np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]]), np.array([0.5, 0.5])).round(3).tolist()
    [0.75, 0.25]
    """
    prior = np.asarray(source_prior if start is None else start, np.float64)
    ratio = probabilities / source_prior
    for _ in range(steps):
        joint = ratio * prior
        share = (joint / np.maximum(joint.sum(1, keepdims=True), SMALLEST)).sum(0) + pseudo_rows * source_prior
        share /= share.sum()
        moved = float(np.abs(share - prior).max())
        prior = share
        if moved < tolerance:
            break
    return prior


class PriorCorrection:
    """Saerens' EM prior correction on the rows seen since the last reset.

    Args:
        source: Its labels give the source shares.
        pseudo_rows: See ``em_prior``.
        window: Most rows that are kept for the estimate; the newest stay.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    def __init__(self, source: Source, *, pseudo_rows: float = 10.0, window: int = 2048) -> None:
        if pseudo_rows < 0 or window < 1:
            raise BadInput(f"pseudo_rows is 0 or more and window 1 or more, got {pseudo_rows} and {window}.")
        self.source_prior, self.pseudo_rows, self.window = source.prior, pseudo_rows, window
        self.reset()

    def reset(self) -> None:
        """Back to the source shares, without rows."""
        self.prior = self.source_prior.copy()
        self._rows = np.zeros((0, len(self.source_prior)))

    def predict(self, batch: Batch) -> FloatArray:
        """Add the batch's rows to the estimate, then correct its probabilities."""
        p = batch.need("probabilities", "prior correction")
        self._rows = np.concatenate([self._rows, p])[-max(self.window, len(p)) :]
        # Each batch goes on from the last estimate, so that a few steps bring it where the shares no longer move.
        self.prior = em_prior(
            self._rows, self.source_prior, pseudo_rows=self.pseudo_rows, start=_inner(self.prior), tolerance=1e-4
        )
        return reweighted(p, self.prior / self.source_prior)


class BlackBoxShift:
    """Black-box shift estimation: the class shares that explain how often each class is predicted.

    Needs no calibration, but source rows that the model was not fitted to (``Source.held_out``); without them all rows
    are used, and the confusion that they show is too small.

    Args:
        source: With labels and probabilities.
        ridge: Added to the diagonal of the normal equations, over the number of rows of the batch; keeps the weights of
            a small batch near 1.
        soft: Whether mean probabilities take the place of predicted classes.

    Raises:
        Undefined: The confusion matrix has no inverse: a class is never predicted or never told from another.

    Source: Lipton, Wang & Smola (2018), Detecting and correcting for label shift with black box predictors, section 4;
    the ridge towards weights of 1 after Azizzadenesheli et al. (2019), equation 6.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities"})

    def __init__(self, source: Source, *, ridge: float = 1.0, soft: bool = False) -> None:
        p, y = source.need("probabilities", "black-box shift estimation"), source.labels
        keep = slice(None) if source.held_out is None or not source.held_out.any() else source.held_out
        answers = _answers(p[keep], soft)
        self.confusion = answers.T @ np.eye(source.classes)[y[keep]] / len(answers)
        self.ridge, self.soft = ridge, soft
        condition = float(np.linalg.cond(self.confusion))
        if not condition < 1e8:
            raise Undefined(
                f"the confusion matrix of {len(answers)} source rows has no inverse (condition {condition:.1e}): some "
                "class is never predicted or never told from another. Merge such classes or keep more source rows."
            )
        self.reset()

    def reset(self) -> None:
        """Back to weights of 1, without rows."""
        self.weights = np.ones(len(self.confusion))
        self._sum, self._count = np.zeros(len(self.confusion)), 0

    def predict(self, batch: Batch) -> FloatArray:
        """Add the batch's predictions to the count, solve for the weights, correct the probabilities."""
        p = batch.need("probabilities", "black-box shift estimation")
        self._sum += _answers(p, self.soft).sum(0)
        self._count += len(p)
        c = self.confusion
        # Solving for what differs from 1, so that the ridge pulls towards no shift.
        left = self._sum / self._count - c.sum(1)
        damped = c.T @ c + self.ridge / self._count * np.eye(len(c)) / len(c) ** 2
        self.weights = np.maximum(0.0, 1 + np.linalg.solve(damped, c.T @ left))
        if not self.weights.any():
            self.weights = np.ones(len(c))
        return reweighted(p, self.weights)


def _answers(p: FloatArray, soft: bool) -> FloatArray:
    return p if soft else np.eye(p.shape[1])[p.argmax(1)]


def _inner(prior: FloatArray) -> FloatArray:
    """EM can't leave a share of zero: start a little inside."""
    lifted = np.maximum(prior, 1e-4)
    return lifted / lifted.sum()
