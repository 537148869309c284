"""Hidden units of a network: what each adds to an answer, and what the network answers with some of them alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unseen.errors import BadInput, Undefined
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import logits

# Points on the way from the baseline to the activation at which slopes are taken.
STEPS = 8
ACTIVATIONS = (
    nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh, nn.Sigmoid, nn.Softplus,
    nn.Hardtanh, nn.ReLU6, nn.Hardswish,
)  # fmt: skip
Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Units:
    """The hidden units of a classifier, and the activation that stands for each where it is taken out.

    A unit is a neuron, a channel (at all its places), or a feature (at all steps). Taken out, it has its mean over a sample
    at each place, so that nothing is told by it.

    Attributes:
        network: The network.
        layers: Names of the submodules whose outputs count.
        baselines: Mean activation of each, without the batch.
        sizes: Units of each.
    """

    network: Network
    layers: tuple[str, ...]
    baselines: tuple[Tensor, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, network: Network, sample: Sample, layers: Sequence[str] | None = None) -> Units:
        """The units, with baselines from a sample.

        Args:
            network: A classifier that gives one answer an example.
            sample: Examples over which activations are averaged.
            layers: Names of submodules; by default those of activation functions, else of all hidden linear and
                convolutional layers.

        Raises:
            BadInput: There is no such submodule, or it gives no tensor of one row an example, or is used more than once.
            Undefined: The network has no hidden layer.

        >>> network = Network.of(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)), Sample.of(([[0.0, 1.0]], [0])))
        >>> units = Units.of(network, Sample.of(([[0.0, 1.0]], [0])))
        >>> units.layers, units.count
        (('1',), 3)
        """
        chosen = tuple(layers) if layers is not None else _hidden(network, sample.inputs[:2])
        if not chosen:
            raise Undefined(
                f"{network.name}: has no hidden layer, so that no units stand between its inputs and its answers."
            )
        held = _activations(network, chosen, sample.inputs)
        sizes = tuple(_units(one).shape[1] for one in held)
        return cls(network, chosen, tuple(one.mean(0) for one in held), sizes)

    @property
    def count(self) -> int:
        """Units of all layers."""
        return sum(self.sizes)

    def scores(self, inputs: Tensor, kept: Tensor | None = None) -> Tensor:
        """Scores of the classes with only some units in place, shape (n, classes).

        Args:
            inputs: Shape (n, …).
            kept: Which units stay, shape (count,); by default all.
        """
        with torch.no_grad():
            return torch.cat([self._pass(x, kept) for x in inputs.split(self.network.batch())])

    def answers(self, inputs: Tensor, kept: Tensor | None = None) -> Tensor:
        """The answer to each input with only some units in place, shape (n,)."""
        return self.scores(inputs, kept).argmax(1)

    def evidence(self, inputs: Tensor, answer: Tensor, kept: Tensor | None = None) -> Tensor:
        """Log odds of an answer against all others with only some units in place, shape (n,)."""
        return log_odds(self.scores(inputs, kept), answer)

    def attributions(self, inputs: Tensor, steps: int = STEPS) -> Tensor:
        """What each unit adds to the log odds of the network's own answer, shape (n, count).

        Integrated gradients in the activations of one layer at a time, from the baseline to what they are: the sum over a
        layer's units is the log odds less those with the whole layer at its baseline.

        Args:
            inputs: Shape (n, …).
            steps: Points on the way.

        Source: Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks; Dhamdhere, Sundararajan & Yan (2019),
        How important is a neuron; Nanda (2023), Attribution patching (steps = 1 at the activation itself).
        """
        return torch.cat([self._attributed(x, steps) for x in inputs.split(self.network.batch())])

    def ablated(self, inputs: Tensor) -> Tensor:
        """The same by force: what the log odds lose if a unit alone is taken out, shape (n, count); one pass a unit."""
        answer, all_ = self.answers(inputs), torch.ones(self.count, dtype=torch.bool)
        whole = self.evidence(inputs, answer)
        made: list[Tensor] = []
        for unit in range(self.count):
            kept = all_.clone()
            kept[unit] = False
            made.append(whole - self.evidence(inputs, answer, kept))
        return torch.stack(made, 1)

    def _attributed(self, x: Tensor, steps: int) -> Tensor:
        held = _activations(self.network, self.layers, x)
        with torch.no_grad():
            answer = self._pass(x, None).argmax(1)
        parts: list[Tensor] = []
        for at, (own, base) in enumerate(zip(held, self.baselines, strict=True)):
            slopes = torch.zeros_like(own)
            for k in range(steps):
                here = (base + (k + 0.5) / steps * (own - base)).detach().requires_grad_()
                with torch.enable_grad():
                    made = log_odds(self._replaced(x, {at: lambda _h, here=here: here}), answer)
                (slope,) = torch.autograd.grad(made.sum(), here, allow_unused=True)
                slopes += torch.zeros_like(own) if slope is None else slope
            added = _units((own - base) * slopes / steps)
            parts.append(added.reshape(*added.shape[:2], -1).sum(2))
        return torch.cat(parts, 1)

    def _pass(self, x: Tensor, kept: Tensor | None) -> Tensor:
        if kept is None:
            return self._replaced(x, {})
        changes: dict[int, Change] = {}
        for at, (few, base) in enumerate(zip(kept.split(self.sizes), self.baselines, strict=True)):

            def change(h: Tensor, few: Tensor = few, base: Tensor = base) -> Tensor:
                return torch.where(_along(few, h), h, base)

            changes[at] = change
        return self._replaced(x, changes)

    def _replaced(self, x: Tensor, changes: dict[int, Change]) -> Tensor:
        with _hooked(self.network, {self.layers[at]: change for at, change in changes.items()}):
            scores = self.network.class_scores(logits(self.network.module(x)))
        if scores.dim() != 2:
            raise BadInput(
                f"{self.network.name}: units are told of a classifier with one answer an example; its outputs have the shape "
                f"{tuple(scores.shape)}."
            )
        return scores


def log_odds(scores: Tensor, answer: Tensor) -> Tensor:
    """Score of an answer less the log-sum-exp of all others, shape (n,)."""
    own = scores.gather(1, answer[:, None])[:, 0]
    return own - scores.scatter(1, answer[:, None], -torch.inf).logsumexp(1)


def _units(h: Tensor) -> Tensor:
    """Activations with units second: channels as they are, features of steps (b, steps, features) put there; (b, units, …)."""
    return h.transpose(1, 2) if h.dim() == 3 else h


def _along(kept: Tensor, h: Tensor) -> Tensor:
    """Which units are kept, in a shape that spreads over activations."""
    return kept if h.dim() <= 3 else kept.reshape(-1, *[1] * (h.dim() - 2))


def _hidden(network: Network, inputs: Tensor) -> tuple[str, ...]:
    """Layers whose units count where none are named: activation functions, else linear and convolutional ones, used once."""
    leaves = [
        (name, part) for name, part in network.module.named_modules() if name and not any(True for _ in part.children())
    ]
    told = tuple(name for name, part in leaves if isinstance(part, ACTIVATIONS))
    last = [name for name, part in leaves if isinstance(part, nn.Linear | nn.Conv2d | nn.Conv1d)]
    # An activation function after the last layer gives answers, not hidden units.
    order = [name for name, _ in leaves]
    told = tuple(name for name in told if last and order.index(name) < order.index(last[-1]))
    return _once(network, told, inputs) or _once(network, tuple(last[:-1]), inputs)


def _once(network: Network, layers: tuple[str, ...], inputs: Tensor) -> tuple[str, ...]:
    """Those that give one row of activations an example, once."""
    fit: list[str] = []
    for name in layers:
        try:
            _activations(network, (name,), inputs)
        except BadInput:
            continue
        fit.append(name)
    return tuple(fit)


def _activations(network: Network, layers: Sequence[str], inputs: Tensor) -> list[Tensor]:
    """What each layer gives for all inputs, shape (n, …) each."""
    held: dict[str, list[Tensor]] = {name: [] for name in layers}

    def keep(name: str) -> Change:
        def see(h: Tensor) -> Tensor:
            held[name].append(h.detach().clone())
            return h

        return see

    parts = inputs.split(network.batch())
    with _hooked(network, {name: keep(name) for name in layers}), torch.no_grad():
        for x in parts:
            network.module(x)
    for name in layers:
        used = len(held[name]) / len(parts)
        if used != 1:
            raise BadInput(f"{network.name}: the layer {name!r} is used {used:g} times for one input.")
        if any(h.dim() < 2 or len(h) != len(x) for h, x in zip(held[name], parts, strict=True)):
            raise BadInput(f"{network.name}: the layer {name!r} does not give one row of activations an example.")
    return [torch.cat(held[name]) for name in layers]


@contextmanager
def _hooked(network: Network, changes: dict[str, Change]) -> Generator[None]:
    """What submodules give is changed while inside."""
    named = dict(network.module.named_modules())
    for name in changes:
        if name not in named:
            raise BadInput(f"{network.name}: has no layer {name!r}.")

    def hook(change: Change) -> Callable[[nn.Module, Any, Any], Tensor]:
        def changed(_module: nn.Module, _given: Any, made: Any) -> Tensor:
            if not isinstance(made, Tensor) or not made.is_floating_point():
                raise BadInput(
                    f"{network.name}: a layer gives {type(made).__name__}, where a tensor of activations is read."
                )
            return change(made)

        return changed

    hooks = [named[name].register_forward_hook(hook(change)) for name, change in changes.items()]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()
