"""Tasks from the command line."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest

COMMAND = [sys.executable, "-c", "from unseen.cli import main; main()", "task", "sample", "scan"]


def test_every_task_is_listed(run):
    from unseen import tasks

    code, out, _ = run("task", "list", "--format", "json")
    assert code == 0
    assert {row["name"] for row in json.loads(out)} == set(tasks.names())


def test_a_sampled_line_holds_item_input_target_and_factors(run):
    code, out, _ = run("task", "sample", "scan", "--n", "5", "--seed", "7")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(lines) == 5
    assert all(set(line) == {"item", "input", "target", "factors"} for line in lines)
    assert run("task", "sample", "scan", "--n", "5", "--seed", "7")[1] == out


def test_a_published_split_is_written_part_by_part(run, tmp_path):
    code, _, err = run("task", "sample", "scan", "--split", "jump", "--output", tmp_path / "s.parquet")
    assert (code, err) == (0, "")
    table = pl.read_parquet(tmp_path / "s.parquet")
    assert dict(table.group_by("part").len().iter_rows()) == {"train": 14_670, "test": 7_706}


def test_a_split_that_is_drawn_anew_says_so(run):
    code, out, err = run("task", "sample", "scan", "--split", "simple", "--part", "test", "--n", "3", "--form", "text")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [set(line) for line in lines] == [{"part", "item", "input", "target", "factors"}] * 3
    assert all(line["part"] == "test" and isinstance(line["input"], str) for line in lines)
    assert "drawn anew by the published rule (--seed 0); the released rows differ" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scan", "--split", "jumpp"], "did you mean 'jump'"),
        (["scan", "--split", "jump", "--part", "dev"], "not one of train, test"),
        (["scan", "--split", "jump", "--option", "length=3"], "leave out --option and --setting"),
        (["scan", "--part", "train"], "name it by --split"),
        (["copy", "--split", "jump"], "has no published splits"),
    ],
)
def test_splits_that_there_are_not_are_refused(run, arguments, message):
    code, _, err = run("task", "sample", *arguments)
    assert code == 2
    assert message in " ".join(err.split())


def test_a_finite_task_yields_each_item_once_before_any_twice(run):
    _, out, _ = run("task", "sample", "scan", "--n", "20910")
    assert len({json.loads(line)["item"] for line in out.splitlines()}) == 20_910


def test_options_constrain_factors(run):
    _, out, _ = run("task", "sample", "scan", "--n", "20", "--option", "actions=30:48", "--option", "conjunction=and")
    for line in out.splitlines():
        factors = json.loads(line)["factors"]
        assert factors["actions"] >= 30
        assert factors["conjunction"] == "and"


def test_parquet_keeps_the_factors(run, tmp_path):
    assert run("task", "sample", "multi-digit", "--n", "30", "--output", tmp_path / "s.parquet")[0] == 0
    assert {"item", "input", "target"} < set(pl.read_parquet(tmp_path / "s.parquet").columns)


def test_a_pipe_gets_every_line():
    made = subprocess.run([*COMMAND, "--n", "1000", "--seed", "7"], capture_output=True, text=True)
    lines = [json.loads(line) for line in made.stdout.splitlines()]
    assert (made.returncode, made.stderr, len(lines)) == (0, "", 1000)
    assert len({line["item"] for line in lines}) == 1000


@pytest.mark.parametrize("n", [20_000, 3], ids=["while writing", "at the last flush"])
def test_a_reader_that_goes_away_is_no_error(n):
    reading, writing = os.pipe()
    process = subprocess.Popen([*COMMAND, "--n", str(n)], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    if n > 3:
        assert os.read(reading, 1)
    os.close(reading)
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("n", [2000, 3], ids=["while writing", "at the last flush"])
def test_a_full_disk_behind_the_output_is_told(n):
    with open("/dev/full", "w") as full:
        made = subprocess.run([*COMMAND, "--n", str(n)], stdout=full, stderr=subprocess.PIPE, text=True)
    assert made.returncode == 2
    assert made.stderr == "unseen: the output could not be written (No space left on device).\n"


def test_parquet_holds_the_same_items_as_the_lines(run, tmp_path):
    assert run("task", "sample", "scan", "--n", "1000", "--seed", "7", "--output", tmp_path / "scan.parquet")[0] == 0
    table = pl.read_parquet(tmp_path / "scan.parquet")
    lines = [json.loads(line) for line in run("task", "sample", "scan", "--n", "1000", "--seed", "7")[1].splitlines()]
    assert table["item"].to_list() == [line["item"] for line in lines]
    assert table["target"].to_list() == [line["target"] for line in lines]
    assert table.drop("item", "input", "target").to_dicts() == [line["factors"] for line in lines]


def test_wrong_names_are_refused_with_near_ones(run):
    assert "did you mean 'scan'" in run("task", "sample", "scann")[2]
    assert "did you mean 'length'" in run("task", "sample", "scan", "--option", "lenth=3")[2]
    assert (
        "no item under these options"
        in run("task", "sample", "scan", "--option", "length=1", "--option", "actions=40:48")[2]
    )
    assert run("task", "sample", "scan", "--option", "length")[0] == 2


def test_show_names_source_and_example(run):
    code, out, _ = run("task", "show", "scan")
    assert code == 0
    assert "Lake & Baroni" in out
    assert "I_WALK" in out


def test_problems_are_written_with_their_steps_and_an_audit_judges_wholes_by_them(run, tmp_path):
    """A student who knows every step and gets a third of the wholes wrong has a gap of a third."""
    path = tmp_path / "w.parquet"
    sampled = ("task", "sample", "word-problems", "--n", "300", "--option", "steps=2:3", "--parts")
    assert run(*sampled, "--output", path)[0] == 0
    table = pl.read_parquet(path)
    whole = pl.col("parent").is_null()
    assert table.filter(whole).height == 300
    assert set(table["parent"].drop_nulls()) == set(table.filter(whole)["item"])
    number = pl.int_range(pl.len())
    answers = table.with_columns(
        model=pl.lit("student"), score=pl.when(whole & (number % 3 == 0)).then(0.0).otherwise(1.0)
    )
    answers.write_parquet(path)
    code, out, _ = run("audit", path, "--format", "json")
    gap = next(f for f in json.loads(out)["findings"] if f["code"] == "U301")
    share = answers.filter(whole)["score"].mean()
    assert code in (0, 1)
    assert gap["estimate"]["value"] == pytest.approx(1 - share)
    lines = [json.loads(line) for line in run(*sampled)[1].splitlines()]
    assert {line["parent"] for line in lines[1:3]} == {lines[0]["item"]}


def test_planning_problems_are_written_as_files_of_pddl(run, tmp_path):
    code, out, _ = run("task", "sample", "ferry", "--n", "3", "--pddl", tmp_path / "pddl")
    items = [json.loads(line)["item"] for line in out.splitlines()]
    assert code == 0
    assert {p.name for p in (tmp_path / "pddl").iterdir()} == {
        f"{i}-{w}.pddl" for i in items for w in ("domain", "problem")
    }
    text = (tmp_path / "pddl" / f"{items[0]}-problem.pddl").read_text()
    assert text.startswith("(define (problem one)")
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize(
    ("flag", "message"), [(["--parts"], "scan has no parts"), (["--pddl", "x"], "scan is no planning task")]
)
def test_what_a_task_does_not_have_is_refused(run, flag, message):
    code, _, err = run("task", "sample", "scan", *flag)
    assert code == 2
    assert message in " ".join(err.split())


def test_games_are_played_counted_and_written_as_a_table_that_an_audit_reads(run, tmp_path):
    path = tmp_path / "games.parquet"
    code, out, _ = run("task", "play", "tic-tac-toe", "--model", "random", "--games", "30", "--output", path)
    assert code == 0
    rows = [line.split() for line in out.splitlines()[2:]]
    assert [row[:3] for row in rows] == [[o, s, "15"] for o in ("random", "minimax") for s in ("first", "second")]
    table = pl.read_parquet(path)
    assert [int(row[3]) for row in rows] == [
        table.filter(against=row[0], side=row[1], prediction="win").height for row in rows
    ]
    code, out, _ = run("audit", path, "--unseen", "against == 'minimax'", "--format", "json")
    found = next(f for f in json.loads(out)["findings"] if f["code"] == "U101")
    assert found["estimate"]["value"] > 0.2
    counts = json.loads(run("task", "play", "battleship", "--model", "best", "--games", "4", "--format", "json")[1])
    assert all(row["legal_moves"] == row["best_moves"] == 1 for row in counts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chess", "--model", "random"], "no game 'chess'"),
        (["battleship", "--model", "random", "--opponent", "minimax"], "it has random and map"),
        (["battleship", "--model", "random", "--score", "wins"], "not one of outcome, legal, best"),
        (["battleship", "--model", "random", "--output", "x.txt"], ".parquet or .csv"),
    ],
)
def test_games_that_can_not_be_played_are_refused(run, arguments, message):
    code, _, err = run("task", "play", *arguments)
    assert code == 2
    assert message in " ".join(err.split())


def test_tasks_of_big_bench_are_shown_and_sampled_by_their_path(run, tmp_path):
    examples = [{"input": f"{i} + 1 =", "target_scores": {str(i + 1): 1, str(i): 0}} for i in range(9)]
    (tmp_path / "task.json").write_text(json.dumps({"keywords": ["arithmetic"], "examples": examples}))
    code, out, _ = run("task", "show", f"bigbench:{tmp_path}")
    assert code == 0
    assert "9 multiple-choice items of 1 tasks of BIG-bench" in out
    code, out, _ = run("task", "sample", f"bigbench:{tmp_path / 'task.json'}", "--n", "9")
    assert code == 0
    for line in map(json.loads, out.splitlines()):
        question, *options = line["input"].split("\n")
        assert f"{line['target']}. {int(question.split()[0]) + 1}" in options


@pytest.mark.parametrize("chats", [True, False])
def test_a_language_model_plays_by_what_it_is_asked(run, monkeypatch, chats):
    """A model that names the first free cell of the drawing plays all games to their end."""
    from unseen.learners.language.base import Answer, Completion

    class Model:
        def __init__(self):
            self.chats = chats

        def generate(self, prompts, settings):
            assert all(isinstance(p, str) != chats for p in prompts)
            assert settings.max_tokens == 12
            return [Answer((Completion(free(p if isinstance(p, str) else p[-1]["content"])),)) for p in prompts]

    def free(text):
        rows = [line.split() for line in text.split("\n") if len(line) == 5 and set(line) <= set("XO. ")]
        return next(f" {'abc'[x]}{3 - y}.\n" for y, row in enumerate(rows) for x, mark in enumerate(row) if mark == ".")

    monkeypatch.setattr("unseen.cli.models.opened", lambda name, **settings: Model())
    code, out, _ = run("task", "play", "tic-tac-toe", "--model", "some/model", "--games", "8", "--format", "json")
    assert code == 0
    for row in json.loads(out):
        assert row["win"] + row["draw"] + row["loss"] == row["games"] == 4
        assert row["legal_moves"] == 1
