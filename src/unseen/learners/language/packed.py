"""Passes of a transformer over a tree of tokens: what sequences share is computed once (extra ``lm``).

All nodes of a pack stand in one row. A mask lets each see the nodes before it in its own sequences and no other, and its
place is its depth, so that nothing is padded and a pass of n nodes costs what n tokens cost.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from unseen.errors import BadInput
from unseen.learners.language.trees import Pack, TokenTree, packs

# Nodes of one pass: enough for full speed of matrix products, and what bounds memory.
NODES = {"cpu": 768, "cuda": 4096}
# Logits of one pass, in numbers: 2^27 in bf16 are 256 MiB.
LOGITS = 2**27
# Rows of logits that are turned into float32 at once.
ROWS = 128


@dataclass(frozen=True, slots=True)
class Kinds:
    """What the attention layers of a model see: windows by the name of the kind; None sees everything."""

    windows: dict[str, int | None]

    @classmethod
    def of(cls, config: Any) -> Kinds:
        """Read from a configuration.

        Raises:
            BadInput: A kind of layer has a state that can't be shared between sequences.
        """
        text = config.get_text_config()
        kinds = set(getattr(text, "layer_types", None) or ())
        window = getattr(text, "sliding_window", None)
        if not kinds:
            return cls({"": window})
        if strange := kinds - {"full_attention", "sliding_attention", "attention"}:
            raise BadInput(
                f"layers of the kind {', '.join(sorted(strange))} carry a state along that sequences can't share. Serve this "
                "model by an endpoint and ask it there."
            )
        return cls({kind: window if kind == "sliding_attention" else None for kind in sorted(kinds)})

    def masks(self, sees: torch.Tensor, apart: torch.Tensor, dtype: torch.dtype) -> Any:
        """What is added to attention scores: one mask, or one for each kind where windows make them differ.

        Args:
            sees: Bool, shape (rows, 1, queries, keys).
            apart: Depth of the query minus that of the key, of the same shape.
            dtype: Of the model.
        """
        made = {kind: sees if w is None else sees & (apart < w) for kind, w in self.windows.items()}
        added = {kind: _added(mask, dtype) for kind, mask in made.items()}
        first, *others = added.values()
        return first if all(torch.equal(first, other) for other in others) else added


def _added(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def shared_layers(known: list[tuple[torch.Tensor, torch.Tensor]] | None) -> tuple[Any, list[Any]]:
    """A cache that holds the keys and values of a line and shows those of a pass behind them; and its layers."""
    from transformers.cache_utils import Cache, DynamicLayer

    class Line(DynamicLayer):  # type: ignore[misc]
        """Keys and values of a line, and those that the pass adds."""

        def __init__(self, line: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
            super().__init__()
            self.line = line
            self.new: tuple[torch.Tensor, torch.Tensor] | None = None

        def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
            """Keep what is new, and show all."""
            self.new = key_states, value_states
            if self.line is None:
                return key_states, value_states
            return torch.cat([self.line[0], key_states], dim=-2), torch.cat([self.line[1], value_states], dim=-2)

        def get_seq_length(self) -> int:
            """Length of the line."""
            return 0 if self.line is None else self.line[0].shape[-2]

    cache = Cache(layer_class_to_replicate=Line) if known is None else Cache(layers=[Line(line) for line in known])
    return cache, cast(list[Any], cache.layers)


@dataclass(frozen=True, slots=True)
class Passed:
    """What one pass gave.

    Attributes:
        nodes: Computed, in order.
        asked: Those of them whose logits were asked for, in order.
        logits: Of those, shape (asked, vocabulary), in the model's data type.
        states: Hidden states of the layers that were asked for, shape (layers, nodes, width).
        layers: Keys and values of each layer, shape (1, heads, nodes, width of a head).
    """

    nodes: np.ndarray
    asked: np.ndarray
    logits: torch.Tensor
    states: torch.Tensor | None
    layers: list[tuple[torch.Tensor, torch.Tensor]]


class Passes:
    """Walks trees with a model.

    Args:
        model: A causal language model of transformers.
        nodes: Most nodes of a pass; by default what suits the device.
    """

    def __init__(self, model: Any, nodes: int | None = None) -> None:
        self.model = model
        self.kinds = Kinds.of(model.config)
        self.device = cast(torch.device, model.device)
        size = int(model.config.get_text_config().vocab_size)
        self.nodes = nodes or max(64, min(NODES.get(self.device.type, 1024), LOGITS // size))

    @torch.inference_mode()
    def walk(self, tree: TokenTree, ask: np.ndarray, *, layers: Sequence[int] = ()) -> Generator[Passed]:
        """Compute every node of a tree.

        Args:
            tree: The sequences.
            ask: Nodes whose logits are wanted, bool (nodes,).
            layers: Hidden states after these layers are wanted too.
        """
        known: list[tuple[torch.Tensor, torch.Tensor]] = []
        new: list[tuple[torch.Tensor, torch.Tensor]] = []
        for pack in packs(tree, self.nodes):
            known = self._moved(known, new, pack) if len(pack.line) else []
            passed = self._pass(tree, pack, known or None, ask, layers)
            new = passed.layers
            yield passed

    def _moved(
        self, known: list[tuple[torch.Tensor, torch.Tensor]], new: list[tuple[torch.Tensor, torch.Tensor]], pack: Pack
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values of a pack's line: what remains of the line before, and nodes of the pass before."""
        first = int(pack.nodes[0]) - new[0][0].shape[-2]
        old = int(np.count_nonzero(pack.line < first))
        places = self._on_device(pack.line[old:] - first)

        def part(before: torch.Tensor | None, made: torch.Tensor) -> torch.Tensor:
            chosen = made[:, :, places]
            return chosen if before is None or not old else torch.cat([before[:, :, :old], chosen], dim=-2)

        pairs = known or [(None, None)] * len(new)
        return [(part(k, a), part(v, b)) for (k, v), (a, b) in zip(pairs, new, strict=True)]

    def _pass(
        self, tree: TokenTree, pack: Pack, line: list[tuple[torch.Tensor, torch.Tensor]] | None, ask: np.ndarray,
        wanted: Sequence[int],
    ) -> Passed:  # fmt: skip
        nodes = pack.nodes
        places = np.flatnonzero(ask[nodes])
        cache, layers = shared_layers(line)
        out = self.model(
            input_ids=self._on_device(tree.tokens[nodes])[None],
            position_ids=self._on_device(tree.depth[nodes])[None],
            attention_mask=self._mask(tree, pack),
            past_key_values=cache,
            use_cache=True,
            # The last node's logits are cheap, and not every model takes a request for none.
            logits_to_keep=self._on_device(places if len(places) else np.array([len(nodes) - 1])),
            output_hidden_states=bool(wanted),
        )
        states = torch.stack([out.hidden_states[layer][0] for layer in wanted]) if wanted else None
        return Passed(nodes, nodes[places], out.logits[0, : len(places)], states, [one.new for one in layers])

    def _mask(self, tree: TokenTree, pack: Pack) -> Any:
        shown = np.concatenate([pack.line, pack.nodes])
        sees = tree.sees(pack.nodes, shown)
        apart = tree.depth[pack.nodes][:, None] - tree.depth[shown][None, :]
        return self.kinds.masks(self._on_device(sees)[None, None], self._on_device(apart)[None, None], self.model.dtype)

    def _on_device(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def log_probabilities(logits: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Log-probability of a token in a row of logits each, and whether it is the likeliest; float64 and bool (n,).

    Args:
        logits: Shape (rows, vocabulary).
        rows: Row of each token, shape (n,).
        tokens: Shape (n,).
    """
    norms, best = [], []
    for part in logits.split(ROWS):
        wide = part.float()
        norms.append(wide.logsumexp(-1))
        best.append(wide.argmax(-1))
    values = logits[rows, tokens].float() - torch.cat(norms)[rows]
    return values.double().cpu().numpy(), (torch.cat(best)[rows] == tokens).cpu().numpy()
