"""Ghost batch normalisation: a large batch is normalised in small parts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unseen.errors import BadInput


class GhostBatchNorm(nn.Module):
    """Batch normalisation with the statistics of consecutive parts of a batch, for vectors and for images.

    In training each part of ``virtual`` rows is normalised by its own mean and variance, and the running statistics
    take all parts in their order. In evaluation it is ordinary batch normalisation. A last part that is smaller is
    normalised by itself; one of a single row joins the part before it.

    Args:
        channels: Size of dimension 1.
        virtual: Rows of a part.
        momentum: Weight of a part in the running statistics.
        eps: Added to the variance.

    Raises:
        BadInput: Parts of less than 2 rows.

    Source: Hoffer, Hubara, Soudry (2017), Train longer, generalize better, algorithm 1.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, virtual: int = 32, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        if virtual < 2:
            raise BadInput(f"virtual must be at least 2 rows, got {virtual}: one row has no variance.")
        self.virtual = virtual
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, …) → the same.

        Args:
            x: Rows with channels in dimension 1.

        Returns:
            Normalised rows.
        """
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        whole = len(x) // self.virtual * self.virtual
        rest = len(x) - whole
        if rest == 1 and whole:
            whole, rest = whole - self.virtual, self.virtual + 1
        made = [self._normalise(x[:whole], self.virtual)] if whole else []
        if rest:
            made.append(self._normalise(x[whole:], rest))
        return made[0] if len(made) == 1 else torch.cat(made)

    def _normalise(self, x: Tensor, size: int) -> Tensor:
        n, channels = len(x) // size, x.shape[1]
        # Parts stand beside each other as further channels, so that one call normalises all of them.
        wide = x.reshape(n, size, channels, -1).transpose(0, 1).reshape(size, n * channels, -1)
        mean, variance = torch.zeros_like(self.running_mean).repeat(n), torch.ones_like(self.running_var).repeat(n)
        scale, shift = self.weight.repeat(n), self.bias.repeat(n)
        made = nn.functional.batch_norm(wide, mean, variance, scale, shift, True, 1.0, self.eps)
        with torch.no_grad():
            keep = (1 - self.momentum) ** torch.arange(n, -1, -1, dtype=mean.dtype, device=x.device)
            weights = self.momentum * keep[1:]
            self.running_mean.mul_(keep[0]).add_(weights @ mean.view(n, channels))
            self.running_var.mul_(keep[0]).add_(weights @ variance.view(n, channels))
        return made.reshape(size, n, channels, -1).transpose(0, 1).reshape(x.shape)


def with_ghost_norm(module: nn.Module, virtual: int) -> nn.Module:
    """Replace every batch normalisation inside a module by its ghost form, in place, weights and statistics kept.

    Args:
        module: Any module.
        virtual: Rows of a part.

    Returns:
        The module itself.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            momentum = 0.1 if child.momentum is None else child.momentum
            ghost = GhostBatchNorm(child.num_features, virtual, momentum=momentum, eps=child.eps)
            ghost.load_state_dict({k: v for k, v in child.state_dict().items() if k in ghost.state_dict()})
            setattr(module, name, ghost.train(child.training))
        else:
            with_ghost_norm(child, virtual)
    return module
