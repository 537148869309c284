"""What a task is: a generator of examples, each a function of an integer seed alone, with an exact verifier."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors, Kind

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Example:
    """One item of a task.

    Attributes:
        item: Its identity: equal inputs have equal items, within a task.
        input: What the learner sees: text, or a list of tokens.
        target: The right answer, in the same form.
        factors: Realised properties (the length it has, not the one asked for).
        hidden: What the verifier needs beyond the target; never shown to a learner.
    """

    item: str
    input: str | list[str]
    target: str | list[str]
    factors: Mapping[str, Value]
    hidden: Mapping[str, Any] = field(default_factory=dict)


class Task(ABC):
    """A generator of examples with an exact verifier.

    Final classes set the class attributes and write ``draw`` and, where exact match is not the rule, ``verify``.

    Attributes:
        name: Under which ``unseen.tasks.load`` finds it; lower case with hyphens.
        title: One line.
        source: Paper or system, with the section.
        version: Raised when the item of a seed changes.
        factor_kinds: Kind of each realised factor.
        options: Factors that a caller may ask for, with their default ranges (``length=(1, 20)``) or levels.
        size: Number of distinct items where the task is finite (seeds 0 … size-1 yield each once), else None.
        separator: Between tokens in text form.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    version: ClassVar[int] = 1
    factor_kinds: ClassVar[Mapping[str, Kind]]
    options: ClassVar[Mapping[str, Any]] = {}
    size: int | None = None
    separator: ClassVar[str] = " "

    @abstractmethod
    def draw(self, seed: int, **options: Any) -> Example:
        """The item of this seed: the same in every process and under every PYTHONHASHSEED.

        Use ``self.rng(seed)`` for its draws. Raises BadInput for an option that can't be met.
        """

    def verify(self, example: Example, answer: object) -> float:
        """Score an answer in [0, 1]; never raises, and junk scores 0. By default exact match of tokens."""
        return float(tokens_of(answer, self.separator) == tokens_of(example.target, self.separator))

    def rng(self, seed: int) -> np.random.Generator:
        """A generator that depends on task, version and seed alone."""
        digest = hashlib.blake2b(f"{self.name}:{self.version}:{seed}".encode(), digest_size=16).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise BadInput for an option that this task does not have."""
        for name in options:
            if name not in self.options:
                raise BadInput(f"task {self.name!r} has no option {name!r}; it has {', '.join(self.options) or 'none'}.")

    def sample(self, n: int, rng: np.random.Generator | int = 0, **options: Any) -> Examples:
        """n examples without repeats; a finite task yields each item once before any twice.

        Args:
            n: How many.
            rng: Generator, or an integer seed for one.
            **options: Constraints on factors, as listed in ``options``.

        Returns:
            Columns item, input, target, seed and one column a factor; inputs and targets as the task writes them.

        Raises:
            BadInput: An unknown option, or a constraint under which there are fewer than n distinct items.
        """
        examples = self.draw_many(n, rng, **options)
        return self.to_examples(examples)

    def draw_many(self, n: int, rng: np.random.Generator | int = 0, **options: Any) -> list[Example]:
        """What ``sample`` tabulates, as a list of items (with what the verifier needs)."""
        self.check_options(options)
        generator = np.random.default_rng(rng) if isinstance(rng, int | np.integer) else rng
        if self.size is not None and not options:
            order = generator.permutation(self.size)
            return [self.draw(int(order[i % self.size])) for i in range(n)]
        found: dict[str, Example] = {}
        misses = 0
        while len(found) < n:
            for seed in generator.integers(0, 2**62, size=max(16, n - len(found))).tolist():
                example = self.draw(seed, **options)
                if example.item in found:
                    misses += 1
                else:
                    found[example.item] = example
                if len(found) == n:
                    break
            if misses > 50 * (len(found) + 20):
                raise BadInput(
                    f"task {self.name!r} has about {len(found)} distinct items under {dict(options) or 'its defaults'}, "
                    f"{n} were asked for. Ask for fewer, or widen the range."
                )
        return list(found.values())

    def to_examples(self, examples: Sequence[Example]) -> Examples:
        """Tabulate items, with the kinds of their factors."""
        columns: dict[str, list[Any]] = {
            "item": [e.item for e in examples],
            "input": [e.input for e in examples],
            "target": [e.target for e in examples],
        }
        columns |= {name: [e.factors.get(name) for e in examples] for name in self.factor_kinds}
        factors = Factors(Factor(name, kind) for name, kind in self.factor_kinds.items())
        return Examples(pl.DataFrame(columns, strict=False), ("input",), "target", factors)


def tokens_of(answer: object, separator: str = " ") -> list[str] | None:
    """Tokens of an answer in either form, or None where it is neither text nor a sequence of text."""
    if isinstance(answer, str):
        return answer.split() if separator == " " else ([c for c in answer if not c.isspace()] if not separator else
                                                        [t.strip() for t in answer.split(separator)])
    if isinstance(answer, list | tuple) and all(isinstance(t, str) for t in answer):
        return list(answer)
    return None


def content_id(*parts: object) -> str:
    """A short identity of the content: equal parts, equal identity, in every process."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
