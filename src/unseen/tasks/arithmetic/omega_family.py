"""What a family of the omega task is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unseen.tasks.draws import Draws

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """One template.

    Attributes:
        domain: geometry, number theory, algebra, combinatorics, logic or puzzles.
        draw: Parameters from draws, complexity level (1 … 5) and whether the item is of the transformed kind, for
        which the
            routine of the plain kind is hopeless or wrong and an insight is needed.
        text: The question.
        solve: The answer by the intended method.
        brute: The answer by an independent search, feasible for plain items.
        insight: What the transformed kind asks for.
    """

    domain: str
    draw: Callable[[Draws, int, bool], Params]
    text: Callable[[Params], str]
    solve: Callable[[Params], int]
    brute: Callable[[Params], int]
    insight: str = field(default="")
