"""Tasks from the command line."""

import json

import polars as pl


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
