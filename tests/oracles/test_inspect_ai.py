"""Logs and scorers of Inspect, by Inspect itself where it is installed (extra ``inspect``)."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

inspect_ai = pytest.importorskip("inspect_ai")

from unseen.learners.questions.logged_scorers import reader_of  # noqa: E402
from unseen.probing import Probing, planned, probe  # noqa: E402
from unseen.probing.inspect_log import name_of, written  # noqa: E402

TEXTS = (
    "ANSWER: B", "ANSWER: B.", "answer: b", "**ANSWER: B**", "I think A.\nANSWER: A\nANSWER: C", "ANSWER: (B)", "B", "ANSWER: Z",
    "ANSWER:  $B$", "ANSWER: **D**", "ANSWER: A, B", "The answer is 42.", "42", "It costs $1,300.50", "1300.5 euro", "forty-two",
    "", "  ", "Paris.", "the Paris", "It is 42 or 43!", "(42)", "PARIS", "ANSWER: Paris\n", "ANSWER: 42%", "-42", "4 2",
)  # fmt: skip
TARGETS = ("B", "42", "1300.5", "Paris", "C")


def theirs(made, text, target, options):
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import Target
    from inspect_ai.solver import TaskState
    from inspect_ai.solver._multiple_choice import parse_answers, set_choices_based_on_generated_response

    state = TaskState(
        model="mockllm/model", sample_id=1, epoch=1, input="?", messages=[], choices=list("wxyz") if options else None,
        output=ModelOutput.from_content("mockllm/model", text),
    )  # fmt: skip
    if options:
        set_choices_based_on_generated_response(state, parse_answers(state, multiple_correct=False))
    value = asyncio.run(made(state, Target(target))).value
    return 1.0 if value == "C" else 0.0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("choice", {}),
        ("includes", {}),
        ("includes", {"ignore_case": False}),
        ("exact", {}),
        *[("match", {"location": where, "numeric": n}) for where in ("begin", "end", "any", "exact") for n in (False, True)],
        ("match", {"ignore_case": False}),
        *[("answer", {"pattern": p}) for p in ("letter", "word", "line")],
        ("pattern", {"pattern": r"ANSWER: (\w+)"}),
        ("pattern", {"pattern": r"(\d+) or (\d+)", "ignore_case": False}),
    ],
)  # fmt: skip
def test_a_scorer_that_a_log_names_scores_as_inspect_does(name, settings):
    made = getattr(inspect_ai.scorer, name)(**settings)
    _, read = reader_of({"tool": "inspect", "metric": name, **settings})
    wrong = [
        (text, target, theirs(made, text, target, name == "choice"))
        for text, target in itertools.product(TEXTS, ("B", "C") if name == "choice" else TARGETS)
        if read(text, target, 4)[1] != theirs(made, text, target, name == "choice")
    ]
    assert not wrong


def answers():
    import polars as pl

    from unseen.learners.language.base import Answer, Completion

    def generate(prompts, settings, *, draws=None, done=None):
        return [Answer((Completion("B" if "1" in str(p) else "Ä, „A“"),)) for p in prompts]

    rows = [
        {"item": f"i/{i}", "question": f"What comes after {i}?\nA. {i}\nB. {i + 1}", "target": "B", "steps": i % 3}
        for i in range(12)
    ]
    model = SimpleNamespace(name="some/model", identity={}, generate=generate, chats=True)
    return probe(planned(pl.DataFrame(rows), Probing(variants=("order", "typos"))), model).table


def test_the_log_of_a_probe_is_read_by_inspect_and_by_us(tmp_path):
    from datetime import UTC, datetime

    import polars as pl
    from inspect_ai.analysis import samples_df
    from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries

    from unseen.responses.reading import read

    table = answers()
    path = tmp_path / name_of("some/model", datetime.now(UTC))
    path.write_bytes(written(table, {"variants": ["order", "typos"], "max_tokens": 8}))
    log = read_eval_log(str(path))
    assert (log.status, log.eval.model, len(log.samples)) == ("success", "some/model", table.height)
    assert log.results.scores[0].metrics["accuracy"].value == pytest.approx(table["score"].mean())
    by_name = {row["item"]: row for row in table.iter_rows(named=True)}
    for sample in log.samples:
        row = by_name[sample.id]
        assert sample.output.completion == row["raw_answer"]
        assert sample.scores["unseen"].value == ("C" if row["score"] else "I")
        assert sample.metadata["variant"] == row["variant"]
        assert sample.messages[-1].content == row["raw_answer"]
    # What the viewer asks for: the listing, the summaries and one sample at a time.
    assert [info.task for info in list_eval_logs(str(tmp_path))] == ["unseen-probe"]
    assert len(read_eval_log_sample_summaries(str(path))) == table.height
    assert read_eval_log_sample(str(path), id="i/3", epoch=1).target == "B"
    assert len(samples_df(str(path))) == table.height
    again = read([path]).table.sort("item")
    ours = table.sort("item")
    for column in ("score", "variant_of", "variant", "prediction"):
        assert again[column].cast(pl.String).to_list() == ours[column].cast(pl.String).to_list()
