"""Answers that are kept: what was asked once is not asked again, also after a run that was killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from unseen.engine.store import Store, content_hash
from unseen.learners.language.base import (
    Answer,
    Answered,
    Completion,
    Generation,
    LanguageModel,
    Prompt,
    Scored,
    ScoredOne,
    plain_prompt,
    require_options,
)


class Kept:
    """A language model whose answers are kept under what the model is, the prompt and the settings.

    Each answer is written whole as soon as it is there, and verified when read: one that is damaged is asked for again.
    The number of samples is no part of the name: ten samples after five ask for five. Equal prompts are asked once.

    Args:
        model: Asked for what is not there.
        store: Where answers are kept; by default the cache folder.

    Attributes:
        asked: Answers (samples, or prompts with their continuations) that the model was asked for so far.
    """

    def __init__(self, model: LanguageModel, store: Store | None = None) -> None:
        self.model, self.store = model, store or Store()
        self.asked = 0

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def identity(self) -> Mapping[str, Any]:
        """Identity of the model."""
        return self.model.identity

    @property
    def chats(self) -> bool:
        """Whether the model takes messages; False where it does not say."""
        return bool(getattr(self.model, "chats", False))

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: Generation,
        *,
        draws: Sequence[int] | None = None,
        done: Answered | None = None,
    ) -> list[Answer]:
        """Continue prompts; see ``LanguageModel``."""
        numbers = list(range(settings.samples) if draws is None else draws)
        keys = self._keys(prompts, settings, numbers)
        pieces = _Pieces(self.store, keys, lambda place, values: done and done(place, _answer(values)))
        for missing, places in pieces.missing().items():
            asked_for = [numbers[m] for m in missing]

            def keep(at: int, answer: Answer, missing: tuple[int, ...] = missing, places: list[int] = places) -> None:
                for m, completion in zip(missing, answer.completions, strict=True):
                    self.asked += 1
                    pieces.put(places[at], m, {**asdict(completion), "prompt_tokens": answer.prompt_tokens})

            self.model.generate([prompts[p] for p in places], settings, draws=asked_for, done=keep)
        return [_answer(values) for values in pieces.values()]

    def known(self, prompts: Sequence[Prompt], settings: Generation) -> list[int]:
        """How many answers to each prompt are kept; those of prompts that stand twice count as kept the second time."""
        seen: set[str] = set()
        counts: list[int] = []
        for keys in self._keys(prompts, settings, range(settings.samples)):
            hashes = [content_hash(key) for key in keys]
            counts.append(sum(h in seen or self.store.get(k) is not None for h, k in zip(hashes, keys, strict=True)))
            seen.update(hashes)
        return counts

    def _keys(
        self, prompts: Sequence[Prompt], settings: Generation, draws: Sequence[int]
    ) -> list[list[dict[str, Any]]]:
        """What the answers to each prompt are kept under."""
        shape = {"what": "completion", "model": dict(self.identity), "settings": settings.plain()}
        # Without a temperature every number of a sample names the same answer.
        named = [{**shape, "prompt": plain_prompt(p)} for p in prompts]
        return [[{**name, "draw": d if settings.temperature > 0 else 0} for d in draws] for name in named]

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], *, done: ScoredOne | None = None
    ) -> list[tuple[Scored, ...]]:
        """Log-probabilities of continuations; see ``LanguageModel``."""
        require_options(prompts, continuations)
        shape = {"what": "scored continuations", "model": dict(self.identity)}
        keys = [
            [{**shape, "prompt": plain_prompt(p), "continuations": list(c)}]
            for p, c in zip(prompts, continuations, strict=True)
        ]
        pieces = _Pieces(self.store, keys, lambda place, values: done and done(place, _scored(values[0])))
        for places in pieces.missing().values():

            def keep(at: int, scored: tuple[Scored, ...], places: list[int] = places) -> None:
                self.asked += 1
                pieces.put(places[at], 0, [asdict(one) for one in scored])

            self.model.score([prompts[p] for p in places], [continuations[p] for p in places], done=keep)
        return [_scored(values[0]) for values in pieces.values()]

    def known_scores(self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]]) -> list[int]:
        """For each prompt 1 where the log-probabilities of its continuations are kept, else 0."""
        shape = {"what": "scored continuations", "model": dict(self.identity)}
        given = zip(prompts, continuations, strict=True)
        return [
            int(self.store.get({**shape, "prompt": plain_prompt(p), "continuations": list(c)}) is not None)
            for p, c in given
        ]

    def hidden(self, prompts: Sequence[Prompt], layer: int, *, pool: Literal["last", "mean"] = "last") -> np.ndarray:
        """States of the model, which are not kept."""
        return self.model.hidden(prompts, layer, pool=pool)

    @property
    def layers(self) -> int:
        """Layers whose hidden states can be had; 0 where none can."""
        return int(getattr(self.model, "layers", 0))

    def hidden_at(self, prompts: Sequence[Prompt], layers: Sequence[int]) -> np.ndarray:
        """States after several layers, of shape (layers, prompts, width), which are not kept."""
        at: Any = getattr(self.model, "hidden_at", None)
        return at(prompts, layers) if at else np.stack([self.model.hidden(prompts, layer) for layer in layers])


class _Pieces:
    """Values by place and part, from the store where they are there.

    Args:
        store: Of answers.
        keys: Of each part of each place.
        told: Called with each place whose parts are all there.
    """

    def __init__(
        self, store: Store, keys: list[list[dict[str, Any]]], told: Callable[[int, list[Any]], object]
    ) -> None:
        self._store, self._keys, self._told = store, keys, told
        known: dict[str, Any] = {}
        self._names = [[content_hash(key) for key in row] for row in keys]
        # Equal questions are one: the first place asks, and all are told.
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._values: list[list[Any]] = [[None] * len(row) for row in keys]
        for place, row in enumerate(self._names):
            for part, name in enumerate(row):
                if name not in known:
                    known[name] = store.get(keys[place][part])
                self._values[place][part] = known[name]
                self._places.setdefault(name, []).append((place, part))
            self._tell(place)

    def missing(self) -> dict[tuple[int, ...], list[int]]:
        """Places by the parts that they miss."""
        found: dict[tuple[int, ...], list[int]] = {}
        for place, row in enumerate(self._names):
            parts = tuple(
                part for part, name in enumerate(row)
                if self._values[place][part] is None and self._places[name][0] == (place, part)
            )  # fmt: skip
            if parts:
                found.setdefault(parts, []).append(place)
        return found

    def put(self, place: int, part: int, value: Any) -> None:
        """Keep a value, for every place that asks for it."""
        self._store.put(self._keys[place][part], value)
        for other, its in self._places[self._names[place][part]]:
            self._values[other][its] = value
            self._tell(other)

    def values(self) -> list[list[Any]]:
        """All values."""
        return self._values

    def _tell(self, place: int) -> None:
        if all(value is not None for value in self._values[place]):
            self._told(place, self._values[place])


def _answer(values: list[Any]) -> Answer:
    made = tuple(
        Completion(
            v["text"], tuple(v["tokens"]), tuple(v["logprobs"]), v["finish"], v["end_logprob"], tuple(v["alternatives"])
        )
        for v in values
    )
    return Answer(made, int(values[0]["prompt_tokens"]) if values else 0)


def _scored(values: Any) -> tuple[Scored, ...]:
    return tuple(Scored(v["text"], tuple(v["tokens"]), tuple(v["logprobs"]), v["greedy"]) for v in values)
