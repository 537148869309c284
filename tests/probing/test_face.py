"""``unseen.probe`` asks as the command does, and what it returns shows itself."""

import zipfile

import polars as pl
import pytest

import unseen
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.learners.language.kept import Kept


def test_a_probe_in_python_is_that_of_the_command(log, fake, says, tmp_path):
    model = Kept(fake(says["first"]), Store(tmp_path / "kept"))
    dry = unseen.probe(log(), model=model, variants="order", scorer="choice", dry_run=True)
    assert (dry.calls, str(dry).splitlines()[0]) == (96, "24 items, 72 variants of them; fake")
    assert dry.kept == 0
    assert len(model.model.asked) < 10
    told = []
    made = unseen.probe(
        log(), model=model, variants=["order"], scorer="choice", select=["U4"], progress=lambda *one: told.append(one)
    )
    assert [t[1:] for t in told] == [(i, 96) for i in range(1, 97)]
    assert made.table.height == 96
    assert made.agreement.share == 0.25
    assert "originals, asked again: 6 of 24 score as in the log (25.0 %)" in str(made)
    assert made.audit["U402"]
    assert "notes of the probe" in made._repr_html_()
    assert pl.read_parquet(made.save_table(tmp_path / "t.parquet")).height == 96
    with zipfile.ZipFile(made.save_log(tmp_path / "logs")) as archive:
        assert len([n for n in archive.namelist() if n.startswith("samples/")]) == 96
    assert made.save_html(tmp_path / "r.html").is_file()


def test_errors_speak_of_arguments(log, fake, says):
    with pytest.raises(BadInput, match=r"the scorer of the log with scorer=… \(by-item"):
        unseen.probe(log(), model=fake(says["first"]))
    with pytest.raises(BadInput, match="'colour'"):
        unseen.probe(log(), model=fake(says["first"]), variants=["colour"])


def test_the_log_of_inspect_that_a_probe_writes_is_audited_as_its_table(log, fake, says, tmp_path):
    made = unseen.probe(log(), model=fake(says["first"]), variants=["order", "typos"], scorer="choice", select=["U4"])
    again = unseen.audit(made.save_log(tmp_path / "logs"), select=["U4"])
    said = [
        {f["statement"] for f in a.findings if f["outcome"] in ("found", "clear", "undecided")}
        for a in (made.audit, again)
    ]
    assert said[0] == said[1] != set()


def test_questions_without_right_answers_are_refused_by_what_is_missing(fake, says):
    asked = pl.DataFrame({"id": [1, 2], "question": ["2 + 2 =", "3 + 3 ="], "level": [1, 2]})
    wanted = r"the table has questions \('question'\) but no column of right answers \(target, .*gold.*; the columns are 'id', .*'level'"
    with pytest.raises(BadInput, match=wanted):
        unseen.probe(asked, model=fake(says["first"]))
    with pytest.raises(BadInput, match=wanted):
        unseen.improve(asked, model=fake(says["first"]), shifts="held-out level")
    # The column may bear another name, and `answer` is the right one where nobody else answered.
    for name, how in (("solution", {"target_column": "solution"}), ("answer", {})):
        made = unseen.probe(
            asked.with_columns(pl.Series(name, ["4", "6"])),
            model=fake(says["first"]),
            scorer="exact",
            dry_run=True,
            **how,
        )
        assert str(made).startswith("2 items")


@pytest.mark.parametrize(
    ("given", "told"), [(("-o", "r.parquet"), "no format ends in .parquet"), (("--select", "U999"), "'U999'")]
)
def test_what_can_t_be_written_or_judged_is_told_before_anything_is_asked(given, told, tmp_path, monkeypatch, capsys):
    from unseen import cli

    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"item": ["a"], "question": ["What is 1 + 1?"], "target": ["2"]}).write_csv("items.csv")
    # Nothing listens there: who asked would be told so.
    monkeypatch.setattr(
        "sys.argv", ["unseen", "probe", "items.csv", "--model", "openai:m@http://127.0.0.1:9/v1", *given]
    )
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


def test_a_code_that_no_check_has_is_told_before_anything_is_asked(log, fake, says):
    model = fake(says["first"])
    with pytest.raises(BadInput, match="U999"):
        unseen.probe(log(), model=model, variants="order", scorer="choice", select="U999")
    assert not model.asked
