"""Files of BIG-bench: items are those of the file, keys move with their options, and what is no such item is told."""

from __future__ import annotations

import io
import json
import tarfile

import polars as pl
import pytest

from unseen import tasks
from unseen.errors import BadInput
from unseen.learners.questions.items import items_of

FRUIT = {
    "name": "fruit", "description": "", "keywords": ["common sense"], "metrics": ["multiple_choice_grade"],
    "task_prefix": "Think of fruit.\n", "example_output_prefix": "\nIs that so?\nA: ",
    "examples": [
        *({"input": f"Pear number {i} is green.", "target_scores": {"Yes": i % 2, "No": 1 - i % 2, "It\ndepends": 0}} for i in range(40)),
        {"input": "Two are right.", "target_scores": {"Yes": 1, "No": 1}},
        {"input": "None is there.", "target": "a pear"},
        {"input": "One option.", "target_scores": {"Yes": 1}},
        {"input": "Same.", "target_scores": {"Yes": 1, "yes ": 0}},
        {"input": "Words.", "target_scores": {"Yes": "1", "No": 0}},
        {"input": "Many.", "target_scores": {str(i): float(i == 3) for i in range(27)}},
    ],
}  # fmt: skip
PARTS = {"name": "sums", "keywords": ["arithmetic"], "description": "", "canary": "…"}
SUM = {"keywords": ["arithmetic"], "examples": [{"input": "1 + 1", "target_scores": {"2": 0.5, "3": 0.1, "4": 0.0}}]}


@pytest.fixture
def folder(tmp_path):
    for name, content in (("fruit", FRUIT), ("sums", PARTS), ("sums/small", SUM)):
        (tmp_path / "benchmark_tasks" / name).mkdir(parents=True)
        (tmp_path / "benchmark_tasks" / name / "task.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "benchmark_tasks" / "fruit" / "README.md").write_text("not a task")
    return tmp_path / "benchmark_tasks"


@pytest.fixture
def archive(folder, tmp_path):
    path = tmp_path / "bigbench.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        made.add(folder, "bigbench-1.0.0/bigbench/benchmark_tasks")
        evil = tarfile.TarInfo("../../evil/task.json")
        evil.size = 2
        made.addfile(evil, io.BytesIO(b"{}"))
    return path


def test_items_are_those_of_the_file_and_the_key_moves_with_its_option(folder):
    task = tasks.load(f"bigbench:{folder / 'fruit' / 'task.json'}")
    assert task.size == 40
    assert dict(task.left) == {
        "no single best option": 1, "no options": 1, "fewer than two options": 1, "options that are empty or the same": 1,
        "scores that are no numbers": 1, "more than 26 options": 1,
    }  # fmt: skip
    places = set()
    for i in range(40):
        e = task.at(i)
        question, *lines = str(e.input).rsplit("\n", 3)
        assert question == f"Think of fruit.\nPear number {i} is green.\nIs that so?"
        shown = dict(line.split(". ") for line in lines)
        assert sorted(shown.values()) == ["It depends", "No", "Yes"]
        assert shown[str(e.target)] == ("Yes" if i % 2 else "No")
        right = shown[str(e.target)]
        for said in (e.target, f"({e.target})", f"{str(e.target).lower()}.", right, right.upper()):
            assert task.verify(e, said) == 1.0
        for said in (
            "It depends",
            *(k for k in shown if k != e.target),
            f"{e.target} {right}",
            "",
            None,
            f"Not {right}",
        ):
            assert task.verify(e, said) == 0.0
        places.add(e.target)
    assert places == {"A", "B", "C"}


def test_a_folder_an_archive_and_a_file_hold_the_same_items(folder, archive):
    by_folder, by_archive = tasks.load(f"bigbench:{folder}"), tasks.load(f"bigbench:{archive}")
    assert [by_folder.at(i) for i in range(41)] == [by_archive.at(i) for i in range(41)]
    assert by_folder.size == by_archive.size == 41
    assert by_folder.at(40).factors["task"] == "sums/small"
    assert by_folder.at(40).factors["family"] == "sums"
    one = tasks.load(f"bigbench:{archive}", tasks="sums")
    assert (one.size, one.at(0)) == (1, by_folder.at(40))
    assert not list(folder.parents[2].rglob("evil"))
    alone = tasks.load(f"bigbench:{folder / 'fruit'}")
    assert [alone.at(i) for i in range(40)] == [by_folder.at(i) for i in range(40)]


def test_a_sample_is_asked_by_probe_and_improve_with_its_options(folder):
    task = tasks.load(f"bigbench:{folder}")
    table = task.sample(41).table
    assert table["item"].n_unique() == 41
    items, left = items_of(table.rename({"input": "question"}))
    assert not left
    for item, row in zip(items, table.iter_rows(named=True), strict=True):
        assert item.options[ord(row["target"]) - ord("A")] == item.target
    assert task.sample(3, choices=(3, 3)).table["choices"].to_list() == [3, 3, 3]
    assert isinstance(table, pl.DataFrame)


@pytest.mark.parametrize(
    ("make", "tasks_named", "message"),
    [
        (lambda p: p / "nowhere", (), "no such file or folder"),
        (lambda p: p, ("fruits",), "has no task 'fruits' .did you mean 'fruit'"),
        (lambda p: p, ("fruit", "suns"), "no task 'suns'.*did you mean 'sums'"),
        (lambda p: p / "sums" / "task.json", (), "no task.json with examples"),
        (lambda p: p / "fruit" / "README.md", (), "is no JSON"),
    ],
)
def test_what_can_not_be_read_is_told(folder, make, tasks_named, message):
    with pytest.raises(BadInput, match=message):
        tasks.load(f"bigbench:{make(folder)}", tasks=tasks_named)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "7",
        '{"examples": [1, null, {"input": 3}]}',
        '{"examples": [{"target_scores": {"a": NaN, "b": 1}, "input": "x"}]}',
    ],
)
def test_odd_files_give_no_item_and_no_traceback(tmp_path, content):
    (tmp_path / "task.json").write_text(content)
    with pytest.raises(BadInput, match=r"holds no object|no multiple-choice item"):
        tasks.load(f"bigbench:{tmp_path / 'task.json'}")


def test_a_cut_archive_is_told(archive, tmp_path):
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"can't be read as an archive|is no JSON"):
        tasks.load(f"bigbench:{cut}")
