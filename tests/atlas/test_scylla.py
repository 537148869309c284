"""Items of Scylla for language models: solvable, of one side, and judged by any right answer."""

import pytest

pytest.importorskip("torch")

from unseen.atlas.studies.tasks import scylla
from unseen.tasks.logic.scylla_problems import LEVELS, PROBLEMS


@pytest.mark.parametrize("side", ["id", "ood"])
@pytest.mark.parametrize("level", LEVELS)
def test_every_item_has_an_answer_that_is_judged_right_and_takes_its_numbers_from_one_side(side, level):
    low, high = scylla.FAMILIAR if side == "id" else scylla.UNFAMILIAR
    for item in scylla.drawn(7, side, level, 6):
        assert PROBLEMS[item.name].level == level
        assert all(low <= n < high for n in item.numbers)
        assert all(str(n) in item.prompt for n in [*item.numbers, *item.question])
        answer = PROBLEMS[item.name].solve(item.numbers, item.question)
        assert item.right(", ".join(map(str, answer)))
        assert item.right(f"[{', '.join(map(str, answer))}]\nas asked 1, 2")
        assert not item.right(", ".join(map(str, [*answer, 10_001])))
        assert not item.right("none")


def test_familiar_and_unfamiliar_numbers_do_not_overlap():
    assert scylla.FAMILIAR[1] <= scylla.UNFAMILIAR[0]


def test_a_seed_gives_the_same_items_and_another_one_others():
    first, again, other = (scylla.drawn(s, "id", "O(N)", 3) for s in (1, 1, 2))
    assert [i.prompt for i in first] == [i.prompt for i in again] != [i.prompt for i in other]
