"""Batch-norm adaptation: statistics of the test batch, mixed with those of the source."""

from __future__ import annotations

import copy
from typing import ClassVar

import torch
from torch import Tensor, nn

from unseen.adaptation.base import Batch, FloatArray, Source
from unseen.errors import BadInput


class AdaptedNorm(nn.Module):
    """A batch-norm layer whose statistics are N/(N+n) of the source and n/(N+n) of the rows at hand.

    Args:
        layer: With running statistics, which are the source's.
        prior: N, how many rows the source counts for.
        cumulative: Whether rows of earlier batches since the last reset count too; else only those of the batch.

    Source: Schneider et al. (2020), Improving robustness against common corruptions by covariate shift adaptation,
    equation 3; with N = 0 Nado et al. (2020), Evaluating prediction-time batch normalization.
    """

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d, prior: float, cumulative: bool) -> None:
        super().__init__()
        if layer.running_mean is None or layer.running_var is None:
            raise BadInput("a batch-norm layer keeps no running statistics: those of the source are unknown.")
        self.mean, self.var = layer.running_mean.clone(), layer.running_var.clone()
        self.weight, self.bias, self.eps = layer.weight, layer.bias, layer.eps
        self.prior, self.cumulative = prior, cumulative
        self.forget()

    def forget(self) -> None:
        """No rows seen."""
        self.rows = 0
        self.total, self.squares = torch.zeros_like(self.mean), torch.zeros_like(self.mean)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, …) → the same shape."""
        n = len(x)
        dims = [0, *range(2, x.ndim)]
        var, mean = torch.var_mean(x, dim=dims, correction=0)
        if self.cumulative:
            # Rows of earlier batches are taken as they were: no gradient reaches back to them.
            before, total, squares = self.rows, self.total, self.squares
            self.rows = before + n
            self.total, self.squares = total + n * mean.detach(), squares + n * (var + mean * mean).detach()
            second = (squares + n * (var + mean * mean)) / self.rows
            mean = (total + n * mean) / self.rows
            var, n = (second - mean * mean).clamp_min(0.0), self.rows
        if self.prior + n <= 1 and x.numel() == x.shape[1]:
            raise BadInput(
                "one row has no variance: batch-norm adaptation needs larger batches or a prior of 1 or more."
            )
        share = n / (self.prior + n)
        mean, var = (1 - share) * self.mean + share * mean, (1 - share) * self.var + share * var
        if torch.is_grad_enabled():
            return self._plain(x, mean, var)
        return nn.functional.batch_norm(x, mean, var, self.weight, self.bias, training=False, eps=self.eps)

    def _plain(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        """The same written out: torch's own passes no gradient to the statistics."""
        shape = (1, -1, *(1 for _ in range(x.ndim - 2)))
        scale = torch.rsqrt(var + self.eps)
        offset = -mean * scale
        if self.weight is not None:
            scale, offset = scale * self.weight, offset * self.weight + self.bias
        return x * scale.view(shape) + offset.view(shape)


def with_adapted_norms(
    module: nn.Module, prior: float, *, cumulative: bool = False
) -> tuple[nn.Module, list[AdaptedNorm]]:
    """A copy of a module, in evaluation mode, whose batch-norm layers are ``AdaptedNorm``.

    Returns:
        The copy and its adapted layers in the order of ``modules()``.

    Raises:
        BadInput: It has no batch-norm layer.
    """
    made = copy.deepcopy(module).eval()
    found: list[AdaptedNorm] = []
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
                found.append(AdaptedNorm(child, prior, cumulative))
                setattr(parent, name, found[-1])
    if not found:
        raise BadInput(f"{type(module).__name__} has no batch-norm layer: there are no statistics to adapt.")
    return made, found


class BatchNormAdaptation:
    """Predict with the statistics of the test rows.

    Args:
        source: With a module that has batch-norm layers.
        prior: N, rows that the source's statistics count for; 0 drops them.
        cumulative: Whether the rows since the last reset count together (``online`` and ``continual`` then differ from
            ``episodic``); else each batch stands alone.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"inputs"})

    def __init__(self, source: Source, *, prior: float = 16.0, cumulative: bool = True) -> None:
        if prior < 0:
            raise BadInput(f"the prior counts rows, 0 or more, got {prior}.")
        self.module, self.norms = with_adapted_norms(
            source.need("module", "batch-norm adaptation"), prior, cumulative=cumulative
        )

    def reset(self) -> None:
        """Forget the rows seen."""
        for norm in self.norms:
            norm.forget()

    def predict(self, batch: Batch) -> FloatArray:
        """Probabilities under the adapted statistics."""
        with torch.no_grad():
            return probabilities_of_logits(self.module(batch.need("inputs", "batch-norm adaptation")))


def probabilities_of_logits(logits: Tensor) -> FloatArray:
    """Softmax in double precision, (n, classes).

    Raises:
        BadInput: The module gives something else than one row of logits a row.
    """
    if logits.dim() != 2:
        raise BadInput(f"adaptation needs one row of logits a row, and the module gives shape {tuple(logits.shape)}.")
    return torch.softmax(logits.detach().double(), 1).cpu().numpy()
