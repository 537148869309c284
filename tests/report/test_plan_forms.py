"""A plan in every form: the same numbers, strict JSON, and nothing that a name can break out of."""

import json
import re

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.errors import BadInput
from unseen.planned import render
from unseen.report.plan_picture import picture

EVIL = "<script>alert(1)</script>|[x](y)"


@pytest.fixture(scope="module")
def planned():
    return unseen.plan(
        models=4, items=500, unseen_share=0.4, clusters=50, intraclass=0.1, score=0.7, select=["U101", "U701"]
    )


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "model": [EVIL] * 200,
            "item": [f"i{i}" for i in range(200)],
            "split": ["seen", "unseen"] * 100,
            "score": (rng.random(200) < 0.7) * 1.0,
        }
    )
    return unseen.plan(table, select=["U101", "U701"], source=EVIL)


def test_the_document_is_strict_json_and_reads_back_the_same(planned, measured):
    for one in (planned, measured):
        ten = json.loads(json.dumps(one.document), parse_float=lambda text: float(f"{float(text):.10g}"))
        assert json.loads(one.to_json()) == ten
        assert one.document["kind"] == "plan"
    assert [b["origin"] for b in planned.document["basis"][:4]] == ["assumed"] * 4
    assert {b["origin"] for b in measured.document["basis"]} == {"counted", "measured"}
    assert all(b["low"] is not None for b in measured.document["basis"] if b["origin"] == "measured")


def test_every_form_gives_the_same_numbers(planned):
    need = f"{planned.items_to_decide:,}"
    found = f"{planned.smallest_gap_found:.3f}"
    for form in ("text", "markdown", "html"):
        text = render(planned.document, form, full=True)
        assert need in text
        assert found in text
        assert "by assumption" in text
    with pytest.raises(BadInput, match="is not one of text, json, markdown, html"):
        render(planned.document, "pdf")


def test_names_can_not_break_out(measured):
    page = render(measured.document, "html")
    assert "<script>alert" not in page
    assert "<script>" not in render(measured.document, "markdown")
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "measured: [" in str(measured)


def test_the_picture_has_a_line_for_each_number_the_design_and_axes_with_numbers(planned, measured):
    svg = picture(planned.document)
    assert svg.count('class="curve') == 4
    assert "50 clusters, as planned" in svg
    assert f"this design: {planned.smallest_gap_found:.3f}" in svg
    assert {"100", "1,000"} <= set(re.findall(r'class="tick"[^>]*>([^<]+)<', svg))
    assert "1 model, as planned" in picture(measured.document)
    # The dot lies on its line.
    x, y = map(float, re.search(r'circle cx="([\d.]+)" cy="([\d.]+)" r="5.5"', svg).groups())
    line = re.search(r'd="M([^"]+)" class="curve c1"', svg)[1]
    points = np.array([[float(v) for v in p.split()] for p in line.split("L")])
    assert abs(np.interp(x, points[:, 0], points[:, 1]) - y) < 1.5


def test_a_score_without_room_is_said_not_drawn():
    none = unseen.plan(models=1, items=40, score=0.05, factors=0, select=["U101"])
    assert none.smallest_gap_found is None
    assert "no gap that the expected score has room for" in str(none)
    assert "<svg" in render(none.document, "html")


def test_the_first_screen_of_a_plan_holds_the_answer_and_what_is_too_few(planned, measured):
    for made in (planned, measured):
        short, whole = (render(made.document, "text", full=full) for full in (False, True))
        assert len(short.splitlines()) <= 23 < len(whole.splitlines())
        assert short.splitlines()[0] == whole.splitlines()[0]
        assert "What this design shows" in short
        assert all(note in " ".join(short.split()) for note in made.document["notes"])
        assert short.rstrip().endswith("--full")
    assert str(planned).rstrip().endswith('made.save_html("plan.html")')
