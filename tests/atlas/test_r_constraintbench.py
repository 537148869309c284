"""One job after the other keeps all limits that are heeded, and the study finds the fall of who heeds order alone."""

import numpy as np

from unseen.atlas.studies.tasks import r_constraintbench as study
from unseen.learners.language.base import Answer, Completion
from unseen.tasks.scheduling.search import Project

RNG = np.random.default_rng(1)


def test_one_job_after_the_other_keeps_all_limits_but_the_deadline():
    for item in study.task().draw_many(60, RNG, jobs=4, limits=(0, 5), slack=(0, 2)):
        project = Project(**item.hidden)
        assert project.keeps(study.one_by_one(project), 10**4)


def test_items_have_the_limits_that_are_asked_for_and_both_wordings_tell_the_same_numbers():
    for limits, kinds in ((3, study.ORDER), (3, study.LIMITS)):
        for item in study.drawn(RNG, 10, limits, kinds):
            assert item.factors["limits"] == 3
            assert len(item.factors["kinds"]) >= min(3, len(kinds))
            plain, told = str(item.input), study.in_a_data_centre(str(item.input))
            assert [c for c in plain if c.isdigit()] == [c for c in told if c.isdigit()]
            assert "ob A" not in told
            assert "worker" not in told


class Planner:
    """Reads problems by their texts and plans by a rule."""

    def __init__(self, monkeypatch, rule):
        self.rule, self.items = rule, {}
        real = study.answers

        def noted(model, shown, items, *, domain=False):
            told = study.in_a_data_centre if domain else str
            self.items |= {told(str(e.input)): e for e in items}
            return real(model, shown, items, domain=domain)

        monkeypatch.setattr(study, "answers", noted)

    def generate(self, prompts, settings):
        found = [self.items[p.removesuffix("\n\nSchedule:\n").rsplit("\n\n\n", 1)[1]] for p in prompts]
        return [Answer((Completion(study.written(self.rule(Project(**e.hidden)))),)) for e in found]


def test_who_heeds_order_alone_falls_and_who_heeds_all_does_not(monkeypatch):
    for rule, low, high in ((study.by_order_alone, 0.3, 1.0), (study.one_by_one, 0.0, 0.0)):
        planner = Planner(monkeypatch, rule)
        monkeypatch.setattr(study, "subject", lambda name, p=planner: p)
        found = study.measure.measure(100, quick=False)
        assert low <= found["interaction"] <= high
        assert found["order"] == (1.0, study.ITEMS)
        assert found["domain"] == found["solver"] == 0
        assert found["deaf"] >= 0.3
        assert found["readable"][0] == 1
