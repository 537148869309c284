"""What a user of Python sees: objects that show themselves, frames, pictures, comparisons, help that fits."""

import inspect
import pydoc
import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

import unseen
from unseen import faces
from unseen.errors import BadInput


@pytest.fixture(scope="module")
def audit() -> unseen.Audit:
    rng = np.random.default_rng(0)
    n = 200
    right = np.r_[np.full(n, 0.9), np.full(n, 0.2)]
    table = pl.concat(
        [
            pl.DataFrame(
                {
                    "model": m, "item": [f"i{k}" for k in range(2 * n)], "score": (rng.random(2 * n) < right).astype(float),
                    "digits": [1] * n + [3] * n, "question": [f"<b>{k}</b>" for k in range(2 * n)],
                }
            )
            for m in ("a", "b <i>")
        ]
    )  # fmt: skip
    return unseen.audit(table, unseen="digits > 1", select="U1,U7")


def test_codes_families_and_identifiers_pick_findings(audit: unseen.Audit):
    assert {f.code for f in audit["U101"]} == {"U101"}
    assert len(audit["u1"]) > len(audit["U101"]) == 2
    one = audit["U101"][0]
    assert audit[one.id][0].statement == one.statement
    assert [f.code for f in audit["U5"]] == []
    with pytest.raises(BadInput, match="no check begins with 'U999'"):
        audit["U999"]


def test_the_frame_has_one_row_an_outcome_and_numbers_as_numbers(audit: unseen.Audit):
    frame = audit.to_frame()
    assert frame.height == len(audit.findings)
    gaps = frame.filter(pl.col("code") == "U101")
    assert gaps["value"].to_list() == [f["estimate"]["value"] for f in audit.findings if f["code"] == "U101"]
    assert gaps["models"].to_list() in ([["a"], ["b <i>"]], [["b <i>"], ["a"]])
    assert (gaps["low"] < gaps["value"]).all()
    assert frame.to_pandas().shape == frame.shape
    assert (
        unseen.audit(pl.DataFrame({"model": ["m"], "item": ["i"], "score": [1.0]}), select="U101").to_frame().height
        == 1
    )


def test_by_model_gives_each_model_its_own_findings_and_pairs_to_both(audit: unseen.Audit):
    own = audit.by_model()
    assert set(own) == {"a", "b <i>"}
    for name, findings in own.items():
        assert all(name in f.models for f in findings)
        assert {"U101", "U701"} <= {f.code for f in findings}


def test_the_answers_behind_a_finding_are_rows_of_the_table(audit: unseen.Audit):
    finding = audit["U101"][0]
    rows = finding.items()
    assert rows.columns[:2] == ["why", "expected"]
    assert set(rows["why"]) == {"worst", "typical", "surprising"}
    assert set(rows["model"].cast(pl.String)) == set(finding.models)
    assert rows.filter(pl.col("why") == "worst")["score"].to_list() == [0.0] * 3
    assert finding.items(each=1).height == 3


def test_pictures_stand_by_themselves_and_are_saved(audit: unseen.Audit, tmp_path):
    plot = audit["U101"].plot()
    assert "seen" in repr(plot)
    root = ElementTree.fromstring(audit["U101"][0].plot().save(tmp_path / "gap.svg").read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    style = next(e.text or "" for e in root.iter() if e.tag.endswith("style"))
    assert "#" in style
    assert "var(" not in style, "not every program that draws SVG knows variables"
    assert ":root" not in style, "the rules are for the picture alone, not for the page around it"
    assert "url(" not in style
    assert "<i>" not in plot._repr_html_()


def test_reprs_are_one_readable_line_or_a_short_table(audit: unseen.Audit):
    assert repr(audit).startswith("<Audit: ")
    assert audit.document["verdict"]["sentence"] in repr(audit)
    one = audit["U101"][0]
    assert repr(one).startswith("<U101 found, ")
    assert "\n" not in repr(one)
    assert len(repr(audit["U101"]).splitlines()) == 2
    assert "<i>" not in audit["U101"]._repr_html_() + one._repr_html_()
    assert (
        repr(unseen.audit(pl.DataFrame({"model": ["m"], "item": ["i"], "score": [1.0]}), select="U1")["U7"])
        == "<no finding>"
    )


def test_a_comparison_takes_audits_reports_and_answers(audit: unseen.Audit, tmp_path):
    assert audit.responses is not None
    table = audit.responses.table.select("model", "item", "score", "digits", "question")
    worse = table.with_columns(score=pl.when(pl.col("model") == "a").then(pl.col("score") * 0.5).otherwise("score"))
    later = unseen.audit(worse, unseen="digits > 1", select="U101")
    for made in (audit, later):
        made.to_json(tmp_path / ("before.json" if made is audit else "after.json"))
    told = {
        unseen.compare(before, after).document["verdict"]["sentence"]
        for before in (audit, audit.document, tmp_path / "before.json", table)
        for after in (later, later.document, str(tmp_path / "after.json"), worse)
    }
    assert len(told) == 1
    assert told.pop().startswith("1 of 2 models lost score since the baseline. a: ")
    # The sides come with the report.
    compared = unseen.compare(tmp_path / "before.json", tmp_path / "after.json")
    assert {f.entry["details"]["side"] for f in compared["U705"]} == {"all", "seen", "unseen"}


def test_explain_shows_the_page_where_it_is_typed():
    assert repr(unseen.explain("U705")).startswith("U705  change since the baseline\n\nQuestion\n")
    assert repr(unseen.explain("U70")).splitlines()[0].startswith("U701  ")
    assert unseen.explain("U101")._repr_html_().startswith("<pre>U101")


def test_help_begins_with_an_overview_and_does_not_print_every_function():
    shown = pydoc.plain(pydoc.render_doc(unseen))
    assert len(shown.splitlines()) < 80
    assert all(f"{name}(" in shown[:1500] for name in ("audit", "compare", "improve", "plan", "read", "explain"))
    assert {"audit", "compare", "Audit"} <= set(dir(unseen))


def test_scores_verdict_stories_and_outcomes_can_be_read_where_they_are_typed(audit: unseen.Audit):
    assert audit.scores is not None
    lines = repr(audit.scores).splitlines()
    assert lines[0].split() == ["model", "overall", "seen", "unseen", "gap", "tier"]
    assert len(lines) == 3
    frame = audit.scores.to_frame()
    assert frame["seen_low"].to_list() == [row.seen.low for row in audit.scores.rows if row.seen]
    assert frame["calibration"].to_list() == [None, None]
    assert repr(audit.verdict) == f"<Verdict: {audit.verdict.sentence}>"
    assert all(repr(story).startswith(f"<Story: {story.title}. ") for story in audit.stories)
    assert repr(audit.found[0]).startswith(f"<{audit.found[0].code} found, ")
    assert len(repr(audit.told)) < 400


def test_what_is_found_is_what_the_code_gives_and_hides_no_other_outcome(audit: unseen.Audit):
    for name in ("found", "clear", "undecided", "not_applicable"):
        own = getattr(audit, name)
        assert [f.id for f in own] == [f.id for f in audit.all if f.outcome == name]
    first = audit.found[0]
    assert first.items().height
    assert first.plot()._repr_html_()
    assert "\n" not in repr(first)
    assert not any(hasattr(first, hidden) for hidden in ("otherwise", "blames"))
    assert len(audit.found + audit.clear) == len(audit.found) + len(audit.clear)


def test_a_refitted_learner_is_one_model_that_holds_its_main_result():
    rng = np.random.default_rng(0)
    site = np.repeat([f"s{i}" for i in range(6)], 40)
    x = rng.normal(size=240)
    table = pl.DataFrame({"site": site, "x": x, "y": (x + rng.normal(size=240) > 0).astype(int)})
    audit = unseen.audit(
        table, target="y", learner="logistic", shifts="held-out site", select=["U101", "U801"], refits=1,
        executor="serial", progress=False,
    )  # fmt: skip
    [(name, own)] = audit.by_model().items()
    assert name == audit.document["learner"]["name"]
    assert "U801" in {f.code for f in own}
    assert all(f.models for f in own)
    assert repr(audit.by_model()).startswith(f"{name}  {len(audit.found)} found, ")


def test_errors_and_advice_in_python_name_arguments_that_exist(audit: unseen.Audit):
    rows = {"model": ["a", "b"], "question": ["q", "r"], "score": [1, 0]}
    with pytest.raises(BadInput, match=r"no column 'item'.* with item_column=…\.$"):
        unseen.audit(rows)
    with pytest.raises(BadInput, match=r"model_column=…, or give the model's name with model=…\.$"):
        unseen.audit({"item": ["q", "q"], "score": [1, 0]})
    with pytest.raises(BadInput, match=r"^cluster: no column 'patinet'"):
        unseen.audit(rows | {"item": ["q", "r"], "patient": [1, 2]}, cluster="patinet")
    shown = [str(audit), audit._repr_html_(), *(f.next_step for f in audit.all), *(s.next_step for s in audit.stories)]
    assert not any(re.search(r"(?<![\w-])--[a-z]", re.sub("<style.*?</style>", "", text, flags=re.S)) for text in shown)
    assert f'unseen.explain("{audit.stories[0].codes[0]}")' in str(audit)


def test_what_is_saved_from_python_names_arguments_in_every_format(audit: unseen.Audit, tmp_path):
    """The sample has every kind of advice: what would open a check, next steps, methods."""
    bare = unseen.audit({"model": ["a"] * 40 + ["b"] * 40, "item": [*range(40)] * 2, "score": [0, 1] * 40})
    planned = unseen.plan(items=400)
    for made in (audit, bare, planned):
        page = made.save_html(tmp_path / "r.html").read_text(encoding="utf-8")
        for text in (page, made.to_json(), made.to_markdown(tmp_path / "r.md"), made._repr_html_(), str(made)):
            shown = re.sub(r"(?s)(<|&lt;)(style|script).*?\2(>|&gt;)", "", text)
            assert not re.findall(r".*(?<![\w-])--[a-z].*", shown)
            assert not re.findall(
                r".*\bunseen (?:explain|plan|improve|audit) (?!from).*", re.sub('title="[^"]*"', "", shown)
            )
    assert "train='FILE'" in bare.to_json()
    with faces.terminal():
        assert "--train FILE" in unseen.Audit(bare.result).to_json()


def test_an_audit_has_its_stories_when_it_is_returned():
    """The cell that shows it has nothing left to search: the first view draws only."""
    made = unseen.audit({"model": ["a"] * 40, "item": [*range(40)], "score": [0, 1] * 20}, select="U1")
    assert "told" in vars(made)


def test_every_option_that_advice_turns_into_an_argument_is_one():
    known = {
        name for one in (unseen.audit, unseen.improve, unseen.plan, unseen.read, unseen.compare, unseen.probe)
        for name in inspect.signature(one).parameters
    }  # fmt: skip
    assert {faces.ARGUMENTS.get(o, o.replace("-", "_")) for o in faces.OPTIONS} <= known


def test_the_command_line_keeps_its_options_where_it_calls_the_library():
    with faces.terminal(), pytest.raises(BadInput, match="--clusters or --rows-per-cluster"):
        unseen.plan(intraclass=0.5, items=100)


def test_a_comparison_says_which_of_its_two_frames_lacks_a_column():
    good = {"model": ["a"] * 2, "item": ["q", "r"], "score": [1, 0]}
    bad = {"model": ["a"] * 2, "item": ["q", "r"]}
    for sides, name in (((bad, good), "before"), ((good, bad), "after")):
        with pytest.raises(BadInput, match=rf"^{name}: no column .score.; .*score=…"):
            unseen.compare(*(pl.DataFrame(side) for side in sides))


def test_an_audit_iterates_over_its_outcomes_in_their_order(audit: unseen.Audit):
    assert [f.id for f in audit] == [f["id"] for f in audit.findings]


def test_printing_an_audit_in_a_notebook_is_text_as_everywhere(audit: unseen.Audit, monkeypatch, capsys):
    before = str(audit)
    # What rich asks to know whether it runs in Jupyter, where it would show each line as an output and leave no text.
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert str(audit) == before
    assert capsys.readouterr().out == ""


def test_a_picture_is_saved_as_what_its_name_ends_in(audit: unseen.Audit, tmp_path):
    plot = audit["U101"][0].plot()
    begins = {"gap.svg": b"<svg", "gap.png": b"\x89PNG", "gap.pdf": b"%PDF"}
    for name, first in begins.items():
        assert plot.save(tmp_path / name).read_bytes().startswith(first), name
    with pytest.raises(BadInput, match=r"gap\.gif"):
        plot.save(tmp_path / "gap.gif")
    assert {path.name for path in tmp_path.iterdir()} == set(begins)


def test_a_notebook_shows_an_error_of_ours_without_our_code():
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    shown: list[str] = []
    shell._showtraceback = lambda kind, error, lines: shown.extend(lines)
    shell.run_cell("import unseen\nunseen.audit('no such file.csv')")
    assert shown == ["BadInput: no such file.csv: no such file or folder."]


def test_what_the_baseline_was_not_asked_is_not_said_to_be_new(audit: unseen.Audit):
    table = audit.responses.table
    few = unseen.audit(table, select="U104")
    now = unseen.audit(table, select="U1,U7", baseline=few.document)
    said = {f["code"]: f["statement"] for f in now.document["findings"] if f["outcome"] == "found"}
    assert said["U101"].endswith("The baseline did not ask this.")
