"""Tasks of reasoning-gym (extra ``reasoning-gym``), those that were found sound, as tasks with factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from unseen.errors import BadInput, MissingExtra
from unseen.factors import Kind
from unseen.tasks.base import Example, Task, Value, content_id, near

PREFIX = "reasoning-gym:"
# Held over 200 items and two values of PYTHONHASHSEED: the same items both times, the own key scores 1, junk at most
# 0.05, at most a tenth repeated, one right answer. Left out among others: syllogism (wrong keys), game_of_life_halting
# (junk scores 1), isomorphic_strings and ransom_note (items change with PYTHONHASHSEED), self_reference (repeats).
SOUND = (
    "base_conversion", "basic_arithmetic", "bitwise_arithmetic", "calendar_arithmetic", "caesar_cipher", "chain_sum",
    "count_bits", "count_primes", "course_schedule", "decimal_chain_sum", "family_relationships",
    "fraction_simplification", "gcd", "knights_knaves", "largest_island", "lcm", "leg_counting", "letter_counting",
    "number_filtering", "number_sequence", "number_sorting", "pool_matrix", "power_function", "products",
    "rotate_matrix", "rotten_oranges", "simple_equations", "simple_geometry", "spiral_matrix", "string_manipulation",
    "time_intervals", "word_sorting",
)  # fmt: skip


class ReasoningGym(Task):
    """One data set of reasoning-gym: an item a seed, exact match, repeats left out of samples.

    Args:
        dataset: One of ``SOUND``.

    Raises:
        BadInput: The data set is unknown, or not among the sound ones.
        MissingExtra: reasoning-gym is not installed.
    """

    name = "reasoning-gym"
    title = "A data set of reasoning-gym"
    source = "reasoning-gym"
    factor_kinds: Mapping[str, Kind] = {}  # type: ignore[misc]

    def __init__(self, dataset: str) -> None:
        if dataset not in SOUND:
            raise BadInput(
                f"{PREFIX}{dataset} is not among the sound tasks{near(dataset, SOUND)}; those are {', '.join(SOUND)}."
            )
        try:
            import reasoning_gym
        except ImportError:
            raise MissingExtra(f"the task {PREFIX}{dataset}", "reasoning-gym") from None
        super().__init__()
        self._create = reasoning_gym.create_dataset
        self.dataset = dataset
        self.name = f"{PREFIX}{dataset}"  # type: ignore[misc]
        self.title = f"{dataset.replace('_', ' ')} of reasoning-gym"  # type: ignore[misc]
        self.factor_kinds = {  # type: ignore[misc]
            k: "ordered" if isinstance(v, int | float) else "categorical" for k, v in self._raw(0)[1].items()
        }

    def _raw(self, seed: int) -> tuple[dict[str, Any], dict[str, Value]]:
        entry = cast("dict[str, Any]", self._create(self.dataset, size=1, seed=seed % 2**31)[0])
        metadata = cast("dict[str, Any]", entry["metadata"])
        asked = metadata.get("difficulty") or {}
        factors: dict[str, Value] = {
            k: v for k, v in metadata.items() if k in asked and isinstance(v, int | float) and not isinstance(v, bool)
        }
        factors["question_length"] = len(str(entry["question"]).split())
        return entry, factors

    def draw(self, seed: int, **options: Any) -> Example:
        """The first item of the data set with this seed."""
        self.check_options(options)
        entry, factors = self._raw(seed)
        question, answer = str(entry["question"]), str(entry["answer"])
        return Example(content_id(question), question, answer, factors, {})
