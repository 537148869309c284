"""Terminal, Markdown, GitHub and HTML: complete, readable, and safe against hostile names."""

import io
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from unseen.checks import details
from unseen.checks.details import gaps, models
from unseen.estimates import Estimate
from unseen.report import charts, github, html, markdown, terminal
from unseen.report.pages import asset
from unseen.report.picture import Shown, intervals
from unseen.report.plain import to_json

HOSTILE = "<script>alert('x')</script>"
E = Estimate(0.2, 0.1, 0.3, 50, "t")


class Page(HTMLParser):
    """Tags, attributes and identifiers of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [v for k, v in attrs if k == "id"]


@pytest.fixture(scope="module")
def page(document):
    return html.render(document)


def test_the_page_runs_only_its_own_script_and_loads_nothing(page):
    seen = Page(page)
    assert seen.tags.count("script") == 1
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(" in page
    assert not [(k, v) for k, v in seen.attributes if k.startswith("on") or k == "style"]
    loads = [(k, v) for k, v in seen.attributes if k in ("src", "href", "xlink:href", "action", "data", "poster")]
    assert all(v.startswith("#") or v == "data:," for _, v in loads)
    assert not re.search(r"@import|url\(", page)
    policy = dict(seen.attributes)["content"]
    assert "default-src" in page
    assert "unsafe-inline" not in policy


def test_every_link_inside_the_page_has_its_target(page):
    seen = Page(page)
    assert len(seen.ids) == len(set(seen.ids))
    # A link to the answers behind a finding names the finding.
    targets = {v[1:].removeprefix("finding=") for k, v in seen.attributes if k == "href" and v.startswith("#")}
    assert targets <= set(seen.ids)


def test_every_finding_is_in_the_page_with_its_numbers(page, document):
    for f in document["findings"]:
        if f["outcome"] == "found":
            assert f'id="{f["id"]}"' in page
    assert "0.380 [0.320, 0.440]" in page
    assert "120 independent units" in page


def test_the_page_stays_small(page):
    assert len(page.encode()) < 1_000_000


def test_a_large_audit_keeps_the_page_bounded(build, outcome):
    rows = [{"item": f"i{i}", "question": "q" * 5000} for i in range(300)]
    many = [outcome("U101", "model", f"m{i}", E, {"examples": rows}) for i in range(60)]
    text = html.render(build(many))
    assert "20 more stand in" in text
    assert len(text.encode()) < 5_000_000
    assert text.count("<figure>") <= html.MAX_PICTURES


def test_a_fixed_theme_is_set(document):
    assert '<html lang="en" data-theme="dark">' in html.render(document, theme="dark")


@pytest.mark.parametrize("kind", details.kinds(), ids=lambda known: known[1].__name__)
def test_details_of_any_layout_draw_a_picture_or_fall_back(kind, document):
    base = document["findings"][0]
    odd = (
        {}, {"levels": []}, {"levels": [{"level": None}]}, {"levels": "text"}, {"curve": [{"confidence": 1}]},
        {"seen": 1, "unseen": {}}, {"persons": [{}], "items": [{"difficulty": None}]}, {"total": None},
        {"methods": [None]}, {"slices": [{"conditions": []}]}, {"levels": [{"level": 1, "value": True}] * 3},
        {"strict": {"complete mastery": "x"}}, {"models": [{"model": "a", "left": 1}]}, {"pairs": 0},
    )  # fmt: skip
    keys = kind[0]
    # Every key of the kind is there, and what stands under it is of another type, empty, or missing.
    for own in (*odd, dict.fromkeys(keys), dict.fromkeys(keys, "x"), dict.fromkeys(keys, ()), dict.fromkeys(keys, 0)):
        drawn = charts.pictures([{**base, "details": own}])
        assert drawn, own
        assert all(p.svg.startswith("<svg") and "nan" not in p.svg for p in drawn)


def test_every_kind_of_details_with_a_picture_of_its_own_draws_it(document):
    drawn = set()
    for code in {f["code"] for f in document["findings"]}:
        group = [f for f in document["findings"] if f["code"] == code and f["outcome"] != "not_applicable"]
        kinds = {type(kind) for f in group if (kind := details.read(f["details"])) is not None}
        homes = {home for kind in kinds if (home := charts.home_of(kind)) is not None}
        if homes:
            assert charts.pictures(group) != charts._tried(intervals, group)
            assert any(charts._tried(charts._function(h), _shown(group, h)) for h in homes), code
        drawn |= homes
    assert len(drawn) >= 14


def _shown(group, home):
    known = [Shown(f, kind) for f in group if (kind := details.read(f["details"])) is not None]
    return [one for one in known if charts.home_of(type(one.details)) == home]


def test_a_finding_without_a_number_needs_no_picture(build, outcome):
    made = build([outcome("U202", "item", "i1", None)])
    assert charts.pictures(made["findings"]) == []
    assert "i1 was met 12 times." in html.render(made)


def test_the_frontier_shades_the_seen_range_and_marks_the_break(document):
    f = next(f for f in document["findings"] if f["code"] == "U104")
    svg = charts.pictures([f])[0].svg
    assert 'class="shade seen"' in svg
    assert 'class="cut bad"' in svg


def test_the_terminal_is_readable_at_eighty_columns(document):
    lines = terminal.text(document).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "27 findings by 15 checks"
    assert any(line.startswith("U101") for line in lines)
    assert all(line == line.rstrip() for line in lines)
    assert "\x1b" not in terminal.text(document)
    assert "\x1b[1m" in terminal.text(document, color=True)


def test_the_terminal_groups_models_and_says_the_next_step_once(document):
    text = terminal.text(document)
    section = text.split("U101  Seen")[1].split("U104")[0]
    assert section.count("→") == 1
    assert section.count("units") == 4


def test_markup_and_control_characters_in_names_do_nothing(build, outcome):
    name = "[bold red]x[/] \x1b[31m :smile: [link=http://x]"
    text = terminal.text(build([outcome("U101", "model", name, E)]))
    assert "[bold red]x[/]" in text
    assert "\x1b" not in text
    assert ":smile:" in text


def test_a_terminal_without_unicode_gets_ascii(document):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    terminal.show(document, stream)
    text = raw.getvalue().decode("ascii")
    assert "-> Read U102" in text
    assert "0.380 [0.320, 0.440]" in text


def test_describe_shows_factors_and_their_kinds(responses):
    file = io.StringIO()
    terminal.describe(responses, file)
    assert re.search(r"digits\s+ordered", file.getvalue())
    assert "400" in file.getvalue()


def test_markdown_holds_every_check_and_no_live_names(document):
    text = markdown.render(document)
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    tags = Page(rendered).tags
    assert "script" not in tags
    assert "a" not in tags
    assert all(f"## {code} " in text for code in {f["code"] for f in document["findings"] if f["outcome"] == "found"})
    cells = [line.count(" | ") for line in text.splitlines() if line.startswith("| SmolLM2")]
    assert set(cells) == {3}


def test_names_can_not_start_workflow_commands(build, outcome):
    name = "m\n::error::stolen,title=x"
    lines = github.render(build([outcome("U101", "model", name, E)])).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::notice", "::warning"]
    assert "::error" not in lines[1].split("::")[1]


def test_annotations_stay_within_what_github_shows(document, tmp_path, monkeypatch):
    text = github.render(document)
    assert text.count("::warning") == 10
    assert "18 more findings" in text
    codes = re.findall(r"title=(U\d{3})", text)
    assert len(codes) == len(set(codes)) == 9
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert github.write_summary(document).read_text(encoding="utf-8").startswith("# 27 findings")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert github.write_summary(document) is None


def test_a_comparison_says_so(document):
    from unseen.report import summary

    left = summary.compare(document, document)
    assert terminal.text(left).startswith("Nothing got worse")
    assert "Nothing got worse" in html.render(left)
    assert markdown.render(left).startswith("# Nothing got worse")


def test_clear_checks_with_a_picture_show_it(document, page):
    assert "U701" not in {f["code"] for f in document["findings"] if f["outcome"] == "found"}
    assert "in pictures" in page
    assert "Differences between models" in page


@pytest.fixture(scope="module")
def sample_document():
    """The audit of the bundled sample, by the checks of gaps."""
    from unseen.auditing import run
    from unseen.checks.base import Settings, Subject
    from unseen.data.sample import load_sample
    from unseen.report import summary
    from unseen.responses import Responses

    responses = Responses.of(load_sample("lm-arithmetic"))
    result = run(Subject(responses=responses), Settings(n_resamples=100), select=("U101", "U102", "U104"))
    return summary.summarise(result, sources=["sample:lm-arithmetic"])


def test_all_formats_tell_of_the_sample(sample_document):
    import jsonschema

    from unseen.report import summary

    jsonschema.validate(sample_document, summary.schema())
    worst = next(f for f in sample_document["findings"] if f["outcome"] == "found")
    name = worst["subject"]["name"]
    written = {
        "json": to_json(sample_document), "text": terminal.text(sample_document, full=True),
        "html": html.render(sample_document), "github": github.render(sample_document),
        "markdown": markdown.render(sample_document),
    }  # fmt: skip
    for format_, text in written.items():
        assert worst["code"] in text, format_
        assert name in text, format_
    assert "SmolLM2-135M-Instruct" in written["text"]
    assert 'class="shade seen"' in written["html"]


def _detectable(smallest):
    return gaps.Detectable(
        model="m", smallest_detectable=smallest, gap_that_matters=0.1, level_tested=0.05, units=100, times=2.0,
        units_needed=200, standard_error=0.05, counts="50 and 50", scale=1.0,
    )  # fmt: skip


def test_the_smallest_detectable_gap_stands_against_the_one_that_matters(build, outcome):
    made = build([outcome("U003", "model", f"m{i}", None, _detectable(v)) for i, v in enumerate((0.2, 0.05))])
    (drawn,) = charts.pictures(made["findings"])
    assert "gap that matters" in drawn.svg
    assert 'class="dot unseen"' in drawn.svg
    assert 'class="dot good"' in drawn.svg
    assert "whisker" not in drawn.svg


def test_a_single_point_stands_on_an_axis_that_shows_its_size(build, outcome):
    one = build([outcome("U202", "item", "i1", Estimate(0.78, 0.76, 0.80, 50, "t"))])["findings"]
    (picture,) = charts.pictures(one)
    ticks = [float(t) for t in re.findall(r'class="tick"[^>]*>([\d.]+)<', picture.svg)]
    assert (min(ticks), max(ticks)) == (0.0, 1.0)


def test_a_gap_beyond_the_whole_range_is_shown_as_none(build, outcome):
    (picture,) = charts.pictures(build([outcome("U003", "model", "m", E, _detectable(1.7))])["findings"])
    assert max(float(t) for t in re.findall(r'class="tick"[^>]*>([\d.]+)<', picture.svg)) <= 1.0
    assert ">none<" in picture.svg
    assert [t.value for t in picture.svg.tips] == [1.0]


def test_uninformative_items_are_drawn_as_shares_of_all(build, outcome):
    shares = models.SolvedByAll(
        total=200, every=30, none=50, solved_by_all=(), solved_by_none=(), listed_at_most=9
    )  # fmt: skip
    (picture,) = charts.pictures(build([outcome("U205", "data", "all", E, shares)])["findings"])
    assert [t.value for t in picture.svg.tips] == [0.15, 0.6, 0.25]


def test_stretches_of_an_order_stand_in_it_and_other_levels_by_their_mean():
    from unseen.report.charts_gap import _rows_by_level
    from unseen.report.forms import Curve, Mark

    def order(names: list[str], means: list[float]) -> list[str]:
        line = Curve("", "accent", [Mark(f"length {n}", v) for n, v in zip(names, means, strict=True)])
        return [row[0].label for row in _rows_by_level([line], names)]

    assert order(["11 to 13", "14 to 16", "9 to 10", "2 to 4"], [0.1, 0.2, 0.5, 0.9]) == [
        "2 to 4", "9 to 10", "11 to 13", "14 to 16",
    ]  # fmt: skip
    assert order(["wiki", "code"], [0.9, 0.2]) == ["code", "wiki"]


def test_the_bars_of_a_difference_have_a_mark_at_zero():
    from unseen.report import first
    from unseen.report.first_html import _cell

    column = first.Column("gap", "lost", 1)
    value = {"value": 0.3, "low": 0.1, "high": 0.5, "units": 9, "level": 0.95, "method": "m"}
    cell = _cell({"gap": value}, column, (-0.5, 0.5))
    assert cell.bar is not None
    assert cell.bar.zero == "49.2"
    assert _cell({"seen": value}, first.Column("seen", "seen", 1), (0.0, 1.0)).bar.zero is None


def test_scripts_of_the_page_stay_small_enough_to_go_without_a_bundler():
    """docs/architecture.md says why they are plain scripts, and at how many lines they stop being so."""
    for name in ("script.js", "pictures.js", "drawer.js"):
        assert len(asset(name).splitlines()) <= 300, (
            f"{name}: make it a bundle of TypeScript, as docs/architecture.md says"
        )
