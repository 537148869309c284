"""The official splits of SCAN, at their published sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Split, hold_out
from unseen.tasks.base import near
from unseen.tasks.grammar.scan import PRIMITIVES, all_commands, every_example, interpret


def _contains(command: Sequence[str], phrase: Sequence[str]) -> bool:
    n = len(phrase)
    return any(list(command[i : i + n]) == list(phrase) for i in range(len(command) - n + 1))


def _without(phrase: str) -> Callable[[Sequence[str]], bool]:
    words = phrase.split()
    return lambda command: not _contains(command, words)


def _template(template: str) -> tuple[Callable[[Sequence[str]], bool], Callable[[Sequence[str]], bool]]:
    """Train and test rules of a template split; commands with ``turn <template>`` belong to neither side."""
    phrases = [[p, *template.split()] for p in PRIMITIVES]
    turned = ["turn", *template.split()]

    def train(command: Sequence[str]) -> bool:
        return not _contains(command, turned) and not any(_contains(command, p) for p in phrases)

    def test(command: Sequence[str]) -> bool:
        return not _contains(command, turned) and any(_contains(command, p) for p in phrases)

    return train, test


# Sizes as published (train, test): every one is checked by a test.
SPLITS: dict[str, tuple[int, int]] = {
    "simple": (16_728, 4_182),
    "length": (16_990, 3_920),
    "jump": (14_670, 7_706),
    "turn-left": (21_890, 1_208),
    "template-right": (15_225, 4_476),
    "template-opposite-right": (15_225, 4_476),
    "template-around-right": (15_225, 4_476),
    "around-right": (18_528, 1_173),
    "fillers-0": (15_225, 1_173),
    "fillers-1": (16_290, 1_173),
    "fillers-2": (17_391, 1_173),
    "fillers-3": (18_528, 1_173),
}


def _rows(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    commands = all_commands()

    def where(rule: Callable[[Sequence[str]], bool]) -> np.ndarray:
        return np.flatnonzero([rule(c) for c in commands])

    if name == "simple":
        order = rng.permutation(len(commands))
        return np.sort(order[:16_728]), np.sort(order[16_728:])
    if name == "length":
        sizes = np.array([len(interpret(c)) for c in commands])
        return np.flatnonzero(sizes <= 22), np.flatnonzero(sizes > 22)
    if name in ("jump", "turn-left"):
        phrase = name.replace("-", " ")
        alone = next(i for i, c in enumerate(commands) if " ".join(c) == phrase)
        inside = where(_without(phrase))
        # The held-out primitive alone makes up a tenth of the training rows, as in the published files.
        copies = SPLITS[name][0] - len(inside)
        beyond = np.setdiff1d(where(lambda c: _contains(c, phrase.split())), [alone])
        return np.concatenate([inside, np.full(copies, alone)]), beyond
    if name.startswith("template-"):
        train, test = _template(name.removeprefix("template-").replace("-", " "))
        return where(train), where(test)
    fillers = 3 if name == "around-right" else int(name.removeprefix("fillers-"))
    train, _ = _template("around right")
    shown = [[p, "around", "right"] for p in ("look", "walk", "run")[:fillers]]
    hidden = [[p, "around", "right"] for p in (*("look", "walk", "run")[fillers:], "jump", "turn")]
    inside = where(
        lambda c: train(c) or (any(_contains(c, s) for s in shown) and not any(_contains(c, h) for h in hidden))
    )
    jump, turned = ["jump", "around", "right"], ["turn", "around", "right"]
    return inside, where(lambda c: _contains(c, jump) and not _contains(c, turned))


def scan_split(name: str, rng: np.random.Generator | int = 0, *, seen_share: float = 0.0) -> Split:
    """An official split of SCAN.

    Args:
        name: One of ``SPLITS``.
        rng: For the random split, and for what is held out as seen.
        seen_share: Share of the training commands to hold out as ``seen``; 0 leaves the published training set whole.

    Raises:
        BadInput: There is no such split.

    >>> scan_split("length")
    Split(train=16990, seen=0, unseen=3920)
    """
    if name not in SPLITS:
        raise BadInput(f"SCAN has no split {name!r}{near(name, SPLITS)}; it has {', '.join(SPLITS)}.")
    generator = np.random.default_rng(rng) if isinstance(rng, int | np.integer) else rng
    inside, beyond = _rows(name, generator)
    every = every_example()
    train, seen = inside, inside[:0]
    if seen_share:
        distinct = np.unique(inside)
        _, seen = hold_out(every, distinct, seen_share, generator)
        train = inside[~np.isin(inside, seen)]
    sizes = Guarantee("published size", (len(inside), len(beyond)) == SPLITS[name], f"{len(inside)} and {len(beyond)}")
    overlap = Guarantee("no overlap", not np.isin(beyond, inside).any(), "no command stands on both sides")
    return Split(every.take(train), every.take(seen), every.take(beyond), (sizes, overlap))
