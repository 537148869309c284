"""A pilot that Inspect ran: its log at hand, as an object, plans what its file plans."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import unseen
from unseen.responses.readers.inspect_log import is_log

FIXTURE = Path(__file__).parents[1] / "fixtures" / "inspect" / "two.json"


class Loose(BaseModel, extra="allow"):
    pass


class EvalLog(BaseModel):
    """What we use of Inspect's class: its name, its module, and these fields."""

    eval: Loose
    samples: list[Loose] | None
    status: str = "success"
    location: str = ""


EvalLog.__module__ = "inspect_ai.log._log"


def enlarged(path: Path, items: int = 120) -> dict[str, Any]:
    """The log of the fixture with many more samples: a third of them of three digits, solved half as often."""
    raw = json.loads(FIXTURE.read_text(encoding="utf-8"))
    rng, one = np.random.default_rng(0), raw["samples"][0]
    raw["samples"] = []
    for i in range(items):
        digits = 1 + i % 3
        value = "C" if rng.uniform() < (0.4 if digits == 3 else 0.8) else "I"
        score = {"match": {"value": value, "answer": "x", "explanation": "x"}}
        new = {
            "id": i + 1,
            "epoch": 1,
            "uuid": f"u{i}",
            "metadata": {"digits": digits, "author": f"a{i // 2}"},
            "scores": score,
        }
        raw["samples"].append({**one, **new})
    path.write_text(json.dumps(raw), encoding="utf-8")
    return raw


def test_a_log_at_hand_plans_what_its_file_plans(tmp_path):
    path = tmp_path / "pilot.json"
    raw = enlarged(path)
    log = EvalLog(eval=raw["eval"], samples=raw["samples"])
    assert is_log(log)
    asked: dict[str, Any] = {"unseen": "digits > 2", "cluster": "author", "select": "U101", "models": 3}
    plans = [unseen.plan(pilot, **asked) for pilot in (log, [log], path)]
    first, *others = [p.document["questions"] for p in plans]
    assert all(other == first for other in others)
    numbers = {row["name"]: row["value"] for row in plans[0].document["basis"]}
    assert numbers["items of each model"] == 120
    assert numbers["clusters"] == 60
    assert numbers["unseen share"] == pytest.approx(1 / 3)


# Warnings of Inspect about its own libraries are none of ours.
@pytest.mark.filterwarnings("ignore")
def test_a_log_that_inspect_ran_plans_what_its_file_plans(tmp_path, monkeypatch):
    """With Inspect itself, where it is installed: a task is run by its mock model and the returned ``EvalLog`` is the pilot."""
    pytest.importorskip("inspect_ai")
    monkeypatch.setenv("INSPECT_DISPLAY", "none")
    from inspect_ai import Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    rng = np.random.default_rng(0)
    samples = [
        Sample(id=i + 1, input=f"{i}?", target=str(i % 7), metadata={"digits": 1 + i % 3, "author": f"a{i // 2}"})
        for i in range(60)
    ]
    outputs = [
        ModelOutput.from_content("mockllm/model", str(i % 7) if rng.uniform() < (0.4 if i % 3 == 2 else 0.8) else "x")
        for i in range(60)
    ]
    for output in outputs:
        # Else Inspect counts tokens, for which it loads a table from the network.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    task = Task(name="sums", dataset=MemoryDataset(samples, name="sums"), solver=generate(), scorer=match())
    (log,) = eval(task, model=get_model("mockllm/model", custom_outputs=outputs), log_dir=str(tmp_path), max_samples=1)
    assert log.status == "success", log.error
    asked: dict[str, Any] = {"unseen": "digits > 2", "cluster": "author", "select": "U101", "models": 3}
    at_hand, from_file = (unseen.plan(pilot, **asked) for pilot in (log, log.location))
    assert at_hand.document["questions"] == from_file.document["questions"]
    assert "inspect_ai" in sys.modules
