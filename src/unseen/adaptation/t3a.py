"""T3A: the last layer's weights are replaced by means of test features with confident pseudo-labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unseen.adaptation.base import Batch, FloatArray, Source, entropy, softmax, unit
from unseen.errors import BadInput


class T3A:
    """Test-time template adjuster.

    Each class has a support set, which holds its weight vector at first. A batch adds its features to the supports of
    the classes that the unadapted model gives them; of each set the rows with the lowest entropy stay. Predictions are
    the products of a feature with the classes' summed, length-one supports.

    A learner without a linear last layer starts from the mean source feature of each class instead (after subtracting
    the overall mean, which a bias would otherwise do); that start stays in the set.

    Args:
        source: With a head, or with features and labels.
        keep: M: rows that stay in each class's support; −1 keeps all.
        scale: Factor on the products before the softmax. The paper predicts classes alone; without a head, features
            are taken at length one and this makes the confidences.

    Source: Iwasawa & Matsuo (2021), Test-time classifier adjustment module for model-agnostic domain generalization,
    algorithm 1.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"probabilities", "features"})

    def __init__(self, source: Source, *, keep: int = 20, scale: float = 10.0) -> None:
        if keep != -1 and keep < 1:
            raise BadInput(f"T3A keeps one row a class or more, or -1 for all, got {keep}.")
        self.keep, self.classes = keep, source.classes
        if source.head is not None:
            weights, bias = source.head
            self.shift, self.scale = np.zeros(weights.shape[1]), 1.0
            shown = softmax(weights @ weights.T + bias)
            # As in the published code, a weight vector counts for the class that the head gives it.
            self._start = (weights, shown.argmax(1), entropy(shown))
        else:
            z = source.need("features", "T3A")
            self.shift, self.scale = z.mean(0), scale
            present = np.unique(source.labels)
            centres = np.stack([z[source.labels == c].mean(0) for c in present]) - self.shift
            self._start = (centres, present, np.zeros(len(present)))
        self.unit_features = source.head is None
        self.reset()

    def reset(self) -> None:
        """Back to the weights (or class means) of the source."""
        self.supports, self.labels, self.entropies = self._start

    def predict(self, batch: Batch) -> FloatArray:
        """Add the batch to the supports, drop the doubtful ones, predict by the new templates."""
        p = batch.need("probabilities", "T3A")
        z = batch.need("features", "T3A") - self.shift
        self.supports = np.concatenate([self.supports, z])
        self.labels = np.concatenate([self.labels, p.argmax(1)])
        self.entropies = np.concatenate([self.entropies, entropy(p)])
        self._filter()
        templates = np.zeros((self.classes, z.shape[1]))
        np.add.at(templates, self.labels, unit(self.supports))
        return softmax(self.scale * (unit(z) if self.unit_features else z) @ unit(templates).T)

    def _filter(self) -> None:
        if self.keep == -1:
            return
        order = np.lexsort((self.entropies, self.labels))
        sorted_labels = self.labels[order]
        rank = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
        kept = order[rank < self.keep]
        self.supports, self.labels, self.entropies = self.supports[kept], self.labels[kept], self.entropies[kept]
