"""Penalties that hold weights near where earlier tasks left them: EWC and synaptic intelligence."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from unseen.errors import BadInput


def fisher_diagonal(model: nn.Module, x: Tensor, *, chunk: int = 64) -> dict[str, Tensor]:
    """Diagonal of the Fisher information of a classifier: E_x E_{y ~ model} (d log p(y|x) / d weight)².

    Args:
        model: Gives logits (n, classes); in evaluation mode, and without state that mixes rows.
        x: Inputs, shape (n, …).
        chunk: Rows at once.

    Returns:
        One tensor a parameter, in its shape.

    Source: Kirkpatrick et al. (2017), Overcoming catastrophic forgetting, equation 3. The expectation over classes
    is exact, not sampled.
    """
    values = {k: v.detach() for k, v in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def logs(parameters: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(model, {**parameters, **buffers}, (row[None],))[0].log_softmax(-1)

    slopes = vmap(jacrev(logs), in_dims=(None, 0))
    total = {k: torch.zeros_like(v) for k, v in values.items()}
    for rows in x.split(chunk):
        with torch.no_grad():
            chance = model(rows).softmax(-1)
        for k, slope in slopes(values, rows).items():
            total[k] += torch.einsum("nc,nc...->...", chance, slope.square())
    return {k: v / len(x) for k, v in total.items()}


class _Quadratic:
    """A sum of importance × (weight − anchor)², with what training must call."""

    def __init__(self, strength: float) -> None:
        if strength < 0:
            raise BadInput(f"strength must not be negative, got {strength}.")
        self.strength = strength
        self.anchors: dict[str, Tensor] = {}
        self.importance: dict[str, Tensor] = {}

    def loss(self, model: nn.Module) -> Tensor | float:
        """The penalty at the present weights; 0 in the first task."""
        if not self.anchors:
            return 0.0
        terms = [(self.importance[k] * (p - self.anchors[k]).square()).sum() for k, p in model.named_parameters()]
        return self.strength * torch.stack(terms).sum()

    def before_step(self, model: nn.Module) -> None:
        """Nothing to do."""

    def after_step(self, model: nn.Module) -> None:
        """Nothing to do."""

    def _anchor(self, model: nn.Module, gained: dict[str, Tensor]) -> None:
        for name, parameter in model.named_parameters():
            self.anchors[name] = parameter.detach().clone()
            self.importance[name] = self.importance.get(name, 0.0) + gained[name]


class ElasticWeights(_Quadratic):
    """EWC, with one anchor: importance adds up over tasks and the anchor moves to the latest weights.

    Args:
        strength: Half of the paper's λ.
        rows: Most rows of a task that the Fisher information is taken on.

    Source: Kirkpatrick et al. (2017), equation 3; one quadratic term in place of one a task after Huszár (2018).
    """

    def __init__(self, strength: float, rows: int = 200) -> None:
        super().__init__(strength)
        self.rows = rows

    def end_task(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        """Add the Fisher information of the task that is done."""
        model.eval()
        self._anchor(model, fisher_diagonal(model, x[: self.rows]))


class SynapticIntelligence(_Quadratic):
    """Importance as each weight's share in the fall of the loss along the way, over the distance that it moved.

    Args:
        strength: c of the paper.
        damping: ξ of the paper, against division by small moves.

    Source: Zenke, Poole, Ganguli (2017), Continual Learning Through Synaptic Intelligence, equations 3 to 5. The
    gradient is that of the whole loss with the penalty; the penalty's part is taken off again.
    """

    def __init__(self, strength: float, damping: float = 0.1) -> None:
        super().__init__(strength)
        self.damping = damping
        self.path: dict[str, Tensor] = {}
        self._before: dict[str, Tensor] = {}
        self._start: dict[str, Tensor] = {}

    def before_step(self, model: nn.Module) -> None:
        """Keep where the weights are."""
        self._before = {k: p.detach().clone() for k, p in model.named_parameters()}
        if not self._start:
            self._start = self._before

    def after_step(self, model: nn.Module) -> None:
        """Add minus gradient times move to the path integral."""
        for name, parameter in model.named_parameters():
            if parameter.grad is None:
                continue
            gradient = parameter.grad
            if self.anchors:
                pull = 2 * self.strength * self.importance[name] * (self._before[name] - self.anchors[name])
                gradient = gradient - pull
            gain = -gradient * (parameter.detach() - self._before[name])
            self.path[name] = self.path.get(name, torch.zeros_like(gain)) + gain

    def end_task(self, model: nn.Module, x: Tensor, y: Tensor) -> None:
        """Turn the path integral into importance."""
        moved = {k: (p.detach() - self._start[k]).square() for k, p in model.named_parameters()}
        # A weight whose moves raised the loss on balance is not held.
        self._anchor(model, {k: self.path[k].clamp(min=0) / (moved[k] + self.damping) for k in moved})
        self.path, self._start = {}, {}
