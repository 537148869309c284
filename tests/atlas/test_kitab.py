"""A reader of the list that ignores the constraint is helped by no list, one that heeds it is; both copy."""

import numpy as np
import pytest

from unseen.atlas.studies.tasks import _kitab_authors as authors
from unseen.atlas.studies.tasks import kitab as study
from unseen.learners.language.base import Answer, Completion


class Lister:
    """Lists all titles in sight, those marked, or, told to, those that are right; from memory a few of the author's."""

    def __init__(self, draw, heeds):
        self.heeds = heeds
        self.items = {q.text: q for q in [*draw.asked, *draw.free]}

    def generate(self, prompts, settings):
        return [Answer((Completion(self.text(p)),)) for p in prompts]

    def text(self, prompt):
        block = prompt.split("\n\n")[-1]
        query = self.items[block.split("Question: ")[1].split("\n")[0]]
        told = [line.split(", ") for line in block.split("Question: ")[0].split("\n")[1:-1]]
        if not told:
            return "\n".join(["Nowhere Man", *(t for t, _ in query.books[:3])])
        lines = block.split("Question: ")[0].split("\n")[1:-1]
        below = [place for place, line in enumerate(lines) if line.startswith("Novels by ")]
        if below:
            return "\n".join(lines[below[0] + 1 :])
        titles = [", ".join(line[:-1]) for line in told]
        return "\n".join([t for t in titles if t in query.right] or titles if self.heeds else titles)


@pytest.mark.parametrize("heeds", [False, True])
def test_the_study_tells_a_reader_that_ignores_the_constraint_from_one_that_heeds_it(monkeypatch, heeds):
    draw = study.Draw(100, study.EACH)
    monkeypatch.setattr(study, "subject", lambda name: Lister(draw, heeds))
    found = study.measure.measure(100, quick=False)
    # One of four titles from memory is made up.
    assert found["irrelevant"] == pytest.approx(0.25)
    assert found["copies"][0] == 1
    assert found["marked"] == pytest.approx(1 - found["room"][0])
    assert found["others"] < 0
    if heeds:
        assert found["help"] == pytest.approx(1 - found["room"][0])
        assert found["all_correct"][0] == 1
    else:
        assert abs(found["help"]) < 0.1
        assert found["all_correct"][0] == 0


def test_a_constraint_asks_for_some_novels_of_an_author_and_a_list_of_its_own_tells_which():
    rng = np.random.default_rng(0)
    kinds = set()
    for author in authors.shelves():
        for _ in range(4):
            query = authors.drawn(rng, author)
            kinds.add(query.constraint.kind)
            assert authors.FEWEST <= len(query.right) / len(query.books) <= authors.MOST
            others, wanted = query.told(marked=True).split(f"Novels by {author} {query.constraint.said}:\n")
            assert wanted.split("\n") == query.right
            assert {*others.split("\n")[:-1], *query.right} == {t for t, _ in query.books}
            assert query.constraint.said in query.text
    assert kinds == set(authors.KINDS)


def test_the_list_has_titles_with_years_and_no_title_twice():
    every = [book for books in authors.shelves().values() for book in books]
    assert all(1800 < year < 2030 and title == title.strip() for title, year in every)
    assert len({authors.plain(t) for t, _ in every}) == len(every)
    assert set(authors.ALSO.values()) <= {authors.plain(t) for t, _ in every}


def test_titles_are_counted_once_by_what_they_are():
    query = authors.Query("George Orwell", authors.Constraint("years", 1945, 1949), "")
    found = authors.counted(
        query, ["1. 1984", "- Nineteen Eighty-Four (1949)", "Animal Farm", "Burmese Days", "Emma", ""]
    )
    assert (found.satisfied, found.unsatisfied, found.irrelevant, found.wanted) == (2, 1, 1, 2)
    assert not found.all_correct
    assert authors.counted(query, ["animal farm", "“1984”"]).all_correct


def test_no_author_is_both_shown_and_asked():
    draw = study.Draw(101, study.EACH)
    assert not {q.author for q in draw.shown} & {q.author for q in [*draw.asked, *draw.free]}
    half = draw.asked[: study.HALF]
    assert all(other != q.told() for other, q in zip(draw.others(half), half, strict=True))
