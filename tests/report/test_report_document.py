"""The JSON document: strict, described by its schema, equal for equal audits; what a baseline leaves of it."""

import copy
import json
from decimal import ROUND_HALF_EVEN, Context

import jsonschema
import numpy as np
import pytest

from unseen.auditing import AuditResult, run
from unseen.checks.base import About, Clear, Settings, Subject
from unseen.estimates import Estimate
from unseen.report import summary
from unseen.report.plain import plain, to_json

# Ten significant digits, by decimal arithmetic rather than by formatting.
TEN = Context(prec=10, rounding=ROUND_HALF_EVEN)


def test_the_document_fits_its_schema(document):
    jsonschema.Draft202012Validator.check_schema(summary.schema())
    jsonschema.validate(document, summary.schema())


def test_the_schema_refuses_what_the_document_promises_not_to_hold(document):
    for change in (
        lambda d: d["findings"][0].pop("next_step"),
        lambda d: d["findings"][0].update(outcome="passed"),
        lambda d: d["findings"][0]["estimate"].update(units=1.5),
        lambda d: d["findings"][0].update(weight=1.2),
        lambda d: d.update(extra=1),
    ):
        broken = copy.deepcopy(document)
        change(broken)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, summary.schema())


def test_an_audit_becomes_a_document_that_fits_the_schema(responses):
    result = run(Subject(responses=responses), Settings(n_resamples=100), select=("U101",))
    made = summary.summarise(result, sources=["a.csv"])
    jsonschema.validate(made, summary.schema())
    assert {f["code"] for f in made["findings"]} == {"U101"}
    assert made["responses"]["rows"] == 400
    assert json.loads(to_json(made)) == ten_digits(made)


def ten_digits(document):
    """The document as a report holds it: numbers to ten significant digits."""
    return json.loads(json.dumps(document), parse_float=lambda text: float(TEN.create_decimal(text)))


def test_json_is_strict_and_the_same_twice(build, outcome):
    details = {
        "nan": float("nan"), "inf": [np.inf, 1], "array": np.arange(3), "scalar": np.float32(0.5), "set": {"b", "a"},
        "tuple": (True, None), "estimate": Estimate(0.1, 0.0, 0.2, 9, "t"), 3: "key",
    }  # fmt: skip
    one, two = (build([outcome("U101", "model", "m", Estimate(0.1, 0.0, np.inf, 9, "t"), details)]) for _ in range(2))
    text = to_json(one)
    assert text == to_json(two)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    read = json.loads(text, parse_constant=refuse)["findings"][0]
    assert read["estimate"]["high"] is None
    assert read["details"] == {
        "nan": None, "inf": [None, 1], "array": [0, 1, 2], "scalar": 0.5, "set": ["a", "b"], "tuple": [True, None],
        "estimate": {"value": 0.1, "low": 0.0, "high": 0.2, "level": 0.95, "units": 9, "method": "t"}, "3": "key",
    }  # fmt: skip


def test_plain_keeps_booleans_and_whole_numbers_apart():
    assert [type(v) for v in plain([True, 1, 1.0, np.bool_(True), np.int64(3)])] == [bool, int, float, bool, int]


def test_identifiers_are_unique_even_for_equal_names(build, outcome):
    e = Estimate(0.1, 0.0, 0.2, 9, "t")
    made = build([outcome("U101", "model", name, e) for name in ("a b", "a-b", "a/b", "a b", "日本")])
    ids = [f["id"] for f in made["findings"]]
    assert len(set(ids)) == 5
    assert ids[0] == "u101-model-a-b"


def test_families_count_their_outcomes_and_name_what_was_found(document):
    families = {f["family"]: f for f in document["families"]}
    assert families["U1"]["status"] == "found"
    assert families["U1"]["verdict"].startswith("Seen to unseen gap (4)")
    assert families["U0"]["status"] == "not_applicable"
    assert sum(f["found"] + f["clear"] + f["not_applicable"] for f in document["families"]) == len(document["findings"])


def test_what_is_missing_is_listed_with_the_checks_it_unlocks(document):
    assert document["unlock"][0]["input"] == "repeat"
    assert document["unlock"][0]["checks"] == ["U003"]
    assert "--repeat" in document["unlock"][0]["how"]


def test_an_empty_audit_has_a_document():
    made = summary.summarise(AuditResult((), Subject(), Settings()))
    jsonschema.validate(made, summary.schema())


def estimate(value, half=0.05):
    return Estimate(value, value - half, value + half, 100, "t")


def test_a_baseline_leaves_only_what_got_worse(build, outcome):
    def clear(name, value):
        return Clear(
            code="U101", about=About("model", name), statement="No loss.", next_step="None.", estimate=estimate(value)
        )

    def gap(name, value, half=0.05):
        return outcome("U101", "model", name, estimate(value, half), effect=value)

    old = build([gap("same", 0.3), gap("grown", 0.2), gap("noise", 0.3), gap("better", 0.5), clear("new loss", 0.01)])
    new = build(
        [
            gap("same", 0.3),
            gap("grown", 0.6),
            gap("noise", 0.34),
            gap("better", 0.2),
            gap("new loss", 0.4),
            gap("new model", 0.2),
        ]
    )
    left = summary.compare(old, new)
    jsonschema.validate(left, summary.schema())
    assert {f["subject"]["name"] for f in left["findings"]} == {"grown", "new loss", "new model"}
    grown = next(f for f in left["findings"] if f["subject"]["name"] == "grown")
    change = grown["details"]["baseline"]["difference"]
    # Two independent intervals of half-width 0.05: the change has 0.05 · √2.
    assert change["value"] == pytest.approx(0.4)
    assert change["low"] == pytest.approx(0.4 - 0.05 * 2**0.5)
    assert "a change of +0.400 [0.329, 0.471]" in grown["statement"]
    assert left["baseline"]["left_out"] == 3


def test_what_was_clear_and_can_no_longer_be_judged_is_worse(build):
    from unseen.checks.base import NotApplicable

    about = About("model", "m")
    old = build([Clear(code="U101", about=about, statement="No loss.", next_step="None.")])
    new = build([NotApplicable(code="U101", about=about, statement="3 units.", next_step="Collect more.")])
    assert len(summary.compare(old, new)["findings"]) == 1
    assert summary.compare(new, new)["findings"] == []


def test_nothing_got_worse_against_itself(document):
    assert summary.compare(document, document)["findings"] == []
