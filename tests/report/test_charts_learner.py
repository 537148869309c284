"""Pictures of a learner under shift hold what their details say."""

import pytest

from unseen.report.charts import pictures


def finding(code, details, **more):
    estimate = {"value": 0.1, "low": 0.05, "high": 0.15, "level": 0.95, "units": 6, "method": "m"}
    return {
        "code": code, "title": "t", "outcome": "found", "subject": {"kind": "factor", "name": "held-out site"},
        "estimate": estimate, "details": details, "statement": "s", **more,
    }  # fmt: skip


def interval(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "level": 0.95, "units": 6, "method": "m"}


DOMAINS = [
    {
        "domain": f"site=<s{i}>",
        "rows": 50,
        "loss": 0.1 * i,
        "unseen": 0.7 - 0.1 * i,
        "unseen_se": 0.02,
        "reference": 0.7,
    }
    for i in range(3)
]
CASES = [
    ("U801", {"family": "held-out site", "domains": DOMAINS, "next_score": interval(0.6), "measure": "accuracy"}, ["the next domain", "site=&lt;s1&gt;"]),
    ("U802", {"family": "later year", "factor": "year", "levels": [{"at": 2020 + i, "loss": 0.1 * i, "low": 0.0, "high": 0.3} for i in range(3)]}, ["later year", "loss"]),
    ("U803", {"family": "held-out site", "columns": [{"column": "hue", "seen": 0.3, "unseen": -0.1}]}, ["hue", "fall of the score"]),
    ("U806", {"family": "held-out site", "ways": {"in-domain": {"lost": interval(0.1)}, "leave-domains-out": {"lost": interval(0.0)}}}, ["in-domain", "leave-domains-out"]),
    ("U808", {"family": "held-out site", "domains": [{"domain": "site=a", "actual": 0.7, "claimed": interval(0.8)}, {"domain": "site=b", "actual": 0.7, "refused": "no"}]}, ["site=a", "claimed without labels"]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "details", "said"), CASES, ids=[c[0] for c in CASES])
def test_a_picture_names_what_it_shows(code, details, said):
    drawn = pictures(code, [finding(code, details)])
    assert len(drawn) == 1
    for text in said:
        assert text in drawn[0].svg
    assert drawn[0].caption


@pytest.mark.parametrize("code", [c[0] for c in CASES])
def test_details_without_the_numbers_fall_back_to_intervals(code):
    drawn = pictures(code, [finding(code, {})])
    assert "held-out site" in drawn[0].svg


def test_errors_are_shown_as_errors():
    rows = [{**d, "unseen": -d["unseen"], "reference": -d["reference"]} for d in DOMAINS]
    drawn = pictures(
        "U801",
        [
            finding(
                "U801", {"family": "held-out site", "domains": rows, "next_score": interval(-0.6), "measure": "error"}
            )
        ],
    )
    assert "mean absolute error" in drawn[0].svg
    assert "-0.7" not in drawn[0].svg


def test_the_line_at_zero_does_not_run_through_names_and_the_axis_has_one():
    import re

    parts = [finding("U801", {}, subject={"kind": "slice", "name": f"site=s{i}"}) for i in range(3)]
    parts = [{**p, "estimate": {**p["estimate"], "low": -0.05}, "title": "held-out-domain gap"} for p in parts]
    (picture,) = pictures("U801", parts)
    text = str(picture.svg)
    names = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>site=', text)]
    lines = re.findall(r"<line[^>]*reference[^>]*>", text)
    ends = [tuple(float(re.search(rf'{k}="([\d.]+)"', one)[1]) for k in ("y1", "y2")) for one in lines]
    assert len(names) == len(ends) == 3
    assert not any(low <= y <= high for y in names for low, high in ends)
    assert ">held-out-domain gap<" in text
