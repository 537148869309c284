"""The action's own steps, run here as a workflow would; the hooks of pre-commit; the helper for pytest."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import unseen
from unseen.errors import BadInput
from unseen.testing import check

yaml = pytest.importorskip("yaml")
ROOT = Path(unseen.__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "action.yml").is_file(), reason="the action stands in the repository alone")


def table(unseen_right: float = 0.1) -> pl.DataFrame:
    n = 100
    score = [1] * n + [int(k < n * unseen_right) for k in range(n)]
    return pl.DataFrame(
        {"model": "m", "item": [f"i{k}" for k in range(2 * n)], "score": score, "hard": [0] * n + [1] * n}
    )


def action() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a runner sets, and a python that is this one."""
    (folder / "bin").mkdir(exist_ok=True)
    shim = folder / "bin" / "python"
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    shim.chmod(0o755)
    return {
        **os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"),
        "RUNNER_TEMP": str(folder / "temp"), "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), **more,
    }  # fmt: skip


def run_action(folder: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """The audit step with these inputs, then the verdict step; its exit code, what was printed, and the outputs."""
    steps = {s["id"]: s for s in action()["runs"]["steps"] if "id" in s}
    given = {name: str(spec["default"]) for name, spec in action()["inputs"].items()} | {
        k.replace("_", "-"): v for k, v in inputs.items()
    }
    env = {
        name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda m: given[m[1]], value) for name, value in steps["audit"]["env"].items()
    }  # fmt: skip
    # The runner's own flags for `shell: bash`.
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
    done = subprocess.run(
        [*bash, steps["audit"]["run"]],
        cwd=folder,
        env=environment(folder, **env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())
    verdict = subprocess.run([*bash, steps["verdict"]["run"]], env={"UNSEEN_CODE": outputs["exit-code"], "PATH": os.environ["PATH"]}, check=False)  # fmt: skip
    return verdict.returncode, done.stdout + done.stderr, outputs


def test_the_action_annotates_summarises_reports_and_fails(tmp_path: Path):
    table().write_csv(tmp_path / "log one.csv")
    code, said, outputs = run_action(
        tmp_path, sources="'log one.csv'", args="--unseen 'hard > 0' --select U101", fail_on="U1", sarif="found.sarif"
    )
    assert code == 1
    assert "::warning title=U101 seen to unseen gap%2C m::" in said
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("# ")
    assert Path(outputs["report-html"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(Path(outputs["report-json"]).read_text(encoding="utf-8"))["findings"][0]["code"] == "U101"
    assert json.loads((tmp_path / "found.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    # The report of one run is the baseline of the next.
    last = Path(outputs["report-json"]).rename(tmp_path / "last-week.json")
    code, said, _ = run_action(
        tmp_path,
        sources="'log one.csv'",
        args="--unseen 'hard > 0' --select U101",
        fail_on="U705",
        baseline=str(last),
    )
    assert code == 0, said


def test_nothing_in_the_inputs_of_the_action_is_run(tmp_path: Path):
    table().write_csv(tmp_path / "log.csv")
    code, _, _ = run_action(
        tmp_path, sources="log.csv $(touch owned) `touch owned`", args="; touch owned", fail_on='"; touch owned; "'
    )
    assert code == 2
    assert not (tmp_path / "owned").exists()


def test_the_action_states_its_steps_and_scripts_hold_no_input():
    made = action()
    assert made["runs"]["using"] == "composite"
    for step in made["runs"]["steps"]:
        assert "uses" in step or step["shell"] == "bash"
        assert "${{" not in step.get("run", ""), "an input inside a script would be run"
    asked = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert asked == set(made["inputs"])


def test_the_install_step_installs_what_it_is_given(tmp_path: Path):
    env = environment(tmp_path, UNSEEN_INSTALL="/path with/space")
    (tmp_path / "bin" / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > asked\n')
    [step] = [s for s in action()["runs"]["steps"] if s.get("id") == "install"]
    subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "/path with/space"


def test_the_hook_runs_by_the_configuration_and_fails_where_it_says(tmp_path: Path):
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    assert re.search(hook["files"], "runs/samples_x.jsonl")
    assert not re.search(hook["files"], "README.md")
    table().write_csv(tmp_path / "log.csv")
    config = '[tool.unseen]\nsources = ["log.csv"]\nunseen = "hard > 0"\nselect = "U101"\n'
    words = shlex.split(hook["entry"])
    assert words[0] == "unseen"
    for extra, code in (("", 0), ('fail-on = "U1"\n', 1)):
        (tmp_path / "pyproject.toml").write_text(config + extra)
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert len(done.stdout.splitlines()) == 1


def test_the_pytest_helper_fails_with_the_sentences_and_passes_elsewhere():
    audit = unseen.audit(table(), unseen="hard > 0", select="U101")
    check(audit, fail_on="U5")
    check(audit, fail_gap=0.95)
    with pytest.raises(
        AssertionError, match=r"1 finding that must not be there:\nU101 m: m scores 1\.00 .* Next: "
    ) as told:
        check(audit)
    assert str(told.value).count("\n") == 1
    with pytest.raises(AssertionError):
        check(audit.document, fail_on="U101")
    with pytest.raises(BadInput, match="no check begins with 'U999'"):
        check(audit, fail_on="U999")
    with pytest.raises(BadInput, match="got int"):
        check(3)
    few = unseen.audit(table(0.9).gather_every(4), unseen="hard > 0", select="U101")
    check(few, fail_on="U101")
    with pytest.raises(AssertionError, match=r"U101 m \(undecided\)"):
        check(few, fail_on="U101,undecided")


def test_a_check_that_could_not_be_judged_hides_no_finding():
    audit = unseen.audit(table(), unseen="hard > 0", select="U101,U705")
    with pytest.raises(AssertionError, match=r"1 finding .*\nU101 m: .*\nU705 could not be judged: "):
        check(audit, fail_on="U101,U705")
    with pytest.raises(AssertionError, match=r"^U705 could not be judged: "):
        check(audit, fail_on="U705")


def test_a_workflow_is_told_what_could_not_be_judged(tmp_path):
    table().write_parquet(tmp_path / "t.parquet")
    done = subprocess.run(
        [sys.executable, "-m", "unseen", "audit", "t.parquet", "--unseen", "hard > 0", "--format", "github",
         "--fail-on", "U705", "--select", "U101,U705"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")},
    )  # fmt: skip
    assert done.returncode == 1
    assert "::error title=unseen::U705 could not be judged: " in done.stdout
    assert "U705 could not be judged" in (tmp_path / "summary.md").read_text()
