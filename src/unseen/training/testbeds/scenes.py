"""Scene questions as tensors: instruction, grid of shapes and colours, answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unseen.errors import BadInput
from unseen.tasks.base import Example
from unseen.tasks.scenes.gcog import COLOURS, EMPTY, OPERATORS, SHAPES

# Number 0 is padding; a dot is the empty cell.
SYMBOLS = ("", EMPTY, *SHAPES, *COLOURS, *OPERATORS, "if", "then", "else")


def answers(side: int = 5) -> tuple[str, ...]:
    """All answers that a scene question can have."""
    cells = tuple(f"r{row}c{column}" for row in range(1, side + 1) for column in range(1, side + 1))
    return ("true", "false", *SHAPES, *COLOURS, *cells)


def scene_tensors(examples: Sequence[Example], longest: int, side: int = 5) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Instruction, grid and answer of gCOG items, split at ``|``.

    Args:
        examples: Items of the task.
        longest: Tokens that instructions are padded to, on the right.
        side: Of the grid.

    Returns:
        Instruction (n, longest), grid (n, side², 2) of shape and colour (the dot twice where a cell is empty), and
        answers (n,).

    Raises:
        BadInput: An instruction is longer, or a grid has another size.
    """
    numbers = {symbol: i for i, symbol in enumerate(SYMBOLS)}
    classes = {answer: i for i, answer in enumerate(answers(side))}
    words, grids, labels = list[list[int]](), list[list[list[int]]](), list[int]()
    for e in examples:
        tokens = list(e.input)
        at = tokens.index("|")
        if at > longest or len(tokens) - at - 1 != side * side:
            raise BadInput(
                f"item {e.item} has {at} instruction tokens and {len(tokens) - at - 1} cells; "
                f"at most {longest} and exactly {side * side} fit."
            )
        words.append([numbers[t] for t in tokens[:at]] + [0] * (longest - at))
        grids.append(
            [[numbers[EMPTY]] * 2 if t == EMPTY else [numbers[t[0]], numbers[t[1:]]] for t in tokens[at + 1 :]]
        )
        labels.append(classes[e.target[0]])
    return (torch.tensor(words), torch.tensor(grids)), torch.tensor(labels)
