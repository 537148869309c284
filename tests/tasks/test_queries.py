"""Query programs: trees, their structures, and their meaning by brute force over English."""

import numpy as np
import pytest

from unseen.shifts import CompoundDivergence, UnobservedLocalStructures
from unseen.tasks import load
from unseen.tasks.grammar.queries import COLOURS, NOUNS, RELATIONS, SHAPES, run
from unseen.tasks.grammar.trees import Tree, local_structures, parse


def scene(rng):
    things = [{"noun": rng.choice(NOUNS), "colour": rng.choice(COLOURS), "shape": rng.choice(SHAPES)} for _ in range(6)]
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    related = {(i, str(rng.choice(RELATIONS)), j) for i, j in pairs if rng.random() < 0.5}
    return things, related


def denotation(words, things, related):
    """Objects that an English noun phrase picks out: reads the words from the left, without any tree."""
    if "that" in words:
        i = words.index("that")
        inner = denotation(words[i + 4 :], things, related)
        return {
            a for a in denotation(words[:i], things, related) if any((a, words[i + 2], b) in related for b in inner)
        }
    *adjectives, noun = words
    return {
        i for i, t in enumerate(things) if t["noun"] == noun and all(a in (t["colour"], t["shape"]) for a in adjectives)
    }


def test_programs_mean_what_the_words_say():
    rng = np.random.default_rng(0)
    task = load("query-programs")
    for example in task.draw_many(300, 0, template=("count", "exists")):
        things, related = scene(rng)
        skip = 2 if example.factors["template"] == "count" else 3
        found = denotation(list(example.input)[skip:], things, related)
        expected = len(found) if skip == 2 else bool(found)
        assert run(parse(list(example.target)), things, related) == expected


def test_trees_survive_writing_and_reading():
    for example in load("query-programs").draw_many(200, 1):
        assert parse(list(example.target)).tokens() == example.target


def test_local_structures_are_those_counted_by_hand():
    tree = Tree("count", (Tree("filter", (Tree("black"), Tree("find", (Tree("dog"),)))),))
    assert local_structures(tree) == {
        "<root>>count",
        "count>filter",
        "filter>black",
        "filter>find",
        "find>dog",
        "black~find",
    }
    assert "count>filter>find" in local_structures(tree, 3)


def test_symmetric_arguments_may_be_swapped_and_others_may_not():
    task = load("query-programs")
    for example in task.draw_many(60, 0, template=("both", "compare")):
        tree = parse(list(example.target))
        swapped = Tree(tree.symbol, tree.children[::-1])
        same = swapped == tree
        assert task.verify(example, swapped.tokens()) == float(example.factors["template"] == "both" or same)


@pytest.mark.parametrize("junk", [None, 3, "", "count (", ") (", "count ( )", ["count", "("]])
def test_junk_scores_nothing(junk):
    task = load("query-programs")
    assert task.verify(task.draw(0), junk) == 0.0


def test_splits_are_built_from_the_structures():
    data = load("query-programs").sample(1500, 0)
    split = UnobservedLocalStructures("structures", "symbols").split(data, np.random.default_rng(0))
    assert all(g.holds for g in split.guarantees)
    mcd = CompoundDivergence("symbols", "structures", max_atom_divergence=0.05, candidates=20)
    assert all(g.holds for g in mcd.split(data.take(np.arange(400)), np.random.default_rng(0)).guarantees)
