"""The first screen: one verdict, the scores, stories; within 24 lines, the same in every format."""

import pytest

import unseen
from unseen.api import resolve_sample
from unseen.report import first, github, html, markdown, terminal


@pytest.fixture(scope="module")
def document():
    return unseen.audit(resolve_sample("sample:lm-arithmetic")).document


@pytest.mark.parametrize("width", [80, 90, 100])
def test_the_sample_fits_a_screen(document, width):
    lines = terminal.text(document, width=width).splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= width
    shown = "\n".join(lines)
    assert shown.startswith("All four models fail at digits ≥ 2: ")
    assert "Parts right, whole wrong" in shown
    assert "lost" in shown
    assert "→ Start with 1: " in shown


def test_each_format_begins_with_the_same_verdict(document):
    verdict = document["verdict"]["sentence"]
    assert verdict in " ".join(terminal.text(document).split())
    assert markdown.render(document).startswith(f"# {markdown.escape(verdict)}\n")
    assert f'<h1 class="verdict">{verdict}</h1>' in html.render(document)
    assert github.render(document).startswith(f"::notice title=unseen::{github.data(verdict)}\n")


def test_in_full_every_finding_stands(document):
    text = " ".join(terminal.text(document, full=True).split())
    assert all(f["code"] in text for f in document["findings"] if f["outcome"] == "found")


def test_every_finding_is_in_one_story_or_beside_them(document):
    held = [name for story in document["stories"] for name in story["findings"]]
    assert len(held) == len(set(held))
    found = {f["id"]: f["code"] for f in document["findings"] if f["outcome"] == "found"}
    assert set(held) <= set(found)
    assert {entry.split()[0] for entry in first.rest(document)} == {
        code for name, code in found.items() if name not in held
    }


def test_the_best_and_the_worst_of_many_models_are_shown(document):
    row = document["scores"]["rows"][0]
    many = {**document, "scores": {**document["scores"], "rows": [{**row, "model": f"model {i}"} for i in range(30)]}}
    lines = terminal.text(many).splitlines()
    assert len(lines) <= 23
    named = [line.split("  ")[0] for line in lines if line.startswith("model ") and line[6].isdigit()]
    half = len(named) // 2
    assert named == [f"model {i}" for i in (*range(len(named) - half), *range(30 - half, 30))]
    assert f"… {30 - len(named)} more between" in lines


def test_names_of_models_stay_apart_where_they_are_shortened(document):
    rows = [
        {**r, "model": f"a-very-long-prefix-of-a-model-name-{i}-and-the-same-suffix-for-all"}
        for i, r in enumerate(document["scores"]["rows"])
    ]
    made = {**document, "scores": {**document["scores"], "rows": rows}}
    for width in (60, 80, 100):
        columns, shorten = first.fitted(made, width, rows)
        assert len({shorten(r["model"]) for r in rows}) == len(rows) or len(columns) == 1


def test_nothing_found_is_said_with_what_is_open():
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "model": "m",
            "item": [f"i{i}" for i in range(3000)],
            "score": rng.integers(0, 2, 3000),
            "x": rng.normal(size=3000),
        }
    )
    text = terminal.text(unseen.audit(table, unseen="x > 0").document)
    assert text.startswith("Nothing found: ")
    assert "clear" in text.splitlines()[0]


def test_the_page_holds_the_scores_with_bars_and_each_story_with_its_findings(document):
    page = html.render(document)
    assert page.count('<svg class="bar-cell') == sum(
        row[key] is not None for row in document["scores"]["rows"] for key in first.ESTIMATES
    )
    for story in document["stories"]:
        assert f'<li id="{story["id"]}">' in page
    assert 'class="families"' not in page
    linked = [name for story in document["stories"] for name in story["findings"] if f'href="#{name}"' in page]
    assert linked
    assert all(f'id="{name}"' in page for name in linked)


def test_a_sentence_that_does_not_fit_ends_with_a_whole_word_and_one_mark():
    from rich.console import Console

    from unseen.report.screens import wrapped

    words = "Collect more items of the kind that the finding names before anything else is done with this model there."
    lines = wrapped(words, Console(width=40), most=2, hanging="  ")
    assert len(lines) == 2
    assert lines[1].endswith(" …")
    assert "……" not in lines[1]
    assert all(word in words.split() for word in lines[1].removesuffix(" …").split())
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_ends_between_a_sign_and_its_number_or_within_an_interval(encoding):
    import io

    from rich.console import Console

    from unseen.report.screens import wrapped

    words = "All four models fail at digits ≥ 2 and b = v2: 0.44 → 0.03; lost 0.41 [0.37, 0.45] there, − 0.2 [-0.3, 0.1] elsewhere."
    for width in range(20, 100):
        console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width)
        lines = wrapped(words, console, most=9)
        assert not any(line.endswith(("≥", "=", "[0.37,", "[-0.3,")) for line in lines), (width, lines)
        assert max(map(len, lines)) <= width
        if encoding == "utf-8":
            assert " ".join(lines) == words


@pytest.fixture(scope="module")
def two():
    """Two models: the new one is worse on items of five steps and more."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    steps = rng.integers(1, 8, 800)
    rows = []
    for model, there in (("base", 0.8), ("new", 0.3)):
        right = rng.random(800) < np.where(steps >= 5, there, 0.8)
        rows += [{"model": model, "item": f"q{i}", "steps": int(k), "score": int(r)} for i, (k, r) in enumerate(zip(steps, right, strict=True))]  # fmt: skip
    return unseen.audit(pl.DataFrame(rows), unseen="steps > 4").document


def test_who_of_two_models_is_ahead_is_said_once_with_its_interval(two):
    pair = next(f for f in two["findings"] if f["code"] == "U701")
    assert first.between(two) == pair["statement"]
    assert not any(entry.startswith("U701") for entry in first.rest(two))
    for text in (" ".join(terminal.text(two, width=200).split()), markdown.render(two), html.render(two)):
        assert "base is ahead of new: " in text
    assert "also  U701" not in terminal.text(two)


def test_a_story_of_one_of_several_models_names_it(two, document):
    assert first.stories(two)[0][2] == "new"
    assert first.stories(document)[0][2] == "4 of 4"
    assert first.between(document) == ""
