"""Language models that run here, through transformers (extra ``lm``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch

from unseen.engine.seeds import numpy_generator
from unseen.engine.store import Store, content_hash
from unseen.errors import BadInput
from unseen.learners.language.base import (
    Answer,
    Answered,
    Generation,
    Prompt,
    Scored,
    ScoredOne,
    plain_prompt,
    require_options,
)
from unseen.learners.language.beams import beam_search
from unseen.learners.language.decoding import Decoder
from unseen.learners.language.loading import DTYPE, Loaded, identity, load
from unseen.learners.language.packed import Passes, log_probabilities
from unseen.learners.language.tokens import Tokens
from unseen.learners.language.trees import TokenTree

# A pass over a shared beginning must give what one sequence alone gives, up to rounding of the data type: the mean over the
# vocabulary was at most 0.17 in bfloat16 (the largest 0.6), and at least 1.08 where a mask is not heeded.
ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 0.5, torch.float16: 0.1}


class LocalModel:
    """A causal language model in this process.

    What prompts share is computed once (few-shot examples, the question before its options), nothing is padded when
    options are scored, and an answer that ends makes place for the next prompt.

    Args:
        loaded: As ``load`` gives it, or a model and a tokenizer of transformers made into one by ``in_memory``.
        batch: Rows that are continued at once; by default what suits the device.
        nodes: Most tokens of one pass; by default what suits the device. It bounds memory.

    Source: Cai et al. (2024), Medusa, section 3.1 (a mask over a tree of tokens); Kwon et al. (2023), PagedAttention,
    section 4.4 (shared prefixes).
    """

    def __init__(self, loaded: Loaded, *, batch: int | None = None, nodes: int | None = None) -> None:
        self._loaded, self._model = loaded, loaded.model
        self.tokens = Tokens(loaded.tokenizer, loaded.name)
        self._passes = Passes(loaded.model, nodes)
        self._decoder = Decoder(self._passes, self.tokens, _ends(loaded), batch)
        text = loaded.model.config.get_text_config()
        self.longest = int(getattr(text, "max_position_embeddings", 0) or 2**31)
        self.layers = int(text.num_hidden_layers)
        self._checked = False

    @classmethod
    def load(
        cls, path: str | Path, *, dtype: str = DTYPE, device: str | None = None, batch: int | None = None,
        nodes: int | None = None, store: Store | None = None,
    ) -> LocalModel:  # fmt: skip
        """A folder in the format of transformers, or a GGUF file; see ``loading.load`` for the errors."""
        return cls(load(path, dtype=dtype, device=device, store=store), batch=batch, nodes=nodes)

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        return self._loaded.name

    @property
    def chats(self) -> bool:
        """Whether it has a chat template, so that it takes messages."""
        return bool(getattr(self.tokens.tokenizer, "chat_template", None))

    @property
    def identity(self) -> Mapping[str, Any]:
        """Hash of weights and tokenizer, and the data type."""
        return identity(self._loaded.sha256, str(self._model.dtype).removeprefix("torch."))

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: Generation,
        *,
        draws: Sequence[int] | None = None,
        done: Answered | None = None,
    ) -> list[Answer]:
        """Continue prompts; see ``LanguageModel``.

        Raises:
            BadInput: A prompt is none, or is too long for the model with ``max_tokens`` more.
        """
        numbers = list(range(settings.samples) if draws is None else draws)
        if not prompts or not numbers:
            return [Answer(()) for _ in prompts]
        ids = self.tokens.prompts(prompts)
        self._require_room(
            prompts, [len(i) + settings.max_tokens for i in ids], f" with {settings.max_tokens} tokens of an answer"
        )
        self._check()
        answers: list[Answer | None] = [None] * len(prompts)
        for place, completions in self._continued(prompts, ids, numbers, settings):
            answer = answers[place] = Answer(tuple(completions), len(ids[place]))
            if done is not None:
                done(place, answer)
        return [a for a in answers if a is not None]

    def _continued(self, prompts: Sequence[Prompt], ids: list[list[int]], draws: list[int], settings: Generation):  # noqa: ANN202
        if settings.beams > 1:
            for place in sorted(range(len(ids)), key=lambda i: len(ids[i])):
                yield place, [self._decoder.completed(beam_search(self._decoder, ids[place], settings), settings)]
            return
        names = [content_hash({"prompt": plain_prompt(p)}) for p in prompts] if settings.temperature > 0 else []

        def uniform(place: int, number: int) -> np.ndarray:
            if not names:
                return np.empty(0)
            return numpy_generator(settings.seed, "answer", names[place], number).random(settings.max_tokens)

        yield from self._decoder.run(ids, uniform, draws, settings)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], *, done: ScoredOne | None = None
    ) -> list[tuple[Scored, ...]]:
        """Log-probabilities of continuations; see ``LanguageModel``.

        Raises:
            BadInput: A prompt is none or too long with its continuation, or a continuation has no token.
        """
        require_options(prompts, continuations)
        if not prompts:
            return []
        cut = self.tokens.options(prompts, continuations)
        self._require_room(prompts, [max(map(len, wholes)) for _, wholes in cut], " with its continuation")
        self._check()
        tree = TokenTree.of([whole for _, wholes in cut for whole in wholes])
        firsts = np.cumsum([0, *(len(wholes) for _, wholes in cut)])
        paths = [
            [tree.path(int(node), since=start) for node in tree.last[firsts[i] : firsts[i + 1]]]
            for i, (start, _) in enumerate(cut)
        ]
        found: list[tuple[Scored, ...] | None] = [None] * len(prompts)
        for i, logprobs, greedy in self._scored(tree, [np.unique(np.concatenate(p)) for p in paths]):
            scored = tuple(
                Scored(
                    option, tuple(self.tokens.text(int(t)) for t in tree.tokens[path]),
                    tuple(logprobs[path].tolist()), bool(greedy[path].all()),
                )
                for option, path in zip(continuations[i], paths[i], strict=True)
            )  # fmt: skip
            found[i] = scored
            if done is not None:
                done(i, scored)
        return [f for f in found if f is not None]

    def _scored(self, tree: TokenTree, wanted: list[np.ndarray]):  # noqa: ANN202
        """Items whose nodes are all scored, each as soon as it is: place, log-probabilities and greediness of all nodes."""
        nodes = np.unique(np.concatenate(wanted))
        owners: dict[int, list[int]] = {}
        for i, own in enumerate(wanted):
            for node in own.tolist():
                owners.setdefault(node, []).append(i)
        open_ = [len(own) for own in wanted]
        ask = np.zeros(len(tree.tokens), dtype=bool)
        ask[tree.parent[nodes]] = True
        logprobs, greedy = np.full(len(tree.tokens), np.nan), np.zeros(len(tree.tokens), dtype=bool)
        row_of = np.full(len(tree.tokens), -1)
        for passed in self._passes.walk(tree, ask):
            row_of[passed.asked] = np.arange(len(passed.asked))
            here = nodes[row_of[tree.parent[nodes]] >= 0]
            if len(here):
                rows, tokens = row_of[tree.parent[here]], tree.tokens[here]
                logprobs[here], greedy[here] = log_probabilities(
                    passed.logits, torch.from_numpy(rows).to(passed.logits.device),
                    torch.from_numpy(tokens).to(passed.logits.device),
                )  # fmt: skip
            row_of[passed.asked] = -1
            for node in here.tolist():
                for i in owners[node]:
                    open_[i] -= 1
                    if not open_[i]:
                        yield i, logprobs, greedy

    def hidden(self, prompts: Sequence[Prompt], layer: int, *, pool: Literal["last", "mean"] = "last") -> np.ndarray:
        """States after a layer at the last token of each prompt, or their mean over its tokens; see ``LanguageModel``."""
        return self.hidden_at(prompts, [layer], pool=pool)[0]

    def hidden_at(
        self, prompts: Sequence[Prompt], layers: Sequence[int], *, pool: Literal["last", "mean"] = "last"
    ) -> np.ndarray:
        """States after several layers, had in one pass; float32 of shape (layers, prompts, width).

        Raises:
            BadInput: There is no such layer, or a prompt is none or too long.
        """
        for layer in layers:
            if not -self.layers - 1 <= layer <= self.layers:
                raise BadInput(
                    f"{self.name} has the layers 0 (embeddings) to {self.layers}, or -1 for the last, got {layer}."
                )
        width = int(self._model.config.get_text_config().hidden_size)
        sums = np.zeros((len(layers), len(prompts), width), dtype=np.float32)
        if not prompts:
            return sums
        ids = self.tokens.prompts(prompts)
        self._require_room(prompts, [len(i) for i in ids], "")
        self._check()
        tree = TokenTree.of(ids)
        for passed in self._passes.walk(tree, np.zeros(len(tree.tokens), dtype=bool), layers=layers):
            nodes = passed.nodes
            mine = nodes[None, :] == tree.last[:, None]
            if pool == "mean":
                mine = (nodes[None, :] <= tree.last[:, None]) & (tree.last[:, None] < tree.end[nodes][None, :])
            rows = np.flatnonzero(mine.any(axis=1))
            states = cast(torch.Tensor, passed.states).float().cpu().numpy()
            sums[:, rows] += mine[rows].astype(np.float32) @ states
        return sums / (tree.depth[tree.last][:, None] + 1) if pool == "mean" else sums

    def _require_room(self, prompts: Sequence[Prompt], lengths: Sequence[int], what: str) -> None:
        longest = int(np.argmax(lengths))
        if lengths[longest] > self.longest:
            shown = str(prompts[longest])[:30] + "…"
            raise BadInput(
                f"prompt {longest + 1} ({shown!r}) has {lengths[longest]:,} tokens{what}; {self.name} takes "
                f"{self.longest:,}. Shorten it, or ask for fewer tokens."
            )

    @torch.inference_mode()
    def _check(self) -> None:
        """Hold a pass over a tree against plain passes once: not every architecture heeds a mask.

        Raises:
            BadInput: They differ by more than rounding.
        """
        if self._checked:
            return
        size = int(self._model.config.get_text_config().vocab_size)
        draws = numpy_generator(0, "tree against plain passes").integers(0, size, 20).tolist()
        sequences = [draws[:12], draws[:8] + draws[12:16], draws[:8] + draws[16:]]
        tree = TokenTree.of(sequences)
        ask = np.zeros(len(tree.tokens), dtype=bool)
        ask[tree.last] = True
        try:
            shared = {
                int(n): row for p in self._passes.walk(tree, ask) for n, row in zip(p.asked, p.logits, strict=True)
            }
        except (TypeError, ValueError, RuntimeError, NotImplementedError, AttributeError, IndexError) as error:
            raise BadInput(
                f"{self.name} can't be asked here ({type(error).__name__}: {str(error)[:200]}). Serve it by an endpoint."
            ) from None
        for sequence, node in zip(sequences, tree.last.tolist(), strict=True):
            alone = self._model(input_ids=torch.tensor([sequence], device=self._model.device)).logits[0, -1]
            apart = float((alone.float().log_softmax(-1) - shared[node].float().log_softmax(-1)).abs().mean())
            if not apart <= ROUNDING.get(self._model.dtype, 0.5):
                raise BadInput(
                    f"{self.name} does not compute the same where sequences share their beginning (log-probabilities differ "
                    f"by {apart:.3g} on average), so that it can't be asked here. Serve it by an endpoint."
                )
        self._checked = True


def in_memory(model: Any, tokenizer: Any, name: str) -> Loaded:
    """A model of transformers that is in memory, named by a hash of its weights and tokenizer."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        digest.update(f"{key}{tuple(value.shape)}{value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    digest.update((backend.to_str() if backend is not None else str(sorted(tokenizer.get_vocab().items()))).encode())
    digest.update(str(getattr(tokenizer, "chat_template", "")).encode())
    return Loaded(model.eval(), tokenizer, name, digest.hexdigest())


def _ends(loaded: Loaded) -> frozenset[int]:
    """Tokens that end an answer, by the model, its settings of generation and its tokenizer."""
    found: set[int] = set()
    for source in (loaded.model.config, getattr(loaded.model, "generation_config", None), loaded.tokenizer):
        given: Any = getattr(source, "eos_token_id", None)
        found |= set() if given is None else {int(g) for g in (given if isinstance(given, list | tuple) else [given])}
    return frozenset(found)
