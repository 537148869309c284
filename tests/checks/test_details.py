"""What outcomes hold is typed, and its plain form is what JSON reports held before."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from unseen.auditing import run
from unseen.checks import details
from unseen.checks.base import About, Clear, Settings, Subject, Undecided, with_units_needed
from unseen.checks.details import gaps, learner
from unseen.checks.details.record import Misread, Needed
from unseen.data.sample import load_sample
from unseen.estimates import Estimate
from unseen.report.plain import plain
from unseen.responses import Responses

E = Estimate(0.3, 0.1, 0.5, 40, "t")


def of_sides(**more):
    return gaps.SidesCompared(**{"model": "m", "seen": E, "unseen": -E, "gap": E, "retained": None, **more})


def test_a_record_is_a_mapping_of_its_plain_form():
    record = of_sides()
    assert list(record) == ["model", "seen", "unseen", "gap", "retained"]
    assert record["gap"] == E.to_dict()
    assert dict(record) == record.plain() == plain(record)
    assert json.loads(json.dumps(dict(record))) == record.plain()


def test_what_is_unknown_is_left_out_only_where_it_always_was():
    assert "corrected" not in of_sides()
    assert of_sides()["retained"] is None
    by_labels = of_sides(corrected=gaps.Corrected((20, 30), (0.5, 0.4), (0.2, 0.3), chosen=False))
    assert by_labels["corrected"] == {
        "labels": [20, 30], "judge_means": [0.5, 0.4], "weights": [0.2, 0.3], "chosen": False,
    }  # fmt: skip


def test_a_record_becomes_strict_json_in_one_go_as_in_two():
    odd = replace(E, low=-float("inf"))
    record = replace(of_sides(retained=float("nan")), gap=odd, deciding=Needed(float("inf"), 3))
    assert plain(record) == plain(record.plain())
    assert json.loads(json.dumps(plain(record), allow_nan=False))["gap"]["low"] is None
    assert plain(record)["retained"] is None
    assert record.plain()["times"] == float("inf")


def test_keys_that_are_no_names_keep_their_place():
    broken = gaps.Break(2.5, 2.0, 3.0, "step", either=True, jump=-0.4)
    record = gaps.Frontier(
        factor="digits", model="m", seen_range=(1, 2), edge="2", levels=(), break_=broken, half=None
    )  # fmt: skip
    assert list(record) == ["factor", "model", "seen_range", "edge", "levels", "break", "half"]
    assert details.read(json.loads(json.dumps(record.plain()))).break_ == broken


def test_what_the_audit_adds_stands_last_and_what_lies_flat_is_read_back():
    about = learner.HeldOutRows("forest, held-out site", (learner.LevelsOf("site", "levels", ("a",)),))
    row = learner.Domain("site=a", 50, 0.1, 0.02, 0.6, 0.02, 0.7, None)
    record = learner.HeldOutDomain(result=row, about=about, deciding=Needed(2.5, 100))
    assert list(record)[-4:] == ["model", "blamed", "times", "units_needed"]
    read = details.read(record.plain())
    assert isinstance(read, learner.HeldOutDomain)
    assert (read.result, read.about, read.deciding) == (row, about, Needed(2.5, 100))
    assert details.read(replace(record, about=None).plain()).about is None


def test_an_open_question_learns_its_units_in_a_record_and_in_plain_details():
    for given in (of_sides(), dict(of_sides()), {}):
        outcome = Undecided(
            code="U101", about=About("model", "m"), statement="s", next_step="n", estimate=E, matters=0.4, details=given
        )
        told = with_units_needed(outcome, alpha=Settings().fdr).details
        assert list(told) == [*given, "times", "units_needed"]
        assert told["units_needed"] > 40
        assert isinstance(told, details.Details) == isinstance(given, details.Details)


def test_infinite_ends_are_read_as_such():
    open_end = replace(E, high=float("inf"))
    record = replace(of_sides(), gap=open_end)
    assert record["gap"]["high"] is None
    assert details.read(record.plain()).gap == open_end


@pytest.mark.parametrize(
    ("key", "value"), [("model", 3), ("seen", None), ("gap", {"value": 0.1}), ("unseen", {**E.to_dict(), "low": 0.9})]
)
def test_what_is_of_another_type_is_of_no_kind(key, value):
    assert details.read({**of_sides(), key: value}) is None
    with pytest.raises(Misread):
        gaps.SidesCompared.read({**of_sides(), key: value})


def test_a_number_is_no_truth_value():
    levels = {"levels": [{"level": 1, "value": True}]}
    assert details.read(levels) is None
    assert isinstance(details.read({"levels": [{"level": 1, "value": 1}]}), gaps.Levels)


def test_every_kind_is_told_from_all_others_by_its_keys():
    by_keys = Counter(required for required, _ in details.kinds())
    assert [keys for keys, n in by_keys.items() if n > 1] == []
    assert all(by_keys)


@pytest.fixture(scope="module")
def sample_result():
    return run(Subject(responses=Responses.of(load_sample("lm-arithmetic"))), Settings(n_resamples=100))


def test_the_details_of_every_outcome_of_the_sample_are_of_a_kind_and_come_back_whole(sample_result):
    for outcome in (*sample_result.outcomes, *sample_result.context):
        written = plain(outcome.details)
        if not written:
            continue
        read = details.read(json.loads(json.dumps(written)))
        assert read is not None, (outcome.code, list(written))
        assert plain(read) == written
        assert list(read) == list(written)


def test_clear_outcomes_show_themselves_without_their_details():
    shown = repr(Clear(code="U101", about=About("model", "m"), statement="s", next_step="n", details=of_sides()))
    assert shown == "<Clear U101, m: s>"
