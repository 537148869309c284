"""A reader of the list that ignores the constraint has no lift, one that heeds it has the whole; both copy."""

import pytest

from unseen.atlas.studies.tasks import kitab as study
from unseen.learners.language.base import Answer, Completion


class Lister:
    """Lists all titles of the last list in sight; or those that are marked; or, told to, those that are right."""

    def __init__(self, draw, heeds):
        self.heeds = heeds
        self.items = {draw.question(e): e for e in [*draw.asked, *draw.free]}

    def generate(self, prompts, settings):
        return [Answer((Completion(self.text(p)),)) for p in prompts]

    def text(self, prompt):
        block = prompt.split("\n\n")[-1]
        lines = [line for line in block.split("Question: ")[0].split("\n") if " published " in line]
        titles = [line.split(" published ")[1].rsplit(" in ", 1)[0] for line in lines]
        if any(line.endswith((". yes", ". no")) for line in lines):
            titles = [t for t, line in zip(titles, lines, strict=True) if line.endswith("yes")]
        elif self.heeds and titles:
            right = str(self.items[block.split("Question: ")[1].split("\n")[0]].target).split("\n")
            titles = [t for t in titles if t in right] or titles
        return "\n".join(titles or ["Nowhere Man"])


@pytest.mark.parametrize("heeds", [False, True])
def test_the_study_tells_a_reader_that_ignores_the_constraint_from_one_that_heeds_it(monkeypatch, heeds):
    draw = study.Draw(100, study.ITEMS)
    monkeypatch.setattr(study, "subject", lambda name: Lister(draw, heeds))
    found = study.measure.measure(100, quick=False)
    assert found["irrelevant"] == found["copies"][0] == 1
    assert found["marked"] == pytest.approx(1 - found["few"], abs=0.1)
    assert found["lift"] == pytest.approx(1 - found["few"] if heeds else 0, abs=1e-5)
    assert found["all_correct"][0] == float(heeds)
    assert found["others"][0] > 0.8


def test_items_have_a_constraint_that_rules_some_books_out_and_no_author_comes_twice():
    draw = study.Draw(101, 20)
    everybody = [e.hidden["author"] for e in (*draw.asked, *draw.shown, *draw.free)]
    assert len(set(everybody)) == len(everybody)
    for item in draw.asked:
        assert 0.3 <= item.factors["constrainedness"] <= 0.8
        marked = draw.told(item, marked=True).split("\n")
        assert sum(m.endswith("yes") for m in marked) == item.factors["answers"]
        assert len(marked) == item.factors["books"]
