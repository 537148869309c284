"""The official splits of SCAN and the parts of COGS, at their published sizes.

Where the released files hold a random draw (``simple``, its shares ``simple-p1`` to ``simple-p64``, ``jump-num1`` to
``jump-num32``, ``fewshot-num1`` to ``fewshot-num1024``), a split is drawn anew from its seed by the same rule. The others
hold the released commands, each as often. (The released files of 64 shots hold 60 to 63 new commands, one of the five of 32 shots
holds 31; here they hold 64 and 32.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.shifts.base import Guarantee, Split, hold_out
from unseen.tasks.base import near
from unseen.tasks.grammar.cogs import Cogs
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


_COMMANDS, _JUMPING, _AROUND_RIGHT = 20_910, 7_706, 1_173
# Copies of "jump" in the released training file: a tenth of it, as what is shown of jump is in every split that shows some.
_SHOWN = 1_467
PERCENTAGES = (1, 2, 4, 8, 16, 32, 64)
JUMPS = (1, 2, 4, 8, 16, 32)
SHOTS = tuple(2**k for k in range(11))
# Sizes as published (train, test): every one is checked by a test.
SPLITS: dict[str, tuple[int, int]] = {
    "simple": (16_728, 4_182),
    **{f"simple-p{p}": (_COMMANDS * p // 100, _COMMANDS - _COMMANDS * p // 100) for p in PERCENTAGES},
    "length": (16_990, 3_920),
    "jump": (14_670, _JUMPING),
    **{f"jump-num{n}": (14_670 - _SHOWN + (n + 1) * round(_SHOWN / (n + 1)), _JUMPING - n) for n in JUMPS},
    "turn-left": (21_890, 1_208),
    "template-right": (15_225, 4_476),
    "template-opposite-right": (15_225, 4_476),
    "template-around-right": (15_225, 4_476),
    "around-right": (18_528, _AROUND_RIGHT),
    "fillers-0": (15_225, _AROUND_RIGHT),
    "fillers-1": (16_290, _AROUND_RIGHT),
    "fillers-2": (17_391, _AROUND_RIGHT),
    "fillers-3": (18_528, _AROUND_RIGHT),
    **{f"fewshot-num{n}": (15_225 + n, _AROUND_RIGHT) for n in SHOTS},
}


def released_as(name: str) -> str:
    """Name of the released files of a split, between ``tasks_train_`` and ``.txt`` (without ``_rep1`` to ``_rep5``).

    >>> released_as("jump"), released_as("jump-num8"), released_as("fillers-0")
    ('addprim_jump', 'addprim_complex_jump_num8', 'filler_num0')
    """
    for ours, theirs in (
        ("jump-num", "addprim_complex_jump_num"),
        ("jump", "addprim_jump"),
        ("turn-left", "addprim_turn_left"),
        ("around-right", "template_jump_around_right"),
        ("fillers-", "filler_num"),
    ):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name.replace("-", "_")


def is_redrawn(name: str) -> bool:
    """Whether the released files of a split hold one random draw, of which the seed makes another."""
    return name.startswith("simple") or "-num" in name


def _rows(name: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    commands = all_commands()

    def where(rule: Callable[[Sequence[str]], bool]) -> np.ndarray:
        return np.flatnonzero([rule(c) for c in commands])

    if name.startswith("simple"):
        order = rng.permutation(len(commands))
        cut = SPLITS[name][0]
        return np.sort(order[:cut]), np.sort(order[cut:])
    if name == "length":
        sizes = np.array([len(interpret(c)) for c in commands])
        return np.flatnonzero(sizes <= 22), np.flatnonzero(sizes > 22)
    if name.startswith(("jump", "turn-left")):
        phrase = name.partition("-num")[0].replace("-", " ")
        alone = next(i for i, c in enumerate(commands) if " ".join(c) == phrase)
        inside = where(_without(phrase))
        beyond = np.setdiff1d(where(lambda c: _contains(c, phrase.split())), [alone])
        more = rng.choice(beyond, int(name.partition("-num")[2] or 0), replace=False)
        shown = np.array([alone, *np.sort(more)])
        # What is shown of the held-out primitive makes up a tenth of the training rows, as in the published files.
        copies = (SPLITS[name][0] - len(inside)) // len(shown)
        return np.concatenate([inside, np.repeat(shown, copies)]), np.setdiff1d(beyond, more)
    if name.startswith("template-"):
        train, test = _template(name.removeprefix("template-").replace("-", " "))
        return where(train), where(test)
    if name.startswith("fewshot-"):
        none, test = _fixed("fillers-0")
        one = np.setdiff1d(_fixed("fillers-1")[0], none)
        more = rng.choice(one, int(name.removeprefix("fewshot-num")), replace=False)
        return np.concatenate([none, np.sort(more)]), test
    fillers = 3 if name == "around-right" else int(name.removeprefix("fillers-"))
    train, _ = _template("around right")
    shown = [[p, "around", "right"] for p in ("look", "walk", "run")[:fillers]]
    hidden = [[p, "around", "right"] for p in (*("look", "walk", "run")[fillers:], "jump", "turn")]
    inside = where(
        lambda c: train(c) or (any(_contains(c, s) for s in shown) and not any(_contains(c, h) for h in hidden))
    )
    jump, turned = ["jump", "around", "right"], ["turn", "around", "right"]
    return inside, where(lambda c: _contains(c, jump) and not _contains(c, turned))


@cache
def _fixed(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a split in which nothing is drawn."""
    return _rows(name, np.random.default_rng(0))


def _names() -> str:
    """All splits, those that differ by a number together."""
    names = (f"{n.partition('-num')[0]}-numN" if "-num" in n else n for n in SPLITS)
    return ", ".join(dict.fromkeys("simple-pN" if n.startswith("simple-p") else n for n in names))


def scan_split(name: str, rng: np.random.Generator | int = 0, *, seen_share: float = 0.0) -> Split:
    """An official split of SCAN.

    Args:
        name: One of ``SPLITS``, or as the released files name it ("addprim_jump").
        rng: For the splits that are drawn anew (``is_redrawn``), and for what is held out as seen.
        seen_share: Share of the training commands to hold out as ``seen``; 0 leaves the published training set whole.

    Raises:
        BadInput: There is no such split.

    >>> scan_split("length")
    Split(train=16990, seen=0, unseen=3920)
    """
    name = {released_as(known): known for known in reversed(SPLITS)}.get(name, name)
    if name not in SPLITS:
        raise BadInput(f"SCAN has no split {name!r}{near(name, SPLITS)}; it has {_names()}.")
    generator = np.random.default_rng(rng) if isinstance(rng, int | np.integer) else rng
    inside, beyond = _rows(name, generator) if is_redrawn(name) else _fixed(name)
    every = every_example()
    train, seen = inside, inside[:0]
    if seen_share:
        distinct = np.unique(inside)
        _, seen = hold_out(every, distinct, seen_share, generator)
        train = inside[~np.isin(inside, seen)]
    measured = f"{len(inside)} and {len(beyond)}"
    if is_redrawn(name):
        measured += "; drawn anew from the seed by the published rule, the released rows are another draw"
    sizes = Guarantee("published size", (len(inside), len(beyond)) == SPLITS[name], measured)
    overlap = Guarantee("no overlap", not np.isin(beyond, inside).any(), "no command stands on both sides")
    return Split(every.take(train), every.take(seen), every.take(beyond), (sizes, overlap))


# Published splits by task, for the command line.
PUBLISHED: dict[str, tuple[str, ...]] = {"scan": tuple(SPLITS), "cogs": ("published",)}


def published_parts(task: str, split: str, seed: int = 0) -> dict[str, Callable[[], Examples]]:
    """Makers of the parts of a published split, by part: train and test; for COGS train, dev, test and gen.

    Args:
        task: Name of a task of ``PUBLISHED``.
        split: One of its splits.
        seed: For what is drawn anew.

    Raises:
        BadInput: The task has no published splits, or not this one.

    >>> len(published_parts("scan", "length")["test"]())
    3920
    """
    if task not in PUBLISHED:
        raise BadInput(f"task {task!r} has no published splits; {', '.join(PUBLISHED)} have.")
    if task == "scan":
        made = scan_split(split, seed)
        return {"train": lambda: made.train, "test": lambda: made.unseen}
    if split not in PUBLISHED[task]:
        raise BadInput(f"task {task!r} has no split {split!r}; it has {', '.join(PUBLISHED[task])}.")
    cogs = Cogs()
    inside = cache(lambda: cogs.in_distribution(seed))
    return {
        "train": lambda: cogs.to_examples(inside()["train"]),
        "dev": lambda: cogs.to_examples(inside()["dev"]),
        "test": lambda: cogs.to_examples(inside()["test"]),
        "gen": lambda: cogs.to_examples(cogs.generalisation(seed)),
    }
