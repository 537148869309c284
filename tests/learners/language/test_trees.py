"""Sequences as one tree: nothing is lost, nothing is computed twice, and no pack is larger than asked."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unseen.learners.language.trees import TokenTree, packs

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=14), min_size=1, max_size=25)


@given(SEQUENCES)
def test_each_sequence_is_the_line_to_its_node_and_each_beginning_one_node(sequences):
    tree = TokenTree.of(sequences)
    for sequence, last in zip(sequences, tree.last, strict=True):
        assert tree.tokens[tree.path(int(last))].tolist() == sequence
    assert len(tree.tokens) == len({tuple(s[:i]) for s in sequences for i in range(1, len(s) + 1)})


@given(SEQUENCES)
def test_a_node_sees_itself_and_what_is_before_it_in_its_sequences(sequences):
    tree = TokenTree.of(sequences)
    nodes = np.arange(len(tree.tokens))
    sees = tree.sees(nodes, nodes)
    for node in nodes:
        assert np.flatnonzero(sees[node]).tolist() == tree.path(int(node)).tolist()


@given(SEQUENCES, st.integers(1, 40))
def test_every_node_is_computed_once_after_all_it_sees(sequences, budget):
    tree, computed = TokenTree.of(sequences), []
    for pack in packs(tree, budget):
        assert len(pack.nodes) <= budget
        assert set(pack.line.tolist()) <= set(computed)
        for node in pack.nodes.tolist():
            assert set(tree.path(node).tolist()) <= {*pack.line.tolist(), *pack.nodes.tolist()}
        computed += pack.nodes.tolist()
    assert computed == list(range(len(tree.tokens)))


def test_examples_that_all_items_share_are_computed_once():
    sequences = [[7] * 400 + [item] * 30 + [option] * 2 for item in range(50) for option in range(4)]
    tree = TokenTree.of(sequences)
    computed = sum(len(p.nodes) for p in packs(tree, 256))
    assert computed == 400 + 50 * (30 + 4 * 2)
    assert sum(map(len, sequences)) > 30 * computed


def test_a_fork_at_every_token_of_a_long_text_is_no_depth_of_calls():
    tree = TokenTree.of([[1] * length + [2] for length in range(1, 4000, 3)])
    assert max(len(p.line) for p in packs(tree, 128)) <= 4000
