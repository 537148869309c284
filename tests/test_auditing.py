"""The correction for multiplicity, what is missing, and what happens when a check fails."""

import numpy as np
import polars as pl
import pytest

from unseen import auditing
from unseen.auditing import correct, run_check
from unseen.checks.base import About, Check, Clear, Found, NotApplicable, Settings, Subject
from unseen.estimates import Estimate
from unseen.responses import Responses


def outcome(kind, code, p, **more):
    return kind(
        code=code,
        about=About("model", "m"),
        statement="s",
        next_step="n",
        estimate=Estimate(0.1, 0.0, 0.2, 9, "m"),
        p_value=p,
        **more,
    )


def test_undecided_outcomes_count_as_tests():
    # 1 of 20 tests has p = 0.04; nineteen undecided ones stand beside it. Alone it would pass.
    tests = [outcome(Found, "U101", 0.04), *(outcome(NotApplicable, "U101", 0.5) for _ in range(19))]
    corrected, _ = correct(tests, 0.05)
    assert isinstance(corrected[0], Clear)
    assert isinstance(correct(tests[:1], 0.05)[0][0], Found)


def test_facts_are_left_alone():
    fact = outcome(Found, "U001", None)
    corrected, q = correct([fact, outcome(Found, "U101", 0.9)], 0.05)
    assert corrected[0] is fact
    assert 0 not in q


def test_a_demoted_finding_says_so():
    demoted = correct([outcome(Found, "U101", 0.9, otherwise="No gap.")], 0.05)[0][0]
    assert demoted.statement == "No gap. (Not significant once all checks are corrected for.)"


def test_any_finding_on_a_complete_null_is_as_rare_as_stated():
    # 8 families of 1 to 12 uniform p-values; 2,000 audits; 0.05 ± 3.3 binomial sd.
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(2000):
        listed = [outcome(Found, f"U{100 + f}", p) for f in range(8) for p in rng.random(rng.integers(1, 13))]
        wrong += any(isinstance(o, Found) for o in correct(listed, 0.05)[0])
    assert wrong / 2000 <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 2000)


class Broken(Check):
    code, title, question, null, interest = "U999", "broken", "?", "none", "none"
    method, assumptions, sources, example = "none", "none", (), "none"
    needs = ("responses",)

    def run(self, subject, settings):
        raise ZeroDivisionError("oops")


def responses(**more):
    return Responses.of(pl.DataFrame({"model": ["m"] * 4, "item": list("abcd"), "score": [0, 1, 1, 0], **more}))


def test_a_failing_check_becomes_an_outcome_and_the_rest_goes_on():
    (said,) = run_check(Broken(), Subject(responses()), Settings())
    assert isinstance(said, NotApplicable)
    assert "ZeroDivisionError: oops" in said.statement
    with pytest.raises(ZeroDivisionError):
        run_check(Broken(), Subject(responses()), Settings(), strict=True)


def test_missing_inputs_are_named_with_the_way_to_give_them():
    result = auditing.run(Subject(responses()), select=["U101", "U601"])
    said = {o.code: o for o in result.outcomes}
    assert "--unseen" in said["U101"].next_step
    assert said["U601"].unlocks == ("confidence",)
    assert auditing.unlockable(result)["confidence"] == ["U601"]


def test_outcomes_stand_by_weight():
    result = auditing.run(Subject(responses()))
    ranks = [0 if isinstance(o, Found) else 1 if isinstance(o, Clear) else 2 for o in result.outcomes]
    assert ranks == sorted(ranks)
