"""One schema of options: TOML, command line and Python take the same names, and refuse the same values."""

import inspect
import json

import polars as pl
import pytest

import unseen
from unseen.errors import BadInput
from unseen.options import ALIASES, Options

# Options of the command line alone.
COMMAND_LINE = {
    "sources", "format", "output", "accept", "only", "reason", "expires", "statistics", "fail_on", "fail_gap", "full", "quiet",
}  # fmt: skip


def test_python_spells_out_every_option():
    parameters = inspect.signature(unseen.audit).parameters
    assert set(Options.model_fields) - COMMAND_LINE <= set(parameters)


@pytest.mark.parametrize("name", [*Options.model_fields, *ALIASES])
def test_an_option_that_python_calls_otherwise_or_does_otherwise_is_told_what_to_write(name):
    """Each option of the one schema is an argument, or the error says what to use instead of it."""
    if name in inspect.signature(unseen.audit).parameters:
        return
    with pytest.raises(TypeError) as caught:
        unseen.audit({"model": ["m"], "item": [1], "score": [1]}, **{name: "x"})
    assert isinstance(caught.value, BadInput)
    meant = f"; did you mean {ALIASES.get(name)!r}?"
    assert str(caught.value).startswith(f"audit has no argument {name!r}{meant if name in ALIASES else ': use '}")


@pytest.mark.parametrize(
    "face", [unseen.audit, unseen.read, unseen.improve, unseen.plan, unseen.compare, unseen.explain]
)
def test_an_argument_that_no_function_has_is_one_error_of_every_face(face):
    with pytest.raises(BadInput, match=rf"^{face.__name__} has no argument 'levle'[.;]"):
        face(levle=0.9)


def test_arguments_of_python_are_spelt_out():
    assert not any(
        p.kind is p.VAR_KEYWORD
        for f in (unseen.audit, unseen.read, unseen.improve, unseen.plan, unseen.compare)
        for p in inspect.signature(f).parameters.values()
    )


# What names the answers of a table: each face that takes one spells all of it out, for completion.
OF_A_TABLE = {
    "unseen", "split", "model", "model_column", "item_column", "score", "score_range", "cluster", "factors", "time",
    "confidence", "human", "variant_of", "parent", "question", "prediction", "target_column", "repeat", "filter", "metric",
    "reader",
}  # fmt: skip
# With numbers of a design in the same place.
ALSO_NUMBERS = {"score", "factors"}


@pytest.mark.parametrize("face", [unseen.read, unseen.plan])
def test_what_names_a_table_is_the_same_everywhere(face):
    there, own = inspect.signature(unseen.audit).parameters, inspect.signature(face).parameters
    assert set(own) >= OF_A_TABLE
    for name in OF_A_TABLE - (ALSO_NUMBERS if face is unseen.plan else set()):
        assert (own[name].annotation, own[name].default, own[name].kind) == (
            there[name].annotation, there[name].default, there[name].kind
        ), name  # fmt: skip
    # A new role of a column is a new argument here.
    assert set(inspect.signature(unseen.read).parameters) == OF_A_TABLE | {"sources"}


def test_the_command_line_has_every_option():
    from unseen.cli.audit import audit

    there = {
        {"range_": "score_range", "factor": "factors", "shift": "shifts", "filter_": "filter"}.get(n, n)
        for n in inspect.signature(audit).parameters
    }
    # The reader can be named in TOML and Python.
    assert set(Options.model_fields) - there == {"reader"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"level": 2}, "option 'level': input should be less than or equal to 0.999, got 2."),
        ({"levle": 0.9}, "no option 'levle'; did you mean 'level'?"),
        ({"select": 3}, "option 'select': must be a text, or a list of texts, got 3."),
        ({"quiet": "maybe"}, "option 'quiet': input should be a valid boolean, got 'maybe'."),
        ({"score": 3}, "option 'score': input should be a valid string, got 3."),
        ({"score-range": "1:0"}, "option 'score_range': a score range needs low < high, got 1:0."),
        ({"factor": ["x:orderd"]}, "'orderd' is not a kind; a kind is one of ordered, categorical, set."),
        ({"seed": -1}, "option 'seed': input should be greater than or equal to 0, got -1."),
        ({"sources": ["a", 3]}, "option 'sources': input should be a valid string, got 3."),
        ({"unseen": "x" * 1}, None),
    ],
)  # fmt: skip
def test_wrong_options_are_told_with_their_value_wherever_they_stand(given, said, tmp_path, monkeypatch):
    if said is None:
        assert Options.of(given).unseen == "x"
        return
    with pytest.raises(BadInput) as caught:
        Options.of(given)
    assert said in str(caught.value)
    toml = "[tool.unseen]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in given.items())
    (tmp_path / "pyproject.toml").write_text(toml)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as caught:
        Options.from_toml()
    assert str(caught.value) == f"pyproject.toml: {error_of(given)!s}"


def error_of(given):
    with pytest.raises(BadInput) as caught:
        Options.of(given)
    return caught.value


@pytest.mark.parametrize("text", ["[tool.unseen", "tool = 3\nunseen = 4", "[tool]\nunseen = 3", "\x00"])
def test_toml_that_is_none_is_one_error(text, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"own\.toml: "):
        Options.from_toml(path)


def test_toml_sets_what_the_command_line_leaves_and_codes_fail_from_there():
    from unseen.cli.auditing import request_of

    options = request_of({"level": None, "select": "u101"}).options
    assert options.select == ("U101",)
    merged = Options.of({"level": 0.9, "select": ["U1"], "fail-on": "U101,undecided"}, {"level": None, "seed": 3})
    assert (merged.level, merged.seed, merged.select, merged.fail_on) == (0.9, 3, ("U1",), ("U101", "UNDECIDED"))


def test_the_file_is_obeyed_by_the_command(tmp_path, monkeypatch, capsys):
    import sys

    from unseen.cli import main

    rows = [
        {"model": m, "item": f"i{k}", "score": float(k % 3 > 0 if k < 60 else k % 3 == 0), "digits": k // 60}
        for m in "ab"
        for k in range(120)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "log.csv")
    (tmp_path / "unseen.toml").write_text(
        'sources = ["log.csv"]\nunseen = "digits > 0"\nselect = "U101"\nfail-on = ["U101"]\nlevel = 0.9\nformat = "json"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["unseen", "audit"])
    with pytest.raises(SystemExit) as stop:
        main()
    document = json.loads(capsys.readouterr().out)
    assert stop.value.code == 1
    assert {f["code"] for f in document["findings"]} == {"U101"}
    assert document["findings"][0]["estimate"]["level"] == 0.9


def test_python_takes_the_settings_by_name():
    frame = pl.DataFrame(
        {
            "model": "m",
            "item": [f"i{k}" for k in range(80)],
            "score": [k % 2 for k in range(80)],
            "d": [k // 40 for k in range(80)],
        }
    )
    audit = unseen.audit(frame, unseen="d > 0", select="U101", level=0.8, gap_that_matters=0.5)
    assert audit.result.settings.level == 0.8
    assert audit.result.outcomes[0].estimate.level == 0.8
    assert len(audit.clear) == 1
    with pytest.raises(BadInput, match="option 'level'"):
        unseen.audit(frame, level=3)
