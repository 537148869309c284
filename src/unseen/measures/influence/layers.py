"""What goes into each linear and convolutional layer, and the gradients at what comes out, for whole batches at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unseen.errors import BadInput
from unseen.learners.networks import Network, Sample
from unseen.learners.networks.network import BATCH, logits

# (outputs, targets) -> vectors at the outputs, shape (k, b, …).
Starts = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear or convolutional layer; layers that share one weight are one.

    Attributes:
        name: Name of its weight among the network's parameters.
        modules: The module, and those that use the same weight.
        bias: Whether its bias is trained too: then its inputs end with a one.
        rows: Outputs.
        columns: Inputs (of a patch), the one included.
        places: Places of an example at which it works: pixels, tokens; 1 otherwise.
    """

    name: str
    modules: tuple[nn.Module, ...]
    bias: bool
    rows: int
    columns: int
    places: int = 1

    @property
    def size(self) -> int:
        """Parameters."""
        return self.rows * self.columns

    def inputs_of(self, given: Tensor, module: nn.Module) -> Tensor:
        """What the weight is multiplied with, shape (b, places, columns)."""
        if isinstance(module, nn.Conv2d):
            mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
            sides: Any = getattr(module, "_reversed_padding_repeated_twice")  # noqa: B009
            padded = nn.functional.pad(given, list(sides), mode=mode)
            size: Any = module.kernel_size
            dilation: Any = module.dilation
            stride: Any = module.stride
            x = nn.functional.unfold(padded, size, dilation=dilation, stride=stride).transpose(1, 2)
        else:
            x = given.reshape(len(given), -1, given.shape[-1])
        return torch.cat([x, x.new_ones(*x.shape[:2], 1)], 2) if self.bias else x

    def outputs_of(self, gradient: Tensor, module: nn.Module) -> Tensor:
        """A gradient at the output, shape (b, places, rows)."""
        if isinstance(module, nn.Conv2d):
            return gradient.flatten(2).transpose(1, 2)
        return gradient.reshape(len(gradient), -1, gradient.shape[-1])


@dataclass(frozen=True, eq=False)
class Passed:
    """What one batch left in one layer.

    Attributes:
        inputs: Shape (b, places, columns).
        gradients: At the outputs, shape (k, b, places, rows).
    """

    inputs: Tensor
    gradients: Tensor

    def of_weights(self, k: int = 0) -> Tensor:
        """Gradients of single examples by the weight, the bias as its last column, shape (b, rows, columns)."""
        return torch.bmm(self.gradients[k].transpose(1, 2), self.inputs)

    def squares(self) -> Tensor:
        """Squared length of the gradient of each example, shape (b,); made of products of places where those are few."""
        x, g = self.inputs, self.gradients[0]
        places, width = x.shape[1], x.shape[2] + g.shape[2]
        if places == 1:
            return x.square().sum((1, 2)) * g.square().sum((1, 2))
        if places * width > x.shape[2] * g.shape[2]:
            return self.of_weights().square().sum((1, 2))
        return (torch.bmm(x, x.transpose(1, 2)) * torch.bmm(g, g.transpose(1, 2))).sum((1, 2))

    def total(self) -> Tensor:
        """Sum of the gradients of all examples, shape (rows, columns)."""
        return self.gradients[0].flatten(0, 1).T @ self.inputs.flatten(0, 1)

    def times(self, matrix: Tensor) -> Tensor:
        """Product of the gradient of each example with a matrix of shape (rows, columns), shape (b,)."""
        return ((self.gradients[0] @ matrix) * self.inputs).sum((1, 2))


@dataclass(frozen=True, eq=False)
class Layers:
    """The linear and convolutional layers of a network.

    Attributes:
        network: The network.
        layers: Those whose weight is trained, as they come.
        left_out: Names of trained parameters that belong to none.
    """

    network: Network
    layers: tuple[Layer, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, network: Network, sample: Sample) -> Layers:
        """Find them, by letting some examples through.

        Raises:
            BadInput: There are none.
        """
        names = {id(p): k for k, p in network.module.named_parameters() if p.requires_grad}
        homes: dict[int, list[nn.Module]] = {}
        for module in network.module.modules():
            for p in module.parameters(recurse=False):
                homes.setdefault(id(p), []).append(module)
        found: list[Layer] = []
        for key, name in names.items():
            users = tuple(homes[key])
            fits = all(_fits(m) and m.weight is users[0].weight and id(m.weight) == key for m in users)
            if not fits or any(m.bias is not users[0].bias for m in users):
                continue
            bias = users[0].bias
            weight: Any = users[0].weight
            with_bias = bias is not None and id(bias) in names and len(homes[id(bias)]) == len(users)
            found.append(Layer(name, users, with_bias, len(weight), weight[0].numel() + with_bias))
        found = _reached(network, found, sample)
        covered = {one.name for one in found} | {names[id(one.modules[0].bias)] for one in found if one.bias}
        left_out = tuple(k for k in names.values() if k not in covered)
        if not found:
            raise BadInput(
                f"{network.name}: has no linear or convolutional layer whose weight is trained and that reads the examples "
                "one a row; Kronecker factors need one. Use exact, lissa or gradient_dot."
            )
        return cls(network, tuple(found), left_out)

    @property
    def parameters(self) -> int:
        """Number of parameters in these layers."""
        return sum(layer.size for layer in self.layers)

    def batch(self, memory: int, starts: int = 1, kept: int = 1) -> int:
        """How many examples a batch may hold.

        Args:
            memory: Bytes.
            starts: Backward passes a batch.
            kept: Copies of the gradients by the weights that are held at once; 0 where none is made.
        """
        # Twice what is named: autograd keeps what it needs for the way back.
        floats = 2 * sum(
            (starts + 2) * layer.places * (layer.rows + layer.columns) + kept * layer.size for layer in self.layers
        )
        return max(1, min(BATCH, memory // (4 * floats + 2 * self.network.footprint)))

    def passes(self, sample: Sample, batch: int, starts: Starts | None = None) -> Iterator[tuple[slice, list[Passed]]]:
        """Let all examples through, forwards and back.

        Args:
            sample: n examples.
            batch: Examples at once.
            starts: Vectors at the outputs that are sent back; by default the gradient of the loss.

        Yields:
            Rows, and what they left in each layer.

        Raises:
            BadInput: A gradient is not finite.
        """
        network = self.network
        for start in range(0, len(sample), batch):
            rows = slice(start, min(start + batch, len(sample)))
            x, y = sample.inputs[rows], sample.targets[rows]
            with torch.enable_grad(), _watched(self.layers) as calls:
                outputs = logits(network.module(x))
                seen = [(at, made) for at, own in enumerate(calls) for made in own]
                ends = [output for _, (_, _, output) in seen]
                if starts is None:
                    totals, sent = network.loss(outputs, y).sum(), [None]
                else:
                    totals, sent = outputs, list(starts(outputs.detach(), y))
                back = [
                    torch.autograd.grad(totals, ends, v, retain_graph=i + 1 < len(sent), allow_unused=True)
                    for i, v in enumerate(sent)
                ]
            yield rows, [self._joined(at, seen, back, rows, sample) for at in range(len(self.layers))]

    def _joined(self, at: int, seen: list[Any], back: list[Any], rows: slice, sample: Sample) -> Passed:
        layer = self.layers[at]
        own = [i for i, (owner, _) in enumerate(seen) if owner == at]
        inputs = torch.cat([layer.inputs_of(seen[i][1][1], seen[i][1][0]) for i in own], 1)
        sent: list[Tensor] = []
        for gradients in back:
            parts: list[Tensor] = []
            for i in own:
                module, _, output = seen[i][1]
                given = gradients[i]
                parts.append(layer.outputs_of(torch.zeros_like(output) if given is None else given, module))
            sent.append(torch.cat(parts, 1))
        made = torch.stack(sent).detach()
        if not bool(torch.isfinite(made).all()):
            bad = ~torch.isfinite(made).transpose(0, 1).flatten(1).all(1)
            row = rows.start + int(bad.nonzero()[0, 0])
            raise BadInput(f"{self.network.name}: the gradient of {sample.name} row {row} is not finite.")
        return Passed(inputs, made)


def _fits(module: Any) -> bool:
    return type(module) is nn.Linear or (type(module) is nn.Conv2d and module.groups == 1)


@contextmanager
def _watched(layers: tuple[Layer, ...]) -> Generator[list[list[tuple[nn.Module, Tensor, Tensor]]]]:
    """Lists, one a layer, that each call of it adds to: the module, its input, its output."""
    calls: list[list[tuple[nn.Module, Tensor, Tensor]]] = [[] for _ in layers]
    hooks: list[Any] = []

    def watch(at: int) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        def see(module: nn.Module, given: Any, output: Tensor) -> Tensor:
            calls[at].append((module, given[0].detach(), output))
            # What follows may change its input in place (ReLU): then it changes this copy, not what is watched.
            return output.clone()

        return see

    for at, layer in enumerate(layers):
        hooks += [module.register_forward_hook(watch(at)) for module in layer.modules]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _reached(network: Network, layers: list[Layer], sample: Sample) -> list[Layer]:
    """The layers that some examples reach, one example a row, with the number of places at which each works."""
    few = sample.inputs[: min(3, len(sample))]
    with torch.enable_grad(), _watched(tuple(layers)) as calls:
        network.module(few)
    found: list[Layer] = []
    for layer, own in zip(layers, calls, strict=True):
        if not own or any(len(given) != len(few) or given.dim() < 2 for _, given, _ in own):
            continue
        places = sum(output[0].numel() // layer.rows for _, _, output in own)
        found.append(Layer(layer.name, layer.modules, layer.bias, layer.rows, layer.columns, places))
    return found
