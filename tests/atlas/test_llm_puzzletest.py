"""Puzzles keep what their pictures show as rows, stages show what they should, and mixtures are between what they mix."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unseen.atlas.studies.tasks import _puzzle_networks as p  # noqa: E402
from unseen.atlas.studies.tasks import llm_puzzletest as study  # noqa: E402
from unseen.tasks.logic.abstract_pictures import PLACES  # noqa: E402

RNG = np.random.default_rng(0)
POOLS = {family: p.drawn(family, 300, RNG) for family in p.ROWS}


def words(cells):
    return [p.WORDS[i] for i in cells.tolist() if i]


def test_rows_hold_the_picture_the_words_and_the_rule():
    examples = p.ABSTRACT.draw_many(50, np.random.default_rng(3), second=("no", "colour"), given="rule")
    puzzles = p.drawn("abstract", 50, np.random.default_rng(3))
    for e, cells, answer in zip(examples, puzzles.cells, puzzles.answer, strict=True):
        for place in range(PLACES):
            shown, said = words(cells[place]), e.hidden["parts"][place]
            assert shown == (["?", *e.hidden["concepts"]] if said == ["?"] else e.input[10 * place : 10 * place + 9])
            assert words(cells[PLACES + place]) == said
        assert words(cells[-1]) == e.hidden["rules"]
        assert [p.WORDS[a] for a in answer.tolist() if a >= 0] == list(e.target)


def test_algorithmic_rows_hold_every_cell_of_the_picture():
    examples = p.ALGORITHMIC.draw_many(80, np.random.default_rng(3))
    puzzles = p.drawn("algorithmic", 80, np.random.default_rng(3))
    for e, cells in zip(examples, puzzles.cells, strict=True):
        shown = sorted(w for row in cells for w in words(row))
        left_out = {"jugs": ["u", "u", "u", "goal"], "calendar": ["months", "day"]}.get(str(e.factors["kind"]), [])
        assert sorted([*shown, *left_out]) == sorted(e.input)


def test_each_stage_shows_what_it_should():
    puzzles, n = POOLS["abstract"], len(POOLS["abstract"])
    kept = {s: puzzles.keep(torch.full((n,), i)) for i, s in enumerate(p.STAGES)}
    gap = puzzles.cells[:, :PLACES, 0] == p.ID["?"]
    assert torch.equal(gap.sum(1), torch.ones(n, dtype=torch.long))
    for stage, keep in kept.items():
        assert keep[:, :PLACES][gap].all()
        assert keep[:, :PLACES].all() == (stage != "text")
        assert keep[:, PLACES:-1].any() == (stage != "nothing")
        assert keep[:, -1].any() == (stage == "rule")


def test_what_is_hidden_changes_no_answer():
    net, puzzles = p.PuzzleNetwork(16).eval(), POOLS["abstract"]
    other = puzzles.seen_of(RNG.permutation(len(puzzles)))
    bare = torch.zeros(len(puzzles), dtype=torch.long)
    with torch.no_grad():
        assert torch.equal(net(puzzles, bare), net(other, bare))
        assert not torch.equal(net(puzzles, bare + 2), net(other, bare + 2))
    assert torch.equal(other.cells[:, :PLACES], puzzles.cells[:, :PLACES])


def test_a_series_learns_and_costs_more():
    rng = np.random.default_rng(5)
    small, large = p.fitted(list(POOLS.values()), 16, 2, 0.01, rng), p.fitted(list(POOLS.values()), 32, 150, 0.01, rng)
    own = [p.right(net, POOLS["abstract"]).mean() for net in (small, large)]
    assert own[1] > own[0] + 0.1
    assert large.cost(150) > 75 * small.cost(2)
    sure = [p.certainty(net, POOLS["abstract"]).mean() for net in (small, large)]
    assert 0 < sure[0] < sure[1] < 1
    first, mixed, last = study.mixed([[small, large]], POOLS["abstract"], (0.0, 0.5, 1.0), RNG)[0]
    assert (first, last) == pytest.approx(tuple(own))
    assert first < mixed < last


def test_the_usual_answer_is_the_most_frequent_of_its_kind():
    pool = POOLS["algorithmic"]
    found = p.usual(pool, pool)
    for kind in np.unique(pool.kind):
        own = pool.kind == kind
        answers = pool.answer.numpy()[own, 0]
        assert found[own].mean() == pytest.approx(np.bincount(answers).max() / own.sum())
    assert study.above_usual(0.4, 0.4) == 0
    assert study.above_usual(1.0, 0.4) == 1


def test_a_series_that_does_not_rise_has_no_jump():
    assert study.uneven(up=[[0, 0.5, 2], [0, 0.5, 2]], down=[[2, 1, 0], [0, 1, 2]]) == {"up": 1.5}
