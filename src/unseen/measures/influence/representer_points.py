"""Representer points: what each training example adds to the outputs of a last layer that was fitted with a penalty."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unseen.errors import BadInput, Undefined
from unseen.learners.networks import Network, Sample
from unseen.measures.influence.layers import Layers
from unseen.measures.influence.result import Influence

# A gradient of the penalised loss below this share of its value at zero weights counts as none.
STATIONARY = 1e-6
STEPS = 500


def representer(network: Network, train: Sample, test: Sample, *, penalty: float = 1e-3) -> Influence:
    """Influence by representer points of the last linear layer.

    The layer is fitted anew, to the training targets with penalty · ‖weights‖², features held as they are. There its weights
    are Σᵢ αᵢ fᵢᵀ with αᵢ = −∂lossᵢ/∂outputs / (2 · penalty · n), so that the output for a test example is Σᵢ αᵢ (fᵢ·f): a score
    is how much that share of the output lowers the loss of the test example, to first order at the fitted outputs.

    Args:
        network: What was trained; its last layer is linear.
        train: n_train examples.
        test: n_test examples.
        penalty: Weight of the squared norm; the bias is a feature that is always 1.

    Raises:
        BadInput: The network does not end with a linear layer, or the penalty is not above 0.
        Undefined: The fit has not come to rest, so that the weights are no sum over examples.

    Source: Yeh, Kim, Yen & Ravikumar (2018), Representer point selection for explaining deep neural networks, theorem 3.1
    and section 3.2.
    """
    if not penalty > 0:
        raise BadInput(f"the penalty is a number above 0; got {penalty:g}.")
    f, g = features(network, train), features(network, test)
    weights = fitted(network, f, train.targets, penalty, network.outputs(train.inputs[:1])[0].numel())
    alpha = -_slopes(network, f @ weights, train.targets) / (2 * penalty * len(f))
    down = -_slopes(network, g @ weights, test.targets)
    return Influence(((g @ f.T) * (down @ alpha.T)).numpy(), "representer points")


def features(network: Network, sample: Sample) -> Tensor:
    """What the last linear layer reads, with a one at the end if it has a bias, shape (n, width), in double precision.

    Raises:
        BadInput: The outputs are not those of a linear layer.
    """
    layers = Layers.of(network, sample).layers
    last = layers[-1]
    module = last.modules[0]
    probe = sample.inputs[:2]
    ends = isinstance(module, nn.Linear) and last.places == 1
    made = torch.cat([passed[-1].inputs[:, 0] for _, passed in Layers(network, layers, ()).passes(sample, 512)])
    if ends:
        bias = module.bias if last.bias else None
        whole = made[: len(probe)] @ (
            module.weight.T if bias is None else torch.cat([module.weight, bias[:, None]], 1).T  # pyright: ignore
        )
        given = network.outputs(probe)
        ends = whole.shape == given.shape and torch.allclose(whole, given, rtol=1e-3, atol=1e-4)
    if not ends:
        raise BadInput(
            f"{network.name}: its outputs are not those of a last linear layer. Representer points need one; use ekfac."
        )
    return made.double()


def fitted(network: Network, f: Tensor, targets: Tensor, penalty: float, wide: int) -> Tensor:
    """Weights (width, outputs) of the least mean loss + penalty · ‖weights‖²."""
    weights = torch.zeros(f.shape[1], wide, dtype=f.dtype, requires_grad=True)

    def value() -> Tensor:
        return network.loss(f @ weights, _as(targets, f)).mean() + penalty * weights.square().sum()

    start = float(torch.autograd.grad(value(), weights)[0].norm())
    search = torch.optim.LBFGS(
        [weights], max_iter=STEPS, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=STATIONARY * start / 10 / weights.numel() ** 0.5, tolerance_change=0.0,
    )  # fmt: skip

    def again() -> float:
        search.zero_grad()
        now = value()
        now.backward()
        return float(now.detach())

    search.step(again)
    left = float(torch.autograd.grad(value(), weights)[0].norm())
    if not left <= STATIONARY * start:
        raise Undefined(
            f"{network.name}: the last layer has not come to rest after {STEPS} steps (gradient {left:.2g} of {start:.2g} at the "
            f"start). Give a larger penalty than {penalty:g}."
        )
    return weights.detach()


def _slopes(network: Network, outputs: Tensor, targets: Tensor) -> Tensor:
    given = outputs.detach().requires_grad_()
    return torch.autograd.grad(network.loss(given, _as(targets, outputs)).sum(), given)[0]


def _as(targets: Tensor, like: Tensor) -> Tensor:
    return targets.to(like.dtype) if targets.is_floating_point() else targets
