"""Small digits as several studies take them: split, standardised, permuted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def split_digits(rng: np.random.Generator, *sizes: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Disjoint random parts of scikit-learn's 1,797 digits, the rest last.

    Args:
        rng: Source of the split.
        *sizes: Rows of each part.

    Returns:
        For each size and for the rest: pixels in units of their standard deviation, shape (n, 64), and digits (n,).
    """
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    images, digits = loaded.data, loaded.target
    x = ((images - images.mean()) / images.std()).astype(np.float32)
    order = rng.permutation(len(x))
    return [(x[rows], digits[rows]) for rows in np.split(order, np.cumsum(sizes))]


def permuted_digits(
    rng: np.random.Generator, tasks: int, train: int = 1200
) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    """Tasks of the same digits under one fixed permutation of pixels each, the first as they are.

    Args:
        rng: Source of split and permutations.
        tasks: How many.
        train: Training rows; the rest is for testing.

    Returns:
        Training rows and test rows of each task.
    """
    import torch

    (x, y), (x_test, y_test) = split_digits(rng, train)
    orders = [np.arange(64) if k == 0 else rng.permutation(64) for k in range(tasks)]
    made = [
        [(torch.from_numpy(images[:, order]), torch.from_numpy(digits)) for order in orders]
        for images, digits in ((x, y), (x_test, y_test))
    ]
    return made[0], made[1]
