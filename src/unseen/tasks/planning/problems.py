"""Planning tasks: a problem in words, an optimal plan as the target, any valid plan as a right answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from unseen.factors import Kind
from unseen.tasks.answers import text_of
from unseen.tasks.base import Example, Generated, of_text
from unseen.tasks.draws import Draws
from unseen.tasks.planning import domains
from unseen.tasks.planning.speech import (
    LANGUAGES,
    WORDINGS,
    Names,
    drawn_names,
    pddl,
    plan_text,
    problem_text,
    read_plan,
)
from unseen.tasks.planning.strips import (
    Domain,
    Ground,
    Heuristic,
    Problem,
    breadth_first,
    execute,
    ground_of,
    shortest,
    solves,
)

STEPS = (1, 60)
# Options of every domain beside the number of its objects.
COMMON: Mapping[str, Any] = {"steps": STEPS, "wording": WORDINGS, "language": LANGUAGES}


class PlanningTask(Generated):
    """Find a plan; the target is a shortest one, and ``verify`` takes any plan that can be executed and ends in the goal.

    Wording and language are drawn last: one seed is one problem in every wording and language. ``steps`` is the length of a
    shortest plan; ``ask="optimal"`` takes no longer plans. How an answer is read: ``speech.read_plan``.
    """

    domain: ClassVar[Domain]
    draw_problem: ClassVar[Callable[[Draws, int], Problem]]
    bound: ClassVar[Callable[[Ground, Problem], Heuristic]]
    separator = "\n"
    settings: ClassVar[Mapping[str, Any]] = {"ask": "valid"}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"ask": ("valid", "optimal")}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "domain": "categorical",
        "objects": "ordered",
        "steps": "ordered",
        "wording": "categorical",
        "language": "categorical",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Problems until one has a plan of the asked length."""
        low, high = o["steps"]
        for _ in range(1000):
            objects = d.between(*o["objects"])
            problem = type(self).draw_problem(d, objects)
            ground, start, goal = ground_of(problem)
            if start & goal == goal:
                continue
            bound = type(self).bound(ground, problem)
            if bound(start) > high:
                continue
            plan = shortest(ground, start, goal, bound)
            if plan is not None and low <= len(plan) <= high:
                break
        else:
            raise self.impossible(f"no problem with a plan of {low} to {high} steps in 1,000 draws")
        at, language_at = d.below(1 << 20), d.below(1 << 20)
        wording, language = o["wording"][at % len(o["wording"])], o["language"][language_at % len(o["language"])]
        names = drawn_names(d, problem, wording)
        factors = {
            "domain": self.domain.name,
            "objects": objects,
            "steps": len(plan),
            "wording": wording,
            "language": language,
        }
        hidden = {
            "objects": [[kind, list(some)] for kind, some in problem.objects],
            "init": sorted(map(list, problem.init)),
            "goal": list(map(list, problem.goal)),
            "names": dict(names.shown),
        }
        return of_text(problem_text(problem, names, language), plan_text(plan, names, language), factors, hidden)

    def problem(self, example: Example) -> Problem:
        """The problem behind an item."""
        h = example.hidden
        objects = tuple((kind, tuple(some)) for kind, some in h["objects"])
        return Problem(self.domain, objects, frozenset(map(tuple, h["init"])), tuple(map(tuple, h["goal"])))

    def pddl(self, example: Example) -> tuple[str, str]:
        """The texts of a domain file and a problem file, in the names that the item shows, whatever its language is.

        Args:
            example: An item of this task.
        """
        return pddl(self.problem(example), self._names(example))

    def verify(self, example: Example, answer: object) -> float:
        """1 where each line is an action that can be taken and the goal holds at the end."""
        text = text_of(answer)
        problem = self.problem(example)
        plan = read_plan(text, problem, self._names(example))
        if not plan or (self.given["ask"] == "optimal" and len(plan) > int(cast("int", example.factors["steps"]))):
            return 0.0
        return float(solves(problem, plan))

    def steps_valid(self, example: Example, answer: object) -> list[bool]:
        """Whether each step of an answer can be taken where the steps before it lead; none after the first that can't be.

        What can't be read as a plan has no step: an empty list.
        """
        problem = self.problem(example)
        plan = read_plan(text_of(answer), problem, self._names(example)) or []
        return [execute(problem, plan[: i + 1]) is not None for i in range(len(plan))]

    def oracle(self, example: Example) -> str | None:
        """The target where looking at all states finds no shorter plan, else the shorter one; None beyond 200,000 states."""
        ground, start, goal = ground_of(self.problem(example))
        plan = breadth_first(ground, start, goal)
        if plan is None:
            return None
        if len(plan) == len(str(example.target).split("\n")):
            return str(example.target)
        return plan_text(plan, self._names(example), str(example.factors["language"]))

    def _names(self, example: Example) -> Names:
        return Names(str(example.factors["wording"]), example.hidden["names"])


class Blocksworld(PlanningTask):
    """Blocks to be stacked by one hand; first state and goal are drawn uniformly among all states."""

    __doc__ = f"{__doc__}\n\n{PlanningTask.__doc__}"
    name = "blocksworld"
    title = "Stack blocks by one hand"
    source = (
        "Slaney & Thiébaux (2001), Blocks World revisited; after Valmeekam et al. (2023), PlanBench, whose prompts are not used; "
        "Mystery names as published there"
    )
    domain = domains.BLOCKSWORLD
    draw_problem = staticmethod(domains.blocksworld)
    bound = staticmethod(domains.blocks_bound)
    options: ClassVar[Mapping[str, Any]] = {"objects": (3, 5), **COMMON}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"objects": (2, 10), "steps": STEPS}


class Ferry(PlanningTask):
    """Cars to be carried by a ferry that takes one."""

    __doc__ = f"{__doc__}\n\n{PlanningTask.__doc__}"
    name = "ferry"
    title = "Carry cars between places, one at a time"
    source = "The ferry domain of the planning competitions, problems drawn anew"
    domain = domains.FERRY
    draw_problem = staticmethod(domains.ferry)
    bound = staticmethod(domains.ferry_bound)
    options: ClassVar[Mapping[str, Any]] = {"objects": (4, 7), **COMMON}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"objects": (3, 12), "steps": STEPS}


class Logistics(PlanningTask):
    """Packages to be delivered by a truck in each city and a plane between airports."""

    __doc__ = f"{__doc__}\n\n{PlanningTask.__doc__}"
    name = "logistics"
    title = "Deliver packages by trucks and a plane"
    source = (
        "After the logistics domain of the 1998 planning competition: one truck a city, one plane, problems drawn anew"
    )
    domain = domains.LOGISTICS
    draw_problem = staticmethod(domains.logistics)
    bound = staticmethod(domains.logistics_bound)
    options: ClassVar[Mapping[str, Any]] = {"objects": (8, 14), **COMMON}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"objects": (8, 19), "steps": STEPS}


class KeysAndDoors(PlanningTask):
    """A robot on a grid that has to fetch keys for locked cells; ``objects`` counts cells that are no walls, and keys."""

    __doc__ = f"{__doc__}\n\n{PlanningTask.__doc__}"
    name = "keys-and-doors"
    title = "Cross a grid with locked cells"
    source = (
        "After the grid domain of the 1998 planning competition: any number of keys may be carried, problems drawn anew"
    )
    domain = domains.KEYS_AND_DOORS
    draw_problem = staticmethod(domains.keys_and_doors)
    bound = staticmethod(domains.keys_bound)
    options: ClassVar[Mapping[str, Any]] = {"objects": (6, 18), **COMMON}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"objects": (4, 28), "steps": STEPS}
