"""A trained network with its loss: a copy in evaluation mode that answers and gives gradients of single examples."""

from __future__ import annotations

import copy
import hashlib
import re
import warnings
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from unseen.errors import BadInput
from unseen.learners.networks.losses import NEXT, Loss, chosen, require_targets, type_of
from unseen.learners.networks.room import require_room
from unseen.learners.networks.sample import Sample
from unseen.plain_text import names

# Memory that gradients of single examples may take at once, in bytes.
MEMORY = 1 << 30
BATCH = 512
# Copies of the vector of a gradient that are held an example while it is made.
COPIES = 4


@dataclass(frozen=True)
class Network:
    """A copy of a trained module, in evaluation mode and single precision, with the loss that it was trained by.

    Attributes:
        module: The copy; nothing that is computed here changes the user's own.
        loss: (outputs (b, …), targets (b, …)) -> loss of each example, shape (b,).
        loss_name: What the loss is called.
        name: What the network is called.
        notes: What was done to make the copy ("half precision was raised to single").
        classes: Classes that one output is told apart into.
        footprint: Bytes of activations that an example leaves on its way through.
    """

    module: nn.Module
    loss: Loss
    loss_name: str
    name: str = "network"
    notes: tuple[str, ...] = ()
    classes: int = 2
    footprint: int = 0

    @classmethod
    def of(
        cls, module: nn.Module, sample: Sample, *, loss: str | Loss | None = None, name: str = "network",
        layers: str | None = None,
    ) -> Network:  # fmt: skip
        """A network from what a user trained, held against some of its data.

        Args:
            module: Any module whose ``forward`` takes a batch of inputs and gives outputs, or an object with ``logits``.
            sample: Examples that it shall fit.
            loss: cross-entropy, binary, next-token, squared, absolute, or (outputs, targets) -> losses; by default cross-entropy
                for classes (binary for one output, next-token for one at each place) and squared error for numbers.
            name: What it is called.
            layers: Regular expression that is looked for in the names of the parameters: those that have it count as trained,
                the others are held fixed (a few layers of a language model). By default all that require gradients: of a
                network with adapters (LoRA) these.

        Raises:
            BadInput: It is no module, has no parameters to train, holds values that are not finite, does not take such
                inputs, or its outputs don't fit the targets.

        >>> net = Network.of(nn.Linear(2, 3), Sample.of(([[0.0, 1.0]], [2])))
        >>> net.parameters, tuple(net.outputs(torch.ones(4, 2)).shape)
        (9, (4, 3))
        """
        given: Any = getattr(module, "_orig_mod", module)
        if isinstance(given, nn.DataParallel | nn.parallel.DistributedDataParallel):
            given = given.module
        if not isinstance(given, nn.Module):
            raise BadInput(f"{name}: is a {type(module).__name__}, not a torch module.")
        _readable(given, name)
        notes: list[str] = [] if given is module else ["compiled or spread: the module behind it is read"]
        trained = _trained(given, layers, name)
        for key, value in [*given.named_parameters(), *given.named_buffers()]:
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                bad = int((~torch.isfinite(value)).sum())
                raise BadInput(f"{name}: {key} holds values that are not finite ({bad:,} of {value.numel():,}).")
        if any(p.dtype in (torch.float16, torch.bfloat16) for p in given.parameters()):
            notes.append("half precision was raised to single")
        away = [p.device for p in given.parameters() if p.device.type != "cpu"]
        if away:
            notes.append(f"it was copied from {away[0]} to the processor")
        if layers is not None:
            notes.append(
                f"{len(trained)} of {sum(1 for _ in given.parameters())} parameters count as trained ({layers})"
            )
        if given.training:
            notes.append("it was in training mode: read in evaluation mode")
        require_room(
            4 * sum(p.numel() for p in given.parameters()), f"{name}: a copy in single precision",
            "Audit on a machine with more memory.",
        )  # fmt: skip
        try:
            # Those of torch itself: a model that was read from a quantised file has its own, which refuse.
            own = nn.Module.float(nn.Module.to(copy.deepcopy(given), "cpu")).eval()
        except (RuntimeError, TypeError, ValueError) as error:
            raise BadInput(
                f"{name}: can't be copied ({error}). Give a module whose state is that of its parameters."
            ) from error
        own.register_forward_pre_hook(_apart)
        _prepare(own, trained)
        outputs = _outputs(own, sample.inputs[:2], name, sample)
        rule, named = chosen(loss, outputs, sample)
        require_targets(named, outputs, sample, name)
        count = int(sample.targets.max()) + 1 if sample.classes else 0
        network = cls(own, rule, named, name, tuple(notes), max(2, count), _footprint(own, sample.inputs[:1]))
        network._require_gradients(sample)
        return network

    def require_fit(self, sample: Sample) -> None:
        """Hold the network against other examples than those that it was made with.

        Raises:
            BadInput: It does not take such inputs, or its outputs don't fit the targets.
        """
        outputs = _outputs(self.module, sample.inputs[:2], self.name, sample)
        require_targets(self.loss_name, outputs, sample, self.name)
        self._require_gradients(sample)

    @property
    def parameters(self) -> int:
        """Number of parameters that are trained."""
        return sum(p.numel() for p in self.module.parameters() if p.requires_grad)

    @property
    def trained(self) -> dict[str, Tensor]:
        """The parameters that are trained, by their names."""
        return {k: p.detach() for k, p in self.module.named_parameters() if p.requires_grad}

    @property
    def fixed(self) -> dict[str, Tensor]:
        """All other parameters, and the buffers, by their names."""
        rest = {k: p.detach() for k, p in self.module.named_parameters() if not p.requires_grad}
        return rest | {k: v.detach() for k, v in self.module.named_buffers()}

    @property
    def weights(self) -> Tensor:
        """The parameters that are trained as one vector, shape (p,), in the order of ``trained``."""
        return torch.cat([v.reshape(-1) for v in self.trained.values()])

    def named(self, vectors: Tensor) -> dict[str, Tensor]:
        """Vectors of weights, shape (…, p), as parameters by their names, each of shape (…, its own).

        >>> net = Network.of(nn.Linear(2, 1), Sample.of(([[0.0, 1.0]], [2.0])))
        >>> {k: tuple(v.shape) for k, v in net.named(torch.zeros(5, 3)).items()}
        {'weight': (5, 1, 2), 'bias': (5, 1)}
        """
        trained = self.trained
        parts = vectors.split([v.numel() for v in trained.values()], -1)
        return {
            k: part.reshape(*vectors.shape[:-1], *v.shape) for (k, v), part in zip(trained.items(), parts, strict=True)
        }

    def at(self, parameters: Mapping[str, Tensor], inputs: Tensor, fixed: Mapping[str, Tensor] | None = None) -> Tensor:
        """Outputs with other values of the trained parameters, to be differentiated by them.

        Args:
            parameters: All that are trained, by their names.
            inputs: Shape (b, …).
            fixed: The others, where they are at hand already.
        """
        rest = self.fixed if fixed is None else fixed
        return logits(functional_call(self.module, {**rest, **parameters}, (inputs,)))

    def class_scores(self, outputs: Tensor) -> Tensor:
        """Outputs of a classifier as one column a class: the largest is the answer, and softmax its probability.

        One logit is that of the second class against the first. One output with a loss of the user's own is worth, for each
        class, minus the loss that it would have there.

        Args:
            outputs: Shape (b, …).

        Returns:
            Shape (b, classes), or (b, classes, steps) for an answer at each step.

        >>> import torch.nn.functional as F
        >>> hinge = lambda outputs, y: (1 - (2 * y - 1) * outputs[:, 0]).clamp(min=0)
        >>> net = Network.of(nn.Linear(1, 1), Sample.of(([[0.0], [1.0]], [0, 1])), loss=hinge)
        >>> net.class_scores(torch.tensor([[-2.0], [0.5]]))
        tensor([[-0.0000, -3.0000],
                [-1.5000, -0.5000]])
        """
        if self.loss_name == NEXT:
            return outputs.transpose(1, 2)
        single = outputs.shape[1:].numel() == 1
        if self.loss_name == "binary":
            one = outputs.reshape(len(outputs)) if single else outputs
            return torch.stack([torch.zeros_like(one), one], 1)
        if not single:
            return outputs
        each = [torch.full((len(outputs),), k, dtype=torch.long) for k in range(self.classes)]
        return torch.stack([-self.loss(outputs, k) for k in each], 1)

    def digest(self) -> str:
        """SHA-256 of all parameters and buffers, in their order."""
        return digest(self.module)

    def batch(self, memory: int = MEMORY, most: int = BATCH) -> int:
        """How many examples go through at once, with what is kept of them for the way back."""
        return max(1, min(most, memory // max(1, 2 * self.footprint)))

    def outputs(self, inputs: Tensor, batch: int | None = None) -> Tensor:
        """Outputs for many inputs, shape (n, …), without gradients."""
        made: list[Tensor] = []
        batch = batch or self.batch()
        for start in range(0, len(inputs), batch):
            part = inputs[start : start + batch]
            try:
                with torch.no_grad():
                    made.append(logits(self.module(part)))
            except Exception as error:
                raise BadInput(
                    f"{self.name}: fails on inputs {start} to {start + len(part) - 1} ({type(error).__name__}: {error}). Leave out "
                    "what it was not trained on."
                ) from error
        return torch.cat(made)

    def losses(self, sample: Sample, batch: int | None = None) -> Tensor:
        """Loss of each example, shape (n,)."""
        batch = batch or self.batch()
        parts = zip(sample.inputs.split(batch), sample.targets.split(batch), strict=True)
        with torch.no_grad():
            return torch.cat([self.loss(logits(self.module(x)), y) for x, y in parts])

    def gradients(self, sample: Sample, *, memory: int = MEMORY) -> Iterator[tuple[slice, Tensor]]:
        """Gradients of the losses of single examples, in chunks that fit a memory.

        Args:
            sample: n examples.
            memory: Bytes that a chunk and what comes of it may take.

        Yields:
            Rows, and their gradients as vectors, shape (rows, p), in the order of ``trained``.

        Raises:
            BadInput: The loss does not depend on the parameters, or a gradient is not finite.
        """
        free, fixed = self.trained, self.fixed

        def one(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return self.loss(self.at(parameters, x[None], fixed), y[None]).sum()

        each = vmap(grad(one), in_dims=(None, 0, 0))
        size = max(1, min(BATCH, memory // (4 * COPIES * self.parameters + 2 * self.footprint)))
        mapped = True
        for start in range(0, len(sample), size):
            rows = slice(start, min(start + size, len(sample)))
            x, y = sample.inputs[rows], sample.targets[rows]
            made: Tensor | None = None
            if mapped:
                try:
                    with twice_differentiable(), _quiet():
                        parts = each(free, x, y)
                        made = torch.cat([parts[k].reshape(len(x), -1) for k in free], 1)
                except RuntimeError:
                    # Code that looks at values, or changes tensors in place, can't be mapped: one example after another.
                    mapped = False
            if made is None:
                made = torch.stack([self._gradient(x[i : i + 1], y[i : i + 1], fixed) for i in range(len(x))])
            finite = torch.isfinite(made).all(1)
            if not bool(finite.all()):
                row = rows.start + int((~finite).nonzero()[0, 0])
                raise BadInput(f"{self.name}: the gradient of {sample.name} row {row} is not finite.")
            yield rows, made

    def _gradient(self, x: Tensor, y: Tensor, fixed: Mapping[str, Tensor]) -> Tensor:
        """The gradient of one example, shape (p,), by one backward pass."""
        leaves = {k: v.clone().requires_grad_() for k, v in self.trained.items()}
        loss = self.loss(self.at(leaves, x, fixed), y).sum()
        if not loss.requires_grad:
            raise BadInput(
                f"{self.name}: its loss does not depend on its parameters (detached, or under no_grad), so that it has no "
                "gradients."
            )
        made = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        return torch.cat(
            [(torch.zeros_like(p) if g is None else g).reshape(-1) for g, p in zip(made, leaves.values(), strict=True)]
        )

    def _require_gradients(self, sample: Sample) -> None:
        """The loss of an example depends on the parameters, and its gradient is finite."""
        try:
            # Three at once: a loss that spreads targets over outputs of another shape often takes one or two.
            self.losses(sample.take(range(min(3, len(sample)))))
            self._gradient(sample.inputs[:1], sample.targets[:1], self.fixed)
            next(self.gradients(sample.take([0])))
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(
                f"{self.name}: its loss ({self.loss_name}) can't be worked out on {sample.name}, whose targets have the shape "
                f"{tuple(sample.targets.shape)} ({type(error).__name__}: {error}). Give outputs and targets as in training: "
                "classes as (n,) with outputs (n, classes), also for one example at a time."
            ) from error


def twice_differentiable() -> Any:
    """Attention in the form that has second derivatives and works for single examples; the fused ones have neither."""
    return sdpa_kernel(SDPBackend.MATH)


@contextmanager
def _quiet() -> Generator[None]:
    """Without torch's remarks on operations that it maps one by one: nothing that a user could do about them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There is a performance drop")
        yield


def _apart(_module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs of their own, so that a network that changes its inputs in place changes no data."""
    return tuple(x.clone() if isinstance(x, Tensor) else x for x in given)


def _readable(module: nn.Module, name: str) -> None:
    """Refuse modules whose weights are not there, or can't be put beside other weights."""
    if isinstance(module, torch.jit.ScriptModule):
        raise BadInput(
            f"{name}: is a compiled TorchScript module, which gives no gradients of single examples. Give the module "
            "that it was made from."
        )
    values = [*module.named_parameters(), *module.named_buffers()]
    packed = [key for key, p in module.named_parameters() if not p.is_floating_point()]
    if packed:
        kind = type_of(dict(values)[packed[0]])
        raise BadInput(
            f"{name}: {packed[0]} holds {kind}, quantised weights, which have no gradients. Load the network in float or half "
            "precision; adapters (LoRA) on it are audited there too."
        )
    empty = [key for key, value in values if nn.parameter.is_lazy(value) or value.is_meta]
    if empty:
        raise BadInput(
            f"{name}: {empty[0]} holds no values yet. Call the network once on a batch, or load its weights (all of them into "
            "memory, none left out to disk), before it is audited."
        )


def _trained(module: nn.Module, layers: str | None, name: str) -> set[str]:
    """Names of the parameters that count as trained."""
    known = [key for key, _ in module.named_parameters()]
    if layers is None:
        made = {key for key, p in module.named_parameters() if p.requires_grad}
        if not made:
            raise BadInput(
                f"{name}: has no parameters that can be trained (requires_grad), so that it has no gradients."
            )
        return made
    try:
        wanted = re.compile(layers)
    except re.error as error:
        raise BadInput(f"layers {layers!r} are no regular expression: {error}.") from error
    made = {key for key in known if wanted.search(key)}
    if not made:
        raise BadInput(f"{name}: no parameter has {layers!r} in its name; there are {names(known, 8)}.")
    return made


def _prepare(own: nn.Module, trained: set[str]) -> None:
    """Mark what counts as trained, and let a language model keep nothing of what it has read."""
    for key, p in own.named_parameters():
        p.requires_grad_(key in trained)
    config: Any = getattr(own, "config", None)
    if getattr(config, "use_cache", False):
        config.use_cache = False


def _footprint(module: nn.Module, inputs: Tensor) -> int:
    """Bytes of what all modules without parts of their own, and the whole, give for one example; outputs count three times more."""
    sizes: list[int] = []

    def see(_module: nn.Module, _given: Any, made: Any) -> None:
        if isinstance(made, Tensor):
            sizes.append(made.numel())

    hooks = [m.register_forward_hook(see) for m in module.modules() if not any(True for _ in m.children())]
    try:
        with torch.no_grad():
            outputs = logits(module(inputs))
    finally:
        for hook in hooks:
            hook.remove()
    return 4 * (sum(sizes) + 3 * outputs.numel())


def digest(module: nn.Module) -> str:
    """SHA-256 of all parameters and buffers of a module, in their order."""
    made = hashlib.sha256()
    for key, value in module.state_dict().items():
        made.update(key.encode())
        made.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return made.hexdigest()


def logits(outputs: Any) -> Tensor:
    """The tensor of what a module gives: itself, its ``logits``, or the first of a tuple."""
    found: Any = cast("Mapping[str, Any]", outputs).get("logits", outputs) if isinstance(outputs, Mapping) else outputs
    found = getattr(found, "logits", found)
    if isinstance(found, tuple | list):
        given = cast("tuple[Any, ...] | list[Any]", found)
        found = given[0] if given else given
    return cast("Tensor", found)


def _outputs(module: nn.Module, inputs: Tensor, name: str, sample: Sample) -> Tensor:
    try:
        with torch.no_grad():
            outputs: Any = logits(module(inputs))
    except Exception as error:
        # An index that is out of range says so without the index.
        run = "" if inputs.is_floating_point() else f", {int(inputs.min()):,} to {int(inputs.max()):,}"
        raise BadInput(
            f"{name}: does not take the inputs of {sample.name}, of shape {tuple(inputs.shape)} and type {type_of(inputs)}{run} "
            f"({error}). Give them as the network was trained on."
        ) from error
    if not isinstance(outputs, Tensor):
        raise BadInput(
            f"{name}: gives {type(outputs).__name__}, where a tensor of outputs is read (or one under the name logits, or first)."
        )
    if not outputs.dim() or len(outputs) != len(inputs):
        count = len(outputs) if outputs.dim() else "one number as"
        raise BadInput(f"{name}: gives {count} outputs for {len(inputs)} inputs; one an input is read.")
    if not bool(torch.isfinite(outputs).all()):
        raise BadInput(f"{name}: its outputs for {sample.name} row 0 are not finite.")
    return outputs
