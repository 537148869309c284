"""Shorthand loses nothing: sentences come back word for word, and proofs still check."""

from __future__ import annotations

import pytest

from unseen.tasks.logic.proof_shorthand import expand, shorten
from unseen.tasks.logic.proofs import RULES, Proofs


@pytest.mark.parametrize("rules", [("implication",), *((rule,) for rule in RULES), RULES])
@pytest.mark.parametrize("width", [2, 3])
def test_sentences_come_back_word_for_word(rules: tuple[str, ...], width: int) -> None:
    task = Proofs()
    for seed in range(40):
        if width == 3 and rules in (("implication",), ("contradiction",)):
            continue
        item = task.draw(seed, rules=rules, depth=(2, 4), width=(1, width))
        name, proof, question = item.hidden["name"], str(item.target), str(item.input)
        assert expand(shorten(question, name), name) == question
        again = expand(shorten(proof, name), name)
        assert again == proof
        assert task.verify(item, again) == 1.0


@pytest.mark.parametrize(
    "line", ["", ".", "->", "& wumpus", "wumpus & | impus", "not not wumpus", "if wumpus", "then", "assume", "if then"]
)
def test_junk_is_written_out_and_refused(line: str) -> None:
    task = Proofs()
    item = task.draw(1, rules=("implication",), depth=2)
    assert task.verify(item, expand([*line.split(), "."], item.hidden["name"])) == 0.0


def test_shorthand_is_less_than_half_as_long() -> None:
    item = Proofs().draw(3, rules=("cases",), depth=3, width=2)
    text = str(item.target)
    assert 2 * len(shorten(text, item.hidden["name"])) < 1.25 * len(text.split())
