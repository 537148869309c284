"""Facts and stories against plain readings of their text."""

from __future__ import annotations

from collections import Counter

import pytest

from unseen import tasks
from unseen.tasks.knowledge.stories import EVENTS, PEOPLE, QUESTIONS


def parts(task) -> Counter[tuple[str, str, str]]:
    return Counter((r[2], r[3], r[4]) for r in task.rows)


@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_the_trained_share_of_inferred_facts_is_the_ratio(ratio):
    task = tasks.load("two-hop-facts", ratio=ratio)
    counts = parts(task)
    atomic = counts["atomic", "id", "train"]
    assert atomic + counts["atomic", "ood", "train"] == 100 * 8
    assert counts["inferred", "id", "train"] == round(ratio * atomic)
    assert counts["inferred", "ood", "unseen"] > 0


def test_a_higher_ratio_keeps_the_world_and_adds_facts():
    low, high = (tasks.load("two-hop-facts", ratio=r) for r in (1.0, 3.0))
    assert low.facts == high.facts
    trained = [{r[0] for r in t.rows if r[4] == "train"} for t in (low, high)]
    assert trained[0] < trained[1]


def test_all_compositions_are_there_once_and_none_mixes_id_and_ood():
    task = tasks.load("two-hop-facts", entities=30, relations=5, degree=3, ood_share=0.2, ratio=1.0)
    facts = {tuple(r[0]): (r[1], r[3]) for r in task.rows if r[2] == "atomic"}
    want = {}
    for (head, first), (bridge, side) in facts.items():
        for (other, second), (tail, side2) in facts.items():
            if other == bridge and side == side2:
                want[head, first, second] = (tail, side)
    assert {tuple(r[0]): (r[1], r[3]) for r in task.rows if r[2] == "inferred"} == want
    # No fact that an OOD inference needs is used by a trained inference.
    for tokens, _, kind, side, part in task.rows:
        if kind == "inferred" and part == "train":
            assert side == "id"
            assert facts[tokens[0], tokens[1]][1] == "id"


def test_comparisons_are_those_of_the_values():
    task = tasks.load("comparison-facts", entities=12, attributes=2, ratio=1.0, ood_share=0.25)
    for e in task.draw_many(task.size or 0, 0):
        assert task.oracle(e) == e.target
    counts = parts(task)
    assert counts["inferred", "ood", "unseen"] == 2 * 3 * 2
    assert counts["inferred", "id", "train"] == counts["atomic", "id", "train"] == 2 * 9


class Reader:
    """Reads a story sentence by sentence, knowing nothing of the generator."""

    def __init__(self) -> None:
        self.place: dict[str, set[str]] = {}
        self.holder: dict[str, str | None] = {}
        self.lies: dict[str, set[str]] = {}
        self.path: dict[str, list[str | None]] = {}
        self.given: list[tuple[str, str, str]] = []
        self.last = ""

    def read(self, line: str) -> None:
        words = line.rstrip(".").split()
        everywhere = {"bathroom", "bedroom", "garden", "hallway", "kitchen", "office"}
        if words[0] == "Then":
            words = [self.last, *words[2:]]
        who = [w for w in words if w in PEOPLE]
        self.last = words[0]
        if "went" in words:
            for person in who:
                self.place[person] = {words[-1]}
        elif "longer" in words:
            self.place[who[0]] = everywhere - {words[-1]}
        elif "either" in words:
            self.place[who[0]] = {words[words.index("either") + 3], words[-1]}
        elif "took" in words:
            self.holder[words[-1]] = who[0]
        elif "dropped" in words:
            self.holder[words[-1]] = None
            self.lies[words[-1]] = self.place.get(who[0], set())
        elif "gave" in words:
            self.holder[words[3]] = who[1]
            self.given.append((who[0], words[3], who[1]))
        for thing, person in self.holder.items():
            spot = self.place.get(person, set()) if person else self.lies[thing]
            here = next(iter(spot)) if len(spot) == 1 else None
            if not self.path.get(thing) or self.path[thing][-1] != here:
                self.path.setdefault(thing, []).append(here)

    def answer(self, question: str) -> str:
        words = question.rstrip("?").split()
        if question.startswith("Where is the"):
            return str(self.path[words[-1]][-1])
        if question.startswith("Where is"):
            return next(iter(self.place[words[-1]]))
        if question.startswith("Where was"):
            path = self.path[words[3]]
            return str(path[path.index(words[-1]) - 1])
        if words[0] == "Is":
            spot = self.place[words[1]]
            return "no" if words[-1] not in spot else "yes" if len(spot) == 1 else "maybe"
        if words[0] == "Who":
            return next(r for g, t, r in reversed(self.given) if (g, t) == (words[2], words[5]))
        person = next(w for w in words if w in PEOPLE)
        held = sorted(t for t, p in self.holder.items() if p == person)
        return str(len(held)) if words[0] == "How" else ", ".join(held) or "nothing"


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("events", [("move", "grab", "drop", "give"), EVENTS])
def test_a_plain_reader_of_the_text_gives_the_same_answers(question, events):
    task = tasks.load("dyna-babi")
    for seed in range(150):
        e = task.draw(seed, question=question, events=events, length=(4, 14))
        reader = Reader()
        for line in e.hidden["lines"]:
            reader.read(line)
        assert reader.answer(str(e.input).removeprefix(" ".join(e.hidden["lines"]) + " ")) == e.target, e.input


@pytest.mark.parametrize("question", ["where-person", "where-object", "yes-no", "give-who", "count", "list"])
def test_the_supporting_sentences_alone_give_the_answer(question):
    task = tasks.load("dyna-babi")
    for seed in range(150):
        e = task.draw(seed, question=question, events=EVENTS, length=(4, 12))
        reader = Reader()
        for number in e.hidden["support"]:
            reader.read(e.hidden["lines"][number])
        assert reader.answer(str(e.input).removeprefix(" ".join(e.hidden["lines"]) + " ")) == e.target, e


def test_only_the_asked_events_happen():
    task = tasks.load("dyna-babi")
    for seed in range(50):
        assert set(task.draw(seed, events=("move", "negation")).factors["events"]) <= {"move", "negation"}
