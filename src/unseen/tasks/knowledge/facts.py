"""Atomic facts and what follows from them: two-hop composition and comparison of attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Finite, of_tokens
from unseen.tasks.draws import Draws

SOURCE = "Wang et al. (2024), Grokked Transformers are Implicit Reasoners, section 3 (composition) and 4 (comparison)"
PARTS = ("train", "seen", "unseen")
Row = tuple[tuple[str, ...], str, str, str, str]
COMMON_LIMITS = {"ratio": (0.0, 1000.0), "ood_share": (0.0, 0.9), "world": (0, 2**62), "hops": (1, 2)}


class FactTask(Finite):
    """A fixed world of facts; items are its atomic facts and the inferred facts that are asked.

    Factors: ``kind`` (atomic, inferred); ``entities`` (id, ood), ood facts being those whose inferences are never
    trained;
    ``part``: train (every atomic fact, and ``ratio`` times as many inferred ID facts as there are atomic ID facts),
    seen (the
    other inferred ID facts) and unseen (inferred OOD facts).
    """

    source = SOURCE
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "kind": "categorical",
        "entities": "categorical",
        "part": "categorical",
        "hops": "ordered",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "kind": ("atomic", "inferred"),
        "entities": ("id", "ood"),
        "part": PARTS,
        "hops": (1, 2),
    }
    rows: list[Row]

    def at(self, index: int) -> Example:
        """Row number ``index``: atomic facts, then inferred ones."""
        tokens, target, kind, entities, part = self.rows[index]
        factors = {"kind": kind, "entities": entities, "part": part, "hops": 1 if kind == "atomic" else 2}
        return of_tokens(list(tokens), [target], factors)

    def world(self) -> Draws:
        """The draws of the world: those of different ratios share their facts, and more inferred ones are trained."""
        return self.draws(f"world {sorted((k, v) for k, v in self.given.items() if k != 'ratio')}")

    def divide(self, d: Draws, inferred_id: list[Row], inferred_ood: list[Row], atomic_id: int) -> list[Row]:
        """Mark inferred facts as train, seen and unseen.

        Raises:
            BadInput: There are too few inferred ID facts for the ratio, so that nothing would be left to test on.
        """
        d.shuffle(inferred_id)
        n_train = round(self.given["ratio"] * atomic_id)
        if n_train >= len(inferred_id) or not inferred_ood:
            raise BadInput(
                f"task {self.name!r} has {len(inferred_id)} inferred ID facts and {len(inferred_ood)} OOD ones; "
                f"a ratio of {self.given['ratio']:g} trains on {n_train}. "
                "Lower ratio, raise ood_share, or take more facts."
            )
        marked = [(*row[:4], "train" if i < n_train else "seen") for i, row in enumerate(inferred_id)]
        return [*marked, *((*row[:4], "unseen") for row in inferred_ood)]


class TwoHopFacts(FactTask):
    """Head, relation, tail; and head, relation, relation, tail by way of a bridge.

    Each entity has ``degree`` facts with different relations. A share ``ood_share`` of the atomic facts is OOD: both
    hops of
    an OOD inference are OOD facts, both hops of an ID inference ID facts.
    """

    name = "two-hop-facts"
    title = "Two-hop composition of atomic facts"
    settings: ClassVar[Mapping[str, Any]] = {
        "entities": 100,
        "relations": 10,
        "degree": 8,
        "ratio": 3.6,
        "ood_share": 0.05,
        "world": 0,
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "entities": (2, 100_000),
        "relations": (1, 10_000),
        "degree": (1, 10_000),
        **COMMON_LIMITS,
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        given = self.given
        if given["degree"] > given["relations"]:
            raise BadInput(
                f"task {self.name!r}: a degree of {given['degree']} needs as many relations, got {given['relations']}."
            )
        d = self.world()
        facts: dict[tuple[int, int], int] = {}
        for head in range(given["entities"]):
            for relation in d.pick(range(given["relations"]), given["degree"]):
                facts[head, relation] = d.below(given["entities"])
        keys = list(facts)
        ood = {keys[i] for i in d.pick(range(len(keys)), round(given["ood_share"] * len(keys)))}
        self.facts = facts
        atomic: list[Row] = [
            ((f"e{h}", f"r{r}"), f"e{t}", "atomic", "ood" if (h, r) in ood else "id", "train")
            for (h, r), t in facts.items()
        ]
        inferred: dict[bool, list[Row]] = {False: [], True: []}
        by_head: dict[int, list[int]] = {}
        for head, relation in keys:
            by_head.setdefault(head, []).append(relation)
        for (head, first), bridge in facts.items():
            for second in by_head[bridge]:
                side = (head, first) in ood
                if side == ((bridge, second) in ood):
                    tokens = (f"e{head}", f"r{first}", f"r{second}")
                    row = (tokens, f"e{facts[bridge, second]}", "inferred", "ood" if side else "id", "")
                    inferred[side].append(row)
        self.rows = [*atomic, *self.divide(d, inferred[False], inferred[True], len(keys) - len(ood))]
        self.size = len(self.rows)

    def oracle(self, example: Example) -> list[str]:
        """Follow the relations one by one."""
        entity = int(example.input[0][1:])
        for relation in example.input[1:]:
            entity = self.facts[entity, int(relation[1:])]
        return [f"e{entity}"]


class ComparisonFacts(FactTask):
    """Entity, attribute, value; and which of two entities has more of an attribute: less, equal or more.

    A share ``ood_share`` of the entities is OOD: their attributes are trained, comparisons among them are not.
    """

    name = "comparison-facts"
    title = "Compare an attribute of two entities"
    settings: ClassVar[Mapping[str, Any]] = {
        "entities": 100,
        "attributes": 4,
        "values": 20,
        "ratio": 3.6,
        "ood_share": 0.1,
        "world": 0,
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "entities": (2, 2000),
        "attributes": (1, 1000),
        "values": (2, 10_000),
        **COMMON_LIMITS,
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        given = self.given
        d = self.world()
        self.facts = {
            (entity, attribute): d.below(given["values"])
            for entity in range(given["entities"])
            for attribute in range(given["attributes"])
        }
        ood = set(d.pick(range(given["entities"]), round(given["ood_share"] * given["entities"])))
        atomic: list[Row] = [
            ((f"e{e}", f"a{a}"), f"v{v}", "atomic", "ood" if e in ood else "id", "train")
            for (e, a), v in self.facts.items()
        ]
        inferred: dict[bool, list[Row]] = {False: [], True: []}
        for attribute in range(given["attributes"]):
            for e in range(given["entities"]):
                for f in range(given["entities"]):
                    if e != f and (e in ood) == (f in ood):
                        a, b = self.facts[e, attribute], self.facts[f, attribute]
                        word = "less" if a < b else "more" if a > b else "equal"
                        row = ((f"a{attribute}", f"e{e}", f"e{f}"), word, "inferred", "ood" if e in ood else "id", "")
                        inferred[e in ood].append(row)
        n_id = sum(row[3] == "id" for row in atomic)
        self.rows = [*atomic, *self.divide(d, inferred[False], inferred[True], n_id)]
        self.size = len(self.rows)

    def oracle(self, example: Example) -> list[str]:
        """Look both values up among the atomic facts as they are written."""
        table = {row[0]: int(row[1][1:]) for row in self.rows if row[2] == "atomic"}
        if example.factors["kind"] == "atomic":
            return [f"v{table[tuple(example.input)]}"]
        attribute, e, f = example.input
        sign = (table[e, attribute] > table[f, attribute]) - (table[e, attribute] < table[f, attribute])
        return [("equal", "more", "less")[sign]]
