"""Walks along arrows: what is asked, what is taught, and that it can be learnt."""

import pytest

pytest.importorskip("torch")

import torch

from unseen.atlas.studies.shifts._complexity_ood_walks import Names, Walker, walks
from unseen.engine.seeds import torch_generator

TABLES = {"chains": 3, "length": 4, "nodes": 30}


def followed(asked, row):
    """Where the arrows lead, one by one, until none goes on: the slow way."""
    arrow, node, path = dict(asked.arrows[row].tolist()), int(asked.start[row]), []
    while node in arrow:
        node = arrow[node]
        path.append(node)
    return path


def test_paths_are_those_that_the_arrows_lead():
    asked = walks(300, (1, 4), torch_generator(1), **TABLES)
    for row in range(300):
        path = followed(asked, row)
        assert len(path) == int(asked.steps[row])
        assert asked.path[row].tolist() == [*path, *[30] * (5 - len(path))]
        assert int(asked.end[row]) == path[-1]


def test_tables_are_drawn_alike_whatever_the_number_of_steps():
    near, far = (walks(2000, steps, torch_generator(2), **TABLES) for steps in ((1, 2), (3, 4)))
    # The same draws give the same tables: only the start moves.
    assert torch.equal(near.arrows, far.arrows)
    assert set(near.steps.tolist()) == {1, 2}
    assert set(far.steps.tolist()) == {3, 4}


def test_guessing_among_the_ends_is_right_in_a_third():
    asked = walks(3000, (1, 2), torch_generator(3), **TABLES)
    right = 0
    for row in range(3000):
        arrow = dict(asked.arrows[row].tolist())
        ends = sorted(set(arrow.values()) - set(arrow))
        assert len(ends) == 3
        right += ends[row % 3] == int(asked.end[row])
    # Standard error 0.0086.
    assert abs(right / 3000 - 1 / 3) < 0.03


def test_an_arrow_is_embedded_by_its_source_and_its_target():
    names = Names(5, 4)
    arrow = names(torch.tensor([[5 + 2 + 3 * 5 + 1]]))[0, 0]
    vectors = names.own.weight
    torch.testing.assert_close(arrow, names.source.weight @ vectors[3] + names.target.weight @ vectors[1])
    torch.testing.assert_close(names(torch.tensor([[4]]))[0, 0], names.own.weight[4])


def test_shuffled_steps_keep_their_number_and_the_end():
    asked = walks(500, (2, 4), torch_generator(4), **TABLES)
    true, other = (Walker(0, kind, 30).goal(asked) for kind in ("trace", "shuffled"))
    rows, last = torch.arange(500), asked.steps - 1
    assert torch.equal(true[rows, last], other[rows, last])
    assert torch.equal(true == 30, other == 30)
    # One of 12 sources of arrows: the first step is right by chance in 500 / 12, standard error 6.2.
    assert int((true[:, 0] == other[:, 0]).sum()) < 500 / 12 + 4 * 6.2


def test_a_step_that_sees_the_last_node_alone_is_taught_as_it_writes():
    walker = Walker(0, "step", 30)
    walker.net.eval()
    asked = walks(4, (2, 3), torch_generator(5), **TABLES)
    memory = walker.net.encode(walker.source(asked))
    together = walker.following(asked.path[:, :3], memory)
    for place in range(3):
        torch.testing.assert_close(
            together[:, place], walker.net.decode(asked.path[:, place : place + 1], memory)[:, 0]
        )


def test_what_counts_as_right_is_the_node_before_the_stop(monkeypatch):
    asked = walks(6, (2, 2), torch_generator(6), **TABLES)
    walker, a, b = Walker(0, "trace", 30), asked.path[:, 0], asked.path[:, 1]
    stop, other = torch.full_like(a, 30), torch.full_like(a, 31)

    def writes(*tokens):
        made = torch.stack(tokens, 1)
        monkeypatch.setattr(walker, "write", lambda asked, longest, told=False: made[:, :longest])

    writes(a, b, stop, other)
    assert (walker.right(asked), walker.whole(asked), walker.short(asked, 1)) == (1.0, 1.0, 0.0)
    writes(a, stop, b, stop)
    assert (walker.right(asked), walker.whole(asked), walker.short(asked, 1)) == (0.0, 0.0, 1.0)
    writes(other, b, stop, stop)
    assert (walker.right(asked), walker.whole(asked)) == (1.0, 0.0)
    writes(a, b, b, stop)
    assert (walker.whole(asked), walker.whole(asked, told=True)) == (0.0, 1.0)


def test_one_step_is_learnt():
    small = {"chains": 2, "length": 1}
    walker = Walker(1, "answer", 6, width=16, layers=1)
    walker.fit((1, 1), 150, batch=32, rate=1e-2, **small)
    # Guessing between two ends is right in half, standard error 0.025.
    assert walker.right(walks(400, (1, 1), torch_generator(7), nodes=6, **small)) > 0.8


def test_equal_seeds_make_equal_networks():
    made = [Walker(3, "shuffled", 30, width=16, layers=1) for _ in range(2)]
    for walker in made:
        walker.fit((1, 2), 5, batch=8, chains=3, length=4)
    for one, other in zip(*(walker.net.parameters() for walker in made), strict=True):
        assert torch.equal(one, other)
