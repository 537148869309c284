"""Problems and plans in words: English and PDDL, with plain, misleading and meaningless names; and how an answer is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from unseen.tasks.draws import Draws
from unseen.tasks.planning.strips import Action, Atom, Problem

WORDINGS = ("plain", "mystery", "random")
LANGUAGES = ("english", "pddl")
# Misleading names; those of blocksworld are the published ones (Mystery Blocksworld).
MYSTERY: Mapping[str, str] = {
    "clear": "province", "ontable": "planet", "handempty": "harmony", "holding": "pain", "on": "craves",
    "pick-up": "attack", "put-down": "succumb", "stack": "overcome", "unstack": "feast", "block": "object",
    "at-ferry": "autumn", "at": "admires", "empty-ferry": "silence", "sail": "whisper", "board": "swallow",
    "debark": "forgive", "place": "melody", "car": "dream", "airport": "noble", "in-city": "follows",
    "truck-at": "greets", "plane-at": "haunts", "in-truck": "borrows", "in-plane": "envies", "load-truck": "bless",
    "unload-truck": "scatter", "load-plane": "adopt", "unload-plane": "abandon", "drive": "ripen", "fly": "vanish",
    "city": "legend", "truck": "candle", "plane": "comet", "package": "riddle", "robot-at": "winter", "next-to": "trusts",
    "open": "honest", "locked": "jealous", "key-at": "mourns", "has": "glory", "fits": "mirrors", "move": "drift",
    "take": "confess", "unlock": "awaken", "cell": "island", "key": "promise",
}  # fmt: skip
# Plain English: what a domain is about, then its actions, then its facts; a place in braces is that of the parameter.
ABOUT: Mapping[str, str] = {
    "blocksworld": "A hand moves blocks. It holds one block at a time and takes only a block that has nothing on it; a block is "
    "put on the table or on a block that has nothing on it. Picking up is from the table, unstacking is from another block.",
    "ferry": "A ferry carries cars between places. It takes one car at a time; a car boards and debarks where the ferry is.",
    "logistics": "Trucks carry packages between places of their own city, a plane carries them between airports. "
    "Each vehicle takes any number of packages, and loads and unloads where it is.",
    "keys-and-doors": "A robot moves on a grid; the cell in row 2 and column 3 is called r2c3. It moves one cell up, down, left "
    "or right onto an open cell; cells not named are walls. A locked cell is opened from the cell next to it with the key that "
    "fits; the robot carries any number of keys and keeps them.",
}
ACTIONS: Mapping[str, str] = {
    "pick-up": "pick up the {0} block",
    "put-down": "put down the {0} block",
    "stack": "stack the {0} block on top of the {1} block",
    "unstack": "unstack the {0} block from on top of the {1} block",
    "sail": "sail from {0} to {1}",
    "board": "board {0} at {1}",
    "debark": "debark {0} at {1}",
    "load-truck": "load {0} into {1} at {2}",
    "unload-truck": "unload {0} from {1} at {2}",
    "load-plane": "load {0} into {1} at {2}",
    "unload-plane": "unload {0} from {1} at {2}",
    "drive": "drive {0} from {1} to {2} in {3}",
    "fly": "fly {0} from {1} to {2}",
    "move": "move from {0} to {1}",
    "take": "take the {0} key at {1}",
    "unlock": "use the {0} key from {1} to unlock {2}",
}
FACTS: Mapping[tuple[str, str], str] = {
    ("blocksworld", "clear"): "the {0} block has nothing on it",
    ("blocksworld", "ontable"): "the {0} block is on the table",
    ("blocksworld", "handempty"): "the hand is empty",
    ("blocksworld", "on"): "the {0} block is on top of the {1} block",
    ("ferry", "at-ferry"): "the ferry is at {0}",
    ("ferry", "at"): "{0} is at {1}",
    ("ferry", "empty-ferry"): "the ferry is empty",
    ("logistics", "airport"): "{0} is an airport",
    ("logistics", "in-city"): "{0} is in {1}",
    ("logistics", "truck-at"): "{0} is at {1}",
    ("logistics", "plane-at"): "{0} is at {1}",
    ("logistics", "at"): "{0} is at {1}",
    ("keys-and-doors", "robot-at"): "the robot is at {0}",
    ("keys-and-doors", "next-to"): "",
    ("keys-and-doors", "open"): "{0} is open",
    ("keys-and-doors", "locked"): "{0} is locked",
    ("keys-and-doors", "key-at"): "the {0} key lies at {1}",
    ("keys-and-doors", "fits"): "the {0} key fits {1}",
}
_NUMBERING = re.compile(r"^(?:(?:step\s*)?\d+\s*[.):]|[-*•])\s*")


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called.

    Attributes:
        wording: plain, mystery or random.
        shown: The shown name of each action, predicate, type and object.
    """

    wording: str
    shown: Mapping[str, str]

    def write(self, atom: Sequence[str]) -> str:
        """An atom or action without brackets; variables stay."""
        return " ".join(self.shown.get(part, part) for part in atom)


def symbols(problem: Problem) -> tuple[list[str], list[str]]:
    """Words of the domain (actions, predicates, types) and names of objects."""
    domain = problem.domain
    words = [*(a.name for a in domain.actions), *(p for p, _ in domain.predicates), *(t for t, _ in problem.objects)]
    return words, [name for _, names in problem.objects for name in names]


def drawn_names(d: Draws, problem: Problem, wording: str) -> Names:
    """Names for a problem in this wording."""
    words, objects = symbols(problem)
    if wording == "plain":
        return Names(wording, {})
    if wording == "mystery":
        letters = [*ascii_lowercase, *(a + b for a in "abc" for b in ascii_lowercase)]
        order = d.pick(objects, len(objects))
        return Names(wording, {**{w: MYSTERY[w] for w in words}, **dict(zip(order, letters, strict=False))})
    made: dict[str, None] = {}
    while len(made) < len(words) + len(objects):
        made["".join(d.choice("bcdfgklmnprstvz" if i % 2 == 0 else "aeiou") for i in range(5))] = None
    return Names(wording, dict(zip([*words, *objects], made, strict=True)))


def problem_text(problem: Problem, names: Names, language: str) -> str:
    """The whole question."""
    if language == "pddl":
        lines = [*pddl(problem, names), "Write a plan for this problem: one action in brackets on each line."]
    elif names.wording == "plain":
        lines = _plain(problem)
    else:
        lines = _schematic(problem, names)
    return "\n".join(lines)


def plan_text(plan: Iterable[Sequence[str]], names: Names, language: str) -> str:
    """A plan, one action on a line."""
    return "\n".join(_say(step, names, language) for step in plan)


def read_plan(text: str, problem: Problem, names: Names) -> list[Atom] | None:
    """The actions that an answer names, or None where a line is none.

    A line holds one action, as PDDL in brackets, the same without brackets, or in the words of the question; case, spaces,
    numbering ("1.", "step 2:", "-") and a full stop at the end do not count. Blank lines, fences of three backticks and
    what follows a semicolon are passed over. Anything else (a sentence around the plan) makes the answer unreadable.
    """
    words, objects = symbols(problem)
    meant = {names.shown.get(w, w): w for w in (*words, *objects)}
    kinds = problem.domain.actions
    type_of = {name: kind for kind, some in problem.objects for name in some}
    plan: list[Atom] = []
    for raw in text.lower().split("\n"):
        line = raw.split(";")[0].strip()
        if not line or line.startswith("```"):
            continue
        line = " ".join(_NUMBERING.sub("", line).rstrip(".").split())
        inner = line[1:-1].strip() if line.startswith("(") and line.endswith(")") else line
        step = _in_words(line, kinds, type_of) if names.wording == "plain" else ()
        step = step or tuple(meant.get(part, "") for part in inner.split())
        if not step or "" in step:
            return None
        plan.append(step)
    return plan


def _in_words(line: str, actions: Iterable[Action], type_of: Mapping[str, str]) -> Atom:
    for action in actions:
        pattern = re.sub(r"\\\{(\d)\\\}", r"(?P<p\1>\\S+)", re.escape(ACTIONS[action.name]))
        found = re.fullmatch(pattern, line)
        if found:
            values = [found[f"p{i}"] for i in range(len(action.parameters))]
            if [type_of.get(v) for v in values] == [kind for _, kind in action.parameters]:
                return (action.name, *values)
    return ()


def _say(step: Sequence[str], names: Names, language: str) -> str:
    if language == "pddl":
        return f"({names.write(step)})"
    return ACTIONS[step[0]].format(*step[1:]) if names.wording == "plain" else names.write(step)


def _plain(problem: Problem) -> list[str]:
    domain = problem.domain.name
    examples = dict.fromkeys(ACTIONS[a.name].format("A", "B", "C", "D") for a in problem.domain.actions)

    def said(atoms: Iterable[Atom]) -> str:
        facts = (FACTS[domain, a[0]].format(*a[1:]) for a in atoms)
        return "; ".join(fact for fact in facts if fact)

    return [
        ABOUT[domain],
        f"The actions are written: {'; '.join(examples)}.",
        f"At first: {said(sorted(problem.init))}.",
        f"In the end: {said(problem.goal)}.",
        "Write a plan: one action on each line, in these words, and nothing else.",
    ]


def _schematic(problem: Problem, names: Names) -> list[str]:
    """Actions by their needs and effects, as for Mystery Blocksworld."""

    def said(atoms: Iterable[Atom]) -> str:
        return ", ".join(names.write([part.lstrip("?").upper() if "?" in part else part for part in a]) for a in atoms)

    lines = ["There are these actions:"]
    for action in problem.domain.actions:
        head = names.write([action.name, *(v.lstrip("?").upper() for v, _ in action.parameters)])
        kinds = ", ".join(f"{v.lstrip('?').upper()} is of kind {names.shown[kind]}" for v, kind in action.parameters)
        apart = f", {' and '.join(v.lstrip('?').upper() for v in action.differ)} differ" if action.differ else ""
        after = f"Then true: {said(action.adds)}. No longer: {said(action.deletes)}."
        lines.append(f"- {head} ({kinds}{apart}). Needs: {said(action.needs)}. {after}")
    lines += [
        f"Of kind {names.shown[kind]}: {', '.join(map(names.shown.__getitem__, some))}."
        for kind, some in problem.objects
        if some
    ]
    return [
        *lines,
        f"True at first: {said(sorted(problem.init))}.",
        f"True in the end: {said(problem.goal)}.",
        "Write a plan: one action on each line, its name and then what stands for its letters, and nothing else.",
    ]


def pddl(problem: Problem, names: Names) -> tuple[str, str]:
    """Domain and problem in PDDL (STRIPS with types, and "not equal" where two places must differ), as planners read them.

    Args:
        problem: What to write.
        names: What actions, predicates, types and objects are called.

    Source: McDermott et al. (1998), PDDL, the planning domain definition language, version 1.2.
    """
    domain = problem.domain
    show = names.shown
    title = domain.name if names.wording == "plain" else names.wording
    equality = " :equality" if any(a.differ for a in domain.actions) else ""
    types = [show.get(kind, kind) for kind, _ in problem.objects]
    about = [
        f"(define (domain {title})",
        f"(:requirements :strips :typing{equality})",
        f"(:types {' '.join(types)})",
        f"(:predicates {' '.join(_predicate(p, kinds, show) for p, kinds in domain.predicates)})",
        *(line for action in domain.actions for line in _pddl_action(action, names)),
        ")",
    ]
    asked = [
        f"(define (problem one) (:domain {title})",
        f"(:objects {' '.join(_typed(some, kind, show) for kind, some in problem.objects if some)})",
        f"(:init {' '.join(f'({names.write(a)})' for a in sorted(problem.init))})",
        f"(:goal (and {' '.join(f'({names.write(a)})' for a in problem.goal)})))",
    ]
    return "\n".join(about), "\n".join(asked)


def _pddl_action(action: Action, names: Names) -> list[str]:
    needs = [f"({names.write(a)})" for a in action.needs]
    if action.differ:
        needs.append(f"(not (= {' '.join(action.differ)}))")
    effects = [f"({names.write(a)})" for a in action.adds] + [f"(not ({names.write(a)}))" for a in action.deletes]
    return [
        f"(:action {names.shown.get(action.name, action.name)}",
        f":parameters ({' '.join(_typed((v,), kind, names.shown) for v, kind in action.parameters)})",
        f":precondition (and {' '.join(needs)})",
        f":effect (and {' '.join(effects)}))",
    ]


def _predicate(name: str, kinds: Sequence[str], show: Mapping[str, str]) -> str:
    places = [f"?{ascii_lowercase[i]} - {show.get(kind, kind)}" for i, kind in enumerate(kinds)]
    return f"({' '.join([show.get(name, name), *places])})"


def _typed(some: Sequence[str], kind: str, show: Mapping[str, str]) -> str:
    return f"{' '.join(show.get(name, name) for name in some)} - {show.get(kind, kind)}"
