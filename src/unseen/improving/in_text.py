"""A model that takes no messages beside one that does: it is given the same turns as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.learners.language.base import Answer, Generation, LanguageModel, Prompt, Scored


def in_text(prompt: Prompt) -> str:
    r"""Messages as a text of questions and answers, as models without a chat template are asked.

    >>> in_text([{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "3?"}])
    'Question: 1 + 1?\nAnswer: 2\n\nQuestion: 3?\nAnswer:'
    >>> in_text("As it is.")
    'As it is.'
    """
    if isinstance(prompt, str):
        return prompt
    said = ""
    for message in prompt:
        said += (
            f" {message['content']}\n\n"
            if message["role"] == "assistant"
            else f"Question: {message['content']}\nAnswer:"
        )
    return said


@dataclass
class InText:
    """A language model that is given messages as text.

    Attributes:
        model: The model, which has no chat template.
    """

    model: LanguageModel

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def identity(self) -> Mapping[str, Any]:
        """That of the model: what it is asked is text, and answers are kept under that."""
        return self.model.identity

    def generate(self, prompts: Sequence[Prompt], settings: Generation, **more: Any) -> list[Answer]:
        """Continue prompts; see ``LanguageModel``."""
        return self.model.generate([in_text(p) for p in prompts], settings, **more)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], **more: Any
    ) -> list[tuple[Scored, ...]]:
        """Log-probabilities of continuations, each behind a space; see ``LanguageModel``."""
        spaced = [[c if c.startswith(" ") else f" {c}" for c in own] for own in continuations]
        return self.model.score([in_text(p) for p in prompts], spaced, **more)

    def hidden(self, prompts: Sequence[Prompt], layer: int, **more: Any) -> np.ndarray:
        """Hidden states; see ``LanguageModel``."""
        return self.model.hidden([in_text(p) for p in prompts], layer, **more)
