"""The solver's steps have no flaw, each planted one is found, and a statement that is not needed can be left out."""

import numpy as np
import pytest

from unseen.atlas.studies.measures import _worked_word_problems as worked
from unseen.atlas.studies.measures import math_reasoning_failures as study
from unseen.learners.language.base import Answer, Completion

RNG = np.random.default_rng(1)
ITEMS = [e for steps in (1, 2, 3) for e in worked.drawn(RNG, 80, steps, idle=1)]


def test_the_solvers_steps_are_right_and_without_a_flaw_and_each_planted_flaw_is_found():
    for item in ITEMS:
        text = worked.solution(item)
        assert worked.judge(item, text) == worked.Judged(right=True, false=False, unfounded=False, missing=False)
        assert worked.judge(item, worked.planted(item, text, RNG)).flawed


def test_a_problem_without_what_is_not_needed_has_the_same_answer_by_the_solver_of_the_task():
    for item in ITEMS:
        bare = worked.without_idle(item)
        assert len(worked.question(bare)) < len(worked.question(item))
        assert worked.task().oracle(bare) == str(item.target)


def test_a_right_number_by_a_lucky_guess_a_slip_and_a_strange_number_is_flawed_each_in_its_way():
    item = next(e for e in ITEMS if e.factors["steps"] == 2)
    end = f"The answer is {item.target}."
    assert worked.judge(item, end).missing
    first, second = worked.equations(item)
    wrong = first.split(" = ")[0] + " = 9999"
    assert worked.judge(item, f"{wrong}. {second}. {end}").false
    assert worked.judge(item, f"{first}. {second}. 7777 + 1 = 7778. {end}").unfounded
    assert not worked.judge(item, f"{first}. {second}. The answer is 123456.").right


def test_steps_in_one_equation_in_a_chain_or_with_names_of_things_are_no_flaw_and_a_negative_number_is_not_right():
    item = next(
        e for e in ITEMS if e.factors["steps"] == 2 and [n[0] for n in e.hidden["nodes"]][-2:] == ["times", "more"]
    )
    (first, second), end = worked.equations(item), f"The answer is {item.target}."
    a, b, more = first.split(" = ")[0], first.split(" = ")[1], second.split(" ")[2]
    things = worked.THINGS["english"][item.hidden["thing"]]
    for text in (
        f"{a} + {more} = {item.target}. {end}",
        f"{a} + {more} = {b} + {more} = {item.target}. {end}",
        f"{a} = {b} {things}. {b} {things} + {more} {things} = {item.target} {things}. {end}",
        f"({a}) + {more} = {item.target}. {end}",
    ):
        assert worked.judge(item, text) == worked.Judged(right=True, false=False, unfounded=False, missing=False)
        for _ in range(6):
            assert worked.judge(item, worked.planted(item, text, RNG)).flawed
    assert not worked.judge(item, f"The answer is -{item.target}.").right


def test_a_percentage_is_so_many_hundredths():
    item = next(
        e for e in ITEMS if e.factors["steps"] == 2 and [n[0] for n in e.hidden["nodes"]][-2:] == ["more", "percent"]
    )
    (first, second), end = worked.equations(item), f"The answer is {item.target}."
    whole, share = second.split(" * ")[0], second.split(" * ")[1].split(" ")[0]
    for said in (
        f"{share}% * {whole}",
        f"{share}% of {whole}",
        f"{whole} * {share} percent",
        f"{whole} * {int(share) / 100}",
    ):
        assert not worked.judge(item, f"{first}. {said} = {item.target}. {end}").flawed
        assert worked.judge(item, f"{first}. {said} = {100 * int(item.target)}. {end}").false


class Solver:
    """Solves as the solver does; one answer in ``every`` says the number without its steps."""

    def __init__(self, monkeypatch, every):
        self.every, self.known = every, {}
        real = study.asked
        monkeypatch.setattr(
            study, "asked", lambda shown, items, told=False: self.note(real(shown, items, told=told), items)
        )

    def note(self, prompts, items):
        self.known |= dict(zip(prompts, items, strict=True))
        return prompts

    def generate(self, prompts, settings):
        made = [
            worked.solution(self.known[p]) if i % self.every else f"The answer is {self.known[p].target}."
            for i, p in enumerate(prompts)
        ]
        return [Answer((Completion(text),)) for text in made]


@pytest.mark.parametrize("every", [10**9, 3])
def test_the_study_finds_the_share_of_right_answers_without_steps(monkeypatch, every):
    solver = Solver(monkeypatch, every)
    monkeypatch.setattr(study, "subject", lambda name: solver)
    found = study.measure.measure(100, quick=False)
    assert found["flawed"] == (pytest.approx(-(-study.ITEMS // every) / study.ITEMS), 2 * study.ITEMS)
    assert found["planted"][0] == 1
    assert found["solver"][0] == 0
    assert found["steps"] == found["idle"] == 0
