"""How a loss bends over a network's outputs: directions v whose Σ v vᵀ is its Hessian there, all of them or drawn."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.func import jacrev, vmap

from unseen.errors import BadInput
from unseen.learners.networks import Network
from unseen.learners.networks.losses import NEXT, NO_TARGET

# A Hessian over so many outputs is taken as it is; of wider ones only that of a known loss.
WIDEST = 64


def directions(network: Network, outputs: Tensor, targets: Tensor, draws: int, generator: Generator | None) -> Tensor:
    """Gradients at the outputs whose mean square is the curvature of the loss there.

    Args:
        network: Whose loss it is.
        outputs: Shape (b, …).
        targets: Shape (b, …); only a loss of the user's own reads them.
        draws: Pseudo-targets drawn an example from what the network believes (the true Fisher); 0 takes all directions.
        generator: Source of the draws.

    Returns:
        Shape (k, b, …), Σₖ vₖ vₖᵀ being (without draws: exactly; with them: in the mean) the Hessian of each example's loss by
        its outputs; of the absolute error, which has none, the Fisher information of the Laplace distribution.

    Source: Martens (2020), New insights and perspectives on the natural gradient method, sections 5 and 9.
    """
    if draws <= 0:
        return _all(network, outputs, targets)
    if generator is None:
        raise BadInput(f"{draws} pseudo-targets an example are to be drawn: give a generator.")
    made = torch.stack([_drawn(network, outputs, targets, generator) for _ in range(draws)])
    return made / draws**0.5


def times_hessian(network: Network, outputs: Tensor, targets: Tensor, vectors: Tensor) -> Tensor:
    """The Hessian of each example's loss by its outputs, times a vector each, shape (…, b, …) like ``vectors``."""
    if network.loss_name == "cross-entropy" and outputs.dim() == 2:
        p = outputs.softmax(1)
        return p * vectors - p * (p * vectors).sum(-1, keepdim=True)
    if network.loss_name == "binary" and outputs[0].numel() == 1:
        p = outputs.sigmoid()
        return p * (1 - p) * vectors
    if network.loss_name == NEXT:
        p, weight = outputs.softmax(-1), _share(targets)
        return (p * vectors - p * (p * vectors).sum(-1, keepdim=True)) * weight
    if network.loss_name == "squared":
        return 2 * vectors
    if network.loss_name == "absolute":
        return vectors
    roots = _all(network, outputs, targets).reshape(-1, len(outputs), outputs[0].numel())
    flat = vectors.reshape(*vectors.shape[: vectors.dim() - outputs.dim()], len(outputs), -1)
    return torch.einsum("kbo,...bo,kbp->...bp", roots, flat, roots).reshape(vectors.shape)


def count(network: Network, outputs: Tensor) -> int:
    """How many directions there are in all."""
    classes = network.loss_name == "cross-entropy" and outputs.dim() == 2
    return outputs.shape[1] if classes else outputs[0].numel()


def _share(targets: Tensor) -> Tensor:
    """What the loss of each place counts in the mean over its sequence, shape (b, places, 1)."""
    known = targets != NO_TARGET
    return (known / known.sum(1, keepdim=True).clamp(min=1))[..., None]


def _all(network: Network, outputs: Tensor, targets: Tensor) -> Tensor:
    b, width = len(outputs), outputs[0].numel()
    if network.loss_name == "cross-entropy" and outputs.dim() == 2:
        p = outputs.softmax(1)
        each = torch.eye(width, dtype=p.dtype, device=p.device)[:, None] - p
        return p.T.sqrt()[:, :, None] * each
    if network.loss_name == "binary" and width == 1:
        p = outputs.sigmoid()
        return (p * (1 - p)).sqrt()[None]
    if network.loss_name in ("squared", "absolute"):
        size = 2**0.5 if network.loss_name == "squared" else 1.0
        eye = size * torch.eye(width, dtype=outputs.dtype, device=outputs.device)
        return eye[:, None].expand(width, b, width).reshape(width, *outputs.shape)
    if width > WIDEST:
        raise BadInput(
            f"{network.name}: the loss {network.loss_name} is not known, and its Hessian over {width:,} outputs would be "
            f"too large (at most {WIDEST}). Use cross-entropy, binary or squared, or a method without curvature (gradient_dot)."
        )
    of_one = jacrev(jacrev(lambda z, y: network.loss(z[None], y[None]).sum()))
    whole = vmap(of_one)(outputs.detach(), targets).reshape(b, width, width)
    values, vectors = torch.linalg.eigh(whole)
    # A loss may be concave in places; Gauss–Newton keeps what bends upwards.
    return (vectors * values.clamp(min=0).sqrt()[:, None]).permute(2, 0, 1).reshape(width, *outputs.shape)


def _drawn(network: Network, outputs: Tensor, targets: Tensor, generator: Generator) -> Tensor:
    if network.loss_name == "cross-entropy" and outputs.dim() == 2:
        p = outputs.softmax(1)
        y = torch.multinomial(p, 1, generator=generator)
        return p.scatter_add(1, y, -torch.ones_like(p[:, :1]))
    if network.loss_name == "binary" and outputs[0].numel() == 1:
        p = outputs.sigmoid()
        return p - (torch.rand(p.shape, generator=generator, dtype=p.dtype) < p).to(p.dtype)
    if network.loss_name == NEXT:
        p = outputs.softmax(-1)
        y = torch.multinomial(p.flatten(0, 1), 1, generator=generator).reshape(*p.shape[:2], 1)
        return p.scatter_add(-1, y, -torch.ones_like(p[..., :1])) * _share(targets).sqrt()
    if network.loss_name == "squared":
        return 2**0.5 * torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)
    signs = 2.0 * torch.randint(0, 2, outputs.shape, generator=generator).to(outputs.dtype) - 1
    if network.loss_name == "absolute":
        return signs
    roots = _all(network, outputs, targets)
    flips = 2.0 * torch.randint(0, 2, roots.shape[:2], generator=generator).to(outputs.dtype) - 1
    return (flips.reshape(*flips.shape, *[1] * (outputs.dim() - 1)) * roots).sum(0)
