"""Between text and tokens: prompts, chat templates, options after a prompt, answers and their stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unseen.errors import BadInput
from unseen.learners.language.base import Prompt, nothing_of, plain_prompt

# Tokens of the prompt that an answer's first tokens are read after: some tokenizers drop a space at the very start.
BEFORE = 4


class Tokens:
    """A tokenizer of transformers.

    Args:
        tokenizer: As loaded.
        name: Of the model, for messages.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.tokenizer, self.name = tokenizer, name
        bare, full = self._encoded(["a"])[0], list(tokenizer("a").input_ids)
        # What the tokenizer sets before a text (<bos>); what it sets behind (<eos>) would end it before it is continued.
        self.head = full[: full.index(bare[0])] if bare and bare[0] in full else []
        start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self.start: list[int] = [] if start is None else [int(start)]
        self._texts: dict[int, str] = {}

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        return (
            [list(ids) for ids in self.tokenizer(texts, add_special_tokens=False, verbose=False).input_ids]
            if texts
            else []
        )

    def rendered(self, prompt: Prompt) -> tuple[str, list[int]]:
        """The text of a prompt, and the tokens before it.

        Raises:
            BadInput: It is made of messages and the model has no chat template, or the template refuses them.
        """
        given = plain_prompt(prompt)
        if isinstance(given, str):
            return given, self.head
        if not getattr(self.tokenizer, "chat_template", None):
            raise BadInput(
                f"{self.name} has no chat template, so that it can't take messages. Give it a prompt of text, or take an "
                "instruction-tuned model."
            )
        try:
            return str(self.tokenizer.apply_chat_template(given, tokenize=False, add_generation_prompt=True)), []
        # A template is a program of its own and raises what it likes.
        except Exception as error:
            roles = ", ".join(m["role"] for m in given)
            raise BadInput(
                f"the chat template of {self.name} refuses the messages {roles} ({str(error)[:200]})."
            ) from None

    def prompts(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Tokens of prompts; an empty one is the token that begins a text."""
        told = [self.rendered(p) for p in prompts]
        encoded = self._encoded([text for text, _ in told])
        return [(head + ids) or self._begin() for (_, head), ids in zip(told, encoded, strict=True)]

    def options(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]]
    ) -> list[tuple[int, list[list[int]]]]:
        """For each prompt the place from which tokens are scored, and the tokens of prompt and option together.

        Options of one prompt are scored from one place: where an option's first letters join the prompt's last token, that
        token is scored with all of them, so that they are compared after the same tokens.

        Raises:
            BadInput: An option adds no token.
        """
        told = [self.rendered(p) for p in prompts]
        texts = [text for text, _ in told]
        texts += [text + option for (text, _), options in zip(told, continuations, strict=True) for option in options]
        encoded = self._encoded(texts)
        made: list[tuple[int, list[list[int]]]] = []
        after = len(prompts)
        for row, ((_, head), bare, options) in enumerate(
            zip(told, encoded[: len(prompts)], continuations, strict=True), start=1
        ):
            wholes = encoded[after : after + len(options)]
            after += len(options)
            for place, whole in enumerate(wholes, start=1):
                if whole == bare:
                    raise nothing_of(place, row, f"({options[place - 1]!r:.40}) adds no token")
            start = min(_common(bare, whole) for whole in wholes)
            # A scored token needs one before it.
            before = head or ([] if start else self._begin())
            made.append((len(before) + start, [before + whole for whole in wholes]))
            for place, whole in enumerate(wholes, start=1):
                if len(whole) <= start:
                    raise nothing_of(place, row, f"({options[place - 1]!r:.40}) adds no token")
        return made

    def text(self, token: int) -> str:
        """The text of one token."""
        known = self._texts.get(token)
        if known is None:
            known = self._texts[token] = self._decoded([token], special=True)
        return known

    def continued(self, prompt: Sequence[int], ids: Sequence[int], stop: Sequence[str]) -> tuple[str, int]:
        """The text that tokens add to a prompt, up to the first stop, and how many of them it takes."""
        text = self._added(prompt, ids)
        found = [at for s in stop if (at := text.find(s)) >= 0]
        if not found:
            return text, len(ids)
        cut, used = min(found), len(ids)
        while used and len(self._added(prompt, ids[: used - 1])) >= cut:
            used -= 1
        return text[:cut], used

    def meets(self, prompt: Sequence[int], ids: Sequence[int], stop: Sequence[str]) -> bool:
        """Whether the last token completes a stop text."""
        # A letter is four bytes at most, and a token one at least.
        window = 4 * max(map(len, stop)) + BEFORE
        text = self._added(prompt, ids) if len(ids) <= window else self._decoded(list(ids[-window:]))
        return any(s in text for s in stop)

    def _added(self, prompt: Sequence[int], ids: Sequence[int]) -> str:
        before = list(prompt[-BEFORE:])
        alone, together = self._decoded(before), self._decoded(before + list(ids))
        return together[len(alone) :] if together.startswith(alone) else self._decoded(list(ids))

    def _decoded(self, ids: list[int], *, special: bool = False) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=not special, clean_up_tokenization_spaces=False))

    def _begin(self) -> list[int]:
        if not self.start:
            raise BadInput(f"{self.name} has no token that begins a text, so that an empty prompt can't be continued.")
        return self.start


def _common(a: list[int], b: list[int]) -> int:
    if b[: len(a)] == a:
        return len(a)
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return place
    return min(len(a), len(b))
