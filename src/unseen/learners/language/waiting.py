"""A language model that is read when it is first asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from unseen.learners.language.base import Answer, Answered, Generation, LanguageModel, Prompt, Scored, ScoredOne


class Waiting:
    """A model whose weights are not read before something is asked of it: a run whose answers are all kept needs none.

    Args:
        name: Of the model.
        identity: Of the model.
        opened: Reads it; called once, at the first question.
        chats: Whether it has a chat template, so that it takes messages.
    """

    def __init__(
        self, name: str, identity: Mapping[str, Any], opened: Callable[[], LanguageModel], *, chats: bool
    ) -> None:
        self.name, self.identity, self.chats = name, identity, chats
        self._opened = opened

    @cached_property
    def model(self) -> LanguageModel:
        """The model itself."""
        return self._opened()

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: Generation,
        *,
        draws: Sequence[int] | None = None,
        done: Answered | None = None,
    ) -> list[Answer]:
        """Continue prompts; see ``LanguageModel``."""
        return self.model.generate(prompts, settings, draws=draws, done=done)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], *, done: ScoredOne | None = None
    ) -> list[tuple[Scored, ...]]:
        """Log-probabilities of continuations; see ``LanguageModel``."""
        return self.model.score(prompts, continuations, done=done)

    def hidden(self, prompts: Sequence[Prompt], layer: int, *, pool: Literal["last", "mean"] = "last") -> np.ndarray:
        """Hidden states; see ``LanguageModel``."""
        return self.model.hidden(prompts, layer, pool=pool)

    @property
    def layers(self) -> int:
        """Layers whose hidden states can be had; the model is read for it."""
        return int(getattr(self.model, "layers", 0))

    def hidden_at(self, prompts: Sequence[Prompt], layers: Sequence[int]) -> np.ndarray:
        """Hidden states after several layers, of shape (layers, prompts, width)."""
        at: Any = getattr(self.model, "hidden_at", None)
        return at(prompts, layers) if at else np.stack([self.model.hidden(prompts, layer) for layer in layers])
