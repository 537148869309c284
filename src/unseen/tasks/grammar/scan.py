"""SCAN: commands to action sequences, all 20,910 of them (``unseen.shifts.official`` has the splits)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Finite, of_tokens

PRIMITIVES = ("walk", "look", "run", "jump")
DIRECTIONS = ("left", "right")
_VERBS = frozenset((*PRIMITIVES, "turn"))
_MODIFIERS = frozenset((*DIRECTIONS, "opposite", "around", "twice", "thrice"))


def interpret(command: Sequence[str], actions: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """The actions that a command asks for.

    Args:
        command: Tokens; ``and`` and ``after`` bind loosest, then ``twice`` and ``thrice``, then direction words.
        actions: Action tokens of each primitive, for vocabularies beyond the four of SCAN.

    Raises:
        BadInput: The tokens are no command of the grammar.

    >>> interpret("jump around left after walk twice".split())[:4]
    ['I_WALK', 'I_WALK', 'I_TURN_LEFT', 'I_JUMP']
    """
    words = list(command)
    for joint in ("and", "after"):
        if joint in words:
            i = words.index(joint)
            first, second = interpret(words[:i], actions), interpret(words[i + 1 :], actions)
            return first + second if joint == "and" else second + first
    if words[-1:] == ["twice"]:
        return 2 * interpret(words[:-1], actions)
    if words[-1:] == ["thrice"]:
        return 3 * interpret(words[:-1], actions)
    return _verb(words, actions)


def _verb(words: list[str], actions: Mapping[str, Sequence[str]] | None) -> list[str]:
    known = actions or {p: [f"I_{p.upper()}"] for p in PRIMITIVES}
    head, rest = words[:1], words[1:]
    if not head or (head[0] != "turn" and head[0] not in known):
        raise BadInput(f"{' '.join(words) or 'nothing'!r} is no command of SCAN.")
    act = [] if head == ["turn"] else list(known[head[0]])
    if not rest and act:
        return act
    if rest and rest[-1] in DIRECTIONS:
        turn = [f"I_TURN_{rest[-1].upper()}"]
        match rest[:-1]:
            case []:
                return turn + act
            case ["opposite"]:
                return turn + turn + act
            case ["around"]:
                return 4 * (turn + act)
            case _:
                pass
    raise BadInput(f"{' '.join(words)!r} is no command of SCAN.")


def verb_phrases(primitives: Sequence[str] = PRIMITIVES) -> list[tuple[str, ...]]:
    """All phrases without twice, thrice, and, after: 34 for the four primitives of SCAN."""
    phrases: list[tuple[str, ...]] = [(p,) for p in primitives]
    for head in (*primitives, "turn"):
        for direction in DIRECTIONS:
            phrases += [(head, direction), (head, "opposite", direction), (head, "around", direction)]
    return phrases


@cache
def all_commands() -> tuple[tuple[str, ...], ...]:
    """The 20,910 commands, in a fixed order."""
    simple = [(*v, *n) for v in verb_phrases() for n in ((), ("twice",), ("thrice",))]
    joined = [(*a, joint, *b) for joint in ("and", "after") for a in simple for b in simple]
    return (*simple, *joined)


def factors_of(command: Sequence[str], target: Sequence[str], primitives: Sequence[str] = PRIMITIVES) -> dict[str, Any]:
    """Realised factors: lengths, words used, and the local structure of the command's tree."""
    joint = next((w for w in ("and", "after") if w in command), "none")
    atoms = sorted(set(command))
    return {
        "length": len(command),
        "actions": len(target),
        "conjunction": joint,
        "primitives": [w for w in atoms if w in primitives or w == "turn"],
        "modifiers": [w for w in atoms if w in _MODIFIERS],
        "atoms": atoms,
        "compounds": sorted(set(compounds_of(command))),
    }


def compounds_of(command: Sequence[str]) -> list[str]:
    """Parent–child and sibling pairs of the tree: joint over phrases, repetition over verb, verb over direction.

    >>> compounds_of("jump around left twice".split())
    ['twice>jump', 'jump>around', 'jump>left', 'around~left']
    """
    for joint in ("and", "after"):
        if joint in command:
            i = list(command).index(joint)
            first, second = command[:i], command[i + 1 :]
            return _joint_compounds(joint, first, second) + compounds_of(first) + compounds_of(second)
    words, found = list(command), list[str]()
    if words[-1] in ("twice", "thrice"):
        found.append(f"{words[-1]}>{words[0]}")
        words = words[:-1]
    found += [f"{words[0]}>{w}" for w in words[1:]]
    if len(words) == 3:
        found.append(f"{words[1]}~{words[2]}")
    return found


def _joint_compounds(joint: str, first: Sequence[str], second: Sequence[str]) -> list[str]:
    a, b = (p[-1] if p[-1] in ("twice", "thrice") else p[0] for p in (first, second))
    return [f"{joint}>1:{a}", f"{joint}>2:{b}", f"{a}~{b}"]


class Scan(Finite):
    """Commands such as "jump around left after walk twice", to the actions that they ask for."""

    name = "scan"
    title = "SCAN: commands to action sequences"
    source = "Lake & Baroni (2018), Generalization without Systematicity; template splits: Loula et al. (2018)"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "length": "ordered",
        "actions": "ordered",
        "conjunction": "categorical",
        "primitives": "set",
        "modifiers": "set",
        "atoms": "set",
        "compounds": "set",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "length": (1, 9),
        "actions": (1, 48),
        "conjunction": ("none", "and", "after"),
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"length": (1, 9), "actions": (1, 48)}
    size = 20_910

    def at(self, index: int) -> Example:
        """Command number ``index``, put together from its phrases."""
        phrases = _phrases()
        if index < len(phrases):
            command, target, atoms, compounds = phrases[index]
            joint = "none"
        else:
            both, j = divmod(index - len(phrases), len(phrases))
            late, i = divmod(both, len(phrases))
            joint = ("and", "after")[late]
            (first, first_does, atoms, own), (second, second_does, more, others) = phrases[i], phrases[j]
            command = [*first, joint, *second]
            target = first_does + second_does if joint == "and" else second_does + first_does
            atoms, compounds = atoms | more | {joint}, own | others | set(_joint_compounds(joint, first, second))
        ordered = sorted(atoms)
        factors: dict[str, Any] = {
            "length": len(command),
            "actions": len(target),
            "conjunction": joint,
            "primitives": [w for w in ordered if w in _VERBS],
            "modifiers": [w for w in ordered if w in _MODIFIERS],
            "atoms": ordered,
            "compounds": sorted(compounds),
        }
        return of_tokens(list(command), list(target), factors)


@cache
def _phrases() -> tuple[tuple[list[str], list[str], frozenset[str], frozenset[str]], ...]:
    """The 102 commands without and, after: words, actions, atoms, compounds."""
    simple = [(*v, *n) for v in verb_phrases() for n in ((), ("twice",), ("thrice",))]
    return tuple((list(c), interpret(c), frozenset(c), frozenset(compounds_of(c))) for c in simple)


@cache
def every_example() -> Examples:
    """All 20,910 commands as a table, row i being item i."""
    task = Scan()
    return task.to_examples([task.at(i) for i in range(task.size or 0)])
