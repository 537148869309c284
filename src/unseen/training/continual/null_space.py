"""Learning a new task inside what leaves earlier ones untouched: exactly for least squares, by projection for networks."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from unseen.errors import BadInput


class NullSpaceRegression:
    """The ideal continual learner for linear regression: each task is solved among the minimisers of all before.

    Minimisers of earlier tasks form an affine set w + K a, where the columns of K are an orthonormal basis of what no
    earlier row sees. A task picks the a that fits it best (of least norm) and narrows K down.

    Args:
        dimension: Number of features.
        tolerance: Singular values below this share of the largest count as zero.

    Source: Peng, Giampouras, Vidal (2023), The Ideal Continual Learner, section 3 (continual linear regression).

    >>> learner = NullSpaceRegression(3).learn(np.eye(3)[:1], np.array([2.0])).learn(np.eye(3)[1:2], np.array([5.0]))
    >>> learner.weights.tolist(), learner.basis.shape[1]
    ([2.0, 5.0, 0.0], 1)
    """

    def __init__(self, dimension: int, tolerance: float = 1e-10) -> None:
        self.weights = np.zeros(dimension)
        self.basis = np.eye(dimension)
        self.tolerance = tolerance

    def learn(self, x: np.ndarray, y: np.ndarray) -> Self:
        """Solve a task; earlier residuals stay as they are, whatever the task.

        Args:
            x: Shape (rows, dimension).
            y: Shape (rows,).

        Returns:
            The learner itself.

        Raises:
            BadInput: The number of features is another one.
        """
        if x.shape[1] != len(self.weights):
            raise BadInput(f"this learner has {len(self.weights)} features, got rows of {x.shape[1]}.")
        if self.basis.shape[1] == 0:
            return self
        seen = x @ self.basis
        left, sizes, right = np.linalg.svd(seen, full_matrices=True)
        rank = int((sizes > self.tolerance * max(float(sizes.max(initial=0.0)), 1.0)).sum())
        target = left[:, :rank].T @ (y - x @ self.weights)
        self.weights = self.weights + self.basis @ (right[:rank].T @ (target / sizes[:rank]))
        self.basis = self.basis @ right[rank:].T
        return self

    def loss(self, x: np.ndarray, y: np.ndarray) -> float:
        """Mean squared error."""
        return float(np.square(x @ self.weights - y).mean())


class GradientProjection:
    """Orthogonal gradient descent: steps leave the logits of stored rows of earlier tasks unchanged to first order.

    Args:
        rows: Stored rows a task; each adds one direction an output.
        tolerance: A direction is kept if this share of its norm is new.

    Source: Farajtabar et al. (2020), Orthogonal Gradient Descent for Continual Learning; Peng et al. (2023) read it
    as a relaxation of the ideal continual learner.
    """

    def __init__(self, rows: int = 20, tolerance: float = 1e-6) -> None:
        self.rows = rows
        self.tolerance = tolerance
        self.basis: Tensor | None = None

    def loss(self, model: nn.Module) -> float:
        """No penalty."""
        return 0.0

    def before_step(self, model: nn.Module) -> None:
        """Take from the gradient its part in the stored directions."""
        if self.basis is None:
            return
        held = [p for p in model.parameters() if p.grad is not None]
        flat = torch.cat([p.grad.flatten() for p in held if p.grad is not None])
        flat = flat - self.basis @ (self.basis.T @ flat)
        at = 0
        for p in held:
            p.grad = flat[at : at + p.numel()].view_as(p)
            at += p.numel()

    def after_step(self, model: nn.Module) -> None:
        """Nothing to do."""

    def end_task(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        """Add the directions that move the outputs of the first rows of the task that is done."""
        values = {k: v.detach() for k, v in model.named_parameters()}
        buffers = dict(model.named_buffers())

        def outputs(parameters: dict[str, Tensor], row: Tensor) -> Tensor:
            return functional_call(model, {**parameters, **buffers}, (row[None],))[0]

        model.eval()
        slopes = vmap(jacrev(outputs), in_dims=(None, 0))(values, x[: self.rows])
        new = torch.cat([s.flatten(2) if s.dim() > 2 else s[..., None] for s in slopes.values()], dim=2).flatten(0, 1).T
        if self.basis is not None:
            for _ in range(2):  # twice, since one projection leaves rounding behind
                new = new - self.basis @ (self.basis.T @ new)
        left, sizes, _ = torch.linalg.svd(new, full_matrices=False)
        left = left[:, sizes > self.tolerance * sizes.max()]
        self.basis = left if self.basis is None else torch.cat([self.basis, left], dim=1)
